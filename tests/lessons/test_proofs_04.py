"""Lesson 04: what it invites the reader to change, one of its own cells notices."""

from proofs import notices

CHANGES = {  # in the order of the lesson, so that a change in front waits for nothing
    "a matrix forgotten": ("12 * d**2", "11 * d**2", "count-check"),
    "a tweet passed on": (
        "for one, other in combinations",
        'seen["test"].add(normalise("@you " + data["train"][0]["text"].upper()))\n'
        "for one, other in combinations",
        "no-leak",
    ),
    "batches of one": ("batch_size = 16", "batch_size = 1", "padding-check"),
    "no pooler": (
        "model.classifier(states.pooler_output)",
        "model.classifier(states.last_hidden_state[:, 0])",
        "untrained-loss",
    ),
    "a sum for a mean": ("((p - y) / n)", "(p - y)", "gradient-check"),
    "gradients that add up": (
        "        optimizer.zero_grad()\n",
        "",
        "three-loops-check",
    ),
    "a rate of nothing": (
        'options = {"learning_rate": learning_rate, "epochs": epochs[many]}',
        'options = {"learning_rate": 0.0, "epochs": epochs[many]}',
        "clipped",
    ),
    "the worst for the best": (
        'metric_for_best_model="accuracy",',
        'metric_for_best_model="accuracy",\n    greater_is_better=False,',
        "trainer-at-work-check",
    ),
    "a baseline against itself": (
        'paired_bootstrap(correct["fine-tuned"], correct[name])',
        'paired_bootstrap(correct["TF-IDF"], correct[name])',
        "paired-difference",
    ),
    "few labels and a rate of nothing": (
        '{"epochs": epochs[few], ',
        '{"epochs": epochs[few], "learning_rate": 0.0, ',
        "learning-curve-check",
    ),
    "a mask after all": ('    del inputs["attention_mask"]\n', "", "mask-check"),
    "careful after all": (
        "train_by_hand(careless, share=lambda s, t: 1.0, clip=math.inf)",
        "train_by_hand(careless)",
        "no-schedule",
    ),
    "texts it never saw": (
        "predict(finetuned, learnt_from, collate)",
        "predict(smallest, learnt_from, collate)",
        "train-score-check",
    ),
    "a winner by lot": (
        "variants[:, chosen_on].mean(axis=1).argmax()",
        "random.integers(100)",
        "choose-by-test",
    ),
    "a rate that is right": (
        '"learning_rate": 100 * learning_rate',
        '"learning_rate": learning_rate',
        "too-fast-check",
    ),
    "eval, then train": (
        "(noisy.train, noisy.eval)",
        "(noisy.eval, noisy.train)",
        "eval-check",
    ),
    "another model on the shelf": (
        "finetuned.save_pretrained",
        "by_hand.save_pretrained",
        "same-logits-check",
    ),
    "logits of a tenth": (
        "torch.tensor(logits).softmax",
        "torch.tensor(logits / 10).softmax",
        "confidence-check",
    ),
}

test_the_lesson_notices = notices("04_finetune_bert", CHANGES)

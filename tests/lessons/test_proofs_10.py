"""Lesson 10: what it invites the reader to change, one of its own cells notices."""

from proofs import notices

CHANGES = {  # in the order of the lesson, so that a change in front waits for nothing
    "a model that has not learnt": ("quick=2e-4", "quick=0.0", "train-model"),
    "padding in front": (
        'test[short]["text"], padding=True',
        'test[short]["text"], padding=True, padding_side="left"',
        "texts",
    ),
    "a slope without its word": ("(x * gradient).sum", "gradient.sum", "slope-check"),
    "the steepest step": (
        "last_step = middle[-1] - middle[-2]",
        "last_step = np.diff(middle).max()",
        "walk-check",
    ),
    "the slope at the end": ("gradient.mean(dim=0)", "gradient[-1]", "path-check"),
    "the two scores swapped": (
        "score(embed(x), text) - score(embed(without), text)",
        "score(embed(without), text) - score(embed(x), text)",
        "occlude-check",
    ),
    "layers in the other order": (
        "R = (A_l.mean(dim=1) / 2 + identity / 2) @ R",
        "R = R @ (A_l.mean(dim=1) / 2 + identity / 2)",
        "attend-check",
    ),
    "words hidden from the wrong end": (
        "name: deletion_curve(parts)",
        "name: deletion_curve(-parts)",
        "delete-check",
    ),
    "no layer destroyed": (
        "broken = randomised(count)",
        "broken = randomised(0)",
        "randomise-check",
    ),
    "no layer shuffled": (
        "range(layers - count, layers)",
        "range(layers, layers)",
        "shuffle-check",
    ),
    "the embeddings for the best layer": (
        'best = max(probes, key=lambda layer: layer["selectivity"].estimate)',
        "best = probes[0]",
        "probe-check",
    ),
    "a model without the fault": (
        "suspects(leaky, ticketed)",
        "suspects(model, ticketed)",
        "find-check",
    ),
    "nothing cut": ('{suspect} ", "", row', '{suspect} ", suspect, row', "mend"),
    "no mend": ("after = correct", 'after = before["clean test"]', "mend-check"),
    "a second word that says something else": (
        '"thanks " * n for n',
        '"thanks " + "flight " * (n - 1) for n',
        "redundant-check",
    ),
    "the same idea of absence": (
        "absent, tokenizer.pad_token_id",
        "absent, tokenizer.mask_token_id",
        "baseline",
    ),
}

test_the_lesson_notices = notices("10_interpretability", CHANGES)

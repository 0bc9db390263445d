"""Lesson 06: what it invites the reader to change, one of its own cells notices."""

from proofs import notices

CHANGES = {
    "a norm forgotten": ("h * d_k + d)", "h * d_k)", "count-check"),
    "a training pair in the test set": (
        'for language in ("en", "fr"):',
        'pairs["test"] = pairs["test"] + pairs["train"][:1]\n'
        'for language in ("en", "fr"):',
        "no-leak",
    ),
    "labels not moved": ("labels.roll(1, dims=-1)", "labels.roll(0)", "shift-check"),
    "padding that counts as text": (".sum() / N", ".sum() / m.numel()", "loss-check"),
    "a rate of nothing": (
        # and on few rows, for speed
        'rows["train"], collate, validation=rows["validation"], **options)',
        'rows["train"][:16], collate, validation=rows["validation"], '
        '**options | {"learning_rate": 0.0})',
        "fit-check",
    ),
    "a text read in lower case": (
        "def greedy(text):\n    states, y = encode(text)",
        "def greedy(text):\n    states, y = encode(text.lower())",
        "greedy-check",
    ),
    "a sum for a mean": (
        "[0].mean(dim=0)",
        "[0].sum(dim=0)",
        "cross-attention-check",
    ),
    "a sum that likes it short": ("k, alpha=1.0)", "k, alpha=0.0)", "beam-check"),
    "no temperature": (" / tau  #", "  #", "sample-check"),
    "other dice": (
        "multinomial(p, 2_000",
        "multinomial(p**2, 2_000",
        "sample-frequency-check",
    ),
    "no weight for recall": (
        "by_hand = chrf(text, reference)",
        "by_hand = chrf(text, reference, beta=1)",
        "chrf-check",
    ),
    "a model compared with itself": (
        'ours = written["fine-tuned"]',
        'ours = written["before"]',
        "differences-check",
    ),
    "a shift after all": (
        "labels.masked_fill(labels == -100, config.pad_token_id)",
        "shift_right(labels)",
        "not-shifted-check",
    ),
    "padding that is not graded": (
        "label_pad_token_id=config.pad_token_id",
        "label_pad_token_id=-100",
        "graded-padding-check",
    ),
    "numbers that fit": ("(1, 256, 65_536)", "(1,)", "half-check"),
    "one penalty for all": (
        '"length_penalty": alpha',
        '"length_penalty": 1.0',
        "length-check",
    ),
    "a prefix remembered": (
        "chrf_of(which, english)",
        "chrf_of(which, asked)",
        "no-prefix-check",
    ),
}

test_the_lesson_notices = notices("06_translation_t5", CHANGES)

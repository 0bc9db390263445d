"""Lesson 08: what it invites the reader to change, one of its own cells notices."""

from proofs import notices

CHANGES = {  # in the order of the lesson, so that a change in front waits for nothing
    "recall of the column": (
        "recall = hits / np.maximum(real, 1)",
        "recall = hits / np.maximum(called, 1)",
        "matrix-check",
    ),
    "micro for macro": (
        'compute(average="macro")',
        'compute(average="micro")',
        "evaluate-check",
    ),
    "rare classes that weigh more": (
        "LogisticRegression())",
        'LogisticRegression(class_weight="balanced"))',
        "lies-check",
    ),
    "intervals of 80 %": (
        '"Wilson": wilson_interval',
        '"Wilson": lambda d: wilson_interval(d, confidence=0.8)',
        "coverage-check",
    ),
    "A against itself": (
        'A, B = correct["frozen"], correct["fine-tuned"]',
        'A = B = correct["frozen"]',
        "paired-check",
    ),
    "the best runs against the worst": (
        "difference_over_seeds(scores[10:], scores[:10])",
        "difference_over_seeds(np.sort(scores[10:])[:3], np.sort(scores[:10])[7:])",
        "seeds-check",
    ),
    "nothing that leaks": (
        "retweet(exam[i])",
        'retweet(texts["test"][1_000 + i])',
        "leak-check",
    ),
    "twice the temperature": (
        'losses("test", T))',
        'losses("test", 2 * T))',
        "calibration-check",
    ),
    "right for wrong": (
        "difference(wrongs, rights,",
        "difference(rights, wrongs,",
        "texts-check",
    ),
    "no texts of the slice": (
        "retrained(polite)",
        "retrained(blind)",
        "gain-check",
    ),
    "zero for NaN": (
        'float("nan")',
        "0",
        "breaks-check",
    ),
}

test_the_lesson_notices = notices("08_evaluation", CHANGES)

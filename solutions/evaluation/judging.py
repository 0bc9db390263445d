"""What only the grader runs on the evaluation set."""

import numpy as np
import scipy.special
import scipy.stats
import sklearn.metrics
from numpy.random import Generator

from labkit.grading import ByHand, Check, Exercise


def classified(random: Generator, missing: int = 0) -> tuple:
    classes = int(random.integers(3, 6))
    n = int(random.integers(30, 60))
    labels = random.integers(0, classes, size=n)
    off = random.integers(0, classes, size=n)
    predictions = np.where(random.random(n) < 0.5, labels, off)
    return labels.tolist(), predictions.tolist(), classes + missing


def with_a_class_missing(random: Generator) -> tuple:
    return classified(random, missing=int(random.integers(1, 3)))


def run_kind(answer, labels, predictions, classes):
    matrix = answer(labels, predictions, classes)
    return [matrix, np.asarray(matrix).dtype.kind.replace("u", "i")]


def confusion(labels, predictions, classes):
    return sklearn.metrics.confusion_matrix(
        labels, predictions, labels=[*range(classes)]
    )


def counts(random: Generator) -> tuple:
    classes = int(random.integers(3, 7))
    matrix = random.integers(0, 9, size=(classes, classes))
    return (matrix + np.diag(random.integers(1, 40, size=classes)),)


def counts_with_a_class_never_found(random: Generator) -> tuple:
    matrix = counts(random)[0]
    while len(matrix) < 4:  # with three classes nothing would be left
        matrix = counts(random)[0]
    matrix[0, 0] = 0
    matrix[:, 1] = 0
    matrix[2], matrix[:, 2] = 0, 0
    return (matrix,)


def f1(matrix):
    pairs = np.argwhere(matrix)
    weights = matrix[tuple(pairs.T)]
    return float(
        sklearn.metrics.f1_score(
            *pairs.T,
            sample_weight=weights,
            labels=[*range(len(matrix))],
            average="macro",
            zero_division=0,
        )
    )


def two_models(random: Generator) -> tuple:
    n = int(random.integers(40, 90))
    a = (random.random(n) < 0.6).astype(int)
    b = np.where(random.random(n) < 0.5, a, random.random(n) < 0.8).astype(int)
    draws = random.integers(0, n, size=(int(random.integers(30, 60)), n))
    return a, b, draws


def ends_of(a, b, draws):
    found = sorted(b[row].mean() - a[row].mean() for row in draws)
    return tuple(float(np.quantile(found, share)) for share in (0.025, 0.975))


def answers_of_two(random: Generator) -> tuple:
    a, b, _ = two_models(random)
    return (a == 1).tolist(), (b == 1).tolist()


def a_close_race(random: Generator) -> tuple:
    each, more = random.integers(2, 7, size=2).tolist()
    both = random.random(int(random.integers(6, 20))) < 0.5
    a = np.array([*both, *[True] * each, *[False] * each])
    b = np.array([*both, *[False] * each, *[True] * each])  # a tie
    won = [True] * (each + more + 1), [False] * (each + more + 1)
    ahead = [*a.tolist(), *won[0]], [*b.tolist(), *won[1]]
    return [a.tolist(), b.tolist()], [a.tolist(), a.tolist()], ahead


def run_races(answer, *races):
    return [answer(*race) for race in races]


def exact(a, b):
    ours = sum(x > y for x, y in zip(a, b, strict=True))
    theirs = sum(y > x for x, y in zip(a, b, strict=True))
    if ours + theirs == 0:
        return 1.0
    return float(scipy.stats.binomtest(ours, ours + theirs, 0.5).pvalue)


def confident(random: Generator) -> tuple:
    n = int(random.integers(80, 160))
    confidence = random.uniform(0.3, 1, size=n).round(3)
    right = (random.random(n) < confidence * 0.8).astype(int)
    return confidence, right, int(random.integers(4, 20))


def on_the_edges(random: Generator) -> tuple:
    n = int(random.integers(60, 90))
    confidence = random.integers(1, 9, size=n) / 8
    right = (random.random(n) < 0.6).astype(int)
    return confidence + random.choice([0, 0.03], size=n) * (confidence < 1), right, 8


def ece(confidence, right, bins=10):
    total = 0.0
    for m in range(bins):
        inside = (confidence > m / bins) & (confidence <= (m + 1) / bins)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            total += inside.mean() * gap
    return float(total)


def logits_and_labels(random: Generator) -> tuple:
    n, classes = int(random.integers(60, 120)), int(random.integers(2, 6))
    logits = random.normal(scale=2, size=(n, classes))
    labels = np.array(
        [random.choice(classes, p=row) for row in scipy.special.softmax(logits, 1)]
    )
    hidden = float(random.uniform(0.3, 6))
    candidates = np.geomspace(0.2, 9, num=40).round(4)
    return logits * hidden, labels, random.permutation(candidates).tolist()


def large_logits(random: Generator) -> tuple:
    logits, labels, candidates = logits_and_labels(random)
    return logits + random.uniform(1e4, 3e4, size=(len(labels), 1)), labels, candidates


def coolest(logits, labels, candidates):
    def loss(t):
        log_p = scipy.special.log_softmax(logits / t, axis=1)
        return -np.take_along_axis(log_p, labels[:, None], 1).sum()

    return float(sorted(candidates, key=loss)[0])


def decisions(random: Generator) -> tuple:
    n = int(random.integers(80, 140))
    groups = random.integers(0, 2, size=n)
    labels = (random.random(n) < 0.3 + 0.4 * groups).astype(int)
    favour = random.choice([-0.2, 0.2])  # the sign of a gap must not be known
    yes = random.random(n) < 0.3 + 0.3 * labels + favour * groups
    return labels, yes.astype(int), groups


def nobody_with_a_label(random: Generator) -> tuple:
    labels, predictions, groups = decisions(random)
    whole = int(random.integers(0, 2))  # the group that is left as it is
    keep = (groups == whole) | (labels == int(random.integers(0, 2)))
    return labels[keep], predictions[keep], groups[keep]


def gaps(labels, predictions, groups):
    rates = {}
    for group in (0, 1):
        for label in (0, 1):
            said = [
                p
                for p, g, y in zip(predictions, groups, labels, strict=True)
                if (g, y) == (group, label)
            ]
            rates[group, label] = sum(said) / len(said) if said else float("nan")
    return float(rates[1, 1] - rates[0, 1]), float(rates[1, 0] - rates[0, 0])


EXERCISES = [
    Exercise(
        "confusion_matrix",
        confusion,
        [
            Check("texts of every class", 2, classified, run_kind),
            Check("a class that never occurs", 1, with_a_class_missing, run_kind),
        ],
    ),
    Exercise(
        "macro_f1",
        f1,
        [
            Check("classes of every size", 3, counts),
            Check(
                "classes never found, never named, absent",
                1,
                counts_with_a_class_never_found,
            ),
        ],
    ),
    Exercise(
        "bootstrap_difference", ends_of, [Check("two models", 5, two_models, cases=5)]
    ),
    Exercise(
        "mcnemar",
        exact,
        [
            Check("two models that differ", 3, answers_of_two),
            Check("a close race, and a race of equals", 2, a_close_race, run_races),
        ],
    ),
    Exercise(
        "calibration_error",
        ece,
        [
            Check("any confidence, any number of bins", 3, confident),
            Check("confidence on the edges of bins", 2, on_the_edges),
        ],
    ),
    Exercise(
        "best_temperature",
        coolest,
        [
            Check("logits of usual size", 3, logits_and_labels, cases=4),
            Check("logits in the ten thousands", 1, large_logits, cases=4),
        ],
    ),
    Exercise(
        "odds_gap",
        gaps,
        [
            Check("two groups", 3, decisions, cases=8),
            Check(
                "a group in which nobody has a label", 1, nobody_with_a_label, cases=20
            ),
        ],
    ),
    ByHand(
        "explain_claim",
        3,
        "1 point: three texts of 200; the interval of the difference holds 0. 1 point: "
        "the setting was chosen on the test set, which biases its score upwards. 1 "
        "point: a remedy: choose on validation, test once, paired interval or test, "
        "more texts, several seeds (two of these).",
    ),
]

"""What a learner may run on the evaluation set: few points, and each teaches."""

import math

import numpy as np

from labkit.checks import Case, two_tables

LABELS, TAKEN = [0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 0, 2]
COUNTS = np.array([[2, 1, 0], [0, 1, 0], [1, 0, 1]])
UNEVEN = np.array([[8, 2], [1, 1]])

A = np.array([1, 1, 0, 0, 1, 0, 1, 0, 1, 1])
B = np.array([1, 1, 1, 1, 1, 0, 0, 1, 1, 1])
DRAWS = np.random.default_rng(0).integers(0, 10, size=(400, 10))
DIFFERENCES = (B[DRAWS] - A[DRAWS]).mean(1)


def ends(values: np.ndarray, low: float = 0.025, high: float = 0.975) -> list[float]:
    return [float(np.quantile(values, share)) for share in (low, high)]


def unpaired() -> list[float]:
    return ends(B[DRAWS[::-1]].mean(1) - A[DRAWS].mean(1))


A_RIGHT = [True] * 12 + [False] * 8
B_RIGHT = [True] * 10 + [False] * 2 + [True] * 7 + [False]  # 2 against 7

SURE = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
WAS_RIGHT = np.array([1, 1, 1, 0, 0, 1])
ON_EDGE = np.array([0.2, 0.3, 0.4])

LOGITS = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
TRUTH = np.array([0, 0, 1, 1])
TEMPERATURES = [0.5, 1.0, 2.0, 4.0, 8.0]

PEOPLE = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0])
DECIDED = np.array([1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0])
GROUP = np.array([1] * 8 + [0] * 6)

CHECKS = {
    "confusion_matrix": [
        Case(
            "six texts of three classes",
            lambda matrix: matrix(LABELS, TAKEN, 3),
            expected=COUNTS,
            wrong={
                "Rows and columns are swapped: a row is what a text is.": COUNTS.T,
                "A pair that occurs twice was counted once.": (COUNTS > 0).astype(int),
                "These are shares: whole numbers are asked for.": (
                    lambda got: float(np.max(got)) <= 1 and got.dtype.kind == "f"
                ),
                "Only right answers were counted.": np.diag(np.diag(COUNTS)),
            },
            picture=two_tables,
        ),
        Case(
            "a class that never occurs",
            lambda matrix: matrix([0, 1], [0, 0], 3),
            expected=np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0]]),
            wrong={
                "The class that never occurs has no row: there are `classes` of them.": (
                    lambda got: got.shape == (2, 2)
                ),
                "There are too few rows for the classes.": IndexError,
            },
        ),
    ],
    "macro_f1": [
        Case(
            "two classes, one of them rare",
            lambda f1: f1(UNEVEN),
            expected=(16 / 19 + 2 / 5) / 2,
            wrong={
                "It is the accuracy, which the large class decides.": 9 / 12,
                "It is weighed by the classes' sizes: each class counts alike.": (
                    (10 * 16 / 19 + 2 * 2 / 5) / 12
                ),
                "It is the F1 of the last class alone.": 2 / 5,
                "It is the mean recall.": (8 / 10 + 1 / 2) / 2,
                "It is the mean precision.": (8 / 9 + 1 / 3) / 2,
                "It is the mean of precision and recall: F1 is their harmonic mean.": (
                    (8 / 10 + 1 / 2 + 8 / 9 + 1 / 3) / 4
                ),
                "It is the harmonic mean of mean precision and mean recall: take F1 "
                "in each class first.": 2 / (1 / 0.65 + 1 / ((8 / 9 + 1 / 3) / 2)),
            },
        ),
        Case(
            "a class that is never found",
            lambda f1: f1(np.array([[3, 0], [2, 0]])),
            expected=0.375,
            wrong={
                "0/0 is NaN: the F1 of that class is 0.": lambda got: math.isnan(got),
                "The class that is never found was left out: its F1 is 0.": 0.75,
                "0/0 is an error in Python: look before you divide.": (
                    ZeroDivisionError
                ),
            },
        ),
    ],
    "bootstrap_difference": [
        Case(
            "ten texts, 400 draws",
            lambda interval: list(interval(A, B, DRAWS)),
            expected=ends(DIFFERENCES),
            wrong={
                "It is a − b: b − a is asked for.": ends(-DIFFERENCES),
                "It is the 90 % interval: 2.5 % lie below it, and as many above.": ends(
                    DIFFERENCES, 0.05, 0.95
                ),
                "The smallest and the largest difference are not the ends: some draws "
                "lie outside.": ends(DIFFERENCES, 0, 1),
                "It is the interval of b's accuracy: the difference is asked for.": ends(
                    B[DRAWS].mean(1)
                ),
                "The intervals of both models were subtracted: take the difference in "
                "each draw first.": [
                    one - other
                    for one, other in zip(
                        ends(B[DRAWS].mean(1)), ends(A[DRAWS].mean(1)), strict=True
                    )
                ],
                "The mean was taken over the draws: each draw is one test set.": (
                    lambda got: (
                        abs(got[1] - got[0]) < 2
                        and np.allclose(got, ends((B - A)[DRAWS].mean(0)), atol=1e-6)
                    )
                ),
                "The draws were not used: it is the spread of the texts.": ends(B - A),
            },
        ),
        Case(
            "models that are the same",
            lambda interval: list(interval(A, A, DRAWS)),
            expected=[0.0, 0.0],
            wrong={
                "The models answer the same draw: of equal ones, no draw shows a "
                "difference.": lambda got: got[0] < 0 < got[1],
            },
        ),
    ],
    "mcnemar": [
        Case(
            "2 texts that only A got right, 7 that only B did",
            lambda test: test(A_RIGHT, B_RIGHT),
            expected=2 * (1 + 9 + 36) / 512,
            wrong={
                "It is one-sided: B might as well have been the worse one.": 46 / 512,
                "It is the probability of exactly k heads: k or fewer are meant.": (
                    2 * 36 / 512
                ),
                "All texts were counted: where both are right, or both wrong, nothing "
                "is told.": lambda got: got < 0.05 or got > 0.5,
                "It is the approximation by χ²: the exact value is asked for.": (
                    lambda got: 0.09 < got < 0.1 or 0.17 < got < 0.18
                ),
            },
        ),
        Case(
            "one text against one",
            lambda test: test([True, False, True], [False, True, True]),
            expected=1.0,
            wrong={"A probability is at most 1.": lambda got: got > 1},
        ),
        Case(
            "models that are right alike",
            lambda test: test([True, False], [True, False]),
            expected=1.0,
            wrong={
                "Without a text that tells them apart, p is 1.": lambda got: got != 1,
                "There is no text to divide by: then p is 1.": ZeroDivisionError,
            },
        ),
    ],
    "calibration_error": [
        Case(
            "six answers in two bins",
            lambda error: error(SURE, WAS_RIGHT),
            expected=(4 * 0.2 + 2 * 0.05) / 6,
            wrong={
                "The bins count alike: weigh them by their texts.": (0.2 + 0.05) / 2,
                "It is divided by the number of bins: by the texts in each.": (
                    lambda got: abs(float(got) - 0.025) < 1e-3
                ),
                "It is the sum of the distances: take the mean, weighed.": 0.25,
                "Each text's own distance was taken: first the means in the bin.": (
                    float(abs(SURE - WAS_RIGHT).mean())
                ),
                "It is one bin for all: sort the texts first.": (
                    float(abs((SURE - WAS_RIGHT).mean()))
                ),
                "The distances were squared.": (4 * 0.04 + 2 * 0.0025) / 6,
                "An empty bin gave NaN: it counts for nothing.": (
                    lambda got: math.isnan(got)
                ),
                "The signs cancel: a distance is never negative.": lambda got: got < 0,
            },
        ),
        Case(
            "confidence of 1",
            lambda error: error(np.array([1.0, 1.0, 0.95]), np.array([0, 1, 1])),
            expected=abs(1 + 1 + 0.95 - 2) / 3,
            wrong={
                "The upper edge of a bin belongs to it: 1 is in the last.": (
                    lambda got: got < 0.3
                ),
                "There is no bin after the last: the upper edge belongs to it.": (
                    IndexError
                ),
            },
        ),
    ],
    "best_temperature": [
        Case(
            "a model that is too sure",
            lambda best: best(LOGITS, TRUTH, TEMPERATURES),
            expected=4.0,
            wrong={
                "The logits were multiplied: T divides them.": 0.5,
                "It is the worst of them: the loss is to be least.": lambda got: (
                    got in (0.5, 8.0)
                ),
                "It is the place of the best: return the temperature.": 3,
                "No temperature changes the accuracy: compare the likelihood.": (
                    lambda got: got == 1.0
                ),
                "It is the loss of the best: return the temperature.": (
                    lambda got: got < 1
                ),
                "It is the one that makes the model surest, right or wrong.": 0.5,
            },
        ),
        Case(
            "logits of 1,000",
            lambda best: best(1_000 * LOGITS, TRUTH, [1.0, 4_000.0]),
            expected=4_000.0,
            wrong={
                "exp overflows, and a comparison with NaN or infinity means nothing.": (
                    1.0
                ),
            },
        ),
    ],
    "odds_gap": [
        Case(
            "eight people and six",
            lambda gap: list(gap(PEOPLE, DECIDED, GROUP)),
            expected=[0.75 - 0.5, 0.25 - 0.75],
            wrong={
                "The groups are swapped: group 1 minus group 0.": [-0.25, 0.5],
                "The two rates are swapped: true positives first.": [-0.5, 0.25],
                "The signs were dropped: who is at a disadvantage?": [0.25, 0.5],
                "It is the share of right answers among those told no.": [0.25, 0.5],
                "Label and prediction are swapped: a rate is among those with a label.": (
                    lambda got: np.allclose(
                        got, [3 / 4 - 1 / 4, 1 / 4 - 1 / 2], atol=1e-3
                    )
                ),
                "The rates are shares of all people of the group, not of those with "
                "the label.": lambda got: np.allclose(
                    got, [3 / 8 - 1 / 6, 1 / 8 - 3 / 6], atol=1e-3
                ),
                "The difference in how many were told yes is another measure: ask by "
                "label.": lambda got: abs(got[0] - got[1]) < 1e-9,
            },
        ),
        Case(
            "a group in which nobody has the label 1",
            lambda gap: list(gap(np.array([1, 0, 0]), np.ones(3), np.array([0, 0, 1]))),
            expected=[math.nan, 0.0],
            wrong={
                "The rate of nobody is NaN, not 0.": lambda got: got[0] == -1,
                "The mean of nobody is an error in Python: return NaN.": (
                    ZeroDivisionError
                ),
            },
        ),
    ],
}

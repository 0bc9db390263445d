"""What a learner may run on the evaluation set: few points, and each teaches."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.exercises import Case, two_tables


def one_of(*results: Any) -> Callable[[Any], bool]:
    """A mistake that gives one of these."""

    def matches(got: Any) -> bool:
        shapes = [np.shape(result) for result in results]
        return any(
            np.shape(got) == shape and np.allclose(got, result, rtol=0, atol=1e-5)
            for shape, result in zip(shapes, results, strict=True)
        )

    return matches


def other_than(given: np.ndarray) -> Callable[[Any], bool]:
    """What was given is not as it was."""
    before = given.copy()
    return lambda got: not np.array_equal(got, before)


def one_point(z: Any) -> np.ndarray:
    if np.ndim(z) != 1:
        raise ValueError(
            f"the model takes one array of shape (features,), not {np.shape(z)}"
        )
    return np.asarray(z, dtype=float)


def bent(z: Any) -> float:
    """A score in which each feature counts by itself, and with its neighbours."""
    z = one_point(z)
    return float((z**3).sum() + 2 * z[1:] @ z[:-1] + 2)


def slope_of_bent(z: Any) -> np.ndarray:
    z = one_point(z)
    beside = np.pad(z, 1)
    return 3 * z**2 + 2 * (beside[2:] + beside[:-2])


def explained(x: list[float], baseline: list[float], steps: int) -> Callable:
    """The call with which a case begins."""
    given = np.array(x), np.array(baseline)
    return lambda explain: explain(bent, slope_of_bent, *given, steps)


def first(call: Callable) -> Callable:
    return lambda explain: call(explain)[0]


def second(call: Callable) -> Callable:
    return lambda explain: call(explain)[1]


def ends_after(explain: Callable) -> np.ndarray:
    x, baseline = np.array([0.5, 3.0]), np.array([-0.5, 1.0])
    explain(bent, slope_of_bent, x, baseline, 3)
    return np.stack([x, baseline])


LABELS, TAKEN = [0, 0, 0, 1, 2, 2], [1, 0, 0, 1, 2, 0]
COUNTS = np.array([[2, 1, 0], [0, 1, 0], [1, 0, 1]])

UNEVEN = np.array([[8, 2], [1, 1]])
NO_MIDDLE = np.array([[4, 0, 1], [0, 0, 0], [0, 0, 3]])

A = np.array([1, 0, 1, 1, 1, 1, 0, 1])
B = np.array([0, 1, 1, 0, 0, 1, 0, 1])
DRAWS = np.array(
    [
        [7, 7, 6, 6, 2, 5, 5, 1],
        [1, 1, 1, 2, 6, 7, 3, 1],
        [3, 0, 1, 1, 2, 2, 5, 4],
        [6, 0, 2, 6, 5, 4, 1, 4],
        [2, 6, 5, 2, 3, 7, 2, 3],
        [2, 5, 4, 6, 0, 2, 3, 6],
        [1, 0, 4, 4, 7, 4, 6, 0],
        [2, 4, 4, 7, 6, 5, 6, 2],
        [3, 4, 4, 6, 4, 6, 4, 5],
    ]
)

A_RIGHT = [True] * 12 + [False] * 8
B_RIGHT = [True] * 10 + [False] * 2 + [True] * 7 + [False]  # 2 against 7

SURE = np.array([0.3, 0.6, 0.8, 0.4, 0.7, 0.65, 0.9, 0.35])
WAS_RIGHT = np.array([0, 1, 1, 0, 1, 0, 1, 1])

LOGITS = np.array(
    [
        [2.0, 1.0, 3.0],
        [-1.0, 1.0, -4.0],
        [-3.0, 2.0, 6.0],
        [3.0, 6.0, -3.0],
        [-3.0, 0.0, 5.0],
    ]
)
TRUTH = np.array([0, 1, 2, 0, 2])
TEMPERATURES = [10.0, 6.0, 40.0, 0.25, 0.4, 2.3, 3.0, 1.0, 2.7, 4.0, 4.2, 1.5, 0.5]
UNEQUAL = np.array([[6.0, 0.0, -1.0], [8.0, 6.0, -1.0], [9.0, 9.0, 8.0]])
ROW_BY_ROW = np.array([[30_000.0], [-30_000.0], [0.0], [30_000.0], [-30_000.0]])
FAR = np.array([[0.0, 4.0], [4.0, 0.0], [0.0, 5.0], [20_000.0, 0.0]])  # the last: wrong

PEOPLE = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0])
DECIDED = np.array([1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0])
GROUP = np.array([1] * 9 + [0] * 9)

FEW, FEW_TOLD = np.array([1, 1, 0, 0, 0, 0]), np.array([1, 0, 1, 0, 1, 1])
OF_GROUP = np.array([0, 0, 0, 0, 1, 1])
NOBODY = np.zeros(0, dtype=int)
NAN = math.nan

NO_TEXT = "No text is no error: all counts are 0 then."
AN_ARRAY = "It is an array: a tuple of two floats is asked for."
UNDECIDED = "Without a text that tells them apart, p is 1."
OVERFLOWS = (
    "exp overflows or vanishes, and a comparison with NaN or infinity means nothing: "
    "subtract from each row its own largest logit first."
)
NOT_0 = "The rate of nobody is NaN, not 0, and so is a difference with it."
NOT_GAP_0 = (
    "A difference with the rate of nobody is NaN: no gap was seen, and none ruled out."
)
ONE_OF_TWO = "The other rate has people in both groups: one difference alone is NaN."
DIVIDED = "The mean of nobody is an error in Python: look whether there is anybody."

CHECKS = {
    "confusion_matrix": [
        Case(
            "six texts of three classes",
            lambda matrix: matrix(LABELS, TAKEN, 3),
            expected=COUNTS,
            wrong={
                "Rows and columns are swapped: a row is what a text is.": COUNTS.T,
                "A pair that occurs twice was counted once.": (COUNTS > 0).astype(int),
                "These are shares: whole numbers are asked for.": one_of(
                    COUNTS / 6,
                    COUNTS / COUNTS.sum(axis=1, keepdims=True),
                    COUNTS / COUNTS.sum(axis=0, keepdims=True),
                ),
                "Counts are integers: the array's `dtype` is not.": COUNTS.astype(
                    float
                ),
                "Only right answers were counted.": np.diag(np.diag(COUNTS)),
                "Class 0 has row 0 and column 0: 1 was subtracted.": np.roll(
                    COUNTS, -1, axis=(0, 1)
                ),
                "Only wrong answers were counted.": COUNTS - np.diag(np.diag(COUNTS)),
                "It is a list of lists: a NumPy array is asked for.": (
                    lambda got: isinstance(got, list)
                ),
            },
            picture=two_tables,
        ),
        Case(
            "a class that never occurs, the last one",
            lambda matrix: matrix([0, 1], [0, 0], 3),
            expected=np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0]]),
            wrong={
                "The class that never occurs has no row or no column: there are `classes` "
                "of each.": one_of([[1, 0], [1, 0]], [[1], [1]]),
                "There are too few rows for the classes.": IndexError,
            },
        ),
        Case(
            "classes that never occur, before the others and between them",
            lambda matrix: matrix([1, 3, 3], [3, 3, 3], 4),
            expected=np.array([[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 2]]),
            wrong={
                "The classes were numbered anew: class 3 has row 3, whether there is a "
                "class 2 or not.": one_of(
                    [[0, 1], [0, 2]],
                    [[0, 1, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
                ),
            },
        ),
        Case(
            "one class",
            lambda matrix: matrix([0, 0, 0], [0, 0, 0], 1),
            expected=np.array([[3]]),
            wrong={
                "A matrix of one class has the shape (1, 1).": (
                    lambda got: np.ndim(got) < 2
                ),
            },
        ),
        Case(
            "no text",
            lambda matrix: matrix([], [], 2),
            expected=np.zeros((2, 2), dtype=int),
            wrong={NO_TEXT: Exception},
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
                "It is the F1 of one class alone.": one_of(16 / 19, 2 / 5),
                "It is the sum of the classes' F1: take their mean.": 16 / 19 + 2 / 5,
                "It is the mean recall.": (8 / 10 + 1 / 2) / 2,
                "It is the mean precision.": (8 / 9 + 1 / 3) / 2,
                "It is the mean of precision and recall: F1 is their harmonic mean.": (
                    (8 / 10 + 1 / 2 + 8 / 9 + 1 / 3) / 4
                ),
                "It is the harmonic mean of mean precision and mean recall: take F1 "
                "in each class first.": 2 / (1 / 0.65 + 1 / ((8 / 9 + 1 / 3) / 2)),
                "The 2 of 2 · precision · recall is missing.": (8 / 19 + 1 / 5) / 2,
                "Each class has its own F1: return their mean.": one_of(
                    [16 / 19, 2 / 5]
                ),
            },
        ),
        Case(
            "a class that is never found",
            lambda f1: f1(np.array([[3, 0], [2, 0]])),
            expected=0.375,
            wrong={
                "0/0 is NaN: the F1 of that class is 0.": lambda got: math.isnan(got),
                "The class that is never found was left out: its F1 is 0.": 0.75,
                "0/0 was taken for 1: the F1 of that class is 0.": 0.875,
                "0/0 is an error in Python: look before you divide.": (
                    ZeroDivisionError
                ),
            },
        ),
        Case(
            "a class that no text is, and some are taken for",
            lambda f1: f1(np.array([[2, 1], [0, 0]])),
            expected=0.4,
            wrong={
                "0/0 is NaN: the F1 of that class is 0.": lambda got: math.isnan(got),
                "The class that no text is was left out: its F1 is 0.": 0.8,
                "0/0 is an error in Python: look before you divide.": (
                    ZeroDivisionError
                ),
            },
        ),
        Case(
            "a class that never occurs",
            lambda f1: f1(NO_MIDDLE),
            expected=(8 / 9 + 6 / 7) / 3,
            wrong={
                "The class that never occurs was left out: it counts, with an F1 of 0.": (
                    (8 / 9 + 6 / 7) / 2
                ),
                "0/0 was taken for 1: the F1 of that class is 0.": (
                    (8 / 9 + 1 + 6 / 7) / 3
                ),
                "0/0 is NaN: the F1 of that class is 0.": lambda got: math.isnan(got),
                "0/0 is an error in Python: look before you divide.": (
                    ZeroDivisionError
                ),
            },
        ),
        Case(
            "the first and the last of four classes never occur",
            lambda f1: f1(np.pad(UNEVEN, 1)),
            expected=(16 / 19 + 2 / 5) / 4,
            wrong={
                "The last class was left out: it counts, with an F1 of 0.": (
                    (16 / 19 + 2 / 5) / 3
                ),
            },
        ),
        Case(
            "not one right answer, and not one text",
            lambda f1: [
                f1(np.array([[0, 2], [1, 0]])),
                f1(np.zeros((1, 1), dtype=int)),
            ],
            expected=[0.0, 0.0],
            wrong={
                "Without a right answer there is 0/0 or NaN in every class: its F1 is 0.": (
                    lambda got: any(map(math.isnan, got))
                ),
                "0/0 is an error in Python: look before you divide.": (
                    ZeroDivisionError
                ),
            },
        ),
        Case(
            "one class",
            lambda f1: f1(np.array([[3]])),
            expected=1.0,
            wrong={
                "Of one class, the matrix is (1, 1), and F1 is 1.": (
                    lambda got: np.ndim(got) > 0
                ),
            },
        ),
        Case(
            "what was given",
            lambda f1: [matrix := UNEVEN.copy(), f1(matrix)][0],
            expected=UNEVEN,
            wrong={
                "The matrix was changed: work on a copy of it.": other_than(UNEVEN),
            },
        ),
    ],
    "bootstrap_difference": [
        Case(
            "models that are the same",
            lambda interval: list(interval(A, A, DRAWS)),
            expected=[0.0, 0.0],
            wrong={
                "It is the interval of one model's accuracy: the difference is asked "
                "for.": [0.425, 0.85],
                "Unpaired: both models answer the same draw. Of equal ones, then, no "
                "draw shows a difference.": lambda got: got[0] < 0 and got[0] < got[1],
            },
        ),
        Case(
            "eight texts, nine draws",
            lambda interval: interval(A, B, DRAWS),
            expected=(-0.6, 0.325),
            wrong={
                AN_ARRAY: lambda got: isinstance(got, np.ndarray),
                "It is a − b: b − a is asked for.": (-0.325, 0.6),
                "The ends are swapped: low comes first.": (0.325, -0.6),
                "It is not the 95 % interval: 2.5 % lie below it, and as many above.": one_of(
                    (-0.575, 0.275), (-0.62, 0.365), (-0.575, 0.325), (-0.6, 0.275)
                ),
                "The ends are differences that were seen, the outermost or the nearest: "
                "`np.quantile` goes between two of them.": one_of(
                    (-0.625, 0.375), (-0.625, 0.125), (-0.5, 0.375), (-0.5625, 0.25)
                ),
                "Two intervals were subtracted, one of each model: unpaired, they do not "
                "tell what one draw does to both. Take the difference in each draw "
                "first.": one_of((-0.275, -0.1), (-0.7, 0.325)),
                "The differences were sorted apart, model by model: take the difference "
                "in each draw first.": (-0.375, -0.025),
                "The mean was taken over the draws: each draw is one test set.": (
                    -0.425,
                    0.0,
                ),
                "The draws were not used: it is the spread of the texts.": (
                    -1.0,
                    0.825,
                ),
                "Each text of a draw was taken for itself: take the mean of each row "
                "first.": (-1.0, 1.0),
                "These are sums: accuracy is a mean.": (-4.8, 2.6),
                "A text that stands twice in a draw counts twice.": (-0.5, 0.16),
                "`np.percentile` takes 2.5 and 97.5, `np.quantile` 0.025 and 0.975.": (
                    -0.62475,
                    -0.61525,
                ),
                "The signs were dropped: b may be worse.": (0.125, 0.6),
                "It is mean ± 1.96 standard deviations: the percentile interval is asked "
                "for.": one_of(
                    (-0.815803, 0.315803),
                    (-0.850125, 0.350125),
                    (-0.774137, 0.35747),
                    (-0.808458, 0.391792),
                ),
                "It is mirrored at the difference itself, the basic interval: the "
                "percentile interval is asked for.": (-0.825, 0.1),
            },
            tolerance=1e-5,
        ),
        Case(
            "one draw",
            lambda interval: interval(A, B, DRAWS[:1]),
            expected=(0.125, 0.125),
            wrong={
                "One draw is a table of one row: keep its two dimensions.": IndexError,
            },
        ),
        Case(
            "one text",
            lambda interval: interval(A[1:2], B[1:2], np.zeros((9, 1), dtype=int)),
            expected=(1.0, 1.0),
            wrong={
                "One text is a table of one column: keep its two dimensions.": IndexError,
            },
        ),
    ],
    "mcnemar": [
        Case(
            "2 texts that only A got right, 7 that only B did",
            lambda test: test(A_RIGHT, B_RIGHT),
            expected=0.179688,
            wrong={
                "It is one-sided: B might as well have been the worse one.": 0.089844,
                "It is the probability of exactly k heads: k or fewer are meant.": (
                    0.140625
                ),
                "It is the probability of fewer than k heads: k or fewer are meant.": (
                    0.039063
                ),
                "k is the smaller of the two counts, not the larger.": one_of(
                    1.0, 1.960938
                ),
                "All texts were counted: where both are right, or both wrong, nothing "
                "is told.": one_of(0.000402, 0.000201),
                "All right answers of both models were counted: a text that both got "
                "right tells nothing. Count where exactly one of them is right.": (
                    one_of(0.458258, 0.229129)
                ),
                "The models were compared as if they had answered different texts: "
                "look text by text.": one_of(0.155187, 0.076638, 0.15665, 0.080194),
                "It is the approximation by χ²: the exact value is asked for.": one_of(
                    0.095581, 0.182422, 0.133614
                ),
                "Texts that both got right, or both wrong, were counted: they tell nothing.": (
                    0.011719
                ),
                "It is the mid-p value, which counts k heads half: they count in full.": (
                    0.109375
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "7 texts that only A got right, 2 that only B did",
            lambda test: test(B_RIGHT, A_RIGHT),
            expected=0.179688,
            wrong={
                "k is the smaller of the two counts, whichever model's it is.": one_of(
                    1.0, 1.960938
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "one text against one",
            lambda test: test([True, False, True], [False, True, True]),
            expected=1.0,
            wrong={
                "A probability is at most 1.": lambda got: got > 1,
                "A tie is what equal models give most often: p is 1.": 0.0,
            },
        ),
        Case(
            "5 texts that only B got right, none that only A did",
            lambda test: test([False] * 5 + [True], [True] * 6),
            expected=0.0625,
            wrong={
                "p is 1 where neither model alone is right, not where one of them never "
                "is.": 1.0,
                "No heads at all are possible too: k may be 0.": 0.0,
            },
            tolerance=1e-5,
        ),
        Case(
            "models that are right alike",
            lambda test: test([True, False], [True, False]),
            expected=1.0,
            wrong={
                UNDECIDED: lambda got: got != 1,
                "There is no text to divide by: then p is 1.": ZeroDivisionError,
                "There is no throw to ask a library about: then p is 1.": ValueError,
            },
        ),
        Case(
            "no text",
            lambda test: test([], []),
            expected=1.0,
            wrong={
                UNDECIDED: lambda got: got != 1,
                "No text is no error: then p is 1.": Exception,
            },
        ),
        Case(
            "1,150 texts against 1,250",
            lambda test: test(
                [True] * 1150 + [False] * 1250, [False] * 1150 + [True] * 1250
            ),
            expected=0.043275,
            wrong={
                "A float ends at 10³⁰⁸: add whole numbers, and divide once.": (
                    OverflowError
                ),
                "2⁻ⁿ is 0 as a float: add whole numbers, and divide once.": 0.0,
                "It is the approximation by the normal distribution: the exact value is "
                "asked for, of long lists too.": one_of(0.041227, 0.043297),
            },
            tolerance=1e-5,
        ),
    ],
    "calibration_error": [
        Case(
            "eight answers, four bins of which one is empty",
            lambda error: error(SURE, WAS_RIGHT, 4),
            expected=0.05,
            wrong={
                "The bins count alike: weigh them by their texts.": 0.061111,
                "It is divided by the number of bins: weigh them by their texts.": 0.045833,
                "It is the sum of the distances: take the mean, weighed.": 0.183333,
                "Each text's own distance was taken: first the means in the bin.": 0.375,
                "It is one bin for all, where too sure and too unsure cancel: sort the "
                "texts into bins, and take each one's distance without its sign.": (
                    one_of(0.0375, -0.0375)
                ),
                "Each bin holds as many texts: the bins are of equal width.": 0.125,
                "The bins reach from 0 to 1, not from the least confidence to the "
                "greatest.": 0.1375,
                "There are 10 bins, whatever `bins` says.": 0.2,
                "The number of the bin was rounded to the nearest: round up.": 0.075,
                "The distances were squared.": one_of(0.005833, 0.076376),
                "It is the largest distance: take the mean, weighed.": 0.15,
                "The middle or the edge of the bin was taken for the mean confidence in "
                "it.": one_of(0.0625, 0.09375),
                "It is Brier's score: take the means in each bin first.": 0.174375,
                "Where the model is too unsure, that counts too: take the distance "
                "without its sign.": 0.00625,
                "`confidence` was sorted, and `right` was not.": 0.2375,
                "An empty bin gave NaN: it counts for nothing.": (
                    lambda got: math.isnan(got)
                ),
                "An empty bin gave 0/0: it counts for nothing.": ZeroDivisionError,
            },
            tolerance=1e-5,
        ),
        Case(
            "confidence of 1",
            lambda error: error(np.array([1.0, 1.0, 0.95]), np.array([0, 1, 1]), 10),
            expected=0.316667,
            wrong={
                "The upper edge of a bin belongs to it: 1 is in the last.": one_of(
                    0.016667, 0.05, 0.35
                ),
                "There is no bin after the last: the upper edge belongs to it.": (
                    IndexError
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "confidence of 0.5, on the edge of two bins",
            lambda error: error(np.array([0.5, 0.375, 0.75]), np.array([0, 1, 1]), 2),
            expected=0.125,
            wrong={
                "The upper edge of a bin belongs to it: 0.5 is in the first of two.": (
                    0.291667
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "without `bins`",
            lambda error: error(np.array([0.62, 0.68, 0.72]), np.array([1, 0, 1])),
            expected=0.193333,
            wrong={
                "`bins` has a default, which is 10.": TypeError,
                "By default there are 10 bins.": one_of(0.006667, 0.26, 0.446667),
            },
            tolerance=1e-5,
        ),
        Case(
            "one bin",
            lambda error: error(SURE, WAS_RIGHT, 1),
            expected=0.0375,
            wrong={"The signs cancel: a distance is never negative.": -0.0375},
            tolerance=1e-5,
        ),
        Case(
            "one text",
            lambda error: error(np.array([0.45]), np.array([1]), 2),
            expected=0.55,
            wrong={"The signs cancel: a distance is never negative.": -0.55},
            tolerance=1e-5,
        ),
        Case(
            "what was given",
            lambda error: [
                confidence := SURE.copy(),
                right := WAS_RIGHT.copy(),
                error(confidence, right, 4),
                np.stack([confidence, right]),
            ][-1],
            expected=np.stack([SURE, WAS_RIGHT]),
            wrong={
                "`confidence` or `right` was changed: work on a copy.": other_than(
                    np.stack([SURE, WAS_RIGHT])
                ),
            },
        ),
    ],
    "best_temperature": [
        Case(
            "a model that is too sure",
            lambda best: best(LOGITS, TRUTH, TEMPERATURES),
            expected=2.3,
            wrong={
                "The logits were multiplied: T divides them.": 0.4,
                "It is the worst of them, which makes the model surest, right or wrong: "
                "the loss is to be least.": 0.25,
                "It is the one that makes the model least sure: the loss is to be least.": (
                    40.0
                ),
                "It is the place of the best: return the temperature.": 5,
                "No temperature changes the accuracy, so the first or the last candidate "
                "wins: compare the likelihood.": one_of(10.0, 0.5),
                "It is the loss of the best: return the temperature.": 0.692312,
                "The search stopped where the loss rose: the candidates are in any order.": (
                    6.0
                ),
                "Under this one the mean confidence is nearest to the accuracy: compare "
                "the likelihood.": 4.0,
                "Under this one the calibration error is least: compare the likelihood.": (
                    4.2
                ),
                "Under this one Brier's score is least: compare the likelihood.": 3.0,
                "The mean of the probabilities was compared: of their logarithms.": 1.0,
                "The softmax goes over the texts: it goes over a text's classes.": 2.7,
            },
            tolerance=1e-5,
        ),
        Case(
            "three texts, of which the last is undecided",
            lambda best: best(UNEQUAL, np.array([0, 1, 1]), [4.0, 0.5, 2.0, 8.0, 1.0]),
            expected=2.0,
            wrong={
                "The sum of exp goes over all texts: each has its own, over its classes.": (
                    one_of(4.0, 8.0)
                ),
            },
        ),
        Case(
            "logits about 30,000",
            lambda best: best(LOGITS + 30_000, TRUTH, TEMPERATURES),
            expected=2.3,
            wrong={
                OVERFLOWS: one_of(10.0, 0.5),
                "exp overflows, and every loss is NaN: subtract from each row its own "
                "largest logit first.": ValueError,
            },
        ),
        Case(
            "logits about −30,000",
            lambda best: best(LOGITS - 30_000, TRUTH, TEMPERATURES),
            expected=2.3,
            wrong={OVERFLOWS: one_of(10.0, 0.5)},
        ),
        Case(
            "logits about 30,000, −30,000 and 0, row by row",
            lambda best: best(LOGITS + ROW_BY_ROW, TRUTH, TEMPERATURES),
            expected=2.3,
            wrong={OVERFLOWS: one_of(10.0, 0.5)},
        ),
        Case(
            "a wrong answer that is ahead by 20,000",
            lambda best: best(FAR, np.array([1, 0, 1, 1]), [2.0, 0.5, 8.0, 1.0, 4.0]),
            expected=8.0,
            wrong={
                "The logarithm of a softmax that is 0 is −∞, and ε does not mend it: take "
                "ln Σ exp(z) − zᵧ instead.": 0.5,
                "exp overflows, or the softmax is 0 and its logarithm −∞, and every loss "
                "with it: subtract each row's largest logit, and take ln Σ exp(z) − zᵧ.": (
                    2.0
                ),
            },
        ),
        Case(
            "one text",
            lambda best: best(LOGITS[:1], TRUTH[:1], [0.5, 4.0, 2.0]),
            expected=4.0,
        ),
        Case("one candidate", lambda best: best(LOGITS, TRUTH, [3.5]), expected=3.5),
        Case(
            "what was given",
            lambda best: [logits := LOGITS.copy(), best(logits, TRUTH, [1.0, 2.0])][0],
            expected=LOGITS,
            wrong={
                "The logits were changed: `-=` and `/=` work in place.": other_than(
                    LOGITS
                ),
            },
        ),
    ],
    "odds_gap": [
        Case(
            "two groups of nine people",
            lambda gap: gap(PEOPLE, DECIDED, GROUP),
            expected=(0.25, 0.4),
            wrong={
                AN_ARRAY: lambda got: isinstance(got, np.ndarray),
                "The groups are swapped: group 1 minus group 0.": (-0.25, -0.4),
                "The two rates are swapped: true positives first.": (0.4, 0.25),
                "It is the share of no among those whose label is 0.": (0.25, -0.4),
                "It is the share of no among those whose label is 1.": (-0.25, 0.4),
                "Label and prediction are swapped: a rate is among those with a label.": (
                    one_of(
                        (3 / 6 - 2 / 3, 1 / 3 - 2 / 6), (3 / 6 - 2 / 3, 3 / 6 - 1 / 3)
                    )
                ),
                "The rates are shares of all people of the group, not of those with "
                "the label.": (3 / 9 - 2 / 9, 3 / 9 - 1 / 9),
                "The rates are shares of all people, not of those with the label in the "
                "group.": one_of((1 / 18, 2 / 18), (1 / 8, 2 / 10)),
                "The difference in how many were told yes is another measure: ask by "
                "label.": one_of((3 / 9, 3 / 9), 3 / 9),
                "The larger gap alone is another measure: return both.": 0.4,
            },
        ),
        Case(
            "the groups' names swapped",
            lambda gap: gap(PEOPLE, DECIDED, 1 - GROUP),
            expected=(-0.25, -0.4),
            wrong={
                "The signs were dropped: who is at a disadvantage?": one_of(
                    (0.25, 0.4), (-0.25, 0.4), (0.25, -0.4)
                ),
            },
        ),
        Case(
            "group 1, in which nobody has the label 1",
            lambda gap: gap(FEW, FEW_TOLD, OF_GROUP),
            expected=(NAN, 0.5),
            wrong={
                NOT_0: (-0.5, 0.5),
                NOT_GAP_0: (0.0, 0.5),
                ONE_OF_TWO: (NAN, NAN),
                DIVIDED: ZeroDivisionError,
            },
        ),
        Case(
            "group 0, in which nobody has the label 1",
            lambda gap: gap(FEW, FEW_TOLD, 1 - OF_GROUP),
            expected=(NAN, -0.5),
            wrong={
                NOT_0: (0.5, -0.5),
                NOT_GAP_0: (0.0, -0.5),
                ONE_OF_TWO: (NAN, NAN),
                DIVIDED: ZeroDivisionError,
            },
        ),
        Case(
            "group 1, in which nobody has the label 0",
            lambda gap: gap(1 - FEW, FEW_TOLD, OF_GROUP),
            expected=(0.5, NAN),
            wrong={
                NOT_0: (0.5, -0.5),
                NOT_GAP_0: (0.5, 0.0),
                ONE_OF_TWO: (NAN, NAN),
                DIVIDED: ZeroDivisionError,
            },
        ),
        Case(
            "group 0, in which nobody has the label 0",
            lambda gap: gap(1 - FEW, FEW_TOLD, 1 - OF_GROUP),
            expected=(-0.5, NAN),
            wrong={
                NOT_0: (-0.5, 0.5),
                NOT_GAP_0: (-0.5, 0.0),
                ONE_OF_TWO: (NAN, NAN),
                DIVIDED: ZeroDivisionError,
            },
        ),
        Case(
            "nobody in group 0",
            lambda gap: gap(PEOPLE, DECIDED, np.ones_like(GROUP)),
            expected=(NAN, NAN),
            wrong={
                NOT_0: (5 / 8, 4 / 10),
                NOT_GAP_0: (0.0, 0.0),
                DIVIDED: ZeroDivisionError,
            },
        ),
        Case(
            "nobody in group 1",
            lambda gap: gap(PEOPLE, DECIDED, np.zeros_like(GROUP)),
            expected=(NAN, NAN),
            wrong={
                NOT_0: (-5 / 8, -4 / 10),
                NOT_GAP_0: (0.0, 0.0),
                DIVIDED: ZeroDivisionError,
            },
        ),
        Case(
            "nobody at all",
            lambda gap: gap(NOBODY, NOBODY, NOBODY),
            expected=(NAN, NAN),
            wrong={NOT_0: (0.0, 0.0), DIVIDED: ZeroDivisionError},
        ),
    ],
    "integrated_gradients": [
        Case(
            "the parts of three features, four steps",
            first(explained([-0.5, -0.5, 1.0], [0.5, -2.0, 1.5], 4)),
            expected=np.array([2.265625, 11.572266, -1.123047]),
            wrong={
                "It is the slope at the input alone: take the mean along the way.": np.array(
                    [0.25, 2.625, -1.0]
                ),
                "It is the slope at the baseline alone: take the mean along the way.": np.array(
                    [3.25, 24.0, -1.375]
                ),
                "It is the slope halfway alone, whatever `steps` says.": np.array(
                    [2.5, 10.78125, -1.09375]
                ),
                "The slope was taken at the end of each piece, as in the paper: take it in the middle.": np.array(
                    [1.84375, 9.058594, -1.082031]
                ),
                "The slope was taken at the beginning of each piece: take it in the middle.": np.array(
                    [2.59375, 14.402344, -1.175781]
                ),
                "The ends of the way were asked, too: each piece has one slope, of its middle.": one_of(
                    np.array([2.083333, 12.1875, -1.145833]),
                    np.array([2.125, 12.046875, -1.140625]),
                    np.array([2.21875, 11.730469, -1.128906]),
                ),
                "α goes by k / (steps + 1): these are not the middles of the pieces.": np.array(
                    [2.35, 11.2875, -1.1125]
                ),
                "The number of pieces is not `steps`: it is another, or always the same.": one_of(
                    np.array([2.277778, 11.53125, -1.121528]),
                    np.array([2.26, 11.59125, -1.12375]),
                    np.array([2.2525, 11.616562, -1.124687]),
                    np.array([2.250625, 11.622891, -1.124922]),
                    np.array([2.2501, 11.624663, -1.124988]),
                ),
                "It is the integral itself, or Gauss's rule: the middles of the pieces are asked for.": np.array(
                    [2.25, 11.625, -1.125]
                ),
                "It is the sum of the slopes: take their mean.": np.array(
                    [9.0625, 46.289062, -4.492188]
                ),
                "It is the mean slope alone: it lacks the factor x − baseline.": np.array(
                    [-2.265625, 7.714844, 2.246094]
                ),
                "The mean slope was multiplied by x: the factor is x − baseline.": np.array(
                    [1.132812, -3.857422, 2.246094]
                ),
                "The factor is x − baseline, not baseline − x.": np.array(
                    [-2.265625, -11.572266, 1.123047]
                ),
                "The baseline was ignored: the way begins there, not at 0.": one_of(
                    np.array([0.126953, -0.373047, 0.484375]),
                    np.array([0.253906, 1.119141, -0.242188]),
                ),
                "α · (x − baseline) is where you are only after the baseline is added.": np.array(
                    [-2.484375, 1.072266, -0.873047]
                ),
                "The signs were dropped: a feature may speak against.": one_of(
                    np.array([2.265625, 11.572266, 1.123047]),
                    np.array([-2.265625, 11.572266, 1.123047]),
                    np.array([-2.265625, 11.572266, -1.123047]),
                ),
                "The parts were scaled to sum to 1, or to what was climbed: leave them as they are.": one_of(
                    np.array([0.178187, 0.910138, -0.088326]),
                    np.array([0.151436, 0.773499, -0.075065]),
                    np.array([2.271889, 11.604263, -1.126152]),
                ),
                "Each feature walked alone: all go the way at once.": one_of(
                    np.array([0.765625, 9.322266, -1.873047]),
                    np.array([3.765625, 13.822266, -0.373047]),
                    np.array([3.765625, 10.822266, -1.873047]),
                ),
                "It is one number for all features: each has its own part.": one_of(
                    12.714844,
                    4.238281,
                ),
                "The parts were returned alone: return a tuple, the parts and the error.": 2.265625,
                "The error comes second: return the parts first.": -0.035156,
                "It is a list: a NumPy array is asked for.": (
                    lambda got: isinstance(got, list)
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "what was given",
            ends_after,
            expected=np.array([[0.5, 3.0], [-0.5, 1.0]]),
            wrong={
                "`x` or `baseline` was changed: `+=` and `-=` work in place.": other_than(
                    np.array([[0.5, 3.0], [-0.5, 1.0]])
                ),
            },
        ),
        Case(
            "the error of three steps",
            second(explained([-1.0, 2.0, 0.5], [2.0, 1.0, -1.0], 3)),
            expected=0.628472,
            wrong={
                "The error is reversed: the sum of the parts minus what was climbed.": (
                    -0.628472
                ),
                "The score at the baseline is missing: the way was climbed from there.": (
                    -11.371528
                ),
                "The score at the input is missing: the way was climbed up to there.": (
                    -16.246528
                ),
                "The score at 0 was taken for the one at the baseline.": -9.371528,
                "The two scores were added: what was climbed is their difference.": (
                    -23.371528
                ),
                "What was climbed was added: subtract it.": -9.121528,
                "It is the sum of the parts: subtract what was climbed.": -4.246528,
                "It is what was climbed: subtract it from the sum of the parts.": (
                    one_of(-4.875, 4.875)
                ),
                "It was divided by what was climbed: the error itself is asked for.": (
                    one_of(-0.128917, 0.128917, -12.891738, 12.891738)
                ),
                "The mean of the parts was compared: take their sum.": 3.459491,
                "The parts were summed without their signs.": 35.128472,
                "A sum of few slopes is not the integral: the error is not 0.": 0.0,
                "The error is one number: sum the parts first.": (
                    lambda got: np.shape(got) == (3,)
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "the error of two steps, below 0",
            second(explained([2.0, 0.5, -1.0], [-1.0, 1.5, -2.0], 2)),
            expected=-1.6875,
            wrong={
                "The error keeps its sign: the parts may sum to too little.": 1.6875,
                "It is cut off at 0: the parts may sum to too little.": 0.0,
            },
            tolerance=1e-5,
        ),
        Case(
            "one step",
            first(explained([3.0, -1.0], [1.0, 1.0], 1)),
            expected=np.array([24.0, -8.0]),
            wrong={
                "One step has its slope in the middle, not at the baseline.": np.array(
                    [10.0, -10.0]
                ),
                "steps − 1 is 0 for one step: there are `steps` pieces.": (
                    ZeroDivisionError
                ),
                "steps − 1 is 0 for one step, and gave NaN: there are `steps` pieces.": (
                    lambda got: bool(np.isnan(np.asarray(got)).all())
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "one feature",
            first(explained([2.0], [-1.0], 5)),
            expected=np.array([8.73]),
            wrong={
                "A dimension of 1 was dropped: the shape is that of `x`.": (
                    lambda got: np.shape(got) == () and abs(got - 8.73) < 1e-4
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "an input that is the baseline",
            explained([1.0, -3.0], [1.0, -3.0], 3),
            expected=(np.zeros(2), 0.0),
            wrong={
                "Nothing was climbed: there is nothing to divide by.": (
                    lambda got: bool(
                        np.isnan(np.asarray(got[0])).any() or np.isnan(got[1])
                    )
                ),
                "Nothing was climbed, nothing is to be divided by it.": (
                    ZeroDivisionError
                ),
            },
        ),
    ],
}

"""How sure is a score, or a difference? Intervals.

The bootstrap: draw the test set again from itself, with replacement; score each draw;
the spread of the scores is the spread to expect from another test set of that size
(Efron, 1979, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics
7:1-26). Lesson 08 does it by hand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from labkit import validation
from labkit.errors import LabError

Statistic = Callable[..., float]

_DRAWN_AT_ONCE = 2**22  # indices: 32 MiB


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its confidence interval.

    >>> print(score := Interval(0.927, 0.901, 0.951))
    0.927 [0.901, 0.951]
    >>> 0.92 in score
    True
    >>> estimate, low, high = score
    """

    estimate: float
    low: float
    high: float
    confidence: float = 0.95

    def __str__(self) -> str:
        return f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def __iter__(self) -> Iterator[float]:
        return iter((self.estimate, self.low, self.high))

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def excludes(self, value: float) -> bool:
        """Whether the data speak against `value`: for a difference, ask about 0."""
        return value not in self


def bootstrap_interval(
    *samples: ArrayLike,
    statistic: Statistic = np.mean,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """The bootstrap interval of a statistic, between the quantiles of its draws.

        bootstrap_interval(predictions == labels)                      # accuracy
        bootstrap_interval(labels, predictions, statistic=f1_score)
        bootstrap_interval(right, groups=contexts)  # many questions, few texts

    It knows only what is in the sample. If all are right, or there is only one
    example, every draw is alike and the interval has no width: use `wilson_interval`.

    Args:
        samples: arrays whose rows are the same examples, shape (examples, ...) each.
            An example is drawn with its row of every array.
        statistic: `statistic(*samples) -> float`; the mean takes one array.
        groups: what each example belongs to, shape (examples,), where those of one
            group resemble each other, as questions about one text. Whole groups are
            drawn, each with all its examples.

    Raises:
        LabError: no examples, unequal lengths, NaN in the data or the statistic, fewer
            than two groups, a confidence that is none, or no resamples.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13;
        whole groups: Davison and Hinkley (1997), Bootstrap Methods and their
        Application, section 3.8.
    """
    validation.number("confidence", confidence, above=0, below=1)
    validation.number("resamples", resamples, at_least=1, whole=True)
    arrays = _examples(samples, numbers=statistic is np.mean)
    random = np.random.default_rng(seed)
    if groups is None:
        scores = _scores(arrays, statistic, resamples, random)
    else:
        members = _members(groups, len(arrays[0]))
        scores = _scores_of_groups(arrays, members, statistic, resamples, random)
    estimate = float(statistic(*arrays))
    if np.isnan(estimate) or np.isnan(scores).any():
        raise LabError(
            "the statistic is NaN on the data, or on a draw from them.",
            "A draw may miss a class or repeat one example, and leave it undefined.",
            "Give it a value there: in scikit-learn, `zero_division=0`.",
        )
    low, high = np.quantile(scores, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, float(low), float(high), confidence)


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    *shared: ArrayLike,
    statistic: Statistic = np.mean,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """The interval of how much better `a` scores than `b` on the same examples.

        paired_bootstrap(correct_a, correct_b).excludes(0)
        paired_bootstrap(predictions_a, predictions_b, labels, statistic=f1_score)

    Both are scored on the same draws, so what makes an example hard for both cancels:
    the difference can be sure although the two intervals overlap.

    Args:
        a, b: the two systems' scores or outputs, shape (examples, ...) each.
        shared: what the statistic takes besides, such as the references.
        statistic: the difference is `statistic(a, *shared) - statistic(b, *shared)`.
        groups: as of `bootstrap_interval`.

    Raises:
        LabError: as `bootstrap_interval` does.

    Source: Koehn (2004), Statistical Significance Tests for Machine Translation
        Evaluation, section 4; Berg-Kirkpatrick, Burkett and Klein (2012), An
        Empirical Investigation of Statistical Significance in NLP, section 2.
    """

    def difference(a: NDArray[Any], b: NDArray[Any], *shared: NDArray[Any]) -> float:
        return statistic(a, *shared) - statistic(b, *shared)

    return bootstrap_interval(
        a,
        b,
        *shared,
        statistic=difference,
        groups=groups,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )


def wilson_interval(correct: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """SciPy's for a share of right answers; honest at 0 %, 100 % and n = 1.

    Args:
        correct: right or wrong, shape (examples,).

    Raises:
        LabError: no examples, a value that is neither right (1) nor wrong (0), or a
            confidence that is none.

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical
        Inference, Journal of the American Statistical Association 22:209-212.
    """
    answers = validation.right_or_wrong(correct, "answers")
    validation.number("confidence", confidence, above=0, below=1)
    test = binomtest(int(answers.sum()), answers.size)
    low, high = test.proportion_ci(confidence, method="wilson")
    return Interval(float(test.statistic), float(low), float(high), confidence)


def _scores(
    arrays: list[NDArray[Any]],
    statistic: Statistic,
    resamples: int,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """The statistic of each draw; of means, those of many draws at a time."""
    size, scores = len(arrays[0]), []
    at_once = max(1, _DRAWN_AT_ONCE // size)
    for done in range(0, resamples, at_once):
        draws = random.integers(size, size=(min(at_once, resamples - done), size))
        if statistic is np.mean:
            drawn = arrays[0][draws].reshape(len(draws), -1)
            scores += [*drawn.mean(axis=1, dtype=float)]
        else:
            scores += [statistic(*(array[rows] for array in arrays)) for rows in draws]
    return np.array(scores)


def _scores_of_groups(
    arrays: list[NDArray[Any]],
    members: list[NDArray[np.intp]],
    statistic: Statistic,
    resamples: int,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """The statistic of each draw of as many groups; of means, by the groups' sums."""
    draws = random.integers(len(members), size=(resamples, len(members)))
    if statistic is np.mean:
        sums = np.array([arrays[0][rows].sum(dtype=float) for rows in members])
        sizes = np.array([arrays[0][rows].size for rows in members])
        means: NDArray[np.float64] = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
        return means
    drawn = (np.concatenate([members[group] for group in draw]) for draw in draws)
    return np.array([statistic(*(array[rows] for array in arrays)) for rows in drawn])


def _members(groups: ArrayLike, size: int) -> list[NDArray[np.intp]]:
    """The numbers of the examples of each group."""
    named = validation.axes(validation.values(groups, "groups"), "groups", "examples")
    validation.pairs(groups=named, examples=range(size))
    number = np.unique(named, return_inverse=True)[1]
    members = np.split(number.argsort(kind="stable"), np.bincount(number).cumsum()[:-1])
    if len(members) < 2:
        raise LabError(
            f"all {size:,} examples are of one group.",
            "Groups are drawn again, and every draw of one would be alike.",
            "Pass examples of two groups or more: of twenty, if you can.",
        )
    return members


def _examples(samples: Sequence[ArrayLike], numbers: bool) -> list[NDArray[Any]]:
    """The samples as arrays, refused unless each row is one example, complete."""
    given = validation.items(samples, "examples")
    arrays = [validation.values(sample, "examples") for sample in given]
    validation.pairs(**{f"array {i}": array for i, array in enumerate(arrays, 1)})
    if numbers and len(arrays) > 1:
        raise LabError(
            f"the mean takes one array, not {len(arrays)}.",
            "Pass `predictions == labels` for the accuracy, or another `statistic=`.",
        )
    return [validation.numbers(arrays[0], "examples")] if numbers else arrays

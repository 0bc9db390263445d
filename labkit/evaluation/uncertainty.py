"""How sure is a score, a difference, a training run? Intervals, tests, sample sizes.

The bootstrap: draw the test set again from itself, with replacement; score each draw;
the spread of the scores is the spread to expect from another test set of that size
(Efron, 1979, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics
7:1-26). It is for examples; `over_seeds` is for training runs, of which there are few.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.errors import LabError

Statistic = Callable[..., float]
Method = Literal["percentile", "bca"]

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


@dataclass(frozen=True)
class Seeds(Interval):
    """The mean of several training runs, its interval, and the runs' own scores.

    >>> print(over_seeds([0.91, 0.93, 0.92]))
    0.920 [0.895, 0.945], 3 seeds, 0.910 to 0.930
    """

    scores: tuple[float, ...] = ()

    def __str__(self) -> str:
        low, high = min(self.scores), max(self.scores)
        runs = f"{len(self.scores)} seeds, {low:.3f} to {high:.3f}"
        return f"{super().__str__()}, {runs}"


@dataclass(frozen=True)
class McNemar:
    """How often just one of two systems was right, and how surprising that split is.

    >>> print(mcnemar([1, 1, 1, 1, 0], [0, 0, 0, 1, 1]))
    only a right: 3, only b right: 1, p = 0.625 (mid-p 0.375)
    """

    only_a: int
    only_b: int
    exact: float
    mid_p: float

    def __str__(self) -> str:
        right = f"only a right: {self.only_a}, only b right: {self.only_b}"
        return f"{right}, p = {self.exact:.3g} (mid-p {self.mid_p:.3g})"


def bootstrap_interval(
    *samples: ArrayLike,
    statistic: Statistic = np.mean,
    confidence: float = 0.95,
    method: Method = "percentile",
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """The bootstrap interval of a statistic of the examples.

        bootstrap_interval(predictions == labels)                      # accuracy
        bootstrap_interval(labels, predictions, statistic=f1_score)

    It knows only what is in the sample. If all are right, or there is only one
    example, every draw is alike and the interval has no width: use `wilson_interval`.

    Args:
        samples: arrays whose rows are the same examples, shape (examples, ...) each.
            An example is drawn with its row of every array.
        statistic: `statistic(*samples) -> float`; the mean takes one array.
        method: "percentile", between the quantiles of the scores, or "bca", between
            quantiles moved by the draws' bias and by the statistic's skewness: nearer
            to the nominal coverage for skewed scores, and one statistic an example
            dearer.

    Raises:
        LabError: no examples, unequal lengths, or NaN in the data or the statistic;
            for "bca", every draw lies on one side of the estimate.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13
        for the percentile interval, and equations 14.9 to 14.15 for BCa.
    """
    _check_confidence(confidence)
    arrays = _check_samples(samples)
    generator = np.random.default_rng(seed)
    if statistic is np.mean:
        scores = _means(arrays, resamples, generator)
    else:
        scores = _scores(arrays, statistic, resamples, generator)
    estimate = float(statistic(*arrays))
    if np.isnan(estimate) or np.isnan(scores).any():
        raise LabError(
            "the statistic is NaN on the data, or on a draw from them.",
            "A draw may miss a class or repeat one example, and leave it undefined.",
            "Give it a value there: in scikit-learn, `zero_division=0`.",
        )
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    if method == "bca" and (scores != estimate).any():  # else it has no width
        tails = _bca_tails(tails, scores, estimate, _jackknife(arrays, statistic))
    low, high = np.quantile(scores, tails)
    return Interval(estimate, float(low), float(high), confidence)


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    *shared: ArrayLike,
    statistic: Statistic = np.mean,
    confidence: float = 0.95,
    method: Method = "percentile",
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
        confidence=confidence,
        method=method,
        resamples=resamples,
        seed=seed,
    )


def wilson_interval(correct: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """The closed form for a share of right answers; honest at 0 %, 100 % and n = 1.

    With p the share right among n examples and z the normal quantile, the ends are
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    Args:
        correct: right or wrong, shape (examples,).

    Raises:
        LabError: no examples, or a value that is neither right (1) nor wrong (0).

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical
        Inference, Journal of the American Statistical Association 22:209-212.
    """
    _check_confidence(confidence)
    answers = _answers(*_check_samples([correct]))
    n, p = answers.size, float(answers.mean())
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = p + z**2 / (2 * n)
    margin = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = ((middle + side * margin) / (1 + z**2 / n) for side in (-1, 1))
    return Interval(p, max(low, 0.0), min(high, 1.0), confidence)


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> McNemar:
    """Could the examples that just one of two systems gets right be a fair coin's?

    Of n such examples let k be the rarer side. Under "neither is better" it is
    binomial with p = 1/2, so that exact = min(1, 2 P(X ≤ k)). The mid-p counts
    outcomes as extreme as k by half; its error rate is nearer to the nominal.

    Args:
        correct_a, correct_b: right or wrong on the same examples, shape (examples,).

    Raises:
        LabError: no examples, unequal lengths, or a value that is neither 1 nor 0.

    Source: McNemar (1947), Psychometrika 12:153-157; Fagerland, Lydersen and Laake
        (2013), BMC Medical Research Methodology 13:91.
    """
    a, b = (_answers(each) for each in _check_samples([correct_a, correct_b]))
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    n, k = only_a + only_b, min(only_a, only_b)
    outcomes = [math.comb(n, x) for x in range(k + 1)]  # whole numbers: no rounding
    exact = min(1.0, 2 * sum(outcomes) / 2**n)
    mid_p = exact - outcomes[k] / 2**n / (2 if only_a == only_b else 1)
    return McNemar(only_a, only_b, exact, mid_p)


def over_seeds(scores: ArrayLike, *, confidence: float = 0.95) -> Seeds:
    """The mean score of training runs that differ in their seed, and its interval.

    mean ± t s/√n, with s the runs' standard deviation, n their number and t Student's
    quantile for n - 1 degrees of freedom. It is the spread of training; that of the
    test set comes on top (`bootstrap_interval`). Report all runs, never the best.

    Args:
        scores: one a run, shape (runs,).

    Raises:
        LabError: fewer than two runs, or NaN.

    Source: Student (1908), Biometrika 6:1-25; for why, Reimers and Gurevych (2017),
        Reporting Score Distributions Makes a Difference, EMNLP.
    """
    _check_confidence(confidence)
    runs = _runs(scores)
    variance = runs.var(ddof=1) / len(runs)
    half = _student(confidence, len(runs) - 1) * math.sqrt(variance)
    mean = float(runs.mean())
    return Seeds(mean, mean - half, mean + half, confidence, tuple(runs.tolist()))


def difference_over_seeds(
    a: ArrayLike, b: ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """How much better the runs of `a` score than those of `b`, on average.

    Seed 1 of one system has nothing in common with seed 1 of another, so the runs are
    not paired, and neither their numbers nor their spreads need be equal.

    Args:
        a, b: one score a run, shape (runs,) each.

    Raises:
        LabError: fewer than two runs of either, or NaN.

    Source: Welch (1947), Biometrika 34:28-35, equation 28 for the degrees of freedom.
    """
    _check_confidence(confidence)
    runs = [_runs(a), _runs(b)]
    variances = [each.var(ddof=1) / len(each) for each in runs]
    total = sum(variances)
    difference = float(runs[0].mean() - runs[1].mean())
    if not total:  # no spread at all: no width
        return Interval(difference, difference, difference, confidence)
    shares = [v**2 / (len(each) - 1) for v, each in zip(variances, runs, strict=True)]
    half = _student(confidence, total**2 / sum(shares)) * math.sqrt(total)
    return Interval(difference, difference - half, difference + half, confidence)


def examples_for_difference(
    a: float, b: float, *, power: float = 0.8, confidence: float = 0.95
) -> int:
    """Test examples for each of two systems, to see accuracies `a` and `b` apart.

    Each is tested on examples of its own. With z and y the normal quantiles of the
    confidence (two-sided) and of the power,
    n = (z + y)² (a(1-a) + b(1-b)) / (a-b)².

    Args:
        power: the probability to see the difference if there is one.

    Raises:
        LabError: equal accuracies, or a number that is no share.

    Source: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and
        Proportions, chapter 4, with both variances as the alternative has them.
    """
    if a == b or not (0 <= a <= 1 and 0 <= b <= 1):
        raise LabError(
            f"accuracies {a} and {b} are not two different shares.",
            "Pass the two that you want to tell apart, from 0 to 1.",
        )
    z, y = _quantiles(confidence, power)
    return math.ceil((z + y) ** 2 * (a * (1 - a) + b * (1 - b)) / (a - b) ** 2)


def examples_for_paired_difference(
    difference: float,
    disagreement: float,
    *,
    power: float = 0.8,
    confidence: float = 0.95,
) -> int:
    """Test examples to see that difference of two systems tested on the same ones.

    Only examples that just one of them gets right tell them apart. If these are the
    share `disagreement` ψ, and the accuracies differ by δ, then
    n = (z √ψ + y √(ψ - δ²))² / δ². A pilot of a hundred examples gives ψ.

    Args:
        power: the probability to see the difference if there is one.

    Raises:
        LabError: a difference of 0, or less disagreement than difference.

    Source: Connor (1987), Sample Size for Testing Differences in Proportions for the
        Paired-Sample Design, Biometrics 43:207-211.
    """
    if difference == 0 or not abs(difference) <= disagreement <= 1:
        raise LabError(
            f"a difference of {difference} cannot come from a disagreement on "
            f"{disagreement} of the examples.",
            "The difference must not be 0, and the disagreement from it to 1.",
        )
    z, y = _quantiles(confidence, power)
    spread = math.sqrt(disagreement - difference**2)
    return math.ceil((z * math.sqrt(disagreement) + y * spread) ** 2 / difference**2)


def _bca_tails(
    tails: list[float],
    scores: NDArray[np.float64],
    estimate: float,
    left_out: NDArray[np.float64],
) -> list[float]:
    """Which quantiles of the draws bias-corrected and accelerated ends are.

    The names are those of Efron and Tibshirani (1993), equations 14.10 to 14.15.
    """
    below = ((scores < estimate).mean() + (scores <= estimate).mean()) / 2
    if not 0 < below < 1:
        raise LabError(
            f"every draw scores {'below' if below else 'above'} the data themselves.",
            "A draw repeats examples, and this statistic minds that.",
            "No bootstrap interval of it means anything: score it in another way.",
        )
    influence = left_out.mean() - left_out
    cubes, squares = (influence**3).sum(), (influence**2).sum()
    acceleration = cubes / (6 * squares**1.5) if squares else 0.0
    normal = NormalDist()
    bias = normal.inv_cdf(below)
    shifted = [bias + normal.inv_cdf(tail) for tail in tails]
    return [normal.cdf(bias + z / (1 - acceleration * z)) for z in shifted]


def _jackknife(arrays: list[NDArray[Any]], statistic: Statistic) -> NDArray[np.float64]:
    """The statistic of all examples but one, for each one, shape (examples,)."""
    size = len(arrays[0])
    if statistic is np.mean:
        rows = arrays[0].reshape(size, -1).astype(float).mean(axis=1)
        return (rows.sum() - rows) / (size - 1)
    kept = ~np.eye(size, dtype=bool)
    return np.array([statistic(*(array[rows] for array in arrays)) for rows in kept])


def _means(
    arrays: list[NDArray[Any]], resamples: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """The means of the draws, many draws at a time; the same draws as `_scores`."""
    if len(arrays) != 1:
        raise LabError(
            f"the mean takes one array, not {len(arrays)}.",
            "Pass `predictions == labels` for the accuracy, or another `statistic=`.",
        )
    values, size = arrays[0].astype(float), len(arrays[0])
    at_once = max(1, _DRAWN_AT_ONCE // size)
    batches = [min(at_once, resamples - done) for done in range(0, resamples, at_once)]
    draws = (values[generator.integers(size, size=(n, size))] for n in batches)
    return np.concatenate(
        [drawn.reshape(len(drawn), -1).mean(axis=1) for drawn in draws]
    )


def _scores(
    arrays: list[NDArray[Any]],
    statistic: Statistic,
    resamples: int,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    size = len(arrays[0])
    draws = (generator.integers(size, size=size) for _ in range(resamples))
    return np.array([statistic(*(array[rows] for array in arrays)) for rows in draws])


def _check_samples(samples: Sequence[ArrayLike]) -> list[NDArray[Any]]:
    """The samples as arrays, refused unless each row is one example, complete."""
    arrays = [np.asarray(sample) for sample in samples]
    lengths = [array.shape[0] if array.ndim else 0 for array in arrays]
    if not all(lengths) or not lengths:
        raise LabError(
            "there are no examples to resample.",
            "Pass one value an example, not their mean.",
        )
    if len(set(lengths)) > 1:
        raise LabError(
            f"the arrays do not pair up: they have {lengths} examples.",
            "All must come from the same examples, in the same order.",
        )
    for array in arrays:
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise LabError(
                f"{int(np.isnan(array).sum())} of {array.size} values are NaN.",
                "An interval over the rest would be of other data: find why first.",
            )
    return arrays


def _answers(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise LabError(
            "this is for answers that are right (1) or wrong (0), one an example.",
            "For scores in between, use `bootstrap_interval` or `paired_bootstrap`.",
        )
    return values.astype(bool)


def _runs(scores: ArrayLike) -> NDArray[np.float64]:
    (runs,) = _check_samples([scores])
    if len(runs) < 2 or runs.ndim != 1:
        raise LabError(
            f"scores of the shape {runs.shape} are not those of several runs.",
            "One run does not tell how much the next would differ: train with two "
            "seeds or more.",
        )
    return runs.astype(float)


def _student(confidence: float, freedom: float) -> float:
    from scipy.special import stdtrit  # here: it takes longer to import than all else

    return float(stdtrit(freedom, (1 + confidence) / 2))


def _quantiles(confidence: float, power: float) -> tuple[float, float]:
    """The normal quantiles of a two-sided confidence, and of the power."""
    _check_confidence(confidence)
    if not 0.5 <= power < 1:
        raise LabError(
            f"a power of {power} is not from 0.5 up to 1.",
            "For an 80 % chance to see the difference pass 0.8.",
        )
    normal = NormalDist()
    return normal.inv_cdf((1 + confidence) / 2), normal.inv_cdf(power)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise LabError(
            f"a confidence of {confidence} is not between 0 and 1.",
            "For 95 % pass 0.95.",
        )

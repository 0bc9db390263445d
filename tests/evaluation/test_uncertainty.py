"""Intervals agree with SciPy and closed forms, and hold the truth as often as said."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from labkit.errors import LabError
from labkit.evaluation import (
    Interval,
    bootstrap_interval,
    difference_over_seeds,
    examples_for_difference,
    examples_for_paired_difference,
    mcnemar,
    over_seeds,
    paired_bootstrap,
    wilson_interval,
)

macro_f1 = partial(f1_score, average="macro", zero_division=0)
finite = st.floats(-1e6, 1e6)
answers = st.lists(st.booleans(), min_size=1, max_size=60)


def distinct(values):
    """A draw has hardly ever as many as the data: resampling breaks it."""
    return float(len(set(values.tolist())))


def correct(size, share, seed=0):
    return np.random.default_rng(seed).random(size) < share


@settings(max_examples=100, deadline=None)
@given(st.lists(finite, min_size=2, max_size=40), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_of_a_mean_is_scipys(values, confidence):
    ours = bootstrap_interval(values, confidence=confidence, resamples=300, seed=7)
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=300,
        method="percentile",
        rng=np.random.default_rng(7),
    ).confidence_interval
    scale = max(map(abs, values))
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=1e-9 * scale)


def test_the_interval_of_a_statistic_of_pairs_is_scipys():
    labels = np.random.default_rng(0).integers(0, 3, 80)
    predictions = np.where(correct(80, 0.8), labels, (labels + 1) % 3)
    ours = bootstrap_interval(labels, predictions, statistic=macro_f1, resamples=150)
    theirs = stats.bootstrap(
        (labels, predictions),
        macro_f1,
        paired=True,
        vectorized=False,
        n_resamples=150,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert ours.estimate == macro_f1(labels, predictions)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs))


@settings(max_examples=100, deadline=None)
@given(st.lists(finite, min_size=1, max_size=30), st.integers(0, 2**32))
def test_the_fast_path_of_the_mean_draws_what_the_slow_one_does(values, seed):
    fast = bootstrap_interval(values, resamples=100, seed=seed)
    slow = bootstrap_interval(
        values, statistic=lambda drawn: np.mean(drawn), resamples=100, seed=seed
    )
    assert [*fast] == pytest.approx([*slow], rel=1e-9, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**32), st.sampled_from([0.8, 0.95, 0.99]))
def test_bca_is_scipys(size, seed, confidence):
    values = np.random.default_rng(seed).exponential(size=size)
    ours = bootstrap_interval(
        values, confidence=confidence, resamples=200, seed=7, method="bca"
    )
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=200,
        method="BCa",
        rng=np.random.default_rng(7),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), rel=1e-6)


def test_bca_of_a_statistic_of_pairs_is_scipys():
    labels = np.random.default_rng(0).integers(0, 3, 60)
    predictions = np.where(correct(60, 0.8), labels, (labels + 1) % 3)
    options = {"statistic": macro_f1, "resamples": 150}
    ours = bootstrap_interval(labels, predictions, method="bca", **options)
    theirs = stats.bootstrap(
        (labels, predictions),
        macro_f1,
        paired=True,
        vectorized=False,
        n_resamples=150,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs))
    assert ours != bootstrap_interval(labels, predictions, **options)


def test_bca_of_a_paired_difference_is_that_of_the_gains():
    generator = np.random.default_rng(0)
    a, b = generator.exponential(size=(2, 50))
    paired = paired_bootstrap(a, b, method="bca", resamples=200)
    gains = bootstrap_interval(a - b, method="bca", resamples=200)
    assert [*paired] == pytest.approx([*gains])
    assert paired != paired_bootstrap(a, b, resamples=200)


def test_bca_of_rows_takes_their_mean():
    rows = np.random.default_rng(0).exponential(size=(30, 2))
    ours = bootstrap_interval(rows, method="bca", resamples=200)
    slow = bootstrap_interval(
        rows, statistic=lambda drawn: np.mean(drawn), method="bca", resamples=200
    )
    assert [*ours] == pytest.approx([*slow])


def test_bca_without_any_spread_has_no_width():
    for values in ([0.3], [True] * 20, [False]):
        interval = bootstrap_interval(values, method="bca", resamples=50)
        assert {*interval} == {values[0]}
    largest = bootstrap_interval([1, 2, 2], statistic=np.max, method="bca")
    assert largest.high == 2  # no one example matters to it, though the draws differ


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 120), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32))
def test_mcnemars_exact_p_is_scipys_binomial_test(size, p, q, seed):
    a, b = np.random.default_rng(seed).random((2, size)) < [[p], [q]]
    test = mcnemar(a, b)
    assert (test.only_a, test.only_b) == (sum(a & ~b), sum(b & ~a))
    n = test.only_a + test.only_b
    expected = stats.binomtest(test.only_a, n).pvalue if n else 1.0
    assert test.exact == pytest.approx(expected)
    chances = stats.binom.pmf(np.arange(n + 1), n, 0.5)
    off = np.abs(np.arange(n + 1) - n / 2) - abs(test.only_a - n / 2)
    half = chances[off > 0].sum() + chances[off == 0].sum() / 2
    assert test.mid_p == pytest.approx(half if n else 0.5)
    assert mcnemar(b, a).exact == test.exact


def test_mcnemar_agrees_with_its_chi_square_on_many_disagreements():
    a = np.arange(4_000) < 1_100
    b = ~a & (np.arange(4_000) < 2_100)
    chi_square = (1_100 - 1_000) ** 2 / 2_100
    expected = stats.chi2.sf(chi_square, 1)
    assert mcnemar(a, b).mid_p == pytest.approx(expected, rel=0.01)


def test_mcnemar_finds_chance_alone_no_oftener_than_it_says():
    generator = np.random.default_rng(0)
    a, b = generator.random((2, 1_000, 80)) < 0.8
    tests = [mcnemar(*pair) for pair in zip(a, b, strict=True)]
    assert np.mean([test.exact < 0.05 for test in tests]) <= 0.05
    assert np.mean([test.mid_p < 0.05 for test in tests]) == pytest.approx(
        0.05, abs=0.02
    )


@pytest.mark.parametrize("answer", [True, False])
def test_systems_that_never_disagree_are_never_told_apart(answer):
    test = mcnemar([answer] * 9, [answer] * 9)
    assert (test.only_a, test.only_b, test.exact) == (0, 0, 1.0)
    assert mcnemar([True], [False]).exact == 1.0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.sampled_from([0.8, 0.95]))
def test_the_interval_over_seeds_is_scipys_t_interval(scores, confidence):
    ours = over_seeds(scores, confidence=confidence)
    assert ours.estimate == pytest.approx(np.mean(scores))
    assert ours.scores == tuple(scores)
    if np.std(scores) > 1e-6:  # SciPy has NaN for none
        theirs = stats.ttest_1samp(scores, 0).confidence_interval(confidence)
        assert (ours.low, ours.high) == pytest.approx(tuple(theirs))


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 2**32))
def test_the_difference_over_seeds_is_scipys_welch_interval(n, m, seed):
    generator = np.random.default_rng(seed)
    a, b = generator.normal(0.9, 0.01, n), generator.normal(0.8, 0.05, m)
    ours = difference_over_seeds(a, b, confidence=0.9)
    theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert ours.estimate == pytest.approx(a.mean() - b.mean())
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs))


def test_seeds_that_all_agree_leave_no_width():
    assert {*over_seeds([0.5, 0.5])} == {0.5}
    assert {*difference_over_seeds([0.75, 0.75], [0.5, 0.5, 0.5])} == {0.25}


def test_a_report_over_seeds_names_their_number_and_their_range():
    said = str(over_seeds([0.91, 0.93, 0.92]))
    assert said == "0.920 [0.895, 0.945], 3 seeds, 0.910 to 0.930"


@settings(max_examples=200, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.sampled_from([0.8, 0.9]))
def test_that_many_examples_give_the_power_that_was_asked(a, b, power):
    if abs(a - b) < 0.01:
        return
    n = examples_for_difference(a, b, power=power)
    error = np.sqrt((a * (1 - a) + b * (1 - b)) / np.array([n, max(n - 1, 0.1)]))
    reached = stats.norm.cdf(abs(a - b) / error - stats.norm.ppf(0.975))
    assert reached[0] >= power > reached[1] or n == 1


@settings(max_examples=200, deadline=None)
@given(st.floats(0.01, 0.5), st.floats(0, 1), st.sampled_from([0.8, 0.9]))
def test_that_many_paired_examples_do_too(difference, more, power):
    disagreement = difference + more * (1 - difference)
    n = examples_for_paired_difference(difference, disagreement, power=power)
    root = np.sqrt(np.array([n, n - 1]))
    z = stats.norm.ppf(0.975) * np.sqrt(disagreement)
    spread = np.sqrt(max(disagreement - difference**2, 1e-300))
    reached = stats.norm.cdf((difference * root - z) / spread)
    assert reached[0] >= power - 1e-9
    assert power > reached[1] - 1e-9 or n == 1


def test_the_sample_sizes_hold_in_simulated_comparisons():
    generator = np.random.default_rng(0)
    n = examples_for_difference(0.9, 0.8)
    assert n == 197
    a, b = generator.random((2, 2_000, n)) < np.array([0.9, 0.8])[:, None, None]
    p, q = a.mean(axis=1), b.mean(axis=1)
    apart = np.abs(p - q) > 1.96 * np.sqrt((p * (1 - p) + q * (1 - q)) / n)
    assert apart.mean() == pytest.approx(0.8, abs=0.04)

    n = examples_for_paired_difference(0.05, 0.15)
    draws = generator.choice([1, -1, 0], p=[0.10, 0.05, 0.85], size=(2_000, n))
    p_values = [mcnemar(draw == 1, draw == -1).mid_p for draw in draws]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.8, abs=0.04)
    assert n < examples_for_difference(0.85, 0.80)  # what pairing saves


def test_large_data_are_drawn_in_batches_and_still_alike(monkeypatch):
    values = correct(1_000, 0.9)
    at_once = bootstrap_interval(values)
    monkeypatch.setattr("labkit.evaluation.uncertainty._DRAWN_AT_ONCE", 7_500)
    assert bootstrap_interval(values) == at_once


def test_the_width_for_a_large_sample_is_the_normal_ones():
    values = np.random.default_rng(0).normal(3, 2, 5_000)
    interval = bootstrap_interval(values, resamples=5_000)
    half = 1.96 * values.std() / np.sqrt(5_000)
    assert interval.estimate == values.mean()
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.04)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_interval_holds_the_true_accuracy_as_often_as_it_says(share, method):
    tests = np.random.default_rng(0).random((1_000, 200)) < share
    options = {"resamples": 400, "method": method}
    held = [share in bootstrap_interval(test, **options) for test in tests]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_wilson_interval_holds_it_too_even_on_few_examples(share):
    tests = np.random.default_rng(2).random((1_000, 60)) < share
    held = [share in wilson_interval(test) for test in tests]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_bca_holds_a_skewed_mean_better_than_the_percentiles():
    tests = np.random.default_rng(0).exponential(size=(1_000, 40)) ** 1.5
    truth = 3 * np.sqrt(np.pi) / 4  # the mean of x^1.5 is Γ(2.5)
    held = {
        method: np.mean(
            [
                truth in bootstrap_interval(t, resamples=400, method=method)
                for t in tests
            ]
        )
        for method in ("percentile", "bca")
    }
    assert held["bca"] > held["percentile"]


@pytest.mark.parametrize("runs", [2, 3, 5, 10])
def test_the_interval_over_seeds_holds_the_true_mean_as_often_as_it_says(runs):
    trained = np.random.default_rng(0).normal(0.9, 0.01, (1_000, runs))
    held = [0.9 in over_seeds(scores) for scores in trained]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_the_difference_over_seeds_holds_the_true_one_as_often_as_it_says():
    generator = np.random.default_rng(0)
    a = generator.normal(0.92, 0.01, (1_000, 5))
    b = generator.normal(0.90, 0.02, (1_000, 8))
    held = [0.02 in difference_over_seeds(*pair) for pair in zip(a, b, strict=True)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_the_paired_interval_holds_the_true_difference_as_often_as_it_says():
    generator = np.random.default_rng(1)
    ease = generator.random((1_000, 150))  # an example is as easy for both
    a = generator.normal(ease + 0.1, 0.3)
    b = generator.normal(ease, 0.3)
    held = [0.1 in bootstrap_interval(gain, resamples=400) for gain in a - b]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_paired_mean_is_the_mean_of_the_differences(data):
    size = data.draw(st.integers(1, 30))
    a, b = data.draw(st.tuples(*[st.lists(finite, min_size=size, max_size=size)] * 2))
    paired = paired_bootstrap(a, b, resamples=50)
    gains = bootstrap_interval(np.subtract(a, b), resamples=50)
    assert [*paired] == pytest.approx([*gains], rel=1e-6, abs=1e-6)


def test_a_system_against_itself_differs_by_exactly_nothing():
    a = correct(100, 0.8)
    assert paired_bootstrap(a, a, resamples=100) == Interval(0.0, 0.0, 0.0)


def test_pairing_sees_a_difference_that_two_intervals_cannot():
    worse = correct(300, 0.8)
    better = worse | (np.arange(300) < 40)
    apart = bootstrap_interval(better).low > bootstrap_interval(worse).high
    assert not apart
    assert paired_bootstrap(better, worse).excludes(0)


def test_a_paired_difference_takes_any_statistic_and_shares_the_references():
    labels = np.arange(200) % 2
    good = np.where(correct(200, 0.95), labels, 1 - labels)
    bad = np.where(correct(200, 0.7, seed=1), labels, 1 - labels)
    gain = paired_bootstrap(good, bad, labels, statistic=macro_f1, resamples=100)
    assert gain.estimate == macro_f1(labels, good) - macro_f1(labels, bad)
    assert gain.excludes(0)


def test_texts_and_rows_are_drawn_as_wholes():
    hypotheses, references = ["a b", "c", "d e f"], ["a b", "x", "d e f"]

    def exact(ours, theirs):
        return float(np.mean([a == b for a, b in zip(ours, theirs, strict=True)]))

    interval = bootstrap_interval(hypotheses, references, statistic=exact)
    assert (interval.estimate, interval.low) == (pytest.approx(2 / 3), 0)
    counts = np.array([[3, 4], [0, 1], [2, 2]])  # matches, tokens: one row a sentence
    ratio = bootstrap_interval(
        counts, statistic=lambda c: c[:, 0].sum() / c[:, 1].sum()
    )
    assert ratio.estimate == 5 / 7
    assert bootstrap_interval(counts).estimate == counts.mean()


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.random.default_rng(0).normal(size=50)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


def test_one_example_or_all_alike_leave_the_bootstrap_without_width():
    assert bootstrap_interval([0.3]) == Interval(0.3, 0.3, 0.3)
    assert bootstrap_interval([True] * 20) == Interval(1.0, 1.0, 1.0)
    assert bootstrap_interval([False] * 20) == Interval(0.0, 0.0, 0.0)


@settings(max_examples=200, deadline=None)
@given(answers, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_wilson_interval_is_scipys(right, confidence):
    ours = wilson_interval(right, confidence=confidence)
    test = stats.binomtest(sum(right), len(right))
    theirs = test.proportion_ci(confidence, method="wilson")
    assert ours.estimate == sum(right) / len(right)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=1e-12)


def test_twenty_of_twenty_right_is_not_certainty():
    interval = wilson_interval([True] * 20)
    assert (interval.estimate, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(0.839, abs=1e-3)
    assert wilson_interval([False]).high == pytest.approx(0.793, abs=1e-3)


def test_the_bootstrap_and_wilson_agree_on_many_answers():
    right = correct(2_000, 0.9)
    assert [*bootstrap_interval(right)] == pytest.approx(
        [*wilson_interval(right)], abs=2e-3
    )


def test_an_interval_prints_unpacks_and_says_what_it_holds():
    score = Interval(0.927, 0.9014, 0.9511)
    assert f"{score}" == "0.927 [0.901, 0.951]"
    assert (*score,) == (0.927, 0.9014, 0.9511)
    assert 0.9014 in score
    assert score.excludes(0.96)
    with pytest.raises(AttributeError):
        score.low = 0.0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bootstrap_interval([]), "no examples"),
        (lambda: bootstrap_interval(), "no examples"),
        (lambda: bootstrap_interval(0.93), "no examples"),
        (lambda: bootstrap_interval([0.5, np.nan]), "1 of 2 values are NaN"),
        (lambda: bootstrap_interval([1, 0], [1, 0]), "the mean takes one array, not 2"),
        (lambda: bootstrap_interval([1, 0], confidence=95), "confidence of 95"),
        (lambda: bootstrap_interval([1, 2], [1], statistic=macro_f1), "do not pair up"),
        (lambda: paired_bootstrap([1, 0], [1]), r"do not pair up: they have \[2, 1\]"),
        (lambda: paired_bootstrap([np.nan], [1]), "NaN"),
        (lambda: wilson_interval([0.5, 1]), "right .1. or wrong .0."),
        (lambda: wilson_interval([1], confidence=95), "confidence of 95"),
        (lambda: mcnemar([], []), "no examples"),
        (lambda: mcnemar([1, 0], [1]), "do not pair up"),
        (lambda: mcnemar([1, np.nan], [1, 0]), "NaN"),
        (lambda: mcnemar([0.5], [1]), "right .1. or wrong .0."),
        (lambda: over_seeds([0.9]), "not those of several runs"),
        (lambda: over_seeds([[0.9, 0.8]] * 2), "not those of several runs"),
        (lambda: over_seeds([0.9, np.nan]), "NaN"),
        (lambda: over_seeds([0.9, 0.8], confidence=95), "confidence of 95"),
        (lambda: difference_over_seeds([0.9, 0.8], [0.7]), "not those of several runs"),
        (lambda: examples_for_difference(0.9, 0.9), "not two different shares"),
        (lambda: examples_for_difference(90, 80), "not two different shares"),
        (lambda: examples_for_difference(0.9, 0.8, power=80), "power of 80"),
        (lambda: examples_for_paired_difference(0.1, 0.05), "cannot come from"),
        (lambda: examples_for_paired_difference(0, 0.05), "cannot come from"),
        (
            lambda: bootstrap_interval(range(30), statistic=distinct, method="bca"),
            "every draw scores below the data",
        ),
        (
            lambda: bootstrap_interval([1], statistic=lambda _: np.nan),
            "statistic is NaN",
        ),
    ],
)
def test_what_has_no_interval_is_refused_in_words(call, says):
    with pytest.raises(LabError, match=says):
        call()


def test_importing_it_is_cheap():
    code = "import sys, labkit.evaluation.uncertainty as _; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = set(ran.stdout.split())
    assert "labkit.evaluation.uncertainty" in loaded, ran.stderr
    assert not loaded & {"torch", "evaluate", "datasets", "transformers", "scipy"}

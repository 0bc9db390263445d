"""Intervals agree with SciPy and closed forms, and hold the truth as often as said."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from labkit.errors import LabError
from labkit.evaluation import (
    Interval,
    bootstrap_interval,
    paired_bootstrap,
    wilson_interval,
)

macro_f1 = partial(f1_score, average="macro", zero_division=0)
finite = st.floats(-1e6, 1e6)
answers = st.lists(st.booleans(), min_size=1, max_size=60)


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


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_interval_holds_the_true_accuracy_as_often_as_it_says(share):
    tests = np.random.default_rng(0).random((1_000, 200)) < share
    held = [share in bootstrap_interval(test, resamples=400) for test in tests]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_wilson_interval_holds_it_too_even_on_few_examples(share):
    tests = np.random.default_rng(2).random((1_000, 60)) < share
    held = [share in wilson_interval(test) for test in tests]
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


sizes = st.lists(st.integers(1, 4), min_size=2, max_size=8)


@settings(max_examples=100, deadline=None)
@given(sizes, st.integers(0, 2**32))
def test_groups_are_drawn_as_wholes(sizes, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    random = np.random.default_rng(seed)
    order = random.permutation(len(groups))  # a group need not stand together
    values = random.normal(size=len(groups))
    ours = bootstrap_interval(values[order], groups=groups[order], resamples=200)
    sums = np.bincount(groups, weights=values)
    theirs = bootstrap_interval(  # groups as the examples
        sums, sizes, statistic=lambda s, n: s.sum() / n.sum(), resamples=200
    )
    assert [*ours] == pytest.approx([*theirs], rel=1e-9, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(sizes, st.integers(0, 2**32))
def test_the_mean_of_groups_is_that_of_any_statistic_of_groups(sizes, seed):
    groups = [f"text {i}" for i, size in enumerate(sizes) for _ in range(size)]
    values = np.random.default_rng(seed).normal(size=len(groups))
    fast = bootstrap_interval(values, groups=groups, resamples=50)
    slow = bootstrap_interval(
        values, statistic=lambda drawn: np.mean(drawn), groups=groups, resamples=50
    )
    paired = paired_bootstrap(values, 0 * values, groups=groups, resamples=50)
    assert [*fast] == pytest.approx([*slow], rel=1e-9, abs=1e-9)
    assert [*fast] == pytest.approx([*paired], rel=1e-9, abs=1e-9)


def test_only_whole_groups_hold_the_truth_where_those_of_one_are_alike():
    random, groups = np.random.default_rng(0), np.repeat(np.arange(40), 5)
    held = {"groups": [], "examples": []}
    for _ in range(400):
        ease = random.normal(size=40)[groups]  # 0 on average
        values = ease + random.normal(size=200)
        options = {"resamples": 400}
        held["groups"].append(0 in bootstrap_interval(values, groups=groups, **options))
        held["examples"].append(0 in bootstrap_interval(values, **options))
    assert np.mean(held["groups"]) == pytest.approx(0.94, abs=0.025)
    assert np.mean(held["examples"]) < 0.8


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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_tensors_of_any_precision_and_with_a_gradient_have_intervals(dtype):
    values = [0.5, 0.25, 1.0, 0.75]
    tensor = torch.tensor(values, dtype=dtype, requires_grad=True)
    assert bootstrap_interval(tensor) == bootstrap_interval(values)
    assert bootstrap_interval([*tensor]) == bootstrap_interval(values)
    assert paired_bootstrap(tensor, tensor * 0).estimate == np.mean(values)
    right = torch.tensor([1, 1, 0], dtype=dtype, requires_grad=True)
    assert wilson_interval(right) == wilson_interval([1, 1, 0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bootstrap_interval([]), "no examples"),
        (lambda: bootstrap_interval(np.array([])), "no rows"),
        (lambda: bootstrap_interval(), "no examples"),
        (lambda: bootstrap_interval(0.93), "examples is 0.93"),
        (lambda: bootstrap_interval(np.array(0.93)), "no rows"),
        (lambda: bootstrap_interval("right"), "is one text"),
        (lambda: bootstrap_interval({"right": [1, 0]}), "is a dictionary of right"),
        (lambda: bootstrap_interval([1, None]), "no numbers"),
        (lambda: bootstrap_interval([0.5, np.nan]), "number 1 of examples is nan"),
        (lambda: bootstrap_interval([1, 0], [1, 0]), "the mean takes one array, not 2"),
        (lambda: bootstrap_interval([1, 2], [1], statistic=macro_f1), "do not pair up"),
        (lambda: paired_bootstrap([1, 0], [1]), "2 array 1, 1 array 2"),
        (lambda: paired_bootstrap([np.nan], [1]), "nan"),
        (lambda: wilson_interval([0.5, 1]), "right .1. or wrong .0."),
        (lambda: wilson_interval([[1, 0]]), r"shape \(1, 2\), not \(examples,\)"),
        (lambda: wilson_interval([]), "no answers"),
        (lambda: bootstrap_interval([1, 0], groups=["a"]), "1 groups, 2 examples"),
        (lambda: bootstrap_interval([1, 0], groups=[7, 7]), "of one group"),
        (lambda: bootstrap_interval([1, 0], groups=[[1], [2]]), r"shape \(2, 1\)"),
        (lambda: paired_bootstrap([1], [0], groups=["a"]), "of one group"),
        (
            lambda: bootstrap_interval([1], statistic=lambda _: np.nan),
            "statistic is NaN",
        ),
    ],
)
def test_what_has_no_interval_is_refused_in_words(call, says):
    with pytest.raises(LabError, match=says):
        call()


@pytest.mark.parametrize("confidence", [95, 0, 1, -0.95, "0.95", np.nan, None])
def test_a_confidence_lies_between_0_and_1(confidence):
    for interval in (bootstrap_interval, wilson_interval):
        with pytest.raises(LabError, match=r"confidence is .*\n.*above 0 and below 1"):
            interval([1, 0], confidence=confidence)


@pytest.mark.parametrize("resamples", [0, -1, 2.5, "100", None, True])
def test_resamples_are_a_whole_number_of_at_least_1(resamples):
    with pytest.raises(LabError, match="resamples is"):
        bootstrap_interval([1, 0], resamples=resamples)
    with pytest.raises(LabError, match="resamples is"):
        paired_bootstrap([1, 0], [0, 0], resamples=resamples)

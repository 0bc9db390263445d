"""Pairs differ in what they say they do, and the interval over them is honest."""

import re
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import LabError
from labkit.evaluation import counterfactual_pairs, families, two_way_interval
from labkit.evaluation.fairness import Pair

EVERY_PAIR = [
    (family, first, second)
    for family, groups in families().items()
    for first, second in product(groups, groups)
    if first != second
]


# --- templates ----------------------------------------------------------------------


@pytest.mark.parametrize(("family", "first", "second"), EVERY_PAIR)
def test_the_two_of_a_pair_differ_and_no_slot_stays_open(family, first, second):
    pairs = counterfactual_pairs(family, first, second)
    assert len({pair.template for pair in pairs}) >= 12
    for pair in pairs:
        assert pair.first != pair.second
        assert not re.search("[{}]", pair.first + pair.second)
        assert pair.first[0].isupper() or not pair.first[0].isalpha()
        assert pair.first[-1] in ".?"
        assert pair.sentiment in {"negative", "neutral", "positive"}


@pytest.mark.parametrize("family", ["names", "pronouns", "identity"])
def test_a_pair_differs_in_nothing_but_the_filler(family):
    first, second = [*families()[family]][:2]
    for pair in counterfactual_pairs(family, first, second):
        around = [piece for piece in re.split(r"\{\w+\}", pair.template) if piece]
        for text in (pair.first, pair.second):
            at = 0
            for piece in around:
                at = text.index(piece, at) + len(piece)


@pytest.mark.parametrize("family", families())
def test_every_sentiment_has_several_templates(family):
    first, second = [*families()[family]][:2]
    kinds = {
        (pair.template, pair.sentiment)
        for pair in counterfactual_pairs(family, first, second)
    }
    assert min(Counter(kind for _, kind in kinds).values()) >= 4


def test_names_are_distinct_within_and_between_groups():
    table = families()["names"]
    names = [name for group in table.values() for name in group]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("colours", "red", "blue"), "names, pronouns, identity, dialects"),
        (("pronouns", "he", "it"), "There are: she, he, they"),
        (("dialects", "sentiment", "standard"), "no group 'sentiment'"),
    ],
)
def test_an_unknown_family_or_group_is_answered_with_those_there_are(arguments, says):
    with pytest.raises(LabError, match=says):
        counterfactual_pairs(*arguments)


# --- the interval -------------------------------------------------------------------


def grid(templates: int, names: int) -> list[Pair]:
    return [
        Pair(f"{t} a{n}", f"{t} b{n}", str(t), str(n))
        for t, n in product(range(templates), range(names))
    ]


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 12), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_it_is_around_the_mean_and_turns_with_the_values(templates, names, seed):
    pairs = grid(templates, names)
    values = np.random.default_rng(seed).normal(size=len(pairs))
    there, back = (two_way_interval(v, pairs, resamples=50) for v in (values, -values))
    estimate, low, high = there
    assert estimate == pytest.approx(values.mean())
    assert low <= estimate <= high
    assert tuple(back) == pytest.approx((-estimate, -high, -low))


@pytest.mark.parametrize("value", [0, -0.3, 1])
def test_what_is_the_same_in_every_pair_is_sure(value):
    pairs = counterfactual_pairs("pronouns", "he", "she")
    found = two_way_interval([value] * len(pairs), pairs)
    assert tuple(found) == pytest.approx((value,) * 3, abs=1e-12)


def covered(templates: int, names: int, spreads: tuple[float, float, float]) -> float:
    """How often the interval holds the true gap of -0.1, in 1,000 data sets."""
    random = np.random.default_rng(0)
    pairs, held = grid(templates, names), 0
    by_template, by_name, single = spreads
    for seed in range(1_000):
        effect = -0.1 + by_template * random.standard_normal((templates, 1))
        effect = effect + by_name * random.standard_normal((1, names))
        effect = effect + single * random.standard_normal((templates, names))
        found = two_way_interval(effect.ravel(), pairs, resamples=500, seed=seed)
        held += -0.1 in found
    return held / 1_000


def test_with_one_filler_the_interval_has_its_nominal_coverage():
    assert covered(15, 1, (0.03, 0, 0)) == pytest.approx(0.95, abs=0.02)


def test_with_two_sides_the_interval_covers_at_least_as_often_as_it_says():
    """Where names differ, a bootstrap over pairs holds the truth far too rarely."""
    assert covered(14, 10, (0.03, 0.03, 0.02)) >= 0.93


def test_three_names_are_three_observations_however_many_the_pairs():
    assert covered(14, 3, (0, 0.03, 0)) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.5, np.nan, 0.5, 0.5], "number 1 of values is nan"),
        ([0.5, 0.5, np.inf, 0.5], "number 2 of values is inf"),
        ([[0.5, 0.5]] * 4, r"shape \(4, 2\) are not one a pair, of 4"),
        ([0.5], r"shape \(1,\)"),
        (0.5, "values"),
        (["a", "b", "c", "d"], "values"),
    ],
)
def test_what_is_not_one_number_a_pair_is_refused(values, says):
    with pytest.raises(LabError, match=says):
        two_way_interval(values, grid(2, 2))


@pytest.mark.parametrize("pairs", [grid(1, 1), grid(1, 5)])
def test_one_template_is_an_anecdote(pairs):
    with pytest.raises(LabError, match="anecdote"):
        two_way_interval([0.5] * len(pairs), pairs)


def test_pairs_that_are_no_grid_are_measured_too():
    pairs = [Pair(f"a{i}", f"b{i}", str(i), str(i)) for i in range(3)]
    assert tuple(two_way_interval([1, 1, 1], pairs)) == (1, 1, 1)

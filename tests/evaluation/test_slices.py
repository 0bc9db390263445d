"""Slices find what is planted, and nothing in noise: they pay for all they try."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.nn.functional import cross_entropy

from labkit.errors import LabError
from labkit.evaluation import (
    adjust,
    example_losses,
    find_slices,
    simple_predicates,
    wilson_interval,
    worst_examples,
)

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 2**32))
def test_the_losses_are_torchs_cross_entropy(size, classes, seed):
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 30, (size, classes))
    labels = generator.integers(0, classes, size)
    expected = cross_entropy(
        torch.tensor(logits), torch.tensor(labels), reduction="none"
    )
    assert example_losses(logits, labels) == pytest.approx(expected.numpy(), abs=1e-12)
    worst = worst_examples(torch.tensor(logits), torch.tensor(labels), n=3)
    assert [each.loss for each in worst] == pytest.approx(
        sorted(expected.tolist(), reverse=True)[:3], abs=1e-12
    )
    for each in worst:
        shares = torch.tensor(logits)[each.index].softmax(-1)
        assert each.label == labels[each.index]
        assert each.predicted == shares.argmax()
        assert each.confidence == pytest.approx(shares.max().item())


def test_the_worst_example_is_the_one_most_surely_wrong():
    logits = [[0.0, 1.0], [9.0, 0.0], [2.0, 0.0], [5.0, 0.0]]
    worst = worst_examples(logits, [1, 0, 1, 1])
    assert [each.index for each in worst] == [3, 2, 0, 1]
    assert (worst[0].label, worst[0].predicted) == (1, 0)


@settings(max_examples=200, deadline=None)
@given(p_values)
def test_benjamini_and_hochbergs_correction_is_scipys(values):
    expected = stats.false_discovery_control(values)
    assert adjust(values, "benjamini-hochberg") == pytest.approx(expected)


@settings(max_examples=200, deadline=None)
@given(p_values, st.floats(0.001, 0.5))
def test_holms_correction_rejects_what_his_steps_reject(values, level):
    """Test the smallest at level / m, the next at level / (m - 1), until one fails."""
    rejected = set()
    ranked = sorted(range(len(values)), key=values.__getitem__)
    for step, index in enumerate(ranked):
        if values[index] * (len(values) - step) > level:
            break
        rejected.add(index)
    adjusted = adjust(values, "holm")
    assert {*np.flatnonzero(adjusted <= level)} == rejected
    assert (adjusted >= values).all()


def test_the_corrections_of_a_known_case():
    values = [0.01, 0.04, 0.03, 0.005]
    assert adjust(values, "holm") == pytest.approx([0.03, 0.06, 0.06, 0.02])
    expected = [0.02, 0.04, 0.04, 0.02]
    assert adjust(values, "benjamini-hochberg") == pytest.approx(expected)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 80), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32))
def test_the_p_value_of_one_slice_is_fishers(size, share, error, seed):
    generator = np.random.default_rng(seed)
    wrong, mask = generator.random(size) < error, generator.random(size) < share
    found = find_slices(wrong, {"slice": mask}, at_least=1)
    if not 0 < mask.sum() < size:
        assert found == []
        return
    table = [[sum(wrong & m), sum(~wrong & m)] for m in (mask, ~mask)]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert found[0].p_value == pytest.approx(expected)
    assert found[0].error == wilson_interval(wrong[mask])
    assert found[0].rest == pytest.approx(wrong[~mask].mean())
    assert found[0].examples == mask.sum()


def test_a_planted_slice_is_found_first_and_said_in_words():
    generator = np.random.default_rng(0)
    masks = {f"noise {i}": generator.random(600) < 0.3 for i in range(40)}
    masks["planted"] = np.arange(600) < 60
    wrong = generator.random(600) < np.where(masks["planted"], 0.4, 0.1)
    for correction in ("holm", "benjamini-hochberg"):
        found = find_slices(wrong, masks, correction=correction)
        assert found[0].name == "planted"
        assert found[0].p_value < 0.001
        assert all(each.p_value > 0.05 for each in found[1:])
    assert str(found[0]).startswith("planted: wrong 0.")
    assert "on 60, " in str(found[0])


@pytest.mark.parametrize("correction", ["holm", "benjamini-hochberg"])
def test_noise_yields_a_find_no_oftener_than_it_says(correction):
    generator, finds = np.random.default_rng(1), 0
    for _ in range(200):
        masks = {str(i): generator.random(200) < 0.3 for i in range(30)}
        found = find_slices(generator.random(200) < 0.2, masks, correction=correction)
        finds += found[0].p_value < 0.05
    assert finds / 200 <= 0.07  # 5 %, and two standard errors of 200 runs are 3 %


def test_small_slices_and_doubles_are_not_tried():
    mask = np.arange(100) < 30
    masks = {"a": mask, "the same": mask, "small": np.arange(100) < 10}
    masks["nearly all"] = ~masks["small"]
    masks["all"] = np.ones(100, dtype=bool)
    assert [each.name for each in find_slices(mask, masks)] == ["a"]


@pytest.mark.parametrize("answer", [True, False])
def test_all_wrong_or_all_right_leaves_nothing_to_find(answer):
    found = find_slices([answer] * 50, {"half": np.arange(50) < 25})
    assert found[0].p_value == 1
    assert found[0].error.estimate == float(answer)
    assert find_slices([answer], {"it": [True]}) == []
    assert find_slices([answer] * 50, {}) == []


TEXTS = [
    "I do not like this flight",
    "You can't be serious",
    "Nothing works WITHOUT help!",
    "notable knot cannon",
    "Is gate 12 open?",
]


def test_predicates_say_what_their_names_say():
    training = ["you can be like this flight", "you can be like this flight help is"]
    masks = simple_predicates(TEXTS, training, at_least=1)

    def of(name):
        return np.flatnonzero(masks[name]).tolist()

    assert of("negation") == [0, 1, 2]
    assert of("a question mark") == [4]
    assert of("an exclamation mark") == [2]
    assert of("a digit") == [4]
    assert of("at most 3 words") == [3, 4]  # a number is no word
    assert of("at least 4 words") == [0, 1, 2]
    assert of("a rare word") == [0, 1, 2, 3, 4]
    assert of("the word “can't”") == [1]
    others = ["you can be like this", "you help", "you zig zag"]  # help is there once
    everyday = simple_predicates(others, training)
    assert everyday["a rare word"].tolist() == [False, True, True]
    assert everyday["two rare words or more"].tolist() == [False, False, True]


def test_a_word_makes_a_slice_only_if_enough_texts_have_it_and_enough_do_not():
    texts = ["common seldom once"] + ["common seldom"] * 2 + ["common"] * 5
    names = simple_predicates(texts, texts, at_least=2).keys()
    assert {name for name in names if "“" in name} == {"the word “seldom”"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: example_losses([[np.nan, 1.0]], [0]), "1 of 1 examples are NaN"),
        (lambda: worst_examples([[0.0, 1.0]], [0, 1]), "1 logits do not pair"),
        (lambda: example_losses([[0.0, 1.0]], [-1]), "label -1 is not one of"),
        (lambda: example_losses([], []), "labels are empty"),
        (lambda: find_slices([], {}), "no examples to slice"),
        (lambda: find_slices([np.nan], {}), "neither right nor wrong"),
        (lambda: find_slices([True] * 9, {"a": [True]}), "marks 1 examples of 9"),
        (lambda: simple_predicates([], ["a"]), "no texts to slice"),
        (lambda: adjust([0.5, np.nan], "holm"), "or are NaN"),
        (lambda: adjust([1.5], "holm"), "between 0 and 1"),
        (lambda: adjust([0.5], "bonferoni"), "no correction “bonferoni”"),
    ],
)
def test_what_cannot_be_sliced_is_refused_in_words(call, says):
    with pytest.raises(LabError, match=says):
        call()

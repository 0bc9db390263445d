"""A probe tells what is there; its twin tells what it could have learnt by heart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import LabError
from labkit.evaluation import Tokens, control_labels, linear_probe, probe_layers

TYPES, WIDTH = 30, 40


def tokens(texts, seed, kind):
    """Twenty tokens a text; a label that is in the context, or in the type.

    Layer 0 knows the type of the word alone; layer 1 its label too.
    """
    random, fixed = np.random.default_rng(seed), np.random.default_rng(7)
    embeddings = fixed.normal(size=(TYPES, WIDTH))
    of_type = fixed.permutation(np.arange(TYPES) % 2)
    types = random.integers(TYPES, size=20 * texts)
    labels = of_type[types] if kind == "type" else random.integers(2, size=20 * texts)
    layer_0 = embeddings[types]
    layer_1 = layer_0 + 3 * np.outer(2 * labels - 1, fixed.normal(size=WIDTH))
    states = np.stack([layer_0, layer_1]).astype(np.float32)
    return Tokens(states, labels, types, np.arange(20 * texts) // 20)


@pytest.fixture(scope="module")
def of_context():
    return probe_layers(tokens(40, 0, "context"), tokens(30, 1, "context"))


@pytest.fixture(scope="module")
def of_type():
    return probe_layers(tokens(40, 0, "type"), tokens(30, 1, "type"))


class TestProbeLayers:
    def test_what_is_in_the_context_is_told_from_the_layer_that_has_it(
        self, of_context
    ):
        without, with_it = of_context
        assert abs(without.accuracy.estimate - 0.5) < 0.1
        assert with_it.accuracy.estimate > 0.95
        assert without.selectivity.high < 0  # it knows the words, and they do not help

    def test_what_is_in_the_word_is_told_and_not_selective(self, of_type):
        for probe in of_type:
            assert probe.accuracy.estimate > 0.95
            assert abs(probe.selectivity.estimate) < 0.1

    def test_the_control_task_can_be_learnt_from_the_word(self, of_context):
        assert of_context[0].control.estimate > 0.95

    def test_the_three_figures_agree(self, of_context, of_type):
        for probe in (*of_context, *of_type):
            expected = probe.accuracy.estimate - probe.control.estimate
            assert probe.selectivity.estimate == pytest.approx(expected)

    def test_accuracy_and_control_are_the_shares_that_linear_probes_get_right(
        self, of_context
    ):
        train, test = tokens(40, 0, "context"), tokens(30, 1, "context")
        twin = control_labels([train.types, test.types], train.labels)
        for layer, probe in enumerate(of_context):
            for learnt, truth, share in (
                (train.labels, test.labels, probe.accuracy),
                (*twin, probe.control),
            ):
                found = linear_probe(train.states[layer], learnt, test.states[layer])
                assert share.estimate == pytest.approx(np.mean(found == truth))

    def test_the_intervals_draw_whole_texts(self):
        """A test set of one text, however long, says nothing of other texts."""
        train, test = tokens(40, 0, "context"), tokens(30, 1, "context")
        one = Tokens(test.states, test.labels, test.types, 0 * test.texts)
        for probe in probe_layers(train, one):
            low, high = probe.accuracy.low, probe.accuracy.high
            assert low == high == pytest.approx(probe.accuracy.estimate)

    def test_the_same_seed_gives_the_same_control_task(self):
        train, test = tokens(10, 0, "context"), tokens(10, 1, "context")
        assert probe_layers(train, test) == probe_layers(train, test)
        assert probe_layers(train, test) != probe_layers(train, test, seed=1)


class TestControlLabels:
    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.integers(0, 9), min_size=1, max_size=40),
        st.lists(st.integers(0, 9), min_size=1, max_size=40),
    )
    def test_a_type_has_one_label_wherever_it_stands(self, train, test):
        sets = [np.array(train), np.array(test)]
        found = control_labels(sets, np.array([0, 1, 1]))
        assert [len(part) for part in found] == [len(train), len(test)]
        pairs = set(zip(train + test, np.concatenate(found).tolist(), strict=True))
        assert len(pairs) == len({*train, *test})

    def test_the_classes_keep_their_shares(self):
        (found,) = control_labels([np.arange(20_000)], np.array([0] * 9 + [1]))
        assert np.mean(found) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": np.zeros(40, int)}, "the same"),
        ({"states": np.zeros((1, 40, WIDTH))}, "not of one model"),
        ({"states": np.zeros((2, 40, 3))}, "not of one model"),
        ({"types": np.zeros(39, int)}, "do not fit"),
        ({"states": np.zeros((40, WIDTH))}, "do not fit"),
    ],
)
def test_what_cannot_be_probed_is_refused_in_words(change, says):
    good = tokens(2, 0, "context")
    with pytest.raises(LabError, match=says):
        probe_layers(Tokens(**(vars(good) | change)), good)


def test_no_tokens_are_refused_in_words():
    nothing = np.zeros(0, int)
    with pytest.raises(LabError, match="do not fit"):
        Tokens(np.zeros((2, 0, 3)), nothing, nothing, nothing)

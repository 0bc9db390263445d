"""Metrics agree with scikit-learn, and refuse what has no score."""

import evaluate
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as scikit

from labkit.errors import LabError
from labkit.evaluation import (
    F1,
    Accuracy,
    Precision,
    Recall,
    classification,
)

ALL = [Accuracy(), Precision(), Recall(), F1()]
SCIKIT = {
    "precision": scikit.precision_score,
    "recall": scikit.recall_score,
    "f1": scikit.f1_score,
}


@st.composite
def predictions_and_references(draw, classes=4):
    """Often without one of the classes, and often of a single example."""
    size = draw(st.integers(1, 12))
    column = st.lists(st.integers(0, classes - 1), min_size=size, max_size=size)
    return draw(column), draw(column)


@settings(max_examples=60, deadline=None)
@given(
    predictions_and_references(),
    st.sampled_from(["macro", "micro", "weighted"]),
    st.sampled_from([0, 1]),
)
def test_every_average_equals_scikit_learns(pair, average, zero_division):
    predictions, references = pair
    options = {"average": average, "zero_division": zero_division}
    scores = evaluate.combine(ALL).compute(
        predictions=predictions, references=references, **options
    )
    expected = {
        name: f(references, predictions, **options) for name, f in SCIKIT.items()
    }
    expected["accuracy"] = scikit.accuracy_score(references, predictions)
    assert scores == pytest.approx(expected, abs=0)


@settings(max_examples=200, deadline=None)
@given(predictions_and_references(), st.data())
def test_classification_equals_scikit_learns_macro_scores(pair, data):
    predictions, labels = pair
    wide = st.floats(-1e3, 1e3)
    logits = np.array([data.draw(st.tuples(*[wide] * 4)) for _ in labels])
    logits[np.arange(len(labels)), predictions] = 1e4
    scores = classification(logits, labels)
    expected = {
        name: f(labels, predictions, average="macro", zero_division=0)
        for name, f in SCIKIT.items()
    }
    expected["accuracy"] = scikit.accuracy_score(labels, predictions)
    assert scores == pytest.approx(expected)
    assert all(type(score) is float for score in scores.values())


def test_the_default_is_the_score_of_class_1():
    scores = evaluate.combine(ALL).compute(
        predictions=[0, 0, 1, 1, 0], references=[0, 1, 0, 1, 0]
    )
    assert scores == {"accuracy": 0.6, "precision": 0.5, "recall": 0.5, "f1": 0.5}


def test_each_option_of_the_hubs_metrics_is_there():
    pair = {"references": [0, 1, 0, 1, 0], "predictions": [0, 0, 1, 1, 0]}
    weights = [0.9, 0.5, 3.9, 1.2, 0.3]
    assert F1().compute(**pair, pos_label=0)["f1"] == pytest.approx(2 / 3)
    assert F1().compute(**pair, sample_weight=weights)["f1"] == pytest.approx(0.352941)
    assert F1().compute(**pair, labels=[1], average="macro")["f1"] == 0.5
    assert Accuracy().compute(**pair, normalize=False) == {"accuracy": 3.0}
    assert Accuracy().compute(**pair, sample_weight=weights)["accuracy"] < 0.5
    by_class = Recall().compute(**pair, average=None)["recall"]
    assert by_class == pytest.approx([2 / 3, 0.5])


def test_a_misspelt_option_is_refused():
    for metric in ALL:
        with pytest.raises(TypeError, match="avrage"):
            metric.compute(predictions=[1], references=[1], avrage="macro")


def test_batches_add_up_to_the_whole():
    metric = Accuracy()
    metric.add_batch(predictions=[1, 1], references=[1, 0])
    metric.add(prediction=0, reference=0)
    assert metric.compute() == {"accuracy": pytest.approx(2 / 3)}
    assert metric.compute(predictions=[0], references=[1]) == {"accuracy": 0.0}


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_lists_arrays_and_tensors_score_alike(kind):
    logits, labels = [[2.0, 1.0], [0.0, 3.0], [5.0, 1.0]], [0, 1, 1]
    assert classification(kind(logits), kind(labels))["accuracy"] == pytest.approx(
        2 / 3
    )
    given = {"predictions": kind([0, 1, 0]), "references": kind(labels)}
    assert Accuracy().compute(**given)["accuracy"] == pytest.approx(2 / 3)


def test_logits_may_be_bfloat16_and_require_a_gradient():
    logits = torch.eye(3, dtype=torch.bfloat16, requires_grad=True)
    assert classification(logits, torch.arange(3))["f1"] == 1.0


def test_all_right_is_1_and_all_wrong_is_0():
    assert set(classification(np.eye(3), [0, 1, 2]).values()) == {1.0}
    assert set(classification(np.eye(3), [1, 2, 0]).values()) == {0.0}
    assert set(classification([[0.0, 1.0]], [1]).values()) == {1.0}


def test_a_class_that_never_occurs_does_not_lower_the_macro_score():
    assert classification(np.eye(3)[:2], [0, 1])["f1"] == 1.0


def test_a_trainers_output_can_be_unpacked_into_it():
    from transformers import EvalPrediction

    output = EvalPrediction(predictions=np.eye(2), label_ids=np.array([0, 1]))
    assert classification(*output)["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("logits", "labels", "says"),
    [
        ([], [], "no logits"),
        ([[0.0, 1.0], [np.nan, 0.0]], [0, 1], "number 2 of logits is nan"),
        ([[0.0, 1.0]], [0, 1], "1 logits, 2 labels"),
        ([0.0, 1.0], [0, 1], r"shape \(2,\), not \(examples, classes\)"),
        ([[0.0, 1.0]], [[0]], r"shape \(1, 1\), not \(examples,\)"),
        ([[0.0, 1.0]], [-1], "number 0 of labels is -1"),
        ([[0.0, 1.0]], [2], "number 0 of labels is 2.\n.*from 0 to 1"),
        ([[0.0, 1.0]], [0.5], "number 0 of labels is 0.5"),
        ([[0.0, 1.0]], ["spam"], "labels are no numbers"),
    ],
)
def test_logits_without_a_score_are_refused_in_words(logits, labels, says):
    with pytest.raises(LabError, match=says):
        classification(logits, labels)


REFUSED = [
    ([], [], "no predictions"),
    ([1, 0], [1], "2 predictions, 1 references"),
    ([0.7, 0.2], [1, 0], "number 0 of predictions is 0.7"),
    ([np.nan, 0.0], [1, 0], "number 0 of predictions is nan"),
    ([1, 0, 1], [1, -100, 0], "number 1 of references is -100.\n.*\n.*−100"),
    ([1, -100], [1, 0], "number 1 of predictions is -100"),
    ([1, 0], [-1, -1], "number 0 of references is -1"),
    ([[0, 1]], [1], r"shape \(1, 2\)"),
    (["1"], [1], "predictions are no numbers"),
    ("1", [1], "predictions is one text"),
    ({"label": [1]}, [1], "a dictionary of label"),
    ([None], [1], "predictions are no numbers"),
    ([1], None, "references is None"),
]


@pytest.mark.parametrize(("predictions", "references", "says"), REFUSED)
def test_a_refused_batch_leaves_the_metric_as_it_was(predictions, references, says):
    metric = Accuracy()
    metric.add_batch(predictions=[1], references=[1])
    with pytest.raises(LabError, match=says):
        metric.add_batch(predictions=predictions, references=references)
    assert metric.compute() == {"accuracy": 1.0}
    with pytest.raises(LabError, match=says):
        metric.compute(predictions=predictions, references=references)


@pytest.mark.parametrize(
    ("prediction", "reference", "says"),
    [
        (0.7, 1, "number 0 of predictions is 0.7"),
        (1, -100, "number 0 of references is -100"),
        ([0, 1], 1, r"shape \(1, 2\)"),
        ("1", 1, "predictions are no numbers"),
        (None, 1, "predictions are no numbers"),
    ],
)
def test_one_example_is_looked_at_as_a_batch_is(prediction, reference, says):
    metric, several = Accuracy(), evaluate.combine([Accuracy(), F1()])
    for scores in (metric, several):
        scores.add(prediction=1, reference=1)
        with pytest.raises(LabError, match=says):
            scores.add(prediction=prediction, reference=reference)
        assert scores.compute()["accuracy"] == 1.0


@pytest.mark.parametrize("metric", [*ALL, evaluate.combine(ALL), F1("multilabel")])
def test_nothing_to_score_is_said(metric):
    with pytest.raises(LabError, match="nothing to score"):
        metric.compute()


def test_combined_metrics_take_batches_tensors_and_single_examples():
    combined = evaluate.combine([Accuracy(), F1()])
    combined.add_batch(predictions=torch.tensor([1, 0]), references=np.array([1, 1]))
    combined.add(prediction=torch.tensor(0), reference=0)
    assert combined.compute() == pytest.approx({"accuracy": 2 / 3, "f1": 2 / 3})


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["macro", "micro", "samples", None]))
def test_several_labels_an_example_score_as_scikit_learns(seed, average):
    draws = np.random.default_rng(seed).integers(0, 2, size=(2, 6, 3))
    options = {"average": average, "zero_division": 0}
    for metric in (F1("multilabel"), Precision("multilabel"), Recall("multilabel")):
        score = metric.compute(predictions=draws[0], references=draws[1], **options)
        expected = SCIKIT[metric.name](draws[1], draws[0], **options)
        assert score[metric.name] == pytest.approx(expected)
    exact = Accuracy("multilabel").compute(predictions=draws[0], references=draws[1])
    assert exact["accuracy"] == (draws[0] == draws[1]).all(axis=1).mean()


@pytest.mark.parametrize(
    ("predictions", "says"),
    [
        ([[0, 2]], "number 1 of predictions is 2.\n.*from 0 to 1"),
        ([0, 1], r"shape \(2,\), not \(examples, labels\)"),
        ([[0], [0, 1]], "no numbers"),
        ([[0, -100]], "number 1 of predictions is -100"),
    ],
)
def test_several_labels_are_looked_at_too(predictions, says):
    with pytest.raises(LabError, match=says):
        F1("multilabel").compute(predictions=predictions, references=[[0, 1]])

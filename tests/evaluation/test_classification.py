"""Metrics agree with scikit-learn, refuse what has no score, and need no network."""

import os
import subprocess
import sys
from itertools import pairwise

import evaluate
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn import metrics as scikit
from sklearn.calibration import calibration_curve

from labkit.errors import LabError
from labkit.evaluation import (
    F1,
    Accuracy,
    Precision,
    Recall,
    brier_score,
    classification,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
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


@settings(max_examples=200, deadline=None)
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
        ([], [], "labels are empty"),
        ([[0.0, np.nan], [1.0, 0.0]], [0, 1], "1 of 2 examples are NaN"),
        ([[0.0, 1.0]], [0, 1], "1 logits do not pair with 2 labels"),
        ([0.0, 1.0], [0, 1], r"shape \(2,\)"),
        ([[0.0, 1.0]], [-1], "label -1 is not one of the classes"),
        ([[0.0, 1.0]], [2], "label 2 is not one of the classes, 0 to 1"),
        ([[0.0, 1.0]], [0.5], "labels must be one whole number"),
    ],
)
def test_logits_without_a_score_are_refused_in_words(logits, labels, says):
    with pytest.raises(LabError, match=says):
        classification(logits, labels)


@pytest.mark.parametrize(
    ("predictions", "references", "says"),
    [
        ([], [], "predictions are empty"),
        ([1, 0], [1], "2 predictions do not pair with 1 references"),
        ([0.7, 0.2], [1, 0], "predictions must be one whole number"),
        ([np.nan, 0.0], [1, 0], "predictions must be one whole number"),
        ([[0, 1]], [1], r"shape \(1, 2\)"),
        (["1"], [1], "predictions must be one whole number"),
    ],
)
def test_a_refused_batch_leaves_the_metric_as_it_was(predictions, references, says):
    metric = Accuracy()
    metric.add_batch(predictions=[1], references=[1])
    with pytest.raises(LabError, match=says):
        metric.add_batch(predictions=predictions, references=references)
    assert metric.compute() == {"accuracy": 1.0}


@st.composite
def logits_and_labels(draw, most=60):
    """Often with a class that never occurs, and of a few examples."""
    size, classes = draw(st.integers(1, most)), draw(st.integers(2, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    logits = generator.normal(0, draw(st.sampled_from([0.3, 1, 5])), (size, classes))
    labels = generator.integers(0, classes, size)
    right = generator.random(size) < draw(st.floats(0, 1))
    return logits, np.where(right, logits.argmax(axis=1), labels)


def plain_calibration_error(probabilities, labels, edges):
    """Guo et al. (2017), equation 3, example by example."""
    total, bins = 0.0, list(pairwise(edges))
    for index, (low, high) in enumerate(bins):
        members = [
            (max(row), float(np.argmax(row) == label))
            for row, label in zip(probabilities, labels, strict=True)
            if (low < max(row) or index == 0)
            and (max(row) <= high or index == len(bins) - 1)
        ]
        if members:
            confidence, accuracy = np.mean(members, axis=0)
            total += len(members) * abs(accuracy - confidence)
    return total / len(labels)


@settings(max_examples=200, deadline=None)
@given(logits_and_labels(), st.integers(1, 20), st.booleans())
def test_the_calibration_error_is_that_of_its_equation(pair, bins, equal_mass):
    probabilities, labels = softmax(pair[0], axis=1), pair[1]
    edges = np.linspace(0, 1, bins + 1)
    if equal_mass:
        edges = np.quantile(probabilities.max(axis=1), edges)
    ours = expected_calibration_error(
        probabilities, labels, bins=bins, equal_mass=equal_mass
    )
    expected = plain_calibration_error(probabilities, labels, edges)
    assert ours == pytest.approx(expected)


@settings(max_examples=200, deadline=None)
@given(logits_and_labels(), st.booleans())
def test_the_bins_of_a_reliability_diagram_are_scikit_learns(pair, equal_mass):
    probabilities, labels = softmax(pair[0], axis=1), pair[1]
    groups = reliability_bins(probabilities, labels, bins=10, equal_mass=equal_mass)
    right = probabilities.argmax(axis=1) == labels
    if right.all() or not right.any():  # scikit-learn wants two classes
        assert {group.accuracy for group in groups} == {float(right[0])}
        return
    accuracy, confidence = calibration_curve(
        right,
        probabilities.max(axis=1),
        n_bins=10,
        strategy="quantile" if equal_mass else "uniform",
    )
    assert [group.accuracy for group in groups] == pytest.approx(accuracy)
    assert [group.confidence for group in groups] == pytest.approx(confidence)
    assert sum(group.examples for group in groups) == len(labels)


def test_bins_of_equal_mass_hold_as_many_examples_each():
    logits = np.random.default_rng(0).normal(0, 2, (100, 3))
    groups = reliability_bins(
        softmax(logits, axis=1), logits.argmax(axis=1), bins=5, equal_mass=True
    )
    assert [group.examples for group in groups] == [20] * 5


@settings(max_examples=200, deadline=None)
@given(logits_and_labels())
def test_the_brier_score_is_scikit_learns(pair):
    probabilities, labels = softmax(pair[0], axis=1), pair[1]
    classes = range(probabilities.shape[1])
    expected = (
        scikit.brier_score_loss(
            labels, probabilities, labels=classes, scale_by_half=False
        )
        if len(classes) > 2
        else 2
        * scikit.brier_score_loss(
            labels, probabilities[:, 1], labels=classes, pos_label=1
        )
    )
    assert brier_score(probabilities, labels) == pytest.approx(expected)


def test_calibration_of_the_sure_is_their_error():
    sure, half = np.eye(2)[[0, 0, 1, 1]], np.full((4, 2), 0.5)
    for labels, error in (([0, 0, 1, 1], 0), ([1, 1, 0, 0], 1), ([0, 1, 0, 1], 0.5)):
        assert expected_calibration_error(sure, labels) == error
        assert brier_score(sure, labels) == 2 * error
    assert expected_calibration_error(half, [0, 1, 0, 1]) == 0
    assert brier_score(half, [0, 1, 1, 1]) == 0.5
    assert expected_calibration_error([[0.25, 0.75]], [1]) == 0.25
    assert reliability_bins([[0.25, 0.75]], [0]) == [(0.75, 0.0, 1)]


def mean_loss(logits, labels, temperature):
    shares = log_softmax(np.array(logits) / temperature, axis=1)
    return -shares[np.arange(len(labels)), labels].mean()


@settings(max_examples=200, deadline=None)
@given(logits_and_labels())
def test_no_other_temperature_has_less_loss(pair):
    logits, labels = pair
    try:
        temperature = fit_temperature(logits, labels)
    except LabError:
        right = (logits.argmax(axis=1) == labels).all()
        chosen = logits[np.arange(len(labels)), labels]
        assert right or chosen.mean() <= logits.mean(axis=1).mean() + 1e-9
        return
    found = minimize_scalar(
        lambda power: mean_loss(logits, labels, np.exp(power)),
        bounds=(np.log(temperature) - 3, np.log(temperature) + 3),
        method="bounded",
        options={"xatol": 1e-6},
    )
    ours = mean_loss(logits, labels, temperature)
    assert ours <= found.fun + 1e-9
    assert ours <= mean_loss(logits, labels, 1) + 1e-12


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_a_temperature_undoes_what_made_the_model_too_sure(factor):
    generator = np.random.default_rng(0)
    honest = generator.normal(0, 2, (6_000, 3))
    drawn = generator.random((6_000, 1)) > softmax(honest, axis=1).cumsum(axis=1)
    labels, logits = drawn.sum(axis=1), honest * factor
    temperature = fit_temperature(logits[:3_000], labels[:3_000])
    assert temperature == pytest.approx(factor, rel=0.06)
    after = expected_calibration_error(
        softmax(logits[3_000:] / temperature, axis=1), labels[3_000:]
    )
    assert after < 0.03
    if factor != 1:
        before = expected_calibration_error(
            softmax(logits[3_000:], axis=1), labels[3_000:]
        )
        assert before > 2 * after


def test_calibration_takes_tensors_of_any_precision():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    labels = torch.tensor([0, 1, 1])
    shares = logits.softmax(-1)
    exact = brier_score(shares.numpy(), labels.numpy())
    assert brier_score(shares, labels) == pytest.approx(exact)
    assert brier_score(shares.bfloat16(), labels) == pytest.approx(exact, abs=0.02)
    assert fit_temperature(logits, labels) == pytest.approx(
        fit_temperature(logits.numpy(), labels.numpy())
    )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: fit_temperature([[2.0, 0.0], [0.0, 3.0]], [0, 1]), "no temperature"),
        (lambda: fit_temperature([[2.0, 0.0], [0.0, 3.0]], [1, 0]), "no temperature"),
        (lambda: fit_temperature([[2.0, 0.0]], [0]), "no temperature"),
        (lambda: fit_temperature([[0.0, 0.0], [0.0, 0.0]], [0, 1]), "no temperature"),
        (lambda: fit_temperature([[1, -np.inf], [0, 1]], [0, 0]), "infinite"),
        (lambda: fit_temperature([[np.nan, 1.0]], [0]), "1 of 1 examples are NaN"),
        (lambda: brier_score([[np.nan, 1.0]], [0]), "1 of 1 examples are NaN"),
        (lambda: brier_score([[3.0, -1.0]], [0]), "no probabilities"),
        (lambda: brier_score([[1.5, -0.5]], [0]), "no probabilities"),
        (lambda: expected_calibration_error([[0.9, 0.9]], [0]), "no probabilities"),
        (lambda: expected_calibration_error([], []), "labels are empty"),
        (lambda: reliability_bins([[0.5, 0.5]], [2]), "label 2 is not one of"),
        (lambda: reliability_bins([0.5], [1]), "shape"),
    ],
)
def test_what_has_no_calibration_is_refused_in_words(call, says):
    with pytest.raises(LabError, match=says):
        call()


ALONE = """
import socket
def refuse(*_, **__): raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
import evaluate
from labkit.evaluation import F1, Accuracy
scores = evaluate.combine([Accuracy(), F1()])
print(scores.compute(predictions=[0, 1], references=[1, 1], average="macro"))
"""


def test_neither_network_nor_a_writable_cache_is_needed():
    nowhere = dict.fromkeys(["HOME", "HF_HOME", "XDG_CACHE_HOME"], "/dev/null/nowhere")
    ran = subprocess.run(
        [sys.executable, "-c", ALONE],
        env=os.environ | nowhere | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == "{'accuracy': 0.5, 'f1': 0.3333333333333333}", (
        ran.stderr
    )

"""Accuracy, precision, recall and F1: scikit-learn's, as `evaluate` metrics.

`evaluate.load("f1")` fetches its code from the Hub. These give the same keys from the
same defaults, and need no network and no cache on disk:

    >>> import evaluate
    >>> scores = evaluate.combine([Accuracy(), F1()])
    >>> scores.compute(predictions=[0, 1], references=[1, 1], average="macro")
    {'accuracy': 0.5, 'f1': 0.3333333333333333}

The options of `compute` are scikit-learn's: for all, sample_weight; for `Accuracy`,
normalize; for the others, average ("binary", the default, "macro", "micro",
"weighted", "samples", or None for a score a class), labels, pos_label, zero_division.

Several labels an example, as on the Hub: `F1("multilabel")`, with one 0 or 1 a label.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from datasets import Features, List, Value
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as scikit

from labkit import validation
from labkit.evaluation.metric import OfflineMetric


class _ClassMetric(OfflineMetric):
    """Of class numbers, shape (examples,); of "multilabel", (examples, labels)."""

    citation = "Pedregosa et al. (2011), Scikit-learn, JMLR 12:2825-2830."

    def inputs(self) -> Features:
        number = Value("int64")
        kind = List(number) if self.config_name == "multilabel" else number
        return Features({"predictions": kind, "references": kind})

    def look_at(
        self, predictions: Any, references: Any
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        several = self.config_name == "multilabel"
        axes = ("examples", "labels") if several else ("examples",)
        found = {"predictions": predictions, "references": references}
        for name, value in found.items():
            numbers = validation.labels(value, name, 2 if several else None)
            found[name] = validation.axes(numbers, name, *axes)
        validation.pairs(**found)
        return found["predictions"], found["references"]


class Accuracy(_ClassMetric):
    """The share of predictions that equal their references.

    It ignores the options of the others, so that all can be given one `average`.
    """

    def _compute(
        self,
        predictions: list[int],
        references: list[int],
        *,
        normalize: bool = True,
        sample_weight: ArrayLike | None = None,
        average: str | None = None,
        labels: ArrayLike | None = None,
        pos_label: int = 1,
        zero_division: str | float = "warn",
    ) -> dict[str, float]:
        score = scikit.accuracy_score(
            references, predictions, normalize=normalize, sample_weight=sample_weight
        )
        return {"accuracy": float(score)}


class _Averaged(_ClassMetric):
    """What the other three share: a score a class, averaged."""

    score: Callable[..., Any]

    def _compute(
        self, predictions: list[int], references: list[int], **options: Any
    ) -> dict[str, Any]:
        score = self.score(references, predictions, **options)
        return {self.name: float(score) if np.size(score) == 1 else score}


class Precision(_Averaged):
    """Of the examples predicted to be of a class, the share that are."""

    score = staticmethod(scikit.precision_score)


class Recall(_Averaged):
    """Of the examples that are of a class, the share predicted to be."""

    score = staticmethod(scikit.recall_score)


class F1(_Averaged):
    """The harmonic mean of precision and recall: 2PR / (P + R)."""

    score = staticmethod(scikit.f1_score)


def classification(logits: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Accuracy, and macro precision, recall and F1, of the class with the top logit.

    For a `transformers.Trainer`, which hands over both as one object:
    `compute_metrics=lambda outputs: classification(*outputs)`.

    A macro score is the unweighted mean over the classes that occur in the labels or
    the predictions, as in scikit-learn; one that divides by zero counts as 0.

    Args:
        logits: shape (examples, classes); a list, an array or a tensor.
        labels: shape (examples,), each from 0 to classes - 1.

    Raises:
        LabError: no examples, shapes that do not fit, a NaN, or a label that is no
            class.
    """
    scores = validation.axes(
        validation.numbers(logits, "logits"), "logits", "examples", "classes"
    )
    references = validation.labels(labels, "labels", scores.shape[1])
    validation.axes(references, "labels", "examples")
    validation.pairs(logits=scores, labels=references)
    predictions = scores.argmax(axis=1)
    precision, recall, f1, _ = scikit.precision_recall_fscore_support(
        references, predictions, average="macro", zero_division=0
    )
    accuracy = (predictions == references).mean()
    values = {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1}
    return {name: float(value) for name, value in values.items()}

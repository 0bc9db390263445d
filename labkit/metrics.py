"""Accuracy, precision, recall and F1: scikit-learn's, as `evaluate` metrics.

`evaluate.load("f1")` fetches its code from the Hub. These give the same keys from the
same defaults, and need no network and no cache on disk:

    >>> scores = evaluate.combine([Accuracy(), F1()])
    >>> scores.compute(predictions=[0, 1], references=[1, 1], average="macro")
    {'accuracy': 0.5, 'f1': 0.3333333333333333}

The options of `compute` are scikit-learn's: for all, sample_weight; for `Accuracy`,
normalize; for the others, average ("binary", the default, "macro", "micro",
"weighted", or None for a score a class), labels, pos_label and zero_division.
"""

from collections.abc import Callable
from typing import Any

import evaluate
import numpy as np
from datasets import Features, Value
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as scikit

from labkit.errors import LabError


class _Metric(evaluate.Metric):
    """What the four share: one whole number an example, and nothing on disk."""

    def __init__(self) -> None:
        super().__init__(keep_in_memory=True)

    def _build_data_dir(self) -> str:
        return ""  # evaluate would make a folder in the cache, and leave it empty

    def _info(self) -> evaluate.MetricInfo:
        label = Value("int64")
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="Pedregosa et al. (2011), Scikit-learn, JMLR 12:2825-2830.",
            features=Features({"predictions": label, "references": label}),
        )

    def add_batch(
        self, *, predictions: ArrayLike, references: ArrayLike, **unknown: Any
    ) -> None:
        """Remember a batch of class numbers, shape (examples,) each.

        Raises:
            LabError: the batch is empty, its lengths differ, or a value is not a whole
                number, such as a probability, which evaluate would cut to 0.
        """
        predictions = _class_numbers("predictions", predictions)
        references = _class_numbers("references", references)
        _check_lengths("predictions", predictions, "references", references)
        super().add_batch(predictions=predictions, references=references, **unknown)


class Accuracy(_Metric):
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


class _Averaged(_Metric):
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
    scores, references = _array(logits), _class_numbers("labels", labels)
    if scores.ndim != 2:
        raise LabError(
            f"logits have the shape {scores.shape}, not (examples, classes).",
            "Pass one row of scores an example: `outputs.logits`, not its argmax.",
        )
    _check_lengths("logits", scores, "labels", references)
    if bad := int(np.isnan(scores).any(axis=1).sum()):
        raise LabError(
            f"the logits of {bad} of {len(scores)} examples are NaN.",
            "The training has diverged, or fp16 has overflowed.",
            "Lower the learning rate, or use bf16 or fp32, and train again.",
        )
    classes = scores.shape[1]
    strays = references[(references < 0) | (references >= classes)]
    if strays.size:
        raise LabError(
            f"label {strays[0]} is not one of the classes, 0 to {classes - 1}.",
            "A split whose labels are all -1 has none: evaluate on another.",
        )
    predictions = scores.argmax(axis=1)
    precision, recall, f1, _ = scikit.precision_recall_fscore_support(
        references, predictions, average="macro", zero_division=0
    )
    accuracy = (predictions == references).mean()
    values = {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1}
    return {name: float(value) for name, value in values.items()}


def _array(values: Any) -> NDArray[Any]:
    """An array of a list, an array, or a tensor of any device and precision."""
    return np.asarray(values.tolist() if hasattr(values, "tolist") else values)


def _class_numbers(name: str, values: Any) -> NDArray[np.int64]:
    numbers = _array(values)
    if numbers.size == 0:
        raise LabError(
            f"{name} are empty: there is nothing to score.",
            "Was the split filtered away, or the loop over batches never entered?",
        )
    whole = numbers.dtype.kind in "iub" or (
        numbers.dtype.kind == "f" and bool((numbers == np.rint(numbers)).all())
    )
    if numbers.ndim != 1 or not whole:
        raise LabError(
            f"{name} must be one whole number an example, the number of its class.",
            f"Got shape {numbers.shape} and {numbers.flat[0]!r} first.",
            "From logits or probabilities take `.argmax(-1)`.",
        )
    return numbers.astype(np.int64)


def _check_lengths(
    name: str, values: NDArray[Any], other: str, others: NDArray[Any]
) -> None:
    if len(values) != len(others):
        raise LabError(
            f"{len(values)} {name} do not pair with {len(others)} {other}.",
            "Both must come from the same examples, in the same order.",
        )

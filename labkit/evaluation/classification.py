"""Accuracy, precision, recall and F1: scikit-learn's, as `evaluate` metrics.

`evaluate.load("f1")` fetches its code from the Hub. These give the same keys from the
same defaults, and need no network and no cache on disk:

    >>> scores = evaluate.combine([Accuracy(), F1()])
    >>> scores.compute(predictions=[0, 1], references=[1, 1], average="macro")
    {'accuracy': 0.5, 'f1': 0.3333333333333333}

The options of `compute` are scikit-learn's: for all, sample_weight; for `Accuracy`,
normalize; for the others, average ("binary", the default, "macro", "micro",
"weighted", or None for a score a class), labels, pos_label and zero_division.

Accuracy says how often a model is right. Whether it knows when is its calibration:
`expected_calibration_error`, `brier_score`, `reliability_bins`, `fit_temperature`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

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
    scores, references = check_logits(logits, labels)
    predictions = scores.argmax(axis=1)
    precision, recall, f1, _ = scikit.precision_recall_fscore_support(
        references, predictions, average="macro", zero_division=0
    )
    accuracy = (predictions == references).mean()
    values = {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1}
    return {name: float(value) for name, value in values.items()}


class Bin(NamedTuple):
    """The examples that a model is about equally sure of."""

    confidence: float  # the mean probability of the class with the most
    accuracy: float  # the share of them that are of it
    examples: int


def reliability_bins(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 15,
    equal_mass: bool = False,
) -> list[Bin]:
    """Examples by confidence: is the model right as often as it says?

    Bins are open below and closed above, from 0 to 1, all of one width; with
    `equal_mass`, their edges are the quantiles of the confidences, so that each holds
    about as many examples. Empty bins are left out.

    Args:
        probabilities: shape (examples, classes), each row sums to 1.
        labels: shape (examples,), each from 0 to classes - 1.

    Raises:
        LabError: as `classification` does, or rows that are no probabilities.

    Source: Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural
        Networks, section 2; equal mass: Nguyen and O'Connor (2015), Posterior
        Calibration and Exploratory Analysis for NLP Models, section 3.
    """
    shares, references = _check_probabilities(probabilities, labels)
    confidence = shares.max(axis=1)
    right = shares.argmax(axis=1) == references
    edges = np.linspace(0, 1, bins + 1)
    if equal_mass:
        edges = np.quantile(confidence, edges)
    numbers = np.searchsorted(edges[1:-1], confidence)
    groups = [numbers == number for number in np.unique(numbers)]
    return [
        Bin(
            float(confidence[group].mean()),
            float(right[group].mean()),
            int(group.sum()),
        )
        for group in groups
    ]


def expected_calibration_error(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 15,
    equal_mass: bool = False,
) -> float:
    """How far confidence and accuracy are apart, on average over the examples.

    Σ_b (n_b / n) |accuracy_b - confidence_b|. It depends on the bins, and is above 0
    by chance alone: compare it only for the same bins and number of examples.

    Args and errors: those of `reliability_bins`.

    Source: Guo et al. (2017), equation 3; Naeini, Cooper and Hauskrecht (2015).
    """
    groups = reliability_bins(probabilities, labels, bins=bins, equal_mass=equal_mass)
    total = sum(group.examples for group in groups)
    gaps = [abs(group.accuracy - group.confidence) * group.examples for group in groups]
    return float(sum(gaps) / total)


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The mean squared distance of the probabilities from the truth; 0 is best.

    Summed over the classes, and so from 0 to 2; scikit-learn halves it for two classes
    unless `scale_by_half=False`.

    Args and errors: those of `reliability_bins`.

    Source: Brier (1950), Verification of Forecasts Expressed in Terms of Probability,
        Monthly Weather Review 78:1-3, equation 2.
    """
    shares, references = _check_probabilities(probabilities, labels)
    truth = np.eye(shares.shape[1])[references]
    return float(((shares - truth) ** 2).sum(axis=1).mean())


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The T > 0 for which softmax(logits / T) gives the labels the least mean loss.

    It changes no prediction, only how sure the model is of it. Fit it on validation
    examples: on training examples the model is too sure for T to tell, and fitted on
    the test set it reports an error that it cannot keep.

    Args:
        logits: shape (examples, classes).
        labels: shape (examples,), each from 0 to classes - 1.

    Raises:
        LabError: as `classification` does; every answer is right, and T would be 0;
            or the logits are no better than chance, and it would have no end.

    Source: Guo et al. (2017), section 4.2.
    """
    from scipy.optimize import brentq

    scores, references = check_logits(logits, labels)
    scores = scores - scores.max(axis=1, keepdims=True)
    chosen = scores[np.arange(len(scores)), references]

    def slope(sharpness: float) -> float:
        """Of the mean loss by 1/T: it only rises, since the loss is convex in 1/T."""
        weights = np.exp(sharpness * scores)
        means = (weights * scores).sum(axis=1) / weights.sum(axis=1)
        return float((means - chosen).mean())

    if not np.isfinite(scores).all():
        raise LabError(
            "logits are infinite.", "A temperature cannot scale them: find why first."
        )
    if slope(0) >= 0 or not chosen.any():
        raise LabError(
            "no temperature fits these logits.",
            "All answers are right, or they are no better than chance: the loss falls "
            "all the way to T = 0, or to no end.",
            "Pass more validation examples, among them some that the model gets wrong.",
        )
    top = 1.0
    while slope(top) < 0:
        top *= 2
    return 1 / float(brentq(slope, 0, top))


def _array(values: Any) -> NDArray[Any]:
    """An array of a list, an array, or a tensor of any device and precision."""
    return np.asarray(values.tolist() if hasattr(values, "tolist") else values)


def check_logits(
    logits: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Both as arrays, refused in words unless each example has a row and a class."""
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
    return scores, references


def _check_probabilities(
    probabilities: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    shares, references = check_logits(probabilities, labels)
    if (shares < 0).any() or (abs(shares.sum(axis=1) - 1) > 0.01).any():
        raise LabError(
            "these are no probabilities: a row is negative, or does not sum to 1.",
            "Of logits take `.softmax(-1)` first.",
        )
    return shares, references


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

"""Where is a model wrong? The worst examples, and the kinds that are worst.

    masks = simple_predicates(test["text"], train["text"])   # name -> one bool a text
    for found in find_slices(predictions != labels, masks):
        print(found)

A slice is named before its errors are counted, and its p-value pays for all that were
tried: among a hundred kinds of texts some are bad by chance.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.errors import LabError
from labkit.evaluation.classification import check_logits
from labkit.evaluation.uncertainty import Interval, wilson_interval

Correction = Literal["holm", "benjamini-hochberg"]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NEGATION = re.compile(
    r"\b(?:not?|never|none|nobody|nothing|nowhere|neither|nor|cannot|without)\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Example:
    """One example, and how far the model was from its label."""

    index: int
    loss: float  # nats
    label: int
    predicted: int
    confidence: float  # the probability of the predicted class


@dataclass(frozen=True)
class Slice:
    """A kind of examples, how often the model is wrong on it, and on the rest."""

    name: str
    examples: int
    error: Interval  # Wilson's
    rest: float
    p_value: float  # corrected for the number of slices tried

    def __str__(self) -> str:
        return (
            f"{self.name}: wrong {self.error} on {self.examples:,}, "
            f"{self.rest:.3f} on the rest, corrected p = {self.p_value:.2g}"
        )


def example_losses(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """The cross-entropy of each example in nats, shape (examples,).

    Args:
        logits: shape (examples, classes); a list, an array or a tensor.
        labels: shape (examples,), each from 0 to classes - 1.

    Raises:
        LabError: no examples, shapes that do not fit, or NaN.
    """
    scores, references = check_logits(logits, labels)
    shifted = scores.astype(float) - scores.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(scores)), references]
    return np.log(np.exp(shifted).sum(axis=1)) - chosen


def worst_examples(logits: ArrayLike, labels: ArrayLike, n: int = 10) -> list[Example]:
    """The n examples with the most loss, worst first: read them before all else.

    They show two things: what the model cannot do, and labels that are wrong.

    Args and errors: those of `example_losses`.
    """
    losses = example_losses(logits, labels)
    scores, references = check_logits(logits, labels)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return [
        Example(
            int(index),
            float(losses[index]),
            int(references[index]),
            int(scores[index].argmax()),
            float(shares[index].max()),
        )
        for index in np.argsort(-losses, kind="stable")[:n]
    ]


def simple_predicates(
    texts: Sequence[str], training: Sequence[str], *, at_least: int = 20
) -> dict[str, NDArray[np.bool_]]:
    """Kinds of texts that anybody can check: length, rare words, negation, words.

    Args:
        training: what the model learnt from: a word is rare that is not in it twice.
        at_least: a word makes a slice if so many texts have it, and so many do not.

    Returns:
        name -> one bool a text, shape (texts,).

    Raises:
        LabError: there are no texts.
    """
    if not len(texts):
        raise LabError("there are no texts to slice.", "Pass those of the test set.")
    words = [[word.lower() for word in _WORD.findall(text)] for text in texts]
    seen = Counter(word.lower() for text in training for word in _WORD.findall(text))
    lengths = np.array([len(each) for each in words])
    short, long = (int(cut) for cut in np.quantile(lengths, [0.25, 0.75]))
    rare = np.array([sum(seen[word] < 2 for word in each) for each in words])
    kinds: dict[str, Any] = {
        f"at most {short} words": lengths <= short,
        f"at least {long} words": lengths >= long,
        "a rare word": rare >= 1,
        "two rare words or more": rare >= 2,
        "negation": [bool(_NEGATION.search(text)) for text in texts],
        "a question mark": ["?" in text for text in texts],
        "an exclamation mark": ["!" in text for text in texts],
        "a digit": [any(sign.isdigit() for sign in text) for text in texts],
    }
    having = Counter(word for each in words for word in set(each))
    for word, count in sorted(having.items()):
        if at_least <= count <= len(texts) - at_least:
            kinds[f"the word “{word}”"] = [word in each for each in words]
    return {name: np.asarray(mask, dtype=bool) for name, mask in kinds.items()}


def find_slices(
    wrong: ArrayLike,
    masks: Mapping[str, ArrayLike],
    *,
    correction: Correction = "holm",
    at_least: int = 20,
) -> list[Slice]:
    """The slices by how surely the model is worse on them than on the rest.

    The p-value is one-sided and exact (Fisher, 1922): the chance of so many errors in
    the slice if it were drawn from the examples blindly. Then it is corrected for all
    slices that were large enough to try. With "holm", the chance of any false find
    among those below 0.05 is at most 5 %; with "benjamini-hochberg" at most 5 % of the
    finds are expected to be false.

    Args:
        wrong: whether the model is, shape (examples,).
        masks: name -> which examples belong, shape (examples,).
        at_least: slices with fewer examples, in or out, are not tried.

    Raises:
        LabError: no examples, or a mask of another length.
    """
    from scipy.stats import hypergeom

    errors = _right_or_wrong(wrong)
    kept = _large_enough(errors, masks, at_least)
    counts = np.array([[mask.sum(), errors[mask].sum()] for mask in kept.values()])
    if not kept:
        return []
    sizes, bad = counts.T
    raw = hypergeom.sf(bad - 1, len(errors), errors.sum(), sizes)
    found = [
        Slice(
            name,
            int(mask.sum()),
            wilson_interval(errors[mask]),
            float(errors[~mask].mean()),
            float(p),
        )
        for (name, mask), p in zip(kept.items(), adjust(raw, correction), strict=True)
    ]
    order = np.lexsort((raw, [each.p_value for each in found]))
    return [found[index] for index in order]


def adjust(p_values: ArrayLike, correction: Correction) -> NDArray[np.float64]:
    """p-values of several tests, made to pay for their number; in the same order.

    Source: Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure,
        Scandinavian Journal of Statistics 6:65-70; Benjamini and Hochberg (1995),
        Journal of the Royal Statistical Society B 57:289-300.

    Raises:
        LabError: a number that is no p-value, or a correction of another name.
    """
    values = np.asarray(p_values, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise LabError(
            "p-values lie between 0 and 1; some of these do not, or are NaN.",
            "Pass the uncorrected p-values of the tests.",
        )
    tests, order = len(values), np.argsort(values)
    ranked = values[order]
    if correction == "holm":
        stepped = np.maximum.accumulate(ranked * np.arange(tests, 0, -1))
    elif correction == "benjamini-hochberg":
        share = ranked * tests / np.arange(1, tests + 1)
        stepped = np.minimum.accumulate(share[::-1])[::-1]
    else:
        raise LabError(
            f"there is no correction “{correction}”.",
            "Pass “holm” or “benjamini-hochberg”.",
        )
    adjusted = np.empty(tests)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def _right_or_wrong(wrong: ArrayLike) -> NDArray[np.bool_]:
    values = np.asarray(wrong)
    if values.ndim != 1 or not values.size or not np.isin(values, (0, 1)).all():
        raise LabError(
            "there are no examples to slice, or one is neither right nor wrong.",
            "Pass `predictions != labels`, one truth value an example.",
        )
    return values.astype(bool)


def _large_enough(
    errors: NDArray[np.bool_], masks: Mapping[str, ArrayLike], at_least: int
) -> dict[str, NDArray[np.bool_]]:
    """The masks that leave enough examples on both sides; of equal ones the first."""
    kept: dict[str, NDArray[np.bool_]] = {}
    known = set()
    for name, values in masks.items():
        mask = np.asarray(values).astype(bool)
        if mask.shape != errors.shape:
            raise LabError(
                f"the slice “{name}” marks {mask.size} examples of {errors.size}.",
                "Both must come from the same examples, in the same order.",
            )
        if at_least <= mask.sum() <= mask.size - at_least:
            if mask.tobytes() not in known:
                kept[name] = mask
            known.add(mask.tobytes())
    return kept

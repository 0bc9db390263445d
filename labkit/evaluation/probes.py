"""What is there to be read in each layer? Linear probes, and what they can memorise.

    train = Tokens(states, labels, types, texts)     # states: (layer, token, d)
    for layer, probe in enumerate(probe_layers(train, test)):
        print(layer, probe.accuracy, probe.control, probe.selectivity)

A probe is a linear classifier from a token's hidden state to a label; the model itself
is not trained. A good probe may only have learnt which word is which. So each gets a
twin with a control task: random labels, one for each type of word, which can be had by
knowing the word and by nothing else. Selectivity is by how much the probe does better
than its twin — Hewitt and Liang (2019), Designing and Interpreting Probes with Control
Tasks, section 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labkit.errors import LabError
from labkit.evaluation.uncertainty import Interval, bootstrap_interval


@dataclass(frozen=True)
class Tokens:
    """Tokens of several texts, and what is known of each.

    Attributes:
        states: Hidden states of every layer, shape (layer, token, d).
        labels: What a probe is to tell, shape (token,).
        types: Which word it is, a number or a string, shape (token,).
        texts: The number of the text that it stands in, shape (token,).

    Raises:
        LabError: they are not of one number of tokens, or there are none.
    """

    states: Float[NDArray[np.floating], "layer token d"]
    labels: NDArray[np.int64]
    types: NDArray[np.generic]
    texts: NDArray[np.int64]

    def __post_init__(self) -> None:
        sizes = [len(self.labels), len(self.types), len(self.texts)]
        if self.states.ndim != 3 or {*sizes} != {self.states.shape[1]} or not sizes[0]:
            raise LabError(
                f"states of shape {self.states.shape} do not fit {sizes} labels, types "
                "and texts.",
                "Pass states as (layer, token, d), and one of each for every token.",
            )


@dataclass(frozen=True)
class Probe:
    """How well one layer's probe does on unseen texts, with 95 % intervals.

    Attributes:
        accuracy: Share of tokens whose label it tells.
        control: The same for its twin on the control task.
        selectivity: accuracy - control, over the same draws of texts.
    """

    accuracy: Interval
    control: Interval
    selectivity: Interval


def probe_layers(train: Tokens, test: Tokens, *, seed: int = 0) -> list[Probe]:
    """A probe and its twin for each layer, learnt on `train` and measured on `test`.

    Tokens of one text resemble each other, so the intervals draw whole texts.

    Raises:
        LabError: the sets differ in layers or d, or `train` has
            one label only.
    """
    if train.states.shape[::2] != test.states.shape[::2]:
        raise LabError(
            f"the states to learn from, {train.states.shape}, and to measure on, "
            f"{test.states.shape}, are not of one model.",
            "Pass (layer, token, d) of the same model for both.",
        )
    if len(np.unique(train.labels)) < 2:
        raise LabError(
            "all labels to learn from are the same.", "There is nothing to tell apart."
        )
    control = control_labels([train.types, test.types], train.labels, seed=seed)
    groups = np.unique(test.texts, return_inverse=True)[1]
    found = []
    for learnt_from, measured_on in zip(train.states, test.states, strict=True):
        right = [
            linear_probe(learnt_from, labels, measured_on) == truth
            for labels, truth in ((train.labels, test.labels), control)
        ]
        probe, twin = (np.bincount(groups, weights=part) for part in right)
        found.append(Probe(*_intervals(probe, twin, np.bincount(groups))))
    return found


def linear_probe(
    train_states: Float[NDArray[np.floating], "token d"],
    train_labels: ArrayLike,
    test_states: Float[NDArray[np.floating], "token2 d"],
) -> NDArray[np.int64]:
    """The labels that a logistic regression on `train` gives to `test`.

    The states are standardised, and the weights kept small (C = 0.1), as there are few
    tokens for so many dimensions.
    """
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1_000))
    return probe.fit(train_states, np.asarray(train_labels)).predict(test_states)


def control_labels(
    types: Sequence[NDArray[np.generic]], labels: NDArray[np.int64], *, seed: int = 0
) -> list[NDArray[np.int64]]:
    """Random labels, the same wherever a type occurs, in each of the sets.

    They are drawn with the shares that the classes have in `labels`. A type that is in
    the test set alone cannot be told but by luck.
    """
    known, number = np.unique(np.concatenate(types), return_inverse=True)
    drawn = np.random.default_rng(seed).choice(labels, size=len(known))[number]
    return np.split(drawn, np.cumsum([len(part) for part in types])[:-1])


def _intervals(
    right: NDArray[Any], twin: NDArray[Any], size: NDArray[Any]
) -> tuple[Interval, Interval, Interval]:
    """Of the shares right, of the twin's, and of the difference; one row a text."""

    def share(right: NDArray[Any], size: NDArray[Any]) -> float:
        return float(right.sum() / size.sum())

    accuracy, control, selectivity = (
        bootstrap_interval(sums, size, statistic=share)
        for sums in (right, twin, right - twin)
    )
    return accuracy, control, selectivity

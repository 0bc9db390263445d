"""Does a model treat alike what should be treated alike? Probes, and remedies.

A probe takes any function from texts to probabilities. It shows the model pairs of
texts that differ in one thing which should not matter, and measures the difference:

    pairs = counterfactual_pairs("names", "English", "Arabic")
    print(counterfactual_gap(probability_of_positive, pairs))

The templates are in `counterfactuals.toml`; how they were made, and what they cannot
show, is in `datasheets/counterfactuals.md`.

The remedies change data, not models, so that they fit any training: `label_suspects`
(cleaning), `augment` (counterfactual augmentation), `reweigh` (weights for the
examples), `nullspace_projection` (vectors without a learnt direction).
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from labkit.errors import LabError
from labkit.evaluation.uncertainty import Interval, wilson_interval

Score = Callable[[list[str]], ArrayLike]

TEMPLATES = Path(__file__).with_name("counterfactuals.toml")
SENTIMENT = "sentiment"


@dataclass(frozen=True)
class Pair:
    """Two texts that differ in one thing.

    Attributes:
        template: what the two share, and the same in every pair made of it.
        filler: what was put in, as "Emily / Fatima"; empty if whole sentences differ.
        sentiment: what both say: "negative", "neutral" or "positive".
    """

    first: str
    second: str
    template: str
    filler: str = ""
    sentiment: str = "neutral"


@dataclass(frozen=True)
class Gap:
    """How much higher a model scores the second texts of pairs than the first.

    Attributes:
        mean: the mean difference, with its interval.
        differences: one a pair, shape (pairs,).
    """

    mean: Interval
    differences: NDArray[np.float64]
    pairs: tuple[Pair, ...]

    def __str__(self) -> str:
        return str(self.mean)


@dataclass(frozen=True)
class EqualisedOdds:
    """What two groups' members get who have the same true label.

    Attributes:
        tpr, fpr: the difference of the true positive and the false positive rates, the
            second group's minus the first's; both are 0 where odds are equal.
        rates: group -> its ("tpr", "fpr"), each with its Wilson interval.
    """

    tpr: Interval
    fpr: Interval
    rates: dict[str, dict[str, Interval]]


# --- probes -------------------------------------------------------------------------


def families() -> dict[str, dict[str, list[Any]]]:
    """What the course has templates for: family -> group -> what it fills in.

    Names and identities are texts, pronouns are their forms, and dialects are whole
    sentences, one a template.
    """
    known = {}
    for name, family in _templates().items():
        sentences = family.get("sentences", [])
        groups = [group for row in sentences[:1] for group in row if group != SENTIMENT]
        known[name] = family.get("groups") or {
            group: [row[group] for row in sentences] for group in groups
        }
    return known


def counterfactual_pairs(family: str, first: str, second: str) -> list[Pair]:
    """Every template of a family, filled in for one group and for the other.

    The fillers are paired in their order: a woman's name with a woman's name.

    Raises:
        LabError: there is no such family, or no such group in it.
    """
    known = families()
    if family not in known:
        raise LabError(
            f"there are no templates for {family!r}.",
            f"There are: {', '.join(known)}.",
        )
    for group in (first, second):
        if group not in known[family]:
            raise LabError(
                f"the family {family} has no group {group!r}.",
                f"It has: {', '.join(known[family])}.",
            )
    table = _templates()[family]
    if "sentences" in table:
        return [
            Pair(row[first], row[second], row[first], sentiment=row[SENTIMENT])
            for row in table["sentences"]
        ]
    return [
        Pair(
            _fill(template, one),
            _fill(template, other),
            template,
            f"{_name(one)} / {_name(other)}",
            sentiment,
        )
        for sentiment, templates in table["templates"].items()
        for template in templates
        for one, other in zip(
            table["groups"][first], table["groups"][second], strict=True
        )
    ]


def counterfactual_gap(
    score: Score,
    pairs: Sequence[Pair],
    *,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Gap:
    """The mean of score(second) - score(first) over pairs, with its interval.

    The pairs are not independent: those of one template share its words, and those of
    one filler its name. So templates and fillers are drawn again, each from themselves,
    and the interval speaks of other templates and other fillers like these. It reaches
    Student's t times the spread of the draws: few templates make it wide.

    Args:
        score: texts -> their probability of one class, shape (texts,). It is called
            once, with every text once.

    Raises:
        LabError: fewer than two templates, or scores that are not one probability a
            text.

    Source: both sides drawn again: Owen (2007), The Pigeonhole Bootstrap, Annals of
        Applied Statistics 1:386-411; t with a bootstrap standard error: Hesterberg
        (2015), What Teachers Should Know About the Bootstrap, The American Statistician
        69:371-386.
    """
    _check_templates(pairs)
    texts = [*dict.fromkeys(text for p in pairs for text in (p.first, p.second))]
    scores = dict(zip(texts, _probabilities(score(texts), len(texts)), strict=True))
    differences = np.array([scores[pair.second] - scores[pair.first] for pair in pairs])
    mean = _two_way_interval(differences, pairs, confidence, resamples, seed)
    return Gap(mean, differences, tuple(pairs))


def gap_change(
    before: Gap,
    after: Gap,
    *,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """The interval of after - before, for two models' gaps over the same pairs.

    Both are drawn together, so that what is special about a template or a name cancels.

    Raises:
        LabError: gaps over other pairs.
    """
    if before.pairs != after.pairs:
        raise LabError(
            "the two gaps are over different pairs.",
            "Measure both models with the same list of pairs.",
        )
    change = after.differences - before.differences
    return _two_way_interval(change, before.pairs, confidence, resamples, seed)


def equalised_odds(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike,
    first: str,
    second: str,
    *,
    confidence: float = 0.95,
) -> EqualisedOdds:
    """Do two groups' members who have the same true label get the same answers?

    With TPR = P(prediction 1 | label 1) and FPR = P(prediction 1 | label 0), odds are
    equal if the groups agree in both: Hardt, Price and Srebro (2016), Equality of
    Opportunity in Supervised Learning, definition 2.1.

    Args:
        labels, predictions: 0 or 1, shape (examples,).
        groups: each example's group, shape (examples,); those of others are left out.

    Raises:
        LabError: lengths that differ, a value that is neither 0 nor 1, or a group
            without an example of a label, for which a rate is not defined.

    Source: the differences' intervals are Newcombe (1998), Interval Estimation for the
        Difference Between Independent Proportions, Statistics in Medicine 17:873-890,
        method 10; it is honest at 0 % and 100 %.
    """
    true, predicted = _zeros_and_ones(labels=labels, predictions=predictions)
    group = np.asarray(groups).astype(str)
    _check_lengths(labels=true, predictions=predicted, groups=group)
    rates: dict[str, dict[str, Interval]] = {}
    for name in (first, second):
        rates[name] = {}
        for rate, label in (("tpr", 1), ("fpr", 0)):
            answers = predicted[(group == name) & (true == label)]
            if not answers.size:
                raise LabError(
                    f"group {name!r} has no example of label {label}, so that its "
                    f"{rate.upper()} is 0 / 0.",
                    "Collect some, or compare groups that have both labels.",
                )
            rates[name][rate] = wilson_interval(answers, confidence=confidence)
    tpr, fpr = (
        _newcombe(rates[first][rate], rates[second][rate]) for rate in ("tpr", "fpr")
    )
    return EqualisedOdds(tpr, fpr, rates)


# --- remedies -----------------------------------------------------------------------


def label_suspects(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.bool_]:
    """The examples that a model trained without them is confident are of another class.

    Confident is: at least as probable as the class is, on average, for the examples
    labelled so. Northcutt, Jiang and Chuang (2021), Confident Learning, Journal of
    Artificial Intelligence Research 70:1373-1411: the examples off the diagonal of the
    confident joint.

    Args:
        labels: class numbers, shape (examples,).
        probabilities: out of sample, shape (examples, classes): as scikit-learn's
            `cross_val_predict(model, vectors, labels, method="predict_proba")`.

    Raises:
        LabError: shapes that do not fit, a label that is no class, or values that are
            not probabilities.
    """
    given, table = np.asarray(labels), np.asarray(probabilities, dtype=float)
    if table.ndim != 2 or given.ndim != 1:
        raise LabError(
            f"labels of shape {given.shape} and probabilities of shape {table.shape} "
            "are not (examples,) and (examples, classes).",
            "Pass one row an example, as `predict_proba` gives it.",
        )
    _check_lengths(labels=given, probabilities=table)
    _check_probabilities(table)
    classes = range(table.shape[1])
    if not np.isin(given, classes).all():
        raise LabError(f"a label is not one of the classes, 0 to {table.shape[1] - 1}.")
    usual = [table[given == k, k].mean() if (given == k).any() else 2 for k in classes]
    confident = np.where(table >= usual, table, -1.0)  # 2 is never reached
    return (confident.max(axis=1) >= 0) & (confident.argmax(axis=1) != given)


def swap(text: str, terms: Mapping[str, str]) -> str:
    """The text with each term replaced by its counterpart, in both directions.

    Whole words only; a capital stays a capital.

    >>> swap("Emily writes: ask Omar.", {"emily": "fatima", "greg": "omar"})
    'Fatima writes: ask Greg.'

    Raises:
        LabError: a term that is in two pairs, so that the swap could not be undone.
    """
    counterpart: dict[str, str] = {}
    for one, other in terms.items():
        for term, opposite in (
            (one.lower(), other.lower()),
            (other.lower(), one.lower()),
        ):
            if counterpart.setdefault(term, opposite) != opposite:
                raise LabError(
                    f"{term!r} is in two pairs: what it is swapped for is not clear.",
                    "Pair each term with one other.",
                )
    if not counterpart:
        return text
    longest_first = sorted(counterpart, key=len, reverse=True)
    pattern = rf"\b({'|'.join(map(re.escape, longest_first))})\b"

    def replace(found: re.Match[str]) -> str:
        return _in_case_of(found[0], counterpart[found[0].lower()])

    return re.sub(pattern, replace, text, flags=re.IGNORECASE)


def augment(
    texts: Sequence[str], labels: Sequence[int], terms: Mapping[str, str]
) -> tuple[list[str], list[int]]:
    """The examples, and after them the swapped form of each that holds a term.

    So each label comes as often with a term as with its counterpart. Lu, Mardziel, Wu,
    Amancharla and Datta (2018), Gender Bias in Neural Natural Language Processing, call
    it counterfactual data augmentation.

    Raises:
        LabError: as `swap` does, and for lengths that differ.
    """
    _check_lengths(texts=texts, labels=labels)
    swapped = [swap(text, terms) for text in texts]
    new = [i for i, text in enumerate(texts) if swapped[i] != text]
    return (
        [*texts, *(swapped[i] for i in new)],
        [*labels, *(labels[i] for i in new)],
    )


def reweigh(groups: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Weights under which the label says nothing about the group.

    An example of group g and label y weighs P(g) P(y) / P(g, y): above 1 where the two
    come together more rarely than chance. Kamiran and Calders (2012), Data
    Preprocessing Techniques for Classification without Discrimination, Knowledge and
    Information Systems 33:1-33, "reweighing".

    Args:
        groups, labels: shape (examples,) each.

    Returns:
        Shape (examples,); the mean is 1. Give them to a loss, or draw examples in
        proportion to them.

    Raises:
        LabError: a group without an example of a label: nothing there to weigh.
    """
    names, group = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    classes, label = np.unique(np.asarray(labels), return_inverse=True)
    _check_lengths(groups=group, labels=label)
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (group, label), 1)
    if not counts.all():
        row, column = np.argwhere(counts == 0)[0]
        raise LabError(
            f"group '{names[row]}' has no example of label {classes[column]}.",
            "No weight makes up for that: collect or augment some.",
        )
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return (expected / counts)[group, label]


def nullspace_projection(
    vectors: ArrayLike, groups: ArrayLike, directions: int = 1
) -> NDArray[np.float64]:
    """The projection that takes out of vectors what tells two groups apart linearly.

    A logistic regression learns to tell the groups apart; the direction that it looks
    along is removed; the next one has to look elsewhere. Ravfogel, Elazar, Gonen,
    Twiton and Goldberg (2020), Null It Out: Guarding Protected Attributes by Iterative
    Nullspace Projection, algorithm 1. With one direction this is the "neutralize" of
    Bolukbasi et al. (2016), Man is to Computer Programmer as Woman is to Homemaker?

    Args:
        vectors: shape (examples, d).
        groups: two groups, shape (examples,).
        directions: how many are removed; fewer than d.

    Returns:
        P, shape (d, d), symmetric, with P P = P: `vectors @ P` are the new vectors.

    Raises:
        LabError: not two groups, or not fewer directions than d.
    """
    from sklearn.linear_model import LogisticRegression

    table, group = np.asarray(vectors, dtype=float), np.asarray(groups)
    _check_lengths(vectors=table, groups=group)
    if table.ndim != 2 or not 0 < directions < table.shape[1]:
        raise LabError(
            f"{directions} directions cannot be taken out of vectors of shape "
            f"{table.shape}.",
            "Pass (examples, d), and from 1 to d - 1 directions.",
        )
    if (found := len(np.unique(group))) != 2:
        raise LabError(
            f"there are {found} groups, and a direction tells two apart.",
            "Pass the examples of two groups.",
        )
    basis = np.zeros((table.shape[1], 0))  # orthonormal columns: what was removed
    for _ in range(directions):
        rest = table - table @ basis @ basis.T
        probe = LogisticRegression(max_iter=1_000).fit(rest, group)
        direction = probe.coef_[0] - basis @ (basis.T @ probe.coef_[0])
        length = np.linalg.norm(direction)
        if length < 1e-9:  # nothing is left that tells them apart
            break
        basis = np.column_stack([basis, direction / length])
    return np.eye(table.shape[1]) - basis @ basis.T


# --- templates ----------------------------------------------------------------------


@cache
def _templates() -> dict[str, Any]:
    return tomllib.loads(TEMPLATES.read_text("utf-8"))


def _fill(template: str, filler: str | Mapping[str, str]) -> str:
    slots = {"who": filler} if isinstance(filler, str) else dict(filler)
    text = template.format_map(slots)
    return text[0].upper() + text[1:]


def _name(filler: str | Mapping[str, str]) -> str:
    return filler if isinstance(filler, str) else next(iter(filler.values()))


def _in_case_of(model: str, term: str) -> str:
    if len(model) > 1 and model.isupper():
        return term.upper()
    return term[0].upper() + term[1:] if model[0].isupper() else term


# --- intervals ----------------------------------------------------------------------


def _two_way_interval(
    values: NDArray[np.float64],
    pairs: Sequence[Pair],
    confidence: float,
    resamples: int,
    seed: int,
) -> Interval:
    """Of the mean of one value a pair; templates and fillers are drawn again."""
    random = np.random.default_rng(seed)
    weights = np.ones((resamples, len(values)))  # how often a draw holds each pair
    sizes = []
    for side in ("template", "filler"):
        names = [getattr(pair, side) for pair in pairs]
        kinds, kind = np.unique(names, return_inverse=True)
        n = len(kinds)
        drawn = random.multinomial(n, np.full(n, 1 / n), size=resamples)
        weights *= drawn[:, kind]
        sizes.append(n)
    total = weights.sum(axis=1)
    some = total > 0  # where not every template has every filler, a draw may be empty
    means = (weights[some] @ values) / total[some]
    n = min(size for size in sizes if size > 1)  # a single filler was never drawn
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    estimate = float(values.mean())
    margin = float(t * np.sqrt(n / (n - 1)) * means.std())
    return Interval(estimate, estimate - margin, estimate + margin, confidence)


def _newcombe(first: Interval, second: Interval) -> Interval:
    """second - first; each end adds the two distances that reach towards it."""
    difference = second.estimate - first.estimate
    low = np.hypot(second.estimate - second.low, first.high - first.estimate)
    high = np.hypot(second.high - second.estimate, first.estimate - first.low)
    return Interval(
        difference, difference - float(low), difference + float(high), first.confidence
    )


# --- checks -------------------------------------------------------------------------


def _check_templates(pairs: Sequence[Pair]) -> None:
    if len({pair.template for pair in pairs}) < 2:
        raise LabError(
            f"{len(pairs)} pairs of one template are an anecdote, not a distribution.",
            "Pass pairs of two templates or more: of twenty, if you can.",
        )


def _probabilities(scores: ArrayLike, texts: int) -> NDArray[np.float64]:
    table = np.asarray(scores, dtype=float)
    if table.shape != (texts,):
        raise LabError(
            f"the model gave scores of shape {table.shape} for {texts} texts.",
            "Return one probability a text: of two columns take `[:, 1]`.",
        )
    return _check_probabilities(table)


def _check_probabilities(table: NDArray[np.float64]) -> NDArray[np.float64]:
    bad = ~((table >= 0) & (table <= 1))  # NaN is bad, too
    if bad.any():
        raise LabError(
            f"{int(bad.sum())} of {table.size} scores are not probabilities, "
            f"{table[bad].flat[0]} among them.",
            "Of logits take the softmax first; NaN tells of a training that diverged.",
        )
    return table


def _zeros_and_ones(**columns: ArrayLike) -> list[NDArray[Any]]:
    arrays = []
    for name, values in columns.items():
        array = np.asarray(values)
        if array.ndim != 1 or not np.isin(array, (0, 1)).all():
            raise LabError(
                f"{name} must be 0 or 1, one an example.",
                "Of probabilities take `> 0.5` first.",
            )
        arrays.append(array.astype(int))
    return arrays


def _check_lengths(**columns: Iterable[Any]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}  # type: ignore[arg-type]
    if len({*lengths.values()}) > 1 or 0 in lengths.values():
        said = ", ".join(f"{size} {name}" for name, size in lengths.items())
        raise LabError(
            f"there are {said}.",
            "All must come from the same examples, one or more, in the same order.",
        )

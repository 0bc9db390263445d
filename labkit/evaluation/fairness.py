"""Pairs of texts that differ in one thing which should not matter, and their interval.

    pairs = counterfactual_pairs("names", "English", "Arabic")
    differences = score([p.second for p in pairs]) - score([p.first for p in pairs])
    print(two_way_interval(differences, pairs))

The templates are in `counterfactuals.toml`; how they were made, and what they cannot
show, is in `labkit/data/datasheets/counterfactuals.md`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from labkit.errors import LabError
from labkit.evaluation.uncertainty import Interval
from labkit.validation import numbers

_TEMPLATES = Path(__file__).with_name("counterfactuals.toml")


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


def families() -> dict[str, dict[str, list[Any]]]:
    """What the course has templates for: family -> group -> what it fills in.

    Names and identities are texts, pronouns are their forms, and dialects are whole
    sentences, one a template.
    """
    return {
        name: family.get("groups") or _wordings(family["sentences"])
        for name, family in _templates().items()
    }


def counterfactual_pairs(family: str, first: str, second: str) -> list[Pair]:
    """Every template of a family, filled in for one group and for the other.

    The fillers are paired in their order: a woman's name with a woman's name.

    Raises:
        LabError: there is no such family, or no such group in it.
    """
    groups = _known(families(), family, "there are no templates for")
    one, other = (
        _known(groups, group, f"the family {family} has no group")
        for group in (first, second)
    )
    table = _templates()[family]
    if "sentences" in table:
        return [
            Pair(row[first], row[second], row[first], sentiment=row["sentiment"])
            for row in table["sentences"]
        ]
    return [
        Pair(_fill(template, a), _fill(template, b), template, _said(a, b), sentiment)
        for sentiment, templates in table["templates"].items()
        for template in templates
        for a, b in zip(one, other, strict=True)
    ]


def two_way_interval(
    values: ArrayLike,
    pairs: Sequence[Pair],
    *,
    confidence: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """The mean of one value a pair, with its interval.

    The pairs are not independent: those of one template share its words, and those of
    one filler its name. So templates and fillers are drawn again, each from themselves,
    and the interval speaks of other templates and other fillers like these. It reaches
    Student's t times the spread of the draws: few templates make it wide.

    Args:
        values: finite numbers, shape (pairs,); of two models' gaps over the same pairs
            take the difference first, so that what is special about a name cancels.

    Raises:
        LabError: fewer than two templates, or not one number a pair.

    Source: both sides drawn again: Owen (2007), The Pigeonhole Bootstrap, Annals of
        Applied Statistics 1:386-411; t with a bootstrap standard error: Hesterberg
        (2015), What Teachers Should Know About the Bootstrap, The American Statistician
        69:371-386.
    """
    one_each = _one_a_pair(values, pairs)
    random = np.random.default_rng(seed)
    weights = np.ones((resamples, len(one_each)))  # how often a draw holds each pair
    sizes = []
    for side in ("template", "filler"):
        kinds, kind = np.unique([getattr(p, side) for p in pairs], return_inverse=True)
        n = len(kinds)
        weights *= random.multinomial(n, np.full(n, 1 / n), size=resamples)[:, kind]
        sizes.append(n)
    total = weights.sum(axis=1)
    some = total > 0  # where not every template has every filler, a draw may be empty
    means = (weights[some] @ one_each) / total[some]
    n = min(size for size in sizes if size > 1)  # a single filler was never drawn
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    estimate = float(one_each.mean())
    margin = float(t * np.sqrt(n / (n - 1)) * means.std())
    return Interval(estimate, estimate - margin, estimate + margin, confidence)


def _one_a_pair(values: ArrayLike, pairs: Sequence[Pair]) -> NDArray[np.float64]:
    found = numbers(values, "values").astype(float)
    if found.shape != (len(pairs),):
        raise LabError(
            f"values of shape {found.shape} are not one a pair, of {len(pairs)}.",
            "Of two columns of probabilities take `[:, 1]` first.",
        )
    if len({pair.template for pair in pairs}) < 2:
        raise LabError(
            f"{len(pairs)} pairs of one template are an anecdote, not a distribution.",
            "Pass pairs of two templates or more: of twenty, if you can.",
        )
    return found


@cache
def _templates() -> dict[str, Any]:
    return tomllib.loads(_TEMPLATES.read_text("utf-8"))


def _wordings(rows: Sequence[Mapping[str, str]]) -> dict[str, list[Any]]:
    groups = [name for name in rows[0] if name != "sentiment"]
    return {group: [row[group] for row in rows] for group in groups}


def _known(table: Mapping[str, Any], name: str, otherwise: str) -> Any:
    if name not in table:
        raise LabError(f"{otherwise} {name!r}.", f"There are: {', '.join(table)}.")
    return table[name]


def _fill(template: str, filler: str | Mapping[str, str]) -> str:
    slots = {"who": filler} if isinstance(filler, str) else filler
    text = template.format_map(slots)
    return text[0].upper() + text[1:]


def _said(*fillers: str | Mapping[str, str]) -> str:
    return " / ".join(
        f if isinstance(f, str) else next(iter(f.values())) for f in fillers
    )

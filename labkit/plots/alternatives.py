"""The words that stand for each picture where it cannot be seen."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def number(value: float) -> str:
    """0.125 · 12,500 · 1.2e-07"""
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.001 else f"{value:.1e}"


def place(value: float) -> str:
    """A point of an axis: 0.5 · 16 · 12,500"""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"


def score(point: Iterable[float]) -> str:
    """An estimate, and its interval where it has one."""
    estimate, low, high = point
    sure = low == high == estimate or estimate != estimate
    return number(estimate) + ("" if sure else f" [{number(low)}, {number(high)}]")


def distinct(tokens: Sequence[str]) -> list[str]:
    """The tokens, those that come again numbered: the #1, cat, the #2."""
    seen: Counter[str] = Counter()
    names = []
    for token in tokens:
        seen[token] += 1
        names.append(f"{token} #{seen[token]}" if tokens.count(token) > 1 else token)
    return names


def short(text: str, longest: int = 14) -> str:
    """A text that fits beside a figure."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def tell_line(name: str, at: Numbers, points: Numbers) -> str:
    """Both ends, and the highest and the lowest of three points or more.

    Args:
        points: estimates, lows and highs, shape (3, points).
    """
    ends = dict.fromkeys((0, len(at) - 1))
    said = ", ".join(f"{score(points[:, i])} at {place(at[i])}" for i in ends)
    finite = np.flatnonzero(np.isfinite(points[0]))
    if len(finite) > 2:
        order = finite[points[0, finite].argsort(kind="stable")]
        for most, i in (("highest", order[-1]), ("lowest", order[0])):
            said += f", {most} {number(points[0, i])} at {place(at[i])}"
    if bad := len(at) - len(finite):
        said += f", not finite at {bad} of {len(at)}"
    return f"{name}: {said}."


def tell_bars(
    xlabel: str, names: Sequence[str], points: Numbers, dots: Mapping[str, Numbers]
) -> str:
    """Every estimate, the spread of its dots, and which is highest."""
    ends = {name: _ends(values) for name, values in dots.items()}
    said = [
        f"{name}: {score(point)}{ends.get(name, '')}."
        for name, point in zip(names, points.T, strict=True)
    ]
    highest = names[int(points[0].argmax())]
    return f"Bar chart of {xlabel}. {' '.join(said)} Highest: {highest}."


def tell_histogram(
    xlabel: str, groups: Mapping[str, Numbers], mark: float | None
) -> str:
    """The median, the ends, and what lies above the mark."""
    said = [f"Histogram of {xlabel}."]
    for name, values in groups.items():
        words = f"{len(values):,} values, median {number(float(np.median(values)))}"
        if mark is not None:
            words += f", {(values > mark).mean():.1%} above the mark at {place(mark)}"
        said.append(f"{name + ': ' if name else ''}{words}{_ends(values)}.")
    return " ".join(said)


def _ends(values: Numbers) -> str:
    return f", from {number(values.min())} to {number(values.max())}"


def tell_table(
    label: str, rows: Sequence[str], columns: Sequence[str], table: Numbers
) -> str:
    """Where each row is largest."""
    names = distinct(columns)
    said = [
        f"{row} at {names[values.argmax()]} ({values.max():.2f})"
        if values.any()
        else f"{row} nowhere"
        for row, values in zip(distinct(rows), table, strict=True)
    ]
    size = f"{len(rows)} rows by {len(columns)} columns"
    return f"Heat map of {label}, {size}. Largest: {'; '.join(said)}."


def tell_confusions(counts: NDArray[Any], names: Sequence[str]) -> str:
    """How many of each class are right, and which two are confused most."""
    said = [
        f"Confusion matrix of {counts.sum():,} examples, true classes in rows.",
        *(
            f"{name}: {row[index]:,} of {row.sum():,} right."
            for index, (name, row) in enumerate(zip(names, counts, strict=True))
        ),
    ]
    wrong = counts - np.diag(np.diag(counts))
    true, taken = np.unravel_index(wrong.argmax(), wrong.shape)
    if wrong.any():
        pair = f"{names[true]} taken for {names[taken]} ({wrong.max():,})"
        said.append(f"Most often confused: {pair}.")
    return " ".join(said)


def tell_reliability(
    name: str, confidence: Numbers, table: Numbers, examples: Numbers
) -> str:
    """How sure and how right on average, where it is most often, and bin by bin."""
    sure, right = np.average([confidence, table[0]], axis=1, weights=examples)
    most = examples.argmax()
    bins = [
        f"{says:.2f} {accuracy:.2f} [{low:.2f}, {high:.2f}] of {size:,.0f}"
        for says, accuracy, low, high, size in zip(
            confidence, *table, examples, strict=True
        )
    ]
    return (
        f"{name}: sure to {sure:.3f} and right to {right:.3f} on average; where it "
        f"says {confidence[most]:.2f}, the most often, it is right to "
        f"{table[0][most]:.2f}. Said, and right: {'; '.join(bins)}."
    )


def tell_attributions(name: str, tokens: Sequence[str], values: Numbers) -> str:
    """The three tokens that did most for the answer, and the three most against it."""
    names, order = distinct(tokens), values.argsort(kind="stable")
    sides = {
        "most for it": [i for i in order[::-1][:3] if values[i] > 0],
        "most against it": [i for i in order[:3] if values[i] < 0],
    }
    told = [
        f"{side}: " + ", ".join(f"{names[i]} ({values[i]:+.2g})" for i in chosen)
        for side, chosen in sides.items()
        if chosen
    ]
    return f"{name}: {'; '.join(told) or 'nothing'}."

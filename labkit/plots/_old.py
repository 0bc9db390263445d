"""One function a figure, each with its text alternative in the notebook's output.

    picture = bars({"TF-IDF": baseline, "fine-tuned": ours})
    picture                       # as a cell's last line: shown, and read aloud
    picture.figure.axes[0]        # plain matplotlib, to change as you like

Nothing here touches pyplot, so no figure stays open and none is shown twice. Colours
differ in lightness and every line has its own marker and dash, so that a figure
survives grey printing and colour blindness.
"""

import base64
import html
import io
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import EngFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from labkit.errors import LabError

# Any two differ by 10 or more in lightness L*, and stay apart under each kind of colour
# blindness; each has a contrast of 3:1 to white, as WCAG 2.1 (1.4.11) asks of graphics.
PALETTE = ("#271C5D", "#C5532D", "#529FA8", "#3C5F85", "#7A221F")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (8, 2)))

_DOTS_PER_INCH = 200  # shown at 100: crisp on a screen of double density
_CHARACTERS = 94  # of 9 points, in a line of `coloured_tokens`

Record = Mapping[str, float]
Point = Iterable[float]  # (estimate, low, high): an `uncertainty.Interval`, or a tuple


@dataclass(frozen=True)
class Picture:
    """A figure, and the sentences that stand for it where it cannot be seen."""

    figure: Figure
    alt: str

    def png(self) -> bytes:
        """The figure as an image file, on opaque white."""
        file = io.BytesIO()
        self.figure.savefig(file, format="png", dpi=_DOTS_PER_INCH, facecolor="white")
        return file.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What Jupyter shows: the image with its alternative, or that text alone."""
        width = round(self.figure.get_figwidth() * _DOTS_PER_INCH / 2)
        image = (
            f'<img alt="{html.escape(self.alt)}" width="{width}" '
            'style="max-width:100%;height:auto" '
            f'src="data:image/png;base64,{base64.b64encode(self.png()).decode()}">'
        )
        return {"text/html": image, "text/plain": self.alt}


def axes(width: float = 7.0, height: float = 4.0) -> tuple[Figure, Axes]:
    """Empty axes of that many inches: draw on them, then `Picture(figure, alt)`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, _style(figure.add_subplot())


def training_curve(
    steps: Sequence[Record],
    evaluations: Sequence[Record] = (),
    metric: str = "accuracy",
) -> Picture:
    """Training and validation loss by step, and below them a metric, if measured.

    From 40 steps on, the loss of single steps is thin, and its running mean thick.

    Args:
        steps: one record a step, with "step" and "loss".
        evaluations: records with "step", "loss" and perhaps `metric`.

    Raises:
        LabError: there are no steps.
    """
    if not steps:
        raise LabError("there are no steps to draw.", "Train for a step or more first.")
    measured = [record for record in evaluations if metric in record]
    figure = Figure(figsize=(7, 5.5 if measured else 4), layout="constrained")
    panels = figure.subplots(1 + bool(measured), sharex=True, squeeze=False)[:, 0]
    said = ["Line chart by training step.", _draw_training_loss(panels[0], steps)]
    if evaluations:
        said.append(_draw_evaluations(panels[0], evaluations, "loss"))
    if measured:
        said.append(_draw_evaluations(panels[1], measured, metric))
        panels[1].set_ylabel(metric)
    panels[0].set_ylabel("loss")
    panels[-1].set_xlabel("step")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    for panel in panels:
        _style(panel)
    _draw_legend(figure, panels[0])
    return Picture(figure, " ".join(said))


def learning_curve(
    sizes: Sequence[int],
    scores: Mapping[str, Sequence[Point]],
    ylabel: str = "accuracy",
    xlabel: str = "training examples",
) -> Picture:
    """Score by number of training examples, on a log axis: a line a method.

    Args:
        sizes: numbers of training examples, rising.
        scores: method -> one (estimate, low, high) a size; an `Interval` will do.

    Raises:
        LabError: there are no scores, or a method has not one for each size.
    """
    _check_any(len(scores) * len(sizes))
    figure, panel = axes()
    said = [f"Line chart of {ylabel} by {xlabel}, with intervals."]
    for index, (name, points) in enumerate(scores.items()):
        # Set the methods a little apart, so that no interval hides another.
        at = np.array(sizes) * 1.025 ** (index - (len(scores) - 1) / 2)
        estimates, low, high = _draw_points(panel, index, name, at, points, "sizes")
        first, last = (_score(estimates[i], low[i], high[i]) for i in (0, -1))
        said.append(f"{name}: {first} at {sizes[0]:,}, {last} at {sizes[-1]:,}.")
    panel.set_xscale("log")
    panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set(xlabel=xlabel, ylabel=ylabel)
    _draw_legend(figure, panel)
    return Picture(figure, " ".join(said))


def curves(
    at: Sequence[float],
    scores: Mapping[str, Sequence[Point]],
    xlabel: str,
    ylabel: str = "accuracy",
) -> Picture:
    """Score by place, on an even axis: a line a method, as by a model's layers.

    Args:
        at: the places, rising.
        scores: method -> one (estimate, low, high) a place; an `Interval` will do.

    Raises:
        LabError: there are no scores, or a method has not one for each place.
    """
    _check_any(len(scores) * len(at))
    figure, panel = axes()
    said = [f"Line chart of {ylabel} by {xlabel}."]
    unsure = any(low < high for line in scores.values() for _, low, high in line)
    gap = 0.012 * (at[-1] - at[0]) * unsure  # so that no interval hides another
    for index, (name, points) in enumerate(scores.items()):
        apart = np.array(at) + gap * (index - (len(scores) - 1) / 2)
        estimates, *_ = _draw_points(panel, index, name, apart, points, "places")
        low, high = (int(i) for i in (estimates.argmin(), estimates.argmax()))
        ends = [
            f"{estimates[i]:.3f} at {at[i]:g}" for i in dict.fromkeys((0, len(at) - 1))
        ]
        said.append(f"{name}: {', '.join(ends)};")
        said.append(f"highest at {at[high]:g}, lowest at {at[low]:g}.")
    panel.set(xlabel=xlabel, ylabel=ylabel)
    if len(at) <= 15:
        panel.set_xticks(at, [f"{place:g}" for place in at])
    _draw_legend(figure, panel)
    return Picture(figure, " ".join(said))


def bars(scores: Mapping[str, Point], xlabel: str = "accuracy") -> Picture:
    """A bar a method, from zero, with its interval; the first on top.

    Args:
        scores: method -> (estimate, low, high); an `Interval` will do.

    Raises:
        LabError: there are no scores.
    """
    _check_any(len(scores))
    estimates, low, high = _columns(scores.values())
    figure, panel = axes(height=1 + 0.5 * len(scores))
    rows = np.arange(len(scores))
    panel.barh(rows, estimates, height=0.6, color=PALETTE[2])
    _draw_whiskers(panel, rows, low, high, vertical=False, color="black")
    texts = [_score(*point) for point in zip(estimates, low, high, strict=True)]
    for row, text in enumerate(texts):
        right = (max(high[row], 0), row)
        panel.annotate(text, right, (6, 0), textcoords="offset points", va="center")
    panel.set_yticks(rows, [textwrap.fill(name, 24) for name in scores])
    panel.invert_yaxis()
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(xlabel)
    told = [f"{name}: {text}." for name, text in zip(scores, texts, strict=True)]
    highest = f"Highest: {list(scores)[int(np.argmax(estimates))]}."
    alt = [f"Bar chart of {xlabel}, with intervals.", *told, highest]
    return Picture(figure, " ".join(alt))


def differences(
    samples: Mapping[str, tuple[ArrayLike, Point]], xlabel: str = "difference"
) -> Picture:
    """All the differences of each row as dots, and their mean with its interval.

    Args:
        samples: row -> (differences, (mean, low, high)); an `Interval` will do.

    Raises:
        LabError: there are no rows.
    """
    _check_any(len(samples))
    figure, panel = axes(height=1.2 + 0.5 * len(samples))
    panel.axvline(0, color="black", linewidth=1)
    spread = np.random.default_rng(0)  # dots on one line would hide one another
    said = [f"Dots of {xlabel}, with the mean and its interval."]
    for row, (name, (values, point)) in enumerate(samples.items()):
        at = np.asarray(values, dtype=float)
        heights = row + spread.uniform(-0.22, 0.22, len(at))
        panel.plot(at, heights, ".", color=PALETTE[2], alpha=0.5, markersize=4)
        mean, low, high = (np.array([end]) for end in point)
        panel.plot(mean, [row], "D", color=PALETTE[0], markersize=5, zorder=5)
        _draw_whiskers(
            panel, np.array([row]), low, high, vertical=False, color=PALETTE[0]
        )
        said.append(f"{name}: {_score(*point)}; from {at.min():.3f} to {at.max():.3f}.")
    panel.set_yticks(range(len(samples)), [textwrap.fill(name, 28) for name in samples])
    panel.invert_yaxis()
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(xlabel)
    return Picture(figure, " ".join(said))


def confusion_matrix(
    references: ArrayLike, predictions: ArrayLike, names: Sequence[str]
) -> Picture:
    """How many examples of each class (a row) were given each class (a column).

    Each cell holds a count and its share of the row, which is also its colour.

    Args:
        references, predictions: class numbers, shape (examples,).
        names: the classes' names, in the order of their numbers.

    Raises:
        LabError: there are no examples, the lengths differ, or a number has no name.
    """
    counts = _count_pairs(np.asarray(references), np.asarray(predictions), len(names))
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)  # (true, predicted)
    figure, panel = axes(2 + 0.7 * len(names), 1.6 + 0.7 * len(names))
    panel.grid(visible=False)
    panel.set_aspect("equal")
    ticks = range(len(names))
    panel.pcolormesh(
        ticks, ticks, shares, cmap="Blues", vmin=0, vmax=1, edgecolors="#cccccc"
    )
    panel.invert_yaxis()
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count:,}\n{share:.0%}" if count else "0"
        color = "white" if share > 0.7 else "black"
        panel.text(column, row, text, ha="center", va="center", size=9, color=color)
    labels = [textwrap.fill(name, 24) for name in names]
    panel.set_xticks(ticks, labels, rotation=45, ha="right", rotation_mode="anchor")
    panel.set_yticks(ticks, labels)
    panel.set(xlabel="predicted", ylabel="true")
    return Picture(figure, _tell_confusions(counts, names))


def reliability_diagram(curves: Mapping[str, Sequence[Sequence[float]]]) -> Picture:
    """How often a model is right, by how sure it is: a line a model.

    On the dashed line it is right as often as it says; below it, it is too sure. The
    larger a marker, the more examples it stands for.

    Args:
        curves: name -> (confidence, accuracy, examples) for each bin, as
            `metrics.reliability_bins` gives them.

    Raises:
        LabError: there are no bins.
    """
    _check_any(len(curves) and min(map(len, curves.values())))
    figure, panel = axes(5.5, 5)
    panel.plot([0, 1], [0, 1], color="#767676", dashes=(4, 3), linewidth=1)
    panel.set_aspect("equal")
    said = ["Reliability diagram: accuracy by confidence."]
    for index, (name, bins) in enumerate(curves.items()):
        confidence, accuracy, examples = np.array([tuple(group) for group in bins]).T
        look = _line(index)
        sizes = 15 + 250 * examples / examples.sum()
        dots = {key: look[key] for key in ("color", "marker")} | {"zorder": 3}
        panel.plot(confidence, accuracy, **look | {"marker": None})
        panel.scatter(confidence, accuracy, sizes, label=name, **dots)
        sure, right = np.average([confidence, accuracy], axis=1, weights=examples)
        most = int(examples.argmax())
        said.append(
            f"{name}: sure to {sure:.3f} and right to {right:.3f} on average; where it "
            f"says {confidence[most]:.2f}, the most often, it is right to "
            f"{accuracy[most]:.2f}."
        )
    panel.set(xlabel="confidence", ylabel="accuracy")
    _draw_legend(figure, panel)
    return Picture(figure, " ".join(said))


def loss_against_tokens(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float]]],
) -> Picture:
    """Loss by the number of tokens a model has read: a line a run.

    Args:
        runs: name -> (tokens read so far, loss there in nats a token).

    Raises:
        LabError: there are no losses, or a run has not one for each number of tokens.
    """
    if not runs or not all(len(losses) for _, losses in runs.values()):
        raise LabError(
            "there are no losses to draw.", "Train for a step or more first."
        )
    figure, panel = axes()
    said = ["Line chart of loss by tokens read."]
    for index, (name, (tokens, losses)) in enumerate(runs.items()):
        if len(tokens) != len(losses):
            raise LabError(
                f"{name} has {len(losses)} losses for {len(tokens)} numbers of tokens.",
                "Pass one loss for each number of tokens.",
            )
        at, values = np.array(tokens, dtype=float), np.array(losses, dtype=float)
        every = max(1, len(at) // 8)  # markers tell the lines apart, too many hide them
        panel.plot(at, values, label=name, markevery=every, **_line(index))
        _mark_not_finite(panel, at, values)
        said.append(_tell_series(name, at, values, "{:,.0f} tokens"))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.set(xlabel="tokens read", ylabel="loss (nats a token)")
    _draw_legend(figure, panel)
    return Picture(figure, " ".join(said))


def attention_heat_map(
    weights: ArrayLike,
    query_tokens: Sequence[str],
    key_tokens: Sequence[str] | None = None,
) -> Picture:
    """Where each query (a row) looks: the darker, the more of its weight.

    Args:
        weights: one head's, shape (query, key); each row sums to 1, or to 0.
        key_tokens: by default `query_tokens`.

    Raises:
        LabError: there is not one token for each row and each column.
    """
    keys = query_tokens if key_tokens is None else key_tokens
    table = check_attention(weights, query_tokens, keys)
    few = table.size <= 100  # then there is room to write the weights
    inches = 0.45 if few else 0.27
    width, height = (inches * len(tokens) for tokens in (keys, query_tokens))
    figure, panel = axes(2.5 + width, 1.3 + height)
    panel.grid(visible=False)
    panel.set_aspect("equal")
    columns, rows = range(len(keys)), range(len(query_tokens))
    top = max(float(table.max()), 1e-9)
    mesh = panel.pcolormesh(
        columns, rows, table, cmap="Blues", vmin=0, vmax=top, edgecolors="#cccccc"
    )
    if few:
        for (row, column), weight in np.ndenumerate(table):
            color = "white" if weight > 0.6 * top else "black"
            text = f"{weight:.2f}"
            panel.text(column, row, text, ha="center", va="center", size=8, color=color)
    figure.colorbar(mesh, label="weight", shrink=0.8)
    panel.invert_yaxis()
    panel.set_xticks(columns, [short(token) for token in keys], rotation=90)
    panel.set_yticks(rows, [short(token) for token in query_tokens])
    panel.set(xlabel="key: what is looked at", ylabel="query: who looks")
    return Picture(figure, tell_attention(table, query_tokens, keys))


def coloured_tokens(
    tokens: Sequence[str], attributions: Mapping[str, Sequence[float]]
) -> Picture:
    """A text once a method, each token coloured by what it did to the answer.

    Above 0 it spoke for the answer: orange, framed. Below 0 it spoke against it: blue,
    its frame dashed. The strongest token of each method has the full colour.

    Args:
        attributions: method -> one number a token.

    Raises:
        LabError: there are none, or a method has not one number for each token.
    """
    _check_any(len(attributions) * len(tokens))
    places, lines = _lay_out(tokens)
    said = [f"The text {' '.join(tokens)!r}, each token coloured by what it did."]
    tall = len(attributions) * (lines + 1)
    figure = Figure(figsize=(7.5, 0.27 * (tall + 1)), layout="constrained")
    panel = figure.add_subplot(xlim=(-0.5, _CHARACTERS), ylim=(tall + 0.9, 0))
    panel.set_axis_off()
    for index, (name, values) in enumerate(attributions.items()):
        if len(values) != len(tokens):
            raise LabError(
                f"{name} has {len(values)} numbers for {len(tokens)} tokens.",
                "Pass one for each, padding cut off.",
            )
        top = index * (lines + 1)
        panel.text(0, top + 0.5, name, size=9, weight="bold", va="center")
        numbers = np.array(values, dtype=float)
        for token, (x, y), share in zip(tokens, places, _of_most(numbers), strict=True):
            _draw_token(panel, token, x, top + 1 + y, share)
        said.append(_tell_attributions(name, tokens, numbers))
    key = "orange, framed: speaks for the answer    blue, dashed: speaks against it"
    panel.text(0, tall + 0.5, key, size=8, va="center", color="#444444")
    return Picture(figure, " ".join(said))


def check_attention(
    weights: ArrayLike, query_tokens: Sequence[str], key_tokens: Sequence[str]
) -> NDArray[np.float64]:
    """One head's weights as an array.

    Raises:
        LabError: its shape is not (query, key), or there are none.
    """
    table = np.asarray(weights, dtype=float)
    if not table.size or table.shape != (len(query_tokens), len(key_tokens)):
        raise LabError(
            f"weights of shape {table.shape} do not fit {len(query_tokens)} queries "
            f"and {len(key_tokens)} keys.",
            "Pass one head of one sentence, its padding cut off.",
        )
    return table


def tell_attention(
    weights: NDArray[np.float64], query_tokens: Sequence[str], key_tokens: Sequence[str]
) -> str:
    """Where each query looks most, in words."""
    keys = distinct(key_tokens)
    said = [
        f"Attention weights of {len(query_tokens)} queries on {len(key_tokens)} keys.",
        *(
            f"{token} looks most at {keys[row.argmax()]} ({row.max():.2f})."
            if row.any()
            else f"{token} looks nowhere."
            for token, row in zip(distinct(query_tokens), weights, strict=True)
        ),
    ]
    return " ".join(said)


def distinct(tokens: Sequence[str]) -> list[str]:
    """The tokens, those that come again numbered: the #1, cat, the #2."""
    seen: Counter[str] = Counter()
    names = []
    for token in tokens:
        seen[token] += 1
        names.append(f"{token} #{seen[token]}" if tokens.count(token) > 1 else token)
    return names


def short(token: str, longest: int = 14) -> str:
    """A token that fits beside a figure."""
    return token if len(token) <= longest else f"{token[: longest - 1]}…"


def _style(panel: Axes) -> Axes:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    return panel


def _line(index: int) -> dict[str, Any]:
    return {
        "color": PALETTE[index % len(PALETTE)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index % len(DASHES)],
    }


def _draw_points(
    panel: Axes,
    index: int,
    name: str,
    at: NDArray[Any],
    points: Sequence[Point],
    places: str,
) -> NDArray[np.float64]:
    """A method's line with its intervals: estimates, lows and highs, (3, points)."""
    if len(points) != len(at):
        raise LabError(
            f"{name} has {len(points)} scores for {len(at)} {places}.",
            f"Pass one (estimate, low, high) for each of the {places}.",
        )
    estimates, low, high = columns = _columns(points)
    look = _line(index)
    panel.plot(at, estimates, label=textwrap.fill(name, 40), **look)
    if (low < high).any():
        _draw_whiskers(panel, at, low, high, vertical=True, color=look["color"])
    return columns


def _lay_out(tokens: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    """Where each token begins, in characters and lines; and how many lines it takes."""
    places, x, y = [], 0, 0
    for token in tokens:
        if x and x + len(token) > _CHARACTERS:
            x, y = 0, y + 1
        places.append((x, y))
        x += len(token) + 1
    return places, y + 1


def _of_most(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values as shares, -1 to 1, of the one farthest from 0."""
    return values / max(float(np.abs(values).max()), 1e-12)


def _draw_token(panel: Axes, token: str, x: float, y: float, share: float) -> None:
    full = to_rgb(PALETTE[1] if share > 0 else PALETTE[3])
    color = tuple(1 - abs(share) * (1 - part) for part in full)
    look: dict[str, Any] = {"facecolor": color, "linewidth": 0}
    if abs(share) > 0.1:
        dashes = "-" if share > 0 else (0, (2, 1.5))
        look |= {"edgecolor": full, "linestyle": dashes, "linewidth": 1}
    width = len(token)
    panel.add_patch(Rectangle((x - 0.3, y + 0.08), width + 0.6, 0.84, **look))
    panel.text(
        x + width / 2,
        y + 0.5,
        token,
        size=9,
        family="monospace",
        color="white" if abs(share) > 0.75 else "black",
        ha="center",
        va="center",
        parse_math=False,  # a token may be a dollar
    )


def _tell_attributions(
    name: str, tokens: Sequence[str], values: NDArray[np.float64]
) -> str:
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


def _draw_whiskers(
    panel: Axes,
    at: NDArray[Any],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    *,
    vertical: bool,
    color: str,
) -> None:
    """Lines from low to high, which need not lie around the estimate."""
    middle, half = (low + high) / 2, (high - low) / 2
    look: dict[str, Any] = {"fmt": "none", "capsize": 3, "color": color}
    if vertical:
        panel.errorbar(at, middle, yerr=half, **look)
    else:
        panel.errorbar(middle, at, xerr=half, **look)


def _draw_legend(figure: Figure, panel: Axes) -> None:
    """Above the axes, where it hides no data."""
    handles, labels = panel.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))  # two runs may be "not finite"
    figure.legend(
        once.values(), once.keys(), loc="outside upper center", ncols=2, frameon=False
    )


def _draw_training_loss(panel: Axes, records: Sequence[Record]) -> str:
    steps, losses = _series(records, "loss")
    window = max(1, len(losses) // 20)
    look: dict[str, Any] = {"color": PALETTE[0], "label": "training"}
    if window == 1:
        panel.plot(steps, losses, marker=".", **look)
    else:
        panel.plot(steps, losses, color=PALETTE[0], linewidth=0.5, alpha=0.5)
        means = np.convolve(losses, np.full(window, 1 / window), "valid")
        look["label"] = f"training, mean of {window} steps"
        panel.plot(steps[window - 1 :], means, **look)
    _mark_not_finite(panel, steps, losses)
    return _tell_series("Training loss", steps, losses)


def _draw_evaluations(panel: Axes, records: Sequence[Record], key: str) -> str:
    steps, values = _series(records, key)
    panel.plot(steps, values, label="validation", **_line(1))
    return _tell_series(f"Validation {key}", steps, values)


def _mark_not_finite(
    panel: Axes, steps: NDArray[np.float64], values: NDArray[np.float64]
) -> None:
    """A cross on the axis at each step whose value cannot be drawn."""
    bad = steps[~np.isfinite(values)]
    if len(bad):
        at_bottom = panel.get_xaxis_transform()  # x is a step, y runs from 0 to 1
        look: dict[str, Any] = {"color": PALETTE[4], "marker": "x", "linestyle": ""}
        panel.plot(bad, 0.03 + 0 * bad, transform=at_bottom, label="not finite", **look)


def _series(
    records: Sequence[Record], key: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps = np.array([float(record["step"]) for record in records])
    return steps, np.array([float(record[key]) for record in records])


def _tell_series(
    name: str,
    steps: NDArray[np.float64],
    values: NDArray[np.float64],
    where: str = "step {:,.0f}",
) -> str:
    first, last = (f"{values[i]:.3f} at {where.format(steps[i])}" for i in (0, -1))
    words = f"{name}: {first}" + (f", {last}" if len(values) > 1 else "")
    finite = values[np.isfinite(values)]
    if len(finite) > 2:
        words += f", between {finite.min():.3f} and {finite.max():.3f}"
    if bad := len(values) - len(finite):
        words += f", not finite at {bad} of {len(values)} steps"
    return words + "."


def _score(estimate: float, low: float, high: float) -> str:
    return f"{estimate:.3f} [{low:.3f}, {high:.3f}]"


def _columns(points: Iterable[Point]) -> NDArray[np.float64]:
    """Estimates, lows and highs, shape (3, points)."""
    return np.array([tuple(point) for point in points], dtype=float).T


def _check_any(scores: int) -> None:
    if not scores:
        raise LabError("there are no scores to draw.", "Pass one method or more.")


def _count_pairs(
    references: NDArray[Any], predictions: NDArray[Any], classes: int
) -> NDArray[np.int64]:
    """The confusion matrix, shape (classes, classes): rows true, columns predicted."""
    if references.shape != predictions.shape or not references.size:
        raise LabError(
            f"{references.size} references and {predictions.size} predictions "
            "make no confusion matrix.",
            "Pass one class number of each for every example.",
        )
    numbers = np.concatenate([references, predictions])
    strays = numbers[~np.isin(numbers, range(classes))]
    if strays.size:
        raise LabError(
            f"class {strays[0]} has no name.",
            f"There are {classes} names, for the classes 0 to {classes - 1}.",
        )
    pairs = references.astype(int) * classes + predictions.astype(int)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _tell_confusions(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    said = [
        f"Confusion matrix of {counts.sum():,} examples, true classes in rows.",
        *(
            f"{name}: {row[index]:,} of {row.sum():,} right."
            for index, (name, row) in enumerate(zip(names, counts, strict=True))
        ),
    ]
    wrong = counts - np.diag(np.diag(counts))
    row, column = divmod(int(wrong.argmax()), len(names))
    if wrong[row, column]:
        said.append(
            f"Most often confused: {names[row]} taken for {names[column]} "
            f"({wrong[row, column]:,})."
        )
    return " ".join(said)

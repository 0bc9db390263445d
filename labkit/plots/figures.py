"""One function a kind of picture, each with its text alternative in the output.

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import EngFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from labkit import validation
from labkit.errors import LabError
from labkit.plots import alternatives
from labkit.plots.alternatives import Numbers, short

# Any two differ by 10 or more in lightness L*, and stay apart under each kind of colour
# blindness; each has a contrast of 3:1 to white, as WCAG 2.1 (1.4.11) asks of graphics.
PALETTE = ("#271C5D", "#C5532D", "#529FA8", "#3C5F85", "#7A221F")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES = ("-", "--", "-.", ":", (0, (8, 2)))

_DOTS_PER_INCH = 200  # shown at 100: crisp on a screen of double density
_CHARACTERS = 94  # of 9 points, in a line of `coloured_tokens`
_DENSE = 40  # from so many points on, the intervals of a line are a band

# A number, or (estimate, low, high): an `Interval`, a tuple.
Point = float | Iterable[float]
Series = Mapping[str, Sequence[Point] | Mapping[float, Point]]


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


def lines(
    series: Series | Sequence[Point],
    x: Sequence[float] | None = None,
    xlabel: str = "",
    ylabel: str = "accuracy",
    *,
    log: str = "",
    mark: float | None = None,
    below: Mapping[str, Series] | None = None,
) -> Picture:
    """A line a name, with its intervals where it has them.

    Args:
        series: name -> one number, or one (estimate, low, high) such as an `Interval`,
            for each of `x`; or name -> {place: number}. One line needs no name.
        x: the places, rising; 0, 1, 2 … by default.
        log: the axes that are logarithmic: "", "x", "y" or "xy".
        mark: the place of a dashed line across.
        below: label -> series, each in a panel of its own under the first.

    Raises:
        LabError: there is nothing to draw, or a line has not one point for each place.
    """
    first = series if isinstance(series, Mapping) else {"": series}
    panels = {ylabel: first, **(below or {})}
    _check_any(len(first))
    names = list(dict.fromkeys(name for part in panels.values() for name in part))
    figure = Figure(figsize=(7, 2.5 + 1.5 * len(panels)), layout="constrained")
    said = [f"Line chart by {xlabel}."]
    places: set[float] = set()
    all_axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for panel, (label, part) in zip(all_axes, panels.items(), strict=True):
        _style(panel).set(ylabel=label, yscale="log" if "y" in log else "linear")
        tables = {name: _points(name, points, x) for name, points in part.items()}
        few = [table for at, table in tables.values() if len(at) < _DENSE]
        unsure = any((low < high).any() for _, low, high in few)
        for name, (at, table) in tables.items():
            apart = at  # a little, where no interval may hide another
            if unsure and len(at) < _DENSE:
                step = names.index(name) - (len(names) - 1) / 2
                span = 0.012 * (at[-1] - at[0])
                apart = at * 1.025**step if "x" in log else at + span * step
            _draw_line(panel, names.index(name), name, apart, table)
            title = f"{label}, {name}" if name else label
            said.append(alternatives.tell_line(title, at, table))
            places.update(at)
        if mark is not None:
            panel.axvline(mark, color=PALETTE[1], linestyle="--")
    all_axes[-1].set_xlabel(xlabel)
    _set_places(all_axes[-1], np.array(sorted(places)), "x" in log)
    _draw_legend(figure, all_axes[0])
    return Picture(figure, " ".join(said))


def bars(
    scores: Mapping[str, Point],
    xlabel: str = "accuracy",
    *,
    dots: Mapping[str, ArrayLike] | None = None,
) -> Picture:
    """A bar a name, from zero, with its interval; the first on top.

    Args:
        scores: name -> a number, or (estimate, low, high) such as an `Interval`.
        dots: name -> what the estimate is the mean of: drawn one by one, and the mean
            as a diamond in place of a bar.

    Raises:
        LabError: there are no scores.
    """
    _check_any(len(scores))
    names, table = [*scores], _columns(scores.values())
    samples = {name: np.array(v, dtype=float) for name, v in (dots or {}).items()}
    figure, panel = axes(height=1 + 0.5 * len(scores))
    rows = np.arange(len(names))
    if dots is None:
        panel.barh(rows, table[0], height=0.6, color=PALETTE[2])
    else:
        panel.axvline(0, color="black", linewidth=1)
        spread = np.random.default_rng(0)  # dots on one line would hide one another
        for row, name in enumerate(names):
            at = row + spread.uniform(-0.22, 0.22, len(samples[name]))
            panel.plot(
                samples[name], at, ".", color=PALETTE[2], alpha=0.5, markersize=4
            )
        panel.plot(table[0], rows, "D", color=PALETTE[0], markersize=5, zorder=5)
    panel.hlines(rows, table[1], table[2], color="black", linewidth=2)
    for row, point in enumerate(table.T):
        beside = panel.get_yaxis_transform()  # x runs from 0 to 1, y is a row
        panel.text(1.01, row, alternatives.score(point), transform=beside, va="center")
    panel.set_yticks(rows, [textwrap.fill(name, 28) for name in names])
    panel.invert_yaxis()
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(xlabel)
    return Picture(figure, alternatives.tell_bars(xlabel, names, table, samples))


def histogram(
    values: ArrayLike | Mapping[str, ArrayLike],
    xlabel: str,
    ylabel: str,
    *,
    bins: int | Sequence[float] = 40,
    mark: float | None = None,
) -> Picture:
    """How often each size of value comes.

    Args:
        values: the numbers; or name -> numbers, a histogram each, in the same bins.
        bins: their number, or their edges.
        mark: the place of a dashed line.

    Raises:
        LabError: there are no values.
    """
    groups = values if isinstance(values, Mapping) else {"": values}
    arrays = {name: np.array(group, dtype=float) for name, group in groups.items()}
    _check_any(len(arrays) and min(array.size for array in arrays.values()))
    edges = np.histogram_bin_edges(np.concatenate([*arrays.values()]), bins)
    figure, panel = axes(height=3)
    for index, (name, array) in enumerate(arrays.items()):
        look: dict[str, Any] = {"color": PALETTE[(2, 0, 1)[index % 3]], "alpha": 0.8}
        panel.hist(array, [*edges], label=name, **look)
    if mark is not None:
        panel.axvline(mark, color=PALETTE[1], linestyle="--")
    panel.set(xlabel=xlabel, ylabel=ylabel)
    _draw_legend(figure, panel)
    return Picture(figure, alternatives.tell_histogram(xlabel, arrays, mark))


def heat_map(
    table: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    xlabel: str = "key: what is looked at",
    ylabel: str = "query: who looks",
    label: str = "weight",
    texts: ArrayLike | None = None,
    top: float | None = None,
) -> Picture:
    """A square for each number, the darker, the larger: an attention map, if no other.

    Args:
        table: shape (rows, columns), such as one head's weights (query, key).
        columns: their names; by default `rows`.
        label: what the numbers are.
        texts: what is written in the squares; by default the numbers, where there
            are a hundred or fewer.
        top: the number of the full colour; by default the largest.

    Raises:
        LabError: there is not one name for each row and each column.
    """
    across = rows if columns is None else columns
    numbers = np.array(table, dtype=float)
    if not numbers.size or numbers.shape != (len(rows), len(across)):
        raise LabError(
            f"a table of shape {numbers.shape} does not fit {len(rows)} rows and "
            f"{len(across)} columns.",
            "Pass one number for each; of weights, one head of one sentence, its "
            "padding cut off.",
        )
    if texts is None and numbers.size <= 100:
        texts = np.vectorize("{:.2f}".format)(numbers)
    low, high = min(0.0, float(numbers.min())), top or max(float(numbers.max()), 1e-9)
    names = [[short(name, 48) for name in side] for side in (rows, across)]
    inches = 0.27 if texts is None else 0.45
    wide, tall = (0.07 * max(map(len, side)) for side in names)
    size = 2 + wide + inches * len(across), 0.8 + tall + inches * len(rows)
    figure, panel = axes(*size)
    panel.grid(visible=False)
    panel.set(aspect="equal", xlabel=xlabel, ylabel=ylabel)
    at = range(len(across)), range(len(rows))
    look: dict[str, Any] = {"cmap": "Blues", "edgecolors": "#cccccc"}
    mesh = panel.pcolormesh(*at, numbers, vmin=low, vmax=high, **look)
    figure.colorbar(mesh, label=label, shrink=0.8)
    for (row, column), text in np.ndenumerate([] if texts is None else texts):
        dark = (numbers[row, column] - low) / (high - low) > 0.6
        look = {"ha": "center", "va": "center", "size": 8}
        panel.text(column, row, text, color="white" if dark else "black", **look)
    panel.invert_yaxis()
    panel.set_xticks(at[0], names[1], rotation=90)
    panel.set_yticks(at[1], names[0])
    return Picture(figure, alternatives.tell_table(label, rows, across, numbers))


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
    true, given = (
        validation.axes(validation.labels(value, name, len(names)), name, "examples")
        for name, value in (("references", references), ("predictions", predictions))
    )
    validation.pairs(references=true, predictions=given)
    counts = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(counts, (true, given), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    texts = [
        f"{count:,}\n{share:.0%}" if count else "0"
        for count, share in zip(counts.flat, shares.flat, strict=True)
    ]
    cells = np.reshape(texts, counts.shape)
    labels = {"xlabel": "predicted", "ylabel": "true", "label": "share of the row"}
    picture = heat_map(shares, names, texts=cells, top=1, **labels)
    return Picture(picture.figure, alternatives.tell_confusions(counts, names))


def reliability_diagram(curves: Mapping[str, Sequence[Iterable[float]]]) -> Picture:
    """How often a model is right, by how sure it is: a line a model.

    On the dashed line it is right as often as it says; below it, it is too sure. The
    number at a marker is how many examples it stands for, and its whisker Wilson's
    95 % interval of their accuracy: few examples say little.

    Args:
        curves: name -> (confidence, accuracy, examples) for each bin, as
            lesson 08 makes them.

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
        table = np.array([accuracy, *_wilson(accuracy, examples)])
        _draw_line(panel, index, name, confidence, table)
        beside: dict[str, Any] = {"color": _line(index)["color"], "fontsize": 8}
        beside |= {"xytext": (12 * (index % 2) - 6, 5), "textcoords": "offset points"}
        beside["ha"] = ("right", "left")[index % 2]
        for x, y, size in zip(confidence, accuracy, examples, strict=True):
            panel.annotate(f"{size:,.0f}", (x, y), **beside)
        said.append(alternatives.tell_reliability(name, confidence, table, examples))
    panel.set(xlabel="confidence", ylabel="accuracy")
    _draw_legend(figure, panel)
    return Picture(figure, " ".join(said))


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
    places, height = _lay_out(tokens)
    said = [f"The text {' '.join(tokens)!r}, each token coloured by what it did."]
    tall = len(attributions) * (height + 1)
    figure = Figure(figsize=(7.5, 0.27 * (tall + 1)), layout="constrained")
    panel = figure.add_subplot(xlim=(-0.5, _CHARACTERS), ylim=(tall + 0.9, 0))
    panel.set_axis_off()
    for index, (name, values) in enumerate(attributions.items()):
        if len(values) != len(tokens):
            raise LabError(
                f"{name} has {len(values)} numbers for {len(tokens)} tokens.",
                "Pass one for each, padding cut off.",
            )
        top = index * (height + 1)
        panel.text(0, top + 0.5, name, size=9, weight="bold", va="center")
        numbers = np.array(values, dtype=float)
        shares = numbers / max(float(np.abs(numbers).max()), 1e-12)
        for token, (x, y), share in zip(tokens, places, shares, strict=True):
            _draw_token(panel, token, x, top + 1 + y, share)
        said.append(alternatives.tell_attributions(name, tokens, numbers))
    key = "orange, framed: speaks for the answer    blue, dashed: speaks against it"
    panel.text(0, tall + 0.5, key, size=8, va="center", color="#444444")
    return Picture(figure, " ".join(said))


def _style(panel: Axes) -> Axes:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    return panel


def _line(index: int) -> dict[str, Any]:
    looks = {"color": PALETTE, "marker": _MARKERS, "linestyle": _DASHES}
    return {key: options[index % len(options)] for key, options in looks.items()}


def _columns(points: Iterable[Any]) -> Numbers:
    """Estimates, lows and highs, shape (3, points)."""
    rows = []
    for point in points:
        try:
            estimate, low, high = point
        except TypeError:  # a number, or a tensor of one
            estimate = low = high = point
        rows.append((float(estimate), float(low), float(high)))
    return np.array(rows).T


def _points(
    name: str, points: Any, x: Sequence[float] | None
) -> tuple[Numbers, Numbers]:
    """A line's places, and its estimates, lows and highs, shape (3, places)."""
    if isinstance(points, Mapping):
        x, points = [*points], [*points.values()]
    at = np.arange(len(points), dtype=float) if x is None else np.array(x, dtype=float)
    _check_any(len(points))
    if len(points) != len(at):
        raise LabError(
            f"{name or 'the line'} has {len(points)} points for {len(at)} places.",
            "Pass one number, or one (estimate, low, high), for each place.",
        )
    return at, _columns(points)


def _draw_line(panel: Axes, index: int, name: str, at: Numbers, table: Numbers) -> None:
    look = _line(index)
    # Markers tell the lines apart, but too many hide them.
    look |= {"markevery": max(1, len(at) // 12), "label": textwrap.fill(name, 40)}
    panel.plot(at, table[0], **look)
    _, low, high = table
    if (low < high).any():  # an interval need not lie around its estimate
        if len(at) < _DENSE:
            whisker = {"fmt": "none", "capsize": 3, "color": look["color"]}
            panel.errorbar(at, (low + high) / 2, (high - low) / 2, **whisker)
        else:
            band = {"color": look["color"], "alpha": 0.2, "linewidth": 0}
            panel.fill_between(at, low, high, **band)
    if len(bad := at[~np.isfinite(table[0])]):
        at_bottom = panel.get_xaxis_transform()  # x is a place, y runs from 0 to 1
        cross: dict[str, Any] = {"color": PALETTE[4], "marker": "x", "linestyle": ""}
        cross |= {"transform": at_bottom, "label": "not finite"}
        panel.plot(bad, 0.03 + 0 * bad, **cross)


def _wilson(accuracy: Numbers, examples: Numbers) -> Numbers:
    """The ends of each accuracy's interval, shape (2, bins)."""
    right = np.rint(accuracy * examples).astype(int)
    tests = map(binomtest, right.tolist(), examples.astype(int).tolist())
    return np.array([test.proportion_ci(method="wilson")[:2] for test in tests]).T


def _set_places(panel: Axes, at: Numbers, log: bool) -> None:
    """A tick for each place, where there is room for its number."""
    labels = [alternatives.place(place) for place in at]
    panel.set_xscale("log" if log else "linear")
    if sum(len(label) + 2 for label in labels) <= 60:
        panel.set_xticks(at, labels)
        panel.xaxis.set_minor_locator(NullLocator())
    elif not log and (at == at.round()).all():
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        if at[-1] >= 10_000:
            panel.xaxis.set_major_formatter(EngFormatter(sep=""))


def _draw_legend(figure: Figure, panel: Axes) -> None:
    """Above the axes, where it hides no data; none for one line without a name."""
    handles, labels = panel.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))  # two runs may be "not finite"
    if once:
        look: dict[str, Any] = {"loc": "outside upper center", "frameon": False}
        figure.legend(once.values(), once.keys(), ncols=2, **look)


def _lay_out(tokens: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    """Where each token begins, in characters and lines; and how many lines it takes."""
    places, x, y = [], 0, 0
    for token in tokens:
        if x and x + len(token) > _CHARACTERS:
            x, y = 0, y + 1
        places.append((x, y))
        x += len(token) + 1
    return places, y + 1


def _draw_token(panel: Axes, token: str, x: float, y: float, share: float) -> None:
    full = to_rgb(PALETTE[1] if share > 0 else PALETTE[3])
    color = tuple(1 - abs(share) * (1 - part) for part in full)
    look: dict[str, Any] = {"facecolor": color, "linewidth": 0}
    if abs(share) > 0.1:
        dashes = "-" if share > 0 else (0, (2, 1.5))
        look |= {"edgecolor": full, "linestyle": dashes, "linewidth": 1}
    width = len(token)
    panel.add_patch(Rectangle((x - 0.3, y + 0.08), width + 0.6, 0.84, **look))
    look = {"ha": "center", "va": "center", "size": 9, "family": "monospace"}
    look |= {"color": "white" if abs(share) > 0.75 else "black"}
    look |= {"parse_math": False}  # a token may be a dollar
    panel.text(x + width / 2, y + 0.5, token, **look)


def _check_any(count: int) -> None:
    if not count:
        raise LabError("there is nothing to draw.", "Pass one line, bar or more.")

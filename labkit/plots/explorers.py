"""Explorers: a few controls, and a picture that follows them at once.

    explorer = softmax_explorer()
    explorer                                 # as a cell's last line: shown
    explorer.controls["d_k"].value = 1024    # what your hand on the menu does

A picture is one inline SVG: it loads and runs nothing, it takes its text's colour from
the theme, and hovering and focus are CSS, with no round trip to the kernel. Controls
are native inputs and not sliders, whose handles ipywidgets 8 gives no name that a
screen reader could say.
"""

import base64
import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.stats import entropy

from labkit.errors import LabError
from labkit.models import (
    causal_mask,
    objectives,
    padding_mask,
    scaled_dot_product_attention,
    softmax,
)
from labkit.plots.alternatives import distinct, short, tell_table
from labkit.plots.figures import PALETTE
from labkit.plots.live import Live

ACCENT = PALETTE[1]  # its contrast is over 4:1 to white, to black, and to a dark theme
CHARACTER = 7.8  # pixels: the width of a monospaced one of 13 pixels
WIDTH = 640

# A query is hovered or has the focus: its details show, and what others do fades.
STYLE = """
.labkit {font: 13px monospace; fill: currentColor; max-width: 100%; height: auto;
  pointer-events: none}
.labkit .query {pointer-events: auto; outline: none}
.labkit .query:focus .frame {stroke: currentColor; stroke-width: 2}
.labkit .cell {stroke: currentColor; stroke-opacity: 0.3}
.labkit .sentinel {stroke: currentColor}
.labkit line, .labkit .detail {pointer-events: none}
.labkit .detail {display: none}
.labkit .query:hover .detail, .labkit:not(:hover) .query:focus .detail {display: inline}
.labkit:hover .query:not(:hover) .looks,
.labkit:not(:hover):focus-within .query:not(:focus) .looks {opacity: 0.1}
"""


@dataclass(frozen=True)
class Drawing:
    """The inside of an SVG, and the sentences that stand for it where it is unseen."""

    body: str
    height: float
    alt: str
    width: float = WIDTH

    def svg(self, attributes: str = "") -> str:
        """The picture, for the middle of a page."""
        role = "group" if "tabindex" in self.body else "img"  # which has no parts
        return (
            f'<svg class="labkit" role="{role}" aria-label="{html.escape(self.alt)}" '
            f'width="{self.width:.0f}" height="{self.height:.0f}" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" {attributes}>'
            f"<style>{STYLE}</style>{self.body}</svg>"
        )

    def image(self) -> str:
        """The picture as an image: on white, as the page's theme cannot reach it."""
        own = 'xmlns="http://www.w3.org/2000/svg" style="color:black;background:white"'
        data = base64.b64encode(self.svg(own).encode()).decode()
        return (
            f'<img alt="{html.escape(self.alt)}" '
            f'style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
        )


class Explorer(Live):
    """Controls above the picture that they redraw.

    Args:
        draw: from the controls' values, by name, to the picture.
        controls: what the reader may change.
    """

    def __init__(
        self, draw: Callable[..., Drawing], **controls: ipywidgets.ValueWidget
    ) -> None:
        self.draw = draw
        self.controls = controls
        self.picture = ipywidgets.HTML()
        self.redraw()
        for control in controls.values():
            control.observe(self.redraw, "value")
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        row = ipywidgets.Box(list(controls.values()), layout=wrap)
        super().__init__([row, self.picture])

    def redraw(self, _: object = None) -> None:
        values = {name: control.value for name, control in self.controls.items()}
        self.drawing = self.draw(**values)
        self.picture.value = self.drawing.svg()

    def still(self) -> tuple[str, str]:
        return self.drawing.image(), self.drawing.alt


def attention_explorer(
    sentences: Mapping[str, tuple[Sequence[str], ArrayLike]],
) -> Explorer:
    """Pick a sentence, a layer and a head; hover or tab to a token: where does it look?

    Args:
        sentences: sentence -> (its tokens, weights of shape (layer, head, query, key)),
            which are `torch.cat(outputs.attentions)` for a batch of one.

    Raises:
        LabError: there is no sentence, one has not as many queries and keys as tokens,
            or not as many layers and heads as the first.
    """
    if not sentences:
        raise LabError("there is no sentence to explore.", "Pass one or more.")
    arrays = {name: np.asarray(weights) for name, (_, weights) in sentences.items()}
    sizes = next(iter(arrays.values())).shape[:2]
    for name, (tokens, _) in sentences.items():
        if arrays[name].shape != (*sizes, len(tokens), len(tokens)):
            raise LabError(
                f"weights of shape {arrays[name].shape} do not fit “{name}”.",
                f"Pass (layer, head, query, key) for its {len(tokens)} tokens, "
                "and as many layers and heads for every sentence.",
            )
    layers, heads = sizes

    def draw(sentence: str, layer: int, head: int) -> Drawing:
        return _draw_attention(sentences[sentence][0], arrays[sentence][layer, head])

    return Explorer(
        draw,
        sentence=_menu("sentence", sentences, next(iter(sentences))),
        layer=_number("layer", 0, 0, layers - 1),
        head=_number("head", 0, 0, heads - 1),
    )


def softmax_explorer() -> Explorer:
    """One random query and 16 random keys: how sharp are its weights, and why?"""
    sizes = [4**power for power in range(6)]

    def draw(d_k: int, scaled: bool, temperature: float, seed: int) -> Drawing:
        generator = torch.Generator().manual_seed(seed)
        query = torch.randn(sizes[-1], generator=generator)[:d_k]
        key = torch.randn(16, sizes[-1], generator=generator)[:, :d_k]
        scores = key @ query / (math.sqrt(d_k) if scaled else 1)
        return _draw_softmax(scores.numpy(), softmax(scores / temperature).numpy())

    return Explorer(
        draw,
        d_k=_menu("d_k", sizes, 64),
        scaled=_control(ipywidgets.Checkbox, "divide by √d_k", True, indent=False),
        temperature=_number("temperature", 1.0, 0.1, 10.0, 0.1),
        seed=_number("seed", 4, 0, 99),
    )


def mask_explorer(tokens: Sequence[str] = ("the", "cat", "sat", "down")) -> Explorer:
    """Which query may look where, and what that leaves of its weights?

    Queries and keys are random, but always the same.
    """
    most = 4  # tokens of padding on a side
    always = torch.Generator().manual_seed(0)
    vectors = torch.randn(2, len(tokens) + 2 * most, 8, generator=always)

    def draw(mask: str, left: int, right: int) -> Drawing:
        padded = ["[PAD]"] * left + [*tokens] + ["[PAD]"] * right
        allowed = torch.ones(len(padded), len(padded), dtype=torch.bool)
        if mask in ("padding", "both"):
            allowed &= padding_mask(torch.tensor([t != "[PAD]" for t in padded]))
        if mask in ("causal", "both"):
            allowed &= causal_mask(len(padded))
        query, key = vectors[:, : len(padded)]
        _, weights = scaled_dot_product_attention(query, key, key, allowed)
        return _draw_mask(padded, allowed.numpy(), weights.numpy())

    return Explorer(
        draw,
        mask=_menu("mask", ["none", "padding", "causal", "both"], "both"),
        left=_number("padding on the left", 0, 0, most),
        right=_number("padding on the right", 2, 0, most),
    )


def span_corruption_explorer(text: str) -> Explorer:
    """Cut spans out of a text, as T5's pretraining does: what is left, what is asked?

    Raises:
        LabError: the text has no words.
    """
    words = text.split()
    if not words:
        raise LabError("there are no tokens to cut.", "Pass a text of one or more.")
    sentinels = len(words) + 1  # enough for any number of spans

    def draw(rate: float, mean_span: float, seed: int) -> Drawing:
        # Positions serve as ids: sentinels count down to just above the last of them.
        eos = len(words) + sentinels
        input_ids, labels = objectives.span_corruption(
            list(range(len(words))),
            first_sentinel=eos - 1,
            eos_id=eos,
            rate=rate,
            mean_span=mean_span,
            sentinels=sentinels,
            generator=torch.Generator().manual_seed(seed),
        )
        return _draw_spans(words, input_ids[:-1], labels[:-1], eos - 1)

    return Explorer(
        draw,
        rate=_number("corruption rate", 0.15, 0.05, 0.9, 0.05),
        mean_span=_number("mean span", 3.0, 1.0, 10.0, 0.5),
        seed=_number("seed", 0, 0, 99),
    )


def _menu(label: str, options: Iterable[Any], value: Any) -> ipywidgets.ValueWidget:
    return _control(ipywidgets.Dropdown, label, value, options=[*options])


def _number(
    label: str, value: float, low: float, high: float, step: float = 1
) -> ipywidgets.ValueWidget:
    """A field that the arrow keys step through."""
    whole = isinstance(step, int)
    kind = ipywidgets.BoundedIntText if whole else ipywidgets.BoundedFloatText
    options = {"min": low, "max": high, "step": step, "continuous_update": True}
    return _control(kind, f"{label}, {low:g} to {high:g}", value, **options)


def _control(
    kind: type[ipywidgets.ValueWidget], label: str, value: Any, **options: Any
) -> ipywidgets.ValueWidget:
    return kind(
        value=value,
        description=label,
        tooltip=label,  # without one, ipywidgets 8.1 shows "null"
        style={"description_width": "initial"},
        layout={"width": "auto", "margin": "2px 16px 2px 2px"},
        **options,
    )


def _draw_attention(tokens: Sequence[str], weights: NDArray[Any]) -> Drawing:
    """Queries on the left, keys on the right, and a line the thicker the weight."""
    body = _text(120, 14, "who looks", "end") + _text(330, 14, "at what")
    for row, token in enumerate(tokens):
        y = 40 + 20 * row
        looks = "".join(
            f'<line x1="128" y1="{y - 4}" x2="322" y2="{36 + 20 * column}" '
            f'stroke="{ACCENT}" stroke-width="{0.5 + 5 * weight:.1f}" '
            f'opacity="{0.1 + 0.9 * weight:.2f}"/>'
            f'<g class="detail">{_box(326, 26 + 20 * column, 120, 20, weight)}'
            f"{_text(456, 40 + 20 * column, f'{weight:.2f}')}</g>"
            for column, weight in enumerate(weights[row])
            if weight >= 0.01
        )
        body += _query(tokens, row, weights[row], looks, y - 14, 122)
        body += _text(330, y, short(token))
    alt = tell_table("weight", tokens, tokens, weights)
    return Drawing(body, 36 + 20 * len(tokens), alt, 500)


def _draw_softmax(scores: NDArray[Any], weights: NDArray[Any]) -> Drawing:
    """A bar a key, and below them how evenly the weight is spread."""
    body = _text(110, 14, "score", "end") + _text(126, 14, "weight")
    for row, (score, weight) in enumerate(zip(scores, weights, strict=True)):
        y = 36 + 20 * row
        body += _text(2, y, f"key {row}") + _text(110, y, f"{score:+.1f}", "end")
        body += _box(126, y - 12, 400 * weight, 15, 1)
        body += _text(132 + 400 * weight, y, f"{weight:.1%}")
    bottom = 36 + 20 * len(weights)
    said = (
        f"entropy {entropy(weights, base=2):.2f} of at most "
        f"{math.log2(len(weights)):.2f} bits; {(weights > 0.01).sum()} of "
        f"{len(weights)} keys get more than 1%"
    )
    alt = (
        f"Bar chart of softmax weights: {said}. Scores from {scores.min():+.1f} to "
        f"{scores.max():+.1f}. Largest weight: {weights.max():.1%}, of key "
        f"{weights.argmax()}."
    )
    return Drawing(body + _text(2, bottom + 10, said), bottom + 20, alt)


def _draw_mask(
    tokens: Sequence[str], allowed: NDArray[Any], weights: NDArray[Any]
) -> Drawing:
    """A row a query: × where it may not look, the weight where it may."""
    body, bottom = "", 24 + 28 * len(tokens)
    for row, token in enumerate(tokens):
        body += _text(122 + 56 * row, 14, short(token, 7), "middle")  # the columns'
        y, looks = 24 + 28 * row, ""
        for column, weight in enumerate(weights[row]):  # 0 where it may not look
            said = f"{weight:.2f}" if allowed[row, column] else "×"
            looks += _box(94 + 56 * column, y, 56, 28, weight, "cell")
            looks += _text(122 + 56 * column, y + 18, said, "middle")
        body += _query(tokens, row, weights[row], looks, y + 4, 82)
    body += _text(2, bottom + 20, "Rows: who looks. Columns: at what. ×: may not look.")
    alt = f"{(~allowed).sum()} of {allowed.size} pairs may not look. "
    alt += tell_table("weight", tokens, tokens, weights)
    return Drawing(body, bottom + 30, alt, max(WIDTH, 100 + 56 * len(tokens)))


def _draw_spans(
    words: list[str], input_ids: list[int], labels: list[int], first_sentinel: int
) -> Drawing:
    """The text with its spans marked, what the model reads, and what it must write."""

    def spell(token: int) -> str:
        is_word = token < len(words)
        return words[token] if is_word else f"<extra_id_{first_sentinel - token}>"

    cut = {token for token in labels if token < len(words)}
    spans = len(labels) - len(cut) - 1  # the last sentinel closes the answer
    said = (
        f"{len(cut)} of {len(words)} tokens cut ({len(cut) / len(words):.0%}), in "
        f"{spans} {'span' if spans == 1 else 'spans'}"
    )
    parts = {
        f"text: {said}": range(len(words)),
        f"input: {len(input_ids)} tokens, and </s>": input_ids,
        f"target: {len(labels)} tokens, and </s>": labels,
    }
    body, top = "", 0
    for title, tokens in parts.items():
        body += _text(2, top + 14, title)
        x, y = 2.0, top + 24
        for token in tokens:
            width = CHARACTER * len(spell(token))
            if x + width > WIDTH - 8 and x > 2:
                x, y = 2.0, y + 24
            css = "kept" if token < len(words) else "sentinel"
            body += _box(x, y, width + 6, 20, 0.5 if token in cut else 0, css)
            body += _text(x + 3, y + 14, spell(token), length=width)
            x += width + 10
        top = y + 38
    read, asked = (" ".join(map(spell, ids)) for ids in (input_ids, labels))
    alt = f"Span corruption: {said}. Input: {read}. Target: {asked}."
    return Drawing(body, top, alt)


def _query(
    tokens: Sequence[str],
    row: int,
    weights: NDArray[Any],
    looks: str,
    top: float,
    width: int,
) -> str:
    """A token and where it looks: what hovering and the Tab key can reach."""
    keys = distinct(tokens)
    largest = np.argsort(-weights, kind="stable")[:8]
    seen = [f"{keys[key]} {weights[key]:.2f}" for key in largest if weights[key] > 0]
    says = html.escape(f"{keys[row]} looks at {', '.join(seen) or 'nothing'}")
    name = short(tokens[row], width // 8 - 1)  # a character is 8 pixels wide, or less
    return (
        f'<g class="query" tabindex="0" role="img" aria-label="{says}">'
        f'<g class="looks">{looks}</g>{_box(2, top, width, 20, 0, "frame")}'
        f"{_text(width - 2, top + 14, name, 'end')}</g>"
    )


def _text(
    x: float, y: float, text: str, anchor: str = "start", length: float = 0
) -> str:
    fit = f'textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"' if length else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {fit}>'
        f"{html.escape(text)}</text>"
    )


def _box(
    x: float, y: float, width: float, height: float, fill: float, css: str = ""
) -> str:
    return (
        f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" fill="{ACCENT}" fill-opacity="{fill:.2f}"/>'
    )

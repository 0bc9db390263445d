"""Explorers answer their controls, say what they show, and load and run nothing."""

import base64
import re

import ipywidgets
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from lxml import etree
from lxml.html import fragment_fromstring

from labkit.errors import LabError
from labkit.plots import explorers as widgets
from labkit.plots import live

VIEW = "application/vnd.jupyter.widget-view+json"
TOKENS = ["[CLS]", "the", "<b>", "$x$", "the", "[SEP]"]
WEIGHTS = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).softmax(
    -1
)
TEXT = " ".join(f"word{number}" for number in range(40))
EXPLORERS = {
    "attention": lambda: widgets.attention_explorer(
        {"a <b> text": (TOKENS, WEIGHTS), "another": (["a", "b"], WEIGHTS[..., :2, :2])}
    ),
    "softmax": widgets.softmax_explorer,
    "mask": widgets.mask_explorer,
    "spans": lambda: widgets.span_corruption_explorer(TEXT),
}
every_explorer = pytest.mark.parametrize("make", EXPLORERS.values(), ids=EXPLORERS)


def shown(explorer, monkeypatch):
    """The outputs that a notebook holds: the widget's, then the still picture's."""
    outputs = []
    monkeypatch.setattr(live, "display", lambda data, raw: outputs.append(data))
    InteractiveShell.instance().display_formatter.format(explorer)
    return outputs


def other_value(control):
    if isinstance(control, ipywidgets.Checkbox):
        return not control.value
    if isinstance(control, ipywidgets.Dropdown):
        return next(o for o in control.options if o != control.value)
    return control.max


@every_explorer
def test_every_control_changes_the_picture_and_what_is_said_of_it(make):
    for name in make().controls:
        explorer = make()
        control, before = explorer.controls[name], explorer.drawing
        control.value = other_value(control)
        assert explorer.drawing.body != before.body
        assert explorer.drawing.alt != before.alt
        assert explorer.drawing.svg() in explorer.picture.value


@every_explorer
def test_the_same_values_draw_the_same_picture(make):
    assert make().drawing == make().drawing


@every_explorer
def test_every_control_has_a_label_that_is_never_cut_off(make):
    for control in make().controls.values():
        assert control.description
        assert control.tooltip == control.description
        assert control.style.description_width == "initial"


@every_explorer
def test_a_still_picture_comes_beside_the_widget_which_hides_it(make, monkeypatch):
    explorer = make()
    explorer.redraw()
    alive, still = shown(explorer, monkeypatch)
    assert alive[VIEW]["model_id"] == explorer.model_id
    assert {*still} == {"text/html", "text/plain"}
    stand_in = fragment_fromstring(still["text/html"])
    (image,) = stand_in
    assert image.tag == "img"
    assert image.get("alt") == still["text/plain"] == explorer.drawing.alt
    hiding = explorer.children[-1].value
    assert f".{stand_in.get('class')} {{display: none !important}}" in hiding


@every_explorer
def test_the_still_picture_shows_the_present_state(make, monkeypatch):
    explorer = make()
    control = [*explorer.controls.values()][-1]
    control.value = other_value(control)
    _, still = shown(explorer, monkeypatch)
    (image,) = fragment_fromstring(still["text/html"])
    data = image.get("src").partition("base64,")[2]
    picture = etree.fromstring(base64.b64decode(data))  # strict XML, as browsers ask
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.get("aria-label") == explorer.drawing.alt


@every_explorer
def test_nothing_is_loaded_and_no_script_runs(make, monkeypatch):
    explorer = make()
    outputs = [explorer.picture.value, *map(str, shown(explorer, monkeypatch))]
    for forbidden in ("http", "<script", "require", "url(", "@import", "onload"):
        assert not any(forbidden in output for output in outputs)


@every_explorer
def test_a_picture_is_named_and_so_is_each_part_that_can_have_the_focus(make):
    picture = fragment_fromstring(make().picture.value)
    parts = picture.xpath("//*[@tabindex]")
    assert picture.get("aria-label") == make().drawing.alt
    assert picture.get("role") == ("group" if parts else "img")
    assert all(part.get("aria-label") and part.get("role") == "img" for part in parts)


@every_explorer
def test_colours_are_the_themes_own_and_one_accent(make):
    value = make().picture.value
    colours = re.findall(r'(?:fill|stroke)[=:] ?"?([#\w]+)', value)
    assert {*colours} <= {widgets.ACCENT, "currentColor", "none"}


def test_attention_says_where_a_token_looks_most_first():
    explorer = widgets.attention_explorer({"text": (TOKENS, WEIGHTS)})
    explorer.controls["layer"].value, explorer.controls["head"].value = 1, 2
    picture = fragment_fromstring(explorer.picture.value)
    queries = picture.xpath("//*[@class='query']")
    assert len(queries) == len(TOKENS)
    names = ["[CLS]", "the #1", "<b>", "$x$", "the #2", "[SEP]"]
    for query, name, weights in zip(queries, names, WEIGHTS[1, 2], strict=True):
        most = names[weights.argmax()]
        said = query.get("aria-label")
        assert said.startswith(f"{name} looks at {most} {weights.max():.2f}, ")


def test_attention_shows_the_sentence_that_is_picked():
    explorer = widgets.attention_explorer(
        {
            "one": (TOKENS, WEIGHTS),
            "two": (["a", "b"], np.eye(2) * np.ones((2, 3, 1, 1))),
        }
    )
    explorer.controls["sentence"].value = "two"
    assert explorer.drawing.alt == (
        "Heat map of weight, 2 rows by 2 columns. "
        "Largest: a at a (1.00); b at b (1.00)."
    )


@pytest.mark.parametrize(
    ("sentences", "says"),
    [
        ({}, "no sentence"),
        ({"a": (TOKENS, WEIGHTS[0])}, r"shape \(3, 6, 6\) do not fit “a”"),
        ({"a": (TOKENS[1:], WEIGHTS)}, "for its 5 tokens"),
        ({"a": (TOKENS, WEIGHTS), "b": (TOKENS, WEIGHTS[:1])}, "do not fit “b”"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_words(sentences, says):
    with pytest.raises(LabError, match=says):
        widgets.attention_explorer(sentences)


def entropy(explorer):
    return float(re.search(r"entropy ([\d.]+)", explorer.drawing.alt)[1])


def test_scaling_keeps_the_entropy_where_d_k_grows_and_temperature_raises_it():
    explorer = widgets.softmax_explorer()
    explorer.controls["d_k"].value = 1024
    scaled = entropy(explorer)
    explorer.controls["scaled"].value = False
    assert entropy(explorer) < 1 < 3 < scaled
    explorer.controls["scaled"].value = True
    explorer.controls["temperature"].value = 10
    assert scaled < entropy(explorer) <= 4


def cells(explorer):
    picture = fragment_fromstring(explorer.picture.value)
    rows = picture.xpath("//*[@class='query']")
    return [row.xpath("./*[@class='looks']/text/text()") for row in rows]


@pytest.mark.parametrize(
    ("mask", "crossed"),
    [
        ("none", ["...", "...", "..."]),
        ("padding", ["..×", "..×", "..×"]),
        ("causal", [".××", "..×", "..."]),
        ("both", [".××", "..×", "..×"]),
    ],
)
def test_a_cross_marks_where_a_query_may_not_look(mask, crossed):
    explorer = widgets.mask_explorer(["a", "b"])
    explorer.controls["mask"].value = mask
    explorer.controls["right"].value = 1
    table = cells(explorer)
    seen = ["".join("×" if text == "×" else "." for text in row) for row in table]
    assert seen == crossed
    for row in table:
        assert sum(float(text) for text in row if text != "×") == pytest.approx(
            1, abs=0.02
        )


def test_a_query_before_all_it_may_see_looks_nowhere():
    explorer = widgets.mask_explorer(["a", "b"])
    explorer.controls["left"].value = 1
    assert "[PAD] #1 nowhere" in explorer.drawing.alt
    assert "nan" not in explorer.picture.value


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text(alphabet="ab<&é", min_size=1), min_size=1, max_size=40),
    st.integers(1, 18),
    st.integers(2, 20),
    st.integers(0, 99),
)
def test_any_text_can_be_cut_anyhow(words, twentieths, halves, seed):
    explorer = widgets.span_corruption_explorer(" ".join(words))
    explorer.controls["rate"].value = twentieths / 20
    explorer.controls["mean_span"].value = halves / 2
    explorer.controls["seed"].value = seed
    etree.fromstring(explorer.drawing.svg())
    target = explorer.drawing.alt.partition("Target: <extra_id_0> ")[2]
    assert all(word in words or "<extra_id_" in word for word in target[:-1].split())


def test_the_spans_that_are_cut_are_those_of_the_answer():
    alt = widgets.span_corruption_explorer(TEXT).drawing.alt
    read, answer = re.search(r"Input: (.*)\. Target: (.*)\.", alt).groups()
    spans = dict(re.findall(r"(<extra_id_\d+>) ([^<]+?) (?=<)", answer))
    for sentinel, span in spans.items():
        read = read.replace(sentinel, span)
    assert read == TEXT
    assert [*spans] == [f"<extra_id_{number}>" for number in range(len(spans))]


def test_a_long_text_is_set_in_lines_that_fit():
    explorer = widgets.span_corruption_explorer("word " * 200)
    picture = etree.fromstring(explorer.drawing.svg())
    places = [text.attrib for text in picture.iter("text") if text.get("textLength")]
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    for place in places:
        assert float(place["x"]) + float(place["textLength"]) <= widgets.WIDTH
        assert float(place["y"]) <= explorer.drawing.height


def test_there_must_be_something_to_cut():
    with pytest.raises(LabError, match="no tokens"):
        widgets.span_corruption_explorer(" ")

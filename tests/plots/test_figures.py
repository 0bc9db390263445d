"""Each figure says in words what it shows, and needs neither pyplot nor a network."""

import io
import subprocess
import sys
import warnings
from itertools import combinations

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from lxml.html import fragment_fromstring
from matplotlib.colors import to_rgb
from PIL import Image

from labkit import plots
from labkit.errors import LabError
from labkit.evaluation import Interval, wilson_interval

SCORES = {"TF-IDF": Interval(0.8, 0.7, 0.9), 'a <fine-tuned> "BERT"': (0.9, 0.85, 0.95)}
RUN = {step: (1 / step, 0.5 / step, 2 / step) for step in range(1, 101)}
DOTS = {"names": [-0.5, 0.1], "<pronouns>": [0]}
PICTURES = {
    "lines": plots.lines(
        {name: [score, score] for name, score in SCORES.items()}, [10, 1_000], log="x"
    ),
    "two panels": plots.lines(
        {"training": RUN, "validation": {50: 0.5, 100: 0.4}},
        xlabel="step",
        ylabel="loss",
        below={"accuracy": {"validation": {50: 0.8, 100: 0.9}}},
    ),
    "one line": plots.lines([0.1, 0.2], xlabel="layer", mark=1),
    "bars": plots.bars(SCORES),
    "dots": plots.bars({"names": (-0.2, -0.6, 0.2), "<pronouns>": 0}, dots=DOTS),
    "histogram": plots.histogram([1, 2, 2, 3], "tokens", "texts", mark=2.5),
    "histograms": plots.histogram({"<a>": [1, 2], "b": [2]}, "tokens", "texts"),
    "heat_map": plots.heat_map(
        [[0.25, 0.75], [1, 0], [0, 0]], ["the", "<cat>", "the"], ["le", "chat"]
    ),
    "confusion_matrix": plots.confusion_matrix([0, 0, 1], [0, 1, 1], ["no", "yes"]),
    "reliability_diagram": plots.reliability_diagram(
        {"<raw>": [(0.6, 0.5, 10), (0.9, 0.7, 30)], "scaled": [(0.65, 0.65, 40)]}
    ),
    "coloured_tokens": plots.coloured_tokens(
        ["$", "not", "$", "<good>"],
        {"occlusion": [0.1, -2, 0.3, 1], "rollout": [0, 0, 0, 0]},
    ),
}
every_picture = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)


def shown(picture):
    """What Jupyter would send to the front end."""
    data, _ = InteractiveShell.instance().display_formatter.format(picture)
    return data


@every_picture
def test_the_output_is_one_image_with_the_alternative_text(picture):
    data = shown(picture)
    assert set(data) == {"text/html", "text/plain"}
    assert data["text/plain"] == picture.alt
    image = fragment_fromstring(data["text/html"])
    assert (image.tag, len(image)) == ("img", 0)
    assert image.get("alt") == picture.alt
    assert "max-width:100%" in image.get("style")


@every_picture
def test_the_output_loads_and_runs_nothing(picture):
    page = shown(picture)["text/html"]
    assert "<script" not in page
    assert "http" not in page
    assert page.count("src=") == page.count('src="data:image/png;base64,') == 1


@every_picture
def test_the_image_is_opaque_and_twice_as_wide_as_it_is_shown(picture):
    image = Image.open(io.BytesIO(picture.png()))
    width = int(fragment_fromstring(shown(picture)["text/html"]).get("width"))
    assert image.width == 2 * width
    assert image.convert("RGBA").getextrema()[3] == (255, 255)
    assert image.getpixel((0, 0))[:3] == (255, 255, 255)


def test_pyplot_is_never_loaded_so_no_figure_stays_open_or_shows_twice():
    code = (
        "import sys; from labkit import plots\n"
        "plots.bars({'a': (0.5, 0.4, 0.6)})._repr_mimebundle_()\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout == "False\n", ran.stderr


def lightness(color):
    """CIE L*, from 0 (black) to 100, and the relative luminance Y."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color
    ]
    luminance = float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
    return 116 * luminance ** (1 / 3) - 16, luminance


def test_colours_differ_in_grey_and_stand_out_from_white():
    lights, luminances = zip(
        *(lightness(to_rgb(c)) for c in plots.PALETTE), strict=True
    )
    assert min(abs(a - b) for a, b in combinations(lights, 2)) > 10
    assert all(1.05 / (luminance + 0.05) >= 3 for luminance in luminances)


def test_lines_differ_in_colour_marker_and_dash_and_each_stands_in_the_legend():
    names = [f"method {number}" for number in range(10)]
    figure = plots.lines({n: [(0.5, 0.4, 0.6)] * 2 for n in names}).figure
    drawn = [x for x in figure.axes[0].get_lines() if x.get_label() in names]
    looks = {(x.get_color(), x.get_marker(), x.get_linestyle()) for x in drawn}
    assert len(drawn) == len(looks) == 10
    assert len({x.get_marker() for x in drawn[:5]}) == 5
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names


def test_a_line_tells_its_ends_and_its_highest_and_lowest():
    points = [Interval(0.6, 0.5, 0.7), 0.95, (0.9, 0.8, 1.0)]
    picture = plots.lines({"tuned": points}, [16, 128, 1_024], "texts", "F1", log="x")
    assert picture.alt == (
        "Line chart by texts. F1, tuned: 0.600 [0.500, 0.700] at 16, 0.900 [0.800, "
        "1.000] at 1,024, highest 0.950 at 128, lowest 0.600 at 16."
    )
    panel = picture.figure.axes[0]
    assert [x.get_text() for x in panel.get_xticklabels()] == ["16", "128", "1,024"]
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "linear")


def test_numbers_of_any_size_can_be_read_in_the_words():
    alt = plots.lines([2.5e-9, 0, 12_500], xlabel="layer", log="y").alt
    assert "2.5e-09 at 0, 12,500 at 2" in alt


def test_numbers_may_be_tensors_and_need_neither_places_nor_a_name():
    picture = plots.lines(torch.tensor([0.5, 0.25]), xlabel="depth")
    assert picture.alt == "Line chart by depth. accuracy: 0.500 at 0, 0.250 at 1."
    assert not picture.figure.legends
    assert not picture.figure.axes[0].collections, "whiskers around a number"


def test_a_panel_below_has_the_same_places_and_the_same_look_for_the_same_name():
    picture = PICTURES["two panels"]
    above, below = picture.figure.axes
    assert above.get_xlim() == below.get_xlim()
    assert above.get_lines()[1].get_color() == below.get_lines()[0].get_color()
    assert "loss, validation: 0.500 at 50, 0.400 at 100." in picture.alt
    assert "accuracy, validation: 0.800 at 50, 0.900 at 100." in picture.alt


def test_many_intervals_are_a_band_and_many_points_keep_few_markers():
    panel = PICTURES["two panels"].figure.axes[0]
    (band,) = panel.collections
    assert band.get_paths()[0].get_extents().y1 == pytest.approx(2)
    assert panel.get_lines()[0].get_markevery() == 8


def test_intervals_of_two_lines_stand_apart_and_numbers_stay_in_place():
    sure, unsure = ({"a": [p] * 2, "b": [p] * 2} for p in (0.5, (0.5, 0.4, 0.6)))
    for series, apart in ((sure, False), (unsure, True)):
        drawn = plots.lines(series).figure.axes[0].get_lines()
        starts = [x.get_xdata()[0] for x in drawn if x.get_label() in series]
        assert (starts[0] < starts[1]) == apart


def test_a_mark_is_a_dashed_line_at_its_place():
    for name, at in {"one line": 1, "histogram": 2.5}.items():
        mark = PICTURES[name].figure.axes[0].get_lines()[-1]
        assert ([*mark.get_xdata()], mark.get_linestyle()) == ([at, at], "--")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_run_that_diverges_is_drawn_to_its_end(bad):
    runs = {name: [1.0] * 39 + [bad] * 61 for name in "ab"}
    with warnings.catch_warnings(action="error"):
        picture = plots.lines(runs, xlabel="step")
        picture.png()
    assert picture.figure.axes[0].get_xlim()[1] >= 99
    assert picture.alt.count("not finite at 61 of 100") == 2
    names = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert names == ["a", "not finite", "b"]


def test_a_histogram_tells_its_middle_its_ends_and_what_lies_above_the_mark():
    assert PICTURES["histogram"].alt == (
        "Histogram of tokens. 4 values, median 2.000, 25.0% above the mark at 2.5, "
        "from 1.000 to 3.000."
    )


def test_two_histograms_have_the_same_bins():
    counts = PICTURES["histograms"].figure.axes[0].containers
    starts = [[patch.get_x() for patch in patches] for patches in counts]
    assert starts[0] == starts[1]
    assert sum(patch.get_height() for patch in counts[0]) == 2


def test_bars_start_at_zero_and_tell_every_score():
    picture = plots.bars({"a": (0.9, 0.8, 0.95), "b": (0.7, 0.65, 0.75)}, "recall")
    panel = picture.figure.axes[0]
    assert [(bar.get_x(), bar.get_width()) for bar in panel.patches] == [
        (0, 0.9),
        (0, 0.7),
    ]
    assert picture.alt == (
        "Bar chart of recall. a: 0.900 [0.800, 0.950]. "
        "b: 0.700 [0.650, 0.750]. Highest: a."
    )


def test_dots_are_drawn_one_by_one_and_their_mean_and_extremes_told():
    picture = PICTURES["dots"]
    panel = picture.figure.axes[0]
    dots = [[*x.get_xdata()] for x in panel.lines if x.get_marker() == "."]
    assert dots == [[-0.5, 0.1], [0]]
    assert not panel.patches
    assert "names: -0.200 [-0.600, 0.200], from -0.500 to 0.100." in picture.alt
    assert "<pronouns>: 0.000, from" in picture.alt


def test_whiskers_run_from_low_to_high_even_beside_the_estimate():
    panel = plots.bars({"skewed": (0.5, 0.6, 0.8)}).figure.axes[0]
    (segment,) = panel.collections[0].get_segments()
    assert segment[:, 0] == pytest.approx([0.6, 0.8])


def test_a_confusion_matrix_holds_counts_and_shares_of_rows():
    picture = plots.confusion_matrix([0] * 4 + [1], [0, 0, 0, 1, 1], ["no", "yes", "?"])
    cells = [text.get_text() for text in picture.figure.axes[0].texts]
    assert cells == ["3\n75%", "1\n25%", "0", "0", "1\n100%", "0", "0", "0", "0"]
    assert picture.alt == (
        "Confusion matrix of 5 examples, true classes in rows. no: 3 of 4 right. "
        "yes: 1 of 1 right. ?: 0 of 0 right. Most often confused: no taken for yes "
        "(1)."
    )


def test_a_reliability_diagram_tells_how_sure_and_how_right_each_model_is():
    picture = PICTURES["reliability_diagram"]
    assert "<raw>: sure to 0.825 and right to 0.650 on average" in picture.alt
    assert "where it says 0.90, the most often, it is right to 0.70" in picture.alt
    drawn = {line.get_label(): line for line in picture.figure.axes[0].lines}
    raw, scaled = (drawn[name].get_xydata() for name in ("<raw>", "scaled"))
    np.testing.assert_allclose(raw, [(0.6, 0.5), (0.9, 0.7)])
    np.testing.assert_allclose(scaled, [(0.65, 0.65)])


def test_a_reliability_diagram_shows_of_how_many_examples_each_point_speaks():
    picture = PICTURES["reliability_diagram"]
    panel = picture.figure.axes[0]
    assert [text.get_text() for text in panel.texts] == ["10", "30", "40"]
    whiskers = [path for bars in panel.collections for path in bars.get_segments()]
    bins = [[True] * 5 + [False] * 5, [True] * 21 + [False] * 9]
    for whisker, answers in zip(whiskers, bins, strict=False):
        _, low, high = wilson_interval(answers)
        np.testing.assert_allclose(whisker[:, 1], [low, high])
    assert "0.60 0.50 [0.24, 0.76] of 10; 0.90 0.70 [0.52, 0.83] of 30." in picture.alt


def test_all_right_confuses_nothing():
    assert "confused" not in plots.confusion_matrix([0, 1], [0, 1], ["a", "b"]).alt


def test_a_heat_map_tells_where_each_row_is_largest():
    assert PICTURES["heat_map"].alt == (
        "Heat map of weight, 3 rows by 2 columns. Largest: the #1 at chat (0.75); "
        "<cat> at le (1.00); the #2 nowhere."
    )


def test_a_heat_map_has_a_label_for_each_row_and_column_the_first_row_on_top():
    panel = PICTURES["heat_map"].figure.axes[0]
    rows = [text.get_text() for text in panel.get_yticklabels()]
    columns = [text.get_text() for text in panel.get_xticklabels()]
    assert (rows, columns) == (["the", "<cat>", "the"], ["le", "chat"])
    assert panel.yaxis_inverted()
    cells = [text.get_text() for text in panel.texts]
    assert cells == ["0.25", "0.75", "1.00", "0.00", "0.00", "0.00"]


def test_24_tokens_are_legible_and_written_without_their_weights():
    tokens = [*"abcdefghijklmnopqrstuvw", "a-token" * 9]
    picture = plots.heat_map(np.eye(24), tokens)
    picture.figure.draw_without_rendering()  # lays it out
    panel = picture.figure.axes[0]
    assert not panel.texts
    labels = panel.get_yticklabels()
    assert labels[-1].get_text().endswith("…")
    for labels in (panel.get_yticklabels(), panel.get_xticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_coloured_tokens_tell_the_strongest_on_each_side():
    assert PICTURES["coloured_tokens"].alt == (
        "The text '$ not $ <good>', each token coloured by what it did. "
        "occlusion: most for it: <good> (+1), $ #2 (+0.3), $ #1 (+0.1); "
        "most against it: not (-2). rollout: nothing."
    )


def test_a_token_against_the_answer_is_blue_and_dashed_one_for_it_orange_and_solid():
    boxes = PICTURES["coloured_tokens"].figure.axes[0].patches[:4]
    faint, against, _, speaks_for = boxes
    assert against.get_facecolor()[:3] == pytest.approx(to_rgb(plots.PALETTE[3]))
    assert against.get_linestyle() != speaks_for.get_linestyle() == "-"
    red, _, blue, _ = speaks_for.get_facecolor()
    assert red > blue
    assert faint.get_linewidth() == 0


def test_tokens_flow_over_lines_and_none_hides_another():
    tokens = [f"token{number}" for number in range(60)]
    picture = plots.coloured_tokens(tokens, {"a": range(60), "b": range(60)})
    picture.figure.draw_without_rendering()
    panel = picture.figure.axes[0]
    texts = [text for text in panel.texts if text.get_text() in tokens]
    boxes = [text.get_window_extent() for text in texts]
    assert len(boxes) == 120
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert max(box.x1 for box in boxes) <= panel.get_window_extent().x1


LONG = [f"method {number} with a name that is rather too long" for number in range(10)]


@pytest.mark.parametrize(
    "picture",
    [
        plots.confusion_matrix(range(10), range(10), LONG),
        plots.lines({name: [(0.5, 0.4, 0.6)] * 2 for name in LONG}),
        plots.bars(dict.fromkeys(LONG, (0.95, 0.9, 1.0))),
    ],
)
def test_ten_long_names_stay_inside_the_figure(picture):
    picture.png()  # lays the figure out
    figure = picture.figure
    outer = figure.get_tightbbox()
    assert min(outer.x0, outer.y0) >= 0
    assert outer.x1 <= figure.get_figwidth()
    assert outer.y1 <= figure.get_figheight()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: plots.lines({"a": [(0, 0, 0)]}, [1, 2]), "a has 1 points for 2"),
        (lambda: plots.lines([1], [1, 2]), "the line has 1 points for 2"),
        (lambda: plots.lines({"a": []}, []), "nothing to draw"),
        (lambda: plots.lines({}), "nothing to draw"),
        (lambda: plots.bars({}), "nothing to draw"),
        (lambda: plots.histogram([], "x", "y"), "nothing to draw"),
        (lambda: plots.histogram({}, "x", "y"), "nothing to draw"),
        (lambda: plots.coloured_tokens([], {"a": []}), "nothing to draw"),
        (lambda: plots.coloured_tokens(["a"], {"b": [1, 2]}), "b has 2 numbers for 1"),
        (lambda: plots.reliability_diagram({}), "nothing to draw"),
        (lambda: plots.reliability_diagram({"a": []}), "nothing to draw"),
        (lambda: plots.heat_map([[1]], ["a", "b"]), r"shape \(1, 1\)"),
        (lambda: plots.heat_map([], []), "does not fit 0 rows"),
        (lambda: plots.confusion_matrix([], [], ["a"]), "no references"),
        (
            lambda: plots.confusion_matrix([0, 1], [0], ["a", "b"]),
            "2 references, 1 pred",
        ),
        (lambda: plots.confusion_matrix([-1], [0], ["a", "b"]), "references is -1"),
        (lambda: plots.confusion_matrix([0], [2], ["a", "b"]), "predictions is 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(call, says):
    with pytest.raises(LabError, match=says):
        call()

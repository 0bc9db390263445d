"""Each figure says in words what it shows, and needs neither pyplot nor a network."""

import io
import subprocess
import sys
import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from lxml.html import fragment_fromstring
from matplotlib.colors import to_rgb
from PIL import Image
from sklearn import metrics as scikit

from labkit import plots
from labkit.errors import LabError
from labkit.evaluation import Interval
from labkit.plots import figures

STEPS = [{"step": step, "loss": 1 / step, "epoch": 0.1} for step in range(1, 101)]
EVALUATIONS = [
    {"step": 50, "loss": 0.5, "accuracy": 0.8, "f1": 0.79},
    {"step": 100, "loss": 0.4, "accuracy": 0.9, "f1": 0.88},
]
SCORES = {"TF-IDF": Interval(0.8, 0.7, 0.9), 'a <fine-tuned> "BERT"': (0.9, 0.85, 0.95)}
PICTURES = {
    "training_curve": plots.training_curve(STEPS, EVALUATIONS),
    "learning_curve": plots.learning_curve(
        [10, 1_000], {name: [score, score] for name, score in SCORES.items()}
    ),
    "bars": plots.bars(SCORES),
    "differences": plots.differences(
        {"names": ([-0.5, 0.1], (-0.2, -0.6, 0.2)), "<pronouns>": ([0], (0, 0, 0))}
    ),
    "confusion_matrix": plots.confusion_matrix([0, 0, 1], [0, 1, 1], ["no", "yes"]),
    "reliability_diagram": plots.reliability_diagram(
        {"<raw>": [(0.6, 0.5, 10), (0.9, 0.7, 30)], "scaled": [(0.65, 0.65, 40)]}
    ),
    "loss_against_tokens": plots.loss_against_tokens({"a": ([0, 5_000], [9.5, 4.25])}),
    "attention_heat_map": plots.attention_heat_map(
        [[0.25, 0.75], [1, 0], [0, 0]], ["the", "<cat>", "the"], ["le", "chat"]
    ),
    "curves": plots.curves(
        [0, 1, 2], {"probe": [(0.6, 0.5, 0.7), (0.9, 0.8, 1), (0.7, 0.6, 0.8)]}, "layer"
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


def test_lines_differ_in_marker_and_dash_too():
    names = [f"method {number}" for number in range(10)]
    picture = plots.learning_curve([1, 2], {n: [(0.5, 0.4, 0.6)] * 2 for n in names})
    lines = [x for x in picture.figure.axes[0].get_lines() if x.get_label() in names]
    looks = {(x.get_color(), x.get_marker(), x.get_linestyle()) for x in lines}
    assert len(lines) == len(looks) == 10
    assert len({x.get_marker() for x in lines[:5]}) == 5
    assert len({str(x._unscaled_dash_pattern) for x in lines[:5]}) == 5


def test_a_training_curve_tells_where_the_losses_start_and_end():
    alt = PICTURES["training_curve"].alt
    assert "Training loss: 1.000 at step 1, 0.010 at step 100" in alt
    assert "Validation loss: 0.500 at step 50, 0.400 at step 100" in alt
    assert "Validation accuracy: 0.800 at step 50, 0.900 at step 100" in alt


def test_a_training_curve_draws_what_was_measured_and_no_more():
    assert len(plots.training_curve(STEPS).figure.axes) == 1
    assert len(plots.training_curve(STEPS, EVALUATIONS).figure.axes) == 2
    assert len(plots.training_curve(STEPS, EVALUATIONS, "bleu").figure.axes) == 1
    by_f1 = plots.training_curve(STEPS, EVALUATIONS, "f1")
    assert by_f1.figure.axes[1].get_ylabel() == "f1"
    assert "Validation f1: 0.790 at step 50" in by_f1.alt


def test_the_thick_line_is_the_running_mean():
    thick = PICTURES["training_curve"].figure.axes[0].get_lines()[1]
    assert thick.get_label() == "training, mean of 5 steps"
    assert thick.get_xdata()[0] == 5
    assert thick.get_ydata()[0] == pytest.approx(
        np.mean([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_run_that_diverges_is_drawn_to_its_end(bad):
    steps = [{"step": s, "loss": 1.0 if s < 40 else bad} for s in range(1, 101)]
    with warnings.catch_warnings(action="error"):
        picture = plots.training_curve(steps, [{"step": 100, "loss": bad}])
        picture.png()
    assert picture.figure.axes[0].get_xlim()[1] >= 100
    assert "not finite at 61 of 100 steps" in picture.alt


def test_one_step_is_enough():
    picture = plots.training_curve(STEPS[:1], EVALUATIONS[:1])
    assert "Training loss: 1.000 at step 1. Validation" in picture.alt


def test_a_learning_curve_tells_each_methods_first_and_last_score():
    points = [Interval(0.6, 0.5, 0.7), Interval(0.7, 0.6, 0.8), Interval(0.9, 0.8, 1.0)]
    picture = plots.learning_curve([16, 128, 1_024], {"tuned": points}, ylabel="F1")
    assert (
        "tuned: 0.600 [0.500, 0.700] at 16, 0.900 [0.800, 1.000] at 1,024."
        in picture.alt
    )
    assert picture.alt.startswith("Line chart of F1 by training examples")
    ticks = [label.get_text() for label in picture.figure.axes[0].get_xticklabels()]
    assert ticks == ["16", "128", "1,024"]
    assert picture.figure.axes[0].get_xscale() == "log"


def test_bars_start_at_zero_and_tell_every_score():
    picture = plots.bars({"a": (0.9, 0.8, 0.95), "b": (0.7, 0.65, 0.75)}, "recall")
    panel = picture.figure.axes[0]
    assert [(bar.get_x(), bar.get_width()) for bar in panel.patches] == [
        (0, 0.9),
        (0, 0.7),
    ]
    assert picture.alt == (
        "Bar chart of recall, with intervals. a: 0.900 [0.800, 0.950]. "
        "b: 0.700 [0.650, 0.750]. Highest: a."
    )


def test_differences_show_every_dot_and_tell_the_mean_and_the_extremes():
    picture = PICTURES["differences"]
    panel = picture.figure.axes[0]
    dots = [
        line.get_xdata().tolist() for line in panel.lines if line.get_marker() == "."
    ]
    assert dots == [[-0.5, 0.1], [0]]
    assert "names: -0.200 [-0.600, 0.200]; from -0.500 to 0.100." in picture.alt


def test_whiskers_run_from_low_to_high_even_beside_the_estimate():
    panel = plots.bars({"skewed": (0.5, 0.6, 0.8)}).figure.axes[0]
    (segment,) = panel.collections[0].get_segments()
    assert segment[:, 0] == pytest.approx([0.6, 0.8])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)
)
def test_the_confusion_matrix_is_scikit_learns(pairs):
    references, predictions = np.array(pairs).T
    counts = figures._count_pairs(references, predictions, 4)
    expected = scikit.confusion_matrix(references, predictions, labels=range(4))
    assert counts.tolist() == expected.tolist()


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
    raw, scaled = picture.figure.axes[0].collections
    np.testing.assert_allclose(raw.get_offsets(), [(0.6, 0.5), (0.9, 0.7)])
    assert [*raw.get_sizes()] == sorted(raw.get_sizes())
    assert scaled.get_sizes()[0] > raw.get_sizes()[1]


def test_all_right_confuses_nothing():
    assert "confused" not in plots.confusion_matrix([0, 1], [0, 1], ["a", "b"]).alt


def test_an_attention_heat_map_tells_what_looks_most_at_what():
    assert PICTURES["attention_heat_map"].alt == (
        "Attention weights of 3 queries on 2 keys. the #1 looks most at chat (0.75). "
        "<cat> looks most at le (1.00). the #2 looks nowhere."
    )


def test_an_attention_heat_map_has_queries_in_rows_and_a_label_for_each_token():
    panel = PICTURES["attention_heat_map"].figure.axes[0]
    assert [text.get_text() for text in panel.get_yticklabels()] == [
        "the",
        "<cat>",
        "the",
    ]
    assert [text.get_text() for text in panel.get_xticklabels()] == ["le", "chat"]
    assert panel.yaxis_inverted()
    cells = [text.get_text() for text in panel.texts]
    assert cells == ["0.25", "0.75", "1.00", "0.00", "0.00", "0.00"]


def test_24_tokens_are_legible_and_written_without_their_weights():
    tokens = [*"abcdefghijklmnopqrstuvw", "unbelievably-long-token"]
    picture = plots.attention_heat_map(np.eye(24), tokens)
    picture.figure.draw_without_rendering()  # lays it out
    panel = picture.figure.axes[0]
    assert not panel.texts
    labels = panel.get_yticklabels()
    assert labels[-1].get_text() == "unbelievably-…"
    for labels in (panel.get_yticklabels(), panel.get_xticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_loss_against_tokens_tells_where_each_run_starts_and_ends():
    runs = {"big": ([0, 1_000, 2_000_000], [9, 4, 2]), "small": ([0], [9.5])}
    picture = plots.loss_against_tokens(runs)
    assert picture.alt == (
        "Line chart of loss by tokens read. big: 9.000 at 0 tokens, 2.000 at 2,000,000 "
        "tokens, between 2.000 and 9.000. small: 9.500 at 0 tokens."
    )
    assert len(picture.figure.axes[0].get_lines()) == 2


def test_many_losses_keep_few_markers_and_two_diverged_runs_one_entry_in_the_legend():
    bad = list(range(100)), [1.0] * 99 + [float("nan")]
    picture = plots.loss_against_tokens({"a": bad, "b": bad})
    assert picture.figure.axes[0].get_lines()[0].get_markevery() == 12
    names = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert names == ["a", "not finite", "b"]
    assert picture.alt.count("not finite at 1 of 100") == 2


def test_curves_tell_their_ends_and_where_they_are_highest_and_lowest():
    assert PICTURES["curves"].alt == (
        "Line chart of accuracy by layer. probe: 0.600 at 0, 0.700 at 2; "
        "highest at 1, lowest at 0."
    )


def test_curves_without_intervals_have_no_whiskers():
    plain = plots.curves([0, 1], {"a": [(1, 1, 1), (0, 0, 0)]}, "share")
    assert not plain.figure.axes[0].collections
    assert PICTURES["curves"].figure.axes[0].collections


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
        plots.learning_curve([1, 2], {name: [(0.5, 0.4, 0.6)] * 2 for name in LONG}),
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
        (lambda: plots.training_curve([]), "no steps"),
        (lambda: plots.learning_curve([1, 2], {"a": [(0, 0, 0)]}), "a has 1 scores"),
        (lambda: plots.learning_curve([], {"a": []}), "no scores"),
        (lambda: plots.learning_curve([1], {}), "no scores"),
        (lambda: plots.bars({}), "no scores"),
        (lambda: plots.differences({}), "no scores"),
        (lambda: plots.curves([0], {}, "layer"), "no scores"),
        (lambda: plots.curves([0, 1], {"a": [(0, 0, 0)]}, ""), "a has 1 scores for 2"),
        (lambda: plots.coloured_tokens([], {"a": []}), "no scores"),
        (lambda: plots.coloured_tokens(["a"], {"b": [1, 2]}), "b has 2 numbers for 1"),
        (lambda: plots.reliability_diagram({}), "no scores"),
        (lambda: plots.reliability_diagram({"a": []}), "no scores"),
        (lambda: plots.loss_against_tokens({}), "no losses"),
        (lambda: plots.loss_against_tokens({"a": ([], [])}), "no losses"),
        (
            lambda: plots.loss_against_tokens({"a": ([1, 2], [3])}),
            "a has 1 losses for 2",
        ),
        (lambda: plots.attention_heat_map([[1]], ["a", "b"]), r"shape \(1, 1\)"),
        (lambda: plots.attention_heat_map([], []), "do not fit 0 queries"),
        (lambda: plots.confusion_matrix([], [], ["a"]), "0 references"),
        (lambda: plots.confusion_matrix([0, 1], [0], ["a", "b"]), "2 references and 1"),
        (lambda: plots.confusion_matrix([-1], [0], ["a", "b"]), "class -1 has no name"),
        (lambda: plots.confusion_matrix([0], [2], ["a", "b"]), "class 2 has no name"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(call, says):
    with pytest.raises(LabError, match=says):
        call()

"""A number in a lesson's prose that no cell prints is found, and no other."""

import nbformat
import pytest
from running_notebooks import run
from told import unprinted

PRINTED = ["accuracy: 0.8731", "texts: 1,234", "x = 47.13", "<b>-0.1604</b>", "0.5 %"]


@pytest.mark.parametrize(
    "said",
    [
        "It is 0.873, of 1,234 tweets.",
        "It is right in 87 % of them.",
        "It fell by −0.16.",
        "In 0.5 % of the texts, or 47 in all.",
        "Two or 12 of lesson 08's words, in 90 minutes.",
        "`x[512]` and $d = 64$ are code; with `n = 30` there are 30.",
        "BERT read 3,300 M words (Devlin et al., 2019).",
        "## 1.25 is a title\n\nand no more.",
    ],
)
def test_what_was_printed_may_be_said(said):
    assert unprinted([said], PRINTED) == []


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ("It is 0.874.", "0.874"),
        ("Of 1,235 tweets.", "1,235"),
        ("In 86 % of them.", "86 %"),
        ("It fell by 0.17 in 2 steps.", "0.17"),
        ("Of 13 texts.", "13"),
        ("It has 22.7 M numbers.", "22.7 M"),
    ],
)
def test_what_was_not_is_found(said, missing):
    assert unprinted([said], PRINTED) == [missing]


@pytest.mark.slow
@pytest.mark.parametrize(("said", "code"), [("Of 640 texts.", 0), ("Of 641.", 1)])
def test_a_lesson_is_held_to_it_when_it_has_run(said, code, tmp_path):
    cells = [
        nbformat.v4.new_code_cell("print(64 * 10)", id="count"),
        nbformat.v4.new_markdown_cell(said, id="said"),
    ]
    ended, shown = run(nbformat.v4.new_notebook(cells=cells), tmp_path)
    assert ended == code, shown
    assert ("no cell prints what the prose says: 641" in shown) == bool(code)

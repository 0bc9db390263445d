"""Each lesson is broken while it runs; here: that a copy which nobody notices fails."""

from pathlib import Path

import nbformat
import pytest
from broken_copies import Break, breaks
from running_notebooks import run

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELLS = {
    "dice": "import random\nscale = 2\nrandom.seed(0)\nkept = {}",
    "draw": "drawn = random.random()\ndoubled = kept['it'] = drawn * scale",
    "claim": "assert doubled == 2 * drawn, 'it is not doubled'",
    "again": "assert 2 * drawn == doubled",
    "close": "from torch.testing import assert_close\nassert_close(doubled, 2 * drawn)",
    "end": "assert (scale, *kept.values()) == (2, 2 * 0.8444218515250481), 'put back'",
}


class TestEveryLesson:
    @pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
    def found(self, request) -> list[Break]:
        cells = nbformat.read(request.param, as_version=4).cells
        return breaks([cell for cell in cells if cell.cell_type == "code"])

    def test_it_says_how_at_least_four_of_its_claims_are_broken(self, found):
        assert len({one.claim for one in found}) >= 4

    def test_each_copy_has_a_name_and_a_claim(self, found):
        assert len({one.says for one in found}) == len(found)
        for one in found:
            assert "assert" in one.cells[-1][1].lower(), one.says


def lesson(*changes: tuple[str, str, str]) -> nbformat.NotebookNode:
    """The cells above; each change: the claim that must notice, what, and by what."""
    cells = [
        nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()
    ]
    for number, (claim, old, new) in enumerate(changes):
        said = {"says": f"change {number}", "old": old, "new": new}
        metadata = cells[[*CELLS].index(claim)].metadata
        metadata.setdefault("labkit", {}).setdefault("break", []).append(said)
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.slow
def test_copies_that_their_claims_notice_pass_and_leave_nothing(tmp_path):
    made = lesson(
        ("claim", "drawn * scale", "drawn * 3"),
        ("claim", "random.random()", "drawn_before"),
        ("end", "random.seed(0)", "random.seed(1)"),
        ("claim", "scale = 2", "scale = 3"),
    )
    made.cells[0].source += "\ndrawn_before = float('nan')"
    code, said = run(made, tmp_path)
    assert code == 0, said
    assert "13 passed" in said  # six cells, two remembered, four copies, the prose


@pytest.mark.slow
def test_copies_that_prove_nothing_fail(tmp_path):
    made = lesson(
        ("claim", "random.random()", "random.random() + 1"),
        ("again", "drawn * scale", "drawn * 3"),
        ("claim", "scale = 2", "scale = nothing"),
        ("again", "assert 2 *", "assert 3 *"),
        ("close", "assert_close(doubled, 2", "assert_close(doubled, 3"),
    )
    code, said = run(made, tmp_path)
    assert code == 1
    assert "5 failed, 11 passed" in said
    assert "claim does not object to drawn = random.random() + 1" in said
    assert "claim objects before again does" in said
    assert "again does not say what" in said
    assert "close does not say what" in said
    assert "NameError" in said


@pytest.mark.slow
def test_a_message_that_is_held_up_is_waited_for(tmp_path):
    made = lesson()
    made.cells[0].source += (
        "\nimport time"
        "\nkernel = get_ipython().kernel"
        "\nidle, kernel._publish_status_and_flush = kernel._publish_status_and_flush, "
        "lambda *said: [time.sleep(6), idle(*said)]"
    )
    made.cells[1].source += "\nkernel._publish_status_and_flush = idle"
    code, said = run(made, tmp_path)
    assert code == 0, said


@pytest.mark.parametrize(
    ("claim", "old", "why"),
    [
        ("claim", "drawn * scales", "is in the code 0 times, not once"),
        ("claim", "drawn", "is in the code 5 times, not once"),
        ("draw", "it is not doubled", "stands below draw, which shall notice"),
    ],
)
def test_what_to_change_stands_once_and_not_below_the_claim(claim, old, why):
    with pytest.raises(pytest.UsageError, match=why):
        breaks(lesson((claim, old, "")).cells)

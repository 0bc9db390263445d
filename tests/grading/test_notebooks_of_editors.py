"""An answered notebook keeps its marks, whatever it was edited in and left in."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
import vault
from nbformat.v4 import new_code_cell, new_markdown_cell

from labkit.exercises import find_checks
from labkit.grading import extract
from labkit.grading.extract import check_notebook, collect
from labkit.grading.marking import Graded, grade
from labkit.grading.problems import load

KEY, UNLOCK = (vault.HONEST.cells[index].source for index in (1, 3))
ANSWER = "It is what it is."
LEARNERS = """
from labkit.exercises import Case
CHECKS = {
    "key": [Case("no rotation", lambda key: key(0)[:3], "aho")],
    "unlock": [Case("no words", lambda unlock: unlock([], "a"), [])],
}
"""


def answered() -> dict[str, Any]:
    """The honest notebook among cells of others, as JupyterLab saves it."""
    notebook = copy.deepcopy(vault.HONEST)
    notebook.cells = [
        new_markdown_cell("# Vault", id="title"),
        *notebook.cells,
        new_code_cell("key(3)", id="scratch"),
        new_markdown_cell("My notes: `key` was hard.", id="notes"),
    ]
    notebook.metadata |= {"kernelspec": {"name": "python3", "display_name": "Python"}}
    return json.loads(nbformat.writes(notebook))


def each(change) -> dict[str, Any]:
    """The answered notebook, each cell of it changed."""
    notebook = answered()
    for number, cell in enumerate(notebook["cells"]):
        change(cell, number)
    return notebook


def older(minor: int) -> dict[str, Any]:
    """Before 4.5, cells had no ids."""
    notebook = each(lambda cell, _: cell.pop("id"))
    return notebook | {"nbformat": 4, "nbformat_minor": minor}


def vscode() -> dict[str, Any]:
    def change(cell, number):
        cell["metadata"]["vscode"] = {"languageId": "python"}
        cell["language"] = "python"
        del cell["id"]

    return each(change) | {"nbformat_minor": 2}


def vscode_split() -> dict[str, Any]:
    """VS Code gives a cell's second half neither id nor metadata."""
    notebook = vscode()
    at = next(n for n, c in enumerate(notebook["cells"]) if c["source"] == lines(KEY))
    first, rest = copy.deepcopy(notebook["cells"][at]), notebook["cells"][at]
    first["source"], rest["metadata"] = ["import math\n", "A = 97"], {}
    rest["source"] = lines(KEY.replace("97", "A"))
    notebook["cells"].insert(at, first)
    return notebook


def colab() -> dict[str, Any]:
    def change(cell, number):
        cell["metadata"] |= {"id": f"aB3dE{number}", "cellView": "form"}
        cell["metadata"]["outputId"] = "0a1b2c3d-1111-2222-3333-444455556666"
        del cell["id"]

    notebook = each(change)
    notebook["metadata"]["colab"] = {"provenance": [], "toc_visible": True}
    return notebook | {"nbformat_minor": 0}


def colab_without_metadata() -> dict[str, Any]:
    """Of the cell's own, only its id is left, where Colab keeps ids."""
    return each(lambda cell, _: cell.update(metadata={"id": cell.pop("id")}))


def jupyterlite() -> dict[str, Any]:
    notebook = older(4)
    notebook["metadata"]["kernelspec"] = {"name": "python", "display_name": "Pyodide"}
    for cell in notebook["cells"]:
        cell["metadata"] |= {"trusted": True, "editable": True}
    return notebook


def deepnote(keep_nbgraders: bool = True) -> dict[str, Any]:
    def change(cell, number):
        own = cell["metadata"] if keep_nbgraders else {}
        cell["metadata"] = own | {
            "cell_id": f"00000-{number}-deepnote",
            "deepnote_cell_type": cell["cell_type"],
            "source_hash": "b623e53d",
            "block_group": f"{number}",
            "execution_start": 1700000000000,
        }
        del cell["id"]

    notebook = each(change)
    notebook["metadata"] |= {"deepnote": {}, "deepnote_notebook_id": "1f"}
    return notebook


def version_3() -> dict[str, Any]:
    notebook = nbformat.reads(json.dumps(older(0)), as_version=4)
    return json.loads(nbformat.writes(nbformat.convert(notebook, 3), version=3))


def lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)


def with_crlf() -> dict[str, Any]:
    def change(cell, _):
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")

    return each(change)


def without_line_ends() -> dict[str, Any]:
    return each(lambda cell, _: cell.update(source="".join(cell["source"]).split("\n")))


def foreign(*cells: Any) -> dict[str, Any]:
    notebook = answered()
    for number, cell in enumerate(cells):
        notebook["cells"].insert(2 * number, cell)
    return notebook


EDITORS = {
    "JupyterLab": answered(),
    "VS Code": vscode(),
    "VS Code, a cell split": vscode_split(),
    "Colab": colab(),
    "Colab, metadata lost": colab_without_metadata(),
    "JupyterLite": jupyterlite(),
    "Deepnote": deepnote(),
    "nbformat 3": version_3(),
    **{f"nbformat 4.{minor}": older(minor) for minor in range(5)},
    "metadata lost, ids kept": each(lambda cell, _: cell.update(metadata={})),
    "CRLF": with_crlf(),
    "lines without ends": without_line_ends(),
    "foreign cells": foreign(
        {"cell_type": "markdown", "source": "no metadata"},
        {"cell_type": "code", "metadata": None, "source": None},
        {"cell_type": "code", "metadata": [], "source": [1, None, {"a": 2}]},
        {"metadata": {"nbgrader": [1]}, "source": 7, "id": {"a": 1}},
        {"metadata": {"nbgrader": {"grade_id": ["key"], "solution": True}}},
        {"metadata": {"none": float("nan")}},
        7,
        None,
        "cell",
        [],
    ),
}
ENCODED = {
    "UTF-8 with a mark": json.dumps(answered()).encode("utf-8-sig"),
    "UTF-16": json.dumps(answered(), ensure_ascii=False).encode("utf-16"),
    "a number too long for Python": json.dumps(foreign({"metadata": {"n": "N"}}))
    .replace('"N"', "7" * 5000)
    .encode(),
    "a stray byte": json.dumps(answered()).encode().replace(b"# Vault", b"# \xff"),
    "a raw control character": json.dumps(answered()).replace("\\n", "\n").encode(),
}
# These lose what says that a text answers a question: the autograded marks are kept.
NAMELESS = {
    "Deepnote, metadata lost": deepnote(keep_nbgraders=False),
    "ids and metadata lost": each(
        lambda cell, _: (cell.pop("id"), cell.update(metadata={}))
    ),
}
TOP = (
    "%%time",
    "%%timeit -n1 -r1",
    "%%capture out",
    "import pandas as pd",
    "from __future__ import annotations",
    "!pip install x",
    "%matplotlib inline",
    "1 / 0",
)
BELOW = (
    "key?",
    "display(key(1))",
    "name = input('your name: ')",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
    "assert key(0) == ''",
    "    raise NotImplementedError()",
    "get_ipython().run_line_magic('timeit', 'key(1)')",
    "exit()",
    "check('key')",
    "",
)
STRAY = {f"above: {line}": f"{line}\n{KEY}" for line in TOP}
STRAY |= {f"below: {line}": f"{KEY}\n{line}" for line in BELOW}


def with_key(source: str) -> dict[str, Any]:
    notebook = answered()
    for cell in notebook["cells"]:
        if cell["source"] == lines(KEY):
            cell["source"] = lines(source)
    return notebook


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return vault.build(tmp_path_factory.mktemp("vault"))


def hand_in(notebooks: dict[str, dict[str, Any] | bytes], root: Path) -> None:
    for number, content in enumerate(notebooks.values()):
        path = root / "submitted" / str(number) / "vault.ipynb"
        path.parent.mkdir(parents=True)
        is_bytes = isinstance(content, bytes)
        path.write_bytes(content if is_bytes else json.dumps(content).encode())


def run(notebooks, folder: Path, root: Path) -> dict[str, Graded]:
    hand_in(notebooks, root)
    graded = grade(collect([root / "submitted"]), root / "marks", [load(folder)])
    return {name: graded[n] for n, name in in_order(notebooks)}


def in_order(notebooks) -> list[tuple[int, str]]:
    """Where each stands among the graded, who are sorted by name."""
    numbers = sorted(range(len(notebooks)), key=str)
    return [(place, [*notebooks][number]) for place, number in enumerate(numbers)]


@pytest.fixture(scope="module")
def edited(folder, tmp_path_factory) -> dict[str, Graded]:
    root = tmp_path_factory.mktemp("edited")
    return run(EDITORS | ENCODED | NAMELESS, folder, root)


@pytest.fixture(scope="module")
def littered(folder, tmp_path_factory) -> dict[str, Graded]:
    root = tmp_path_factory.mktemp("littered")
    return run({name: with_key(text) for name, text in STRAY.items()}, folder, root)


@pytest.mark.wall
@pytest.mark.parametrize("name", EDITORS | ENCODED)
def test_every_editors_notebook_keeps_full_marks(edited, name):
    assert (edited[name].points, edited[name].fault) == (vault.POINTS, "")
    [text] = [mark.answer for mark in edited[name].marks if mark.points is None]
    assert text == ANSWER


@pytest.mark.wall
@pytest.mark.parametrize("name", NAMELESS)
def test_code_without_any_mark_is_known_by_what_it_defines(edited, name):
    assert (edited[name].points, edited[name].fault) == (vault.POINTS, "")


@pytest.mark.wall
@pytest.mark.parametrize("name", STRAY)
def test_a_stray_line_costs_nothing(littered, name):
    assert littered[name].points == vault.POINTS


@pytest.mark.parametrize("name", [*EDITORS, *ENCODED, *NAMELESS, *STRAY])
def test_a_learner_may_check_it_in_a_terminal(name, tmp_path, capsys):
    notebook = {**EDITORS, **ENCODED, **NAMELESS}.get(name) or with_key(STRAY[name])
    is_bytes = isinstance(notebook, bytes)
    path = tmp_path / "vault.ipynb"
    path.write_bytes(notebook if is_bytes else json.dumps(notebook).encode())
    (tmp_path / "checks.py").write_text(LEARNERS)
    assert [feedback.message for feedback in check_notebook(path)] == ["", ""]


class TestGivenCells:
    """What answers rest on is run first, as `labkit grade` runs it."""

    @pytest.mark.parametrize("lost", ["nothing", "ids", "metadata", "both"])
    def test_they_are_found_by_metadata_id_or_by_what_they_are(self, tmp_path, lost):
        metadata = {"nbgrader": {"grade_id": "given-imports", "locked": True}}
        given = {"cell_type": "code", "metadata": metadata, "id": "given-imports"}
        given["source"] = "# what you need\nimport math\nfrom os import (\n    path\n)"
        answer = {"cell_type": "code", "metadata": vault.said("answer", "key")}
        answer["source"] = "D = math.pi\ndef key(rotation): return 'aho' * int(D > 3)"
        other = {"cell_type": "code", "source": "raise SystemExit", "metadata": {}}
        if lost in ("ids", "both"):
            given["id"] = "cell-0"
        if lost in ("metadata", "both"):
            given["metadata"] = {}
        path = tmp_path / "vault.ipynb"
        path.write_text(json.dumps({"cells": [other, given, answer, other]}))
        (tmp_path / "checks.py").write_text(LEARNERS)
        key, unlock = check_notebook(path)
        assert key.message == ""
        assert "Nothing named unlock" in unlock.message


@pytest.mark.parametrize("name", ["attention", "evaluation", "finetuning"])
def test_a_released_set_is_recognised_without_any_metadata(name, tmp_path):
    root = Path(__file__).parents[2]
    notebook = json.loads((root / "exercises" / name / f"{name}.ipynb").read_text())
    sets = [load(path.parent) for path in sorted(root.glob("solutions/*/judging.py"))]
    for lost in ("nothing", "ids", "metadata", "both"):
        cells = copy.deepcopy(notebook["cells"])
        for cell in cells:
            if lost in ("ids", "both"):
                del cell["id"]
            if lost in ("metadata", "both"):
                cell["metadata"] = {}
        found = extract.parse(json.dumps({"cells": cells}).encode())
        assert extract.recognise(Path("x.ipynb"), found, sets).name == name


def test_the_real_notebook_passes_the_learners_check_without_metadata(tmp_path):
    solved = Path(__file__).parents[2] / "solutions" / "attention"
    notebook = json.loads((solved / "attention.ipynb").read_text())
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    (tmp_path / "attention.ipynb").write_text(json.dumps(notebook))
    shutil.copy(find_checks(solved), tmp_path)
    assert not any(f.message for f in check_notebook(tmp_path / "attention.ipynb"))

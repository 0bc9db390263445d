"""Releasing is reproducible and leaks nothing; nbgrader's own tools keep working."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import vault
from nbgrader.validator import Validator

from labkit.errors import LabError
from labkit.exercises import find_checks
from labkit.grading import find
from labkit.grading.problems import load
from labkit.grading.release import release, render

ROOT = Path(__file__).parents[2]
ATTENTION = ROOT / "solutions" / "attention"


@pytest.fixture
def folder(tmp_path) -> Path:
    return vault.build(tmp_path)


def test_it_is_the_same_each_time_and_in_any_process(folder, tmp_path):
    release(load(folder), tmp_path / "one")
    program = (
        "from pathlib import Path\n"
        "from labkit.grading.problems import load\n"
        "from labkit.grading.release import release\n"
        f"release(load(Path({str(folder)!r})), Path({str(tmp_path / 'two')!r}))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    [one], [two] = ([*(tmp_path / run / "vault").iterdir()] for run in ("one", "two"))
    assert one.name == "vault.ipynb"
    assert one.read_bytes() == two.read_bytes()


def test_answers_become_stubs_and_our_words_are_gone(folder):
    text = render(load(folder))
    cells = nbformat.reads(text, as_version=4).cells
    assert cells[1].source.endswith("# YOUR CODE HERE\n    raise NotImplementedError()")
    assert cells[5].source == "YOUR ANSWER HERE"
    assert vault.CANARY not in text
    assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.parametrize(
    "line",
    [
        '{0} = [word[::-1] + "token9c41" + key[len(word)] for word in words]',
        "Because of the {0}.",
        '# and  return   "".join( {0} )  with other spaces',
        'return "".join(chr(97 + (rotation + 7 * i) % 26) for i in range(26))',
        "### BEGIN SOLUTION",
    ],
)
def test_a_line_of_a_solution_or_of_the_judging_stops_it(folder, tmp_path, line):
    with find_checks(folder).open("a") as file:
        file.write(f'\n"""\n{line.format(vault.CANARY)}\n"""\n')
    with pytest.raises(LabError, match="give this line away"):
        release(load(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists(), "nothing is written"


def test_a_solution_left_in_a_cell_that_is_no_answer_stops_it(folder, tmp_path):
    path = folder / "vault.ipynb"
    notebook = nbformat.read(path, as_version=4)
    text = f"A demonstration.\n\n    {vault.UNLOCK.splitlines()[3].strip()}"
    notebook.cells.append(nbformat.v4.new_markdown_cell(text, id="demo"))
    nbformat.write(notebook, path)
    with pytest.raises(LabError, match="give this line away"):
        render(load(folder))


def test_what_nbgrader_refuses_is_a_sentence(folder):
    path = folder / "vault.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.from_dict(notebook.cells[1] | {"id": "again"}))
    nbformat.write(notebook, path)
    with pytest.raises(LabError, match="nbgrader refuses vault"):
        render(load(folder))


@pytest.mark.slow
class TestNbgraderItself:
    """Its validate runs the check cells; its assignment generator takes the source."""

    def validate(self, notebook: Path) -> dict:
        return Validator().validate(str(notebook))

    def test_it_validates_the_source(self):
        assert "failed" not in self.validate(ATTENTION / "attention.ipynb")

    def test_it_fails_the_stubs_that_learners_receive(self):
        released = ROOT / "exercises" / "attention" / "attention.ipynb"
        found = self.validate(released)
        asked = json.loads(released.read_text())["cells"]
        checks = [cell for cell in asked if "check(" in "".join(cell["source"])]
        assert len(found["failed"]) >= len(checks) - 1  # one imports `check`
        assert any("still a stub" in failure["error"] for failure in found["failed"])

    def test_its_generator_makes_of_the_source_what_we_release(self, tmp_path):
        course = tmp_path / "course"
        shutil.copytree(ATTENTION, course / "source" / "attention")
        for secret in ("judging.py", "mutants.py", "alternatives.py"):
            (course / "source" / "attention" / secret).unlink()
        shutil.rmtree(course / "source" / "attention" / "__pycache__", True)
        command = [sys.executable, "-m", "nbgrader", "generate_assignment", "attention"]
        bin = Path(sys.executable).parent  # where it looks for alembic
        run = subprocess.run(
            [*command, "--IncludeHeaderFooter.header="],
            cwd=course,
            env=os.environ | {"PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        made = course / "release" / "attention" / "attention.ipynb"
        theirs = nbformat.read(made, as_version=4).cells
        ours = nbformat.reads(
            render(find(["attention"], ROOT / "solutions")[0]),
            as_version=4,
        ).cells
        assert theirs == ours

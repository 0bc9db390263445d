"""What every lesson must be; that each runs, nbval shows by running it."""

import ast
import json
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import requests
from running_lab import running_lab
from running_notebooks import run

from labkit.data import CORPORA

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CATALOG = tomllib.loads((ROOT / "labkit" / "data" / "catalog.toml").read_text())


def sources(lesson: nbformat.NotebookNode, kind: str) -> list[str]:
    return [cell.source for cell in lesson.cells if cell.cell_type == kind]


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


class TestEveryLesson:
    def test_it_is_valid_and_its_cells_have_lasting_names(self, lesson):
        nbformat.validate(lesson)
        names = [cell.id for cell in lesson.cells]
        assert len(set(names)) == len(names)
        random = [name for name in names if re.fullmatch(r"[0-9a-f-]{8,}", name)]
        assert not random, "give cells an id that says what they do"

    def test_it_holds_neither_outputs_nor_what_jupyterlab_adds(self, lesson):
        assert {*lesson.metadata} == {"kernelspec", "labkit"}
        assert lesson.metadata.kernelspec.name == "python3"
        for cell in lesson.cells:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None

    def test_it_says_what_it_takes_and_the_course_has_that(self, lesson):
        said = lesson.metadata.labkit
        assert {*said} == {"title", "minutes", "roles", "corpora"}
        long = "decoder" in said.roles or said.title.startswith("Appendix")
        assert 0 < said.minutes.quick <= (4 if long else 2.5)
        assert {*said.roles} <= {*CATALOG["hub"]["model"]}
        assert {*said.corpora} <= {*CORPORA}

    def test_its_cells_are_short(self, lesson):
        lines = [
            sum(bool(line.strip()) for line in source.splitlines())
            for source in sources(lesson, "code")
        ]
        assert max(lines) <= 20
        assert statistics.median(lines) <= 6

    def test_each_of_its_claims_says_what_it_means_when_it_fails(self, lesson):
        trees = [ast.parse(source) for source in sources(lesson, "code")]
        claims = [n for tree in trees for n in ast.walk(tree) if type(n) is ast.Assert]
        assert claims
        assert not [ast.unparse(claim) for claim in claims if claim.msg is None]

    def test_its_prose_is_of_a_length_to_read(self, lesson):
        words = len(" ".join(sources(lesson, "markdown")).split())
        assert 900 <= words <= 3_000

    def test_it_predicts_and_proves(self, lesson):
        assert sum("**Predict" in text for text in sources(lesson, "markdown")) >= 3
        assert sum("assert" in code for code in sources(lesson, "code")) >= 3

    def test_each_prediction_is_answered_below_it(self, lesson):
        asked, answered = {}, {}
        for number, cell in enumerate(lesson.cells):
            marks = cell.metadata.get("labkit", {})
            assert ("**Predict." in cell.source) == ("predict" in marks), cell.id
            if "predict" in marks:
                assert asked.setdefault(marks["predict"], number) == number, cell.id
            names = marks.get("answer", [])
            for name in [names] if isinstance(names, str) else names:
                answered[name] = number
        assert {*answered} == {*asked}
        early = [name for name, number in asked.items() if answered[name] <= number]
        assert not early, "an answer stands below its prediction"

    def test_it_ends_with_three_lines_to_remember(self, lesson):
        titled = [text for text in sources(lesson, "markdown") if "Remember" in text]
        lines = re.findall(
            r"^(?:[-*]|\d\.) ", titled[-1] if titled else "", re.MULTILINE
        )
        assert len(lines) == 3

    def test_it_installs_nothing_and_names_no_machine(self, lesson):
        for code in sources(lesson, "code"):
            assert not re.search(r"^\s*[!%]|/home/|/root/|/Users/", code, re.MULTILINE)


def test_only_the_appendix_needs_tensorflow_which_make_lab_does_not_install():
    asks = re.compile(r"^\s*(?:import|from) (?:tensorflow|keras|h5py)\b", re.MULTILINE)
    code = {path.name: path.read_text() for path in (ROOT / "labkit").rglob("*.py")}
    for path in LESSONS:
        code[path.name] = "\n".join(sources(nbformat.read(path, 4), "code"))
    found = {name for name, text in code.items() if asks.search(text)}
    assert found == {"appendix_tensorflow.ipynb"}


class TestBudget:
    def run(
        self,
        code: str,
        minutes: float,
        folder: Path,
        roles: tuple[str, ...] = (),
        options: tuple[str, ...] = (),
    ) -> tuple[int, str]:
        cell = nbformat.v4.new_code_cell(code)
        labkit = {"minutes": {"quick": minutes}, "roles": roles}
        lesson = nbformat.v4.new_notebook(cells=[cell], metadata={"labkit": labkit})
        return run(lesson, folder, *options)

    def test_a_lesson_within_it_passes(self, tmp_path):
        ended, said = self.run("1 + 1", 2, tmp_path)
        assert ended == 0, said
        assert "GiB at most" in said

    @pytest.mark.parametrize(("size", "ended"), [(9 * 2**29, 0), (6_100_000_000, 1)])
    def test_one_with_the_decoder_may_take_6_gb(self, size, ended, tmp_path):
        code = f"block = bytearray(b'1') * {size}"
        assert self.run(code, 2, tmp_path, roles=("decoder",))[0] == ended

    @pytest.mark.parametrize("options", [(), ("--numprocesses", "1")], ids=len)
    @pytest.mark.parametrize(
        ("code", "minutes", "why"),
        [
            ("1 + 1", 0, "OVER BUDGET"),
            ("block = bytearray(b'1') * (9 * 2**29)", 2, "GiB of memory"),
            (
                "import urllib.request as u; u.urlopen('http://192.0.2.1', timeout=5)",
                2,
                "the tests refuse the network: 192.0.2.1",
            ),
        ],
    )
    def test_one_over_its_minutes_or_memory_or_that_asks_the_network_fails(
        self, code, minutes, why, options, tmp_path
    ):
        ended, said = self.run(code, minutes, tmp_path, options=options)
        assert ended == 1, said
        assert why in said


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('192.0.2.1', 80), timeout=5)",
        "socket.getaddrinfo('example.org', 80)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))",
    ],
)
def test_the_network_is_refused_in_every_process_of_the_tests(attempt):
    program = f"import socket; {attempt}"
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "the tests refuse the network" in run.stderr


@pytest.mark.slow
def test_jupyterlab_as_make_starts_it_opens_lesson_00(tmp_path):
    with running_lab(tmp_path) as address:
        page = requests.get(address(""), timeout=60).text
    config = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert json.loads(config[1])["treePath"] == "notebooks/00_start_here.ipynb"

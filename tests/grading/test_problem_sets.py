"""Every problem set: its marks are right, its checks teach, and its release is current.

The last test prints, for each exercise, how many wrong answers the judge rejects and
how many the learner's check names.
"""

import ast
import linecache
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import nbformat
import pytest
import torch

from labkit.errors import LabError
from labkit.exercises import examine, find_checks
from labkit.grading import ByHand, Exercise, find
from labkit.grading.judge import Trial
from labkit.grading.problems import grade_id, load
from labkit.grading.release import render
from labkit.grading.sandbox import shared

ROOT = Path(__file__).parents[2]
SETS = {found.name: found for found in find(root=ROOT / "solutions")}
ASKED = {
    f"{name}-{exercise.id}": (found, exercise)
    for name, found in SETS.items()
    for exercise in found.exercises
    if isinstance(exercise, Exercise)
}
CONSTANTS = ("None", "True", "False", "0", "1", "0.0", "''", "[]", "{}")
LINE = r"^\*Difficulty ([1-5])/5 · (\d+) minutes · ([\d.]+) points?\*$"
KILLS: dict[str, Counter] = {}
ROUNDS = int(os.environ.get("LABKIT_SOAK", 1))  # other inputs each time
torch.set_num_threads(1)


@pytest.fixture(params=SETS.values(), ids=SETS)
def problem_set(request):
    return request.param


@pytest.fixture(params=ASKED.values(), ids=ASKED)
def asked(request):
    return request.param


def lost(problem_set, exercise, answer: str) -> list[str]:
    """What the judge finds wrong, check by check."""
    found = Trial(problem_set, exercise, answer, shared()).findings()
    return [f"{finding.check}: {finding.reason}" for finding in found if finding.reason]


def learn(problem_set, exercise, answer: str):
    """What the learner's check says, in a notebook where the rest is right."""
    namespace = {"__name__": "__main__"}
    earlier = [problem_set.solution(name) for name in exercise.needs]
    for number, source in enumerate([*problem_set.given, *earlier, answer]):
        cell = f"<cell {number}>"
        linecache.cache[cell] = len(source), None, source.splitlines(True), cell
        exec(compile(source, cell, "exec"), namespace)
    return examine(problem_set.folder, exercise.id, namespace)


class TestTheNotebook:
    def test_it_has_an_answer_and_a_check_for_each_exercise_in_the_same_order(
        self, problem_set
    ):
        wanted = [exercise.id for exercise in problem_set.exercises]
        answers = [grade_id(cell) for cell in problem_set.notebook.cells]
        assert [answer for answer in answers if answer] == wanted
        checked = re.findall(r'^check\("(\w+)"\)$', sources(problem_set), re.MULTILINE)
        assert checked == [
            exercise.id
            for exercise in problem_set.exercises
            if isinstance(exercise, Exercise)
        ]

    def test_each_statement_says_difficulty_minutes_and_the_judges_points(
        self, problem_set
    ):
        said = re.findall(LINE, sources(problem_set), re.MULTILINE)
        judged = [exercise.points for exercise in problem_set.exercises]
        assert [float(points) for _, _, points in said] == judged
        minutes = sum(int(minutes) for _, minutes, _ in said)
        assert minutes <= 180
        graded = [
            cell.metadata.nbgrader.points
            for cell in problem_set.notebook.cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        ]
        assert graded == judged

    def test_each_exercise_has_a_ladder_of_hints(self, problem_set):
        cells = problem_set.notebook.cells
        for exercise in problem_set.exercises:
            if isinstance(exercise, Exercise):
                at = [grade_id(cell) for cell in cells].index(exercise.id)
                assert cells[at - 1].source.count("<details>") >= 2, exercise.id

    def test_it_is_valid_and_its_cells_have_lasting_names(self, problem_set):
        nbformat.validate(problem_set.notebook)
        names = [cell.id for cell in problem_set.notebook.cells]
        assert not [name for name in names if re.fullmatch(r"[0-9a-f]{8,}", name)]
        assert {*problem_set.notebook.metadata} == {"kernelspec"}


def sources(problem_set) -> str:
    return "\n".join(cell.source for cell in problem_set.notebook.cells)


@pytest.mark.wall
class TestTheJudge:
    def test_our_solution_gets_full_marks(self, asked):
        problem_set, exercise = asked
        for _ in range(2 + ROUNDS):
            assert not lost(*asked, problem_set.solution(exercise.id))

    def test_the_blank_stub_gets_nothing(self, asked):
        problem_set, exercise = asked
        released = nbformat.reads(render(problem_set), as_version=4)
        [stub] = [c.source for c in released.cells if grade_id(c) == exercise.id]
        assert len(lost(*asked, stub)) == len(exercise.checks)
        assert len(lost(*asked, "")) == len(exercise.checks)

    def test_every_wrong_answer_loses_points(self, asked):
        problem_set, exercise = asked
        mutants = problem_set.mutants[exercise.id]
        assert len(mutants) >= 8
        solution = problem_set.solution(exercise.id)
        accepted = []
        kills = Counter(wrong=len(mutants))
        for mutant in mutants:
            answer = mutant.source(solution)
            ast.parse(answer)
            words = " ".join(mutant.misconception.split())
            if all(lost(*asked, answer) for _ in range(ROUNDS)):
                kills["rejected"] += 1
            else:
                accepted.append(words)
            said = learn(*asked, answer).message
            kills["named"] += words in " ".join(said.split())
        KILLS[f"{problem_set.name}: {exercise.id}"] = kills
        assert accepted == []

    def test_every_other_right_answer_gets_full_marks(self, asked):
        problem_set, exercise = asked
        alternatives = problem_set.alternatives[exercise.id]
        assert len(alternatives) >= 3
        for how, answer in alternatives.items():
            for _ in range(ROUNDS):
                assert not lost(*asked, answer), how
            assert not learn(*asked, answer).message, how

    def test_an_answer_that_knows_nothing_earns_nothing(self, asked):
        _, exercise = asked
        for constant in CONSTANTS:
            always = f"def {exercise.id}(*inputs, **options): return {constant}"
            assert len(lost(*asked, always)) == len(exercise.checks), always
        first = (
            f"def {exercise.id}(*inputs, **options):\n"
            "    return next(iter((*inputs, *options.values())))"
        )
        assert len(lost(*asked, first)) == len(exercise.checks), first


class TestTheLearnersCheck:
    def test_our_solution_passes(self, asked):
        problem_set, exercise = asked
        found = learn(*asked, problem_set.solution(exercise.id))
        assert not found.message
        assert found.of >= 2

    def test_a_stub_is_told_from_a_mistake(self, asked):
        _, exercise = asked
        stub = f"def {exercise.id}(*inputs, **options): raise NotImplementedError()"
        assert "still a stub" in learn(*asked, stub).message

    def test_it_runs_nothing_of_the_grader(self, problem_set):
        imports = r"^\s*(?:from|import) (labkit[.\w]*)"
        imported = re.findall(imports, problem_set.checks, re.MULTILINE)
        assert {*imported} <= {"labkit.exercises", "labkit.plots"}


def test_what_learners_receive_is_what_the_sources_give(problem_set):
    name = problem_set.name
    path = ROOT / "exercises" / name / f"{name}.ipynb"
    text = path.read_text(encoding="utf-8")
    assert text == render(problem_set), "run `labkit release`, and commit exercises/"
    assert {other.name for other in path.parent.glob("[!._]*")} == {
        path.name,
        "checks.py",
    }


def test_no_released_file_holds_what_only_the_grader_knows(problem_set):
    for text in (render(problem_set), problem_set.checks):
        assert "BEGIN SOLUTION" not in text
        for exercise in problem_set.exercises:
            if isinstance(exercise, ByHand):
                assert exercise.rubric not in text


def test_a_set_that_would_leak_is_not_released(problem_set, tmp_path):
    for kind in ("solutions", "exercises"):
        of = Path(kind) / problem_set.name
        shutil.copytree(ROOT / of, tmp_path / of)
    copy = tmp_path / "solutions" / problem_set.name
    [first, *_] = problem_set.exercises
    region = problem_set.solution(first.id).partition("BEGIN SOLUTION")[2]
    longest = max(region.splitlines(), key=len).strip()
    with find_checks(copy).open("a") as file:
        file.write(f"\nleaked = {longest!r}\n")
    with pytest.raises(LabError, match="away"):
        render(load(copy))


def test_at_least_80_percent_of_the_wrong_answers_are_named(record_property):
    """Runs last: the table of kills."""
    if not KILLS:
        pytest.skip("no wrong answer was tried in this run")
    table = [f"{'exercise':<42}{'wrong answers':>14}{'rejected':>10}{'named':>7}"]
    for name, count in KILLS.items():
        row = f"{count['wrong']:>14}{count['rejected']:>10}{count['named']:>7}"
        table.append(f"{name:<42}{row}")
    record_property("printed", "\n".join(table))
    by_set: dict[str, Counter] = {}
    for name, count in KILLS.items():
        by_set.setdefault(name.partition(":")[0], Counter()).update(count)
    for name, count in by_set.items():
        assert count["named"] >= 0.8 * count["wrong"], name

"""A class graded: marks in part and by hand, files, and going on after a kill."""

import csv
import io
import json
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path

import nbformat
import pytest
import vault

from labkit.errors import LabError
from labkit.grading import extract, marking, reports
from labkit.grading.extract import collect
from labkit.grading.judge import judge
from labkit.grading.marking import grade
from labkit.grading.problems import load

KEY, UNLOCK = (vault.HONEST.cells[index].source for index in (1, 3))
WORDS = "def unlock(words, key):\n    return [w[::-1] for w in words]"


@pytest.fixture
def folder(tmp_path) -> Path:
    return vault.build(tmp_path)


@pytest.fixture
def hand_in(tmp_path):
    def write(student: str, key: str = KEY, unlock: str = UNLOCK, explain: str = ""):
        path = tmp_path / "submitted" / student / "vault.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(vault.notebook(key, unlock, explain), path)
        return path

    return write


@pytest.fixture
def run(folder, tmp_path):
    def grade_all(executor: Executor | None = None, out: str = "marks"):
        where = tmp_path / out
        sets = [load(folder)]
        found = grade(collect([tmp_path / "submitted"]), where, sets, executor)
        reports.write(found, sets, where)
        return {one.student: one for one in found}

    return grade_all


def rows(path: Path) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(path.read_text()))]


class TestMarks:
    def test_each_check_has_its_own_points(self, folder):
        [key, unlock, explain] = judge(folder, {"key": KEY, "unlock": WORDS})
        assert (key.points, unlock.points, explain.points) == (1, 0, 0)
        assert [f.reason for f in unlock.findings] == ["its result is another"] * 2

    def test_a_wrong_exercise_does_not_cost_the_one_that_needs_it(self, folder):
        needing = "def unlock(words, k): return [globals()['key'](0)] and " + (
            f"['{vault.TOKEN}'.join((w[::-1], k[len(w)])) for w in words]"
        )
        for wrong in ("def key(rotation): return ''", "import os; os._exit(0)", "("):
            [key, unlock, _] = judge(folder, {"key": wrong, "unlock": needing})
            assert (key.points, unlock.points) == (0, 4)

    def test_the_stub_and_no_answer_are_told_apart(self, folder):
        stub = (
            "def key(rotation):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
        )
        [key, unlock, _] = judge(folder, {"key": stub})
        assert key.findings[0].reason == "it is the stub"
        assert unlock.findings[0].reason == "there is no answer"

    def test_an_answer_may_print_and_be_split_over_cells(self, hand_in, run):
        path = hand_in("ann", unlock="print('hello')\nX = 1")
        notebook = nbformat.read(path, as_version=4)
        rest = nbformat.from_dict(notebook.cells[3])
        rest.update(id="second", source=UNLOCK)
        notebook.cells.insert(4, rest)
        nbformat.write(notebook, path)
        assert run()["ann"].points == vault.POINTS


class TestHandMarks:
    def test_they_are_entered_in_the_list_and_merged(self, hand_in, run, tmp_path):
        hand_in("ann", explain="Because.")
        hand_in("bob", explain="YOUR ANSWER HERE")
        found = run()
        assert (found["ann"].waiting, found["bob"].waiting) == (1, 0)
        manual = tmp_path / "marks" / "manual.csv"
        [row] = rows(manual)
        assert (row["student"], row["answer"]) == ("ann", "Because.")
        enter(manual, ann=("2.5", "Say <why>."))
        found = run()
        assert found["ann"].points == vault.POINTS + 2.5
        assert found["ann"].waiting == 0
        page = tmp_path / "marks" / "feedback" / f"{reports.page_name(found['ann'])}"
        assert "Say &lt;why&gt;." in page.with_suffix(".html").read_text()

    def test_a_new_answer_is_marked_anew(self, hand_in, run, tmp_path):
        hand_in("ann", explain="Because.")
        run()
        enter(tmp_path / "marks" / "manual.csv", ann=("3", ""))
        hand_in("ann", explain="Because of the variance.")
        assert run()["ann"].waiting == 1

    @pytest.mark.parametrize("points", ["4", "-1", "nan", "all of them"])
    def test_a_mark_that_is_none_is_refused(self, hand_in, run, tmp_path, points):
        hand_in("ann", explain="Because.")
        run()
        enter(tmp_path / "marks" / "manual.csv", ann=(points, ""))
        with pytest.raises(LabError, match="0 to 3"):
            run()

    def test_marks_of_students_not_in_this_run_are_kept(self, hand_in, run, tmp_path):
        hand_in("ann", explain="Because.")
        run()
        enter(tmp_path / "marks" / "manual.csv", ann=("3", ""))
        (tmp_path / "submitted" / "ann").rename(tmp_path / "elsewhere")
        hand_in("bob", explain="Why not?")
        run()
        kept = {row["student"] for row in rows(tmp_path / "marks" / "manual.csv")}
        assert kept == {"ann", "bob"}


def enter(manual: Path, **marks: tuple[str, str]) -> None:
    changed = [
        row | dict(zip(("points", "comment"), marks[row["student"]], strict=True))
        for row in rows(manual)
    ]
    with manual.open("w", newline="") as file:
        writer = csv.DictWriter(file, marking.MANUAL)
        writer.writeheader()
        writer.writerows(changed)


class TestFiles:
    def test_a_row_a_student_and_a_column_an_exercise(self, hand_in, run, tmp_path):
        hand_in("ann", explain="Because.")
        hand_in("bob", unlock=WORDS)
        run()
        ann, bob = rows(tmp_path / "marks" / "grades.csv")
        assert (ann["student"], ann["points"], ann["of"]) == ("ann", "5", "8")
        assert (bob["vault/key"], bob["vault/unlock"]) == ("1", "0")
        assert ann["vault/explain"] == ""

    def test_gradescope_gets_a_test_a_check(self, hand_in, run, tmp_path):
        hand_in("ann", unlock=WORDS)
        found = run()
        folder = reports.export([*found.values()], "gradescope", tmp_path)
        [result] = folder.rglob("results.json")
        said = json.loads(result.read_text())
        assert said["score"] == sum(test["score"] for test in said["tests"]) == 1
        assert sum(test["max_score"] for test in said["tests"]) == 8

    def test_nbgraders_csv_has_the_columns_of_its_own_export(
        self, hand_in, run, tmp_path
    ):
        from nbgrader.plugins.export import CsvExportPlugin

        hand_in("ann")
        path = reports.export([*run().values()], "nbgrader", tmp_path)
        [row] = rows(path)
        source = Path(sys.modules[CsvExportPlugin.__module__].__file__).read_text()
        assert all(f'"{column}"' in source for column in row)
        assert (row["student_id"], row["score"]) == ("ann", "5")


class TestGoingOn:
    def test_after_a_kill_only_what_is_left_is_judged(
        self, hand_in, run, folder, tmp_path, monkeypatch
    ):
        sleeper = "import time\ndef key(rotation): time.sleep(5)"
        for number in range(3):
            hand_in(f"early{number}", unlock=f"{UNLOCK}  # {number}")
        hand_in("late", key=sleeper)
        program = (
            "from pathlib import Path\n"
            "from concurrent.futures import ThreadPoolExecutor\n"
            "from labkit.grading.extract import collect\n"
            "from labkit.grading.marking import grade\n"
            "from labkit.grading.problems import load\n"
            f"found = collect([Path({str(tmp_path / 'submitted')!r})])\n"
            "with ThreadPoolExecutor(1) as one:\n"
            f"    grade(found, Path({str(tmp_path / 'marks')!r}),\n"
            f"          [load(Path({str(folder)!r}))], one,\n"
            "          progress=lambda done, _: print(done, flush=True))\n"
        )
        killed = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        )
        for line in killed.stdout:
            if line == "3\n":
                killed.send_signal(signal.SIGKILL)
                break
        killed.communicate()
        judged: list = []

        def judge_and_tell(*arguments):
            judged.append(arguments)
            return judge(*arguments)

        monkeypatch.setattr(marking, "judge", judge_and_tell)
        found = run()
        assert len(judged) == 1
        assert [one.points for one in found.values()] == [5, 5, 5, 4]

    def test_equal_submissions_are_judged_once(self, hand_in, run, tmp_path):
        for name in ("ann", "bob", "eve"):
            hand_in(name)
        assert {one.points for one in run().values()} == {vault.POINTS}
        assert len([*(tmp_path / "marks" / ".judged").glob("*.json")]) == 1

    def test_a_change_of_the_judging_is_judged_anew(self, hand_in, folder, tmp_path):
        hand_in("ann")
        submitted, out = collect([tmp_path / "submitted"]), tmp_path / "marks"
        grade(submitted, out, [load(folder)])
        other = tmp_path / "other" / "vault"
        other.parent.mkdir()
        folder.rename(other)
        judging = (other / "judging.py").read_text()
        (other / "judging.py").write_text(judging.replace('"all words", 2', '"all", 7'))
        [one] = grade(submitted, out, [load(other)])
        assert one.points == vault.POINTS + 5


class TestExecutors:
    def test_processes_give_the_same_marks_as_threads(self, hand_in, run):
        for number in range(3):
            hand_in(f"s{number}", unlock=[UNLOCK, WORDS, "("][number])
        with ProcessPoolExecutor(2) as pool:
            apart = run(pool, out="one")
        assert [one.points for one in apart.values()] == [5, 1, 1]
        assert [one.marks for one in run(out="two").values()] == [
            one.marks for one in apart.values()
        ]

    def test_a_failure_of_the_grader_costs_only_that_submission(self, hand_in, run):
        class Flaky(Executor):
            def submit(self, function, folder, answers, *rest):
                future: Future = Future()
                if answers["unlock"] == "(":
                    future.set_exception(OSError("the cluster lost a node"))
                else:
                    future.set_result(function(folder, answers, *rest))
                return future

        hand_in("ann")
        hand_in("bob", unlock="(")
        found = run(Flaky())
        assert found["ann"].points == vault.POINTS
        assert found["bob"].fault == "the grader failed on it: OSError"
        assert run()["bob"].points == 1, "it is tried again"


class TestCollecting:
    def test_students_are_named_by_folder_or_file(self, hand_in, tmp_path):
        hand_in("ann")
        hand_in("bob/vault")  # as nbgrader's submitted/STUDENT/ASSIGNMENT
        flat = tmp_path / "submitted" / "cy.ipynb"
        nbformat.write(vault.HONEST, flat)
        found = {one.student for one in collect([tmp_path / "submitted"])}
        assert found == {"ann", "bob", "cy"}

    def test_checkpoints_are_not_submissions(self, hand_in, tmp_path):
        hand_in("ann/.ipynb_checkpoints")
        hand_in("ann")
        assert len(collect([tmp_path / "submitted"])) == 1

    def test_the_set_is_told_by_name_else_by_answers(self, folder, hand_in, tmp_path):
        sets = [load(folder), *marking_sets()]
        path = hand_in("ann")
        other = path.rename(path.with_name("final_version(2).ipynb"))
        [one] = collect([other])
        given = extract.answers(extract.read(one.path))
        assert extract.recognise(one, given, sets) is sets[0]
        [stray] = collect([nothing(tmp_path)])
        assert extract.recognise(stray, {}, sets) is None

    def test_a_path_that_is_not_there_is_said(self, tmp_path):
        with pytest.raises(LabError, match="there is no"):
            collect([tmp_path / "nowhere"])
        with pytest.raises(LabError, match="no notebooks"):
            collect([tmp_path])


def marking_sets():
    from labkit.grading import find

    return find(root=Path(__file__).parents[2] / "solutions")


def nothing(tmp_path: Path) -> Path:
    path = tmp_path / "empty.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    return path

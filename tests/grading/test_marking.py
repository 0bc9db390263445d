"""A class graded: marks in part and by hand, files, and going on after a kill."""

import contextlib
import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import vault

from labkit.errors import LabError
from labkit.grading import extract, marking, reports
from labkit.grading.extract import collect, survey
from labkit.grading.judge import WRONG, Mark, judge
from labkit.grading.marking import grade
from labkit.grading.problems import load

pytestmark = pytest.mark.wall

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
        assert [f.reason for f in unlock.findings] == [WRONG] * 2

    def test_a_wrong_exercise_does_not_cost_the_one_that_needs_it(self, folder):
        needing = "def unlock(words, k): return [globals()['key'](0)] and " + (
            f"['{vault.TOKEN}'.join((w[::-1], k[len(w)])) for w in words]"
        )
        for wrong in ("def key(rotation): return ''", "import os; os._exit(0)", "("):
            [key, unlock, _] = judge(folder, {"key": wrong, "unlock": needing})
            assert (key.points, unlock.points) == (0, 4)

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize("copied", ["stub", "stub, spaced", "broken", "same"])
    def test_a_copy_of_an_answers_cell_costs_nothing(
        self, hand_in, run, folder, copied, order
    ):
        stub = (
            load(folder).stub("unlock").replace("raise", "# YOUR CODE HERE\n    raise")
        )
        other = {
            "stub": stub,
            "stub, spaced": stub.replace("\n", " \n\n"),
            "broken": "def unlock(words, key:\n    return (",
            "same": UNLOCK,
        }[copied]
        hand_in("ann")
        add_cells(hand_in("ann"), "unlock", [UNLOCK, other][::order])
        ann = run()["ann"]
        assert ann.points == vault.POINTS
        [note] = ann.notes
        assert "unlock" in note

    def test_an_answer_below_its_stub_counts(self, hand_in, run, folder):
        path = hand_in("ann", unlock=load(folder).stub("unlock"))
        notebook = json.loads(path.read_text())
        below = {"cell_type": "code", "metadata": {}, "source": UNLOCK, "outputs": []}
        notebook["cells"].append(below)
        path.write_text(json.dumps(notebook))
        assert run()["ann"].points == vault.POINTS

    @pytest.mark.parametrize(
        "unlock",
        [
            UNLOCK,
            UNLOCK.replace("unlock", "mine") + "\nunlock = mine",
            "if True:\n    " + UNLOCK.replace("\n", "\n    "),
        ],
    )
    def test_only_what_answers_counts_where_a_name_is_defined_twice(
        self, hand_in, run, unlock
    ):
        path = hand_in("ann", unlock=unlock)
        notebook = json.loads(path.read_text())
        wrong = {"cell_type": "code", "metadata": {}, "source": WORDS, "outputs": []}
        below = wrong | {"source": f"{WORDS}\n"}
        notebook["cells"] = [wrong, *notebook["cells"], below]
        path.write_text(json.dumps(notebook))
        assert run()["ann"].points == vault.POINTS

    def test_a_text_split_over_cells_is_one_text(self, hand_in, run, tmp_path):
        add_cells(hand_in("ann"), "explain", ["First.", "YOUR ANSWER HERE", "Second."])
        [mark] = [mark for mark in run()["ann"].marks if mark.points is None]
        assert mark.answer == "First.\n\nSecond."
        [page] = (tmp_path / "marks" / "feedback").iterdir()
        [row] = rows(tmp_path / "marks" / "grades.csv")
        for said in (page.read_text(), row["note"]):
            assert "2 cells answer explain" in said

    def test_the_stub_and_no_answer_are_told_apart(self, folder):
        stub = load(folder).stub("key")
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


def add_cells(path: Path, name: str, sources: list[str]) -> None:
    """Put cells of one id in place of an answer's cell, as copies and splits do."""
    notebook = json.loads(path.read_text())
    cells = notebook["cells"]
    [at] = [n for n, cell in enumerate(cells) if cell["id"] == name]
    cells[at : at + 1] = [cells[at] | {"source": source} for source in sources]
    path.write_text(json.dumps(notebook))


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

    def test_a_comment_without_points_is_kept_and_shown(self, hand_in, run, tmp_path):
        hand_in("ann", explain="Because.")
        run()
        enter(tmp_path / "marks" / "manual.csv", ann=("", "See me.\nSoon."))
        for _ in range(2):
            ann = run()["ann"]
            assert (ann.waiting, dict(ann.comments)["explain"]) == (1, "See me.\nSoon.")
        (tmp_path / "submitted" / "ann").rename(tmp_path / "elsewhere")
        hand_in("bob", explain="Why not?")
        run()
        ann, bob = sorted(rows(tmp_path / "marks" / "manual.csv"), key=str)
        assert "See me." in ann["comment"] + bob["comment"]

    @pytest.mark.parametrize(
        "answer",
        [
            "one\rtwo",
            "a\0b",
            "\ud800" * 30_000,
            "a\x85b\u2028c\u2029d\x0be\x1cf",
            '"quoted", "and',
            "=cmd|' /C calc'!A0",
            "\t=1",
            "\r=1",
            "  =1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "long " * 13_000,
        ],
    )
    def test_what_a_student_wrote_is_one_cell_and_never_structure(
        self, hand_in, run, tmp_path, answer
    ):
        for name in ("ann", "bob"):
            add_cells(hand_in(name), "explain", [answer])
        run()
        manual = tmp_path / "marks" / "manual.csv"
        assert manual.read_bytes().count(b"\n") == 3, "a title, and a line a student"
        ann, bob = rows(manual)
        for row in (ann, bob):
            assert len(row["answer"]) < 32_767
            assert row["answer"].strip()[0] not in "=+-@＝＋－＠"
            assert row["answer"].isprintable()
        enter(manual, ann=("1", ""), bob=("2", "Fine."))
        found = run()
        assert [found[name].points for name in ("ann", "bob")] == [6, 7]
        run()


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

    @pytest.mark.parametrize(
        "name",
        [
            "=1+1",
            " =1",
            "\t=1",
            "+49",
            "-x",
            "@x",
            "＝1",
            "a\n=1",
            "a\r=1",
            "'=1",
            "\u3000=1",
        ],
    )
    def test_no_name_becomes_a_formula_or_a_row(self, hand_in, run, tmp_path, name):
        hand_in(name, explain="Because.")
        found = [*run().values()]
        reports.export(found, "nbgrader", tmp_path / "marks")
        for table in ("grades.csv", "manual.csv", "nbgrader.csv"):
            [header, row] = csv.reader(
                io.StringIO((tmp_path / "marks" / table).read_text(), newline="")
            )
            assert len(header) == len(row)
            assert not any(cell.strip()[:1] in [*"=+-@＝＋－＠"] for cell in row), table

    @pytest.mark.parametrize("name", ["0012345", "1E5", "3-4", "TRUE"])
    def test_exports_keep_a_students_id(self, hand_in, run, tmp_path, name):
        hand_in(name)
        path = reports.export([*run().values()], "nbgrader", tmp_path)
        assert rows(path)[0]["student_id"] == name

    def test_names_that_print_alike_have_a_page_each(self, hand_in, run, tmp_path):
        names = ["Jo Li", "Jo\u3000Li", "Jo\u00a0Li", "Jo\u200d Li", "Jo  Li", "Jo Li "]
        names += ["Jo\\u3000Li", "Jo\nLi", "jo li", "\u202eJo Li"]
        for name in names:
            hand_in(name)
        found = run()
        assert len(found) == len(names) == len({*map(str.casefold, found)}) + 1
        assert all(name.isprintable() for name in found)
        assert "Jo\\u3000Li" in found
        assert len([*(tmp_path / "marks" / "feedback").iterdir()]) == len(names)

    def test_a_page_holds_no_markup_and_nothing_unseen(self, hand_in, run, tmp_path):
        text = "</pre><script>alert(1)</script>{{ 7 * 7 }}\u202e\x1b[31m\0"
        hand_in("<b>ann", unlock=f"{UNLOCK}\n# {text}", explain=text)
        add_cells(hand_in("<b>bob"), "explain", [f"\ud800{text}"])
        run()
        marks = tmp_path / "marks"
        for page in [*(marks / "feedback").iterdir(), marks / "to_mark.html"]:
            said = page.read_text()
            assert "<script" not in said
            assert "<b>" not in said
            assert "{{ 7 * 7 }}" in said
            for hidden in ("\u202e", "\x1b", "\0"):
                assert hidden not in said
                assert f"\\u{ord(hidden):04x}" in said

    def test_a_page_to_mark_is_gone_when_all_is_marked(self, hand_in, run, tmp_path):
        hand_in("ann", explain="Because.")
        run()
        assert (tmp_path / "marks" / "to_mark.html").exists()
        enter(tmp_path / "marks" / "manual.csv", ann=("1", ""))
        run()
        assert not (tmp_path / "marks" / "to_mark.html").exists()

    def test_a_file_that_cannot_be_written_is_said(self, hand_in, run, tmp_path):
        hand_in("ann")
        (tmp_path / "marks" / "grades.csv").mkdir(parents=True)
        with pytest.raises(LabError, match=r"grades\.csv cannot be written"):
            run()
        assert [*(tmp_path / "marks").glob("*.new")] == []

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
            f"          [load(Path({str(folder)!r}))], one)\n"
        )
        killed = subprocess.Popen([sys.executable, "-c", program])
        while len([*(tmp_path / "marks" / ".judged").glob("*.json")]) < 3:
            assert killed.poll() is None
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
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

    @pytest.mark.parametrize(
        "damage",
        [
            lambda text: b"",
            lambda text: text[: len(text) // 2],
            lambda text: bytes(range(256)),
            lambda text: text.replace(b'"points": 1', b'"points": 9'),
            lambda text: text.replace(b'"version": 2', b'"version": "2"'),
            lambda text: text.replace(b'"version": 2', b'"version": 1'),
            lambda text: json.dumps(json.loads(text)["marks"]).encode(),
            lambda text: b"null",
            lambda text: b"[" * 100_000,
        ],
    )
    def test_a_stored_judgment_that_is_damaged_was_never_given(
        self, hand_in, run, tmp_path, damage
    ):
        hand_in("ann")
        assert run()["ann"].points == vault.POINTS
        [stored] = (tmp_path / "marks" / ".judged").iterdir()
        whole = stored.read_bytes()
        assert damage(whole) != whole
        stored.write_bytes(damage(whole))
        assert run()["ann"].points == vault.POINTS
        assert json.loads(stored.read_bytes()).keys() == json.loads(whole).keys()

    def test_a_folder_in_place_of_a_judgment_costs_nothing(
        self, hand_in, run, tmp_path
    ):
        hand_in("ann")
        run()
        [stored] = (tmp_path / "marks" / ".judged").iterdir()
        stored.unlink()
        stored.mkdir()
        assert run()["ann"].points == vault.POINTS

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


class TestWhatIsNotFinal:
    """A busy machine is no reason for a zero."""

    class Busy(Executor):
        """Of the slow one's checks the first runs are cut off."""

        def __init__(self, times: int) -> None:
            self.left = times
            self.asked: list[str] = []

        def submit(self, function, folder, answers, *rest):
            future: Future = Future()
            marks = function(folder, answers, *rest)
            name = answers["unlock"].rpartition("# ")[2]
            self.asked.append(name)
            if name == "slow" and self.left:
                self.left -= 1
                marks = [cut_off(mark) for mark in marks]
            future.set_result(marks)
            return future

    @pytest.fixture
    def handed_in(self, hand_in):
        for name in ("ann", "slow", "zoe"):
            hand_in(name, unlock=f"{UNLOCK}  # {name}")

    def test_it_is_judged_again_when_all_others_are_done(self, handed_in, run):
        busy = self.Busy(1)
        found = run(busy)
        assert busy.asked == ["ann", "slow", "zoe", "slow"]
        assert {one.points for one in found.values()} == {vault.POINTS}
        assert not any(one.notes for one in found.values())
        again = self.Busy(0)
        run(again)
        assert again.asked == []

    def test_twice_cut_off_it_is_said_and_the_next_run_tries_again(
        self, handed_in, run, tmp_path
    ):
        found = run(self.Busy(2))
        assert (found["slow"].points, found["zoe"].points) == (0, vault.POINTS)
        _, slow, _ = rows(tmp_path / "marks" / "grades.csv")
        assert "not final" in slow["note"]
        again = self.Busy(0)
        assert run(again)["slow"].points == vault.POINTS
        assert again.asked == ["slow"]


def cut_off(mark: Mark) -> Mark:
    findings = [replace(f, points=0.0, reason="!", final=False) for f in mark.findings]
    if not findings:
        return mark
    return replace(mark, points=0.0, findings=tuple(findings))


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
        hand_in("ann/__pycache__")
        hand_in("ann")
        (tmp_path / "submitted" / "ann" / "checks.py").write_text("")
        (tmp_path / "submitted" / ".DS_Store").write_text("")
        found, passed = survey([tmp_path / "submitted"])
        assert (len(found), passed) == (1, [])

    def test_the_set_is_told_by_answers_else_by_name(self, folder, hand_in, tmp_path):
        sets = [load(folder), *marking_sets()]
        for name in ("final_version(2)", "attention"):
            path = hand_in("ann")
            [one] = collect([path.rename(path.with_name(f"{name}.ipynb"))])
            cells = extract.parse(extract.read(one.path))
            assert extract.recognise(one.path, cells, sets) is sets[0]
        for name in ("Vault.IPYNB", "vault.ipynb.txt"):
            assert extract.recognise(Path(name), [], sets) is sets[0]
        assert extract.recognise(nothing(tmp_path), [], sets) is None

    def test_a_path_that_is_not_there_is_said(self, tmp_path):
        with pytest.raises(LabError, match="there is no"):
            collect([tmp_path / "nowhere"])
        with pytest.raises(LabError, match="no notebooks"):
            collect([tmp_path])

    def test_what_is_no_notebook_by_name_is_named(self, hand_in, run, tmp_path, capsys):
        hand_in("ann")
        submitted = tmp_path / "submitted"
        for name in (
            "bob/vault.ipynb.txt",
            "cy/vault.ipynb.zip",
            "ann/vault.py",
            "ann/vault.json",
            "eve/deep/down/notes.pdf",
            "list.csv",
            "a\n=b\udcff.txt",
        ):
            (submitted / name).parent.mkdir(parents=True, exist_ok=True)
            (submitted / name).write_text("{}")
        (submitted / "zoe").mkdir()
        (submitted / "a link").symlink_to(submitted / "ann")
        os.mkfifo(submitted / "ann" / "a pipe")
        out = tmp_path / "marks"
        found, passed = survey([submitted])
        assert [*run()] == [one.student for one in found]
        assert [one.student for one in found] == ["ann", "bob", "cy", "eve", "zoe"]
        assert "rename" in found[1].fault
        assert all("no notebook was found" in one.fault for one in found[1:])
        assert len(passed) == 10
        graded = grade(found, out, [load(tmp_path / vault.CANARY / "solutions/vault")])
        reports.write(graded, [], out, passed)
        skipped = rows(out / "skipped.csv")
        assert len(skipped) == 10
        assert any(row["file"].endswith("a\\u000a=b\\udcff.txt") for row in skipped)
        said = reports.overview(graded, passed)
        assert said.count("Not read: ") == 10
        assert said.isprintable() or said.replace("\n", "").isprintable()

    def test_names_in_capitals_are_read(self, hand_in, run):
        path = hand_in("ann")
        path.rename(path.with_name("VAULT.IPYNB"))
        assert run()["ann"].points == vault.POINTS

    @pytest.mark.parametrize(
        "other", ["vault (1)", "vault-Copy1", "vault_late", "old/vault", "scratch"]
    )
    def test_of_copies_one_is_taken_and_the_others_are_named(
        self, hand_in, run, tmp_path, other
    ):
        exact = hand_in("ann")
        copy = exact.parent / f"{other}.ipynb"
        copy.parent.mkdir(exist_ok=True)
        nbformat.write(vault.notebook(KEY, WORDS, ""), copy)
        os.utime(copy, (1, 1) if "/" in other else None)
        ann = run()["ann"]
        assert (ann.points, Path(ann.file)) == (vault.POINTS, exact)
        assert f"not {other}.ipynb" in ann.notes[0]
        assert len(rows(tmp_path / "marks" / "grades.csv")) == 1

    def test_of_several_with_other_names_the_newest_is_taken(self, hand_in, run):
        path = hand_in("ann", unlock=WORDS)
        old, new = (path.with_name(f"{name}.ipynb") for name in ("z_first", "a_final"))
        path.rename(old)
        nbformat.write(vault.HONEST, new)
        os.utime(old, (1, 1))
        assert run()["ann"].points == vault.POINTS

    @pytest.mark.parametrize("content", ["released", "broken", "empty"])
    def test_a_copy_with_answers_is_taken_before_one_without(
        self, hand_in, run, folder, content
    ):
        path = hand_in("ann")
        path.rename(path.with_name("vault (1).ipynb"))
        stubs = [load(folder).stub(name) for name in ("key", "unlock")]
        hand_in("ann", *stubs)
        if content != "released":
            path.write_text("{" * (content == "broken"))
        assert run()["ann"].points == vault.POINTS

    def test_what_answers_no_set_gives_no_second_row(self, hand_in, folder, tmp_path):
        nbformat.write(nbformat.v4.new_notebook(), hand_in("ann").parent / "x.ipynb")
        sets = [load(folder), *marking_sets()]
        [ann] = grade(collect([tmp_path / "submitted"]), tmp_path / "marks", sets)
        assert ann.points == vault.POINTS
        assert "not x.ipynb" in ann.notes[0]

    def test_jose_is_one_student_however_it_is_written(self, hand_in, run):
        hand_in("Jos\u00e9")
        hand_in("Jose\u0301", unlock=WORDS)
        [jose] = run().values()
        assert jose.student == "José"
        assert "was taken, and not" in jose.notes[0]

    def test_folders_tell_apart_what_file_names_do_not(self, hand_in, tmp_path):
        paths = [hand_in(name) for name in ("ann", "bob")]
        for given in (paths, [path.parent for path in paths]):
            students = [one.student for one in collect(given)]
            assert students == ["ann/vault", "bob/vault"]

    def test_a_deep_folder_is_passed_over_and_named(self, hand_in, run, tmp_path):
        hand_in("ann")
        here = os.open(tmp_path / "submitted", os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        os.close(here)
        try:
            found, [passed] = survey([tmp_path / "submitted"])
            assert "folders deep" in passed.fault
            assert [one.student for one in found] == ["ann", "d"]
            assert run()["ann"].points == vault.POINTS
        finally:
            subprocess.run(["rm", "-r", tmp_path / "submitted" / "d"], check=True)

    def test_one_students_thousand_files_are_not_all_named(self, hand_in, tmp_path):
        hand_in("ann")
        for number in range(300):
            (tmp_path / "submitted" / "ann" / f"{number}.txt").touch()
        _, passed = survey([tmp_path / "submitted"])
        assert len(passed) == 101
        assert passed[-1].fault == "this one and 199 more"

    def test_what_is_no_file_is_refused(self, hand_in, run, tmp_path):
        hand_in("ann")
        for name in ("a folder", "a link", "a pipe", "a socket"):
            (tmp_path / "submitted" / name).mkdir()
        submitted = tmp_path / "submitted"
        (submitted / "a folder" / "vault.ipynb").mkdir()
        (submitted / "a link" / "vault.ipynb").symlink_to("nowhere")
        os.mkfifo(submitted / "a pipe" / "vault.ipynb")
        monkey = socket.socket(socket.AF_UNIX)
        with monkey, contextlib.chdir(submitted / "a socket"):
            monkey.bind("vault.ipynb")
            found = run()
        assert found.pop("ann").points == vault.POINTS
        assert len(found) == 4
        assert all(one.fault and not one.points for one in found.values())

    def test_a_fault_of_ours_costs_only_the_one_it_befell(
        self, hand_in, run, tmp_path, monkeypatch
    ):
        def parse(content: bytes):
            if b"unforeseen" in content:
                raise KeyError("unforeseen")
            return true(content)

        true = extract.parse
        monkeypatch.setattr(extract, "parse", parse)
        hand_in("ann")
        hand_in("bob", unlock="# unforeseen")
        found = run()
        assert found["ann"].points == vault.POINTS
        assert found["bob"].fault == "the grader failed on it: KeyError"
        [_, bob] = rows(tmp_path / "marks" / "grades.csv")
        assert (bob["points"], bob["of"]) == ("", ""), "no zero"


def marking_sets():
    from labkit.grading import find

    return find(root=Path(__file__).parents[2] / "solutions")


def nothing(tmp_path: Path) -> Path:
    path = tmp_path / "empty.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    return path

"""What a run leaves: a table, `grades.csv`, a page a student, pages to mark by hand.

The pages are templates that escape whatever they are given; hidden checks appear by
name; nothing is loaded from elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import jinja2

from labkit.grading.extract import Submission, printable
from labkit.grading.judge import Mark
from labkit.grading.marking import Graded, table, visible, write_whole
from labkit.grading.problems import ByHand, ProblemSet

WIDEST = 40  # of a name in the terminal's table; longer ones move their row
PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    finalize=lambda value: visible(value) if isinstance(value, str) else value,
    trim_blocks=True,
    undefined=jinja2.StrictUndefined,
)
PAGES.filters["number"] = lambda value: f"{value:g}"


def write(
    graded: Sequence[Graded],
    sets: Sequence[ProblemSet],
    out: Path,
    passed_over: Sequence[Submission] = (),
) -> None:
    """The files of a run, in the folder `out`."""
    write_whole(out / "grades.csv", grades(graded, sets))
    for one in graded:
        if one.problem_set:
            write_whole(out / "feedback" / f"{page_name(one)}.html", feedback(one))
    skipped = [(printable(str(one.path)), one.fault) for one in passed_over]
    for path, text in (
        (out / "to_mark.html", to_mark(graded, sets)),
        (out / "skipped.csv", table(("file", "reason"), skipped) if skipped else ""),
    ):
        if text:
            write_whole(path, text)
        else:  # of an earlier run
            path.unlink(missing_ok=True)


def overview(graded: Sequence[Graded], passed_over: Sequence[Submission] = ()) -> str:
    """A line a submission, and what was not read, for the terminal."""
    longest = max([len("student"), *(len(one.student) for one in graded)])
    width = min(longest, WIDEST)
    lines = [f"{'student':<{width}}  {'set':<12} {'points':>13}  "]
    for one in graded:
        name = f"{one.student:<{width}}  {one.problem_set or '?':<12}"
        points = "not marked" if one.failed else f"{one.points:g} of {one.of:g}"
        by_hand = f"{one.waiting} to mark by hand" if one.waiting else ""
        note = "; ".join(filter(None, (by_hand, one.note)))
        lines.append(f"{name} {points:>13}  {note}")
    for skipped in passed_over[:10]:
        lines.append(f"Not read: {printable(str(skipped.path))}: {skipped.fault}.")
    if len(passed_over) > 10:
        lines.append(f"Not read: {len(passed_over) - 10} more, in skipped.csv.")
    return "\n".join(line.rstrip() for line in lines)


def grades(graded: Sequence[Graded], sets: Sequence[ProblemSet]) -> str:
    """CSV: a row a submission, a column an exercise; empty where none is known yet."""
    present = [
        found for found in sets if any(g.problem_set == found.name for g in graded)
    ]
    columns = [(found.name, e.id) for found in present for e in found.exercises]
    header = ["student", "set", "points", "of", "to mark by hand", "note", "file"]
    header += [f"{name}/{exercise}" for name, exercise in columns]
    rows = []
    for one in graded:
        by_exercise = {(one.problem_set, mark.exercise): mark for mark in one.marks}
        each = [_points(by_exercise.get(column)) for column in columns]
        points = ("", "") if one.failed else (f"{one.points:g}", f"{one.of:g}")
        facts = [one.student, one.problem_set, *points]
        rows.append([*facts, one.waiting, one.note, one.file, *each])
    return table(header, rows)


def _points(mark: Mark | None) -> str:
    return "" if mark is None or mark.points is None else f"{mark.points:g}"


def page_name(one: Graded) -> str:
    """A file name of harmless letters, another for each student and set."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", one.student)[:60]
    whole = f"{one.student}\0{one.problem_set}"
    return f"{plain}-{one.problem_set}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def feedback(one: Graded) -> str:
    """A student's page."""
    title = f"{one.problem_set}: {one.student}"
    return PAGES.get_template("feedback.html").render(title=title, one=one)


def to_mark(graded: Sequence[Graded], sets: Sequence[ProblemSet]) -> str:
    """A page for whoever marks, each question's rubric and its answers; or nothing."""
    questions = []
    for problem_set in sets:
        for exercise in problem_set.exercises:
            answers = [
                (one.student, mark.answer)
                for one in graded
                for mark in one.marks
                if (one.problem_set, mark.exercise) == (problem_set.name, exercise.id)
                and mark.points is None
            ]
            if isinstance(exercise, ByHand) and answers:
                name = f"{problem_set.name}: {exercise.id}"
                questions.append((name, exercise, answers))
    if not questions:
        return ""
    page = PAGES.get_template("to_mark.html")
    return page.render(title="To mark by hand", questions=questions)


def export(graded: Sequence[Graded], form: str, out: Path) -> Path:
    """Marks in another program's format: "gradescope" or "nbgrader".

    Gradescope's is a `results.json` a submission; nbgrader's, the CSV of
    `nbgrader export`. What has no mark for a reason of ours is in neither.
    """
    graded = [one for one in graded if not one.failed]
    if form == "gradescope":
        for one in graded:
            text = json.dumps(_gradescope(one), indent=1)
            write_whole(out / "gradescope" / page_name(one) / "results.json", text)
        return out / "gradescope"
    unknown = ("duedate", "timestamp", "last_name", "first_name", "email")
    known = ("late_submission_penalty", "raw_score", "score", "max_score")
    header = ("assignment", "student_id", *unknown, *known)
    rows = [
        (one.problem_set, one.student, *[""] * 5, 0.0, one.points, one.points, one.of)
        for one in graded
    ]
    path = out / "nbgrader.csv"
    write_whole(path, table(header, rows))
    return path


def _gradescope(one: Graded) -> dict[str, object]:
    tests = []
    for mark in one.marks:
        for finding in mark.findings:
            name = f"{mark.exercise}: {finding.check}"
            status = "failed" if finding.reason else "passed"
            score = {"score": finding.points, "max_score": finding.of}
            tests.append(
                {"name": name, **score, "status": status, "output": finding.reason}
            )
        if not mark.findings:
            comment = one.comments.get(mark.exercise, "")
            said = "to be marked by hand" if mark.points is None else comment
            score = {"score": mark.points or 0.0, "max_score": mark.of}
            tests.append({"name": mark.exercise, **score, "output": said})
    return {"score": one.points, "output": one.note, "tests": tests}

"""What a run leaves: a table, `grades.csv`, a page a student, pages to mark by hand.

Everything a student wrote is escaped; hidden checks appear by name; nothing is loaded
from elsewhere.
"""

import hashlib
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

from labkit.errors import LabError
from labkit.grading.judge import Mark
from labkit.grading.marking import Graded, table
from labkit.grading.problems import ByHand, ProblemSet

UNSAFE = (
    "NOT A MARK: this ran without a sandbox, where an answer can give itself points."
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto;
  padding: 0 1rem; color: #1b1b1b; background: white }}
h2 {{ border-top: 1px solid #ccc; padding-top: 1rem }}
pre {{ background: #f4f4f4; padding: .75rem; overflow-x: auto; font-size: 14px;
  white-space: pre-wrap; overflow-wrap: anywhere }}
li {{ margin: .2rem 0 }}
.loud {{ background: #7a221f; color: white; padding: .75rem; font-weight: bold }}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def write(graded: Sequence[Graded], sets: Sequence[ProblemSet], out: Path) -> None:
    """The files of a run, in the folder `out`."""
    _save(out / "grades.csv", grades(graded, sets))
    for one in graded:
        if one.problem_set:
            _save(out / "feedback" / f"{page_name(one)}.html", feedback(one))
    if waiting := to_mark(graded, sets):
        _save(out / "to_mark.html", waiting)


def overview(graded: Sequence[Graded]) -> str:
    """A line a submission, for the terminal."""
    width = max([len("student"), *(len(one.student) for one in graded)])
    lines = [f"{'student':<{width}}  {'set':<12} {'points':>13}  "]
    for one in graded:
        points = f"{one.points:g} of {one.of:g}"
        said = [one.fault] if one.fault else []
        if one.waiting:
            said.append(f"{one.waiting} to mark by hand")
        note = "; ".join(said)
        lines.append(
            f"{one.student:<{width}}  {one.problem_set or '?':<12} {points:>13}  {note}"
        )
    if any(one.unsafe for one in graded):
        lines.append(UNSAFE)
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
        note = UNSAFE if one.unsafe else one.fault
        facts = [one.student, one.problem_set, f"{one.points:g}", f"{one.of:g}"]
        rows.append([*facts, one.waiting, note, one.file, *each])
    return table(header, rows)


def _points(mark: Mark | None) -> str:
    return "" if mark is None or mark.points is None else f"{mark.points:g}"


def page_name(one: Graded) -> str:
    """A file name of harmless letters, another for each student, set and file."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", one.student)[:60]
    whole = "\0".join((one.student, one.problem_set, one.file))
    return f"{plain}-{one.problem_set}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def feedback(one: Graded) -> str:
    """A student's page."""
    body = [f'<p class="loud">{UNSAFE}</p>' * one.unsafe]
    waiting = f" Still to be marked by hand: {one.waiting}." if one.waiting else ""
    points = f"<strong>{one.points:g} of {one.of:g} points.</strong>"
    body.append(f"<p>{points}{waiting}</p>")
    if one.fault:
        body.append(f"<p>The file: {html.escape(one.fault)}.</p>")
    comments = dict(one.comments)
    body += [_exercise(mark, comments.get(mark.exercise, "")) for mark in one.marks]
    title = html.escape(f"{one.problem_set}: {one.student}")
    return PAGE.format(title=title, body="\n".join(body))


def _exercise(mark: Mark, comment: str) -> str:
    points = (
        "to be marked" if mark.points is None else f"{mark.points:g} of {mark.of:g}"
    )
    parts = [f"<h2>{html.escape(mark.exercise)} · {points}</h2>"]
    if mark.findings:
        lines = [
            f"<li>{'✗' if finding.reason else '✓'} {html.escape(finding.check)} "
            f"({finding.points:g} of {finding.of:g})"
            + (f": {html.escape(finding.reason)}" if finding.reason else "")
            + "</li>"
            for finding in mark.findings
        ]
        parts.append(f"<ul>{''.join(lines)}</ul>")
    if comment:
        parts.append(f"<p>{html.escape(comment)}</p>")
    if mark.answer:
        parts.append(f"<pre>{html.escape(mark.answer)}</pre>")
    return "\n".join(parts)


def to_mark(graded: Sequence[Graded], sets: Sequence[ProblemSet]) -> str:
    """A page for whoever marks: each question's rubric, then its answers."""
    body = [
        "<p>Enter points, and a comment if you like, in <code>manual.csv</code>.</p>"
    ]
    for problem_set in sets:
        for exercise in problem_set.exercises:
            if not isinstance(exercise, ByHand):
                continue
            answers = [
                f"<h3>{html.escape(one.student)}</h3><pre>{html.escape(mark.answer)}</pre>"
                for one in graded
                for mark in one.marks
                if (one.problem_set, mark.exercise) == (problem_set.name, exercise.id)
                and mark.points is None
            ]
            if answers:
                name = html.escape(f"{problem_set.name}: {exercise.id}")
                body.append(f"<h2>{name} · {exercise.points:g} points</h2>")
                body.append(f"<p>{html.escape(exercise.rubric)}</p>")
                body += answers
    return PAGE.format(title="To mark by hand", body="\n".join(body)) * (len(body) > 1)


def export(graded: Sequence[Graded], form: str, out: Path) -> Path:
    """Marks in another program's format: "gradescope" or "nbgrader".

    Gradescope's is a `results.json` a submission; nbgrader's, the CSV of
    `nbgrader export`.

    Raises:
        LabError: there was no sandbox, so these are no marks.
    """
    if any(one.unsafe for one in graded):
        raise LabError("nothing is exported: what ran without a sandbox is no mark.")
    if form == "gradescope":
        for one in graded:
            text = json.dumps(_gradescope(one), indent=1)
            _save(out / "gradescope" / page_name(one) / "results.json", text)
        return out / "gradescope"
    unknown = ("duedate", "timestamp", "last_name", "first_name", "email")
    known = ("late_submission_penalty", "raw_score", "score", "max_score")
    header = ("assignment", "student_id", *unknown, *known)
    rows = [
        (one.problem_set, one.student, *[""] * 5, 0.0, one.points, one.points, one.of)
        for one in graded
    ]
    path = out / "nbgrader.csv"
    _save(path, table(header, rows))
    return path


def _gradescope(one: Graded) -> dict[str, object]:
    tests = []
    for mark in one.marks:
        for finding in mark.findings:
            tests.append(
                {
                    "name": f"{mark.exercise}: {finding.check}",
                    "score": finding.points,
                    "max_score": finding.of,
                    "status": "failed" if finding.reason else "passed",
                    "output": finding.reason,
                }
            )
        if not mark.findings:
            waits = mark.points is None
            tests.append(
                {
                    "name": mark.exercise,
                    "score": mark.points or 0.0,
                    "max_score": mark.of,
                    "output": "to be marked by hand" if waits else "",
                }
            )
    said = UNSAFE if one.unsafe else one.fault
    return {"score": one.points, "output": said, "tests": tests}


def _save(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="backslashreplace")

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

from labkit.errors import LabError
from labkit.grading.extract import PassedOver, printable
from labkit.grading.judge import Mark
from labkit.grading.marking import Graded, table, visible, write_whole
from labkit.grading.problems import ByHand, ProblemSet

UNSAFE = (
    "NOT A MARK: this ran without a sandbox, where an answer can give itself points."
)
WIDEST = 40  # of a name in the terminal's table; longer ones move their row
TEMPLATES = {
    "page": """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto;
  padding: 0 1rem; color: #1b1b1b; background: white; overflow-wrap: anywhere }
h2 { border-top: 1px solid #ccc; padding-top: 1rem }
pre { background: #f4f4f4; padding: .75rem; overflow-x: auto; font-size: 14px;
  white-space: pre-wrap }
h1, h3, pre { unicode-bidi: isolate }
li { margin: .2rem 0 }
.comment { white-space: pre-wrap }
.loud { background: #7a221f; color: white; padding: .75rem; font-weight: bold }
</style></head><body>
<h1>{{ title }}</h1>
{% block body %}{% endblock %}
</body></html>
""",
    "feedback": """{% extends "page" %}
{% block body %}
{% if one.unsafe %}
<p class="loud">{{ unsafe }}</p>
{% endif %}
<p><strong>{{ one.points|number }} of {{ one.of|number }} points.</strong>
{%- if one.waiting %} Still to be marked by hand: {{ one.waiting }}.{% endif %}</p>
{% if one.fault %}
<p>The file: {{ one.fault }}.</p>
{% endif %}
{% for note in one.notes %}
<p>{{ note }}.</p>
{% endfor %}
{% for mark in one.marks %}
<h2>{{ mark.exercise }} ·
{%- if mark.points is none %} to be marked
{%- else %} {{ mark.points|number }} of {{ mark.of|number }}{% endif %}</h2>
{% if mark.findings %}
<ul>
{% for finding in mark.findings %}
<li>{{ "✗" if finding.reason else "✓" }} {{ finding.check }}
({{ finding.points|number }} of {{ finding.of|number }})
{%- if finding.reason %}: {{ finding.reason }}{% endif %}</li>
{% endfor %}
</ul>
{% endif %}
{% if comments[mark.exercise] %}
<p class="comment">{{ comments[mark.exercise] }}</p>
{% endif %}
{% if mark.answer %}
<pre>
{{ mark.answer }}</pre>
{% endif %}
{% endfor %}
{% endblock %}
""",
    "to mark": """{% extends "page" %}
{% block body %}
<p>Enter points, and a comment if you like, in <code>manual.csv</code>.</p>
{% for name, exercise, answers in questions %}
<h2>{{ name }} · {{ exercise.points|number }} points</h2>
<p class="comment">{{ exercise.rubric }}</p>
{% for student, answer in answers %}
<h3>{{ student }}</h3>
<pre>
{{ answer }}</pre>
{% endfor %}
{% endfor %}
{% endblock %}
""",
}
PAGES = jinja2.Environment(
    loader=jinja2.DictLoader(TEMPLATES),
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
    passed_over: Sequence[PassedOver] = (),
) -> None:
    """The files of a run, in the folder `out`."""
    write_whole(out / "grades.csv", grades(graded, sets))
    for one in graded:
        if one.problem_set:
            write_whole(out / "feedback" / f"{page_name(one)}.html", feedback(one))
    skipped = [(printable(str(one.path)), one.reason) for one in passed_over]
    for path, text in (
        (out / "to_mark.html", to_mark(graded, sets)),
        (out / "skipped.csv", table(("file", "reason"), skipped) if skipped else ""),
    ):
        if text:
            write_whole(path, text)
        else:  # of an earlier run
            path.unlink(missing_ok=True)


def overview(graded: Sequence[Graded], passed_over: Sequence[PassedOver] = ()) -> str:
    """A line a submission, and what was not read, for the terminal."""
    longest = max([len("student"), *(len(one.student) for one in graded)])
    width = min(longest, WIDEST)
    lines = [f"{'student':<{width}}  {'set':<12} {'points':>13}  "]
    for one in graded:
        points = f"{one.points:g} of {one.of:g}"
        said = [one.fault] if one.fault else []
        if one.waiting:
            said.append(f"{one.waiting} to mark by hand")
        note = "; ".join([*said, *one.notes])
        lines.append(
            f"{one.student:<{width}}  {one.problem_set or '?':<12} {points:>13}  {note}"
        )
    for skipped in passed_over[:10]:
        lines.append(f"Not read: {printable(str(skipped.path))}: {skipped.reason}.")
    if len(passed_over) > 10:
        lines.append(f"Not read: {len(passed_over) - 10} more, in skipped.csv.")
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
        said = (UNSAFE if one.unsafe else "", one.fault, *one.notes)
        note = "; ".join(filter(None, said))
        facts = [one.student, one.problem_set, f"{one.points:g}", f"{one.of:g}"]
        rows.append([*facts, one.waiting, note, one.file, *each])
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
    return PAGES.get_template("feedback").render(
        title=f"{one.problem_set}: {one.student}",
        one=one,
        unsafe=UNSAFE,
        comments={mark.exercise: "" for mark in one.marks} | dict(one.comments),
    )


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
    page = PAGES.get_template("to mark")
    return page.render(title="To mark by hand", questions=questions)


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
            comment = dict(one.comments).get(mark.exercise, "")
            said = "to be marked by hand" if mark.points is None else comment
            tests.append(
                {
                    "name": mark.exercise,
                    "score": mark.points or 0.0,
                    "max_score": mark.of,
                    "output": said,
                }
            )
    output = "; ".join(filter(None, (one.fault, *one.notes)))
    return {"score": one.points, "output": output, "tests": tests}

"""How far a learner is, and where to go on."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import ipywidgets

from labkit import record
from labkit.course.quizzes import Lesson, lessons
from labkit.plots import Live, table

HEAD = ["Lesson", "Run", "Questions", "Checks passed"]
ROADS = (
    "lesson 01 (the whole road), or lesson 04 (the short one, if you want to fine-tune "
    "soon)."
)
DONE = "nothing is left here. Take a file of your own, as in lesson 16."


@dataclass(frozen=True)
class Row:
    """What is noted of a lesson, and of the problem set that grades it."""

    lesson: Lesson
    has_ended: bool
    answered: int
    right: int
    passed: int
    checks: int  # 0 before one has passed: then nobody has counted them

    @property
    def cells(self) -> list[str]:
        """As a line of the table tells it."""
        quiz = f"{self.right} right of {self.answered}" if self.answered else ""
        unanswered = len(self.lesson.questions) - self.answered
        if self.answered and unanswered:
            quiz += f", {unanswered} open"
        checks = f"{self.lesson.set}: {self.passed} of {self.checks}"
        ended = "to the end" if self.has_ended else ""
        return [self.lesson.name, ended, quiz, checks if self.checks else ""]


class Progress(Live):
    """The table, and a button that looks again."""

    def __init__(self) -> None:
        self.page = ipywidgets.HTML()
        again = ipywidgets.Button(description="Look again", tooltip="Look again")
        again.on_click(self.look)
        self.look()
        super().__init__([self.page, again])

    def look(self, _: object = None) -> None:
        self.rows = read()
        lines = [dict(zip(HEAD, row.cells, strict=True)) for row in self.rows]
        roomy = {"padding": "0 1.5em 0 0", "line-height": "1.6"}
        told = table(lines).set_properties(**roomy).to_html()
        self.page.value = f"{told}<p><b>Go on:</b> {go_on(self.rows)}</p>"

    def still(self) -> tuple[str, str]:
        return self.page.value, str(self)

    def __str__(self) -> str:
        lines = [HEAD, *(row.cells for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (map(str.ljust, line, widths) for line in lines)
        told = ["  ".join(cells).rstrip() for cells in padded]
        return "\n".join([*told, "", f"Go on: {go_on(self.rows)}"])


def progress() -> Progress:
    """What you ran, answered and passed on this machine, and where to go on.

    Raises:
        LabError: the file that holds it is damaged.
    """
    return Progress()


def read() -> list[Row]:
    """A row a lesson, in their order."""
    ended, checks = record.noted("lesson"), record.noted("set")
    answers = record.noted("question")
    answered, passed = map(_count, (answers, record.noted("check")))
    right = _count(item for item, is_right in answers.items() if is_right)
    rows = []
    for stem, lesson in lessons().items():
        graded = lesson.set or ""
        asked = stem in ended, answered[stem], right[stem]
        rows.append(Row(lesson, *asked, passed[graded], checks.get(graded, 0)))
    return rows


def _count(items: Iterable[str]) -> Counter[str]:
    """How many items, as "02_attention/3", belong to each lesson or set."""
    return Counter(item.partition("/")[0] for item in items)


def go_on(rows: list[Row]) -> str:
    """What was begun and not ended, in the course's order; else the next lesson."""
    graded_by = {row.lesson.set: row for row in rows}  # the last lesson of each set
    for row in rows:
        if row.answered and not row.has_ended:
            return f"run lesson {row.lesson.name} from top to bottom (▶▶)."
        if row.has_ended and row.answered < len(row.lesson.questions):
            return f"answer the questions at the end of lesson {row.lesson.name}."
        is_last = row.lesson.set and graded_by[row.lesson.set] is row
        if row.has_ended and is_last and (not row.checks or row.passed < row.checks):
            return f"solve the exercises in exercises/{row.lesson.set}/."
    ended = [number for number, row in enumerate(rows) if row.has_ended]
    if ended == [0]:
        return ROADS
    after = max(ended, default=-1) + 1
    left = [row for row in rows[after:] + rows[:after] if not row.has_ended]
    if not left:
        return DONE
    passed_over = (row for row in left if row.lesson.stem in left[0].lesson.needs)
    return f"lesson {next(passed_over, left[0]).lesson.name}."

"""Five questions a lesson: choose, and each option says why it is right or not.

    quiz("02_attention")    # as a cell's last line: shown

The questions lie in `questions/`, a file a lesson. Where no kernel runs, each option is
a line that opens.
"""

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import ipywidgets

from labkit import record
from labkit.errors import LabError
from labkit.plots import Live

QUESTIONS = Path(__file__).with_name("questions")


@dataclass(frozen=True)
class Option:
    says: str
    because: str
    is_right: bool

    def verdict(self) -> str:
        return f"{'Right.' if self.is_right else 'Not so.'} {self.because}"


@dataclass(frozen=True)
class Question:
    asks: str
    options: dict[str, Option]  # by the letters A to D


@dataclass(frozen=True)
class Lesson:
    """What is asked after a lesson, and the problem set that grades it, if one does."""

    stem: str
    title: str
    set: str | None
    questions: list[Question]
    needs: Sequence[str] = ()  # lessons that the short road passes over

    @property
    def name(self) -> str:
        return f"{self.stem[:2]} {self.title}"


@cache
def lessons() -> dict[str, Lesson]:
    """The lessons in their order, by the names of their notebooks."""
    return {path.stem: _read(path) for path in sorted(QUESTIONS.glob("*.toml"))}


def _read(path: Path) -> Lesson:
    told = tomllib.loads(path.read_text("utf-8"))
    questions = []
    for asked in told["questions"]:
        options = {
            letter: Option(**asked[letter], is_right=letter == asked["right"])
            for letter in "ABCD"
        }
        questions.append(Question(asked["asks"], options))
    needs = told.get("needs", ())
    return Lesson(path.stem, told["title"], told.get("set"), questions, needs)


def quiz(lesson: str) -> "Quiz":
    """Ask what the lesson taught; of each question, the first choice is kept.

    In the last cell of a lesson that ran to its end, this is kept, too: see `progress`.

    Args:
        lesson: The name of its notebook, as "02_attention".

    Raises:
        LabError: there is no such lesson.
    """
    if lesson not in lessons():
        raise LabError(
            f"there are no questions on {lesson!r}.", f"There are: {[*lessons()]}."
        )
    if _ran_whole(Path(f"{lesson}.ipynb")):
        record.note("lesson", lesson)
    return Quiz(lessons()[lesson])


def _ran_whole(notebook: Path) -> bool:
    """Whether this kernel has run as many different cells as the lesson has up to here.

    They need not be the same: a learner changes them. Where the notebook does not lie
    in the kernel's folder, nobody can tell, and so the last cell is believed.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return False
    if not notebook.is_file():
        return True
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    asking = [number for number, source in enumerate(code, 1) if "quiz(" in source]
    needed = _distinct(code[: asking[-1]] if asking else code)
    return len(_distinct(shell.user_ns["In"])) >= len(needed)


def _distinct(sources: Iterable[str]) -> set[str]:
    return {source.strip() for source in sources} - {""}


class Quiz(Live):
    """The questions, one below the other, as native radio buttons."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.choices: list[ipywidgets.RadioButtons] = []
        self.verdicts: list[ipywidgets.HTML] = []
        rows: list[ipywidgets.Widget] = []
        for number, question in enumerate(lesson.questions, start=1):
            rows += self._ask(number, question)
        super().__init__(rows)

    def _ask(self, number: int, question: Question) -> list[ipywidgets.Widget]:
        choice = ipywidgets.RadioButtons(
            options=[(option.says, option) for option in question.options.values()],
            value=None,
            layout={"width": "auto"},
        )
        verdict = ipywidgets.HTML()
        item, chosen_before = f"{self.lesson.stem}/{number}", False

        def answer(change: dict[str, Option]) -> None:
            nonlocal chosen_before
            verdict.value = _paragraph(change["new"].verdict(), "role='status'")
            if not chosen_before:
                record.note("question", item, int(change["new"].is_right))
            chosen_before = True

        choice.observe(answer, "value")
        self.choices.append(choice)
        self.verdicts.append(verdict)
        return [
            ipywidgets.HTML(_paragraph(f"{number}. {question.asks}")),
            choice,
            verdict,
        ]

    def still(self) -> tuple[str, str]:
        questions = self.lesson.questions
        page = "".join(f"<li>{_opening(question)}</li>" for question in questions)
        plain = [f"{n}. {_told(one)}" for n, one in enumerate(questions, start=1)]
        return f"<ol>{page}</ol>", "\n\n".join(plain)


def _paragraph(text: str, attributes: str = "") -> str:
    """In lines of text: those of a widget's HTML lie apart."""
    return f"<p style='line-height: 1.5' {attributes}>{escape(text)}</p>"


def _opening(question: Question) -> str:
    """A question whose options open, each with its reason."""
    lines = [
        f"<details><summary>{letter}. {escape(option.says)}</summary>"
        f"<p>{escape(option.verdict())}</p></details>"
        for letter, option in question.options.items()
    ]
    return f"<p>{escape(question.asks)}</p>{''.join(lines)}"


def _told(question: Question) -> str:
    """A question, its options, and below them the reasons."""
    options = question.options.items()
    asked = [f"   {letter}. {option.says}" for letter, option in options]
    why = [f"   {letter}: {option.verdict()}" for letter, option in options]
    return "\n".join([question.asks, *asked, *why])

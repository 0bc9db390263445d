"""A problem set: its notebook, and what only the grader knows of its exercises.

    EXERCISES = [
        Exercise("softmax", attention.softmax, [Check("any shape", 2, rows)]),
        ByHand("explain_scale", 3, "Names the variance of a sum of d_k terms."),
    ]

An exercise's id is the name of the function or class that the answer defines, and the
`grade_id` of the answer's cell in nbgrader's format.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from numpy.random import Generator

from labkit.errors import LabError
from labkit.exercises import TOLERANCE, find_checks, load_module

STUB = "raise NotImplementedError()"


@dataclass(frozen=True)
class Check:
    """Points for one thing that a right answer does.

    Args:
        name: What a report says of it: "rows of any shape".
        points: For all of its cases; there is no part of them.
        draw: From a generator to the inputs of one case. Their right result must be
            one that nobody can guess.
        harness: `harness(answer, *inputs)` instead of `answer(*inputs)`: to call it
            several times, to use a class, to pass a function or a model. It runs here.
            What it calls is the reference, or a stand-in for the learner's answer in
            its sandbox: that gives plain data, changes what it was given, raises
            `ValueError` if the answer does, and lets gradients flow. What it returns
            is compared; it never compares itself.
        cases: How many are drawn; all must be right. One is enough where each draw
            holds all that tells a wrong answer.
        tolerance: How far numbers may be off, relative and absolute.
    """

    name: str
    points: float
    draw: Callable[[Generator], tuple[Any, ...]]
    harness: Callable[..., Any] | None = None
    cases: int = 1
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Exercise:
    """What the grader asks of an answer.

    Args:
        id: The name that the answer defines.
        reference: A right answer, best a library's or one written differently.
        checks: What is asked; the points add up to the exercise's.
        needs: Earlier exercises whose names the answer may use: they are answered by
            our references, here, so that one wrong exercise does not cost the next.
        without: Parts of names that the statement rules out: see `by_hand.ruled_out`.
    """

    id: str
    reference: Any
    checks: Sequence[Check]
    needs: Sequence[str] = ()
    without: Sequence[str] = ()

    @property
    def points(self) -> float:
        return sum(check.points for check in self.checks)


@dataclass(frozen=True)
class ByHand:
    """A question that a person marks.

    Args:
        id: The `grade_id` of the answer's cell.
        points: At most so many.
        rubric: What earns them, for whoever marks; no learner sees it.
    """

    id: str
    points: float
    rubric: str


@dataclass(frozen=True)
class Edit:
    """A wrong answer: our solution with one or more strings replaced.

    Args:
        misconception: Words that the learner's check says when it names it.
        edits: From what stands once in the solution to what stands there instead.
    """

    misconception: str
    edits: Mapping[str, str]

    def source(self, solution: str) -> str:
        for old, new in self.edits.items():
            if solution.count(old) != 1:
                raise LabError(f"{old!r} is not once in the solution.")
            solution = solution.replace(old, new)
        return solution


@dataclass(frozen=True)
class Answer:
    """A wrong answer, written out."""

    misconception: str
    code: str

    def source(self, solution: str) -> str:
        return self.code


def normal(random: Generator, *shape: int, scale: float = 1.0) -> Any:
    """A float32 tensor of independent normal numbers."""
    import torch

    return torch.from_numpy(random.normal(scale=scale, size=shape).astype(np.float32))


@dataclass(frozen=True)
class ProblemSet:
    """A folder `solutions/NAME`."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.folder / f"{self.name}.ipynb", as_version=4)

    @cached_property
    def exercises(self) -> Sequence[Exercise | ByHand]:
        return load_module(self.folder / "judging.py").EXERCISES

    @cached_property
    def given(self) -> list[str]:
        """The cells that a learner receives, and that run before an answer."""
        cells = self.notebook.cells
        return [cell.source for cell in cells if cell.id.startswith("given")]

    def reference(self, exercise: str) -> Any:
        """A right answer, in this process."""
        for other in self.exercises:
            if other.id == exercise and isinstance(other, Exercise):
                return other.reference
        raise LabError(f"{self.name} has no exercise {exercise} that code can need.")

    def solution(self, exercise: str) -> str:
        """Our answer's cell."""
        for cell in self.notebook.cells:
            if grade_id(cell) == exercise:
                return cell.source
        raise LabError(f"{self.name} has no cell for the answer {exercise}.")

    def stub(self, exercise: str) -> str:
        """What a learner receives in place of our answer, as nbgrader writes it."""
        return re.sub(
            r"( *)### BEGIN SOLUTION.*?### END SOLUTION",
            rf"\1# YOUR CODE HERE\n\1{STUB}",
            self.solution(exercise),
            flags=re.DOTALL,
        )

    @property
    def checks(self) -> str:
        """The text of what a learner may run."""
        return find_checks(self.folder).read_text()

    @cached_property
    def mutants(self) -> Mapping[str, Sequence[Edit | Answer]]:
        return load_module(self.folder / "mutants.py").MUTANTS

    @cached_property
    def alternatives(self) -> Mapping[str, Mapping[str, str]]:
        return load_module(self.folder / "alternatives.py").ALTERNATIVES

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that a mark depends on, our side of it."""
        libraries = [f"{name} {version(name)}" for name in ("numpy", "torch")]
        libraries.append("Python {}.{}".format(*sys.version_info))
        digest = hashlib.sha256("\n".join(libraries).encode())
        for folder in (self.folder, Path(__file__).parents[1]):
            for path in sorted(folder.rglob("*")):
                if path.suffix in (".py", ".ipynb", ".toml"):
                    digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def grade_id(cell: Mapping[str, Any]) -> str | None:
    """The exercise whose answer a cell of ours holds."""
    said = cell["metadata"].get("nbgrader", {})
    return said.get("grade_id") if said.get("solution") else None


@lru_cache
def load(folder: Path) -> ProblemSet:
    """The problem set of a folder.

    Raises:
        LabError: it is not one.
    """
    for name in (f"{folder.name}.ipynb", "judging.py"):
        if not (folder / name).is_file():
            raise LabError(f"{folder} is no problem set: it has no {name}.")
    return ProblemSet(folder)


def find(names: Sequence[str] = (), root: Path | None = None) -> list[ProblemSet]:
    """The problem sets of those names, or all there are.

    Args:
        root: The folder `solutions`; by default the course's own.

    Raises:
        LabError: there are none, or none of a name.
    """
    if root is None:
        root = Path.cwd() / "solutions"
        if not root.is_dir():
            root = Path(__file__).parents[2] / "solutions"
    there = sorted(path.parent.name for path in root.glob("*/judging.py"))
    if not there:
        raise LabError(
            f"there are no problem sets in {root}.",
            "Solutions and judging stay with the instructor, in the course's folder.",
        )
    for name in names:
        if name not in there:
            raise LabError(
                f"there is no problem set {name!r}.", f"There are: {', '.join(there)}."
            )
    return [load(root / name) for name in names or there]

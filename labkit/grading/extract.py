"""From a file that anybody may have written to the sources of its answers.

Only the answers' cells count, by their ids. Every other cell, all metadata, points,
outputs and further files are ignored: the grader has its own.
"""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.checks import Feedback, examine, load_checks
from labkit.errors import LabError
from labkit.grading.problems import ProblemSet

LARGEST = 16 << 20  # bytes of a notebook, its outputs included


@dataclass(frozen=True)
class Submission:
    """One notebook of one student, as it was handed in."""

    student: str
    path: Path


def collect(paths: Sequence[Path]) -> list[Submission]:
    """The submissions in files and folders.

    A folder holds `STUDENT.ipynb`, or `STUDENT/…/NAME.ipynb` as nbgrader's `submitted`
    does. Links are not followed: each counts as a submission that cannot be read.

    Raises:
        LabError: a path does not exist, or there is no notebook at all.
    """
    found = []
    for path in paths:
        if not path.exists():
            raise LabError(f"there is no {path}.")
        if path.is_dir():
            found += [Submission(_student(f, path), f) for f in _notebooks(path)]
        else:
            found.append(Submission(path.stem, path))
    if not found:
        raise LabError("there are no notebooks to grade.", "Looked for *.ipynb.")
    return found


def answers(content: bytes) -> dict[str, str]:
    """Answer id -> source. Cells of one id, as a split cell leaves, are joined.

    Raises:
        LabError: it is not a notebook.
    """
    try:
        cells = json.loads(content)["cells"]
        found: dict[str, list[str]] = {}
        for cell in cells:
            identity = _identity(cell)
            if identity is not None:
                found.setdefault(identity, []).append(_source(cell))
    except RecursionError:
        raise LabError("it is nested too deeply to be a notebook") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise LabError("it is not a notebook") from None
    return {identity: "\n".join(parts) for identity, parts in found.items()}


def recognise(
    submission: Submission, given: dict[str, str], sets: Sequence[ProblemSet]
) -> ProblemSet | None:
    """Which problem set it answers: by its file's name, else by its answers' ids."""
    if len(sets) == 1:
        return sets[0]
    for problem_set in sets:
        if submission.path.stem == problem_set.name:
            return problem_set

    def count(problem_set: ProblemSet) -> int:
        return sum(exercise.id in given for exercise in problem_set.exercises)

    best = max(sets, key=count)
    return best if count(best) else None


def check_notebook(path: Path) -> Iterator[Feedback]:
    """Run a notebook's own answers here, and try each as its check cell would.

    Raises:
        LabError: it is not a notebook, or has no checks beside it.
    """
    if not path.is_file():
        raise LabError(f"there is no notebook {path}.")
    content = path.read_bytes()
    given = answers(content)
    namespace: dict[str, Any] = {"__name__": "answers"}
    for cell in json.loads(content)["cells"]:
        is_ours = str(cell.get("id", "")).startswith("given")
        if cell["cell_type"] == "code" and (is_ours or _identity(cell)):
            try:
                exec(compile(_source(cell), "<cell>", "exec"), namespace)
            except Exception as error:
                print(f"a cell does not run: {type(error).__name__}: {error}")
    checks = load_checks(path.resolve().parent)
    for exercise in given:
        if exercise in checks:
            yield examine(checks[exercise], exercise, namespace)


def _identity(cell: dict[str, Any]) -> str | None:
    said = cell["metadata"].get("nbgrader")
    if not isinstance(said, dict) or not said.get("solution"):
        return None
    identity = said.get("grade_id")
    return identity if isinstance(identity, str) else None


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _notebooks(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".ipynb") and not name.startswith("."):
                yield Path(parent, name)


def _student(file: Path, folder: Path) -> str:
    inside = file.relative_to(folder)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def read(path: Path) -> bytes:
    """A submission's bytes.

    Raises:
        LabError: it is a link, not a file, or too large.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise LabError("it is not a file")
            content = file.read(LARGEST + 1)
    except OSError:
        raise LabError("it is a link, or cannot be read") from None
    if len(content) > LARGEST:
        raise LabError(f"it is larger than {LARGEST >> 20} MB: clear its outputs")
    return content

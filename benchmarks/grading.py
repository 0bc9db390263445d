"""Seconds to grade a submission: `labkit grade` against nbgrader's autograde.

    python benchmarks/grading.py [--students 100] [--sample 5] [--write]

Both grade the attention set in the same run. The class is of right answers, wrong ones
and stubs, each notebook another. Ours is timed as one command, from its start to its
last file. nbgrader runs each notebook in a kernel of its own: it is timed on a sample,
less what its command takes for the first of them, so that its start does not count.
"""

import argparse
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import nbformat
from results import write

from labkit.grading import ProblemSet, find
from labkit.grading.problems import grade_id
from labkit.grading.release import render

SET = "attention"
BIN = Path(sys.executable).parent


def answers(problem_set: ProblemSet, chance: random.Random) -> dict[str, str]:
    """One student's: of each exercise a right answer, a wrong one, or none."""
    given = {}
    for exercise in problem_set.exercises:
        solution = problem_set.solution(exercise.id)
        right = [solution, *problem_set.alternatives.get(exercise.id, {}).values()]
        mutants = problem_set.mutants.get(exercise.id, ())
        wrong = [mutant.source(solution) for mutant in mutants]
        kind = chance.choices(["right", "wrong", "none"], [6, 3, 1])[0]
        if kind != "none":
            given[exercise.id] = chance.choice(
                right if kind == "right" or not wrong else wrong
            )
    return given


released = cache(render)


def hand_in(problem_set: ProblemSet, student: str, folder: Path, seed: int) -> None:
    """Write a student's notebook: the released one, with answers."""
    notebook = nbformat.reads(released(problem_set), as_version=4)
    given = answers(problem_set, random.Random(seed))
    for cell in notebook.cells:
        if grade_id(cell) in given:
            mark = "#" if cell.cell_type == "code" else "by"
            cell.source = f"{given[grade_id(cell)]}\n{mark} {student}"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{SET}.ipynb")
    (folder / "checks.py").write_text(problem_set.checks)


def seconds(command: list[str], folder: Path) -> float:
    """How long a command takes, which must succeed."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # nbgrader looks for alembic there
    began = time.perf_counter()
    run = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{run.stdout}{run.stderr}")
    return took


def time_ours(problem_set: ProblemSet, students: int, root: Path) -> float:
    for number in range(students):
        name = f"s{number:03}"
        hand_in(problem_set, name, root / "submitted" / name / SET, number)
    command = [str(BIN / "labkit"), "grade", str(root / "submitted"), "--set", SET]
    return seconds([*command, "--out", str(root / "marks")], Path.cwd())


def time_nbgrader(problem_set: ProblemSet, sample: int, root: Path) -> float:
    """Seconds a submission, after the first."""
    course = root / "course"
    source = course / "source" / SET
    source.mkdir(parents=True)
    (source / "checks.py").write_text(problem_set.checks)
    name = f"{SET}.ipynb"
    (source / name).write_bytes((problem_set.folder / name).read_bytes())
    nbgrader = [str(BIN / "nbgrader")]
    seconds([*nbgrader, "generate_assignment", SET], course)
    autograde = [*nbgrader, "autograde", SET, "--create"]
    autograde.append("--ExecutePreprocessor.timeout=300")
    times = []
    for first, last in ((0, 1), (1, 1 + sample)):
        for number in range(first, last):
            name = f"s{number:03}"
            hand_in(problem_set, name, course / "submitted" / name / SET, number)
        times.append(seconds(autograde, course))  # those not graded before
    start_and_one, start_and_sample = times
    return (start_and_sample - start_and_one) / (sample - 1)


def machine() -> str:
    torch = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    threads = len(os.sched_getaffinity(0))
    python = platform.python_version()
    return f"{platform.machine()}, {threads} threads; torch {torch}; Python {python}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--sample", type=int, default=5, help="for nbgrader; 2 or more")
    parser.add_argument("--write", action="store_true", help="keep it in RESULTS.md")
    options = parser.parse_args()
    [problem_set] = find([SET], Path(__file__).parents[1] / "solutions")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        one = time_ours(problem_set, 1, root / "one")
        ours = time_ours(problem_set, options.students, root / "class")
        theirs = time_nbgrader(problem_set, options.sample, root)
    each = ours / options.students
    whole = theirs * options.students
    exercises = len(problem_set.exercises)
    text = "\n".join(
        [
            f"The set {SET}, {exercises} exercises; a class of {options.students}; "
            f"nbgrader on {options.sample} of them, scaled, its start not counted.",
            "",
            machine(),
            "",
            "| grader | s a submission | s for the class | s for one alone |",
            "|---|--:|--:|--:|",
            f"| labkit grade | {each:.2f} | {ours:.0f} | {one:.1f} |",
            f"| nbgrader autograde | {theirs:.2f} | {whole:.0f} (scaled) | – |",
            f"| times faster | {theirs / each:.1f} | {whole / ours:.1f} | |",
            "",
        ]
    )
    print(text)
    if options.write:
        write("grading.py", text)


if __name__ == "__main__":
    main()

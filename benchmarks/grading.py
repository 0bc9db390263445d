"""Seconds to grade a submission: `labkit grade` against nbgrader's autograde.

    python benchmarks/grading.py [--students 100] [--sample 5] [--many 1000] [--write]

Both grade the attention set in the same run. The class is of right answers, wrong ones
and stubs, each notebook another. Ours is timed as one command, from its start to its
last file. nbgrader runs each notebook in a kernel of its own: it is timed on a sample,
less what its command takes for the first of them, so that its start does not count.

Many submissions are then judged by one walled process, by two, and by two workers of a
Dask cluster on this machine, each time from the notebooks to the marks.
"""

import argparse
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import nbformat
from distributed import LocalCluster
from results import write

from labkit.grading import ProblemSet, find
from labkit.grading.cluster import Cluster
from labkit.grading.extract import collect
from labkit.grading.marking import grade
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


def time_many(problem_set: ProblemSet, many: int, root: Path) -> dict[str, float]:
    """Who judges -> seconds for all."""
    for number in range(many):
        name = f"s{number:05}"
        hand_in(problem_set, name, root / "submitted" / name / SET, number)
    submissions, took = collect([root / "submitted"]), {}
    one_thread = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**one_thread) as here, Cluster(here.scheduler_address) as cluster:
        judges = {
            "one process": ThreadPoolExecutor(1),
            "two processes": ThreadPoolExecutor(2),
            "a cluster of two workers": cluster,
        }
        for name, judge in judges.items():
            began = time.perf_counter()
            graded = grade(submissions, root / name, [problem_set], judge)
            took[name] = time.perf_counter() - began
            assert not any(one.failed for one in graded), f"{name}: some have no mark"
    return took


def tell_many(took: dict[str, float], many: int) -> list[str]:
    """A table, and what it says of ten thousand."""
    alone, cluster = took["one process"], took["a cluster of two workers"]
    rows = [
        f"| {name} | {seconds / many:.2f} | {seconds:.0f} | {alone / seconds:.2f} |"
        for name, seconds in took.items()
    ]
    ten_thousand = [f"{10_000 / many * seconds / 60:.0f}" for seconds in took.values()]
    workers = 10_000 / many * 2 * cluster / 600
    return [
        f"{many:,} submissions, of {len(os.sched_getaffinity(0))} threads:",
        "",
        "| judged by | s a submission | s for all | times one process |",
        "|---|--:|--:|--:|",
        *rows,
        "",
        f"At these rates 10,000 submissions take {ten_thousand[0]} minutes on one "
        f"process, {ten_thousand[1]} on two and {ten_thousand[2]} on the cluster; "
        f"{workers:.0f} such workers, if they scale, would do them in ten minutes.",
    ]


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
    parser.add_argument("--many", type=int, default=1_000, help="for the cluster")
    parser.add_argument("--write", action="store_true", help="keep it in RESULTS.md")
    options = parser.parse_args()
    [problem_set] = find([SET], Path(__file__).parents[1] / "solutions")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        one = time_ours(problem_set, 1, root / "one")
        ours = time_ours(problem_set, options.students, root / "class")
        theirs = time_nbgrader(problem_set, options.sample, root)
        many = time_many(problem_set, options.many, root / "many")
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
            *tell_many(many, options.many),
        ]
    )
    print(text)
    if options.write:
        write("grading.py", text)


if __name__ == "__main__":
    main()

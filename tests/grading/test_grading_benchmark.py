"""`benchmarks/grading.py` runs; what it measures is nobody's test."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wall

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "grading.py"


@pytest.mark.slow
def test_both_graders_are_measured_on_the_same_set():
    command = [sys.executable, str(PROGRAM), "--students", "2", "--sample", "2"]
    command += ["--many", "4"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    rows = [
        line.split("|")[1:-1] for line in run.stdout.splitlines() if line[:1] == "|"
    ]
    names = [row[0].strip() for row in rows]
    both = ["labkit grade", "nbgrader autograde", "times faster"]
    judges = ["one process", "two processes", "a cluster of two workers"]
    assert names[2:5] == both
    assert names[7:] == judges
    assert all(float(row[1]) > 0 for row in rows[2:5] + rows[7:])

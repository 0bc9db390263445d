"""A busy machine changes no mark: a worker's own time counts, not the clock."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import vault

from labkit.grading.extract import collect
from labkit.grading.marking import grade
from labkit.grading.problems import load

pytestmark = pytest.mark.wall

KEY, UNLOCK = (vault.HONEST.cells[index].source for index in (1, 3))
CLASS = {
    "plain": UNLOCK,
    "with pandas": f"import pandas as pd\n{UNLOCK}",
    "with scikit-learn": f"from sklearn import metrics, linear_model\n{UNLOCK}",
    "with SciPy": f"from scipy import stats, special, optimize\n{UNLOCK}",
    "with what is not there": f"import matplotlib.pyplot as plt\n{UNLOCK}",
    "slow, but right": f"sum(i * i for i in range(3_000_000))\n{UNLOCK}",
    "sleepy, but right": f"import time; time.sleep(1)\n{UNLOCK}",
    "wrong": "def unlock(words, key): return words",
}


@pytest.fixture
def busy() -> Iterator[None]:
    """Twice as many busy processes as there are cores, at the least four."""
    command = [sys.executable, "-S", "-c", "while True: pass"]
    count = max(4, 2 * (os.cpu_count() or 1))
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_class_gets_the_same_marks_on_a_busy_machine(busy, tmp_path: Path):
    folder = vault.build(tmp_path)
    for student, unlock in CLASS.items():
        path = tmp_path / "submitted" / student / "vault.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(vault.notebook(KEY, unlock, ""), path)
    found = grade(collect([tmp_path / "submitted"]), tmp_path / "marks", [load(folder)])
    points = {one.student: one.points for one in found}
    assert points == dict.fromkeys(CLASS, 5) | {"wrong": 1}
    assert not any(one.notes for one in found), "each is final"

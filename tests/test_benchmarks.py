"""The programs in `benchmarks/` run; what they measure is nobody's test."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.slow
def test_every_way_of_fine_tuning_is_measured_and_compared():
    command = [sys.executable, str(BENCHMARKS / "finetune.py")]
    command += ["--examples", "16", "--rounds", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    rows = [line.split("|") for line in run.stdout.splitlines() if line[:1] == "|"]
    header, _, *ways = [[cell.strip() for cell in row[1:-1]] for row in rows]
    assert header[0] == "way"
    assert ways[0][0] == "fit"
    assert len(ways) == 6
    assert ways[0][header.index("fit is faster by")] == "1.00×"

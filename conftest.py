"""Refuse the network, and hold every lesson to its budget of minutes and memory."""

import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import psutil
import pytest

OFFLINE = Path(__file__).parent / "tests" / "offline"
GIB = 2**30
MEMORY_BUDGET = 4 * GIB
NOISE = 2.0  # shared machines: the minutes promised are for a quiet one

os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(OFFLINE), *filter(None, [os.environ.get("PYTHONPATH")])]
)
os.environ["LABKIT_PROFILE"] = "quick"
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # they share the cores
    threads = (os.cpu_count() or 1) // int(workers)
    os.environ["OMP_NUM_THREADS"] = str(max(1, threads))
sys.path.insert(0, str(OFFLINE))
import sitecustomize  # noqa: E402, F401  # this process too


@pytest.fixture
def empty_home(tmp_path, monkeypatch) -> Path:
    """A cache with nothing in it."""
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class Budgets:
    """Adds up what each notebook took; a lesson over its budget fails the run."""

    def __init__(self) -> None:
        self.seconds: dict[Path, float] = defaultdict(float)
        self.memory: dict[Path, int] = defaultdict(int)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        started = time.perf_counter()
        try:
            return (yield)
        finally:
            if item.path.suffix == ".ipynb":
                self.seconds[item.path] += time.perf_counter() - started

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        try:
            return (yield)
        finally:
            kernel = getattr(item.parent, "kernel", None)
            if kernel is not None:
                self.memory[item.path] = max(self.memory[item.path], peak(kernel))

    def overrun(self) -> list[str]:
        lines = []
        for path, seconds in self.seconds.items():
            metadata = json.loads(path.read_text())["metadata"]
            promised = metadata["labkit"]["minutes"]["quick"]
            if seconds > NOISE * 60 * promised:
                lines.append(f"{path.name} took {seconds:.0f} s, not {promised} min")
            if self.memory[path] > MEMORY_BUDGET:
                lines.append(
                    f"{path.name} took {self.memory[path] / GIB:.1f} GiB of memory"
                )
        return lines

    def pytest_terminal_summary(self, terminalreporter):
        for report in terminalreporter.getreports("passed"):
            for name, value in report.user_properties:
                if name == "printed":  # whichever process ran the test
                    terminalreporter.line(value)
        for path, seconds in self.seconds.items():
            memory = f"{self.memory[path] / GIB:.1f} GiB at most"
            terminalreporter.line(f"{path.name}: {seconds:.0f} s, {memory}")
        for line in self.overrun():
            terminalreporter.line(f"OVER BUDGET: {line}", red=True)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        if self.overrun():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def peak(kernel) -> int:
    """Bytes: the kernel's highest resident set; off Linux, its present one."""
    process = psutil.Process(kernel.km.provisioner.pid)
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return process.memory_info().rss
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024


def pytest_configure(config):
    config.pluginmanager.register(Budgets())

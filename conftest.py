"""Refuse the network, and hold every lesson to its budget of minutes and memory."""

import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import psutil
import pytest

STARTUP = Path(__file__).parent / "tests" / "startup"
GIB = 2**30
MEMORY_BUDGET = 4 * GIB
DECODER_BUDGET = 6 * 10**9  # of a lesson that has the decoder
NOISE = 2.0  # shared machines: the minutes promised are for a quiet one

os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(STARTUP), *filter(None, [os.environ.get("PYTHONPATH")])]
)
os.environ["LABKIT_PROFILE"] = "quick"
_nobody = tempfile.TemporaryDirectory()
os.environ["LABKIT_PROGRESS"] = f"{_nobody.name}/progress.sqlite"
os.environ["MALLOC_ARENA_MAX"] = "1"  # as `make lab` has it
# nbval reads a cell's messages when the cell has ended: of too many, the last are lost
os.environ["TQDM_MININTERVAL"] = "2"
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # they share the cores
    threads = (os.cpu_count() or 1) // int(workers)
    os.environ["OMP_NUM_THREADS"] = str(max(1, threads))
sys.path.insert(0, str(STARTUP))
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

    def pytest_runtest_setup(self, item):
        is_cell = item.path.suffix == ".ipynb"
        if is_cell and not item.get_closest_marker("proof"):  # a broken copy
            item.user_properties.append(("lesson", str(item.path)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        is_lessons_own = "lesson" in dict(item.user_properties)
        if not is_lessons_own or not alive(item.parent.kernel):
            return (yield)
        forget_peak(item.parent.kernel)
        try:
            return (yield)
        finally:
            if alive(item.parent.kernel):
                item.user_properties.append(("peak", peak(item.parent.kernel)))

    def pytest_runtest_logreport(self, report):  # whichever process ran the cell
        told = dict(report.user_properties)
        if lesson := told.get("lesson"):
            path = Path(lesson)
            self.seconds[path] += report.duration
            self.memory[path] = max(self.memory[path], told.get("peak", 0))

    def overrun(self) -> list[str]:
        lines = []
        for path, seconds in self.seconds.items():
            metadata = json.loads(path.read_text())["metadata"]
            promised = metadata["labkit"]["minutes"]["quick"]
            has_decoder = "decoder" in metadata["labkit"].get("roles", [])
            allowed = DECODER_BUDGET if has_decoder else MEMORY_BUDGET
            if seconds > NOISE * 60 * promised:
                lines.append(f"{path.name} took {seconds:.0f} s, not {promised} min")
            if self.memory[path] > allowed:
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


def alive(kernel) -> bool:
    """Not once nbval has given it up: then the cell's own error says why."""
    return hasattr(kernel, "km")


def forget_peak(kernel) -> None:
    """On Linux, from now on the peak is this cell's: broken copies do not count."""
    refs = Path(f"/proc/{kernel.km.provisioner.pid}/clear_refs")
    if refs.exists():
        refs.write_text("5")


def peak(kernel) -> int:
    """Bytes: the kernel's highest resident set; off Linux, its present one."""
    process = psutil.Process(kernel.km.provisioner.pid)
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return process.memory_info().rss
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024


def pytest_collection_modifyitems(config, items):
    """Off Linux there is no wall for answers; on it, a test without one fails."""
    if sys.platform == "linux":
        return
    walled = [item for item in items if item.get_closest_marker("wall")]
    config.hook.pytest_deselected(items=walled)
    items[:] = [item for item in items if item not in walled]


def pytest_configure(config):
    import broken_copies  # they lie in tests/, which is on the path by now
    import browsing
    import told
    from jaxtyping import install_import_hook

    install_import_hook("labkit.models", "shapes.checked")  # before it is imported
    config.pluginmanager.register(Budgets())
    config.pluginmanager.register(browsing)
    config.pluginmanager.register(told)
    config.pluginmanager.register(broken_copies)  # the last registered comes first

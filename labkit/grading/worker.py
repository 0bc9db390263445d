"""The program inside the sandbox: it imports once, then forks for each answer.

The zygote runs nothing but this file. For each worker it is sent a socket: it forks,
and the child shuts itself up in namespaces of its own, in a root folder that is empty,
drops every capability, closes every other file, and lets the kernel refuse every system
call that computing does not need. Only then is it sent an answer to run. Nothing that
an answer does outlives its worker, and the next one starts from the zygote's clean
memory. So whatever an answer may import must have been imported here.

The sandbox receives this file compiled: it may import nothing of the kit but
`shell` and `wire`.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import platform
import random
import resource
import signal
import socket
import struct
import sys
import types
from typing import Any

import numpy as np
import torch
import wire
from shell import CELL, Shell

IMPORTED = """
abc array base64 binascii bisect calendar cmath codecs collections.abc colorsys
concurrent.futures contextvars copy csv dataclasses datetime decimal difflib dis doctest
enum fractions functools getpass glob graphlib gzip hashlib heapq html html.parser
inspect io itertools json keyword linecache locale logging math numbers operator pathlib
pickle pprint queue re secrets shutil statistics string subprocess tempfile textwrap
threading time timeit token tokenize traceback types typing unicodedata unittest
unittest.mock uuid warnings weakref zlib zoneinfo
numpy.fft numpy.linalg numpy.polynomial numpy.random numpy.testing numpy.typing
torch.autograd.functional torch.distributions torch.fft torch.func torch.linalg
torch.nn.functional torch.nn.utils.rnn torch.special torch.utils.data torch.testing
IPython.display jaxtyping pandas
scipy.linalg scipy.optimize scipy.sparse scipy.spatial.distance scipy.special
scipy.stats sklearn.calibration sklearn.linear_model sklearn.metrics
sklearn.model_selection sklearn.preprocessing sklearn.utils.extmath tqdm.auto
""".split()  # noqa: SIM905
LIBRARIES = """
import math
math?
from sklearn import metrics
metrics.classification_report([0, 1, 1], [0, 1, 0], zero_division=0)
metrics.confusion_matrix([0, 1], [0, 1]), metrics.log_loss([0, 1], [0.5, 0.4])
from sklearn.linear_model import LogisticRegression
LogisticRegression().fit([[0], [1]], [0, 1]).predict_proba([[0]])
import pandas as pd
repr(pd.crosstab(pd.Series([0, 1]), pd.Series([0, 1])))
pd.DataFrame({"a": [1, 2], "b": [1, 2]}).groupby("a").agg(["mean", "sum"])
from scipy import optimize, special, stats
stats.binomtest(1, 3).pvalue, stats.binom.cdf(1, 3, 0.5), stats.norm.ppf(0.9)
stats.bootstrap(([1, 2, 3],), __import__("numpy").mean, n_resamples=9)
optimize.minimize_scalar(lambda x: x * x), special.softmax([1, 2])
"""
MEMORY = 2 << 30  # bytes of private memory, the libraries' own 0.5 GiB included
FILES = 8 << 20  # bytes of any one file
SCRATCH = b"size=16m,nr_inodes=256"  # all that there is of a file system

NEW_USER, NEW_PROCESSES = 0x10000000, 0x20000000
OTHER_NAMESPACES = 0x4E020000  # of mounts, IPC, network, host name and cgroups
NO_SUID_DEV_EXEC, DETACH = 2 | 4 | 8, 2
SET_NO_NEW_PRIVILEGES, SET_SECCOMP, GET_SECCOMP, FILTER = 38, 22, 21, 2
M_PERTURB, HUGE_PAGE, POPULATE_READ, COLLAPSE = -6, 14, 22, 25

# The system calls that computing needs: numbers on x86-64 and on aarch64.
ALLOWED = {
    # files, of which there are none but a worker's own
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66),
    "pread64": (17, 67), "pwrite64": (18, 68), "lseek": (8, 62), "close": (3, 57),
    "stat": (4, None), "fstat": (5, 80), "lstat": (6, None), "newfstatat": (262, 79),
    "statx": (332, 291), "open": (2, None), "openat": (257, 56), "creat": (85, None),
    "ftruncate": (77, 46), "getdents64": (217, 61), "readlink": (89, None),
    "readlinkat": (267, 78), "access": (21, None), "faccessat": (269, 48),
    "unlink": (87, None), "unlinkat": (263, 35), "mkdir": (83, None),
    "mkdirat": (258, 34), "rmdir": (84, None), "rename": (82, None),
    "renameat": (264, 38), "getcwd": (79, 17), "chdir": (80, 49), "dup": (32, 23),
    "dup2": (33, None), "dup3": (292, 24),
    # memory
    "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226),
    "brk": (12, 214),
    # threads and signals of its own
    "futex": (202, 98), "set_robust_list": (273, 99), "get_robust_list": (274, 100),
    "rseq": (334, 293), "set_tid_address": (218, 96), "sched_yield": (24, 124),
    "exit": (60, 93), "exit_group": (231, 94), "tgkill": (234, 131),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128),
    # clocks and facts about itself
    "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "nanosleep": (35, 101), "gettimeofday": (96, 169),
    "time": (201, None), "getrandom": (318, 278), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178),
    "uname": (63, 160), "getrusage": (98, 165), "getrlimit": (97, 163),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168), "times": (100, 153),
    "capget": (125, 90),
    # the judge's socket
    "recvfrom": (45, 207), "sendto": (44, 206), "poll": (7, None), "ppoll": (271, 73),
    "select": (23, None), "pselect6": (270, 72),
}  # fmt: skip
# Allowed for some values of an argument: which, by its place; of a file descriptor no
# lock, lease, signal or size of a pipe; of memory no advice that others could notice.
CHECKED = {
    "fcntl": ((72, 25), 1, (0, 1, 2, 3, 4, 1030)),
    "madvise": ((28, 233), 2, (0, 1, 2, 3, 4, 8, 14, 15)),
    "prlimit64": ((302, 261), 2, (0,)),  # a pointer: to ask, never to set
}
CLONE = (56, 220)
CLONE3, CLONE_THREAD = 435, 0x10000
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
ALLOW, KILL, REFUSE, ABSENT = 0x7FFF0000, 0x80000000, 0x50001, 0x50026  # EPERM, ENOSYS

libc = ctypes.CDLL(None, use_errno=True)


def main(control: socket.socket) -> None:
    """Fork a worker for each socket that comes, until the other end closes."""
    enter_namespaces(NEW_USER | NEW_PROCESSES)
    if child := os.fork():  # who is inside may make more of them
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    torch.set_num_threads(1)
    warm_up()
    libc.mallopt(M_PERTURB, 0)  # from here on memory need not be wiped
    gc.collect()
    gc.freeze()
    settle_memory()
    forget_files()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    processes = os.open("/proc/self/ns/pid", os.O_RDONLY)
    control.send(b"ready")
    while True:
        message, files, _, _ = socket.recv_fds(control, 4, 1)
        if not message:
            return
        (cpu_seconds,) = struct.unpack(">I", message)
        call("setns", processes, NEW_PROCESSES)
        call("unshare", NEW_PROCESSES)  # the next child is the first of a new one
        child = os.fork()
        if not child:
            control.close()
            become_worker(socket.socket(fileno=files[0]), cpu_seconds)
        os.close(files[0])
        handle = os.pidfd_open(child)
        socket.send_fds(control, [b"p"], [handle])
        os.close(handle)


def warm_up() -> None:
    """Import, also what libraries import when a function of theirs is first called."""
    for name in IMPORTED:
        with contextlib.suppress(ImportError):  # some are of an extra
            importlib.import_module(name)
    reseed()
    frames: list[bytes] = []
    peer = Worker(lambda size: frames.pop()[:size], frames.append)
    x = torch.ones(8, 8, requires_grad=True)
    y = (x.mm(x) + x.norm() + torch.einsum("ij,jk", x, x)).log_softmax(-1).sum()
    y.backward(retain_graph=True)
    torch.autograd.grad(y, x)
    model = torch.nn.TransformerEncoderLayer(8, 2, batch_first=True)
    model(x[None]).sum().backward()
    torch.vmap(torch.sin)(x)
    torch.func.grad(lambda x: x.sum())(x)
    torch.testing.assert_close(x, x)
    repr([x, x.detach().numpy(), model])
    peer._send([x, x.detach().numpy(), {"a": 1}, torch.nn.Linear(2, 2)])
    peer._shell.run(LIBRARIES)


def settle_memory() -> None:
    """Have all that is mapped in memory, in large pages where the kernel can.

    A page that is read when it is first touched takes longer, which others could time;
    and few pages are forked faster than many.
    """
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    for ends, access, _, _, _, *name in lines:
        first, last = (int(end, 16) for end in ends.split("-"))
        is_file = bool(name) and name[0].startswith("/")
        advice = (POPULATE_READ,) if is_file else (HUGE_PAGE, COLLAPSE)
        if access[0] == "r" and (is_file or name in ([], ["[heap]"])):
            for each in advice:
                where = ctypes.c_void_p(first), ctypes.c_size_t(last - first)
                libc.madvise(*where, each)


def forget_files() -> None:
    """Leave no way to what was not imported, nor the names of what there is."""
    sys.path.clear()
    sys.path_importer_cache.clear()
    del sys.argv[1:]
    sys.orig_argv.clear()


def reseed() -> None:
    random.seed()
    np.random.seed()
    torch.default_generator.manual_seed(random.getrandbits(63))


def become_worker(judge: socket.socket, cpu_seconds: int) -> None:
    """In a child of the zygote: shut itself up, then serve. Never returns."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        enter_namespaces(NEW_USER | OTHER_NAMESPACES)
        enter_empty_root()
        shut_up(judge, null, cpu_seconds)
        judge.sendall(b"w")  # the wall is up
        stream = judge.makefile("rb")
        worker = Worker(stream.read, judge.sendall)
        while True:
            worker.serve(worker.receive())
    finally:
        os._exit(0)


def enter_namespaces(kinds: int) -> None:
    """New ones, where this user is who it was."""
    user, group = os.getuid(), os.getgid()
    call("unshare", kinds)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def enter_empty_root() -> None:
    """See no file but those that it will make itself."""
    call("mount", b"tmpfs", b"/tmp", b"tmpfs", NO_SUID_DEV_EXEC, SCRATCH)
    os.chdir("/tmp")
    call("pivot_root", b".", b".")
    call("umount2", b".", DETACH)  # the old root, which lies over the new one
    os.chdir("/")


def shut_up(judge: socket.socket, null: int, cpu_seconds: int) -> None:
    """Close every other file, and give up what an answer does not need."""
    for stream in range(3):
        os.dup2(null, stream)
    own = judge.fileno()
    os.closerange(3, own)
    os.closerange(own + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for limit, value in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, max(64, own + 1)),
        (resource.RLIMIT_DATA, MEMORY),
    ):
        resource.setrlimit(limit, (value, value))
    reseed()
    header = struct.pack("Ii", 0x20080522, 0)  # version 3, this process
    call("capset", header, bytes(24))  # of no capabilities
    filter_system_calls()


def filter_system_calls() -> None:
    """Seccomp, mode 2: refuse what is not allowed, on this architecture."""
    lines = filter_lines(*MACHINES[platform.machine()])
    program = b"".join(struct.pack("HBBI", *line) for line in lines)
    memory = ctypes.create_string_buffer(program)
    fprog = struct.pack("HP", len(lines), ctypes.addressof(memory))
    call("prctl", SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    call("prctl", SET_SECCOMP, FILTER, fprog, 0, 0)
    if libc.prctl(GET_SECCOMP, 0, 0, 0, 0) != -1:  # a call that the filter refuses
        raise OSError("the filter of system calls is not in force")


def filter_lines(column: int, architecture: int) -> list[tuple[int, int, int, int]]:
    """The filter in classic BPF: (operation, jump if true, jump if false, operand)."""
    load, equal, has_bit, ret = 0x20, 0x15, 0x45, 0x06
    lines = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (ret, 0, 0, KILL),
        (load, 0, 0, 0),  # the system call's number
        (equal, 0, 1, CLONE3),  # flags out of reach: have libc take clone
        (ret, 0, 0, ABSENT),
    ]
    for numbers in ALLOWED.values():
        if (number := numbers[column]) is not None:
            lines += [(equal, 0, 1, number), (ret, 0, 0, ALLOW)]
    for numbers, place, values in CHECKED.values():
        low = 16 + 8 * place  # of the argument's two halves
        tests = [(load, 0, 0, low + 4), (equal, 1, 0, 0), (ret, 0, 0, REFUSE)]
        tests += [(load, 0, 0, low)]
        for value in values:
            tests += [(equal, 0, 1, value), (ret, 0, 0, ALLOW)]
        tests += [(ret, 0, 0, REFUSE)]
        lines += [(equal, 0, len(tests), numbers[column]), *tests]
    lines += [
        (equal, 1, 0, CLONE[column]),
        (ret, 0, 0, REFUSE),
        (load, 0, 0, 16),  # its flags: a thread may be made, a process may not
        (has_bit, 1, 0, CLONE_THREAD),
        (ret, 0, 0, REFUSE),
        (ret, 0, 0, ALLOW),
    ]
    return lines


def call(name: str, *arguments: Any) -> None:
    """A function of libc's; integers as the registers of the kernel hold them."""
    wide = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    if getattr(libc, name)(*wide) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


class Worker(wire.Peer):
    """The answer's end of the wire."""

    caught = BaseException

    def __init__(self, *ends: Any) -> None:
        super().__init__(*ends)
        sys.modules["__main__"] = notebook = types.ModuleType("__main__")
        self._shell = Shell(vars(notebook))

    def answer(self, request: dict[str, Any]) -> Any:
        match request:
            case {"define": [list(cells), dict(given)]}:
                self._shell.namespace |= given
                return self._shell.run("\n".join(f"{CELL}\n{cell}" for cell in cells))
            case {"name": str(name)}:
                return self._shell.namespace[name]
            case {"look": [int(number), str(name)]}:
                return getattr(self.held[number], name)
        return super().answer(request)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))

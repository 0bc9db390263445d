"""The program inside the sandbox: it imports torch once, then forks for each check.

The zygote runs nothing but this file. For each worker it is sent a socket: it forks,
and the child shuts itself up in namespaces of its own (processes, mounts, IPC), drops
every capability, closes every other file, and forbids itself new processes, programs,
sockets and mounts. Only then is it sent an answer to run. Nothing that an answer does
outlives its worker, and the next one starts from the zygote's clean memory.

This file is given to the sandbox alone: it may import nothing of the kit but `wire`.
"""

import builtins
import ctypes
import gc
import io
import os
import platform
import random
import resource
import socket
import struct
import sys
from typing import Any

# `-I` keeps the script's own folder off the path
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np
import torch
import wire

MEMORY = 2 << 30  # bytes of private memory, torch's own 0.3 GiB included
FILES = 8 << 20  # bytes of any one file
SCRATCH = b"size=16m,nr_inodes=256"  # /tmp
NO_FILES = b"size=4k,nr_inodes=1,mode=555"  # over /proc

NEW_NAMESPACES = 0x10000000 | 0x20000 | 0x20000000 | 0x8000000  # user, mount, PID, IPC
NO_SUID_DEV_EXEC = 2 | 4 | 8
SET_NO_NEW_PRIVILEGES, SET_SECCOMP, GET_SECCOMP, FILTER = 38, 22, 21, 2

# System calls that no answer needs. Numbers: the kernel's tables, per architecture.
_ALIKE = {425, 426, 427, 428, 429, 430, 431, 432, 442, 447}  # io_uring, mounts, memfd
FORBIDDEN = {
    "x86_64": _ALIKE
    | {57, 58, 59, 322}  # fork, vfork, execve, execveat
    | {41, 101, 310, 311, 312}  # socket, ptrace, process_vm_*, kcmp
    | {155, 161, 165, 166, 272, 308}  # pivot_root, chroot, mount, umount2, unshare, …
    | {319, 321, 323, 298, 248, 249, 250}  # memfd_create, bpf, userfaultfd, perf, keys
    | {29, 30, 64, 68, 240, 303, 304},  # System V memory and queues, handles
    "aarch64": _ALIKE
    | {221, 281, 198, 117, 270, 271, 272}
    | {41, 51, 40, 39, 97, 268}
    | {279, 280, 282, 241, 217, 218, 219}
    | {194, 196, 190, 186, 180, 264, 265},
}
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3, CLONE_THREAD = 435, 0x10000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, REFUSE, ABSENT = 0x7FFF0000, 0x80000000, 0x50001, 0x50026  # EPERM, ENOSYS

libc = ctypes.CDLL(None, use_errno=True)


def main(control: socket.socket, confined: bool) -> None:
    """Fork a worker for each socket that comes, until the other end closes."""
    torch.set_num_threads(1)
    warm_up()
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    while True:
        message, files, _, _ = socket.recv_fds(control, 4, 1)
        if not message:
            return
        (cpu_seconds,) = struct.unpack(">I", message)
        child = os.fork()
        if not child:
            control.close()
            become_worker(socket.socket(fileno=files[0]), cpu_seconds, confined)
        os.close(files[0])
        os.waitpid(child, 0)


def warm_up() -> None:
    """Do once what every worker does: it loads modules, and looks at /proc."""
    reseed()
    x = torch.ones(8, 8).mm(torch.ones(8, 8)).softmax(-1)
    frame = io.BytesIO(wire.pack([x, x.numpy(), {"a": 1}]))
    wire.unpack(frame.read)
    define(["import math\nimport torch.nn.functional as F"], {})


def reseed() -> None:
    random.seed()
    np.random.seed()
    torch.manual_seed(random.getrandbits(63))


def become_worker(judge: socket.socket, cpu_seconds: int, confined: bool) -> None:
    """In a child of the zygote: shut itself up, then serve. Never returns."""
    try:
        if confined:
            enter_namespaces()
        child = os.fork()  # the first process of its namespace: all ends with it
        if child:
            introduce(judge, child, confined)
            os._exit(0)
        shut_up(judge, cpu_seconds, confined)
    except BaseException as error:
        judge.sendall(wire.pack({"failed": str(error)}))
        os._exit(1)
    try:
        serve(judge)
    finally:
        os._exit(0)


def introduce(judge: socket.socket, child: int, confined: bool) -> None:
    """Tell the judge whom to kill."""
    if confined:
        socket.send_fds(judge, [b"p"], [os.pidfd_open(child)])
    else:
        judge.sendall(b"p" + struct.pack(">I", child))


def enter_namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    call("unshare", NEW_NAMESPACES)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    mount_empty(b"/tmp", SCRATCH)
    mount_empty(b"/proc", NO_FILES)


def mount_empty(folder: bytes, options: bytes) -> None:
    call("mount", b"tmpfs", folder, b"tmpfs", NO_SUID_DEV_EXEC, options)


def shut_up(judge: socket.socket, cpu_seconds: int, confined: bool) -> None:
    """Close every other file, and give up what an answer does not need."""
    null = os.open(os.devnull, os.O_RDWR)
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
    if confined:
        drop_capabilities()
        filter_system_calls()
    reseed()


def drop_capabilities() -> None:
    header = struct.pack("Ii", 0x20080522, 0)  # version 3, this process
    call("capset", header, bytes(24))


def filter_system_calls() -> None:
    """Seccomp, mode 2: refuse what is forbidden, and what is not this architecture."""
    machine = platform.machine()
    program = b"".join(struct.pack("HBBI", *line) for line in filter_lines(machine))
    lines = ctypes.create_string_buffer(program)
    fprog = struct.pack("HP", len(program) // 8, ctypes.addressof(lines))
    call("prctl", SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    call("prctl", SET_SECCOMP, FILTER, fprog, 0, 0)
    if libc.prctl(GET_SECCOMP, 0, 0, 0, 0) != FILTER:
        raise OSError("the filter of system calls is not in force")


def filter_lines(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter in classic BPF: (operation, jump if true, jump if false, operand)."""
    load, equal, at_least, has_bit, ret = 0x20, 0x15, 0x35, 0x45, 0x06
    lines = [
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, AUDIT[machine]),
        (ret, 0, 0, KILL),
        (load, 0, 0, 0),  # the system call's number
        (at_least, 0, 1, 0x40000000),  # x86-64's second set of numbers
        (ret, 0, 0, REFUSE),
        (equal, 0, 1, CLONE3),  # flags out of reach: have libc take clone
        (ret, 0, 0, ABSENT),
    ]
    for number in sorted(FORBIDDEN[machine]):
        lines += [(equal, 0, 1, number), (ret, 0, 0, REFUSE)]
    lines += [
        (equal, 0, 3, CLONE[machine]),
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


def serve(judge: socket.socket) -> None:
    """Define an answer, then call it as often as the judge asks."""
    stream = judge.makefile("rb")
    namespace: dict[str, Any] = {"__name__": "answer"}
    while True:
        request = wire.unpack(stream.read)
        try:
            if "inputs" in request:
                reply = {"value": run(request, namespace)}
            else:
                define(request["sources"], namespace)
                reply = {"value": None}
        except BaseException as error:
            reply = {"error": error_name(error)}
        try:
            frame = wire.pack(reply)
        except BaseException:
            frame = wire.pack({"error": wire.TOO_LARGE})
        judge.sendall(frame)


def define(sources: list[str], namespace: dict[str, Any]) -> None:
    """Run our cells, and then the answer's."""
    for source in sources:
        exec(compile(source, "<answer>", "exec"), namespace)


def run(request: dict[str, Any], namespace: dict[str, Any]) -> Any:
    """Call the answer, or the harness with it."""
    function = answer = namespace[request["name"]]
    before: tuple[Any, ...] = ()
    if request["harness"]:
        own: dict[str, Any] = {"torch": torch, "np": np}
        exec(request["harness"]["source"], own)
        function, before = own[request["harness"]["name"]], (answer,)
    inputs = request["inputs"]
    if isinstance(inputs, dict):
        return function(*before, **inputs)
    return function(*before, *inputs)


def error_name(error: BaseException) -> str:
    """The nearest of Python's own exceptions."""
    for ancestor in type(error).__mro__:
        if vars(builtins).get(ancestor.__name__) is ancestor:
            return ancestor.__name__
    return "Exception"


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2] == "confined")

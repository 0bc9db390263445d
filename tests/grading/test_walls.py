"""Nothing of ours is in a worker, and no worker can reach another, now or later."""

import ast
import ctypes
import mmap
import re
import subprocess
from pathlib import Path

import pytest
from test_sandbox import CALLS, ROOMY, defined, probe

from labkit.grading import find
from labkit.grading.judge import Trial
from labkit.grading.release import _secrets
from labkit.grading.sandbox import (
    BOOT,
    HERE,
    Limits,
    Sandbox,
    readable_folders,
    shared,
)

pytestmark = pytest.mark.wall

ROOT = Path(__file__).parents[2]
SETS = find(root=ROOT / "solutions")
JUDGING = ("judge", "problems", "marking", "extract", "reports", "release", "sandbox")
TELLING = 40  # characters: a shorter line may stand in a library
ELSEWHERE = [  # what starts a worker, and what stands in libraries, too
    *map(str.strip, BOOT.splitlines()),
    "path.parent.mkdir(parents=True, exist_ok=True)",
]


def secrets() -> set[bytes]:
    """Lines that no learner may read, as they stand in our files."""
    texts = [path.read_text() for path in ROOT.glob("solutions/*/*.py")]
    texts += [(HERE / f"{name}.py").read_text() for name in JUDGING]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    for problem_set in SETS:
        lines += [line.strip() for line in _secrets(problem_set)]
    public = (ROOT / "exercises").glob("*/*")
    released = "\n".join(path.read_text() for path in public if path.is_file())
    is_own = re.compile(r"[a-z_]{4,}.*[a-z_]{4,}").search
    return {
        line.encode()
        for line in lines
        if len(line) >= TELLING
        and is_own(line)
        and line not in released
        and line not in ELSEWHERE
        and not is_data(line)
        and not line.startswith(("from ", "import "))
    }


def is_data(line: str) -> bool:
    """Whether it is nothing but what is drawn, and sent as an input."""
    try:
        ast.literal_eval(line.rstrip(","))
    except (SyntaxError, ValueError):
        return False
    return True


def dump(process: int, path: Path) -> None:
    """Write all that a process could read of its own, less the libraries' files."""
    with (
        open(f"/proc/{process}/maps") as maps,
        open(f"/proc/{process}/mem", "rb", buffering=0) as mem,
        path.open("wb") as out,
    ):
        for line in maps:
            ends, access, _, _, _, *name = line.split()
            is_library = bool(name) and name[0].startswith("/") and "w" not in access
            is_clock = bool(name) and name[0].startswith("[v")
            if access[0] == "r" and not is_library and not is_clock:
                first, last = (int(end, 16) for end in ends.split("-"))
                mem.seek(first)
                while first < last and (part := mem.read(min(last - first, 1 << 26))):
                    out.write(part)
                    first += len(part)


def found_in(path: Path, texts: set[bytes]) -> set[bytes]:
    """Which of many texts stand in a file, by `grep`, which looks for all at once."""
    patterns = path.with_suffix(".patterns")
    patterns.write_bytes(b"\n".join(texts))
    command = ["grep", "-a", "-o", "-F", "-f", str(patterns), str(path)]
    run = subprocess.run(command, capture_output=True, check=False)
    assert run.returncode < 2, run.stderr
    return {*run.stdout.splitlines()}


class TestNothingOfOursIsInAWorker:
    @pytest.mark.parametrize(
        "which",
        [
            "attention-multi_head_attention",
            "finetuning-accumulate",
            "seq2seq-rouge_l",
            "decoder-score_continuations",
        ],
    )
    def test_no_line_of_solutions_or_judging_is_in_its_memory(self, which, tmp_path):
        name, _, exercise = which.partition("-")
        [problem_set] = [found for found in SETS if found.name == name]
        [exercise] = [each for each in problem_set.exercises if each.id == exercise]
        witness = "this is the process that ran the answer"
        wrong = f"SEEN = {witness!r}\ndef {exercise.id}(*inputs, **options): return 0"
        trial = Trial(problem_set, exercise, wrong, shared(), Limits())
        try:
            for check in exercise.checks:
                trial._finding(check)
            dump(trial.worker._process, tmp_path / "memory")
        finally:
            trial._close()
        texts = secrets() | {str(ROOT).encode(), witness.encode()}
        assert found_in(tmp_path / "memory", texts) == {witness.encode()}

    def test_nothing_of_it_can_be_found_from_inside(self):
        source = """
import gc, sys, types
def answer():
    texts, seen, left = [], set(), [*gc.get_objects(), *sys.modules.values()]
    frame = sys._getframe()
    while frame:
        left += [frame.f_globals, frame.f_locals, frame.f_code]
        frame = frame.f_back
    for _ in range(4):
        left = [x for x in left if id(x) not in seen and not seen.add(id(x))]
        for item in left:
            if type(item) is types.CodeType:
                texts.append(item.co_filename)
        left = gc.get_referents(*left)
    return sorted({text for text in texts if not text.startswith(PUBLIC)})
PUBLIC = ('/usr', '/venv', '/kit', '<', sys.base_prefix)
"""
        assert probe(source) == []


TALK = {  # what one worker leaves or holds, and how another might notice
    "a file in the root folder": (
        "open('/left', 'w').write('x')",
        "os.path.exists('/left')",
    ),
    "an abstract socket": (
        "s.bind('\\0here') or s.listen()",
        "s.connect('\\0here')",
    ),
    "a lock on a library's file": (
        "fcntl.flock(os.open(torch.__file__, 0), fcntl.LOCK_EX)",
        "fcntl.flock(os.open(torch.__file__, 0), fcntl.LOCK_EX | fcntl.LOCK_NB)",
    ),
    "a lock on the null device": (
        "fcntl.lockf(1, fcntl.LOCK_EX)",
        "fcntl.lockf(1, fcntl.LOCK_EX | fcntl.LOCK_NB)",
    ),
    "an advisory lock by fcntl": (
        "libc(libc.fcntl(1, 6, b'\\1' + bytes(31)))",
        "libc(libc.fcntl(1, 5, ctypes.create_string_buffer(32)))",
    ),
    "System V shared memory": (
        "libc(libc.shmget(77, 4096, 0o1666))",
        "libc(libc.shmget(77, 4096, 0o666))",
    ),
    "a System V semaphore": (
        "libc(libc.semget(77, 1, 0o1666))",
        "libc(libc.semget(77, 1, 0o666))",
    ),
    "a System V message queue": (
        "libc(libc.msgget(77, 0o1666))",
        "libc(libc.msgget(77, 0o666))",
    ),
    "a POSIX message queue": (
        "libc(libc.mq_open(b'/here', 0o102, 0o666, 0))",
        "libc(libc.mq_open(b'/here', 0))",
    ),
    "a POSIX semaphore": (
        "_multiprocessing.SemLock(1, 1, 1, '/here', False)",
        "_multiprocessing.SemLock._rebuild(0, 1, 1, '/here')",
    ),
    "POSIX shared memory": (
        "_posixshmem.shm_open('/here', os.O_CREAT | os.O_RDWR, mode=0o666)",
        "_posixshmem.shm_open('/here', os.O_RDWR, mode=0o666)",
    ),
    "a key in a keyring": (
        "libc(libc.syscall(248, b'user', b'here', b'x', 1, -4))",
        "libc(libc.syscall(250, 10, -4, b'user', b'here', 0))",
    ),
    "a signal": ("os.kill(-1, 0)", "os.kill(2, 0)"),
    "an inotify watch": (
        "open(torch.__file__).read()",
        "libc(libc.inotify_init1(0))",
    ),
    "what is in the page cache": (
        "os.posix_fadvise(1, 0, 0, os.POSIX_FADV_DONTNEED)",
        "libc(libc.mincore(ctypes.c_void_p(id(0) & ~4095), 4096, bytes(8)))",
    ),
    "the load of the machine": ("os.getpriority(0, 0)", "os.getloadavg()"),
    "free memory of the machine": (
        "os.nice(0)",
        "os.sysconf('SC_AVPHYS_PAGES') > 0 or None",
    ),
    "the time of a file's last reading": (
        "os.utime(torch.__file__)",
        "os.stat(torch.__file__)",
    ),
}
SOCKET = (
    "import socket\ntry: s = socket.socket(socket.AF_UNIX)\nexcept OSError: s = 0\n"
)
EITHER = (
    f"{CALLS}import fcntl, torch\n"
    "import _multiprocessing, _posixshmem\n"
    "def answer(): return attempt(lambda: {})"
)


class TestNoWorkerReachesAnother:
    @pytest.mark.parametrize("how", TALK)
    def test_at_the_same_time_or_later(self, how):
        """Whether another is there, or was, makes no difference to what one sees."""
        ask, look = (SOCKET + EITHER.format(part) for part in TALK[how])
        before = probe(look)
        with shared().worker(ROOMY) as one:
            defined(one, ask)()
            assert probe(look) == before
        assert probe(look) == before

    def test_each_is_in_namespaces_of_its_own(self):
        kinds = ("user", "mnt", "pid", "ipc", "net", "uts", "cgroup")
        with shared().worker(ROOMY) as one, shared().worker(ROOMY) as other:
            for kind in kinds:
                names = {
                    (Path(f"/proc/{worker._process}/ns") / kind).readlink()
                    for worker in (one, other)
                }
                names.add(Path(f"/proc/self/ns/{kind}").readlink())
                assert len(names) == 3, kind

    def test_no_memory_is_shared_that_can_be_written(self):
        with shared().worker(ROOMY) as worker:
            maps = Path(f"/proc/{worker._process}/maps").read_text().splitlines()
        assert [line for line in maps if {*"ws"} <= {*line.split()[1]}] == []

    def test_all_that_is_mapped_is_in_memory_before_an_answer_runs(self):
        """So no page is slow because nobody has touched it yet.

        Less a hundredth: a kernel may take back what nobody uses.
        """
        box = Sandbox()
        try:
            with box.worker(ROOMY) as worker:
                maps = Path(f"/proc/{worker._process}/maps").read_text().splitlines()
        finally:
            box.close()
        here = everywhere = 0.0
        for line in maps:
            ends, access, offset, _, _, *name = line.split()
            if name and name[0].startswith("/") and access.startswith("r"):
                first, last = (int(end, 16) for end in ends.split("-"))
                path = outside(Path(name[0]))
                here += (last - first) * resident(path, int(offset, 16), last - first)
                everywhere += last - first
        assert everywhere > 1 << 28
        assert here > 0.99 * everywhere


def outside(path: Path) -> Path:
    """Where a file lies on this machine that a worker's map names."""
    for folder, inside in readable_folders().items():
        if path.is_relative_to(inside):
            return folder / path.relative_to(inside)
    return path


def resident(path: Path, offset: int, size: int) -> float:
    """The share of a part of a file that is in memory, without touching it."""
    size = min(size, path.stat().st_size - offset)
    with path.open("rb") as file:
        part = mmap.mmap(
            file.fileno(),
            size,
            mmap.MAP_PRIVATE,
            mmap.PROT_READ | mmap.PROT_WRITE,
            offset=offset,
        )
    pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
    start = ctypes.addressof(ctypes.c_char.from_buffer(part))
    where = ctypes.c_void_p(start), ctypes.c_size_t(size)
    assert ctypes.CDLL(None).mincore(*where, pages) == 0
    return sum(page & 1 for page in pages) / len(pages)

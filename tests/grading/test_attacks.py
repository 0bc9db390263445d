"""No attack pays: each is handed in by a class that also has honest members.

Every hostile submission starts from a wrong answer, so its honest mark is 0, or 1 where
it answers `key` rightly. All are graded in one run, as a class is.
"""

import html
import json
import os
from pathlib import Path

import nbformat
import psutil
import pytest
import vault

from labkit.grading import judge, reports, sandbox
from labkit.grading.extract import LARGEST, collect
from labkit.grading.marking import Graded, grade
from labkit.grading.problems import load
from labkit.grading.sandbox import Limits

pytestmark = pytest.mark.wall

LIMITS = Limits(cpu_seconds=1, idle_seconds=1)
WRONG = "def unlock(words, key): return []\n"
RIGHT_KEY = vault.HONEST.cells[1].source
GUESS = "['', '']"

FORGE = (
    WRONG
    + """
import sys
Peer = sys.modules['wire'].Peer
true = Peer._send
def forged(self, message):
    if hasattr(message.get('value'), 'after'): message = {}
    true(self, message)
Peer._send = forged
"""
)

# What is run with a wrong answer: before it, in place of it, or in its body.
HOSTILE = {
    "input transformer": WRONG
    + "get_ipython().input_transformers_post.append(lambda lines: [])",
    "AST transformer": WRONG + "import ast\n"
    "class Blank(ast.NodeTransformer):\n"
    "    def visit_Assert(self, node): return None\n"
    "get_ipython().ast_transformers.append(Blank())",
    "equal to everything": """
class Same(list):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __len__(self): return 3
    def __iter__(self): return iter([Same()] * 3)
    __hash__ = None
def unlock(words, key): return Same()
""",
    "tensor equal to everything": """
import torch
class Same(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): return True
def unlock(words, key): return torch.ones(3).as_subclass(Same)
""",
    "string equal to everything": """
class Same(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
def unlock(words, key): return [Same() for _ in words]
""",
    "patched torch": WRONG + "import torch\n"
    "for name in ('allclose', 'isclose', 'equal'):\n"
    "    setattr(torch, name, lambda *a, **k: True)",
    "patched builtins": WRONG + "import builtins\n"
    "builtins.isinstance = builtins.issubclass = lambda *a: True\n"
    "builtins.all = builtins.any = lambda *a: True\n"
    "builtins.type = lambda *a: list\n",
    "patched import": WRONG + "import builtins\n"
    "builtins.__import__ = lambda *a, **k: None\n",
    "patched comparisons": WRONG + "import torch, numpy, operator\n"
    "torch.Tensor.__eq__ = lambda *a: True\n"
    "operator.eq = numpy.array_equal = numpy.allclose = lambda *a, **k: True\n",
    "patched reply": WRONG + "import sys\n"
    "Peer = sys.modules['wire'].Peer\n"
    "true = Peer._send\n"
    f"Peer._send = lambda self, m: true(self, {{'value': {GUESS}, 'points': 400}})\n",
    "a forged name of an exception": FORGE.format(
        "{'error': str(message['value'].after[0][0][0])}"
    ),
    "a reply that is none": FORGE.format("[message]"),
    "a request in place of a reply": FORGE.format("{'call': [0, [], {}]}"),
    "a request for what was never passed": FORGE.format("{'call': [99, [], {}]}"),
    "a request to look into the judge": FORGE.format("{'look': [0, '__globals__']}"),
    "a request for a gradient that there is not": FORGE.format(
        "{'back': [0, sys.modules['torch'].ones(1)]}"
    ),
    "arguments given back as others": FORGE.format(
        "{'value': [['', ''], [[{1: 2}, None], {'x': [[[]]] * 99}]]}"
    ),
    "what it needs, without end": """
def unlock(words, k):
    while True: key(3)
""",
    "what it needs, of inputs that take all memory": """
import torch
def unlock(words, k):
    for size in (10**9, 2**62, torch.ones(1).expand(2**20), [0] * 10**6, '9' * 10**6):
        try: key(size)
        except Exception: pass
    return []
""",
    "what it needs, with functions of its own": """
def unlock(words, k): return [key(lambda: 0), key(key), key(type)]
""",
    "reads solutions": """
import os
found = [open(os.path.join(d, f)).read() for d, _, fs in os.walk('/')
         for f in fs if f in ('judging.py', 'checks.py', 'vault.ipynb', 'unlock')]
def unlock(words, key): return found
""",
    "imports the judging": """
from labkit.grading import problems, find
def unlock(words, key): return find()[0].exercises[1].reference(words, key)
""",
    "imports the kit": """
import sys, glob
sys.path += [os.path.dirname(p) for p in glob.glob('/**/labkit', recursive=True)]
import labkit.models.attention
def unlock(words, key): return labkit.__path__
""",
    "looks through frames": """
import gc, sys
def unlock(words, key):
    frame = sys._getframe()
    while frame:
        for name in ('expected', 'reference', 'exercise', 'check'):
            if name in frame.f_locals: return frame.f_locals[name]
        frame = frame.f_back
    for item in gc.get_objects():
        if type(item) is dict and 'reference' in item: return item['reference']
    return []
""",
    "reads other submissions": """
import os
def unlock(words, key):
    for d, _, fs in os.walk('/'):
        for f in fs:
            if f.endswith('.ipynb'):
                raise ValueError(open(os.path.join(d, f)).read())
    return []
""",
    "reads the environment": """
import os
def unlock(words, key): raise ValueError(str(dict(os.environ)))
""",
    "reads /proc": """
def unlock(words, key):
    return [open(f'/proc/{p}/{n}').read() for p in ('self', '1') for n in
            ('environ', 'cmdline', 'mounts')]
""",
    "writes outside": """
import os, sys
def unlock(words, key):
    for folder in ('/', '/kit', '/usr', '/dev', '/proc', sys.prefix, sys.base_prefix):
        try: open(os.path.join(folder, 'written_by_an_answer'), 'w').close()
        except OSError: continue
        return [folder]
    return []
""",
    "fills the disk": """
def unlock(words, key):
    for i in range(10_000):
        with open(f'/tmp/{i}', 'wb') as file: file.write(bytes(1 << 23))
""",
    "forged replies on every file": WRONG + "import os, sys\n"
    "import json, struct\n"
    f"tree = json.dumps({{'dict': [['value', [{GUESS}, [[], {{'dict': []}}]]]]}})\n"
    "frame = struct.pack('>II', len(tree), 0) + tree.encode()\n"
    "for number in range(64):\n"
    "    for _ in range(20):\n"
    "        try: os.write(number, frame)\n"
    "        except OSError: break\n",
    "malformed replies": WRONG + "import os\n"
    "for number in range(3, 64):\n"
    "    try: os.write(number, b'\\xff' * 64)\n"
    "    except OSError: pass\n",
    "a reply of deep JSON": WRONG + "import os, struct\n"
    "tree = b'[' * 900_000\n"
    "for number in range(3, 64):\n"
    "    try: os.write(number, struct.pack('>II', len(tree), 0) + tree)\n"
    "    except OSError: pass\n",
    "a reply of hostile numbers": WRONG + "import os, struct\n"
    'tree = b\'{"dict": [["value", {"tensor": [9, [4294967296, 4], null]}]]}\'\n'
    "frame = struct.pack('>II', len(tree), 8) + tree + bytes(8)\n"
    "for number in range(3, 64):\n"
    "    try: os.write(number, frame)\n"
    "    except OSError: pass\n",
    "replies for guessable inputs": """
TABLE = {str(n): n for n in range(100_000)}
def unlock(words, key): return TABLE.get(words[0], TABLE.get(key, ['', '', '']))
""",
    "the inputs as the answer": "def unlock(words, key): return words",
    "os._exit": WRONG + "import os; os._exit(0)",
    "os._exit in a call": "def unlock(words, key):\n    import os; os._exit(0)",
    "sys.exit": "def unlock(words, key):\n    import sys; sys.exit(0)",
    "an exception of its own": """
def unlock(words, key): raise type(words[0], (BaseException,), {})(words)
""",
    "an exception that names itself after the input": """
class Named(Exception):
    @property
    def __class__(self): raise KeyError
def unlock(words, key): raise type('ValueError' + words[0], (Named,), {})(words)
""",
    "threads left behind": """
import threading
def spin():
    while True: pass
for _ in range(4): threading.Thread(target=spin, daemon=False).start()
def unlock(words, key): return []
""",
    "forks left behind": WRONG + "import os\nif os.fork() == 0:\n    while True: pass",
    "fork bomb": WRONG + "import os\nwhile True: os.fork()",
    "fork bomb that swallows errors": WRONG + "import os\n"
    "while True:\n"
    "    try: os.fork()\n"
    "    except BaseException: pass\n",
    "thread bomb": WRONG + "import threading, time\n"
    "while True: threading.Thread(target=time.sleep, args=(1e6,)).start()",
    "subprocess": WRONG + "import subprocess\n"
    "subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "infinite loop that swallows interrupts": """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
def unlock(words, key):
    while True:
        try:
            while True: pass
        except BaseException: pass
""",
    "sleeps": "def unlock(words, key):\n    import time; time.sleep(1e6)",
    "8 GB": "def unlock(words, key): return [bytearray(b'1') * (8 << 30)]",
    "8 GB of shared memory": """
import mmap
def unlock(words, key):
    block = mmap.mmap(-1, 8 << 30)
    for at in range(0, 8 << 30, 4096): block[at] = 1
""",
    "8 GB tensor": "import torch\ndef unlock(words, key): return torch.ones(1 << 31)",
    "output flood": """
import os, sys
def unlock(words, key):
    while True:
        print('x' * 1_000_000)
        os.write(2, b'x' * 1_000_000)
""",
    "reply flood": """
import os
def unlock(words, key):
    while True:
        for number in range(3, 64):
            try: os.write(number, b'\\0' * 1_000_000)
            except OSError: pass
""",
    "huge reply": "def unlock(words, key): return ['x' * (1 << 28)]",
    "deep reply": """
deep = []
for _ in range(100_000): deep = [deep]
def unlock(words, key): return deep
""",
    "reply that holds itself": """
loop = {}
loop['a'] = loop['b'] = [loop, loop]
def unlock(words, key): return loop
""",
    "NaN": """
import torch
def unlock(words, key): return [float('nan'), torch.tensor([float('nan')] * 3)]
""",
    "giant tensor": """
import torch
def unlock(words, key): return torch.ones(1).expand(10**6, 10**6)
""",
    "tensor without data": """
import torch
def unlock(words, key): return torch.ones(10**9, 10**6, device='meta')
""",
    "pickle": """
import os, pickle
class Bomb:
    def __reduce__(self): return (os.system, ('touch /tmp/written_by_an_answer',))
def unlock(words, key): return [Bomb(), pickle.dumps(Bomb())]
""",
    "network": """
import socket, urllib.request
def unlock(words, key):
    socket.create_connection(('192.0.2.1', 80), timeout=5)
    return []
""",
    "loopback and abstract sockets": """
import socket
def unlock(words, key):
    server = socket.socket(socket.AF_UNIX)
    server.bind('\\0here')
    return []
""",
    "system calls of its own": """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def unlock(words, key):
    won = []
    for name, arguments in (
        ('unshare', (0x10000000,)), ('setns', (3, 0)), ('setuid', (0,)),
        ('mount', (b'x', b'/tmp', b'tmpfs', 0, b'size=8g')), ('umount2', (b'/proc', 2)),
        ('chroot', (b'/',)), ('memfd_create', (b'x', 0)), ('socket', (1, 1, 0)),
        ('ptrace', (16, 1, 0, 0)), ('flock', (1, 2)), ('pipe', (libc,)),
    ):
        try:
            if getattr(libc, name)(*arguments) == 0: won.append(name)
        except Exception: pass
    if won: return won
    os.kill(-1, signal.SIGKILL)
    return []
""",
    "IPython magics": "%load_ext autoreload\n!cat /etc/passwd\n" + WRONG,
    "help from what it needs": """
import inspect
def unlock(words, key):
    raise ValueError(str(globals()) + inspect.getsource(globals()['key']))
""",
    "a NUL byte": WRONG + "\0",
    "half a character": WRONG + "x = '\ud800'",
    "a million brackets": WRONG + "(" * 60_000,
    "a sea of blank lines": WRONG + "\n" * 60_000 + "(",
    "a set of one hash": """
def unlock(words, key):
    return {(n * (2**61 - 1)) % 2**62 for n in range(50_000)}
""",
    "too long to be an answer": WRONG + "#" * 1_000_000,
    "redefines what it needs": """
def key(rotation): return ''
def unlock(words, key): return [key]
""",
    "asks for solutions in its text": "### BEGIN SOLUTION\n"
    + WRONG
    + "### END SOLUTION",
}


def written(unlock: str, explain: str = "") -> bytes:
    return nbformat.writes(vault.notebook(RIGHT_KEY, unlock, explain)).encode()


def edited(change) -> bytes:
    notebook = json.loads(written(WRONG))
    change(notebook)
    return json.dumps(notebook).encode()


def promote(notebook: dict) -> None:
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= {"points": 1000, "grade": True}
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "400"}]
    notebook["metadata"] |= {"points": 400, "labkit": {"points": 400}}


FILES = {  # what the file itself is, and the points it honestly has
    "an empty file": (b"", 0),
    "invalid JSON": (b'{"cells": [', 0),
    "bytes that are no text": (bytes(range(256)) * 10, 0),
    "a list": (b"[1, 2, 3]", 0),
    "cells that are none": (b'{"cells": [1, null, "x"]}', 0),
    "deeply nested JSON": (b'{"cells": ' + b"[" * 1_000_000, 0),
    "huge JSON": (b'{"cells": [' + b" " * LARGEST + b"]}", 0),
    "a number of a million digits": (b'{"cells": ' + b"1" * 1_000_000 + b"}", 0),
    "duplicate cell ids": (edited(lambda n: n["cells"].extend(n["cells"])), 1),
    "missing cell ids": (edited(lambda n: n["cells"].clear()), 0),
    "edited points and metadata": (edited(promote), 1),
    "a source that is no text": (
        edited(lambda n: n["cells"][3].update(source=[1, {"a": 2}])),
        1,
    ),
    "a script in a Markdown answer": (
        written(WRONG, "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"),
        1,
    ),
}


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    """A folder of submissions, with the instructor's secrets beside it."""
    root = tmp_path_factory.mktemp("class")
    vault.build(root)
    submitted = root / "submitted"
    for number, (name, answer) in enumerate(HOSTILE.items()):
        folder = submitted / name.replace("/", "_")
        folder.mkdir(parents=True)
        (folder / "vault.ipynb").write_bytes(
            json.dumps(
                vault.notebook(RIGHT_KEY, answer, f"Question {number}?")
            ).encode()
        )
    for name, (content, _) in FILES.items():
        (submitted / name).mkdir()
        (submitted / name / "vault.ipynb").write_bytes(content)
    for name in ("ann", "zoe"):
        (submitted / name).mkdir()
        nbformat.write(vault.HONEST, submitted / name / "vault.ipynb")
    return root


@pytest.fixture(scope="module")
def graded(room) -> dict[str, Graded]:
    submitted = room / "submitted"
    shadow = submitted / "a file that shadows torch"
    shadow.mkdir()
    (shadow / "vault.ipynb").write_bytes(written("import torch, labkit\n" + WRONG))
    for module in ("torch", "labkit", "wire", "numpy", "sitecustomize"):
        (shadow / f"{module}.py").write_text("raise SystemExit('400 points')")
    linked = submitted / "a link to another's"
    linked.mkdir()
    (linked / "vault.ipynb").symlink_to(submitted / "ann" / "vault.ipynb")
    (submitted / "a link to a folder").symlink_to(submitted / "ann")
    (submitted / "a link to the solutions").mkdir()
    solutions = room / vault.CANARY / "solutions" / "vault" / "vault.ipynb"
    (submitted / "a link to the solutions" / "vault.ipynb").symlink_to(solutions)
    (submitted / "a pipe").mkdir()
    os.mkfifo(submitted / "a pipe" / "vault.ipynb")
    (submitted / "=1+1,<script>").mkdir()
    (submitted / "=1+1,<script>" / "vault.ipynb").write_bytes(written(WRONG))
    found = run(room, room / "marks")
    return {one.student: one for one in found}


def run(room: Path, out: Path) -> list[Graded]:
    sets = [load(room / vault.CANARY / "solutions" / "vault")]
    found = grade(collect([room / "submitted"]), out, sets, limits=LIMITS)
    reports.write(found, sets, out)
    reports.export(found, "gradescope", out)
    reports.export(found, "nbgrader", out)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_gets_nothing_and_costs_only_itself(graded, name):
    by_exercise = {mark.exercise: mark for mark in graded[name.replace("/", "_")].marks}
    assert by_exercise["unlock"].points == 0
    assert by_exercise["key"].points == 1, "its other answer is right"


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_gets_what_its_answers_are_worth(graded, name):
    assert graded[name].points == FILES[name][1]
    assert graded[name].of == vault.POINTS + 3


@pytest.mark.parametrize(
    "name", ["a link to another's", "a link to the solutions", "a pipe"]
)
def test_what_is_not_a_file_is_not_read(graded, name):
    assert graded[name].points == 0
    assert graded[name].fault
    assert "a link to a folder" not in graded


def test_files_beside_a_notebook_shadow_nothing(graded):
    assert graded["a file that shadows torch"].points == 1


@pytest.mark.parametrize("name", ["ann", "zoe"])
def test_the_honest_get_full_marks_in_the_same_run(graded, name):
    assert graded[name].points == vault.POINTS
    assert graded[name].waiting == 1


def files(room: Path) -> dict[str, str]:
    """All that the run wrote for the instructor and the students."""
    return {
        str(path.relative_to(room / "marks")): path.read_text()
        for path in (room / "marks").rglob("*")
        if path.is_file()
    }


def test_no_report_holds_a_solution_a_random_input_or_the_judging(graded, room):
    answers = [*HOSTILE.values(), vault.HONEST.cells[3].source]
    for name, text in files(room).items():
        if name == "to_mark.html":  # the instructor's alone
            assert text.count(vault.CANARY) == text.count("Says canary")
            continue
        assert vault.CANARY not in text.replace(str(room), ""), name
        for answer in answers:  # in which a token may stand, by its honest writer
            text = text.replace(answer, "")
        text = html.unescape(text)
        leaked, written = text.count(vault.TOKEN), text.count(f"'{vault.TOKEN}'")
        assert leaked == written, name


def test_a_report_says_one_of_few_sentences_whatever_an_answer_does(graded):
    said = {
        finding.reason
        for one in graded.values()
        for mark in one.marks
        for finding in mark.findings
    }
    while_it_ran = {"", judge.WRONG, judge.RAISED, judge.TOO_SLOW, judge.TOO_BIG}
    by_its_text = {
        "there is no answer",
        "the answer is too long to be one",
        "unlock is not defined",
    }
    assert said <= while_it_ran | by_its_text
    assert said >= while_it_ran, "each was seen"


def test_no_page_runs_what_a_student_wrote(graded, room):
    for name, text in files(room).items():
        if name.endswith(".html"):
            assert "<script" not in text, name
            assert "onerror" not in text.replace("&lt;img src=x onerror", ""), name
            assert "Content-Security-Policy" in text
            assert "http://" not in text
            assert "https://" not in text


def test_no_cell_of_a_table_is_a_formula(graded, room):
    for name in ("grades.csv", "manual.csv", "nbgrader.csv"):
        assert "\n=" not in files(room)[name]
        assert ",=" not in files(room)[name]
        assert '"=' not in files(room)[name]


def test_nothing_is_left_running_and_nothing_was_written(graded):
    wall = psutil.Process(sandbox.shared()._process.pid)
    _bubblewrap, _python, _zygote, *workers = wall.children(recursive=True)
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    for folder in [*sandbox.readable_folders(), Path("/"), Path("/tmp")]:
        assert not (folder / "written_by_an_answer").exists()


def test_graded_again_only_what_is_not_final_is_run_again(graded, room, monkeypatch):
    ran: list[str] = []

    def judge_and_tell(folder, answers, *rest):
        ran.append(answers["unlock"])
        return judge.judge(folder, answers, *rest)

    monkeypatch.setattr("labkit.grading.marking.judge", judge_and_tell)
    again = {one.student: one for one in run(room, room / "marks")}
    doubted = [
        next(mark.answer for mark in one.marks if mark.exercise == "unlock")
        for one in graded.values()
        if not all(finding.final for mark in one.marks for finding in mark.findings)
    ]
    assert {*ran} == {*doubted}
    assert len(ran) <= 2 * len(doubted), "once with the others, once alone"
    assert {n: o.points for n, o in again.items()} == {
        n: o.points for n, o in graded.items()
    }

"""A problem set that nobody can guess, with canaries in all that must not get out."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CANARY = "canary7f3a"  # in our solutions, judging, rubric and paths
TOKEN = "token9c41"  # begins every random input
POINTS = 5  # of the autograded exercises

JUDGING = f'''
"""{CANARY}"""
import secrets
from labkit.grading import ByHand, Check, Exercise

def key(rotation):
    return "".join(chr(97 + (rotation + 7 * i) % 26) for i in range(26))

def unlock(words, key):
    return ["{TOKEN}".join([word[::-1], key[len(word)]]) for word in words]

def draw(random):
    words = ["{TOKEN}" + secrets.token_hex(4) for _ in range(3)]
    return words, key(int(random.integers(26)))

def run(answer, words, key):
    return [answer(words[:1], key), answer(words, key)]

def rotation(random):
    return (int(random.integers(1_000_000)),)

EXERCISES = [
    Exercise("key", key, [Check("a rotation", 1, rotation)]),
    Exercise(
        "unlock",
        unlock,
        [Check("all words", 2, draw), Check("called twice", 2, draw, harness=run)],
        needs=["key"],
    ),
    ByHand("explain", 3, "Says {CANARY} and why."),
]
'''
KEY = f'''def key(rotation):
    """An alphabet in another order."""
    ### BEGIN SOLUTION
    letters = [chr(97 + (rotation + 7 * i) % 26) for i in range(26)]
    {CANARY} = letters
    return "".join({CANARY})
    ### END SOLUTION'''
UNLOCK = f'''def unlock(words, key):
    """The words, backwards, and a letter of the key."""
    ### BEGIN SOLUTION
    {CANARY} = [word[::-1] + "{TOKEN}" + key[len(word)] for word in words]
    return {CANARY}
    ### END SOLUTION'''
CHECKS = """
from labkit.exercises import Case
CHECKS = {
    "key": [Case("no rotation", lambda key: key(0)[0], "a")],
    "unlock": [Case("no words", lambda unlock: unlock([], "a"), [])],
}
"""


def said(kind: str, name: str, points: int | None = None) -> dict:
    metadata = {
        "cell_type": "code" if kind != "by hand" else "markdown",
        "grade": kind != "answer",
        "grade_id": name,
        "locked": kind == "check",
        "schema_version": 3,
        "solution": kind != "check",
        "task": False,
    }
    return {"nbgrader": metadata | ({} if points is None else {"points": points})}


def notebook(key: str, unlock: str, explain: str) -> nbformat.NotebookNode:
    cells = [
        new_code_cell("import math", id="given-imports"),
        new_code_cell(key, id="key", metadata=said("answer", "key")),
        new_code_cell("1", id="key-check", metadata=said("check", "key-check", 1)),
        new_code_cell(unlock, id="unlock", metadata=said("answer", "unlock")),
        new_code_cell("1", id="un-check", metadata=said("check", "unlock-check", 4)),
        new_markdown_cell(
            explain, id="explain", metadata=said("by hand", "explain", 3)
        ),
    ]
    return new_notebook(cells=cells)


def build(root: Path) -> Path:
    """The set's folder, below a path that is a canary, too."""
    folder = root / CANARY / "solutions" / "vault"
    folder.mkdir(parents=True)
    model = f"Because of the {CANARY}."
    nbformat.write(notebook(KEY, UNLOCK, model), folder / "vault.ipynb")
    (folder / "judging.py").write_text(JUDGING)
    checks = root / CANARY / "exercises" / "vault" / "checks.py"
    checks.parent.mkdir(parents=True)
    checks.write_text(CHECKS)
    return folder


HONEST = notebook(
    "def key(rotation):\n"
    "    return ''.join(chr(97 + (rotation + 7 * i) % 26) for i in range(26))",
    "def unlock(words, key):\n"
    f"    return ['{TOKEN}'.join((w[::-1], key[len(w)])) for w in words]",
    "It is what it is.",
)

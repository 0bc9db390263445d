"""What the site adds to Sphinx: folded answers, and the lessons that use a name."""

import ast
import json
import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx

import labkit

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
# Where an answer ends, in the prose that gives it
AFTER_THE_ANSWER = re.compile(r"^(#|\*\*Predict\.\*\*|\*\*The claim)", re.MULTILINE)


def repository() -> str:
    """Its address on the web, or nothing: then no page offers Colab or Binder."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"{os.environ['GITHUB_SERVER_URL']}/{name}"
    asked = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    address = urlsplit(answer.stdout.strip().removesuffix(".git"))
    return address.geturl() if address.scheme == "https" else ""


def lessons() -> list[dict[str, Any]]:
    """Number, title, page, minutes and what one does there, for the first page.

    The README's table says what one does, and the notebooks the rest.
    """
    rows = re.findall(r"\]\(notebooks/(.+)\.ipynb\) \| (.+?) \|", README.read_text())
    found = []
    for stem, deed in rows:
        notebook = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text())
        told = notebook["metadata"]["labkit"]
        found.append(
            {
                "number": number(stem),
                "title": told["title"],
                "page": f"notebooks/{stem}",
                "minutes": told["minutes"]["quick"],
                "deed": deed,
            }
        )
    return found


def number(stem: str) -> str:
    """Of a lesson, by its file's name; A of the appendix."""
    return stem[:2] if stem[:2].isdigit() else "A"


def problem_sets() -> list[dict[str, str]]:
    """Title, page, lessons before it and number of exercises, by the README's table."""
    row = r"^\| \[(\w+)\]\(exercises/.+?\) \| (.+?) \| (.+?) \|$"
    return [
        {
            "title": title,
            "page": f"exercises/{title}/{title}",
            "after": after,
            "exercises": many,
        }
        for title, after, many in re.findall(row, README.read_text(), re.MULTILINE)
    ]


def names(cell: dict[str, Any], key: str) -> set[str]:
    """The predictions that a cell makes (key "predict") or answers ("answer")."""
    value = cell["metadata"].get("labkit", {}).get(key, [])
    return {value} if isinstance(value, str) else set(value)


def fold(source: str) -> str:
    """A lesson whose outputs and prose, from a prediction to its answer, are folded."""
    notebook = json.loads(source)
    open_questions: set[str] = set()
    for cell in notebook["cells"]:
        answered = names(cell, "answer")
        if open_questions and cell["cell_type"] == "code":
            cell["metadata"].setdefault("tags", []).append("hide-output")
        elif answered:
            cell["source"] = folded_prose("".join(cell["source"]))
        open_questions = (open_questions - answered) | names(cell, "predict")
    return json.dumps(notebook)


def folded_prose(text: str) -> str:
    """The answer, which comes first, in a box that opens; the rest as it is."""
    end = match.start() if (match := AFTER_THE_ANSWER.search(text, 1)) else len(text)
    return f"::::{{dropdown}} The answer\n{text[:end]}\n::::\n\n{text[end:]}"


def prepare(_: Sphinx, page: str, source: list[str]) -> None:
    """A lesson gets its number and folded answers; a page, the repository's address."""
    if page.startswith("notebooks/"):
        source[0] = fold(source[0])
        title = f'"# {number(Path(page).name)} · '
        source[0] = source[0].replace('"# ', title, 1)
    if page == "README" and REPOSITORY:
        source[0] = source[0].replace("clone ADDRESS", f"clone {REPOSITORY}")
    if page == "docs/elsewhere":
        source[0] = source[0].replace("RELEASE", labkit.__version__)
        source[0] = source[0].replace("REPOSITORY", REPOSITORY or "REPOSITORY")


# ---- Which lessons use a name of labkit


def used(source: str) -> set[tuple[str, str]]:
    """The rooms and names that a file takes, by `from` or as `room.name`."""
    taken = set()
    rooms = {}  # what the file calls a room
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "labkit" and len(parts) > 1:
                taken |= {(parts[1], alias.name) for alias in node.names}
            elif parts == ["labkit"]:
                rooms |= {
                    alias.asname or alias.name: alias.name for alias in node.names
                }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in rooms:
            taken.add((rooms[ast.unparse(node.value)], node.attr))
    return taken


def lessons_with() -> dict[tuple[str, str], list[str]]:
    """(room, name) -> the pages of the lessons that use it, in their order."""
    found = defaultdict(list)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text())["cells"]
        code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        for name in used("\n".join("".join(source) for source in code)):
            found[name].append(f"notebooks/{path.stem}")
    return found


def tell_lessons(
    _app: Sphinx, _kind: str, name: str, _thing: Any, _options: Any, lines: list[str]
) -> None:
    """Under a public name: the lessons where it is used."""
    if pages := LESSONS_WITH.get(tuple(name.split(".")[1:])):
        links = [f":doc:`{number(Path(page).name)} </{page}>`" for page in pages]
        lines += ["", f"*Used in lessons* {', '.join(links)}.", ""]


def skip_others_members(
    _app: Sphinx, _kind: str, _name: str, thing: Any, skip: bool, _options: Any
) -> bool | None:
    """What a class of ours holds of another library has its own documentation."""
    module = getattr(thing, "__module__", None) or "labkit"
    return None if module.startswith("labkit") else True


LESSONS = lessons()
LESSONS_WITH = lessons_with()
SETS = problem_sets()
REPOSITORY = repository()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", prepare)
    app.connect("autodoc-process-docstring", tell_lessons, priority=900)
    app.connect("autodoc-skip-member", skip_others_members)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What the authors of the installed libraries wrote about their functions.

The source files are parsed, not imported. Whoever changes what is found gives `VERSION`
another number.
"""

import ast
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VERSION = 1

Libraries = Mapping[str, str]  # distribution: the package that it installs
DOCUMENTED: Libraries = {
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "matplotlib": "matplotlib",
    "torch": "torch",
    "transformers": "transformers",
}


@dataclass(frozen=True)
class Docstring:
    """What the author of a function, class or method wrote about it.

    Attributes:
        name: Its qualified name, as "numpy.linalg.norm" (of the file that defines it).
        text: As `inspect.cleandoc` gives it; line ends and indentation mean something.
    """

    name: str
    text: str

    @property
    def summary(self) -> str:
        """Its first paragraph, on one line."""
        return " ".join(self.text.partition("\n\n")[0].split())

    @property
    def body(self) -> str:
        """What follows the first paragraph."""
        return self.text.partition("\n\n")[2].strip()


def documented(libraries: Libraries = DOCUMENTED) -> dict[str, str]:
    """The versions of the libraries whose docstrings are read."""
    return {name: importlib.metadata.version(name) for name in libraries}


def docstrings(libraries: Libraries = DOCUMENTED) -> list[Docstring]:
    """Every public docstring of these installed libraries, each text once."""
    by_text: dict[str, Docstring] = {}
    for package in libraries.values():
        for found in _of_package(package):
            by_text.setdefault(found.text, found)
    return list(by_text.values())


@cache  # half a minute for torch and transformers
def _of_package(package: str) -> list[Docstring]:
    root = Path(str(importlib.util.find_spec(package).origin)).parent  # type: ignore[union-attr]
    found: list[Docstring] = []
    for path in sorted(root.rglob("*.py")):
        parts = (package, *path.relative_to(root).with_suffix("").parts)
        if {"tests", "test", "testing", "_vendor"} & {*parts} or "test" in path.stem:
            continue
        module = ".".join(parts).removesuffix(".__init__")
        with suppress(SyntaxError, UnicodeDecodeError):  # templates, old encodings
            found += _docstrings(ast.parse(path.read_text("utf-8")), module)
    return found


def _docstrings(node: ast.AST, name: str) -> Iterator[Docstring]:
    """Of the public functions, classes and methods inside a module or a class."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, kinds) or child.name.startswith("_"):
            continue
        inner = f"{name}.{child.name}"
        if text := ast.get_docstring(child):
            yield Docstring(inner, text)
        if isinstance(child, ast.ClassDef):
            yield from _docstrings(child, inner)

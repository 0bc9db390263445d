"""What the authors of the installed libraries wrote about their functions.

The source files are parsed, not imported. That takes a minute: what was found is kept
in the cache, a file a version of a library. Whoever changes what is found gives
`VERSION` another number.
"""

import ast
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from labkit.data.wheels import home

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
    for name, package in libraries.items():
        for found in _kept(name, package):
            by_text.setdefault(found.text, found)
    return list(by_text.values())


def stale() -> list[Path]:
    """What is kept of versions that are not installed, or of another `VERSION`."""
    kept = home().glob("docstrings/*/*.jsonl")
    old = [path for path in kept if not _is_current(path)]
    return sorted([*old, *home().glob("docstrings-*.jsonl")])


def _is_current(path: Path) -> bool:
    with suppress(importlib.metadata.PackageNotFoundError):
        return path == _cache_of(path.parent.name)
    return False


def _cache_of(name: str) -> Path:
    version = importlib.metadata.version(name)
    return home() / "docstrings" / name / f"{version}-{VERSION}.jsonl"


def _kept(name: str, package: str) -> list[Docstring]:
    """Of one library: what the cache holds, or else what its files do."""
    path = _cache_of(name)
    with suppress(OSError, ValueError):
        lines = path.read_text("utf-8").splitlines()
        return [Docstring(*json.loads(line)) for line in lines]
    found = [*_package_docstrings(package)]
    with suppress(OSError):  # a cache that cannot be written costs a minute, not a stop
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, delete=False) as part:
            part.write("\n".join(json.dumps(astuple(each)) for each in found))
        os.replace(part.name, path)
    return found


def _package_docstrings(package: str) -> Iterator[Docstring]:
    root = Path(str(importlib.util.find_spec(package).origin)).parent  # type: ignore[union-attr]
    for path in sorted(root.rglob("*.py")):
        parts = (package, *path.relative_to(root).with_suffix("").parts)
        if {"tests", "test", "testing", "_vendor"} & {*parts} or "test" in path.stem:
            continue
        module = ".".join(parts).removesuffix(".__init__")
        with suppress(SyntaxError, UnicodeDecodeError):  # templates, old encodings
            yield from _node_docstrings(ast.parse(path.read_text("utf-8")), module)


def _node_docstrings(node: ast.AST, name: str) -> Iterator[Docstring]:
    """Of the public functions, classes and methods inside a module or a class."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, kinds) or child.name.startswith("_"):
            continue
        inner = f"{name}.{child.name}"
        if text := ast.get_docstring(child):
            yield Docstring(inner, text)
        if isinstance(child, ast.ClassDef):
            yield from _node_docstrings(child, inner)

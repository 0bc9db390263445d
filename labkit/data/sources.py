"""Text out of the files that carry it: packaged tables, catalogues, source code.

Each function reads one kind of file, mends what is damaged in it, and knows nothing of
splits. What the files are and where they come from, `catalog.toml` tells.
"""

import ast
import csv
import hashlib
import html
import importlib.metadata
import importlib.util
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

from labkit.data import assets

Row = tuple[str, int]  # a text, and the index of its class

# --- documentation ------------------------------------------------------------------

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
    """Every public docstring of these installed libraries, each text once.

    The source files are parsed, not imported. That takes a minute: what was found is
    kept in the cache, for these versions.
    """
    recipe = json.dumps(documented(libraries)).encode() + Path(__file__).read_bytes()
    fingerprint = hashlib.blake2b(recipe, digest_size=8).hexdigest()
    path = assets.home() / f"docstrings-{fingerprint}.jsonl"
    with suppress(OSError, ValueError):
        lines = path.read_text("utf-8").splitlines()
        return [Docstring(*json.loads(line)) for line in lines]
    by_text: dict[str, Docstring] = {}
    for package in libraries.values():
        for found in _package_docstrings(package):
            by_text.setdefault(found.text, found)
    lines = [json.dumps(astuple(found)) for found in by_text.values()]
    with suppress(OSError):  # a cache that cannot be written costs a minute, not a stop
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, delete=False) as part:
            part.write("\n".join(lines))
        os.replace(part.name, path)
    return list(by_text.values())


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


# --- interfaces ---------------------------------------------------------------------


def interface(folder: Path, *, mnemonic: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of English and translated text: every gettext catalogue below a folder.

    Of a plural, the two forms that come first. Untranslated texts are left out.

    Args:
        mnemonic: The sign before a menu's shortcut letter, to be taken out: "_" or "&".
    """
    from babel.messages.mofile import read_mo

    for path in sorted(folder.rglob("*.mo")):
        with path.open("rb") as file:
            catalogue = read_mo(file)
        for message in catalogue:
            sources, targets = (
                each if isinstance(each, list | tuple) else [each]
                for each in (message.id, message.string)
            )
            for source, target in zip(sources, targets, strict=False):
                english, other = _shown(source, mnemonic), _shown(target, mnemonic)
                if english and other and english != other:
                    yield english, other


def _shown(text: str | None, mnemonic: str) -> str:
    """On one line, without the sign of the shortcut."""
    text = text or ""
    if mnemonic and text.count(mnemonic) == 1:
        text = re.sub(rf"{mnemonic}(?=\w)", "", text)
    return " ".join(text.split())


# --- tables -------------------------------------------------------------------------


def tab(path: Path) -> Iterator[tuple[str, str]]:
    """Orange's format: three lines of header, then lines of class, tab, text."""
    for line in path.read_text("utf-8").split("\n")[3:]:
        name, tab, text = line.partition("\t")
        if tab:
            yield name, text


def tales(path: Path) -> Iterator[str]:
    """Orange's format, with quotes round a field that holds a quote."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t")
        column = next(rows).index("Content")
        yield from (row[column] for row in list(rows)[2:] if row)


def tweets(path: Path, names: list[str], confidence: float) -> Iterator[Row]:
    deflategate = re.compile("deflat|patriots|brady|belichick|nfl", re.IGNORECASE)
    with path.open(encoding="latin-1", newline="") as lines:  # one character a byte
        for row in csv.DictReader(lines):
            wanted = row["sentiment"] in names
            wanted &= float(row["confidence"] or 0) >= confidence
            if wanted and not deflategate.search(row["text"]):
                yield _mend(row["text"]), names.index(row["sentiment"])


def _mend(text: str) -> str:
    """Undo what was done to the tweets; what cannot be undone becomes U+FFFD."""
    if not text.isascii():
        damage, repair = _mojibake()
        text = damage.sub(lambda found: repair.get(found[0], "\ufffd"), text)
        text = re.sub("\ufffd[\ufffd_]+", "\ufffd", text)
    for put, original in {
        "Cancelled Flight": "cancel",  # as in "Cancelled Flighted", "Late Flightr"
        "Late Flight": "late",
        "Flight Booking Problems": "booking",
    }.items():
        text = text.replace(put, original)
    return html.unescape(html.unescape(text))  # in retweets, escaped twice


@cache
def _mojibake() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern that finds damaged characters, and what each was, if only one fits."""
    characters = [*"‘’“”–—…•€™\ufe0f", *map(chr, range(0xA0, 0x100))]
    characters += map(chr, [*range(0x2600, 0x27C0), *range(0x1F300, 0x1F650)])
    characters += map(chr, range(0x1F680, 0x1F700))
    origins: defaultdict[str, set[str]] = defaultdict(set)
    for character in characters:
        for damaged in _damaged(character):
            origins[damaged].add(character)
    repair = {
        damaged: found.pop()
        for damaged, found in origins.items()
        if len(found) == 1 and not damaged.isascii()
    }
    longest_first = sorted(repair, key=len, reverse=True)
    damage = "|".join([*map(re.escape, longest_first), "_?[\x80-\xff]"])
    return re.compile(damage), repair


def _damaged(character: str) -> Iterator[str]:
    """What may have become of a character, one Latin-1 character for each byte.

    The tweets' UTF-8 was read as Windows-1252 and written as Mac Roman two or three
    times, or four after it had become UTF-8 of UTF-8. So ’ went from e2 80 99 to
    89 db aa to e4 f3 bb to 8a 97 c8. What Mac Roman lacks became _: some are lost.
    """
    utf8 = character.encode()
    doubled = "".join(WINDOWS_1252[byte] for byte in utf8).encode()
    for data, times in ((utf8, 2), (utf8, 3), (doubled, 4)):
        for _ in range(times):
            data = data.translate(TO_MAC_ROMAN)
        yield data.decode("latin-1")


UNDEFINED = b"\x81\x8d\x8f\x90\x9d"  # in Windows-1252: these were kept as they are
WINDOWS_1252 = [
    chr(byte) if byte in UNDEFINED else bytes([byte]).decode("cp1252")
    for byte in range(256)
]
TO_MAC_ROMAN = bytes(
    byte if byte in UNDEFINED else read.encode("mac_roman", "replace")[0]
    for byte, read in enumerate(WINDOWS_1252)
).replace(b"?", b"_")  # for what Mac Roman lacks

"""A number in a lesson's prose was printed by one of its cells, or stands in its code.

After a lesson's last cell one more test reads its prose beside what its cells printed.
Not asked for: numbers in code, in formulas, in titles, in a sentence that names its
source (a year), of lessons, sections and minutes, and whole numbers up to twelve.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

import pytest
from nbval.plugin import IPyNbCell

SPELT = 12  # up to here a number is a word
NO_PROSE = re.compile(
    r"```.*?```|`[^`\n]*`|\*[^*\n]{20,}\*|\$\$.*?\$\$|\$[^$\n]*\$"
    r"|^#.*?$|^\s*\d+\.\s|\]\([^)]*\)|<[^>]*>",
    re.DOTALL | re.MULTILINE,
)
SENTENCE = re.compile(r"(?<=[.!?|])\s+|\n\s*\n")
SOURCE = re.compile(r"\b(?:19|20)\d\d\b")  # the year of a paper, or of a law
PLACE = re.compile(
    r"\b(?:lessons?|sections?|equations?|appendix|chapters?|tables?|figures?|layers?"
    r"|steps?|epochs?|seeds?|GPT|T5|BERT|SQuAD|Python|transformers)[\s-]*\d[\d.]*"
    r"(?:\s*(?:,|and|to|or|–|-)\s*\d[\d.]*)*",
    re.IGNORECASE,
)
PRICE = re.compile(r"\d[\d.,–-]*\s*(?:minutes?|hours?)\b")
NUMBER = re.compile(
    r"(?<![\w.])(\d{1,3}(?:[, _]\d{3})+|\d+)(\.\d+)?(e[-+]?\d+)?\s*(%|M\b|million|k\b)?"
)
SCALES = {"%": 0.01, "M": 1e6, "million": 1e6, "k": 1e3}


def told(prose: str) -> Iterator[tuple[str, float, float]]:
    """What must have been printed: as written, its value, half of its last digit."""
    text = NO_PROSE.sub(
        lambda found: "\n\n" if found[0].startswith("#") else " ", prose
    )
    for sentence in SENTENCE.split(text):
        if SOURCE.search(sentence):
            continue
        for found in NUMBER.finditer(PRICE.sub(" ", PLACE.sub(" ", sentence))):
            value, half = _value(found)
            if found[4] or found[2] or value > SPELT:
                yield found[0].strip(), value, half


def numbers(text: str) -> Iterator[float]:
    """Each number of an output, or of code."""
    for found in NUMBER.finditer(text):
        yield _value(found)[0]
        if found[4] == "%":
            yield _value(found)[0] * 100


def _value(found: re.Match[str]) -> tuple[float, float]:
    whole, decimals, power, unit = found.groups()
    scale = float(f"1{power or ''}") * SCALES.get(unit, 1)
    digits = re.sub(r"[, _]", "", whole) + (decimals or "")
    return float(digits) * scale, 0.5 * scale / 10 ** len((decimals or ".")[1:])


def unprinted(prose: list[str], shown: list[str]) -> list[str]:
    """The numbers of a lesson's prose that neither its code nor its outputs hold."""
    tried = " ".join(re.findall(r"`[^`\n]*`", " ".join(prose)))
    known = [number for text in [*shown, tried] for number in numbers(text)]
    return [
        said
        for text in prose
        for said, value, half in told(text)
        if not any(abs(value - number) <= half * 1.001 for number in known)
    ]


def outputs(cells: Iterable[IPyNbCell]) -> Iterator[str]:
    """What the cells printed, and the words of their pictures."""
    for cell in cells:
        for output in cell.test_outputs or ():
            yield str(output.get("text", ""))
            for kind, data in output.get("data", {}).items():
                if kind.startswith("text/"):
                    yield re.sub(r"base64,[^\"']*", "", data)


class Prose(pytest.Item):
    """The last test of a lesson, when all its cells have run."""

    def __init__(self, *, cells: list[IPyNbCell], **options) -> None:
        super().__init__(**options)
        self.cells = cells
        self.add_marker("proof")

    def runtest(self) -> None:
        notebook = self.parent.nb.cells
        prose = [cell.source for cell in notebook if cell.cell_type == "markdown"]
        code = [cell.source for cell in notebook if cell.cell_type == "code"]
        left = unprinted(prose, [*code, *outputs(self.cells)])
        assert not left, f"no cell prints what the prose says: {', '.join(left)}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    before = [*items]
    items.clear()
    for parent, group in groupby(before, key=lambda item: item.parent):
        own = [*group]
        items += own
        if all(isinstance(item, IPyNbCell) for item in own):
            items.append(
                Prose.from_parent(parent, name="the numbers of the prose", cells=own)
            )

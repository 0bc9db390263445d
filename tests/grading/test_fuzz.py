"""Whatever a class hands in, each is listed, none stops the run, and no work is lost.

`LABKIT_FUZZ=2000` makes the class larger; `LABKIT_FUZZ_SEED=7` makes another.
"""

import csv
import io
import json
import os
import random
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
import vault

from labkit.grading import marking, reports
from labkit.grading.extract import printable, survey
from labkit.grading.marking import MANUAL, Graded, grade
from labkit.grading.problems import load

pytestmark = pytest.mark.wall

MANY = int(os.environ.get("LABKIT_FUZZ", 200))
SEED = int(os.environ.get("LABKIT_FUZZ_SEED", 0))
FORMULA = [*"=+-@＝＋－＠"]
KEY, UNLOCK = (vault.HONEST.cells[index].source for index in (1, 3))
CONTROLS = [chr(code) for code in (*range(32), *range(127, 160)) if code != 10]
HOSTILE = (
    *(
        "=1+1",
        "\t=1",
        "\r=1",
        " =1",
        "＝1",
        "+1",
        "-1",
        "@SUM(A1)",
        "=cmd|' /C calc'!A0",
    ),
    *('"', '","', '"\n"', "'", "''=1", ";", "\n", "\r", "\r\n", "\x85", "\u2028", "\0"),
    *(
        "<script>alert(1)</script>",
        "</pre>",
        "<img src=x onerror=alert(1)>",
        "&lt;",
        "]]>",
    ),
    *(
        "</title><svg/onload=alert(1)>",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "<!--",
        "' onclick='x",
    ),
    *("\u202e", "\u2066", "\u200b", "\u200d", "\u00a0", "\u3000", "\ufeff", "\uffff"),
    *(
        "\ud800",
        "\udfff",
        "\ud83d",
        "\U0001f600",
        "\U000e0041",
        "e\u0301",
        "é",
        "א",
        "ل",
    ),
    *("\\u0000", "\\", "%s", "{0}", "$(id)", "`id`", "../..", "CON", "# %%", "a" * 300),
)
COMMENTS = ("Good.", "=nice", "- see page 3", "zwei\nZeilen", 'the "why", too', "")
TAGS = {
    *(("html", "lang"), ("head", ""), ("title", ""), ("style", ""), ("body", "")),
    *(("meta", "charset"), ("meta", "name content"), ("meta", "http-equiv content")),
    *(("h1", ""), ("h2", ""), ("h3", ""), ("p", ""), ("p", "class"), ("strong", "")),
    *(("ul", ""), ("li", ""), ("pre", ""), ("code", "")),
}


class Generator:
    """Submissions, each from the same chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def text(self, most: int = 8) -> str:
        letters = [*"abc xyz019_.", *CONTROLS, *HOSTILE]
        return "".join(self.chance.choices(letters, k=self.chance.randint(1, most)))

    def name(self, suffix: str = "") -> bytes:
        """Any file name that is not hidden: 255 bytes at most, of text or not."""
        kind = self.chance.randrange(6)
        if kind == 0:
            name = self.chance.choice(["0012345", "1E5", "3-4", "TRUE", "ann", "Ann"])
            raw = name.encode()
        elif kind == 1:
            raw = self.chance.choice(["José", "Jose\u0301", "Å", "A\u030a"]).encode()
        elif kind == 2:
            raw = self.chance.randbytes(self.chance.randint(1, 255))
        else:
            raw = self.text().encode(errors="surrogatepass")
        raw = raw.replace(b"/", b"_").replace(b"\0", b"0").lstrip(b".") or b"x"
        return raw[: 255 - len(suffix)] + suffix.encode()

    def notebook(self, **sources: str) -> dict[str, Any]:
        texts = {"key": KEY, "unlock": UNLOCK, "explain": self.text(20)} | sources
        return dict(vault.notebook(**texts))

    def value(self, depth: int = 3) -> Any:
        """Any JSON."""
        kind = self.chance.randrange(8 if depth else 6)
        if kind == 6:
            return [self.value(depth - 1) for _ in range(self.chance.randrange(4))]
        if kind == 7:
            names = ["cell_type", "metadata", "nbgrader", "source", "id", "cells"]
            names += ["grade_id", "solution", "input", self.text()]
            chosen = self.chance.sample(names, self.chance.randrange(5))
            return {name: self.value(depth - 1) for name in chosen}
        plain = [None, True, 0, 1e308, float("nan"), self.text()]
        return self.chance.choice([*plain, "code", "markdown", "explain"])

    def foreign(self) -> dict[str, Any]:
        """An honest notebook among cells of any shape."""
        notebook = self.notebook()
        for _ in range(self.chance.randint(1, 6)):
            at = self.chance.randrange(len(notebook["cells"]) + 1)
            notebook["cells"].insert(at, self.value())
        return notebook

    def hostile_code(self) -> dict[str, Any]:
        line = self.text().replace("\0", "0")
        return self.notebook(unlock=f"{line}\n{self.chance.choice([UNLOCK, ''])}")

    def split(self) -> dict[str, Any]:
        """An honest notebook some cells of which are there twice, or cut in two."""
        notebook = self.notebook()
        at = self.chance.choice([1, 3, 5])
        other = dict(notebook["cells"][at])
        notebook["cells"].insert(at, other)
        return notebook

    def content(self) -> tuple[bytes, bool]:
        """A file, and whether it is honest: full marks are its due."""
        whole = json.dumps(self.notebook()).encode()
        place = self.chance.randrange(len(whole))
        flipped = bytearray(whole)
        flipped[place] ^= 1 << self.chance.randrange(8)
        encoding = self.chance.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
        kinds: list[tuple[Any, bool]] = [
            (whole, True),
            (json.dumps(self.notebook()).encode(encoding), True),
            (self.foreign(), True),
            (self.split(), True),
            (self.hostile_code(), False),
            (self.notebook(key=self.text(), unlock=self.text()), False),
            (self.value(), False),
            (whole[:place], False),
            (bytes(flipped), False),
            (self.chance.randbytes(place), False),
            (b'{"cells": ' + b"[" * 50_000, False),
            (b'{"cells": [' + b"9" * 50_000 + b"]}", False),
            (self.notebook(explain="x" * 100_000), True),
            (b"", False),
        ]
        content, is_honest = self.chance.choice(kinds)
        is_bytes = isinstance(content, bytes)
        return content if is_bytes else json.dumps(content).encode(), is_honest


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    vault.build(root)
    return root


@pytest.fixture(scope="module")
def honest(room) -> dict[str, bool]:
    """The class is handed in: how each name is shown, and whether it is honest."""
    make, students = Generator(SEED), {"ann": True, "zoe": True}
    submitted = os.fsencode(room / "submitted")
    os.mkdir(submitted)
    for name in students:
        os.mkdir(os.path.join(submitted, name.encode()))
        nbformat.write(vault.HONEST, room / "submitted" / name / "vault.ipynb")
    while len(students) < MANY:
        is_flat = make.chance.random() < 0.2
        name = make.name(".ipynb" if is_flat else "")
        shown = os.fsdecode(name.removesuffix(b".ipynb") if is_flat else name)
        shown = printable(unicodedata.normalize("NFC", shown))
        path = os.path.join(submitted, name)
        if shown in students or os.path.lexists(path):
            continue
        if not is_flat:
            os.mkdir(path)
            file = make.name(".ipynb") if make.chance.random() < 0.2 else b"vault.ipynb"
            path = os.path.join(path, file)
        content, students[shown] = make.content()
        with open(path, "wb") as opened:
            opened.write(content)
    return students


def run(room: Path) -> list[Graded]:
    sets, out = [load(room / vault.CANARY / "solutions" / "vault")], room / "marks"
    submissions, passed_over = survey([room / "submitted"])
    graded = grade(submissions, out, sets)
    reports.write(graded, sets, out, passed_over)
    for form in ("gradescope", "nbgrader"):
        reports.export(graded, form, out)
    reports.overview(graded, passed_over).encode("ascii", "replace")
    return graded


def table(path: Path) -> list[list[str]]:
    return [*csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))]


@pytest.fixture(scope="module")
def runs(
    room, honest
) -> tuple[list[Graded], dict[str, tuple[float, str]], list[Graded]]:
    """Two runs, and what was typed between them: student -> points and comment."""
    first = run(room)
    chance, typed = random.Random(SEED), {}
    header, *rows = table(room / "marks" / "manual.csv")
    for row in rows:
        if chance.random() < 0.5:
            points, comment = chance.choice([0.0, 1.0, 2.5]), chance.choice(COMMENTS)
            typed[row[0]] = points, comment
            row[4:6] = f"{points:g}".replace(".", ","), comment
    with (room / "marks" / "manual.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([header, *rows])
    return first, typed, run(room)


def test_each_is_listed_once_and_the_honest_have_full_marks(honest, runs):
    for graded in (runs[0], runs[2]):
        assert sorted(one.student for one in graded) == sorted(honest)
        for one in graded:
            automatic = sum(mark.points or 0 for mark in one.marks if mark.findings)
            assert automatic == vault.POINTS or not honest[one.student], one.student
            assert one.of == vault.POINTS + 3


def test_what_was_typed_between_the_runs_counts(runs):
    first, typed, second = runs
    assert typed
    before = {one.student: one for one in first}
    for one in second:
        written = marking._harmless(one.student)
        points, comment = typed.get(written, (0.0, ""))
        was = before[one.student]
        assert one.points == was.points + points
        assert one.waiting == was.waiting - (written in typed)
        assert dict(one.comments).get("explain", "") == comment


def test_every_table_has_a_line_a_row_and_no_formula(room, honest, runs):
    waiting = sum(one.waiting for one in runs[0])
    folder = room / "marks"
    for name, count in (
        ("grades.csv", MANY),
        ("nbgrader.csv", MANY),
        ("manual.csv", waiting),
    ):
        header, *rows = table(folder / name)
        assert len(rows) == count
        assert {len(row) for row in rows} == {len(header)}
        for row in rows:
            assert not any(cell.strip()[:1] in FORMULA for cell in row if cell), row
    assert [*MANUAL] == table(folder / "manual.csv")[0]


class Tags(HTMLParser):
    """The tags of a page, with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[tuple[str, str]] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add((tag, " ".join(name for name, _ in attrs)))

    handle_startendtag = handle_starttag

    def handle_comment(self, data: str) -> None:
        self.seen.add(("a comment", data))


def pages(folder: Path) -> Iterator[str]:
    for path in [*(folder / "feedback").iterdir(), folder / "to_mark.html"]:
        yield path.read_bytes().decode()


def test_every_page_has_the_templates_tags_alone(room, runs):
    found = [*pages(room / "marks")]
    assert len(found) == MANY + 1
    for page in found:
        assert Tags(page).seen <= TAGS
        assert not any(char in page for char in CONTROLS if char != "\t")


def test_every_export_is_one_a_student(room, runs):
    folder = room / "marks" / "gradescope"
    results = [json.loads(path.read_text()) for path in folder.rglob("results.json")]
    assert len(results) == MANY
    total = sum(one.points for one in runs[2])
    assert sum(result["score"] for result in results) == pytest.approx(total)

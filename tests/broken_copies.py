"""Break each lesson as its reader is invited to, while it runs.

The metadata of a cell that claims something say which changes it must notice:

    {"labkit": {"break": [
        {"says": "no scaling", "old": " / math.sqrt(d_k)", "new": ""}
    ]}}

`old` stands once in the lesson's code, in the claim's cell or before it. When nbval has
run the claim as it is, the kernel goes back to the cell with `old`, runs a broken copy
of the cells from there to the claim, and puts every name back: each lesson runs once.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

PATIENCE = 60  # seconds for a message that a shared machine holds up; nbval has 5


@dataclass(frozen=True)
class Break:
    """A change of one cell, and the claim that must notice it."""

    says: str
    claim: int  # numbers of code cells
    first: int
    cells: list[tuple[str, str]]  # ids and sources, from the changed one to the claim


def breaks(cells: list[NotebookNode]) -> list[Break]:
    """The broken copies of a lesson, from its code cells."""
    return [
        _break(cells, number, **change)
        for number, cell in enumerate(cells)
        for change in cell.metadata.get("labkit", {}).get("break", [])
    ]


def _break(
    cells: list[NotebookNode], claim: int, says: str, old: str, new: str
) -> Break:
    counts = [cell.source.count(old) for cell in cells]
    if sum(counts) != 1:
        raise pytest.UsageError(f"{old!r} is in the code {sum(counts)} times, not once")
    first = counts.index(1)
    if first > claim:
        below = f"stands below {cells[claim].id}, which shall notice"
        raise pytest.UsageError(f"{old!r} {below}")
    copy = [(cell.id, cell.source) for cell in cells[first : claim + 1]]
    copy[0] = cells[first].id, cells[first].source.replace(old, new)
    return Break(says, claim, first, copy)


class Aside(IPyNbCell):
    """What a lesson's kernel runs between two of its cells."""


def with_asides(cells: list[IPyNbCell]) -> Iterator[IPyNbCell]:
    """A lesson's cells, and in between what is remembered and what is broken."""
    found = breaks([item.cell for item in cells])
    last = {one.first: one for one in found}
    claims = defaultdict(list)
    for one in found:
        claims[one.claim].append(one)
    for number, item in enumerate(cells):
        if number in last:
            yield _aside(item, f"before {item.cell.id}", f"remember({item.cell.id!r})")
        yield item
        for one in claims[number]:
            call = f"must_object({one.cells!r}, forget={last[one.first] is one})"
            yield _aside(item, f"{item.cell.id} notices {one.says}", call)


def _aside(beside: IPyNbCell, name: str, call: str) -> Aside:
    source = f"__import__('broken_copy').{call}"
    cell = NotebookNode(source=source, outputs=[], execution_count=None)
    aside = Aside.from_parent(
        beside.parent,
        name=name,
        cell_num=beside.cell_num,
        cell=cell,
        options=defaultdict(bool),
    )
    aside.add_marker("proof")
    return aside


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    before = [*items]
    items.clear()
    for parent, group in groupby(before, key=lambda item: item.parent):
        own = [*group]
        if parent.path.suffix == ".ipynb":
            own = [*with_asides(own)]
            for item in own:
                item.output_timeout = PATIENCE
        items += own

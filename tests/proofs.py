"""Break a lesson on purpose, and see which of its cells notices.

    CHANGES = {"no scaling": ("/ math.sqrt(d_k)", "", "spread-proof")}
    test_the_lesson_notices = notices("02_attention", CHANGES)

A lesson is run once, however many changes are tried. Each is tried on the side: from
the changed cell on, until a cell objects. Then every name is put back, and the lesson
as it is must pass the cell that objected.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"

Change = tuple[str, str, str]


class Lesson:
    """A lesson's code cells, run in order, and what was there before each.

    What a cell changes in place, as a model that it trains further, is not put back.
    """

    def __init__(self, name: str) -> None:
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        self.ids = [cell.id for cell in code]
        self.sources = [cell.source for cell in code]
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.before: list[tuple[dict[str, Any], torch.Tensor]] = []

    def find(self, text: str) -> int:
        """The cell with `text` in it, which must be in the lesson exactly once."""
        counts = [source.count(text) for source in self.sources]
        assert sum(counts) == 1, (
            f"{text!r} is in the code {sum(counts)} times, not once"
        )
        return counts.index(1)

    def run_through(self, last: int) -> None:
        """Run what has not been run yet of the cells up to `last`, as they are."""
        for index in range(len(self.before), last + 1):
            state = dict(self.names), torch.get_rng_state()
            self.execute(index, self.sources[index])
            self.before.append(state)

    def run_changed(self, first: int, source: str) -> int:
        """Go back to cell `first`, give it another source, run on until one objects."""
        self.run_through(first)
        now = dict(self.names)
        names, randomness = self.before[first]
        try:
            with torch.random.fork_rng():
                self.put_back(names)
                torch.set_rng_state(randomness)
                for index in range(first, len(self.ids)):
                    changed = source if index == first else self.sources[index]
                    try:
                        self.execute(index, changed)
                    except AssertionError:
                        return index
        finally:
            self.put_back(now)
        pytest.fail(f"no cell objects to {source}")

    def put_back(self, names: dict[str, Any]) -> None:
        self.names.clear()  # the dictionary stays: the lesson's functions look there
        self.names.update(names)

    def execute(self, index: int, source: str) -> None:
        exec(compile(source, self.ids[index], "exec"), self.names)


@lru_cache(maxsize=1)  # a lesson holds its models
def opened(lesson: str) -> Lesson:
    return Lesson(lesson)


def notices(lesson: str, changes: dict[str, Change]) -> Callable[..., None]:
    """A test a change: the cell it names stops the lesson with an AssertionError.

    Any other error is raised: a change is to make a claim false, not to break Python.

    Args:
        changes: What to replace, exactly once in the lesson's code; by what; and the id
            of the first cell that objects.
    """

    @pytest.mark.slow
    @pytest.mark.parametrize(("old", "new", "cell"), changes.values(), ids=changes)
    def test(old: str, new: str, cell: str) -> None:
        copy = opened(lesson)
        first = copy.find(old)
        objecting = copy.run_changed(first, copy.sources[first].replace(old, new))
        copy.run_through(objecting)
        assert copy.ids[objecting] == cell

    return test

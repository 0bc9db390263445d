"""Inside a lesson's kernel: go back, run a cell in other words, see which cell objects.

What a cell changes inside of a list, a dict or a set is put back, too; what it changes
inside of anything else, as a model that it trains further, is not.
"""

import contextlib
import gc
import io
import random
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

BARE = re.compile(  # nothing, or what torch and NumPy say by themselves
    r"\s*$|\s*(Tensor-likes|Scalars) are not|\s*Not equal to [^\n]*\n\s*\n"
)
BEFORE: dict[str, "Moment"] = {}  # by the id of the cell that will be changed


def names() -> dict[str, Any]:
    """What the cells have defined: the functions among them look names up here."""
    from IPython.core.getipython import get_ipython

    return get_ipython().user_ns


class Moment:
    """How things stand: names, what collections hold, and the dice."""

    def __init__(self) -> None:
        self.names = dict(names())
        self.held = [
            (value, value.copy())
            for name, value in self.names.items()
            if type(value) in (dict, list, set) and name not in ("In", "Out")
        ]
        torch = sys.modules.get("torch")
        self.dice = random.getstate(), np.random.get_state()
        self.torchs_dice = torch and torch.get_rng_state()

    def put_back(self) -> None:
        names().clear()
        names().update(self.names)
        for value, held in self.held:
            value.clear()
            value.extend(held) if isinstance(value, list) else value.update(held)
        random.setstate(self.dice[0])
        np.random.set_state(self.dice[1])
        if self.torchs_dice is not None:
            sys.modules["torch"].set_rng_state(self.torchs_dice)


def remember(cell: str) -> None:
    """Note how things stand before a cell that will be changed."""
    BEFORE[cell] = Moment()


def must_object(cells: Sequence[tuple[str, str]], forget: bool) -> None:
    """Run a broken copy of the cells; the last of them must raise an AssertionError
    that says in words what the change shows.

    Any other error is raised: a change is to make a claim false, not to break Python.

    Args:
        cells: Ids and sources, from the changed cell to the claim.
        forget: Whether no other copy starts at that cell.

    Raises:
        AssertionError: no cell objects, or an earlier one than the claim, or the claim
            says nothing.
    """
    now = Moment()
    first, claim = cells[0][0], cells[-1][0]
    try:
        BEFORE[first].put_back()
        with contextlib.redirect_stdout(io.StringIO()):
            objecting, message = _first_to_object(cells)
    finally:
        now.put_back()
        if forget:
            del BEFORE[first]
        gc.collect()
    assert objecting, f"{claim} does not object to {cells[0][1]}"
    assert objecting == claim, f"{objecting} objects before {claim} does"
    assert not BARE.match(message), f"{claim} does not say what {cells[0][1]} shows"


def _first_to_object(cells: Sequence[tuple[str, str]]) -> tuple[str | None, str]:
    for cell, source in cells:
        try:
            exec(compile(source, cell, "exec"), names())
        except AssertionError as error:
            return cell, str(error)
    return None, ""

"""Inside a lesson's kernel: go back, run a cell in other words, see which cell objects.

What a cell changes in place, as a model that it trains further, is not put back.
"""

import contextlib
import gc
import io
import random
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

BEFORE: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {}  # cell id -> then


def names() -> dict[str, Any]:
    """What the cells have defined: the functions among them look names up here."""
    from IPython.core.getipython import get_ipython

    return get_ipython().user_ns


def dice() -> tuple[Any, ...]:
    """Where the generators of random numbers stand."""
    torch = sys.modules.get("torch")
    return random.getstate(), np.random.get_state(), torch and torch.get_rng_state()


def put_back(then: dict[str, Any], dice: tuple[Any, ...]) -> None:
    names().clear()
    names().update(then)
    random.setstate(dice[0])
    np.random.set_state(dice[1])
    if dice[2] is not None:
        sys.modules["torch"].set_rng_state(dice[2])


def remember(cell: str) -> None:
    """Note how things stand before a cell that will be changed."""
    BEFORE[cell] = dict(names()), dice()


def must_object(cells: Sequence[tuple[str, str]], forget: bool) -> None:
    """Run a broken copy of the cells; the last of them must raise an AssertionError.

    Any other error is raised: a change is to make a claim false, not to break Python.

    Args:
        cells: Ids and sources, from the changed cell to the claim.
        forget: Whether no other copy starts at that cell.

    Raises:
        AssertionError: no cell objects, or an earlier one than the claim.
    """
    now = dict(names()), dice()
    first, claim = cells[0][0], cells[-1][0]
    try:
        put_back(*BEFORE[first])
        with contextlib.redirect_stdout(io.StringIO()):
            objecting = _first_to_object(cells)
    finally:
        put_back(*now)
        if forget:
            del BEFORE[first]
        gc.collect()
    assert objecting, f"{claim} does not object to {cells[0][1]}"
    assert objecting == claim, f"{objecting} objects before {claim} does"


def _first_to_object(cells: Sequence[tuple[str, str]]) -> str | None:
    for cell, source in cells:
        try:
            exec(compile(source, cell, "exec"), names())
        except AssertionError:
            return cell
    return None

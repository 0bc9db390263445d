"""The types and shapes that `labkit.models` promises are checked, call by call.

`conftest.py` hands this to jaxtyping, which wraps each function in it.
"""

from collections.abc import Callable
from typing import Any

from beartype import beartype
from beartype.roar import BeartypeDecorHintPep673Exception


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, and it refuses what its signature rules out."""
    try:
        return beartype(function)
    except BeartypeDecorHintPep673Exception:  # `Self` says nothing outside its class
        return function

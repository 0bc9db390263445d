"""The types and shapes that `labkit.models` promises are checked, call by call.

`conftest.py` hands this to jaxtyping, which wraps each function in it.
"""

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep673Exception

as_mypy_has_it = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, and it refuses what its signature rules out."""
    try:
        return as_mypy_has_it(function)
    except BeartypeDecorHintPep673Exception:  # `Self` says nothing outside its class
        return function

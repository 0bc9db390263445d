"""One look at what comes in, before anything is computed.

Each function gives back what it was given in one plain form, or raises a `LabError`
that says what is wrong, at which number, and what to do.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import LabError


def items(value: Any, name: str, of: str = "values") -> list[Any]:
    """A list of what `value` holds, at least one.

    Args:
        name: What the caller names it; `of` says what it should hold, in the plural.

    Raises:
        LabError: for one text, a dictionary, a DatasetDict, a DataFrame, nothing.
    """
    if isinstance(value, str | bytes):
        raise LabError(
            f"{name} is one text: {_shown(value)}.",
            f"A list of {of} is wanted; gone through, a text gives its letters.",
            "Put it into a list, [text], also where there is only one.",
        )
    if isinstance(value, Mapping):
        splits = all(hasattr(part, "column_names") for part in value.values())
        raise LabError(
            f"{name} is a dictionary of {', '.join(map(str, value)) or 'nothing'}.",
            f"A list of {of} is wanted; gone through, a dictionary gives its names.",
            f'Choose one split, as data["{next(iter(value))}"].'
            if splits and value
            else "Make a list of it: datasets.Dataset.from_dict(columns), or [row].",
        )
    if hasattr(value, "iterrows"):
        raise LabError(
            f"{name} is a table with the columns {', '.join(map(str, value.columns))}.",
            f"A list of {of} is wanted; gone through, a table gives its column names.",
            "Take one column, or make rows: datasets.Dataset.from_pandas(table).",
        )
    if not isinstance(value, Iterable):
        raise LabError(
            f"{name} is {_shown(value)}.",
            f"A list of {of} is wanted.",
            "Put it into a list, also where there is only one.",
        )
    listed = list(value)
    if not listed:
        raise LabError(f"there are no {name}.", "Look at the data set's length first.")
    return listed


def rows(value: Any, name: str = "rows") -> list[Mapping[str, Any]]:
    """Dictionaries: of a `datasets.Dataset`, or of a list.

    Raises:
        LabError: for anything else, with the number of the first that is no row.
    """
    return _all(items(value, name, "rows"), name, Mapping, "a row (a dictionary)")


def texts(value: Any, name: str = "texts") -> list[str]:
    """Strings: of a list, a column, an array.

    Raises:
        LabError: for anything else, with the number of the first that is no text.
    """
    return _all(items(value, name, "texts"), name, str, "a text")


def numbers(value: Any, name: str = "numbers") -> NDArray[Any]:
    """An array of real numbers, in the shape in which they came.

    A tensor may be on any device, of any precision, and carry a gradient.

    Raises:
        LabError: if there are none, or one is no number (NaN, infinity, a text).
    """
    if hasattr(value, "detach"):  # a tensor, and torch stays unimported
        value = value.detach().cpu()
        half = value.is_floating_point() and value.element_size() < 4
        value = (value.float() if half else value).numpy()
    if not isinstance(value, np.ndarray):
        value = items(value, name, "numbers")
    try:
        found = np.asarray(value)
    except ValueError:
        found = np.empty(0, object)  # ragged
    if found.dtype.kind not in "buif":
        raise LabError(
            f"{name} are no numbers: {_shown(value)}.",
            "A list of numbers is wanted, all of one shape.",
            "Convert them first, as with float(value).",
        )
    if not found.size:
        raise LabError(f"there are no {name}.", "Look at the data set's length first.")
    if not np.isfinite(found).all():
        first = np.flatnonzero(~np.isfinite(found.ravel()))[0]
        raise LabError(
            f"number {first} of {name} is {found.ravel()[first]}.",
            "What is computed of it would be no number either.",
            "Look for a division by 0, or a training run that diverged.",
        )
    return found


def labels(
    value: Any, name: str = "labels", classes: int | None = None
) -> NDArray[np.int64]:
    """Classes, counted from 0, in the shape in which they came.

    Args:
        classes: How many there are; None asks only that no label is negative.

    Raises:
        LabError: for a text, None, a fraction, a class that does not exist.
    """
    found = numbers(value, name)
    bad = (found != np.floor(found)) | (found < 0)
    if classes is not None:
        bad |= found >= classes
    if bad.any():
        first = np.flatnonzero(bad.ravel())[0]
        highest = "" if classes is None else f" to {classes - 1}"
        raise LabError(
            f"number {first} of {name} is {found.ravel()[first]}.",
            f"Classes are whole numbers from 0{highest}.",
            "Number your classes from 0, and leave out what has none (−1, −100).",
        )
    return found.astype(np.int64)


def number(
    name: str,
    value: Any,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    whole: bool = False,
) -> Any:
    """One number in its range, as it came.

    Raises:
        LabError: if it is none (a text, a bool, NaN), a fraction, or out of range.
    """
    is_number = isinstance(value, int | float | np.number) and value == value
    right = (
        is_number
        and not isinstance(value, bool)
        and (not whole or float(value).is_integer())
        and (at_least is None or value >= at_least)
        and (above is None or value > above)
        and (at_most is None or value <= at_most)
    )
    if right:
        return value
    bounds = {"at least": at_least, "above": above, "at most": at_most}
    wanted = " and ".join(f"{k} {v:g}" for k, v in bounds.items() if v is not None)
    raise LabError(
        f"{name} is {_shown(value)}.",
        f"It is a {'whole ' * whole}number{f', {wanted}' if wanted else ''}.",
        f"Pass such a number as {name}.",
    )


def _all(found: list[Any], name: str, kind: type, what: str) -> list[Any]:
    for place, item in enumerate(found):
        if not isinstance(item, kind):
            raise LabError(
                f"number {place} of {name} is {_shown(item)}.",
                f"Each of {name} is {what}.",
                "Mend it, or leave it out.",
            )
    return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"

"""One look at what comes in, before anything is computed.

Each function gives back what it was given in one plain form, or raises a `LabError`
that says what is wrong, at which number, and what to do.
"""

from collections.abc import Iterable, Mapping, Sequence
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
    given, advice = shown(value), "Put it into a list, also where there is only one."
    if isinstance(value, str | bytes):
        given = f"one text: {given}"
    elif isinstance(value, Mapping):
        given = f"a dictionary of {', '.join(map(str, value)) or 'nothing'}"
        advice = "Make a list of it: datasets.Dataset.from_dict(columns), or [row]."
        if value and all(hasattr(part, "column_names") for part in value.values()):
            advice = f'Choose one split, as data["{next(iter(value))}"].'
    elif hasattr(value, "iterrows"):
        given = f"a table with the columns {', '.join(map(str, value.columns))}"
        advice = "Take a column, or make rows: datasets.Dataset.from_pandas(table)."
    elif isinstance(value, Iterable) and getattr(value, "ndim", None) != 0:
        listed = list(value)
        if not listed:
            raise _nothing(name)
        return listed
    raise LabError(f"{name} is {given}.", f"A list of {of} is wanted.", advice)


def rows(value: Any, name: str = "rows") -> list[Mapping[str, Any]]:
    """Dictionaries: of a `datasets.Dataset`, or of a list."""
    return _all(items(value, name, "rows"), name, Mapping, "a row (a dictionary)")


def texts(value: Any, name: str = "texts") -> list[str]:
    """Strings: of a list, a column, an array."""
    return _all(items(value, name, "texts"), name, str, "a text")


def numbers(value: Any, name: str = "numbers") -> NDArray[Any]:
    """An array of real numbers, in the shape in which they came.

    A tensor may be on any device, of any precision, and carry a gradient.

    Raises:
        LabError: if there are none, or one is no number (NaN, infinity, a text).
    """
    found = _array(value, name, "numbers")
    if found.dtype.kind not in "buif":
        raise LabError(
            f"{name} are no numbers: {shown(value)}.",
            "A list of numbers is wanted, all of one shape.",
            "Convert them first, as with float(value).",
        )
    if not found.size:
        raise _nothing(name)
    rule = "What is computed of it would be no number either."
    advice = "Look for a division by 0, or a training run that diverged."
    _refuse_where(~np.isfinite(found), found, name, rule, advice)
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
    known = np.inf if classes is None else classes
    highest = "" if classes is None else f" to {classes - 1}"
    rule = f"Classes are whole numbers from 0{highest}."
    advice = "Number your classes from 0, and leave out what has none (−1, −100)."
    wrong = (found != np.floor(found)) | (found < 0) | (found >= known)
    _refuse_where(wrong, found, name, rule, advice)
    return found.astype(np.int64)


def values(value: Any, name: str = "values") -> NDArray[Any]:
    """An array with one row an example: finite numbers, or whatever else they are."""
    found = _array(value, name, "examples")
    if not found.ndim or not len(found):
        raise LabError(
            f"{name} are no rows of one shape: {shown(value)}.",
            "There must be one value an example, and not only their mean.",
            "Pass a list or an array with at least one row.",
        )
    return numbers(found, name) if found.dtype.kind in "buif" else found


def right_or_wrong(value: Any, name: str = "answers") -> NDArray[np.bool_]:
    """One truth value an example, shape (examples,): of right (1) and wrong (0)."""
    found = axes(numbers(value, name), name, "examples")
    rule = "An answer is right (1) or wrong (0)."
    advice = "Pass `predictions == labels`; of other scores take `bootstrap_interval`."
    _refuse_where(~np.isin(found, (0, 1)), found, name, rule, advice)
    return found.astype(bool)


def axes(found: NDArray[Any], name: str, *wanted: str) -> NDArray[Any]:
    """The array, refused unless it has just the axes that are named."""
    if found.ndim != len(wanted):
        shape = f"({', '.join(wanted)}{',' * (len(wanted) == 1)})"
        raise LabError(
            f"{name} have the shape {found.shape}, not {shape}.",
            "One value an example is its class, one a class are its logits.",
            "From logits or probabilities take .argmax(-1); one example too is a list.",
        )
    return found


def pairs(**named: Sequence[Any] | NDArray[Any]) -> None:
    """Nothing, if all are of one length; otherwise refused, with their lengths."""
    lengths = {name: len(value) for name, value in named.items()}
    if len(set(lengths.values())) > 1:
        counted = ", ".join(f"{n:,} {name}" for name, n in lengths.items())
        raise LabError(
            f"these do not pair up: {counted}.",
            "All must come from the same examples, in the same order.",
            "Was one cut, filtered or shuffled, and the other not?",
        )


def number(
    name: str,
    value: Any,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    whole: bool = False,
) -> Any:
    """One number in its range, as it came.

    Raises:
        LabError: if it is none (a text, a bool, NaN), a fraction, or out of range.
    """
    kinds = int | np.integer if whole else int | float | np.number
    right = (
        isinstance(value, kinds)
        and not isinstance(value, bool)
        and value == value  # NaN is not
        and (at_least is None or value >= at_least)
        and (above is None or value > above)
        and (at_most is None or value <= at_most)
        and (below is None or value < below)
    )
    if right:
        return value
    bounds = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    wanted = " and ".join(f"{k} {v:g}" for k, v in bounds.items() if v is not None)
    raise LabError(
        f"{name} is {shown(value)}.",
        f"It is a {'whole ' * whole}number{f', {wanted}' if wanted else ''}.",
        f"Pass such a number as {name}.",
    )


def shown(value: Any) -> str:
    """How a message quotes a value."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _array(value: Any, name: str, of: str) -> NDArray[Any]:
    """Of an array, a list, or a tensor of any device, precision and gradient."""
    if hasattr(value, "detach"):  # a tensor, and torch stays unimported
        value = value.detach().cpu()
        half = value.is_floating_point() and value.element_size() < 4
        return np.asarray((value.float() if half else value).numpy())
    if isinstance(value, np.ndarray):
        return value
    listed = items(value, name, of)
    try:
        return np.asarray(
            [_array(v, name, of) if hasattr(v, "detach") else v for v in listed]
        )
    except ValueError:
        return np.empty(0, object)  # ragged


def _all(found: list[Any], name: str, kind: type, what: str) -> list[Any]:
    for place, item in enumerate(found):
        if not isinstance(item, kind):
            raise LabError(
                f"number {place} of {name} is {shown(item)}.",
                f"Each of {name} is {what}.",
                "Mend it, or leave it out.",
            )
    return found


def _refuse_where(
    wrong: NDArray[np.bool_], found: NDArray[Any], name: str, *then: str
) -> None:
    """Refuse the first value that is wrong, by its number."""
    for first in np.flatnonzero(wrong)[:1]:
        raise LabError(f"number {first} of {name} is {found.ravel()[first]}.", *then)


def _nothing(name: str) -> LabError:
    return LabError(f"there are no {name}.", "Look at the data set's length first.")

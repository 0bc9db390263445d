"""Why two results are not the same: for the learner's check, and for the judge."""

import math
import numbers
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

TOLERANCE = 1e-4
LONGEST = 240  # characters of a result that is shown


def difference(got: Any, expected: Any, tolerance: float = TOLERANCE) -> str | None:
    """Why the two are not the same, in a few words; or None.

    A tuple may stand for a list. Wherever a number is expected, a Python number, a
    NumPy scalar and a tensor of no dimensions are alike. An int may stand for a float,
    but nothing stands for an int that is expected. A tensor and an array are alike
    where an array is expected.
    """
    import numpy as np
    import torch

    if isinstance(expected, torch.Tensor | np.ndarray) and np.ndim(expected):
        return _array_difference(got, expected, tolerance)
    if isinstance(expected, torch.Tensor | np.ndarray | np.generic):
        expected = expected.item()
    if isinstance(got, torch.Tensor | np.ndarray | np.generic) and not np.ndim(got):
        got = as_array(got).item()
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        if type(got) is not type(expected):
            return _wrong_type(got, expected)
        return None if got == expected else _other_values(got, expected)
    if isinstance(expected, numbers.Real):
        return _number_difference(got, expected, tolerance)
    for kinds, compare in (
        ((list, tuple), _list_difference),
        ((dict,), _dict_difference),
        ((set, frozenset), _set_difference),
    ):
        if isinstance(expected, kinds):
            fits = isinstance(got, kinds)
            return (compare if fits else _wrong_type)(got, expected, tolerance)
    raise TypeError(f"no {type(expected).__name__} can be compared")


def _list_difference(got: Any, expected: Any, tolerance: float) -> str | None:
    many = len(expected)
    if len(got) != many:
        return f"it has {len(got)} items, not {many}"
    for place, pair in enumerate(zip(got, expected, strict=True), start=1):
        if found := difference(*pair, tolerance):
            return f"item {place} of {many}: {found}" if many > 1 else found
    return None


def _dict_difference(got: Any, expected: Any, tolerance: float) -> str | None:
    if not _same_items(got, expected):
        return f"its keys are {show([*got], 80)}, not {show([*expected], 80)}"
    for key, value in expected.items():
        if found := difference(got[key], value, tolerance):
            return f"at key {show(key, 80)}: {found}"
    return None


def _set_difference(got: Any, expected: Any, _: float) -> str | None:
    return None if _same_items(got, expected) else _other_values(got, expected)


def _same_items(got: Any, expected: Any) -> bool:
    """Whether sets or keys are the same; to Python alone, 1, 1.0 and True are."""
    right = {item: item for item in expected}
    return len(got) == len(right) and all(
        item in right and difference(item, right[item], 0.0) is None for item in got
    )


def _array_difference(got: Any, expected: Any, tolerance: float) -> str | None:
    import numpy as np
    import torch

    wants_tensor = isinstance(expected, torch.Tensor)
    if not isinstance(got, torch.Tensor if wants_tensor else torch.Tensor | np.ndarray):
        return _wrong_type(got, expected)
    if got.shape != expected.shape:
        return f"its shape is {tuple(got.shape)}, not {tuple(expected.shape)}"
    one, other = as_array(got), as_array(expected)
    if one.dtype.kind.replace("u", "i") != other.dtype.kind.replace("u", "i"):
        held, due = (str(x.dtype).removeprefix("torch.") for x in (got, expected))
        return f"it holds {held}, not {due}"
    if other.dtype.kind != "f":
        off = np.count_nonzero(one != other)
        said = f"{off} of its {one.size} values are not what is expected"
        return said if off else None
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return "it holds NaN or infinity where it should not"
    with np.errstate(all="ignore"):
        if np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True):
            return None
        apart = np.nan_to_num(np.abs(one - other), posinf=0.0).max()
    if not apart:  # infinities of the other sign, or NaN for infinity
        return "its values are not what is expected"
    return f"its values are off by up to {apart:.3g}"


def _number_difference(got: Any, expected: Any, tolerance: float) -> str | None:
    whole = isinstance(expected, numbers.Integral)  # an id, a count: near is not it
    fits = numbers.Integral if whole else numbers.Real
    if isinstance(got, bool) or not isinstance(got, fits):
        return _wrong_type(got, expected)
    if got == expected:
        return None
    try:
        number, right = float(got), float(expected)
    except OverflowError:  # an int of a thousand digits
        return _other_values(got, expected)
    if math.isnan(number) and math.isnan(right):
        return None
    if math.isfinite(number) != math.isfinite(right):
        return f"it is {number:.6g}, not {right:.6g}"
    if not whole and abs(number - right) <= tolerance * (1 + abs(right)) < math.inf:
        return None
    return _other_values(got, expected)


def as_array(values: Any) -> Any:
    """Of any tensor; of `object` where NumPy has nothing like it."""
    import numpy as np
    import torch

    if not isinstance(values, torch.Tensor):
        return values
    try:  # NumPy has no bfloat16
        values = values.double() if values.is_floating_point() else values
        return values.numpy(force=True)
    except (NotImplementedError, RuntimeError, TypeError):  # sparse, quantized, meta
        return np.broadcast_to(np.array(None), values.shape)


def _wrong_type(got: Any, expected: Any, tolerance: float = 0.0) -> str:
    one, due = _kind(got), _kind(expected)
    if due == "a float" or (due == "an int" and not isinstance(got, numbers.Real)):
        due = "a number"
    if one == "a tensor" and isinstance(expected, list | tuple) and len(expected) == 2:
        return "it is one tensor, not a pair of two"
    return f"it is {one} where {due} is expected"


def _kind(value: Any) -> str:
    name = type(value).__name__
    name = {"Tensor": "tensor", "ndarray": "array"}.get(name, name)
    return "None" if value is None else f"a{'n' * (name[:1] in 'aeio')} {name}"


def _other_values(got: Any, expected: Any) -> str:
    return f"it is {show(got, 80)}, not {show(expected, 80)}"


def show(value: Any, longest: int = LONGEST) -> str:
    """In one line, cut, and by no `__repr__` that may be anybody's."""
    said = ""
    try:
        for piece in _pieces(value):
            said += piece
            if len(said) > longest:
                return f"{said[: longest - 1]}…"
    except Exception:  # nested without end, a subclass that behaves like nothing
        return f"<{type(value).__name__}>"
    return said


def _pieces(value: Any) -> Iterator[str]:
    """What `show` puts together, until it has enough."""
    import numpy as np
    import torch

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, torch.Tensor | np.ndarray):
        yield "tensor(" if isinstance(value, torch.Tensor) else "array("
        yield from _rows(as_array(value))
        yield ")"
    elif isinstance(value, dict):
        pairs = (
            chain(_pieces(key), [": "], _pieces(item)) for key, item in value.items()
        )
        yield from _between("{}", pairs)
    elif isinstance(value, list | tuple | set | frozenset):
        around = "[]" if isinstance(value, list) else "{}"
        around = "()" if isinstance(value, tuple) else around
        yield from _between(around, map(_pieces, value))
    elif type(value) is float:
        yield repr(float(f"{value:.6g}"))
    elif type(value) is str:
        yield repr(value[: LONGEST + 1])
    elif type(value) is int and value.bit_length() > LONGEST:  # slow beyond measure
        yield "<an enormous int>"
    else:
        known = value is None or type(value) in (bool, int, complex)
        yield repr(value) if known else f"<{type(value).__name__}>"


def _rows(array: Any) -> Iterator[str]:
    return _between("[]", map(_rows, array)) if array.ndim else _pieces(array.item())


def _between(around: str, parts: Iterable[Iterable[str]]) -> Iterator[str]:
    yield around[0]
    for place, part in enumerate(parts):
        yield from chain([", "] if place else [], part)
    yield around[1]

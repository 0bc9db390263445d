"""What a learner may run on an answer: few points, each of which teaches.

    check("softmax")    # in the cell below the answer

The cases lie in `checks.py` beside the notebook. They are not the grader's: it draws
other inputs. So a check names the misconception it recognises, and what it has not seen
it does not claim.
"""

import importlib.util
import linecache
import math
import numbers
import sys
import textwrap
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.plots import Picture

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Case:
    """One thing to try, what is right, and how it goes wrong.

    Args:
        name: What is tried: "two rows of three scores".
        call: From the learner's function or class to a result.
        expected: The right result.
        wrong: From a sentence that names a misconception to what it gives: a result,
            the class of an exception, or a function that tells by the result.
        tolerance: How far numbers may be off, relative and absolute.
        picture: From the learner's result and the right one to a figure of both.
    """

    name: str
    call: Callable[[Any], Any]
    expected: Any
    wrong: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = TOLERANCE
    picture: "Callable[[Any, Any], Picture] | None" = None


@dataclass(frozen=True)
class Difference:
    """Why a result is not the expected one."""

    kind: str  # one of "type", "shape", "not finite", "values"
    detail: str


@dataclass(frozen=True)
class Feedback:
    """What the checks of one exercise found."""

    exercise: str
    passed: int
    of: int
    message: str  # empty if all passed
    picture: "Picture | None" = None

    def __str__(self) -> str:
        counted = f"{self.exercise}: {self.passed} of {self.of} checks passed."
        if not self.message:
            return f"{counted} The grader draws other inputs than these."
        lines = self.message.splitlines()
        return "\n".join([counted, *(textwrap.indent(_fill(x), "  ") for x in lines)])


class CheckFailedError(LabError):
    """An answer is not right yet; the message says what was seen."""

    def __init__(self, feedback: Feedback) -> None:
        Exception.__init__(self, str(feedback))
        self.feedback = feedback

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


def check(exercise: str) -> None:
    """Try the answer that the notebook holds now, and say what is seen.

    Raises:
        CheckFailedError: the answer is not there yet; in a notebook, a sentence.
        LabError: there are no checks beside the notebook, or none of that name.
    """
    namespace = sys._getframe(1).f_globals  # in a notebook, what its cells defined
    feedback = examine(cases(Path.cwd(), exercise), exercise, namespace)
    if not feedback.message:
        print(f"✓ {feedback}")
        return
    if feedback.picture is not None and "get_ipython" in namespace:
        from IPython.display import display

        display(feedback.picture)
    raise CheckFailedError(feedback) from None


def cases(folder: Path, exercise: str) -> Sequence[Case]:
    """The cases of an exercise, from the folder's `checks.py`.

    Raises:
        LabError: there is no such file, or no such exercise in it.
    """
    checks = load_checks(folder)
    if exercise not in checks:
        raise LabError(
            f"there is no exercise {exercise!r} here.",
            f"Here are: {', '.join(checks)}.",
        )
    return checks[exercise]


def load_checks(folder: Path) -> Mapping[str, Sequence[Case]]:
    """Exercise id -> cases, from the folder's `checks.py`.

    Raises:
        LabError: there is no such file.
    """
    path = folder / "checks.py"
    if not path.is_file():
        raise LabError(
            "there is no checks.py beside this notebook.",
            f"Looked in {folder}.",
            "Work in the folder that the exercises came in.",
        )
    return load_module(path).CHECKS


def load_module(path: Path) -> ModuleType:
    """A problem set's Python file, run by its path."""
    name = f"labkit_problems_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and inspect look it up
    spec.loader.exec_module(module)
    return module


def examine(
    tried: Sequence[Case], exercise: str, namespace: Mapping[str, Any]
) -> Feedback:
    """Try case after case, up to the first that fails."""
    if exercise not in namespace:
        message = (
            f"Nothing named {exercise} is defined yet: run the cell of your answer "
            "first, and keep the name that it came with."
        )
        return Feedback(exercise, 0, len(tried), message)
    answer = namespace[exercise]
    for passed, case in enumerate(tried):
        message, picture = _try(case, answer, exercise)
        if message:
            return Feedback(exercise, passed, len(tried), message, picture)
    return Feedback(exercise, len(tried), len(tried), "")


def _try(case: Case, answer: Any, exercise: str) -> "tuple[str, Picture | None]":
    """What went wrong, or nothing; and a figure of it, if the case draws one."""
    try:
        got = case.call(answer)
    except Exception as error:
        if isinstance(error, NotImplementedError) and not error.args:
            return f"{exercise} is still a stub: write it, run it, check again.", None
        lines = f"{case.name}: {_tell_error(error)}", _misconception(case, error)
        return "\n".join(filter(None, lines)), None
    found = difference(got, case.expected, case.tolerance)
    if found is None:
        return "", None
    said = [f"{case.name}: {_misconception(case, got) or f'{found.detail}.'}"]
    if found.kind in ("values", "not finite") and len(_show(case.expected)) <= 200:
        said += [f"expected {_show(case.expected)}", f"got      {_show(got)}"]
    return "\n".join(said), _draw(case, got)


def _misconception(case: Case, got: Any) -> str:
    for sentence, wrong in case.wrong.items():
        if isinstance(wrong, type) and issubclass(wrong, Exception):
            matches = isinstance(got, wrong)
        elif isinstance(got, Exception):
            matches = False
        elif callable(wrong) and not hasattr(wrong, "shape"):
            matches = _holds(wrong, got)
        else:
            matches = difference(got, wrong, case.tolerance) is None
        if matches:
            return sentence
    return ""


def _holds(predicate: Callable[[Any], Any], got: Any) -> bool:
    try:
        return bool(predicate(got))
    except Exception:  # it expected another kind of result
        return False


def _draw(case: Case, got: Any) -> "Picture | None":
    if case.picture is None:
        return None
    try:
        return case.picture(got, case.expected)
    except Exception:  # a result of any shape may come: then there is no picture
        return None


def _tell_error(error: Exception) -> str:
    """The exception, and the last of the learner's own lines that led to it."""
    said = f"it raised {type(error).__name__}: {str(error)[:300]}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "ipykernel" in frame.filename]
    if not own or own[-1].lineno is None:
        return said
    line = linecache.getline(own[-1].filename, own[-1].lineno).strip()
    return f"{said}\nin line {own[-1].lineno} of its cell: {line}"


def difference(
    got: Any, expected: Any, tolerance: float = TOLERANCE
) -> Difference | None:
    """Why the two are not the same, or None.

    A tuple may stand for a list. Wherever a number is expected, a Python number, a
    NumPy scalar and a tensor of no dimensions are alike; integers stand for floats.
    A tensor and an array are alike where an array is expected.
    """
    import numpy as np
    import torch

    if isinstance(expected, torch.Tensor | np.ndarray) and np.ndim(expected):
        return _difference_of_arrays(got, expected, tolerance)
    if isinstance(expected, torch.Tensor | np.ndarray | np.generic):
        expected = expected.item()
    if isinstance(got, torch.Tensor | np.ndarray | np.generic) and not np.ndim(got):
        got = got.item()
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        if type(got) is not type(expected):
            return _wrong_type(got, expected)
        return None if got == expected else _other_values()
    if isinstance(expected, numbers.Real):
        return _difference_of_numbers(got, float(expected), tolerance)
    if isinstance(expected, list | tuple):
        if not isinstance(got, list | tuple):
            return _wrong_type(got, expected)
        if len(got) != len(expected):
            return Difference("shape", f"it has {len(got)} items, not {len(expected)}")
        pairs = zip(got, expected, strict=True)
        found = (difference(one, other, tolerance) for one, other in pairs)
        return next(filter(None, found), None)
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return _wrong_type(got, expected)
        if got.keys() != expected.keys():
            return Difference("shape", "it has other keys")
        inside = [got[key] for key in expected]
        return difference(inside, [*expected.values()], tolerance)
    if isinstance(expected, set):
        if not isinstance(got, set | frozenset):
            return _wrong_type(got, expected)
        return None if got == expected else _other_values()
    raise TypeError(f"no {type(expected).__name__} can be compared")


def _difference_of_arrays(
    got: Any, expected: Any, tolerance: float
) -> Difference | None:
    import numpy as np
    import torch

    wants_tensor = isinstance(expected, torch.Tensor)
    fits = torch.Tensor if wants_tensor else torch.Tensor | np.ndarray
    if not isinstance(got, fits):
        return _wrong_type(got, expected)
    one, other = _as_tensor(got), _as_tensor(expected)
    if one.shape != other.shape:
        shapes = f"its shape is {tuple(one.shape)}, not {tuple(other.shape)}"
        return Difference("shape", shapes)
    if one.is_complex() or one.dtype.is_floating_point < other.dtype.is_floating_point:
        return _wrong_kind(one, other)
    if (one.dtype == torch.bool) != (other.dtype == torch.bool):
        return _wrong_kind(one, other)
    if other.dtype == torch.bool or not other.dtype.is_floating_point:
        return None if torch.equal(one.double(), other.double()) else _other_values()
    one, other = one.double(), other.double()
    if not torch.equal(one.isfinite(), other.isfinite()):
        return Difference("not finite", "it holds NaN or infinity where it should not")
    close = torch.isclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    if bool(close.all()):
        return None
    off = (one - other).abs().nan_to_num(posinf=0).max().item()
    if not off:  # infinities of the other sign, or NaN for infinity
        return _other_values()
    return Difference("values", f"its values are off by up to {off:.3g}")


def _difference_of_numbers(
    got: Any, expected: float, tolerance: float
) -> Difference | None:
    if isinstance(got, bool) or not isinstance(got, numbers.Real):
        return _wrong_type(got, expected)
    try:
        number = float(got)
    except OverflowError:  # an int of a thousand digits
        return _other_values()
    if math.isfinite(number) != math.isfinite(expected):
        return Difference("not finite", f"it is {number}, not {expected:.6g}")
    if math.isnan(number) and math.isnan(expected):
        return None
    if number == expected or abs(number - expected) <= tolerance * (1 + abs(expected)):
        return None
    return Difference("values", f"it is {number:.6g}, not {expected:.6g}")


def _as_tensor(values: Any) -> Any:
    import torch

    if isinstance(values, torch.Tensor):
        return values.detach().cpu()
    try:
        return torch.as_tensor(values)
    except TypeError:  # an array of strings or objects
        return torch.empty(*values.shape, dtype=torch.complex64)


def _wrong_type(got: Any, expected: Any) -> Difference:
    names = type(got).__name__, type(expected).__name__
    return Difference("type", f"it is a {names[0]} where a {names[1]} is expected")


def _wrong_kind(got: Any, expected: Any) -> Difference:
    return Difference("type", f"it holds {got.dtype}, not {expected.dtype}")


def _other_values() -> Difference:
    return Difference("values", "it is not what is expected")


def calls(run: Callable[[], Any]) -> set[str]:
    """The names of the functions of torch that `run` calls: "softmax", "exp"."""
    from torch.overrides import TorchFunctionMode

    names: set[str] = set()

    class Listening(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            names.add(getattr(function, "__name__", ""))
            return function(*args, **(kwargs or {}))

    with Listening():
        run()
    return names


def two_tables(got: Any, expected: Any) -> "Picture":
    """The learner's table of numbers beside the right one, in one scale of colours.

    Args:
        got, expected: Tensors or arrays of shape (rows, columns), 8 × 8 at most.
    """
    import numpy as np
    from matplotlib.figure import Figure

    from labkit.plots import Picture

    tables = [_as_tensor(table).double().numpy() for table in (got, expected)]
    low, high = (float(f(tables[1])) for f in (np.min, np.max))
    rows, columns = tables[1].shape
    size = (2 * (0.6 * columns + 0.8), 0.45 * rows + 0.8)
    figure = Figure(figsize=size, layout="constrained")
    said = []
    for panel, table, name in zip(
        figure.subplots(1, 2), tables, ("yours", "expected"), strict=True
    ):
        panel.pcolormesh(table, cmap="Blues", vmin=low, vmax=high, edgecolors="#cccccc")
        for (row, column), number in np.ndenumerate(table):
            dark = (number - low) / (high - low or 1) > 0.6
            look = {"color": "white" if dark else "black", "size": 9}
            at = column + 0.5, row + 0.5
            panel.text(*at, f"{number:.2f}", ha="center", va="center", **look)
        panel.set(title=name, xticks=[], yticks=[])
        panel.set_aspect("equal")
        panel.invert_yaxis()
        said.append(f"{name}: {np.round(table, 2).tolist()}.")
    return Picture(figure, f"Two tables of numbers. {' '.join(said)}")


def _fill(line: str) -> str:
    """Folded, for an output does not fold by itself; results are left in one line."""
    if line.startswith(("expected ", "got ")):
        return line
    return textwrap.fill(line, 84, break_long_words=False, break_on_hyphens=False)


def _show(value: Any) -> str:
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach()
        if value.dtype.is_floating_point and value.numel() <= 64:
            value = (
                [*map(_round, value.flatten().tolist())]
                if value.ndim < 2
                else (
                    [[_round(x) for x in row] for row in value.flatten(0, -2).tolist()]
                )
            )
    return " ".join(repr(value).split())[:300]


def _round(number: float) -> float:
    return float(f"{number:.4g}")

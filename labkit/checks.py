"""What a learner may run on an answer: few points, each of which teaches.

    check("softmax")    # in the cell below the answer

The cases lie in `checks.py` beside the notebook. They are not the grader's: it draws
other inputs. So a check names the misconception it recognises, and what it has not seen
it does not claim. What it shows is cut, and nothing that an answer does to its inputs
reaches the next case.
"""

import linecache
import math
import numbers
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from itertools import chain
from operator import itemgetter
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.plots import Picture

TOLERANCE = 1e-4
LONGEST = 240  # characters of a result that is shown
NOTHING = "it returns None: is the `return` forgotten?"


@dataclass(frozen=True)
class Case:
    """One thing to try, what is right, and how it goes wrong.

    Args:
        name: What is tried: "two rows of three scores".
        call: From the learner's function or class to a result. It runs in a load of
            its own: what it leaves in a global, `wrong` does not see.
        expected: The right result; or the class of the exception that is right.
        wrong: From a sentence that names a misconception to what it gives: a result,
            the class of an exception, or a function that tells by the result. The
            first that fits is named, but a result before a function.
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
            return (
                f"{counted} The grader draws other inputs, and tries each rule of the "
                "statement."
            )
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
    feedback = examine(Path.cwd(), exercise, namespace)
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
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and inspect look it up
    exec(_compiled(str(path), path.read_bytes()), module.__dict__)
    return module


@lru_cache(maxsize=16)  # `examine` loads the same file again and again
def _compiled(path: str, source: bytes) -> CodeType:
    return compile(source, path, "exec", dont_inherit=True)


def examine(folder: Path, exercise: str, namespace: Mapping[str, Any]) -> Feedback:
    """Try case after case, up to the first that fails.

    An answer may change what it is given. So `checks.py` is loaded anew for the inputs
    of each case, and what is right or wrong is taken from a load that no answer saw.

    Raises:
        LabError: the folder has no `checks.py`, or no such exercise is in it.
    """
    right = cases(folder, exercise)
    if exercise not in namespace:
        return Feedback(exercise, 0, len(right), _tell_missing(exercise))
    answer = namespace[exercise]
    for passed, case in enumerate(right):
        call = cases(folder, exercise)[passed].call
        message, picture = _try(call, case, answer, exercise)
        if message:
            return Feedback(exercise, passed, len(right), message, picture)
    return Feedback(exercise, len(right), len(right), "")


def _tell_missing(exercise: str) -> str:
    last = getattr(sys, "last_value", None)  # what IPython showed last
    if last is not None and _is_stub(last):
        frames = traceback.extract_tb(last.__traceback__)
        if any(frame.name == exercise for frame in frames):  # in the body of the class
            return _tell_stub(exercise)
    return (
        f"Nothing named {exercise} is defined yet: run the cell of your answer first, "
        "and keep the name that it came with. If the cell raises an error, mend that."
    )


def _tell_stub(exercise: str) -> str:
    return f"{exercise} is still a stub: write it, run it, check again."


def _is_stub(error: BaseException) -> bool:
    return isinstance(error, NotImplementedError) and not error.args


def _try(
    call: Callable[[Any], Any], case: Case, answer: Any, exercise: str
) -> "tuple[str, Picture | None]":
    """What went wrong, or nothing; and a figure of it, if the case draws one."""
    returned: list[Any] = []
    try:
        got = call(_watched(answer, returned))
    except Exception as error:
        if _is_stub(error):
            return _tell_stub(exercise), None
        forgotten = returned[-1:] == [None] and "NoneType" in str(error)
        return _tell_error(case, error, forgotten), None
    said = _tell_result(case, got)
    return said, _draw(case, got) if said else None


def _watched(answer: Any, returned: list[Any]) -> Any:
    """The same function, and what it last returned is known."""
    if not isinstance(answer, FunctionType):
        return answer

    @wraps(answer)
    def watched(*args: Any, **kwargs: Any) -> Any:
        returned[:] = [answer(*args, **kwargs)]
        return returned[0]

    return watched


def _tell_error(case: Case, error: Exception, forgotten: bool) -> str:
    """The exception, and the last of the learner's own lines that led to it."""
    due = ""
    if _is_exception(case.expected):
        if isinstance(error, case.expected):
            return ""
        due = f"a `{case.expected.__name__}` is expected here; "
    named = _misconception(case, error)
    if forgotten and not named:
        return f"{case.name}: {NOTHING}"
    kind = type(error).__name__
    said = [f"{case.name}: {due}it raised {kind}: {str(error)[:300]}".rstrip(": ")]
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "ipykernel" in f.filename or "<cell " in f.filename]
    if own and own[-1].lineno is not None:
        line = linecache.getline(own[-1].filename, own[-1].lineno).strip()
        said.append(f"in line {own[-1].lineno} of its cell: {line}")
    return "\n".join([*said, named] if named else said)


def _tell_result(case: Case, got: Any) -> str:
    """What is wrong with a result, or nothing."""
    named = _misconception(case, got)
    if _is_exception(case.expected):
        due = f"a `{case.expected.__name__}` is expected here"
        seen = f"{due}; nothing was raised: it returned {_show(got)}"
        return f"{case.name}: {named or seen}"
    found = difference(got, case.expected, case.tolerance)
    if found is None:
        return ""
    if got is None and not named:
        return f"{case.name}: {NOTHING}"
    said = [f"{case.name}: {named or f'{found.detail}.'}"]
    expected = _show(case.expected, LONGEST + 1)
    if len(expected) <= LONGEST:
        said += [f"expected {expected}", f"got      {_show(got)}"]
    return "\n".join(said)


def _is_exception(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _misconception(case: Case, got: Any) -> str:
    """The sentence of the closest of the mistakes that give this, or nothing."""
    found = []
    for sentence, wrong in case.wrong.items():
        distance = _distance(wrong, got, case.tolerance)
        if distance is not None:
            found.append((distance, sentence))
    return min(found, key=itemgetter(0), default=(0, ""))[1]


def _distance(wrong: Any, got: Any, tolerance: float) -> int | None:
    """0 for the very thing a mistake gives, more for its kind, None for another."""
    if _is_exception(wrong):
        return type(got).__mro__.index(wrong) if isinstance(got, wrong) else None
    if isinstance(got, Exception):
        return None
    if callable(wrong):  # None fits "all else"; but what is missing is the `return`
        return 1 if got is not None and _holds(wrong, got) else None
    return 0 if _holds(lambda x: difference(x, wrong, tolerance) is None, got) else None


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


def difference(
    got: Any, expected: Any, tolerance: float = TOLERANCE
) -> Difference | None:
    """Why the two are not the same, or None.

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
        got = _as_array(got).item()
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


def _list_difference(got: Any, expected: Any, tolerance: float) -> Difference | None:
    many = len(expected)
    if len(got) != many:
        return Difference("shape", f"it has {len(got)} items, not {many}")
    for place, pair in enumerate(zip(got, expected, strict=True), start=1):
        if found := difference(*pair, tolerance):
            where = f"item {place} of {many}: " if many > 1 else ""
            return Difference(found.kind, where + found.detail)
    return None


def _dict_difference(got: Any, expected: Any, tolerance: float) -> Difference | None:
    if not _same_items(got, expected):
        keys = f"{_show([*got], 80)}, not {_show([*expected], 80)}"
        return Difference("shape", f"its keys are {keys}")
    for key, value in expected.items():
        if found := difference(got[key], value, tolerance):
            return Difference(found.kind, f"at key {_show(key, 80)}: {found.detail}")
    return None


def _set_difference(got: Any, expected: Any, _: float) -> Difference | None:
    return None if _same_items(got, expected) else _other_values(got, expected)


def _same_items(got: Any, expected: Any) -> bool:
    """Whether sets or keys are the same; to Python alone, 1, 1.0 and True are."""
    right = {item: item for item in expected}
    return len(got) == len(right) and all(
        item in right and difference(item, right[item], 0.0) is None for item in got
    )


def _array_difference(got: Any, expected: Any, tolerance: float) -> Difference | None:
    import numpy as np
    import torch

    wants_tensor = isinstance(expected, torch.Tensor)
    if not isinstance(got, torch.Tensor if wants_tensor else torch.Tensor | np.ndarray):
        return _wrong_type(got, expected)
    if got.shape != expected.shape:
        shapes = f"its shape is {tuple(got.shape)}, not {tuple(expected.shape)}"
        return Difference("shape", shapes)
    one, other = _as_array(got), _as_array(expected)
    if one.dtype.kind.replace("u", "i") != other.dtype.kind.replace("u", "i"):
        held, due = (str(x.dtype).removeprefix("torch.") for x in (got, expected))
        return Difference("type", f"it holds {held}, not {due}")
    if other.dtype.kind != "f":
        off = np.count_nonzero(one != other)
        said = f"{off} of its {one.size} values are not what is expected"
        return Difference("values", said) if off else None
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return Difference("not finite", "it holds NaN or infinity where it should not")
    with np.errstate(all="ignore"):
        if np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True):
            return None
        apart = np.nan_to_num(np.abs(one - other), posinf=0.0).max()
    if not apart:  # infinities of the other sign, or NaN for infinity
        return Difference("values", "its values are not what is expected")
    return Difference("values", f"its values are off by up to {apart:.3g}")


def _number_difference(got: Any, expected: Any, tolerance: float) -> Difference | None:
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
        return Difference("not finite", f"it is {number:.6g}, not {right:.6g}")
    if not whole and abs(number - right) <= tolerance * (1 + abs(right)) < math.inf:
        return None
    return _other_values(got, expected)


def _as_array(values: Any) -> Any:
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


def _wrong_type(got: Any, expected: Any, tolerance: float = 0.0) -> Difference:
    one, due = _kind(got), _kind(expected)
    if due == "a float" or (due == "an int" and not isinstance(got, numbers.Real)):
        due = "a number"
    if one == "a tensor" and isinstance(expected, list | tuple) and len(expected) == 2:
        return Difference("type", "it is one tensor, not a pair of two")
    return Difference("type", f"it is {one} where {due} is expected")


def _kind(value: Any) -> str:
    name = type(value).__name__
    name = {"Tensor": "tensor", "ndarray": "array"}.get(name, name)
    return "None" if value is None else f"a{'n' * (name[:1] in 'aeio')} {name}"


def _other_values(got: Any, expected: Any) -> Difference:
    return Difference("values", f"it is {_show(got, 80)}, not {_show(expected, 80)}")


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

    tables = [_as_array(table).astype(float) for table in (got, expected)]
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


def _show(value: Any, longest: int = LONGEST) -> str:
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
    """What `_show` puts together, until it has enough."""
    import numpy as np
    import torch

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, torch.Tensor | np.ndarray):
        yield "tensor(" if isinstance(value, torch.Tensor) else "array("
        yield from _rows(_as_array(value))
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

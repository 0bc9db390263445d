"""What a learner may run on an answer: few points, each of which teaches.

    check("softmax")    # in the cell below the answer

The cases lie in `exercises/NAME/checks.py`, beside the learner's notebook. They are not
the grader's: it draws other inputs. So a check names the misconception it recognises,
and what it has not seen it does not claim. What it shows is cut, and nothing that an
answer does to its inputs reaches the next case.
"""

import linecache
import sys
import textwrap
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from operator import itemgetter
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from labkit import record
from labkit.errors import LabError
from labkit.exercises.compare import LONGEST, TOLERANCE, as_array, difference, show

if TYPE_CHECKING:
    from labkit.plots import Picture

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

    A pass is kept, for `labkit progress`.

    Raises:
        CheckFailedError: the answer is not there yet; in a notebook, a sentence.
        LabError: there are no checks beside the notebook, or none of that name.
    """
    namespace = sys._getframe(1).f_globals  # in a notebook, what its cells defined
    feedback = examine(Path.cwd(), exercise, namespace)
    if not feedback.message:
        print(f"✓ {feedback}")
        note_pass(Path.cwd(), exercise)
        return
    if feedback.picture is not None and "get_ipython" in namespace:
        from IPython.display import display

        display(feedback.picture)
    raise CheckFailedError(feedback) from None


def note_pass(folder: Path, exercise: str) -> None:
    """Keep for `labkit progress` that all checks of an exercise have passed."""
    record.note("check", f"{folder.name}/{exercise}")
    record.note("set", folder.name, len(load_checks(folder)))


def load_checks(folder: Path) -> Mapping[str, Sequence[Case]]:
    """The cases of each exercise, from the folder's `checks.py`."""
    return load_module(find_checks(folder)).CHECKS


def find_checks(folder: Path) -> Path:
    """The `checks.py` of a problem set, from its folder in exercises/ or solutions/.

    Raises:
        LabError: there is no such file.
    """
    ours = folder.parent.parent / "exercises" / folder.name
    for place in (folder, ours):
        if (place / "checks.py").is_file():
            return place / "checks.py"
    raise LabError(
        "there is no checks.py beside this notebook.",
        f"Looked in {folder}.",
        "Work in the folder that the exercises came in.",
    )


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
    checks = load_checks(folder)
    if exercise not in checks:
        raise LabError(
            f"there is no exercise {exercise!r} here.",
            f"Here are: {', '.join(checks)}.",
        )
    cases = checks[exercise]
    if exercise not in namespace:
        return Feedback(exercise, 0, len(cases), _tell_missing(exercise))
    for passed, case in enumerate(cases):
        call = load_checks(folder)[exercise][passed].call
        message, picture = _try(call, case, namespace[exercise], exercise)
        if message:
            return Feedback(exercise, passed, len(cases), message, picture)
    return Feedback(exercise, len(cases), len(cases), "")


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
    said, picture = _tell_result(case, got), None
    if said and case.picture is not None:
        with suppress(Exception):  # a result of any shape may come
            picture = case.picture(got, case.expected)
    return said, picture


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
        seen = f"{due}; nothing was raised: it returned {show(got)}"
        return f"{case.name}: {named or seen}"
    found = difference(got, case.expected, case.tolerance)
    if found is None:
        return ""
    if got is None and not named:
        return f"{case.name}: {NOTHING}"
    said = [f"{case.name}: {named or f'{found}.'}"]
    expected = show(case.expected, LONGEST + 1)
    if len(expected) <= LONGEST:
        said += [f"expected {expected}", f"got      {show(got)}"]
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


def two_tables(got: Any, expected: Any) -> "Picture":
    """The learner's table of numbers beside the right one, in one scale of colours.

    Args:
        got, expected: Tensors or arrays of shape (rows, columns), 50 numbers at most.
    """
    import numpy as np

    from labkit.plots import Picture, heat_map

    tables = [as_array(table).astype(float) for table in (got, expected)]
    rows, columns = ([str(n) for n in range(size)] for size in tables[1].shape)
    drawn = heat_map(
        np.hstack(tables),
        rows,
        [f"{whose} {n}" for whose in ("yours", "expected") for n in columns],
        xlabel="column",
        ylabel="row",
        label="number",
        top=max(0.0, tables[1].max()),
    )
    drawn.figure.axes[0].axvline(len(columns) - 0.5, color="white", linewidth=8)
    yours, right = (np.round(table, 2).tolist() for table in tables)
    said = f"Two tables of numbers. yours: {yours}. expected: {right}."
    return Picture(drawn.figure, said)


def _fill(line: str) -> str:
    """Folded, for an output does not fold by itself; results are left in one line."""
    if line.startswith(("expected ", "got ")):
        return line
    return textwrap.fill(line, 84, break_long_words=False, break_on_hyphens=False)

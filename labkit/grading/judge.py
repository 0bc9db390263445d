"""The judge: it draws the inputs, asks the worker, and compares what comes back.

Reference answers, inputs not yet asked, comparison and points are in this process
alone. What a report says of a failed check is one of a few fixed sentences, so that no
answer can send anything out through it.
"""

import copy
import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from labkit.exercises import difference, newlines, ruled_out
from labkit.grading import problems
from labkit.grading.problems import ByHand, Check, Exercise, ProblemSet
from labkit.grading.sandbox import (
    Limits,
    Sandbox,
    TooBigError,
    TooSlowError,
    Worker,
    WorkerDiedError,
    shared,
)

SUBMISSION_SECONDS = 120.0  # of CPU
LONGEST_ANSWER = 1 << 16  # characters
MOST_CALLS = 20_000  # of ours by an answer, and no larger than
LARGEST_CALL = 1 << 24  # numbers in whatever comes of it
DEATHS = 2  # after so many of its workers an exercise is given up
WRONG = "its result is not the right one"
RAISED = "it raises an exception, or does not run"
TOO_SLOW = "it took too long"
TOO_BIG = "it took too much memory, or its result does"
LAST_WORDS = {TooSlowError: TOO_SLOW, TooBigError: TOO_BIG, WorkerDiedError: RAISED}


@dataclass(frozen=True)
class Finding:
    """What one check gave; `reason` is empty where it passed."""

    check: str
    points: float
    of: float
    reason: str
    final: bool = True  # not where a busy machine may be the reason


@dataclass(frozen=True)
class Mark:
    """An exercise's points; None while a person has yet to mark it."""

    exercise: str
    points: float | None
    of: float
    findings: tuple[Finding, ...]
    answer: str  # as the learner wrote it: escape it


def judge(
    folder: Path,
    answers: Mapping[str, str],
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> list[Mark]:
    """Mark the answers to a problem set.

    Args:
        folder: The problem set's, `solutions/NAME`.
        answers: Exercise id -> source; one that is missing gets nothing.

    Raises:
        NoSandboxError: there is none.
    """
    problem_set = problems.load(folder)
    sandbox = shared()
    exercises = problem_set.exercises  # imports torch, while the sandbox does
    sandbox.wait()
    left = SUBMISSION_SECONDS
    marks = []
    for exercise in exercises:
        answer = answers.get(exercise.id, "")
        if isinstance(exercise, ByHand):
            blank = not answer.strip() or answer.strip() == "YOUR ANSWER HERE"
            points = 0.0 if blank else None
            marks.append(Mark(exercise.id, points, exercise.points, (), answer))
            continue
        trial = Trial(problem_set, exercise, answer, sandbox, limits, left)
        found = trial.findings()
        left -= trial.used
        points = sum(finding.points for finding in found)
        marks.append(Mark(exercise.id, points, exercise.points, tuple(found), answer))
    return marks


class Trial:
    """An answer in a worker; in a new one after each that died of it."""

    def __init__(
        self,
        problem_set: ProblemSet,
        exercise: Exercise,
        answer: str,
        sandbox: Sandbox,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        seconds: float = SUBMISSION_SECONDS,
    ) -> None:
        self.used = 0.0  # seconds of CPU, by workers that have ended
        self._exercise = exercise
        self._cells = [*problem_set.given, newlines(answer)]
        self._earlier = {name: problem_set.reference(name) for name in exercise.needs}
        self._hopeless = _dismiss(problem_set, exercise, answer)
        self._sandbox, self._limits, self._seconds = sandbox, limits, seconds
        self._deaths: list[WorkerDiedError] = []
        self.worker: Worker | None = None  # the one that runs now
        self._learnt: Any = None

    def findings(self) -> list[Finding]:
        """One for each check, run one after the other."""
        try:
            return [self._finding(check) for check in self._exercise.checks]
        finally:
            self._close()

    def _finding(self, check: Check) -> Finding:
        reason, final = self._hopeless, True
        if not reason:
            try:
                reason = self._run(check)
            except WorkerDiedError as died:
                self._close()
                self._deaths.append(died)
                reason, final = LAST_WORDS[type(died)], type(died) is TooBigError
        points = 0.0 if reason else check.points
        return Finding(check.name, points, check.points, reason, final)

    def _run(self, check: Check) -> str:
        """Why a check failed, or nothing."""
        random = np.random.default_rng()
        for _ in range(check.cases):
            if reason := self._try(check, check.draw(random)):
                return reason
        return ""

    def _try(self, check: Check, inputs: tuple[Any, ...]) -> str:
        from labkit.grading import wire  # torch comes with it: not at the start

        call = check.harness or _call
        expected = call(self._exercise.reference, *copy.deepcopy(inputs))
        try:
            got = call(self._start(), *inputs)
            return "" if difference(got, expected, check.tolerance) is None else WRONG
        except wire.TooLargeError:
            return TOO_BIG
        except wire.RaisedError:
            return RAISED
        except wire.MalformedError:
            self._close()
            return WRONG
        except WorkerDiedError:
            raise
        except Exception:  # of the harness, on a result of another kind
            return WRONG

    def _start(self) -> Any:
        """The answer, in a worker that has run its cell."""
        if self._learnt is None:
            if len(self._deaths) >= DEATHS:
                raise self._deaths[-1]
            if self.used > self._seconds:
                raise TooSlowError
            self.worker = self._sandbox.worker(self._limits)
            peer = peer_of(self.worker)
            peer.ask({"define": [self._cells, self._earlier]})
            self._learnt = peer.ask({"name": self._exercise.id})
        return self._learnt

    def _close(self) -> None:
        if self.worker is not None:
            self.worker.close()
            self.used += self.worker.used
        self.worker = self._learnt = None


def peer_of(worker: Worker) -> Any:
    """Our end of the wire to a worker: it serves nothing but what we passed to it."""
    from labkit.grading import wire

    class Judge(wire.Peer):
        calls = 0

        def ask(self, request: Any, learning: Any = ()) -> Any:
            worker.renew()
            return super().ask(request, learning)

        def serve(self, request: dict[str, Any]) -> None:
            self.calls += 1
            if self.calls > MOST_CALLS:
                raise TooSlowError
            super().serve(request)

        def answer(self, request: dict[str, Any]) -> Any:
            if not _is_small(request):
                raise wire.TooLargeError
            return super().answer(request)

        def export(self, value: Any) -> dict[str, int]:
            is_passed = inspect.isfunction(value) or isinstance(value, wire.nn.Module)
            return super().export(value) if is_passed else {"foreign": 0}

    return Judge(worker.read, worker.write)


def _is_small(request: Any) -> bool:
    """Whether no result of it can take much memory.

    As if all that is in it were spread out against each other, and multiplied.
    """
    shapes = [*_shapes(request)]
    backwards = [reversed(shape) for shape in shapes]
    widest = [max(sizes) for sizes in zip_longest(*backwards, fillvalue=1)]
    return math.prod(widest) * max([1, *widest[:2]]) <= LARGEST_CALL


def _shapes(value: Any) -> Iterator[tuple[int, ...]]:
    if isinstance(value, dict):
        yield from _shapes([*value, *value.values()])
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _shapes(item)
    elif isinstance(value, int):
        yield (abs(value), 1)
    elif hasattr(value, "shape"):
        yield tuple(value.shape)


def _dismiss(problem_set: ProblemSet, exercise: Exercise, answer: str) -> str:
    """Why an answer need not be run; told by its text alone."""
    if not answer.strip():
        return "there is no answer"
    if len(answer) > LONGEST_ANSWER:
        return "the answer is too long to be one"
    if answer.split() == problem_set.stub(exercise.id).split():
        return "it is the stub"
    if not re.search(rf"\b{exercise.id}\b", answer):
        return f"{exercise.id} is not defined"
    if word := ruled_out(answer, exercise.without, exercise.id):
        return f"it uses {word[:40]}, which is ruled out"
    return ""


def _call(answer: Any, *inputs: Any) -> Any:
    return answer(*inputs)

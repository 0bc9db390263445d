"""The judge: it draws the inputs, asks the worker, and compares what comes back.

Reference answers, inputs not yet asked, comparison and points are in this process
alone. What a report says of a failed check is one of a few fixed sentences, so that no
answer can send anything out through it.
"""

import builtins
import copy
import inspect
import re
import textwrap
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labkit.checks import difference
from labkit.grading import problems
from labkit.grading.problems import STUB, ByHand, Check, Exercise, Inputs, ProblemSet
from labkit.grading.sandbox import Limits, Sandbox, Worker, WorkerDiedError, shared

SUBMISSION_SECONDS = 120.0
LONGEST_ANSWER = 1 << 16  # characters
TOO_SLOW = "it took too long"
NOT_FINAL = frozenset([TOO_SLOW])  # reasons that a busy machine may have given
REASONS = {
    "type": "it gives another kind of result",
    "shape": "its result has another size or shape",
    "not finite": "its result holds NaN or infinity where it should not",
    "values": "its result is another",
}


@dataclass(frozen=True)
class Finding:
    """What one check gave; `reason` is empty where it passed."""

    check: str
    points: float
    of: float
    reason: str


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
    unsafe: bool = False,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> list[Mark]:
    """Mark the answers to a problem set.

    Args:
        folder: The problem set's, `solutions/NAME`.
        answers: Exercise id -> source; one that is missing gets nothing.
        unsafe: Without a sandbox: only for a learner's own work.

    Raises:
        NoSandboxError: there is none, and `unsafe` was not asked for.
    """
    problem_set = problems.load(folder)
    sandbox = shared(unsafe)
    exercises = problem_set.exercises  # imports torch, while the sandbox does
    sandbox.wait()
    deadline = time.monotonic() + SUBMISSION_SECONDS
    marks = []
    for exercise in exercises:
        answer = answers.get(exercise.id, "")
        if isinstance(exercise, ByHand):
            blank = not answer.strip() or answer.strip() == "YOUR ANSWER HERE"
            points = 0.0 if blank else None
            marks.append(Mark(exercise.id, points, exercise.points, (), answer))
            continue
        found = judge_answer(problem_set, exercise, answer, sandbox, limits, deadline)
        points = sum(finding.points for finding in found)
        marks.append(Mark(exercise.id, points, exercise.points, tuple(found), answer))
    return marks


def judge_answer(
    problem_set: ProblemSet,
    exercise: Exercise,
    answer: str,
    sandbox: Sandbox,
    limits: Limits = Limits(),  # noqa: B008
    deadline: float = float("inf"),
) -> list[Finding]:
    """One finding for each check of an exercise."""
    trial = _Trial(problem_set.sources(exercise, answer), sandbox, limits)
    trial.hopeless = _dismiss(answer)
    findings = []
    with trial:
        for check in exercise.checks:
            if time.monotonic() > deadline:
                trial.hopeless = "not run: the submission's time was used up"
            reason = trial.hopeless or trial.run(exercise, check)
            points = 0.0 if reason else check.points
            findings.append(Finding(check.name, points, check.points, reason))
    return findings


class _Trial:
    """An answer in a worker; in a new one after each that died of it."""

    def __init__(self, sources: list[str], sandbox: Sandbox, limits: Limits) -> None:
        self.hopeless = ""  # why no check can pass
        self._sources = sources
        self._sandbox = sandbox
        self._limits = limits
        self._stack = ExitStack()
        self._worker: Worker | None = None

    def __enter__(self) -> "_Trial":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, exercise: Exercise, check: Check) -> str:
        """Why the check failed, or nothing."""
        random = np.random.default_rng()
        try:
            worker = self._worker or self._start()
            if self.hopeless:
                return self.hopeless
            for _ in range(check.cases):
                if reason := _run_case(worker, exercise, check, check.draw(random)):
                    return reason
        except WorkerDiedError as died:
            self._worker = None
            self._stack.close()
            return str(died)
        return ""

    def _start(self) -> Worker:
        worker = self._stack.enter_context(self._sandbox.worker(self._limits))
        try:
            failure = _failure(worker.ask({"sources": self._sources}))
        except WorkerDiedError as died:
            failure = str(died)
        if failure:
            said = _explain(failure, self._sources[-1])
            self.hopeless = f"its cell does not run: {said}"
        self._worker = worker
        return worker


def _dismiss(answer: str) -> str:
    """Why an answer need not be run."""
    if not answer.strip():
        return "there is no answer"
    if len(answer) > LONGEST_ANSWER:
        return "the answer is too long to be one"
    if STUB in answer and answer.strip().endswith(STUB):
        return "it is the stub"
    return ""


def _run_case(worker: Worker, exercise: Exercise, check: Check, inputs: Inputs) -> str:
    expected = expect(exercise, check, inputs)
    harness = _source(check.harness)
    reply = worker.ask({"name": exercise.id, "inputs": inputs, "harness": harness})
    if failure := _failure(reply):
        return failure
    try:
        found = difference(reply["value"], expected, check.tolerance)
    except Exception:  # plain data of a kind that nobody thought of
        return REASONS["type"]
    return "" if found is None else REASONS[found.kind]


def expect(exercise: Exercise, check: Check, inputs: Inputs) -> Any:
    """The right result, from inputs that stay as they are."""
    mine = copy.deepcopy(inputs)
    arguments: tuple[Any, ...] = () if isinstance(mine, dict) else mine
    options: dict[str, Any] = mine if isinstance(mine, dict) else {}
    if check.harness is None:
        return exercise.reference(*arguments, **options)
    return check.harness(exercise.reference, *arguments, **options)


def _failure(reply: Any) -> str:
    """What a reply says instead of a value."""
    from labkit.grading.wire import TOO_LARGE  # torch comes with it: not at the start

    if isinstance(reply, dict) and "value" in reply:
        return ""
    named = reply.get("error") if isinstance(reply, dict) else None
    if named == TOO_LARGE:
        return "its result is too large"
    known = getattr(builtins, named, None) if isinstance(named, str) else None
    if isinstance(known, type) and issubclass(known, BaseException):
        return f"it raises {known.__name__}"
    return "it raises an exception"


def _explain(failure: str, answer: str) -> str:
    if "SyntaxError" in failure and re.search(r"^[ \t]*[%!]", answer, re.MULTILINE):
        return "it has IPython commands (% or !), and the grader runs plain Python"
    return failure


def _source(harness: Callable[..., Any] | None) -> dict[str, str] | None:
    if harness is None:
        return None
    source = textwrap.dedent(inspect.getsource(harness))
    return {"name": harness.__name__, "source": source}

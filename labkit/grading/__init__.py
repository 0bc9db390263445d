"""Marks that can be trusted: the worker runs an answer, and the judge stays outside."""

from labkit.grading.problems import (
    Answer,
    ByHand,
    Check,
    Edit,
    Exercise,
    ProblemSet,
    find,
    normal,
)

__all__ = [
    "Answer",
    "ByHand",
    "Check",
    "Edit",
    "Exercise",
    "ProblemSet",
    "find",
    "normal",
]

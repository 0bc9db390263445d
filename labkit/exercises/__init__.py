"""What a learner runs to check an answer."""

from labkit.exercises.by_hand import CELL, cell_of, newlines, ruled_out
from labkit.exercises.checks import (
    Case,
    Feedback,
    check,
    examine,
    find_checks,
    load_checks,
    load_module,
    note_pass,
    two_tables,
)
from labkit.exercises.compare import TOLERANCE, difference

__all__ = [
    "CELL",
    "TOLERANCE",
    "Case",
    "Feedback",
    "cell_of",
    "check",
    "difference",
    "examine",
    "find_checks",
    "load_checks",
    "load_module",
    "newlines",
    "note_pass",
    "ruled_out",
    "two_tables",
]

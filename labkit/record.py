"""What a learner has done: one file on this machine, which several kernels may write.

SQLite locks it, so that nothing is lost; and nothing ever leaves the machine.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

from labkit.errors import LabError

Kind = Literal["lesson", "question", "check", "set"]
PATIENCE = 10  # seconds to wait while another kernel writes


def place() -> Path:
    """The file: `LABKIT_PROGRESS`, or one in the platform's own folder for data."""
    from platformdirs import user_data_path

    chosen = os.environ.get("LABKIT_PROGRESS")
    named = Path(chosen).expanduser() if chosen else None
    return named or user_data_path("labkit") / "progress.sqlite"


@contextmanager
def _opened() -> Iterator[sqlite3.Connection]:
    place().parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(place(), timeout=PATIENCE)) as file, file:
        file.execute(
            "CREATE TABLE IF NOT EXISTS done "
            "(kind TEXT, item TEXT, value INTEGER, PRIMARY KEY (kind, item))"
        )
        yield file


def note(kind: Kind, item: str, value: int = 1) -> None:
    """Keep a value, in place of the one before. Where that fails, say so and go on."""
    try:
        with _opened() as file:
            file.execute("REPLACE INTO done VALUES (?, ?, ?)", (kind, item, value))
    except (OSError, sqlite3.Error) as error:
        _say_once(f"{place()}: {error}")


@cache
def _say_once(trouble: str) -> None:
    print(
        f"labkit · your progress is not kept: {trouble}. "
        "Set LABKIT_PROGRESS to a file that can be written."
    )


def noted(kind: Kind) -> dict[str, int]:
    """item -> value, of everything of a kind.

    Raises:
        LabError: the file is no such file, or cannot be read.
    """
    if not place().exists():
        return {}
    try:
        with _opened() as file:
            asked = "SELECT item, value FROM done WHERE kind = ? ORDER BY item"
            return dict(file.execute(asked, (kind,)))
    except (OSError, sqlite3.Error) as error:
        raise LabError(
            f"your progress cannot be read from {place()}: {error}.",
            "Move that file away: what you do from now on is kept in a new one.",
        ) from error

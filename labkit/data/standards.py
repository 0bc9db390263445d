"""The corpus `standards`: what a pupil should be able to do, and in which strand."""

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from labkit.data import wheels
from labkit.data.corpora import corpus
from labkit.data.splits import labelled
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict

_STRANDS = {  # by the letters of the notation, as in RL.3.1 or CCR.W.6
    "RL": "reading",  # of literature
    "RI": "reading",  # for information
    "RF": "reading",  # its foundations
    "R": "reading",
    "W": "writing",
    "SL": "speaking",  # and listening
    "L": "language",
}


@corpus(version=1)
def standards(profile: Profile) -> "DatasetDict":
    """Learning standards by what is learnt; columns text, label. A very small file.

    In both profiles: the Common Core State Standards of the United States for English
    in grades 2 to 4. A standard that two grades word alike is there once.
    """
    path = wheels.fetch("standards") / "standards.db"
    asked = (
        "SELECT description, notation_short FROM standards"
        " WHERE statement_label IS NOT NULL ORDER BY grade, position"
    )
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as base:
        found = base.execute(asked).fetchall()
    names = sorted({*_STRANDS.values()})
    strands = [notation.removeprefix("CCR.").partition(".")[0] for _, notation in found]
    rows = [
        (text, names.index(_STRANDS[strand]))
        for (text, _), strand in zip(found, strands, strict=True)
    ]
    return labelled(rows, names)

"""Weights and text: where they come from, and how they are kept.

A corpus is one file; that it registers itself in `CORPORA` is why each is named here.
"""

from labkit.data import (  # noqa: F401
    complaints,
    diagnoses,
    prose,
    questions,
    sentiment,
    standards,
    summaries,
    topics,
    translation,
)
from labkit.data.corpora import CORPORA, clean, load, stale
from labkit.data.documentation import DOCUMENTED, docstrings, documented
from labkit.data.hub import hub_reachable, hub_snapshot
from labkit.data.splits import normalise, shared_texts, split_of
from labkit.data.translation import interface
from labkit.data.wheels import fetch, home, own_weights, resolve, size

__all__ = [
    "CORPORA",
    "DOCUMENTED",
    "clean",
    "docstrings",
    "documented",
    "fetch",
    "home",
    "hub_reachable",
    "hub_snapshot",
    "interface",
    "load",
    "normalise",
    "own_weights",
    "resolve",
    "shared_texts",
    "size",
    "split_of",
    "stale",
]

"""Weights and text: where they come from, and how they are kept."""

from labkit.data.assets import OWN_WEIGHTS
from labkit.data.corpora import normalise
from labkit.data.questions import Passage, ask, read
from labkit.data.sources import Docstring

__all__ = ["OWN_WEIGHTS", "Docstring", "Passage", "ask", "normalise", "read"]

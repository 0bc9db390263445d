"""Refuse the network, and hold every lesson to its budget of minutes and memory."""

import os
import sys
from pathlib import Path

import pytest

OFFLINE = Path(__file__).parent / "offline"
GIB = 2**30
MEMORY_BUDGET = 4 * GIB
NOISE = 2.0  # shared machines: the minutes promised are for a quiet one

os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(OFFLINE), *filter(None, [os.environ.get("PYTHONPATH")])]
)
os.environ["LABKIT_PROFILE"] = "quick"
sys.path.insert(0, str(OFFLINE))
import sitecustomize  # noqa: E402, F401  # this process too


@pytest.fixture
def empty_home(tmp_path, monkeypatch) -> Path:
    """A cache with nothing in it."""
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"

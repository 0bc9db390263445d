"""Every example in a docstring gives what it says."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

LABKIT = Path(__file__).parents[1] / "labkit"
EXAMPLE = re.compile(r"^\s+>>> ", re.MULTILINE)
WITH_EXAMPLES = [p for p in LABKIT.rglob("*.py") if EXAMPLE.search(p.read_text())]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_each_example_gives_what_it_says(path):
    parts = path.relative_to(LABKIT.parent).with_suffix("").parts
    tried = doctest.testmod(import_module(".".join(parts)))
    assert tried.attempted
    assert not tried.failed

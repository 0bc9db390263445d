"""Every example in a docstring gives what it says."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

LABKIT = Path(__file__).parents[1] / "labkit"
WITH_EXAMPLES = [path for path in LABKIT.rglob("*.py") if ">>>" in path.read_text()]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_each_example_gives_what_it_says(path):
    parts = path.relative_to(LABKIT.parent).with_suffix("").parts
    tried = doctest.testmod(import_module(".".join(parts)))
    assert tried.attempted
    assert not tried.failed

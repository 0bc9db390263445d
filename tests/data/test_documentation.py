"""Docstrings of an installed package: which, and under what name."""

import sys

import pytest

from labkit.data import docstrings, documentation
from labkit.data.documentation import Docstring

MODULE = '''
"""Of the module: not asked for."""

def public():
    """Does a thing.

    And more
        about it.
    """
    def inner():
        """Inside a function."""

async def later():
    """Waits."""

def _private():
    """Not for users."""

def bare():
    return "no docstring"

class Outer:
    """A class."""

    def method(self):
        """Of the outer."""

    def __len__(self):
        """Of a name with underscores."""

    class Inner:
        """A class in a class."""

        def method(self):
            """Of the inner."""

    class _Hidden:
        """Not for users."""

        def method(self):
            """Of what is hidden."""

def again():
    """Waits."""
'''


MADE_UP = {"made-up": "madeup"}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes files of an installed package."""
    monkeypatch.syspath_prepend(tmp_path)
    documentation._of_package.cache_clear()

    def write(files: dict[str, str | bytes]) -> None:
        for name, text in {"__init__.py": "", **files}.items():
            path = tmp_path / "madeup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def texts() -> dict[str, str]:
    return {found.name: found.text for found in docstrings(MADE_UP)}


class TestDocstrings:
    def test_they_are_of_public_functions_classes_and_methods(self, package):
        package({"part.py": MODULE})
        assert texts() == {
            "madeup.part.public": "Does a thing.\n\nAnd more\n    about it.",
            "madeup.part.later": "Waits.",
            "madeup.part.Outer": "A class.",
            "madeup.part.Outer.method": "Of the outer.",
            "madeup.part.Outer.Inner": "A class in a class.",
            "madeup.part.Outer.Inner.method": "Of the inner.",
        }

    def test_a_text_comes_once_under_its_first_name(self, package):
        function = 'def f():\n    """The same."""\n'
        package({"b.py": function, "a.py": function, "__init__.py": ""})
        assert texts() == {"madeup.a.f": "The same."}

    def test_a_package_has_the_name_of_its_folder(self, package):
        function = 'def f():\n    """Of {}."""\n'
        package(
            {
                "__init__.py": function.format("the top"),
                "deep/__init__.py": function.format("a folder"),
                "deep/er.py": function.format("a file"),
            }
        )
        assert texts() == {
            "madeup.f": "Of the top.",
            "madeup.deep.f": "Of a folder.",
            "madeup.deep.er.f": "Of a file.",
        }

    def test_what_is_no_python_is_passed_over(self, package):
        package(
            {
                "template.py": "def {{ name }}():\n    pass\n",
                "latin.py": 'def f():\n    """Æther."""\n'.encode("latin-1"),
                "good.py": 'def f():\n    """Æther."""\n',
            }
        )
        assert texts() == {"madeup.good.f": "Æther."}

    def test_tests_and_the_code_of_others_are_left_out(self, package):
        function = 'def f():\n    """Of {}."""\n'
        others = ("tests/a.py", "test/b.py", "testing/c.py", "_vendor/d.py")
        others += ("test_e.py", "conftest.py")
        package({name: function.format(name) for name in ("kept.py", *others)})
        assert [*texts()] == ["madeup.kept.f"]

    def test_nothing_is_run(self, package):
        package({"__init__.py": "1 / 0", "f.py": 'def f():\n    """F."""\n1 / 0'})
        assert texts() == {"madeup.f.f": "F."}
        assert "madeup" not in sys.modules


class TestDocstring:
    def test_the_summary_is_its_first_paragraph_on_one_line(self):
        found = Docstring(
            "f", "Does this\n  and that.\n\nThen more.\n\n    And code.\n"
        )
        assert found.summary == "Does this and that."
        assert found.body == "Then more.\n\n    And code."

    def test_the_body_may_be_missing(self):
        assert Docstring("f", "Does this.").summary == "Does this."
        assert Docstring("f", "Does this.").body == ""

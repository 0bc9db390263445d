"""A room's face shows a name because somebody outside the room uses it."""

import ast
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest
from course import used

ROOT = Path(__file__).parents[1]
IMPORTED = ("labkit", "benchmarks")  # these may take what is not on the face
FACES = sorted((ROOT / "labkit").glob("*/__init__.py"))


def public(face: Path) -> list[str]:
    """The names in `__all__`."""
    for node in ast.parse(face.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def sources() -> dict[str, str]:
    """Everything that may use a name, but the tests: path -> Python."""
    found = {}
    for folder in ("labkit", "benchmarks", "exercises", "solutions"):
        for path in (ROOT / folder).rglob("*.py"):
            found[str(path.relative_to(ROOT))] = path.read_text()
    for path in [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")]:
        cells = nbformat.read(path, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        found[str(path.relative_to(ROOT))] = code
    return found


def users() -> dict[tuple[str, str], set[str]]:
    """(room, name) -> the files outside the room that use it, tests aside."""
    found = defaultdict(set)
    for path, source in sources().items():
        for room, name in used(source):
            if not path.startswith(f"labkit/{room}/"):
                found[room, name].add(path)
    return found


@pytest.fixture(scope="module")
def by_name() -> dict[tuple[str, str], set[str]]:
    return users()


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.parent.name)
def test_each_public_name_has_a_user_that_is_no_test(face, by_name):
    room = face.parent.name
    idle = [name for name in public(face) if not by_name.get((room, name))]
    assert not idle, f"nobody outside labkit/{room} uses them: let them stay inside"


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.parent.name)
def test_what_the_lessons_and_sets_use_of_a_room_is_on_its_face(face, by_name):
    room = face.parent.name
    modules = {path.stem for path in face.parent.glob("*.py")}
    asked = {
        name
        for (of, name), files in by_name.items()
        if of == room and any(not file.startswith(IMPORTED) for file in files)
    } - modules
    assert asked <= {*public(face)}, f"labkit/{room}/__init__.py does not show them"


def test_there_are_at_most_130(record_property):
    shown = {face.parent.name: len(public(face)) for face in FACES}
    record_property("printed", f"public names: {sum(shown.values())} {shown}")
    assert sum(shown.values()) <= 130

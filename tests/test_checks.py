"""What a learner is told, and what counts as the same result."""

import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from nbclient import NotebookClient

from labkit.checks import Case, cases, check, difference, examine, two_tables
from labkit.errors import LabError

ROOT = Path(__file__).parents[1]
RELEASED = ROOT / "exercises" / "attention"
INF, NAN = float("inf"), float("nan")

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
tables = arrays.arrays(
    np.float32, arrays.array_shapes(max_dims=3), elements=st.floats(width=32)
)


class TestDifference:
    @given(plain)
    def test_whatever_it_is_it_equals_itself(self, value):
        assert difference(value, value) is None

    @given(tables)
    def test_a_table_equals_itself_as_a_tensor_or_an_array(self, table):
        tensor = torch.from_numpy(table)
        assert difference(tensor, tensor) is None
        assert difference(tensor, table) is None
        assert difference(table, table) is None

    @given(tables, st.data())
    def test_one_number_that_is_off_is_seen(self, table, data):
        at = data.draw(st.integers(0, table.size - 1))
        other = table.astype(np.float64)
        old = other.flat[at]
        other.flat[at] = abs(old) * 2 + 1 if np.isfinite(old) else 0.0
        assert difference(torch.from_numpy(other), torch.from_numpy(table)) is not None

    @pytest.mark.parametrize(
        ("got", "expected"),
        [
            ((1, 2), [1, 2]),
            (torch.tensor(2.5), 2.5),
            (np.float32(2.5), 2.5),
            (2, 2.0),
            (2.0, torch.tensor(2)),
            (torch.ones(2, dtype=torch.float16), torch.ones(2)),
            (torch.nn.Parameter(torch.ones(2)), torch.ones(2)),
            (torch.tensor([1.0, 2.0]), torch.tensor([1, 2])),
            ([NAN, INF], [NAN, INF]),
            (torch.tensor([NAN, -INF]), torch.tensor([NAN, -INF])),
            ({1, 2}, {2, 1}),
        ],
    )
    def test_what_means_the_same_is_the_same(self, got, expected):
        assert difference(got, expected) is None

    @pytest.mark.parametrize(
        ("got", "expected", "kind"),
        [
            (None, torch.ones(2), "type"),
            ([1.0, 1.0], torch.ones(2), "type"),
            (np.ones(2), torch.ones(2), "type"),
            (torch.ones(2, dtype=torch.bool), torch.ones(2), "type"),
            (torch.ones(2), torch.ones(2, dtype=torch.bool), "type"),
            (torch.ones(2, dtype=torch.int64), torch.ones(2), "type"),
            (torch.ones(2, dtype=torch.complex64), torch.ones(2), "type"),
            (np.array(["a", "b"]), np.ones(2), "type"),
            (True, 1, "type"),
            (1, True, "type"),
            ("1", 1, "type"),
            ([1], {1}, "type"),
            (torch.ones(2, 1), torch.ones(2), "shape"),
            ([1, 2, 3], [1, 2], "shape"),
            ({"a": 1}, {"b": 1}, "shape"),
            (torch.tensor([NAN, 1]), torch.ones(2), "not finite"),
            (INF, 1.0, "not finite"),
            (torch.tensor([INF]), torch.tensor([-INF]), "values"),
            (torch.tensor([NAN]), torch.tensor([INF]), "values"),
            (NAN, INF, "values"),
            (10**400, 1.0, "values"),
            ("a", "b", "values"),
            ([[1, 2]], [[1, 3]], "values"),
            ({"a": {"b": 1}}, {"a": {"b": 2}}, "values"),
        ],
    )
    def test_each_other_kind_of_result_is_named(self, got, expected, kind):
        found = difference(got, expected)
        assert found is not None
        assert found.kind == kind

    def test_what_cannot_be_compared_is_our_bug(self):
        with pytest.raises(TypeError):
            difference(1, object())


SQUARES = [
    Case(
        "three",
        lambda square: square(3),
        9,
        wrong={
            "That doubles.": 6,
            "No numbers?": TypeError,
            "It is negative.": lambda got: got < 0,
        },
    ),
    Case("a half", lambda square: square(0.5), 0.25),
]


def told(square) -> str:
    return examine(SQUARES, "square", {"square": square}).message


class TestExamine:
    def test_a_misconception_is_named_by_its_result(self):
        assert "That doubles." in told(lambda x: 2 * x)
        assert "It is negative." in told(lambda x: -1)
        assert "No numbers?" in told(lambda x: "a" + x)

    def test_what_it_does_not_know_it_does_not_name(self):
        said = told(lambda x: 10)
        assert "three" in said
        assert not any(sentence in said for sentence in SQUARES[0].wrong)
        assert "it is 10, not 9" in said
        assert "it raised ValueError: invalid" in told(lambda x: int("no"))

    def test_a_predicate_that_fails_on_another_type_matches_nothing(self):
        assert "negative" not in told(lambda x: [1])

    def test_cases_are_tried_up_to_the_first_that_fails(self):
        found = examine(SQUARES, "square", {"square": lambda x: x**2 if x > 1 else 1})
        assert (found.passed, found.of) == (1, 2)

    def test_a_right_answer_is_not_told_that_it_is_right_for_the_grader(self):
        said = str(examine(SQUARES, "square", {"square": lambda x: x * x}))
        assert said.startswith("square: 2 of 2 checks passed.")
        assert "other inputs" in said

    def test_what_is_not_defined_yet_is_said(self):
        assert "run the cell" in examine(SQUARES, "square", {}).message


def test_a_table_and_the_right_one_are_drawn_and_told():
    picture = two_tables(torch.tensor([[1.0, NAN]]), torch.tensor([[0.5, 0.25]]))
    assert "yours: [[1.0, nan]]" in picture.alt
    assert "expected: [[0.5, 0.25]]" in picture.alt
    assert picture.png().startswith(b"\x89PNG")


HEAD = "def softmax(scores, dim=-1):\n    "
ANSWERS = {
    "stub": f"{HEAD}raise NotImplementedError()",
    "mistake": f"{HEAD}return (-scores).softmax(dim)",
    "error": f"{HEAD}x = 1\n    return scores.nope()",
    "right": f"{HEAD}e = (scores - scores.amax(dim, True)).exp()\n"
    "    return e / e.sum(dim, True)",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> dict[str, list]:
    """What Jupyter shows below a check, by the answer that stands above it."""
    folder = tmp_path_factory.mktemp("attention")
    (folder / "checks.py").write_bytes((RELEASED / "checks.py").read_bytes())
    sources = ["import torch\nfrom labkit.checks import check"]
    for answer in ANSWERS.values():
        sources += [answer, 'check("softmax")']
    sources.append('check("sofmax")')
    tags = {"tags": ["raises-exception"]}
    cells = [nbformat.v4.new_code_cell(text, metadata=tags) for text in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, resources=where).execute()
    shown = [cell.outputs for cell in notebook.cells[2::2]]
    return dict(zip(ANSWERS, shown, strict=True)) | {"name": cells[-1].outputs}


class TestInANotebook:
    def test_a_stub_a_mistake_and_a_right_answer_are_told_apart(self, outputs):
        [stub] = outputs["stub"]
        assert "still a stub" in stub.traceback[0]
        picture, mistake = outputs["mistake"]
        assert "sign of the exponent" in " ".join(mistake.traceback[0].split())
        assert "Traceback" not in "".join(mistake.traceback)
        assert 'alt="Two tables' in picture.data["text/html"]
        [right] = outputs["right"]
        assert right.text.startswith("✓ softmax: 5 of 5 checks passed.")

    def test_an_error_in_an_answer_comes_with_its_line(self, outputs):
        [said] = outputs["error"]
        assert "AttributeError" in said.traceback[0]
        assert "in line 3 of its cell: return scores.nope()" in said.traceback[0]

    def test_a_name_that_is_not_there_is_said_with_those_that_are(self, outputs):
        [said] = outputs["name"]
        assert "there is no exercise 'sofmax' here" in said.traceback[0]
        assert "softmax" in said.traceback[0]


def test_outside_a_set_it_says_where_to_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match="no checks"):
        check("softmax")
    with pytest.raises(LabError):
        cases(tmp_path, "softmax")


def test_importing_the_checks_imports_neither_torch_nor_the_grader():
    program = (
        "import sys, labkit.checks\n"
        "print(*{'torch', 'numpy', 'matplotlib', 'labkit.grading'} & {*sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""

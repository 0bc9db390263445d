"""What a learner is told, and what counts as the same result."""

import copy
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from nbclient import NotebookClient

from labkit import record
from labkit.errors import LabError
from labkit.exercises import check, difference, examine, two_tables

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "exercises" / "attention"
INF, NAN = float("inf"), float("nan")
KINDS = {  # how each kind of difference is told
    "type": r"^it is .* where .* is expected$|^it holds [<\w]+, not \w+$",
    "shape": "^its shape is|^it has .* items, not|^its keys are",
    "not finite": "^it holds NaN or infinity|^it is inf, not 1$",
    "values": "values are (not what|off)|it is .*, not (?!a )",
}

whole = st.integers(-(2**70), 2**70)
dull = st.none() | st.booleans() | whole | st.floats() | st.text(max_size=3)
keys = st.booleans() | whole | st.text(max_size=3) | st.tuples(whole, st.text())
plain = st.recursive(
    dull | st.sets(keys, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)
odd = st.sampled_from(
    [
        object(),
        type("", (), {})(),
        10**400,
        1j,
        np.array(["a"]),
        np.array(None),
        np.array([np.uint64(2**64 - 1)]),
        np.longdouble(2),
        torch.ones(2, dtype=torch.bfloat16),
        torch.ones(2, device="meta"),
        torch.ones(2).to_sparse(),
        torch.tensor(2 + 1j),
        {torch.tensor(1), frozenset([1])},
    ]
)


def changed(leaf):
    """What is no longer the same, with types that Python takes for alike."""
    if leaf is None or isinstance(leaf, set):
        return st.sampled_from([0, False, "", [], {"no such key"}])
    if isinstance(leaf, bool):
        return st.sampled_from([not leaf, int(leaf), float(leaf)])
    if isinstance(leaf, int):
        off = st.sampled_from([leaf + 1, leaf - 1, str(leaf), [leaf], bool(leaf)])
        return off | st.just(float(leaf))
    if isinstance(leaf, float):
        finite = np.isfinite(leaf)
        return st.sampled_from([0.5 - 2 * leaf if finite else 0.0, str(leaf), True])
    return st.sampled_from([f"{leaf} ", [leaf], leaf.encode()])


leaves = (dull | st.sets(keys)).flatmap(
    lambda leaf: st.tuples(st.just(leaf), changed(leaf))
)


def around(inner):
    """The same list or dict around one thing and around the other."""
    lists = st.tuples(inner, st.lists(dull, max_size=2), st.lists(dull, max_size=2))
    dicts = st.tuples(inner, st.dictionaries(keys, dull, max_size=2), keys)
    return lists.map(lambda x: tuple([*x[1], one, *x[2]] for one in x[0])) | dicts.map(
        lambda x: tuple({**x[1], x[2]: one} for one in x[0])
    )


one_leaf_off = st.recursive(leaves, around, max_leaves=4)
tables = arrays.arrays(
    np.float32, arrays.array_shapes(max_dims=3), elements=st.floats(width=32)
)


class TestDifference:
    @given(plain)
    def test_whatever_it_is_it_equals_itself(self, value):
        assert difference(value, value) is None
        assert difference(copy.deepcopy(value), value) is None

    @given(one_leaf_off)
    def test_one_leaf_that_is_another_is_seen(self, pair):
        expected, got = pair
        assert difference(got, expected) is not None

    @given(plain | tables | odd | st.lists(odd), plain | tables)
    def test_whatever_comes_is_compared(self, got, expected):
        found = difference(got, expected)
        assert found is None or len(found) < 400

    def test_depth_and_size_do_not_matter(self):
        endless, many = [], [0] * 1_000_000
        endless.append(endless)
        deep = [1]
        for _ in range(100):
            deep = [deep]
        assert difference(deep, deep) is None
        assert difference(10**5000, 10**5000 + 1) is not None
        for got in (endless, many, deep, {"a": endless}):
            for expected in ([[[1]]], {"a": 1}, {1}, 1, "a", torch.ones(2)):
                assert difference(got, expected) is not None

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
            (torch.tensor(2), 2),
            (np.uint8(2), torch.tensor(2)),
            (torch.tensor(2, dtype=torch.bfloat16), 2.0),
            (torch.ones(2, dtype=torch.float16), torch.ones(2)),
            (torch.nn.Parameter(torch.ones(2)), torch.ones(2)),
            (torch.tensor([1, 2], dtype=torch.uint8), torch.tensor([1, 2])),
            (torch.ones(2).to(torch.bfloat16), torch.ones(2)),
            (torch.ones(2, requires_grad=True), np.ones(2)),
            (np.array([], dtype=np.float32), np.ones(0)),
            ([NAN, INF], [NAN, INF]),
            (torch.tensor([NAN, -INF]), torch.tensor([NAN, -INF])),
            ({1, 2}, {2, 1}),
            (frozenset([1]), {1}),
            ({1}, {1.0}),
            ({np.int64(1): 2}, {1: 2}),
            ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
            (np.str_("a"), "a"),
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
            (torch.tensor([1.0, 2.0]), torch.tensor([1, 2]), "type"),
            (torch.tensor([0, 1]), torch.tensor([False, True]), "type"),
            ([], torch.ones(0), "type"),
            (torch.ones(0), [], "type"),
            (torch.ones(2, device="meta"), torch.ones(2), "type"),
            (torch.ones(2).to_sparse(), torch.ones(2), "type"),
            (2.0, torch.tensor(2), "type"),
            (torch.tensor(2.0), 2, "type"),
            (3.0, 3, "type"),
            (1j, 1.0, "type"),
            (True, 1, "type"),
            (True, 1.0, "type"),
            (1, True, "type"),
            ("1", 1, "type"),
            ([1], {1}, "type"),
            (torch.ones(2, 1), torch.ones(2), "shape"),
            ([1, 2, 3], [1, 2], "shape"),
            ({"a": 1}, {"b": 1}, "shape"),
            ({True: 1}, {1: 1}, "shape"),
            ({1.0: 1}, {1: 1}, "shape"),
            ({(0, 1.0): 1}, {(0, 1): 1}, "shape"),
            ({"1": 1}, {1: 1}, "shape"),
            (torch.tensor([NAN, 1]), torch.ones(2), "not finite"),
            (INF, 1.0, "not finite"),
            (torch.tensor([INF]), torch.tensor([-INF]), "values"),
            (torch.tensor([NAN]), torch.tensor([INF]), "values"),
            (NAN, INF, "values"),
            (10**400, 1.0, "values"),
            (30_001, 30_000, "values"),
            (torch.tensor([2**53 + 1]), torch.tensor([2**53]), "values"),
            (np.array([2**63], np.uint64), np.array([2**63 - 1]), "values"),
            ({True}, {1}, "values"),
            ({1.0, 2}, {1, 2}, "values"),
            ({torch.tensor(1)}, {1}, "values"),
            ("a", "b", "values"),
            ([[1, 2]], [[1, 3]], "values"),
            ({"a": {"b": 1}}, {"a": {"b": 2}}, "values"),
        ],
    )
    def test_each_other_kind_of_result_is_named(self, got, expected, kind):
        found = difference(got, expected)
        assert found is not None
        assert re.search(KINDS[kind], found)

    @pytest.mark.parametrize(
        ("got", "expected", "said"),
        [
            (None, 3, "it is None where a number is expected"),
            ("3", 3.0, "it is a str where a number is expected"),
            (3.0, 3, "it is a float where an int is expected"),
            (torch.ones(2), [1, 2, 3], "it is a tensor where a list is expected"),
            (torch.ones(2), [1, 2], "it is one tensor, not a pair of two"),
            ([1, 2, 4], [1, 2, 3], "item 3 of 3: it is 4, not 3"),
            ([[1], [2]], [[1], [3]], "item 2 of 2: it is 2, not 3"),
            ({"a": [1, "b"]}, {"a": [1, "c"]}, "at key 'a': item 2 of 2: it is 'b'"),
            ({"a": 1}, {"b": 1}, "its keys are ['a'], not ['b']"),
            (torch.tensor([1, 2]), torch.tensor([1, 3]), "1 of its 2 values"),
        ],
    )
    def test_it_says_where_and_what(self, got, expected, said):
        assert said in difference(got, expected)

    def test_what_cannot_be_compared_is_our_bug(self):
        with pytest.raises(TypeError):
            difference(1, object())


CHECKS = """
import torch
from labkit.exercises import Case

GIVEN = [3, 1, 2]
CHECKS = {
    "square": [
        Case(
            "three",
            lambda square: square(3),
            9,
            wrong={
                "That doubles.": 6,
                "Looked up?": LookupError,
                "No numbers?": TypeError,
                "No such place?": IndexError,
                "It is negative.": lambda got: got < 0,
                "All else is small.": lambda got: got < 8,
                "That is three.": 3,
            },
        ),
        Case("a half", lambda square: square(0.5), 0.25),
    ],
    "ordered": [
        Case("three numbers", lambda ordered: ordered(GIVEN), sorted(GIVEN)),
        Case(
            "what was given",
            lambda ordered: [ordered(GIVEN), GIVEN][1],
            GIVEN,
            wrong={"What was given was changed.": sorted(GIVEN)},
        ),
        Case("the last", lambda ordered: ordered([*GIVEN, GIVEN[-1]]), [1, 2, 2, 3]),
    ],
    "root": [
        Case(
            "of minus one",
            lambda root: root(-1),
            ValueError,
            wrong={"Nothing is no number.": lambda got: got == 0, "Key?": KeyError},
        ),
    ],
    "pair": [
        Case("both", lambda pair: [*pair()], [torch.ones(2), torch.zeros(2)]),
    ],
}
"""


@pytest.fixture
def tell(tmp_path):
    """From a name and an answer to what a learner is told of it."""
    (tmp_path / "checks.py").write_text(CHECKS)
    return lambda name, answer: str(examine(tmp_path, name, {name: answer}))


def fails(error):
    def answer(*_):
        raise error

    return answer


class TestExamine:
    def test_a_misconception_is_named_by_its_result(self, tell):
        assert "That doubles." in tell("square", lambda x: 2 * x)
        assert "No numbers?" in tell("square", lambda x: "a" + x)
        assert "It is negative." in tell("square", lambda x: -1)

    def test_of_two_that_fit_the_closest_is_named(self, tell):
        assert "That is three." in tell("square", lambda x: 3)
        assert "No such place?" in tell("square", fails(IndexError()))
        assert "Looked up?" in tell("square", fails(KeyError()))

    def test_what_it_does_not_know_it_does_not_name(self, tell):
        assert tell("square", lambda x: 10).splitlines()[1:] == [
            "  three: it is 10, not 9.",
            "  expected 9",
            "  got      10",
        ]
        assert "it raised ValueError: invalid" in tell("square", lambda x: int("no"))
        assert tell("square", fails(AssertionError())).endswith("raised AssertionError")

    def test_a_predicate_that_fails_on_another_type_matches_nothing(self, tell):
        assert "it is a list where a number is expected" in tell(
            "square", lambda x: [1]
        )

    def test_cases_are_tried_up_to_the_first_that_fails(self, tell):
        said = tell("square", lambda x: x**2 if x > 1 else 1)
        assert said.startswith("square: 1 of 2")

    def test_no_case_sees_what_an_answer_did_to_the_inputs_of_another(self, tell):
        def ordered(numbers):
            numbers.sort()
            return numbers

        said = tell("ordered", ordered)
        assert said.startswith("ordered: 1 of 3")
        assert "What was given was changed." in said
        assert tell("ordered", ordered) == said
        assert tell("ordered", sorted).startswith("ordered: 3 of 3")

    def test_a_right_answer_is_not_told_that_it_is_right_for_the_grader(self, tell):
        said = tell("square", lambda x: x * x)
        assert said.startswith("square: 2 of 2 checks passed.")
        assert "other inputs, and tries each rule" in said

    def test_what_is_not_defined_yet_is_said(self, tmp_path):
        (tmp_path / "checks.py").write_text(CHECKS)
        assert "run the cell" in examine(tmp_path, "square", {}).message

    def test_a_stub_is_told_also_from_inside_a_class(self, tell):
        method = type("Pair", (), {"__iter__": fails(NotImplementedError())})
        assert "still a stub" in tell("pair", method)
        assert "still a stub" in tell("root", fails(NotImplementedError()))
        assert "still a stub" not in tell("pair", fails(NotImplementedError("later")))

    def test_a_forgotten_return_is_told(self, tell):
        for name in ("square", "pair"):
            assert "is the `return` forgotten?" in tell(name, lambda *_: None)
        assert "return" not in tell("pair", lambda: torch.ones(2).grad + 1)

    def test_an_exception_that_is_due_is_right_and_missed_in_words(self, tell):
        assert "1 of 1" in tell("root", fails(ValueError("a negative number")))
        due = "a `ValueError` is expected here; "
        assert f"{due}it raised RuntimeError: no" in tell(
            "root", fails(RuntimeError("no"))
        )
        assert f"{due}nothing was raised: it returned 1.5" in tell(
            "root", lambda x: 1.5
        )
        assert "Nothing is no number." in tell("root", lambda x: 0)
        assert "Key?" in tell("root", fails(KeyError(1)))

    def test_results_of_another_length_are_shown_beside_each_other(self, tell):
        said = tell("ordered", lambda numbers: [1])
        assert "it has 1 items, not 3.\n  expected [1, 2, 3]\n  got      [1]" in said
        said = tell("pair", lambda: [torch.ones(2) / 3, torch.zeros(3)])
        assert "item 1 of 2: its values are off by up to 0.667" in said
        assert (
            "got      [tensor([0.333333, 0.333333]), tensor([0.0, 0.0, 0.0])]" in said
        )

    def test_what_is_shown_is_short_whatever_it_is(self, tell):
        class Hostile:
            def __repr__(self):
                raise KeyboardInterrupt

        endless = []
        endless.append(endless)
        for got in (
            [0] * 1_000_000,
            dict.fromkeys(range(1_000_000), 0),
            "a" * 10_000_000,
            10**5000,
            endless,
            [Hostile()],
            torch.zeros(1_000, 1_000),
            torch.ones(2, device="meta"),
            np.array([Hostile()]),
            [torch.ones(2, dtype=torch.bfloat16), np.float32(1), 1j, {1}, (b"", None)],
        ):
            assert len(tell("ordered", lambda _, got=got: got)) < 500


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
    sources = ["import torch\nfrom labkit.exercises.checks import check"]
    for answer in ANSWERS.values():
        sources += [answer, 'check("softmax")']
    sources += ["class softmax:\n    raise NotImplementedError()"]
    sources[-1:] = ["del softmax", *sources[-1:], 'check("softmax")']
    sources.append('check("sofmax")')
    tags = {"tags": ["raises-exception"]}
    cells = [nbformat.v4.new_code_cell(text, metadata=tags) for text in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, resources=where).execute()
    shown = [cell.outputs for cell in notebook.cells[2:-4:2]]
    others = {"class": cells[-2].outputs, "name": cells[-1].outputs}
    return dict(zip(ANSWERS, shown, strict=True)) | others


class TestInANotebook:
    def test_a_stub_a_mistake_and_a_right_answer_are_told_apart(self, outputs):
        [stub] = outputs["stub"]
        assert "still a stub" in stub.traceback[0]
        picture, mistake = outputs["mistake"]
        assert "sign of the exponent" in " ".join(mistake.traceback[0].split())
        assert "Traceback" not in "".join(mistake.traceback)
        assert 'alt="Two tables' in picture.data["text/html"]
        [right] = outputs["right"]
        assert re.match(r"✓ softmax: (\d+) of \1 checks passed\. The", right.text)

    def test_a_class_whose_body_is_a_stub_is_one(self, outputs):
        [said] = outputs["class"]
        assert "still a stub" in said.traceback[0]

    def test_an_error_in_an_answer_comes_with_its_line(self, outputs):
        [said] = outputs["error"]
        assert "AttributeError" in said.traceback[0]
        assert "in line 3 of its cell: return scores.nope()" in said.traceback[0]

    def test_a_name_that_is_not_there_is_said_with_those_that_are(self, outputs):
        [said] = outputs["name"]
        assert "there is no exercise 'sofmax' here" in said.traceback[0]
        assert "softmax" in said.traceback[0]


def test_a_pass_is_kept_and_a_failure_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.sqlite"))
    monkeypatch.chdir(RELEASED)
    kept = []
    for answer in ANSWERS.values():
        with suppress(LabError):
            exec(f"{answer}\ncheck('softmax')", {"check": check, "torch": torch})
        kept.append(record.noted("check"))
    assert kept == [{}, {}, {}, {"attention/softmax": 1}]
    assert record.noted("set") == {"attention": 8}


def test_outside_a_set_it_says_where_to_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match="no checks"):
        check("softmax")


def test_importing_the_checks_imports_neither_torch_nor_the_grader():
    program = (
        "import sys, labkit.exercises.checks\n"
        "print(*{'torch', 'numpy', 'matplotlib', 'labkit.grading'} & {*sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""

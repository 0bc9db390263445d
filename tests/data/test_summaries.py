"""The corpus `summaries`: what its splits share, and what stands in them."""

import re
from itertools import combinations

import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.data import (
    docstrings,
    documentation,
    load,
    normalise,
    split_of,
    summaries,
)
from labkit.data.documentation import Docstring

Rows = dict[str, list[tuple[str, str]]]

BODY = "What the body says does not matter here, and it is long enough. " * 4


def rows_of(corpus) -> Rows:
    """By split: (summary, document)."""
    return {
        split: [(row["summary"], row["document"]) for row in rows]
        for split, rows in corpus.items()
    }


@pytest.fixture(scope="module")
def rows() -> Rows:
    return rows_of(load("summaries"))


@pytest.fixture
def built(monkeypatch):
    """The corpus that some docstrings make."""

    def build(*found: Docstring) -> Rows:
        monkeypatch.setattr(documentation, "docstrings", lambda: list(found))
        return rows_of(summaries.summaries("quick"))

    return build


def body(document: str) -> str:
    return document.partition("\n\n")[2]


def summary_in(split: str, number: int = 0) -> str:
    """The number-th of some sentences that belong to a split."""
    words = ("one", "two", "six", "ten", "red", "low", "old", "new", "dry", "wet")
    sentences = (f"Return the {a} {b} of some array." for a in words for b in words)
    return [text for text in sentences if split_of(text) == split][number]


class TestSplits:
    @pytest.mark.parametrize(
        "part",
        [lambda row: row[0], lambda row: row[1], lambda row: body(row[1])],
        ids=["summary", "document", "body"],
    )
    def test_they_share_no_near_duplicate(self, rows, part):
        same = {
            split: {normalise(part(row)) for row in members}
            for split, members in rows.items()
        }
        for one, other in combinations(same, 2):
            assert not same[one] & same[other], (one, other)

    def test_no_summary_comes_twice(self, rows):
        said = [normalise(row[0]) for members in rows.values() for row in members]
        assert len({*said}) == len(said)

    def test_the_summary_alone_decides_the_split_as_in_pretraining(self, rows):
        for split, members in rows.items():
            assert {split_of(summary) for summary, _ in members} == {split}

    def test_they_are_large_enough_for_the_lesson(self, rows):
        assert len(rows["train"]) > 4_500
        assert len(rows["validation"]) > 700
        assert len(rows["test"]) > 2_400

    def test_a_body_that_two_summaries_share_stays_with_test(self, built):
        train, test = summary_in("train"), summary_in("test")
        found = built(
            Docstring("a.f", f"{train}\n\n{BODY}"),
            Docstring("a.g", f"{test}\n\n{BODY.upper()}"),
        )
        assert found["train"] == []
        assert found["test"] == [(test, f"a.g\n\n{BODY.strip().upper()}")]

    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
    def test_whatever_the_docstrings_share_no_two_splits_do(self, shared):
        found = [
            Docstring(f"m.f{i}", f"{summary_in('train', s)}\n\n{BODY * (b + 1)}")
            if b % 2
            else Docstring(
                f"m.f{i}", f"{summary_in('test', s)}\n\n{BODY * (b // 4 + 1)}"
            )
            for i, (s, b) in enumerate(shared)
        ]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(documentation, "docstrings", lambda: found)
            made = rows_of(summaries.summaries("quick"))
        bodies = {
            split: {normalise(body(document)) for _, document in members}
            for split, members in made.items()
        }
        assert not bodies["train"] & bodies["test"]
        of_test = {f.summary for f in found if split_of(f.summary) == "test"}
        assert {summary for summary, _ in made["test"]} == of_test


class TestRows:
    def test_they_are_docstrings_cut_in_two(self, rows):
        whole = {(d.summary, f"{d.name}\n\n{d.body}") for d in docstrings()}
        assert all(row in whole for members in rows.values() for row in members)

    def test_a_summary_is_a_sentence_on_one_line(self, rows):
        for summary in (row[0] for members in rows.values() for row in members):
            assert 20 <= len(summary) <= 160
            assert re.fullmatch(r"[^\n]*\.", summary)
            assert not re.search(r"[{}]|>>>|```", summary)

    def test_a_document_is_a_name_and_a_text(self, rows):
        packages = "|".join(documentation.DOCUMENTED.values())
        for document in (row[1] for members in rows.values() for row in members):
            name, _, text = document.partition("\n\n")
            assert re.fullmatch(rf"({packages})(\.\w+)+", name)
            assert len(text) >= 200

    @pytest.mark.parametrize(
        "first",
        [
            "Too short.",
            "Too long, " + "very " * 40 + "long.",
            "A heading without its full stop",
            "fractional_max_pool2d(input, kernel_size) -> Tensor.",
            "{reduction_signature} of all of the numbers.",
            "Mean of the conditional tables. %(_doc_mean_params)s.",
            "```python >>> from transformers import LlamaModel.",
            "labels (`torch.Tensor`, *optional*): What is to be said.",
        ],
    )
    def test_what_is_no_sentence_is_no_summary(self, built, first):
        found = built(Docstring("a.f", f"{first}\n\n{BODY}"))
        assert not any(found.values())

    @pytest.mark.parametrize(
        "first",
        [
            "Return the largest of all.",
            "1-D smoothing spline fit to points.",
            "`nn.Embedding` in eight bits a number.",
            ":math:`D^2` regression score function.",
            "[`LogitsProcessor`] that forbids a token.",
            "Two sentences. The second one is here.",
        ],
    )
    def test_a_sentence_may_begin_with_markup_or_a_number(self, built, first):
        found = built(Docstring("a.f", f"{first}\n\n{BODY}"))
        assert [row[0] for members in found.values() for row in members] == [first]

    def test_a_short_body_is_no_document(self, built):
        found = built(Docstring("a.f", f"{summary_in('test')}\n\n{BODY[:150]}"))
        assert not any(found.values())


class TestFull:
    def test_the_published_splits_stay_but_for_what_two_of_them_share(self, put_on_hub):
        for split, pairs in {
            "train": [("A.", "a a"), ("B!", "b b"), ("C.", "x x"), ("A.", "q q")],
            "validation": [("D.", "d d"), ("b.", "y y"), ("E.", "t t")],
            "test": [("F.", "f f"), ("G.", "X, X")],
        }.items():
            rows = [{"document": d, "summary": s, "id": s} for s, d in pairs]
            put_on_hub("summaries", split, Dataset.from_list(rows))
        rows = rows_of(load("summaries", profile="full"))
        assert sorted(rows["test"]) == [("F.", "f f"), ("G.", "X, X")]
        assert sorted(rows["validation"]) == [
            ("D.", "d d"),
            ("E.", "t t"),
            ("b.", "y y"),
        ]
        assert sorted(rows["train"]) == [("A.", "a a")]

"""Questions with an answer in the text, and questions without one."""

import re
from collections import defaultdict

import pytest
from datasets import Dataset, Features, List, Value
from hypothesis import given
from hypothesis import strategies as st

from labkit.data import docstrings, load, normalise, questions, split_of
from labkit.data.numpydoc import Passage, read
from labkit.data.questions import ask
from labkit.evaluation.text import normalize_answer

SUMMARY = "Draw samples from a wheel."
BODY = """\
Some more words, which are not in the context.

Parameters
----------
n_draws : int, default=100
    The number of draws to make. It must be
    positive.

    A second paragraph.
wheel, rim : array_like
    Where to draw from.
seed : {None, int}, optional
    If None, the clock is used. Default: 7.
weights : array-like of shape (n_draws,)
    Target values.

Returns
-------
drawn : ndarray
    The drawn :class:`~wheels.Sample` values, in ``C`` order.

Notes
-----
Of no account.
"""
CONTEXT = """\
Draw samples from a wheel.
Parameters:
n_draws : int, default=100
The number of draws to make. It must be positive.
wheel, rim : array_like
Where to draw from.
seed : {None, int}, optional
If None, the clock is used. Default: 7.
weights : array-like of shape (n_draws,)
Target values.
Returns:
drawn : ndarray
The drawn wheels.Sample values, in C order."""


@pytest.fixture
def passage() -> Passage:
    found = read("wheels.draw", SUMMARY, BODY)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def corpus():
    return load("questions")


def words(passage: Passage, name: str) -> dict[str, object]:
    """What an entry says, in words."""
    (entry,) = [e for e in passage.entries if e.name == name]
    spans = {part: getattr(entry, f"{part}_at") for part in PARTS}
    said = {part: span and passage.text(span) for part, span in spans.items()}
    cases = {value: passage.text(span) for value, span in entry.cases}
    return said | {"phrase": entry.phrase, "cases": cases}


PARTS = ("name", "type", "default", "meaning")


# --- reading ------------------------------------------------------------------------


def test_a_context_is_what_the_docstring_says_without_its_markup(passage):
    assert passage.context == CONTEXT


def test_an_entry_is_taken_apart(passage):
    assert words(passage, "n_draws") == {
        "name": "n_draws",
        "type": "int",
        "default": "100",
        "meaning": "The number of draws to make",
        "phrase": "the count of draws to make",
        "cases": {},
    }
    assert words(passage, "drawn")["meaning"] == (
        "The drawn wheels.Sample values, in C order"
    )


def test_a_case_and_a_default_are_found_in_the_description(passage):
    said = words(passage, "seed")
    assert said["cases"] == {"None": "the clock is used"}
    assert said["default"] == "7"
    assert said["meaning"] is None


def test_what_is_not_said_is_none(passage):
    assert words(passage, "weights")["default"] is None
    assert words(passage, "weights")["phrase"] == "the wanted numbers"


@pytest.mark.parametrize(
    ("head", "default"),
    [
        ("int, default=100", "100"),
        ("int, default: -1", "-1"),
        ("float, default 1e-3", "1e-3"),
        ("{'a', 'b'}, default='a'", "'a'"),
        ("tuple, default=(0, 1)", "(0, 1)"),
        ("bool, defaults to True", "True"),
        ("int (default is 5)", "5"),
        ("float, default=np.nan", "np.nan"),
        ("int, optional", None),
        ("the default dtype", None),
    ],
)
def test_defaults_are_found_however_they_are_written(head, default):
    found = read("f", "Do.", f"Parameters\n----------\nx : {head}\n    A thing.")
    assert words(found, "x")["default"] == default


@pytest.mark.parametrize("body", ["", "Returns\n-------\nint\n    A number."])
def test_without_parameters_there_is_no_passage(body):
    assert read("f", "Do.", body) is None


def test_a_long_docstring_makes_no_passage():
    assert read("f", SUMMARY, BODY, longest=len(CONTEXT)) is not None
    assert read("f", SUMMARY, BODY, longest=len(CONTEXT) - 1) is None


@given(st.text(alphabet=":`. \n-ab=,()'", max_size=200))
def test_every_span_lies_in_the_context_whatever_the_docstring(text):
    passage = read("f", "Do.", f"Parameters\n----------\n{text}")
    for question in ask(passage, passage.entries) if passage else []:
        if question.span:
            start, end = question.span
            assert 0 <= start < end <= len(passage.context)
            assert passage.text(question.span).strip()


# --- asking -------------------------------------------------------------------------


def test_the_same_passage_gets_the_same_questions(passage):
    strangers = [("tol", "the accuracy wanted")]
    once, again = (list(ask(passage, passage.entries, strangers)) for _ in range(2))
    assert once == again
    assert 3 <= len(once) <= 4
    assert sum(question.span is None for question in once) <= 1


def test_a_stranger_is_none_that_the_context_speaks_of(passage):
    strangers = [("weights", "the wanted numbers"), ("draws", None)]
    asked = list(ask(passage, [], strangers))
    assert not [question for question in asked if question.kind == "no such name"]


def test_only_what_is_asked_about_is_asked(passage):
    (seed,) = [entry for entry in passage.entries if entry.name == "seed"]
    for question in ask(passage, [seed]):
        assert (
            question.span is None or seed.whole[0] <= question.span[0] < seed.whole[1]
        )


# --- the corpus ---------------------------------------------------------------------


def test_every_answer_stands_in_its_context_and_says_something(corpus):
    for split in corpus.values():
        for row in split:
            for text, start in zip(*row["answers"].values(), strict=True):
                assert row["context"][start : start + len(text)] == text
                assert normalize_answer(text)


def test_no_context_is_in_two_splits(corpus):
    seen: dict[str, str] = {}
    for name, split in corpus.items():
        for context in set(split["context"]):
            assert seen.setdefault(normalise(context), name) == name


def test_no_question_is_asked_twice_of_a_context(corpus):
    for split in corpus.values():
        rows = list(zip(split["context"], split["question"], strict=True))
        assert len({*rows}) == len(rows) == len({*split["id"]})


def test_a_context_is_in_the_split_of_its_summary(corpus):
    splits = defaultdict(set)
    for found in docstrings(questions._LIBRARIES):
        splits[found.name].add(split_of(found.summary))
    for name, split in corpus.items():
        for title in set(split["title"]):
            assert name in splits[title]


def test_nothing_is_asked_about_an_entry_of_an_earlier_split():
    shared = "Seed : int, default=9\n    The number to START from."
    parameters = "Parameters\n----------\n{}\nother : float\n    Another thing, too."
    train = read("f", "Do.", parameters.format(shared.lower().replace("9", "5")))
    test = read("g", "Do not.", parameters.format(shared).replace("other :", "size :"))
    again = read("h", "DO!", parameters.format(shared.lower()))
    assert None not in (train, test, again)
    asked = questions._rows({"train": [train], "test": [test, again]})
    assert {row["title"] for row in asked["test"]} == {"g"}
    for row in asked["test"]:
        for text in row["answers"]["text"]:
            assert text in ("float", "Another thing, too")
    assert {row["title"] for row in asked["train"]} == {"f"}


def test_some_phrasings_are_kept_from_training(corpus):
    held_back = [t for sort in SORTS for t in sort[-questions.HELD_BACK :]]
    patterns = [re.sub(r"\\{\\}", ".+", re.escape(text)) for text in held_back]
    held_back_pattern = re.compile("|".join(patterns))
    shares = {
        name: sum(bool(held_back_pattern.fullmatch(q)) for q in split["question"])
        / len(split)
        for name, split in corpus.items()
    }
    assert shares["train"] == 0
    assert shares["test"] > 0.2


SORTS = (
    questions.DEFAULT,
    questions.TYPE,
    questions.MEANING,
    questions.NAME,
    questions.CASE,
    questions.RESULT,
)


def test_there_is_enough_to_learn_from_and_a_quarter_has_no_answer(corpus):
    assert len(corpus["train"]) > 5_000
    assert len(corpus["validation"]) > 500
    assert len(corpus["test"]) > 2_000
    for split in corpus.values():
        without = sum(not answers["text"] for answers in split["answers"])
        assert 0.2 < without / len(split) < 0.35


# --- SQuAD --------------------------------------------------------------------------


@pytest.fixture
def squad(put_on_hub):
    """The corpus in profile full, from a small stand-in."""
    string = Value("string")
    answers = {"text": List(string), "answer_start": List(Value("int32"))}
    columns = ("id", "title", "context", "question")
    features = Features(dict.fromkeys(columns, string) | {"answers": answers})
    for split, articles in {"train": range(60), "validation": range(58, 70)}.items():
        rows = [paragraph(article, i) for article in articles for i in range(4)]
        put_on_hub("questions", split, Dataset.from_list(rows, features))
    return load("questions", profile="full")


def paragraph(article: int, number: int) -> dict:
    name = "abcdefghij"[article // 10] + "klmnopqrst"[article % 10]
    context = f"The {name}{'xyzw'[number]} is green."
    return {
        "id": f"{article}-{number}",
        "title": name,
        "context": context,
        "question": "What is green?",
        "answers": {"text": [context[4:7]], "answer_start": [4]},
    }


def test_squad_has_the_columns_and_types_of_the_packaged_corpus(squad, corpus):
    for split in ("train", "validation", "test"):
        assert squad[split].features == corpus[split].features


def test_squad_is_tested_on_its_validation_split_kept_whole(squad):
    own = [row for row in squad["test"] if not row["id"].endswith("-elsewhere")]
    expected = [paragraph(a, i) for a in range(58, 70) for i in range(4)]
    assert sorted(own, key=str) == sorted(expected, key=str)


def test_no_article_and_no_context_of_squad_is_in_two_splits(squad):
    for column in ("title", "context"):
        found = [{*split[column]} for split in squad.values()]
        assert sum(map(len, found)) == len(set.union(*found))
        assert all(found)


def test_squad_gets_questions_that_have_no_answer_where_they_are_asked(squad):
    added = [
        row
        for split in squad.values()
        for row in split
        if row["id"].endswith("-elsewhere")
    ]
    assert 0.1 < len(added) / sum(map(len, squad.values())) < 0.3
    for row in added:
        article, number = map(int, row["id"].split("-")[:2])
        original = paragraph(article, number)
        assert row["answers"] == {"text": [], "answer_start": []}
        assert row["title"] == original["title"]
        assert original["answers"]["text"][0] not in row["context"]

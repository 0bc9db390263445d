"""What comes in is refused in words, whoever is asked."""

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset, DatasetDict

from labkit import validation
from labkit.errors import LabError

DATA = Dataset.from_dict({"text": ["one", "two"]})
NOT_ROWS = {
    "a text": ("Open file", "is one text: 'Open file'"),
    "a dictionary of columns": ({"input_ids": [[1], [2]]}, "dictionary of input_ids"),
    "a DatasetDict": (DatasetDict(train=DATA), r'Choose one split, as data\["train"\]'),
    "a DataFrame": (pd.DataFrame({"text": ["a"]}), "from_pandas"),
    "a number": (7, "rows is 7"),
    "None": (None, "rows is None"),
    "a scalar": (torch.tensor(1), r"rows is tensor\(1\)"),
    "nothing": ([], "there are no rows"),
    "a list with a text in it": ([{}, "text"], "number 1 of rows is 'text'"),
}


@pytest.mark.parametrize(("given", "said"), NOT_ROWS.values(), ids=NOT_ROWS)
def test_what_are_no_rows(given, said):
    with pytest.raises(LabError, match=said):
        validation.rows(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("the cat", "is one text"),
        (["the cat", None], "number 1 of predictions is None"),
        (["the cat", ["a", "dog"]], "number 1 of predictions"),
        ({"text": ["the cat"]}, "dictionary of text"),
        (pd.DataFrame({"text": ["a"]}), "columns text"),
    ],
)
def test_what_are_no_texts(given, said):
    with pytest.raises(LabError, match=said):
        validation.texts(given, "predictions")


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_texts_may_come_in_anything_that_lists_them(kind):
    assert validation.texts(kind(["one", "two"])) == ["one", "two"]
    assert validation.texts(DATA["text"]) == ["one", "two"]


@pytest.mark.parametrize(
    "given",
    [
        torch.ones(2, dtype=torch.bfloat16),
        torch.ones(2, requires_grad=True),
        [1, 1],
        np.ones(2, np.float16),
        pd.Series([1.0, 1.0]),
        [True, True],
    ],
)
def test_numbers_may_come_in_anything_that_holds_them(given):
    assert validation.numbers(given).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["0.7"], "no numbers"),
        ([[1, 2], [3]], "no numbers"),
        ([None], "no numbers"),
        ([0.5, float("nan")], "number 1 of scores is nan"),
        (torch.tensor([float("inf")]), "number 0 of scores is inf"),
        (np.empty(0), "there are no scores"),
        ("0.7", "one text"),
    ],
)
def test_what_are_no_numbers(given, said):
    with pytest.raises(LabError, match=said):
        validation.numbers(given, "scores")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([0, 1, -100], "number 2 of labels is -100"),
        ([0.7], "number 0 of labels is 0.7"),
        ([1, 2, 3], "number 2 of labels is 3"),
        (["good"], "no numbers"),
        ([None], "no numbers"),
    ],
)
def test_what_are_no_classes(given, said):
    with pytest.raises(LabError, match=said):
        validation.labels(given, classes=3)


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("1e-4", {}),
        (None, {}),
        (True, {}),
        (float("nan"), {}),
        (0, {"at_least": 1}),
        (0, {"above": 0}),
        (100, {"at_most": 1}),
        (1.5, {"whole": True}),
    ],
)
def test_a_number_out_of_its_range_is_refused_by_name(value, how):
    with pytest.raises(LabError, match="epochs is"):
        validation.number("epochs", value, **how)
    assert validation.number("epochs", 1, **how) == 1

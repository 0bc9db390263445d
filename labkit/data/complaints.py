"""The corpus `complaints`: what consumers write about banks, and the product meant."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.data import wheels
from labkit.data.corpora import corpus
from labkit.data.splits import labelled
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict

_LONGEST = 500  # characters: a third of the complaints
_PRODUCTS = {  # by how the product's name begins
    "Bank account": "bank account",
    "Consumer loan": "consumer loan",
    "Credit card": "credit card",
    "Credit reporting": "credit report",
    "Debt collection": "debt collection",
    "Money transfer": "money transfer",
    "Mortgage": "mortgage",
    "Student loan": "student loan",
}


@corpus(version=1)
def complaints(profile: Profile) -> "DatasetDict":
    """Complaints to a supervisor of banks, by product; columns text, label.

    In both profiles: narratives of the Consumer Complaint Database of the United
    States' Consumer Financial Protection Bureau, of at most 500 characters, in eight
    classes that are far from balanced. Personal data was replaced by XXXX before they
    were published. The sample of them is the packager's.
    """
    folder = wheels.fetch("complaints")
    names = sorted(_PRODUCTS.values())
    files = [folder / f"{split}.csv" for split in ("train", "test")]
    return labelled(
        [(text, names.index(name)) for file in files for text, name in _short(file)],
        names,
    )


def _short(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            text, product = row["Consumer complaint narrative"], row["Product"]
            if len(text) <= _LONGEST:
                (name,) = (n for p, n in _PRODUCTS.items() if product.startswith(p))
                yield text, name

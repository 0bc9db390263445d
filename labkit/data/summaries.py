"""The corpus `summaries`: what a function does, and the sentence that sums it up."""

import re
from typing import TYPE_CHECKING, Any

from labkit.data import documentation, hub
from labkit.data.corpora import corpus
from labkit.data.documentation import DOCUMENTED
from labkit.data.splits import apart, paired
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict


@corpus(version=1, libraries=DOCUMENTED)
def summaries(profile: Profile) -> "DatasetDict":
    """Texts, and a sentence that sums each up; columns document, summary.

    quick: the documentation of the installed numpy, scipy, pandas, scikit-learn,
    matplotlib, torch and transformers. A document is the name of a function or a class
    and its docstring from the second paragraph on, of at least 200 characters; the
    first paragraph is the summary, if it is a sentence of 20 to 160. So other versions
    of the libraries give other rows, but move none from one split to another.

    full: XSum (Narayan et al., 2018), BBC articles and their first sentences, in its
    own splits, without what is in two of them.
    """
    if profile == "full":
        pairs = {
            split: [*zip(rows["summary"][:], rows["document"][:], strict=True)]
            for split, rows in hub.dataset("summaries").items()
        }
        return apart(pairs, _row)
    names = {
        (found.summary, found.body): found.name
        for found in documentation.docstrings()
        if 20 <= len(found.summary) <= 160
        and len(found.body) >= 200
        and _is_sentence(found.summary)
    }
    return paired(
        names, lambda summary, body: _row(summary, f"{names[summary, body]}\n\n{body}")
    )


def _is_sentence(text: str) -> bool:
    """Not a signature, a heading, code, or a template that is filled in at run time."""
    return bool(re.fullmatch(r"[A-Z\d`:\[].*\.", text)) and not re.search(
        r"[{}]|%\(|>>>|```|->", text
    )


def _row(summary: str, document: str) -> dict[str, Any]:
    return {"document": document, "summary": summary}

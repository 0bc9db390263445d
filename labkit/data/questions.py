"""Questions about a function, and the answers to them in its numpydoc docstring.

    passage = read("scipy.linalg.norm", docstring)
    for question in ask(passage, others=["tol"]):
        question.text, passage.context[question.start : question.end]

A passage is the docstring's first line, its parameters and what it returns, without
markup; a question asks for a default, a type, a meaning, a name, what happens in a
case, or the result. Where the passage does not say, the question has no answer.

The format: numpydoc's style guide, sections "Parameters" and "Returns".
"""

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int]  # start and end in the context, as in a slice

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

ARTICLES = re.compile(r"\b(a|an|the)\b", re.IGNORECASE)
VALUE = r"""\([^()]*\)|\[[^][]*\]|'[^']*'|"[^"]*"|[-+\w./*]*\w%?"""


@dataclass(frozen=True)
class Entry:
    """A parameter, or what is returned. Of what it does not say, the span is None.

    Attributes:
        phrase: A noun phrase that stands for it, as "the number of samples".
        cases: A value, and what happens for it.
    """

    name: str
    whole: Span
    name_at: Span
    type_at: Span | None
    default_at: Span | None
    meaning_at: Span | None
    phrase: str | None
    cases: tuple[tuple[str, Span], ...]


@dataclass(frozen=True)
class Passage:
    title: str
    context: str
    parameters: list[Entry]
    results: list[Entry]

    @property
    def entries(self) -> list[Entry]:
        return self.parameters + self.results

    def text(self, span: Span) -> str:
        return self.context[slice(*span)]


@dataclass(frozen=True)
class Question:
    """What is asked, and where the answer stands: nowhere, if `span` is None."""

    text: str
    span: Span | None
    kind: str


def read(title: str, summary: str, body: str, longest: int = 2_000) -> Passage | None:
    """The passage that a docstring makes; None without parameters, or if too long.

    Args:
        title: The function's qualified name.
        summary: The docstring's first paragraph.
        body: What follows it, as `inspect.cleandoc` leaves it.
        longest: Characters of the context at most.
    """
    parts = re.split(r"^([A-Z][\w ]*)\n-{3,}[ ]*$", body, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    if "Parameters" not in sections:
        return None
    context = _plain(summary)
    found: dict[str, list[Entry]] = {"Parameters": [], "Returns": []}
    for section, entries in found.items():
        if section in sections:
            context += f"\n{section}:"
            for head, body in _entries(sections[section]):
                context, entry = _append(context, head, body, section)
                entries.append(entry)
    if not found["Parameters"] or len(context) > longest:
        return None
    return Passage(title, context, found["Parameters"], found["Returns"])


def rows(
    passages: dict[str, list[Passage]], same: Callable[[str], str]
) -> dict[str, list[dict[str, Any]]]:
    """SQuAD's rows for each split: id, title, context, question, answers.

    Nothing is asked about an entry that stands in a passage of an earlier split too,
    and a passage all of whose entries do is left out.

    Args:
        passages: By split. Of those that are the same, the first is kept.
        same: What two texts share if they are to count as the same.
    """
    contexts: set[str] = set()
    earlier: set[str] = set()
    found: dict[str, list[dict[str, Any]]] = {}
    for split, members in passages.items():
        strangers = sorted(
            {(e.name, e.phrase) for p in members for e in p.parameters}, key=str
        )
        seen: set[str] = set()
        found[split] = []
        for passage in members:
            entries = {e: same(passage.text(e.whole)) for e in passage.entries}
            fresh = {entry for entry, key in entries.items() if key not in earlier}
            seen.update(entries.values())
            key = same(passage.context)
            if fresh and key not in contexts:
                contexts.add(key)
                asked = ask(passage, fresh, strangers, training=split == "train")
                found[split] += [_row(passage, question) for question in asked]
        earlier |= seen
    return found


def elsewhere(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """SQuAD's rows, and one of four once more, in a context that does not answer it.

    It is another context with the same title, without any of the answers in it; that
    it gives the answer in other words is rare, but not excluded.
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
            nowhere: dict[str, list[Any]] = {"text": [], "answer_start": []}
            moved = {"id": row["id"] + "-elsewhere", "context": chance.choice(others)}
            added.append(row | moved | {"answers": nowhere})
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
        if span and not re.search(r"[^\W_]", ARTICLES.sub("", passage.text(span))):
            continue  # SQuAD's scores would take it for no answer
        of_its_sort = kinds[span is not None]
        if kind not in of_its_sort and len(of_its_sort) < (3 if span else 1):
            of_its_sort.add(kind)
            usable = phrasings[:-HELD_BACK] if training else phrasings
            yield Question(chance.choice(usable).format(*words), span, kind)


Words = tuple[str, ...]  # what goes into a phrasing
Candidate = tuple[str, tuple[str, ...], Words, Span | None]


def _about_parameters(
    passage: Passage, about: Collection[Entry], chance: random.Random
) -> Iterator[Candidate]:
    names = [entry.name for entry in passage.parameters]
    phrases = [entry.phrase for entry in passage.parameters]
    for entry in passage.parameters:
        simple = re.fullmatch(r"\*{0,2}[A-Za-z]\w*", entry.name)
        if entry not in about or not simple or names.count(entry.name) > 1:
            continue
        phrase = entry.phrase if phrases.count(entry.phrase) == 1 else None

        def words(name: str = entry.name, phrase: str | None = phrase) -> Words:
            return (phrase if phrase and chance.random() < 0.3 else name,)

        if entry.default_at:
            yield "default", DEFAULT, words(), entry.default_at
        elif "default" not in passage.text(entry.whole).lower() and not entry.cases:
            yield "no default", DEFAULT, words(), None
        if entry.type_at:
            yield "type", TYPE, words(), entry.type_at
        if entry.meaning_at:
            yield "meaning", MEANING, (entry.name,), entry.meaning_at
        if phrase:
            yield "name", NAME, (phrase,), entry.name_at
        for value, span in entry.cases:
            yield "case", CASE, (entry.name, value), span


def _about_results(passage: Passage, about: Collection[Entry]) -> Iterator[Candidate]:
    if not passage.results:
        yield "no result", RESULT, (), None
    elif len(passage.results) == 1 and passage.results[0] in about:
        result = passage.results[0]
        if span := result.meaning_at or result.type_at:
            yield "result", RESULT, (), span


def _about_strangers(
    passage: Passage, strangers: Sequence[tuple[str, str | None]], chance: random.Random
) -> Iterator[Candidate]:
    said = passage.context.lower()
    for name, phrase in chance.sample(strangers, min(20, len(strangers))):
        if re.search(rf"\b{re.escape(name.lower())}\b", said):
            continue
        if phrase and phrase.removeprefix("the ") in said:
            continue
        phrasings = chance.choice((DEFAULT, TYPE, MEANING))
        yield "no such name", phrasings, (name,), None
        if phrase:
            yield (
                "no such phrase",
                chance.choice((DEFAULT, TYPE, NAME)),
                (phrase,),
                None,
            )
            return


# --- reading numpydoc ---------------------------------------------------------------


def _entries(section: str) -> Iterator[tuple[str, str]]:
    """Heads, which are not indented, and the first paragraph below each."""
    for block in re.split(r"\n(?=[^\s])", section.strip("\n")):
        head, _, body = block.partition("\n")
        paragraph = re.split(
            r"\n[ ]*\n|^[ ]*(?:\.\. |- |\* )", body, flags=re.MULTILINE
        )
        if re.match(r"[*\w'\"{(\[:`]", head):
            yield _plain(head), _plain(next(filter(str.strip, paragraph), ""))


def _plain(text: str) -> str:
    """On one line, without the markup of reStructuredText."""
    text = re.sub(r":[\w:]+:`~?([^`<]*?)(?:\s*<[^`]*>)?`", r"\1", text)
    text = re.sub(r"`+([^`]*)`+_*", r"\1", text).replace("\\", "")
    return " ".join(text.split())


def _append(context: str, head: str, body: str, section: str) -> tuple[str, Entry]:
    """Write an entry below the context, and note where its parts stand."""
    start = len(context) + 1
    name, colon, kind = (part.strip() for part in head.partition(":"))
    if section == "Returns" and not colon:
        name, kind = "", name
    head = f"{name} : {kind}" if name and kind else name or kind
    context = "\n".join(filter(None, [context, head, body]))
    body_at = start + len(head) + 1
    kind_at = start + (len(name) + 3 if name else 0)
    type_at = _type(kind, kind_at)
    default = re.search(
        r"(?:^|[,;(]\s*|optional )(?:by )?default(?:s? to|s?\s*[:=]| is|s)?\s*"
        rf"({VALUE})(?=[\s,;.)\]}}]|$)",
        kind,
    )
    default_at = _moved(default, kind_at) if default else None
    if not default_at and (
        default := re.search(
            rf"\b[Dd]efault(?:s to|s?\s*[:=]| is| value is)\s*({VALUE})(?=[,;.)]|$)",
            body,
        )
    ):
        default_at = _moved(default, body_at)
    meaning = _first_sentence(body)
    told = None if re.match("(If|When)\\b", body) else meaning
    entry = Entry(
        name=name,
        whole=(start, len(context)),
        name_at=(start, start + len(name)),
        type_at=type_at,
        default_at=default_at,
        meaning_at=(body_at, body_at + len(told)) if told else None,
        phrase=_phrase(told) if told else None,
        cases=tuple((found[1], _moved(found, body_at, 2)) for found in _cases(body)),
    )
    return context, entry


def _moved(found: re.Match[str], by: int, group: int = 1) -> Span:
    return found.start(group) + by, found.end(group) + by


def _type(kind: str, start: int) -> Span | None:
    kind = re.split(r"[,;]?\s*[(\[]?\b(?:optional|default|keyword)", kind)[0].rstrip(
        " ,;.:"
    )
    return (start, start + len(kind)) if re.search(r"[a-z]{2}", kind) else None


def _first_sentence(body: str) -> str | None:
    sentence = re.match(r".*?[^.](?=\.(?:\s|$)|:?$)", body)
    if not sentence or not 2 <= len(sentence[0].split()) <= 30:
        return None
    return sentence[0].rstrip()


def _cases(body: str) -> Iterator[re.Match[str]]:
    return re.finditer(
        r"(?:^|(?<=[.;] ))(?:If|When) (?:it is |set to )?(True|False|None|0|'[\w-]+')"
        r"(?: \(default\)| \(the default\))?, (?:then )?"
        r"([^.;]*(?:[.;]\w[^.;]*)*\w\)?)(?=[.;]|$)",
        body,
    )


def _phrase(meaning: str) -> str | None:
    """The meaning as a noun phrase in other words, if it is one and short."""
    if found := re.match(r"(If True, |Whether (or not )?)to ", meaning):
        phrase = "the choice whether to " + meaning[found.end() :]
    elif re.match(r"(The|An?) ", meaning):
        phrase = meaning[0].lower() + meaning[1:]
    elif re.match(NOUNS, meaning):
        phrase = f"the {meaning[0].lower()}{meaning[1:]}"
    else:
        return None
    for word, other in SYNONYMS.items():
        phrase = re.sub(rf"\b{word}\b", other, phrase)
    plain = re.fullmatch(r"[\w ,'/-]+", phrase)
    return phrase if plain and 3 <= len(phrase.split()) <= 12 else None


# First words, and last ones, of descriptions that are nouns without an article.
NOUNS = re.compile(
    r"(Number|Maximum|Minimum|Name|Size|Length|Order|Axis|Input|Output|Target|Training"
    r"|Sample|Initial|List|Array|Desired|Value|Degree|Type|Data|Index)\b"
    r"|[A-Z][a-z]+( [a-z]+){0,2} (array|data|values|matrix|weights|samples|labels"
    r"|vectors?|points|function|object|parameters?|coefficients|index)$"
)
SYNONYMS = {
    "number of": "count of",
    "maximum": "largest",
    "minimum": "smallest",
    "samples": "examples",
    "sample": "example",
    "iterations": "rounds",
    "size": "extent",
    "axis along which": "direction in which",
    "to use": "to be used",
    "for use": "to be used",
    "specifies": "tells",
    "input": "given",
    "target": "wanted",
    "desired": "wanted",
    "initial": "first",
    "used to": "that serves to",
    "columns?": "field",
    "function": "routine",
    "values": "numbers",
    "values?": "number",
    "matrix": "table",
    "name": "title",
    "name of": "title of",
    "list of": "series of",
    "tolerance": "accuracy",
    "return": "give back",
    "containing": "that holds",
    "coefficients": "factors",
}

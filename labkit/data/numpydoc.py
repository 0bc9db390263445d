"""What a numpydoc docstring says of a function's parameters, and where it stands.

A passage is the docstring's first line, its parameters and what it returns, without
markup. The format: numpydoc's style guide, sections "Parameters" and "Returns".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

Span = tuple[int, int]  # start and end in the context, as in a slice

_END = re.compile(r"\n[ ]*\n|^[ ]*(?:\.\. |- |\* )", re.MULTILINE)  # of a paragraph
_VALUE = r"""\([^()]*\)|\[[^][]*\]|'[^']*'|"[^"]*"|[-+\w./*]*\w%?"""
_DEFAULT_IN_TYPE = re.compile(
    r"(?:^|[,;(]\s*|optional )(?:by )?default(?:s? to|s?\s*[:=]| is|s)?\s*"
    rf"({_VALUE})(?=[\s,;.)\]}}]|$)"
)
_DEFAULT_IN_TEXT = re.compile(
    rf"\b[Dd]efault(?:s to|s?\s*[:=]| is| value is)\s*({_VALUE})(?=[,;.)]|$)"
)
_CASE = re.compile(
    r"(?:^|(?<=[.;] ))(?:If|When) (?:it is |set to )?(True|False|None|0|'[\w-]+')"
    r"(?: \(default\)| \(the default\))?, (?:then )?"
    r"([^.;]*(?:[.;]\w[^.;]*)*\w\)?)(?=[.;]|$)"
)


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


def _entries(section: str) -> Iterator[tuple[str, str]]:
    """Heads, which are not indented, and the first paragraph below each."""
    for block in re.split(r"\n(?=[^\s])", section.strip("\n")):
        head, _, body = block.partition("\n")
        if re.match(r"[*\w'\"{(\[:`]", head):
            yield _plain(head), _plain(next(filter(str.strip, _END.split(body)), ""))


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
    head = " : ".join(filter(None, [name, kind]))
    context = "\n".join(filter(None, [context, head, body]))
    kind_at = start + len(head) - len(kind)
    body_at = start + len(head) + 1
    default_at = _span(_DEFAULT_IN_TYPE.search(kind), kind_at)
    kind = re.split(r"[,;]?\s*[(\[]?\b(?:optional|default|keyword)", kind)[0]
    kind = kind.rstrip(" ,;.:")
    meaning = None if re.match(r"(If|When)\b", body) else _first_sentence(body)
    cases = (
        (case[1], (body_at + case.start(2), body_at + case.end(2)))
        for case in _CASE.finditer(body)
    )
    entry = Entry(
        name=name,
        whole=(start, len(context)),
        name_at=(start, start + len(name)),
        type_at=(kind_at, kind_at + len(kind)) if re.search("[a-z]{2}", kind) else None,
        default_at=default_at or _span(_DEFAULT_IN_TEXT.search(body), body_at),
        meaning_at=(body_at, body_at + len(meaning)) if meaning else None,
        phrase=_phrase(meaning) if meaning else None,
        cases=tuple(cases),
    )
    return context, entry


def _span(found: re.Match[str] | None, start: int) -> Span | None:
    return (start + found.start(1), start + found.end(1)) if found else None


def _first_sentence(body: str) -> str | None:
    sentence = re.match(r".*?[^.](?=\.(?:\s|$)|:?$)", body)
    if not sentence or not 2 <= len(sentence[0].split()) <= 30:
        return None
    return sentence[0].rstrip()


def _phrase(meaning: str) -> str | None:
    """The meaning as a noun phrase in other words, if it is one and short."""
    if found := re.match(r"(If True, |Whether (or not )?)to ", meaning):
        phrase = "the choice whether to " + meaning[found.end() :]
    elif re.match(r"(The|An?) ", meaning):
        phrase = meaning[0].lower() + meaning[1:]
    elif re.match(_NOUNS, meaning):
        phrase = f"the {meaning[0].lower()}{meaning[1:]}"
    else:
        return None
    for word, other in _SYNONYMS.items():
        phrase = re.sub(rf"\b{word}\b", other, phrase)
    plain = re.fullmatch(r"[\w ,'/-]+", phrase)
    return phrase if plain and 3 <= len(phrase.split()) <= 12 else None


# First words, and last ones, of descriptions that are nouns without an article.
_NOUNS = re.compile(
    r"(Number|Maximum|Minimum|Name|Size|Length|Order|Axis|Input|Output|Target|Training"
    r"|Sample|Initial|List|Array|Desired|Value|Degree|Type|Data|Index)\b"
    r"|[A-Z][a-z]+( [a-z]+){0,2} (array|data|values|matrix|weights|samples|labels"
    r"|vectors?|points|function|object|parameters?|coefficients|index)$"
)
_SYNONYMS = {
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

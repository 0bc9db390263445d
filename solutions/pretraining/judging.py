"""What only the grader runs on the pretraining set."""

import math

import numpy as np
import torch
from numpy.random import Generator

from labkit.grading import ByHand, Check, Exercise, normal
from labkit.models import objectives

NOBODY = -100

# ---------------------------------------------------------------------- mask_tokens

BECOMES = ((0.0, 0.5, 0.79), (0.8, 0.85, 0.89), (0.9, 0.95, 0.99))  # three of each fate
ORDINARY = range(200, 900)


def one_id(random: Generator) -> int:
    return int(random.integers(200, 900))


def places(random: Generator, rate: float, mask_id: int) -> list[tuple]:
    """Each way to be chosen or not, with each change, and with ids that mislead."""
    usual = [(one_id(random), one_id(random)) for _ in range(2)]
    return [
        (token, special, min(lot, 0.999), change, other)
        for change in sum(BECOMES, ())
        for special, lot in (
            (0, 0.0),
            (0, 0.99 * rate),
            (0, rate),
            (0, 0.5 + 0.5 * rate),
            (1, 0.0),
        )
        for token, other in (*usual, (0, 0), (mask_id, one_id(random)), (101, mask_id))
    ]


def surely_hidden(random: Generator) -> tuple:
    return one_id(random), 0, 0.0, float(random.choice(BECOMES[0])), one_id(random)


def table(random: Generator, shape: tuple[int, int], rate: float | None) -> dict:
    """One call's tensors; the numbers are doubles, so that an edge is met exactly."""
    mask_id = int(random.integers(3, 99))
    size = math.prod(shape)
    rows = places(random, 0.15 if rate is None else rate, mask_id)
    rows = [rows[i] for i in random.permutation(len(rows))[: size - 1]]
    rows.insert(int(random.integers(len(rows) + 1)), surely_hidden(random))
    rows += [surely_hidden(random) for _ in range(size - len(rows))]
    names = ("input_ids", "special", "lot", "change", "random_ids")
    whole = (True, True, False, False, True)
    drawn: dict = {}
    for name, column, ids in zip(names, zip(*rows, strict=True), whole, strict=True):
        kind = torch.long if ids else torch.double
        drawn[name] = torch.tensor(column, dtype=kind).reshape(shape)
    drawn["mask_id"] = mask_id
    return drawn if rate is None else drawn | {"rate": rate}


def tables(random: Generator) -> tuple:
    few = int(random.integers(5, 9))
    rate = float(random.choice([0.25, 0.5, 0.625, 0.75]))
    asked = [((15, 16), rate), ((16, 15), 0.0), ((15, 16), 1.0)]
    small = [((1, few), rate), ((few, 1), rate), ((1, 1), rate)]
    return ([table(random, *one) for one in (*asked, *small)],)


def usual_tables(random: Generator) -> tuple:
    return ([table(random, shape, None) for shape in ((15, 16), (2, 7))],)


def run_reading(answer, batches):
    return [answer(**given)[0] for given in batches]


def run_labels(answer, batches):
    return [answer(**given)[1] for given in batches]


def run_untouched(answer, batches):
    return [[answer(*given.values()), given] for given in batches]


def hide(input_ids, special, lot, change, random_ids, mask_id, rate=0.15):
    hidden, labels = input_ids.clone(), torch.full_like(input_ids, NOBODY)
    for place in torch.nonzero((lot < rate) & (special != 1)).tolist():
        row, column = place
        labels[row, column] = input_ids[row, column]
        if change[row, column] < 0.8:
            hidden[row, column] = mask_id
        elif change[row, column] < 0.9:
            hidden[row, column] = random_ids[row, column]
    return hidden, labels


# ------------------------------------------------------------------ next_token_loss


def texts_of(random: Generator, *shape: int) -> tuple:
    """Logits and labels; a first and a last id of the vocabulary are surely due."""
    batch, length, vocabulary = shape
    labels = torch.from_numpy(random.integers(0, vocabulary, size=(batch, length)))
    labels[0, 1], labels[-1, -1] = 0, vocabulary - 1
    return normal(random, *shape, scale=3), labels


def sizes(random: Generator) -> list[int]:
    return random.permutation(range(4, 9))[:3].tolist()  # no two of them equal


def of_one_length(random: Generator) -> tuple:
    batch, length, vocabulary = sizes(random)
    shapes = [(batch, length), (1, length), (batch, 2), (1, 2)]
    asked = [texts_of(random, *shape, vocabulary) for shape in shapes]
    hundreds = texts_of(random, *sizes(random))
    hundreds[0][0, 0] = -300.0  # e to its power is no float32, nor to that of 300
    hundreds[0][0, 0, 1] = 300.0
    return ([*asked, hundreds],)


def padded(random: Generator) -> tuple:
    """On either side, in the middle, and all through; few are due, and dear."""
    asked = []
    for side in ("end", "start", "middle", "everything"):
        logits, labels = texts_of(random, *sizes(random))
        length = labels.size(1)
        at = torch.arange(length)
        due = {
            "end": at < 2,
            "start": at >= length - 1,
            "middle": (at == 1) | (at == length - 1),
            "everything": at < 0,
        }
        labels[1] = labels[1].where(due[side], NOBODY)
        logits[1] *= 4
        labels[2, 2] = NOBODY
        asked.append((logits, labels))
    return (asked,)


def prompt_not_due(random: Generator) -> tuple:
    logits, labels = texts_of(random, *sizes(random))
    length = labels.size(1)
    starts = torch.from_numpy(random.integers(1, length, size=(len(labels), 1)))
    starts[0], starts[-1] = 1, length - 1  # the shortest and the longest
    return ([(logits, labels.where(torch.arange(length) >= starts, NOBODY))],)


def run_losses(answer, asked):
    losses = [answer(logits, labels) for logits, labels in asked]
    return [[loss, torch.is_tensor(loss) and loss.ndim == 0] for loss in losses]


def run_backward(answer, asked):
    """Of the first loss the gradient too: one is enough, for it takes its time."""
    first, labels = asked[0]
    first = first.clone().requires_grad_()
    loss = answer(first, labels)
    if not torch.is_tensor(loss) or not loss.requires_grad:
        return "no loss to learn from"
    loss.sum().backward()
    losses = [loss.detach(), *(answer(*given) for given in asked[1:])]
    shapes = [list(x.shape) if torch.is_tensor(x) else None for x in losses]
    return [losses, shapes, first.grad]


# ------------------------------------------------------- perplexity, bits_per_byte


def measured(random: Generator, factor: int = 1) -> tuple[list[float], list[int]]:
    """A long text that is easy, short ones that are not; two alike in each way."""
    low, middle, high = random.uniform([0.5, 2.0, 3.5], [1.0, 2.5, 4.0]).tolist()
    long, short = (int(random.integers(*span)) for span in ((300, 400), (20, 40)))
    pairs = [(low, long), (middle, short), (high, short), (high, 7), (low, 11)]
    pairs = [pairs[i] for i in random.permutation(len(pairs))]
    return [loss for loss, _ in pairs], [factor * count for _, count in pairs]


def several_texts(random: Generator) -> tuple:
    return ([measured(random), measured(random)],)


def one_and_many(random: Generator) -> tuple:
    one = [float(random.uniform(1, 5))], [int(random.integers(2, 400))]
    shortest = [float(random.uniform(1, 5)), float(random.uniform(1, 5))], [1, 9]
    return ([one, shortest, measured(random, factor=200)],)


def run_each(answer, asked):
    return [answer(*given) for given in asked]


def of_texts(losses, tokens):
    whole = sum(torch.tensor(losses, dtype=torch.double) * torch.tensor(tokens))
    return float(torch.exp(whole / sum(tokens)))


def written(random: Generator, text: str) -> tuple:
    """Fewer tokens than letters, so that neither stands for the other."""
    few = int(random.integers(2, 6)) if len(text) > 1 else 1
    return float(random.uniform(1, 6)), few, text


def letters(random: Generator, alphabet: str) -> str:
    return "".join(random.choice([*alphabet], size=int(random.integers(20, 60))))


def ascii_texts(random: Generator) -> tuple:
    text = letters(random, "abcdefghijklmno.")
    at = int(random.integers(3, len(text) - 3))
    spaced = f"  \n{text[:at]}  {text[at:]}\t \r\n"
    one = str(random.choice([*"abc "]))
    return ([written(random, each) for each in (text, spaced, one)],)


def other_texts(random: Generator) -> tuple:
    """Of two, three and four bytes a letter; an accent of its own; spaces; case."""
    ends = ("éüßΩ", "語한€", "😀𝄞", "e\u0301", "\u00a0 \u3000", "İÉ", "ﬁ")
    texts = [letters(random, "abc ") + end for end in ends]
    return ([written(random, text) for text in (*texts, "".join(ends))],)


def bits(loss, tokens, text):
    return math.log2(math.e) * loss * tokens / len(bytes(text, "utf-8"))


# ------------------------------------------------------------ corrupt_spans, put_back


def lay_out(
    random: Generator, gaps: list[int], lengths: list[int]
) -> tuple[int, list[list[int]]]:
    """The length of a text, and its spans: gap, span, gap, …, span, gap."""
    spans, at = [], 0
    for gap, length in zip(gaps, lengths, strict=False):
        spans.append([at + gap, at + gap + length])
        at += gap + length
    return at + (gaps[-1] if len(gaps) > len(lengths) else 0), spans


def some_spans(random: Generator) -> tuple[list[int], list[int]]:
    """Gaps and lengths: four spans or more, one of one token, two one token apart."""
    count = int(random.integers(4, 8))
    inner = random.permutation([1, 2, *random.integers(1, 5, size=count - 3)])
    lengths = random.permutation([1, 3, *random.integers(1, 4, size=count - 2)])
    first, last = random.integers(1, 4, size=2).tolist()
    return [first, *inner.tolist(), last], lengths.tolist()


def filled(
    random: Generator, gaps: list[int], lengths: list[int], few: bool = False
) -> tuple[list[int], list[list[int]], int, int]:
    """A text of that plan; of a few ids that come again and again, or all different."""
    size, spans = lay_out(random, gaps, lengths)
    first_sentinel = int(random.integers(1_200, 2_000))
    pool = [*random.permutation(ORDINARY)[:80], 0, *(first_sentinel + np.arange(1, 50))]
    pool = [int(token) for token in random.permutation(pool)]
    tokens = pool[:size]
    begin, stop = max(spans, key=lambda span: span[1] - span[0], default=(0, 0))
    if stop - begin > 1 and not few:
        tokens[begin : begin + 2] = sorted(tokens[begin : begin + 2], reverse=True)
    if few:
        tokens = random.choice(pool[:5], size=size).tolist()
        (start, end), (second, _) = spans[:2]
        tokens[start - 1] = tokens[start] = 0
        tokens[end] = tokens[second] = first_sentinel + 1
        tokens[stop - 1] = tokens[begin]  # within a span, too
    return tokens, spans, first_sentinel, int(random.integers(2, 9))


def cut_texts(random: Generator) -> tuple:
    return ([filled(random, *some_spans(random), few) for few in (False, True)],)


def texts_at_the_limits(random: Generator) -> tuple:
    gaps, lengths = some_spans(random)
    length = int(random.integers(5, 12))
    return (
        [
            filled(random, [0, *gaps[1:-1]], lengths),  # a span at both ends
            filled(random, [0, *gaps[1:]], lengths),
            filled(random, gaps[:-1], lengths),
            filled(random, [0], [length]),  # all of it
            filled(random, [0], [1]),
            filled(random, [length], []),  # nothing
            filled(random, [], []),  # of no token
        ],
    )


def run_read(answer, texts):
    return [answer(*given)[0] for given in texts]


def run_written(answer, texts):
    return [answer(*given)[1] for given in texts]


def run_both(answer, texts):
    return [[answer(*given), given[0], given[1]] for given in texts]


def cut(tokens, spans, first_sentinel, eos_id):
    inside = {i: n for n, span in enumerate(spans) for i in range(*span)}
    starts = {start: n for n, (start, _) in enumerate(spans)}
    reading, answer = [], []
    for i, token in enumerate(tokens):
        if i in starts:
            reading.append(first_sentinel - starts[i])
            answer.append(first_sentinel - starts[i])
        (answer if i in inside else reading).append(token)
    return [*reading, eos_id], [*answer, first_sentinel - len(spans), eos_id]


def asked_of(random: Generator, few: bool = False) -> tuple:
    """What is read, the parts of the answer, and the ids.

    A part is a sentinel and what follows it. The last sentinel of the text is the last
    there is, and just below and above the sentinels lie ids that are tokens.
    """
    plan = filled(random, *some_spans(random), few)
    tokens, spans, first_sentinel, eos_id = plan
    edges = [first_sentinel - 100, first_sentinel + 1]
    tokens[spans[2][0]], tokens[spans[-1][1]] = edges
    tokens[spans[2][0] - 1], tokens[spans[-1][0]] = edges
    reads, writes = cut(*plan)
    last = {first_sentinel - len(spans) + 1: first_sentinel - 99}
    reads, writes = ([last.get(t, t) for t in ids] for ids in (reads, writes[:-1]))
    parts: list[list[int]] = []
    for token in writes:
        if first_sentinel - 99 <= token <= first_sentinel:
            parts.append([])
        parts[-1].append(token)
    return reads, parts, first_sentinel, eos_id


def said(parts: list[list[int]]) -> list[int]:
    return [token for part in parts for token in part]


def good_answers(random: Generator) -> tuple:
    asked = []
    for few in (False, True):
        reads, parts, first_sentinel, eos_id = asked_of(random, few)
        asked.append((reads, [*said(parts), eos_id], first_sentinel, eos_id))
    return (asked,)


def out_of_order(random: Generator) -> tuple:
    """No span at its place, and one more that nobody asked for."""
    reads, parts, first_sentinel, eos_id = asked_of(random)
    end = parts.pop()
    turn = int(random.integers(1, len(parts)))
    parts = [*parts[turn:], *parts[:turn]]
    more = [[first_sentinel - 50, one_id(random), one_id(random)], end]
    at_start = [*said([*more, *parts]), eos_id]
    at_end = [*said([*parts, *more]), eos_id]
    return ([(reads, ids, first_sentinel, eos_id) for ids in (at_start, at_end)],)


def forgetful(random: Generator) -> tuple:
    """A sentinel is not mentioned, first or later; after another there is nothing."""
    asked = []
    for forgotten, empty in ((0, 1), (2, 0), (1, -2)):
        reads, parts, first_sentinel, eos_id = asked_of(random)
        parts[empty] = parts[empty][:1]
        del parts[forgotten]
        asked.append((reads, [*said(parts), eos_id], first_sentinel, eos_id))
    return (asked,)


def talkative(random: Generator) -> tuple:
    """Words before the first sentinel; nothing else; cut short; not a word."""
    reads, parts, first_sentinel, eos_id = asked_of(random)
    words = random.choice(ORDINARY, size=4).tolist()
    answers = (
        [*words, *said(parts), eos_id],
        [*words, *said(parts[:-1])],
        said(parts[1:-1]),
        [*words, eos_id],
        words,
        [eos_id],
        [],
    )
    only_text = [*words, eos_id]
    asked = [(reads, [*ids], first_sentinel, eos_id) for ids in answers]
    return ([*asked, (only_text, [*said(parts), eos_id], first_sentinel, eos_id)],)


def run_put_back(answer, asked):
    return [[answer(*given), given[0], given[1]] for given in asked]


def whole(reads, writes, first_sentinel, eos_id):
    answer = [token for token in writes if token != eos_id]
    return objectives.reassemble(reads, answer, first_sentinel=first_sentinel)


EXERCISES = [
    Exercise(
        "mask_tokens",
        hide,
        [
            Check("what the model reads", 2, tables, run_reading, cases=2),
            Check("the labels", 2, tables, run_labels, cases=2),
            Check(
                "the usual rate, and nothing that was given is changed",
                1,
                usual_tables,
                run_untouched,
                cases=2,
            ),
        ],
    ),
    Exercise(
        "next_token_loss",
        objectives.causal_lm_loss,
        [
            Check("texts of one length", 2, of_one_length, run_backward, cases=2),
            Check("no loss is due on some tokens", 1, padded, run_losses, cases=2),
            Check("a prompt on which no loss is due", 1, prompt_not_due, run_losses),
        ],
    ),
    Exercise(
        "perplexity",
        of_texts,
        [
            Check("several texts", 2, several_texts, run_each),
            Check("one text, and very long ones", 1, one_and_many, run_each),
        ],
    ),
    Exercise(
        "bits_per_byte",
        bits,
        [
            Check("English letters and white space", 2, ascii_texts, run_each),
            Check("other letters", 1, other_texts, run_each),
        ],
    ),
    Exercise(
        "corrupt_spans",
        cut,
        [
            Check("what the model reads", 2, cut_texts, run_read),
            Check("what it has to write", 2, cut_texts, run_written),
            Check(
                "spans at the ends, all of the text, none of it",
                2,
                texts_at_the_limits,
                run_both,
                cases=2,
            ),
        ],
    ),
    Exercise(
        "put_back",
        whole,
        [
            Check("an answer as it should be", 1, good_answers, run_put_back),
            Check("spans in another order", 1, out_of_order, run_put_back),
            Check(
                "a sentinel that is not mentioned, or without a token",
                1,
                forgetful,
                run_put_back,
            ),
            Check(
                "words before the first sentinel, or an answer cut short",
                1,
                talkative,
                run_put_back,
            ),
        ],
    ),
    ByHand(
        "explain_transfer",
        3,
        "1 point: to guess a word a model must represent its context. 1 point: the new "
        "task then needs only a small map on top of these vectors, so few labels. 1 "
        "point: the measured lead over random weights (or over counting words), and "
        "that it shrinks with more labels or not, as seen.",
    ),
]

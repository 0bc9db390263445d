"""What only the grader runs on the pretraining set."""

import math

import numpy as np
import torch
from numpy.random import Generator

from labkit import objectives
from labkit.grading import ByHand, Check, Exercise, normal

NOBODY = -100


def uniform(random: Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(random.random(shape)).float()


def token_ids(random: Generator, *shape: int, low: int = 200) -> torch.Tensor:
    return torch.from_numpy(random.integers(low, 900, size=shape))


def lots(random: Generator, rate: float | None = None) -> dict:
    batch, length = random.integers(3, 6), random.integers(12, 20)
    shape = int(batch), int(length)
    drawn = {
        "input_ids": token_ids(random, *shape),
        "special": (uniform(random, *shape) < 0.25).long(),
        "lot": uniform(random, *shape) ** 2,  # small ones are frequent
        "change": 0.7 + 0.3 * uniform(random, *shape),
        "random_ids": token_ids(random, *shape),
        "mask_id": int(random.integers(3, 99)),
    }
    return drawn if rate is None else drawn | {"rate": rate}


def often(random: Generator) -> dict:
    drawn = lots(random, rate=float(random.choice([0.5, 0.625, 0.75])))
    eighths = (8 * uniform(random, *drawn["lot"].shape)).floor() / 8  # some at `rate`
    at_the_edge = uniform(random, *eighths.shape) < 0.15
    change = drawn["change"].masked_fill(at_the_edge, 0.8)
    return drawn | {"lot": eighths, "change": change}


def run_reading(answer, **given):
    return answer(**given)[0]


def run_labels(answer, **given):
    return answer(**given)[1]


def run_untouched(answer, **given):
    hidden, labels = answer(**given)
    return [hidden, labels, given]


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


def logits_and_labels(random: Generator) -> tuple:
    batch, length, vocabulary = random.permutation(range(3, 9))[:3].tolist()
    labels = torch.from_numpy(random.integers(0, vocabulary, size=(batch, length)))
    return normal(random, batch, length, vocabulary, scale=3), labels


def padded(random: Generator) -> tuple:
    logits, labels = logits_and_labels(random)
    ends = torch.from_numpy(random.integers(2, labels.size(1), size=(len(labels), 1)))
    return logits, labels.where(torch.arange(labels.size(1)) < ends, NOBODY)


def prompt_not_due(random: Generator) -> tuple:
    logits, labels = logits_and_labels(random)
    length = labels.size(1)
    starts = torch.from_numpy(random.integers(1, length, size=(len(labels), 1)))
    starts[0] = 1  # the shortest: a loss is due somewhere
    return logits, labels.where(torch.arange(length) >= starts, NOBODY)


def run_tensor(answer, logits, labels):
    loss = answer(logits, labels)
    return [loss, list(loss.shape)]


def texts(random: Generator) -> tuple:
    count = int(random.integers(3, 7))
    tokens = random.integers(2, 400, size=count).tolist()
    return random.uniform(0.5, 4, size=count).round(3).tolist(), tokens


def of_texts(losses, tokens):
    whole = sum(torch.tensor(losses, dtype=torch.double) * torch.tensor(tokens))
    return float(torch.exp(whole / sum(tokens)))


def letters(random: Generator, alphabet: str) -> tuple:
    text = "".join(random.choice([*alphabet], size=int(random.integers(20, 60))))
    return float(random.uniform(1, 6)), int(random.integers(5, 40)), text


def ascii_text(random: Generator) -> tuple:
    return letters(random, "abcdefghij klmno.")


def other_text(random: Generator) -> tuple:
    return letters(random, "aéüßж語😀 ")


def bits(loss, tokens, text):
    return math.log2(math.e) * loss * tokens / len(bytes(text, "utf-8"))


def tokens_and_spans(random: Generator, at_ends: bool = False) -> tuple:
    length = int(random.integers(14, 24))
    first_sentinel = int(random.integers(1_000, 2_000))
    tokens = random.integers(200, 900, size=length)
    beyond = first_sentinel + random.integers(1, 300, size=length)  # no sentinels
    tokens = np.where(random.random(length) < 0.3, beyond, tokens).tolist()
    count = int(random.integers(2, 6))
    edges = sorted(random.permutation(range(1, length))[: 2 * count].tolist())
    spans = [[edges[i], edges[i + 1]] for i in range(0, 2 * count, 2)]
    if at_ends:
        spans[0][0], spans[-1][1] = 0, length
    return tokens, spans, first_sentinel, int(random.integers(2, 9))


def spans_at_both_ends(random: Generator) -> tuple:
    return tokens_and_spans(random, at_ends=True)


def run_read(answer, *given):
    return answer(*given)[0]


def run_written(answer, *given):
    return answer(*given)[1]


def run_both(answer, *given):
    return list(answer(*given))


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


def cut_up(random: Generator) -> tuple:
    tokens, spans, first_sentinel, eos_id = tokens_and_spans(random)
    return *cut(tokens, spans, first_sentinel, eos_id), first_sentinel, eos_id


def parts_of(answer: list, first_sentinel: int) -> list:
    starts = [
        i for i, t in enumerate(answer) if first_sentinel - 99 <= t <= first_sentinel
    ]
    return [
        answer[i:j] for i, j in zip(starts, [*starts[1:], len(answer) - 1], strict=True)
    ]


def out_of_order(random: Generator) -> tuple:
    reading, answer, first_sentinel, eos_id = cut_up(random)
    first, *others, last = parts_of(answer, first_sentinel)
    moved = [token for part in (*others, first, last) for token in part]
    return reading, [*moved, eos_id], first_sentinel, eos_id


def forgetful(random: Generator) -> tuple:
    reading, answer, first_sentinel, eos_id = cut_up(random)
    parts = parts_of(answer, first_sentinel)
    del parts[int(random.integers(0, len(parts) - 1))]
    answer = [token for part in parts for token in part]
    return reading, [*answer, eos_id], first_sentinel, eos_id


def talkative(random: Generator) -> tuple:
    reading, answer, first_sentinel, eos_id = cut_up(random)
    before = random.integers(200, 900, size=4).tolist()
    return reading, [*before, *answer], first_sentinel, eos_id


def whole(reads, writes, first_sentinel, eos_id):
    answer = [token for token in writes if token != eos_id]
    return objectives.reassemble(reads, answer, first_sentinel=first_sentinel)


EXERCISES = [
    Exercise(
        "mask_tokens",
        hide,
        [
            Check("what the model reads", 2, often, run_reading),
            Check("the labels", 2, often, run_labels),
            Check(
                "the usual rate, and nothing that was given is changed",
                1,
                lots,
                run_untouched,
            ),
        ],
    ),
    Exercise(
        "next_token_loss",
        objectives.causal_lm_loss,
        [
            Check("texts of one length", 2, logits_and_labels, run_tensor),
            Check("padding at the end", 1, padded, run_tensor),
            Check("a prompt on which no loss is due", 1, prompt_not_due, run_tensor),
        ],
    ),
    Exercise("perplexity", of_texts, [Check("several texts", 3, texts, cases=4)]),
    Exercise(
        "bits_per_byte",
        bits,
        [
            Check("English letters", 2, ascii_text),
            Check("other letters", 1, other_text),
        ],
    ),
    Exercise(
        "corrupt_spans",
        cut,
        [
            Check("what the model reads", 2, tokens_and_spans, run_read),
            Check("what it has to write", 2, tokens_and_spans, run_written),
            Check("spans at both ends of the text", 2, spans_at_both_ends, run_both),
        ],
    ),
    Exercise(
        "put_back",
        whole,
        [
            Check("an answer as it should be", 1, cut_up),
            Check("spans in another order", 1, out_of_order),
            Check("a sentinel that is not mentioned", 1, forgetful),
            Check("words before the first sentinel", 1, talkative),
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

"""What a learner may run on the pretraining set: few points, and each teaches."""

import math
from collections.abc import Callable
from typing import Any

import torch

from labkit.exercises import Case

MASK, NONE = 90, -100  # another model's [MASK] than BERT's


def ids(*row: int) -> torch.Tensor:
    return torch.tensor([row])


def doubles(*row: float) -> torch.Tensor:
    return torch.tensor([row], dtype=torch.double)  # 0.8 is 0.8, and not close to it


def text(**others: object) -> dict[str, Any]:
    """Seven tokens for `mask_tokens`, and whatever else a case has."""
    return {
        "input_ids": ids(101, 11, 12, 13, 14, 102, 0),
        "special": ids(1, 0, 0, 0, 0, 1, 1),
        "lot": doubles(0.1, 0.1, 0.16, 0.1, 0.14, 0.9, 0.1),
        "change": doubles(0.1, 0.1, 0.1, 0.85, 0.95, 0.1, 0.1),
        "random_ids": ids(71, 72, 73, 74, 75, 76, 77),
        "mask_id": MASK,
    } | others


def four(**others: object) -> dict[str, Any]:
    """Two texts of two tokens, none of them special; if chosen, three are [MASK]."""
    return {
        "input_ids": torch.tensor([[11, 12], [13, 14]]),
        "special": torch.zeros(2, 2, dtype=torch.long),
        "lot": torch.tensor([[0.1, 0.3], [0.0, 0.95]]),
        "change": torch.tensor([[0.0, 0.79], [0.5, 0.85]]),
        "random_ids": torch.tensor([[11, 72], [73, 74]]),
        "mask_id": MASK,
    } | others


READ = ids(101, MASK, 12, 74, 14, 102, 0)
DUE = ids(NONE, 11, NONE, 13, 14, NONE, NONE)
EDGES = {
    "input_ids": ids(11, 12, 13),
    "special": ids(0, 0, 0),
    "lot": doubles(0.5, 0.25, 0.25),
    "change": doubles(0.1, 0.8, 0.9),
    "random_ids": ids(71, 72, 73),
    "rate": 0.5,
}
ODD = {  # a special token that looks like none, and three that look like special ones
    "input_ids": ids(12, 0, MASK, 102),
    "special": ids(1, 0, 0, 0),
    "lot": doubles(0.0, 0.0, 0.0, 0.0),
    "change": doubles(0.1, 0.1, 0.95, 0.85),
    "random_ids": ids(71, 72, 73, 74),
}


def changed(mask_tokens: Callable) -> list[str]:
    """The names of the tensors that are not what they were."""
    given, before = text(), text()
    mask_tokens(**given)
    tensors = [name for name, value in given.items() if torch.is_tensor(value)]
    return [name for name in tensors if not torch.equal(given[name], before[name])]


def at_rate(rate: float) -> Callable:
    return lambda mask: mask(**four(rate=rate))[0]


# Two texts of four tokens, of a vocabulary of three.
UNSURE = torch.tensor(
    [
        [[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, 0.0], [0.5, 0.0, 3.0]],
        [[4.0, 0.0, 1.0], [0.0, 0.5, 0.0], [0.0, 1.0, 5.0], [1.0, 0.0, 2.5]],
    ]
)
SAID = torch.tensor([[2, 1, 0, 1], [1, 1, 2, 0]])
PADDED = torch.tensor([[2, 1, 0, 1], [1, 2, NONE, NONE]])
PROMPTED = torch.tensor([[NONE, NONE, 0, 2], [NONE, 1, 2, 2]])
SILENT = torch.tensor([[2, 1, NONE, 2], [NONE, NONE, NONE, NONE]])
LARGE = torch.tensor([[[300.0, 0.0, -300.0], [0.0, 0.0, 0.0]]])


def nats(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """−ln p of each label, by the logits of the same place; 0 where none is due."""
    wanted = labels.clamp(min=0).unsqueeze(-1)
    return -logits.log_softmax(-1).gather(-1, wanted).squeeze(-1) * (labels != NONE)


def mean(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nats(logits, labels).sum() / (labels != NONE).sum()


def after_each(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return mean(logits[:, :-1], labels[:, 1:])


def mistakes(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
    """What the usual mistakes give, less those that do no harm to these inputs."""
    x, y, right = logits[:, :-1], labels[:, 1:], after_each(logits, labels)
    ids_in_a_row = labels.reshape(-1)
    logits_in_a_row = logits.reshape(len(ids_in_a_row), -1)
    texts = torch.stack([mean(*text) for text in zip(x, y, strict=True)])
    found = {
        "The labels are compared with the logits of the same position: each "
        "position predicts the next token.": mean(logits, labels),
        "They are shifted in the wrong direction.": mean(logits[:, 1:], labels[:, :-1]),
        "The last position is asked as well: nothing follows it.": (
            mean(logits, labels.roll(-1, 1))
        ),
        "The end of a text predicts the start of the next text: shift first, then "
        "flatten.": mean(logits_in_a_row[:-1], ids_in_a_row[1:]),
        "It is the mean of the texts' means: every token that is due counts alike.": (
            texts.nanmean()
        ),
        "It is NaN, for a text without any token that is due was divided by 0: divide "
        "once, all texts together.": texts.mean(),
        "Padding counts in the mean: divide by the labels that are due.": (
            nats(x, y).mean()
        ),
        "0 was taken for padding: −100 alone says that no loss is due.": (
            mean(x, y.masked_fill(y == 0, NONE))
        ),
        "The first token after −100 is due as well: only the first label of a text "
        "is not.": mean(x, y.masked_fill(labels[:, :-1] == NONE, NONE)),
        "It is the sum: return the mean of a token.": nats(x, y).sum(),
        "The sign is wrong: a loss is −ln p.": -right,
        "It is in bits: nats are asked for.": right / math.log(2),
        "The softmax was taken twice: cross_entropy takes logits.": (
            mean(x.softmax(-1), y)
        ),
    }
    if not texts.mean().isnan():
        found = {s: value for s, value in found.items() if "NaN" not in s}
    harmful = {s: value for s, value in found.items() if not value.isclose(right)}
    return {**harmful, "−100 was taken for a token.": IndexError}


def kind_of_loss(next_token_loss: Callable) -> str:
    logits = UNSURE.clone().requires_grad_()
    loss = next_token_loss(logits, SAID)
    if not torch.is_tensor(loss):
        return f"a {type(loss).__name__}"
    if loss.ndim:
        return f"a tensor of shape {tuple(loss.shape)}"
    if not loss.requires_grad:
        return "a tensor without a gradient"
    return "a tensor without dimensions, with a gradient"


def one_of(*values: float) -> Callable:
    return lambda got: any(math.isclose(got, x, rel_tol=1e-4) for x in values)


TOKENS = [10, 11, 12, 13, 14, 15, 16]
SPANS = [[1, 3], [5, 6]]
READS, WRITES = [10, 999, 13, 14, 998, 16, 1], [999, 11, 12, 998, 15, 997, 1]


def read(*tokens: int) -> Callable:
    return lambda got: list(got[0]) == [*tokens]


def write(*tokens: int) -> Callable:
    return lambda got: list(got[1]) == [*tokens]


def after_the_cut(corrupt: Callable) -> list:
    tokens, spans = [*TOKENS], [[*span] for span in SPANS]
    corrupt(tokens, spans, 999, 1)
    return [tokens, spans]


def after_putting_back(put_back: Callable) -> list:
    reads, writes = [*READS], [*WRITES]
    put_back(reads, writes, 999, 1)
    return [reads, writes]


def answered(*writes: int) -> Callable:
    return lambda put_back: put_back([*READS], [*writes], 999, 1)


CHECKS = {
    "mask_tokens": [
        Case(
            "what is read, of seven tokens",
            lambda mask: mask(**text())[0],
            expected=READ,
            wrong={
                "Every chosen token became [MASK]: of these, one in ten stays and "
                "one in ten becomes another token.": ids(
                    101, MASK, 12, MASK, MASK, 102, 0
                ),
                "No token became a random one: where `change` is from 0.8 to 0.9, "
                "`random_ids` has it.": ids(101, MASK, 12, 13, 14, 102, 0),
                "The random tokens stand where [MASK] should: it is for `change` below "
                "0.8.": ids(101, 72, 12, 74, 14, 102, 0),
                "[MASK] and the random tokens are swapped: [MASK] is for `change` "
                "below 0.8.": ids(101, 72, 12, MASK, 14, 102, 0),
                "Special tokens were hidden: [CLS], [SEP] and padding never are.": (
                    ids(MASK, MASK, 12, 74, 14, 102, MASK)
                ),
                "A token that was not chosen was changed, and those chosen stay: "
                "`lot` < `rate` chooses.": ids(101, 11, MASK, 13, 14, 102, 0),
                "Too many were chosen: `lot` < `rate` chooses, and `rate` is 0.15 where "
                "none is given.": ids(101, MASK, MASK, 74, 14, 102, 0),
                "A token that has `change` of 0.95 stays as it is.": (
                    ids(101, MASK, 12, 74, 75, 102, 0)
                ),
                "These are the labels: what is read comes first.": DUE,
                "Ids are whole numbers: an embedding takes no floats.": (
                    lambda got: got.is_floating_point()
                ),
                "103 is BERT's [MASK]: `mask_id` has the id of this one.": (
                    ids(101, 103, 12, 74, 14, 102, 0)
                ),
                "Dimensions of 1 are gone: the results are as large as `input_ids`.": (
                    READ[0]
                ),
            },
        ),
        Case(
            "the labels of these",
            lambda mask: mask(**text())[1],
            expected=DUE,
            wrong={
                "A chosen token that stays as it is has no label: it is due, like the "
                "others that were chosen.": ids(NONE, 11, NONE, 13, NONE, NONE, NONE),
                "Only [MASK] has a label: the other tokens that were chosen are due "
                "too.": ids(NONE, 11, NONE, NONE, NONE, NONE, NONE),
                "The labels hold what is read, not what stood there.": ids(
                    NONE, MASK, NONE, 74, 14, NONE, NONE
                ),
                "Every token has a label: those not chosen have −100.": (
                    ids(101, 11, 12, 13, 14, 102, 0)
                ),
                "The labels of chosen and not chosen tokens are swapped.": ids(
                    101, NONE, 12, NONE, NONE, 102, 0
                ),
                "Special tokens have labels: no loss is due on them.": ids(
                    101, 11, NONE, 13, 14, NONE, 0
                ),
                "Ids are whole numbers: an embedding takes no floats.": (
                    lambda got: got.is_floating_point()
                ),
                "No loss is due where 0 stands? 0 is a token: it is −100.": ids(
                    0, 11, 0, 13, 14, 0, 0
                ),
            },
        ),
        Case(
            "the tensors that were given, and are others now",
            changed,
            expected=[],
            wrong={
                "The tensor that was given was changed: work on a copy.": ["input_ids"],
                "Other tensors that were given are changed: work on copies.": (
                    lambda got: {*got} - {"input_ids"} != set()
                ),
            },
        ),
        Case(
            "a `lot` of just `rate`, and a `change` of 0.8 and of 0.9",
            lambda mask: mask(**text(**EDGES))[0],
            expected=ids(11, 72, 13),
            wrong={
                "`rate` was ignored: 0.15 is its value where none is given.": (
                    ids(11, 12, 13)
                ),
                "A lot equal to `rate` was chosen: it is not less than it.": (
                    ids(MASK, 72, 13)
                ),
                "A `change` of just 0.8 gives a random token, not [MASK].": (
                    ids(11, MASK, 13)
                ),
                "A token with a `change` of just 0.9 stays as it is.": ids(11, 72, 73),
            },
        ),
        Case(
            "a `rate` of 0.5, and two texts",
            at_rate(0.5),
            expected=torch.tensor([[MASK, MASK], [MASK, 14]]),
            wrong={
                "`rate` was ignored: 0.15 is its value where none is given.": (
                    torch.tensor([[MASK, 12], [MASK, 14]])
                ),
                "The first token of a text was taken for [CLS]: go by `special`.": (
                    torch.tensor([[11, MASK], [13, 14]])
                ),
            },
        ),
        Case(
            "a `rate` of 0",
            at_rate(0),
            expected=torch.tensor([[11, 12], [13, 14]]),
            wrong={
                "0 is a `rate` too: no token is chosen.": torch.tensor(
                    [[MASK, 12], [MASK, 14]]
                ),
            },
        ),
        Case(
            "a `rate` of 1",
            at_rate(1),
            expected=torch.tensor([[MASK, MASK], [MASK, 74]]),
            wrong={
                "Not every token was chosen: with a `rate` of 1, all that are not "
                "special are.": torch.tensor([[MASK, MASK], [MASK, 14]]),
                "`random_ids` has a token for each place: take the one of the same "
                "text.": torch.tensor([[MASK, MASK], [MASK, 72]]),
            },
        ),
        Case(
            "a special token with an id like others, and ids like special ones",
            lambda mask: [*mask(**text(**ODD))],
            expected=[ids(12, MASK, MASK, 74), ids(NONE, 0, MASK, 102)],
            wrong={
                "0 was taken for padding: go by `special`.": (
                    lambda got: got[1].tolist() == [[NONE, NONE, MASK, 102]]
                ),
                "[MASK] may stand in a text: go by `special`.": (
                    lambda got: got[1].tolist() == [[NONE, 0, NONE, 102]]
                ),
                "The last token was taken for [SEP]: go by `special`.": (
                    lambda got: got[1].tolist() == [[NONE, 0, MASK, NONE]]
                ),
                "The first token is special here, whatever its id: go by `special`.": (
                    lambda got: got[1][0, 0] == 12
                ),
            },
        ),
        Case(
            "one text of one token",
            lambda mask: [
                list(made.shape)
                for made in mask(
                    ids(11), ids(0), doubles(0.1), doubles(0.1), ids(71), MASK
                )
            ],
            expected=[[1, 1], [1, 1]],
            wrong={
                "Dimensions of 1 are gone: the results are as large as `input_ids`.": (
                    lambda got: min(map(len, got)) < 2
                ),
            },
        ),
    ],
    "next_token_loss": [
        Case(
            "the kind of result",
            kind_of_loss,
            expected="a tensor without dimensions, with a gradient",
            wrong={
                "It is no tensor: without one, nothing can be learnt from it.": (
                    "a float"
                ),
                "It is one number for all texts: a tensor without dimensions.": (
                    lambda got: "of shape" in got
                ),
                "No gradient reaches the logits: the loss must stay in the graph.": (
                    "a tensor without a gradient"
                ),
            },
        ),
        Case(
            "one text of four tokens",
            lambda loss: loss(UNSURE[:1], SAID[:1]),
            expected=after_each(UNSURE[:1], SAID[:1]),
            wrong=mistakes(UNSURE[:1], SAID[:1]),
        ),
        Case(
            "two texts",
            lambda loss: loss(UNSURE, SAID),
            expected=after_each(UNSURE, SAID),
            wrong=mistakes(UNSURE, SAID),
        ),
        Case(
            "with padding at the end of one",
            lambda loss: loss(UNSURE, PADDED),
            expected=after_each(UNSURE, PADDED),
            wrong=mistakes(UNSURE, PADDED),
        ),
        Case(
            "with −100 at the start of both",
            lambda loss: loss(UNSURE, PROMPTED),
            expected=after_each(UNSURE, PROMPTED),
            wrong=mistakes(UNSURE, PROMPTED),
        ),
        Case(
            "with −100 within one text and all through the other",
            lambda loss: loss(UNSURE, SILENT),
            expected=after_each(UNSURE, SILENT),
            wrong=mistakes(UNSURE, SILENT),
        ),
        Case(
            "logits of 300 and −300",
            lambda loss: loss(LARGE, ids(1, 2)),
            expected=600.0,
            wrong={
                "e to the power of such logits is infinite or 0 in float32: "
                "cross_entropy and log_softmax avoid it.": (
                    lambda got: not math.isfinite(got)
                ),
            },
        ),
    ],
    "perplexity": [
        Case(
            "one text of loss ln 50",
            lambda perplexity: perplexity([math.log(50)], [8]),
            expected=50.0,
            wrong={
                "e is the base here, as the losses are in nats.": 2.0 ** math.log(50),
                "It is still a loss: take e to its power.": math.log(50),
                "The sum of the losses was not divided by the tokens.": 50.0**8,
                "The loss is a mean already: do not divide it once more.": (
                    50.0 ** (1 / 8)
                ),
                "The sign is wrong: this is the probability of a token.": 1 / 50,
            },
        ),
        Case(
            "a text of 10 tokens and one of 30",
            lambda perplexity: perplexity([1.0, 2.0], [10, 30]),
            expected=math.exp(1.75),
            wrong={
                "Both texts count alike: weigh them by their tokens.": math.exp(1.5),
                "It is the mean of the texts' perplexities: take the power last.": (
                    (math.exp(1) + math.exp(2)) / 2
                ),
                "It is the mean of the texts' perplexities, even if weighed: take the "
                "power last.": (math.exp(1) + 3 * math.exp(2)) / 4,
                "It is the sum of the texts' perplexities: take the power last.": (
                    math.exp(1) + math.exp(2)
                ),
                "The means were divided by the tokens: multiply each by its own.": (
                    math.exp(3 / 40)
                ),
                "It is divided by the number of texts, not of tokens.": math.exp(35),
            },
        ),
        Case(
            "of four texts, two of the same loss and two of as many tokens",
            lambda perplexity: perplexity([1.0, 2.0, 1.0, 3.0], [1, 3, 5, 3]),
            expected=math.exp(1.75),
            wrong={
                "One of two texts of the same loss was forgotten.": one_of(
                    *(math.exp(20 / tokens) for tokens in (12, 11)),
                    *(math.exp(16 / tokens) for tokens in (12, 7)),
                ),
                "One of two texts of as many tokens was forgotten.": one_of(
                    *(math.exp(15 / tokens) for tokens in (12, 9)),
                    *(math.exp(12 / tokens) for tokens in (12, 9)),
                ),
            },
        ),
        Case(
            "100,000 tokens",
            lambda perplexity: perplexity([3.0, 4.0], [90_000, 10_000]),
            expected=math.exp(3.1),
            wrong={
                "e to the power of the sum is too large a number: divide by the tokens "
                "first.": OverflowError,
                "e to the power of the sum is infinite: divide by the tokens first.": (
                    lambda got: not math.isfinite(got)
                ),
            },
        ),
    ],
    "bits_per_byte": [
        Case(
            "9 bytes in 5 tokens of 3 ln 2 nats",
            lambda bits: bits(3 * math.log(2), 5, "a kernel."),
            expected=15 / 9,
            wrong={
                "It is in nats: a bit is ln 2 nats.": 15 / 9 * math.log(2),
                "It was multiplied by ln 2: there are more bits than nats.": (
                    15 / 9 * math.log(2) ** 2
                ),
                "It is the bits of a token: divide the whole text's by its bytes.": 3.0,
                "The loss is of a token: multiply by their number.": 3 / 9,
                "It is the bytes of a bit: the other way round.": 9 / 15,
                "It is the bits of the whole text.": 15.0,
                "It is the bits of a word.": 15 / 2,
                "White space counts too: it is bytes of the text.": 15 / 8,
                "It is UTF-16: UTF-8 is asked for.": 15 / 18,
                "UTF-16 begins with a mark of two bytes: UTF-8 is asked for.": 15 / 20,
                "In UTF-32 a letter is four bytes: UTF-8 is asked for.": one_of(
                    15 / 36, 15 / 40
                ),
            },
        ),
        Case(
            "white space at both ends and in the middle",
            lambda bits: bits(math.log(2), 36, "      a  kernel\t\r\n"),
            expected=36 / 18,
            wrong={
                "White space at the ends was cut off: it counts.": one_of(
                    36 / 9, 36 / 12, 36 / 15
                ),
                "Two spaces were made one: both count.": one_of(36 / 14, 36 / 8),
                "White space counts too: it is bytes of the text.": 36 / 7,
                "The end of a line is two bytes here: both count.": one_of(
                    36 / 17, 36 / 16
                ),
            },
        ),
        Case(
            "letters of two bytes",
            lambda bits: bits(math.log(2), 6, "éé"),
            expected=1.5,
            wrong={
                "Letters were counted: é is two bytes in UTF-8.": 3.0,
            },
        ),
        Case(
            "letters of three bytes and of four",
            lambda bits: bits(math.log(2), 21, "語😀"),
            expected=3.0,
            wrong={
                "Letters were counted: é is two bytes in UTF-8, 語 three, 😀 four.": (
                    10.5
                ),
                "Not every letter that is not English has two bytes.": 5.25,
            },
        ),
        Case(
            "letters that are more or fewer bytes in another case or form",
            lambda bits: bits(math.log(2), 18, "İŉ\u00a0e\u0301"),
            expected=2.0,
            wrong={
                "The text was changed: its bytes are those of the text as given.": (
                    one_of(18 / 8, 18 / 10, 18 / 11)
                ),
                "Letters were counted: the accent is two bytes in UTF-8.": 18 / 5,
            },
        ),
    ],
    "corrupt_spans": [
        Case(
            "seven tokens, two spans",
            lambda corrupt: list(corrupt([*TOKENS], [[1, 3], [5, 6]], 999, 1)),
            expected=[READS, WRITES],
            wrong={
                "The numbers of the sentinels rise: each next one is one less.": (
                    read(10, 999, 13, 14, 1000, 16, 1)
                ),
                "Both spans have the same sentinel.": read(10, 999, 13, 14, 999, 16, 1),
                "A sentinel stands for each token: one stands for the whole span.": (
                    lambda got: (
                        read(10, 999, 998, 13, 14, 997, 16, 1)(got)
                        or read(10, 999, 999, 13, 14, 998, 16, 1)(got)
                    )
                ),
                "What is cut out is still read.": read(
                    10, 999, 11, 12, 13, 14, 998, 15, 16, 1
                ),
                "What is cut out is not replaced: its sentinel is read.": (
                    read(10, 13, 14, 16, 1)
                ),
                "The text after the last span is not read.": read(
                    10, 999, 13, 14, 998, 1
                ),
                "What is read has no `eos_id` at its end.": read(
                    10, 999, 13, 14, 998, 16
                ),
                "What is written lacks the sentinel at its end.": write(
                    999, 11, 12, 998, 15, 1
                ),
                "What is written has no `eos_id` at its end.": write(
                    999, 11, 12, 998, 15, 997
                ),
                "What is written lacks both its ends: a sentinel and `eos_id`.": (
                    write(999, 11, 12, 998, 15)
                ),
                "The end of a span is cut out too: as in a slice, it is not.": (
                    write(999, 11, 12, 13, 998, 15, 16, 997, 1)
                ),
                "In what is written, a sentinel stands before its span.": (
                    write(11, 12, 999, 15, 998, 997, 1)
                ),
                "The sentinel at the end of what is written is the next one: here 997, "
                "after 998.": lambda got: (
                    list(got[1][:5]) == WRITES[:5] and got[1][5] not in (1, 997)
                ),
                "What is read and what is written are swapped.": [WRITES, READS],
                "An id is an `int`: an embedding takes no floats.": (
                    lambda got: any(isinstance(x, float) for x in [*got[0], *got[1]])
                ),
            },
        ),
        Case(
            "what was given to it",
            after_the_cut,
            expected=[TOKENS, SPANS],
            wrong={
                "`tokens` was changed: work on a copy.": lambda got: got[0] != TOKENS,
                "`spans` was changed: work on a copy.": lambda got: got[1] != SPANS,
            },
        ),
        Case(
            "four spans of one token, one token apart",
            lambda corrupt: list(
                corrupt([*TOKENS], [[0, 1], [2, 3], [4, 5], [6, 7]], 999, 1)
            ),
            expected=[
                [999, 11, 998, 13, 997, 15, 996, 1],
                [999, 10, 998, 12, 997, 14, 996, 16, 995, 1],
            ],
            wrong={
                "Spans that are one token apart are still two: that token is read.": (
                    lambda got: not {11, 13, 15} <= {*got[0]}
                ),
            },
        ),
        Case(
            "a span at the very start, and one at the very end",
            lambda corrupt: list(corrupt([*TOKENS], [[0, 2], [5, 7]], 50, 3)),
            expected=[[50, 12, 13, 14, 49, 3], [50, 10, 11, 49, 15, 16, 48, 3]],
            wrong={
                "Both end in `eos_id`, which is 3 here.": read(50, 12, 13, 14, 49, 1),
                "The span at the end was left out.": read(50, 12, 13, 14, 15, 16, 3),
                "The span at the start was left out.": (
                    lambda got: list(got[0][:2]) == [10, 11]
                ),
            },
        ),
        Case(
            "no span",
            lambda corrupt: list(corrupt([*TOKENS], [], 999, 1)),
            expected=[[*TOKENS, 1], [999, 1]],
            wrong={
                "Without a span, a sentinel is still written: the first there is.": (
                    lambda got: list(got[1]) in ([1], [998, 1], [])
                ),
                "Without a span, all of the text is read.": (
                    lambda got: list(got[0]) != [*TOKENS, 1]
                ),
                "There may be no span: then the loop over them sets no variable.": (
                    UnboundLocalError
                ),
                "There may be no span: then there is no first or last one.": IndexError,
            },
        ),
        Case(
            "all of the text in one span",
            lambda corrupt: list(corrupt([7, 5, 5, 6], [[0, 4]], 999, 1)),
            expected=[[999, 1], [999, 7, 5, 5, 6, 998, 1]],
            wrong={
                "The tokens of a span stay in their order.": (
                    lambda got: sorted(got[1][1:-2]) == [5, 5, 6, 7]
                ),
                "Of two equal tokens in a span, both are cut out.": write(
                    999, 7, 5, 6, 998, 1
                ),
            },
        ),
        Case(
            "a text of no token",
            lambda corrupt: list(corrupt([], [], 999, 1)),
            expected=[[1], [999, 1]],
            wrong={
                "Without a token, both lists still end as they do else.": (
                    lambda got: [*got[0], *got[1]] != [1, 999, 1]
                ),
                "There may be no token: then there is no first or last one.": (
                    IndexError
                ),
            },
        ),
        Case(
            "ids that come again, one of them 0, one above the first sentinel",
            lambda corrupt: list(corrupt([0, 60, 0, 0, 60], [[2, 3]], 50, 1)),
            expected=[[0, 60, 50, 0, 60, 1], [50, 0, 49, 1]],
            wrong={
                "0 is a token too.": lambda got: (
                    list(got[0]) == [60, 50, 60, 1] or list(got[1]) == [50, 49, 1]
                ),
                "An id above the first sentinel is a token too.": read(0, 50, 0, 1),
                "A token was found by its id: go by its place, for an id may come "
                "again.": lambda got: (
                    read(50, 60, 0, 0, 60, 1)(got) or read(60, 60, 50, 1)(got)
                ),
            },
        ),
    ],
    "put_back": [
        Case(
            "what corrupt_spans made of seven tokens",
            answered(*WRITES),
            expected=TOKENS,
            wrong={
                "`eos_id` is still there.": [*TOKENS, 1],
                "The sentinels are still there, before their spans.": (
                    [10, 999, 11, 12, 13, 14, 998, 15, 16]
                ),
                "The sentinels are still there, after their spans.": (
                    [10, 11, 12, 999, 13, 14, 15, 998, 16]
                ),
                "An id is an `int`: an embedding takes no floats.": (
                    lambda got: any(isinstance(x, float) for x in got)
                ),
                "The spans are not put where their sentinels stand.": (
                    lambda got: type(got) in (list, tuple) and sorted(got) == TOKENS
                ),
                "Of a span, only its first token is back.": [10, 11, 13, 14, 15, 16],
                "Of a span, only its last token is back.": [10, 12, 13, 14, 15, 16],
                "The spans are not put back.": [10, 999, 13, 14, 998, 16],
            },
        ),
        Case(
            "what was given to it",
            after_putting_back,
            expected=[READS, WRITES],
            wrong={
                "`reads` was changed: work on a copy.": lambda got: got[0] != READS,
                "`writes` was changed: work on a copy.": lambda got: got[1] != WRITES,
            },
        ),
        Case(
            "an answer in another order",
            answered(998, 15, 999, 11, 12, 997, 1),
            expected=TOKENS,
            wrong={
                "The first span went to the first sentinel: each goes to its own.": (
                    [10, 15, 13, 14, 11, 12, 16]
                ),
            },
        ),
        Case(
            "an answer that forgets a sentinel",
            answered(999, 11, 12, 997, 1),
            expected=[10, 11, 12, 13, 14, 998, 16],
            wrong={
                "A sentinel without an answer was dropped: it stays.": (
                    [10, 11, 12, 13, 14, 16]
                ),
                "A sentinel without an answer is no error: it stays.": KeyError,
                "A sentinel without an answer is not an error: it stays as it is.": (
                    IndexError
                ),
                "A sentinel without an answer is not to be looked for: it stays.": (
                    ValueError
                ),
            },
        ),
        Case(
            "an answer that has nothing after a sentinel",
            answered(999, 998, 15, 997, 1),
            expected=[10, 13, 14, 15, 16],
            wrong={
                "A sentinel that is mentioned without a token is dropped: only one "
                "that is not mentioned stays.": [10, 999, 13, 14, 15, 16],
            },
        ),
        Case(
            "an answer that mentions a sentinel which is not in the text",
            answered(999, 11, 12, 995, 20, 21, 998, 15, 997, 1),
            expected=TOKENS,
            wrong={
                "The n-th span went to the n-th sentinel: each goes to its own.": (
                    [10, 11, 12, 13, 14, 20, 21, 16]
                ),
                "What is said of a sentinel that is not in the text is dropped.": (
                    lambda got: 20 in got or 21 in got
                ),
            },
        ),
        Case(
            "an answer with words before its first sentinel",
            answered(20, 21, 999, 11, 12, 998, 15, 997, 1),
            expected=TOKENS,
            wrong={
                "What the answer says before the first sentinel is dropped.": (
                    lambda got: 20 in got or 21 in got
                ),
                "An answer need not begin with a sentinel.": UnboundLocalError,
                "An answer need not begin with a sentinel: drop what comes before.": (
                    IndexError
                ),
                "An answer need not begin with a sentinel: so none is known yet.": (
                    KeyError
                ),
            },
        ),
        Case(
            "an answer that is cut short",
            answered(999, 11, 12, 998, 15),
            expected=TOKENS,
            wrong={
                "The last token is lost: an answer may lack its `eos_id`.": (
                    lambda got: got in ([10, 11, 12, 13, 14, 16], [*READS[:4], 998, 16])
                ),
                "An answer may lack its `eos_id`.": ValueError,
            },
        ),
        Case(
            "an answer of words alone",
            answered(20, 21, 1),
            expected=[10, 999, 13, 14, 998, 16],
            wrong={
                "Without a sentinel in the answer, all sentinels stay, and its words "
                "are dropped.": lambda got: 20 in got or 999 not in got,
            },
        ),
        Case(
            "an answer with nothing in it",
            answered(),
            expected=[10, 999, 13, 14, 998, 16],
            wrong={
                "An answer may be empty: then it has no last id.": IndexError,
            },
        ),
        Case(
            "ids that come again, one of them 0, and an `eos_id` of 3",
            lambda put_back: put_back(
                [5, 0, 500, 5, 3], [500, 5, 0, 5, 499, 3], 500, 3
            ),
            expected=[5, 0, 5, 0, 5, 5],
            wrong={
                "`eos_id` is still there: here it is 3.": lambda got: 3 in got,
                "An id may come again: each time it is a token.": (
                    lambda got: list(got).count(5) < 4
                ),
                "0 is a token too.": lambda got: list(got).count(0) < 2,
            },
        ),
        Case(
            "sentinels from 900 to 999, and tokens that are 899 and 1000",
            lambda put_back: put_back(
                [1000, 999, 899, 900, 1], [999, 1000, 900, 899, 12, 1], 999, 1
            ),
            expected=[1000, 1000, 899, 899, 12],
            wrong={
                "Ids above the first sentinel are sentinels? They are tokens.": (
                    [899, 899, 12]
                ),
                "`first_sentinel` − 100 is no sentinel: the last is − 99.": (
                    [1000, 1000, 12]
                ),
                "`first_sentinel` − 99 is a sentinel too.": (
                    [1000, 1000, 900, 899, 12, 899, 900]
                ),
            },
        ),
    ],
}

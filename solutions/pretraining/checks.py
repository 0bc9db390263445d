"""What a learner may run on the pretraining set: few points, and each teaches."""

import math

import torch

from labkit.checks import Case

IDS = torch.tensor([[101, 11, 12, 13, 14, 102, 0]])
SPECIAL = torch.tensor([[1, 0, 0, 0, 0, 1, 1]])
ALL = torch.full((1, 7), 0.1)  # of the lot: every token would be chosen
SOME = torch.tensor([[0.1, 0.1, 0.9, 0.1, 0.14, 0.9, 0.1]])
CHANGE = torch.tensor([[0.1, 0.1, 0.1, 0.85, 0.95, 0.1, 0.1]])
OTHERS = torch.tensor([[71, 72, 73, 74, 75, 76, 77]])
MASK, NONE = 103, -100


def ids(*row: int) -> torch.Tensor:
    return torch.tensor([row])


READ = ids(101, MASK, 12, 74, 14, 102, 0)
DUE = ids(NONE, 11, NONE, 13, 14, NONE, NONE)


def untouched(mask_tokens: object) -> list[torch.Tensor]:
    given = IDS.clone()
    mask_tokens(given, SPECIAL, SOME, CHANGE, OTHERS, MASK)
    return given


# The model is sure of the token after each one: 0 → 1 → 2 → 3.
SURE = 20.0 * torch.eye(4)[[1, 2, 3, 0]][None]
COUNTING = torch.tensor([[0, 1, 2, 3]])
UNSURE = torch.tensor([[[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, 0.0]]])
SAID = torch.tensor([[2, 1, 0]])
PADDED = torch.tensor([[2, 1, NONE]])


def nats(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of every label: (length,)."""
    return -logits.log_softmax(-1)[torch.arange(len(labels)), labels]


SHIFTED = nats(UNSURE[0, :-1], SAID[0, 1:])

TOKENS = [10, 11, 12, 13, 14, 15, 16]
SPANS = [[1, 3], [5, 6]]
CUT = [[10, 999, 13, 14, 998, 16, 1], [999, 11, 12, 998, 15, 997, 1]]


def read(*tokens: int) -> object:
    return lambda got: list(got[0]) == [*tokens]


def write(*tokens: int) -> object:
    return lambda got: list(got[1]) == [*tokens]


CHECKS = {
    "mask_tokens": [
        Case(
            "what is read, of seven tokens",
            lambda mask: mask(IDS, SPECIAL, SOME, CHANGE, OTHERS, MASK)[0],
            expected=READ,
            wrong={
                "Every chosen token became [MASK]: of these, one in ten stays and "
                "one in ten becomes another token.": ids(
                    101, MASK, 12, MASK, MASK, 102, 0
                ),
                "No token became a random one: where `change` is from 0.8 to 0.9, "
                "`random_ids` has it.": ids(101, MASK, 12, 13, 14, 102, 0),
                "Special tokens were hidden: [CLS], [SEP] and padding never are.": (
                    lambda got: got[0, 0] != 101
                ),
                "A token that was not chosen was changed: `lot` < `rate` chooses.": (
                    lambda got: got[0, 2] != 12
                ),
                "A token that has `change` of 0.95 stays as it is.": (
                    lambda got: got[0, 4] != 14
                ),
            },
        ),
        Case(
            "the labels of these",
            lambda mask: mask(IDS, SPECIAL, SOME, CHANGE, OTHERS, MASK)[1],
            expected=DUE,
            wrong={
                "A chosen token that stays as it is has no label: it is due, like the "
                "others that were chosen.": ids(NONE, 11, NONE, 13, NONE, NONE, NONE),
                "The labels hold what is read, not what stood there.": ids(
                    NONE, MASK, NONE, 74, 14, NONE, NONE
                ),
                "Every token has a label: those not chosen have −100.": IDS,
                "The labels of chosen and not chosen tokens are swapped.": ids(
                    101, NONE, 12, NONE, NONE, 102, 0
                ),
                "No loss is due where 0 stands? 0 is a token: it is −100.": (
                    lambda got: bool((got == 0).any())
                ),
            },
        ),
        Case(
            "what was given",
            untouched,
            expected=IDS,
            wrong={
                "The tensor that was given was changed: work on a copy.": (
                    lambda got: True
                ),
            },
        ),
    ],
    "next_token_loss": [
        Case(
            "a model that is sure of the next number, and right",
            lambda loss: loss(SURE, COUNTING),
            expected=torch.tensor(0.0),
            wrong={
                "The labels are compared with the logits of the same position: each "
                "position predicts the next token.": lambda got: float(got) > 19,
                "They are shifted in the wrong direction.": lambda got: float(got) > 13,
                "The last position is asked as well: nothing follows it.": (
                    lambda got: 4 < float(got) < 6
                ),
            },
        ),
        Case(
            "a model that is not sure",
            lambda loss: loss(UNSURE, SAID),
            expected=SHIFTED.mean(),
            wrong={
                "It is the sum: return the mean of a token.": SHIFTED.sum(),
                "The sign is wrong: a loss is −ln p.": -SHIFTED.mean(),
                "It is in bits: nats are asked for.": SHIFTED.mean() / math.log(2),
                "The softmax was taken twice: cross_entropy takes logits.": (
                    nats(UNSURE[0, :-1].softmax(-1), SAID[0, 1:]).mean()
                ),
            },
        ),
        Case(
            "with padding at the end",
            lambda loss: loss(UNSURE, PADDED),
            expected=SHIFTED[0],
            wrong={
                "Padding counts in the mean: divide by the labels that are due.": (
                    SHIFTED[0] / 2
                ),
                "−100 was taken for a token.": IndexError,
            },
        ),
    ],
    "perplexity": [
        Case(
            "one text of loss ln 50",
            lambda perplexity: perplexity([math.log(50)], [8]),
            expected=50.0,
            wrong={
                "e is the base here, as the losses are in nats.": (2.0 ** math.log(50)),
                "It is still a loss: take e to its power.": math.log(50),
                "The sum of the losses was not divided by the tokens.": (
                    lambda got: got > 1_000
                ),
                "The loss is a mean already: do not divide it once more.": (
                    50.0 ** (1 / 8)
                ),
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
            },
        ),
    ],
    "bits_per_byte": [
        Case(
            "8 bytes in 2 tokens of 2 ln 2 nats",
            lambda bits: bits(2 * math.log(2), 2, "a kernel"),
            expected=0.5,
            wrong={
                "It is in nats: a bit is ln 2 nats.": 0.5 * math.log(2),
                "It was multiplied by ln 2: there are more bits than nats.": (
                    0.5 * math.log(2) ** 2
                ),
                "It is the bits of a token: divide the whole text's by its bytes.": 2.0,
                "The loss is of a token: multiply by their number.": 0.25,
                "It is the bytes of a bit: the other way round.": lambda got: (
                    got == 2.0
                ),
                "It is the bits of the whole text.": 4.0,
            },
        ),
        Case(
            "letters of two bytes",
            lambda bits: bits(math.log(2), 6, "éé"),
            expected=1.5,
            wrong={"Letters were counted: é is two bytes in UTF-8.": 3.0},
        ),
    ],
    "corrupt_spans": [
        Case(
            "seven tokens, two spans",
            lambda corrupt: list(corrupt(TOKENS, SPANS, 999, 1)),
            expected=CUT,
            wrong={
                "The numbers of the sentinels rise: each next one is one less.": (
                    lambda got: 1000 in got[0]
                ),
                "Both spans have the same sentinel.": (
                    lambda got: list(got[0]).count(999) == 2
                ),
                "What is cut out is still read.": (
                    lambda got: {11, 12, 15} & {*got[0]} != set()
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
                "The end of a span is cut out too: as in a slice, it is not.": (
                    lambda got: 13 in got[1]
                ),
                "In what is written, a sentinel stands before its span.": (
                    lambda got: got[1][0] != 999
                ),
            },
        ),
        Case(
            "a span at the very start",
            lambda corrupt: list(corrupt(TOKENS, [[0, 2]], 50, 1)),
            expected=[[50, 12, 13, 14, 15, 16, 1], [50, 10, 11, 49, 1]],
            wrong={},
        ),
    ],
    "put_back": [
        Case(
            "what corrupt_spans made of seven tokens",
            lambda put_back: put_back(*CUT, 999, 1),
            expected=TOKENS,
            wrong={
                "`eos_id` is still there.": [*TOKENS, 1],
                "The sentinels are still there, before their spans.": (
                    lambda got: {999, 998} <= {*got} and 11 in got
                ),
                "The spans are not put where their sentinels stand.": (
                    lambda got: sorted(got) == TOKENS
                ),
                "Of a span, only its first token is back.": [10, 11, 13, 14, 15, 16],
            },
        ),
        Case(
            "an answer in another order",
            lambda put_back: put_back(CUT[0], [998, 15, 999, 11, 12, 997, 1], 999, 1),
            expected=TOKENS,
            wrong={
                "The first span went to the first sentinel: each goes to its own.": (
                    lambda got: sorted(got) == TOKENS
                ),
            },
        ),
        Case(
            "an answer that forgets a sentinel",
            lambda put_back: put_back(CUT[0], [999, 11, 12, 997, 1], 999, 1),
            expected=[10, 11, 12, 13, 14, 998, 16],
            wrong={
                "A sentinel without an answer was dropped: it stays.": (
                    [10, 11, 12, 13, 14, 16]
                ),
                "A sentinel without an answer is no error: it stays.": KeyError,
            },
        ),
    ],
}

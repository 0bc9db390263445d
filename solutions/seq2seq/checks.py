"""What a learner may run on the seq2seq set: few points, and each teaches."""

import math

import torch

from labkit.checks import Case

LABELS = torch.tensor([[5, 6, 7], [8, 9, -100]])


def untouched(shift_right: object) -> torch.Tensor:
    given = LABELS.clone()
    shift_right(given, 1, 0)
    return given


# Of each token, what may follow it: 0 is the start, 4 the end.
CHAIN = torch.tensor(
    [
        [0.0, 3.0, 2.0, 0.0, 0.0],
        [0.0, 0.0, 2.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 4.0, 1.0],
        [0.0, 1.0, 0.0, 0.0, 3.0],
        [9.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
LOOP = torch.tensor([[0.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
# Greedy takes 1, whose followers are all unlikely; 2 leads to a sure end.
TRAP = torch.tensor(
    [
        [-9.0, 1.0, 0.8, -9.0, -9.0],
        [0.0, 0.0, 0.0, 0.1, 0.0],
        [-9.0, -9.0, -9.0, 5.0, -9.0],
        [-9.0, -9.0, -9.0, -9.0, 5.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
LOUD = TRAP + torch.tensor([[0.0], [20.0], [0.0], [0.0], [0.0]])
UNSURE = (
    torch.tensor(
        [
            [0.0, 0.9, 0.1, 0.0, 0.0],
            [0.0, 0.5, 0.0, 0.5, 0.0],
            [0.0, 0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 1.0],
            [1.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    .clamp(min=1e-6)
    .log()
)
# The end is likeliest at once, but a longer text has likelier tokens.
EARLY = torch.tensor([[-9.0, 1.0, 1.1], [-9.0, -9.0, 6.0], [0.0, 0.0, 0.0]])


def following(table: torch.Tensor) -> object:
    return lambda ids: table[ids[-1]]


def pairs(ids: list[int]) -> torch.Tensor:
    """Whoever forgets what was written falls into another path."""
    return torch.eye(6)[min(5, len(ids))]


HYPOTHESES = [[-1.0, -1.0], [-0.6, -0.6, -0.6, -0.6], [-2.1]]

LOGITS = torch.tensor([0.1, 0.5, 0.05, 0.3, 0.05]).log()
OF_ALL = LOGITS.softmax(-1)


def only(*tokens: int) -> torch.Tensor:
    kept = torch.zeros(5)
    kept[[*tokens]] = OF_ALL[[*tokens]]
    return kept / kept.sum()


CHECKS = {
    "shift_right": [
        Case(
            "two texts, one of them padded",
            lambda shift: shift(LABELS.clone(), 1, 0),
            expected=torch.tensor([[1, 5, 6], [1, 8, 9]]),
            wrong={
                "The labels are not shifted: the decoder reads what it has to say.": (
                    lambda got: (
                        got.shape == (2, 3)
                        and int(got[0, 0]) == 5
                        and int(got[0, 1]) == 6
                    )
                ),
                "They are shifted to the left: a token then reads what follows it.": (
                    lambda got: int(got[0, 0]) == 6
                ),
                "The last label came round to the front: there stands `start_id`.": (
                    lambda got: int(got[0, 0]) == 7
                ),
                "The input is longer than the labels: the last label is never read.": (
                    lambda got: got.shape == (2, 4)
                ),
                "The first token is `pad_id`: begin with `start_id`.": (
                    lambda got: int(got[0, 0]) == 0
                ),
            },
        ),
        Case(
            "a text with two labels that are not due",
            lambda shift: shift(torch.tensor([[8, -100, -100]]), 1, 0),
            expected=torch.tensor([[1, 8, 0]]),
            wrong={
                "−100 is no token: put `pad_id` there.": lambda got: bool(
                    (got == -100).any()
                ),
            },
        ),
        Case(
            "the labels themselves",
            untouched,
            expected=LABELS,
            wrong={
                "The labels were changed: now a loss is due on padding.": (
                    lambda got: bool((got == 0).any())
                ),
            },
        ),
    ],
    "greedy_search": [
        Case(
            "a model of five tokens",
            lambda search: search(following(CHAIN), 0, 4, 9),
            expected=[1, 2, 3, 4],
            wrong={
                "The start is in it: return what was written.": [0, 1, 2, 3, 4],
                "The end is missing: it was written, so it belongs to it.": [1, 2, 3],
                "It took the least likely token.": lambda got: got[0] != 1,
                "It went on after the end.": lambda got: len(got) > 5,
            },
        ),
        Case(
            "a model that never ends",
            lambda search: search(following(LOOP), 0, 2, 4),
            expected=[1, 1, 1, 1],
            wrong={
                "`longest` tokens are to be written, and it is one too few: the start "
                "does not count.": [1, 1, 1],
                "It is one too many.": [1, 1, 1, 1, 1],
            },
        ),
        Case(
            "a model that counts what it has read",
            lambda search: search(pairs, 0, 5, 9),
            expected=[1, 2, 3, 4, 5],
            wrong={
                "The model is given the last token alone: it reads all ids so far.": (
                    lambda got: len(got) > 5 or got[1:2] == [1]
                ),
            },
        ),
    ],
    "best_hypothesis": [
        Case(
            "three texts, a penalty of 1",
            lambda best: best(HYPOTHESES, 1.0),
            expected=1,
            wrong={
                "It is the one with the largest sum: divide by the length.": 0,
                "It is the worst of them, or the mean was multiplied by the length.": 2,
            },
        ),
        Case(
            "the same, a penalty of 0",
            lambda best: best(HYPOTHESES, 0.0),
            expected=0,
            wrong={
                "A penalty of 0 is the plain sum.": 1,
                "It is the shortest: the sum counts.": 2,
            },
        ),
        Case(
            "two texts, a penalty of 2",
            lambda best: best([[-0.4, -0.4], [-0.6] * 4], 2.0),
            expected=1,
            wrong={
                "The length is taken to the power of the penalty, not times it.": 0,
            },
        ),
        Case(
            "two texts that are equal",
            lambda best: best([[-1.0], [-1.0]], 1.0),
            expected=0,
            wrong={"The last of two equal texts won: the first does.": 1},
        ),
    ],
    "beam_search": [
        Case(
            "one beam is greedy search",
            lambda search: search(following(CHAIN), 0, 4, 9, 1),
            expected=[1, 2, 3, 4],
            wrong={
                "The start is in it: return what was written.": [0, 1, 2, 3, 4],
                "With no beginning left there is nothing to go on from: stop.": (
                    ValueError
                ),
            },
        ),
        Case(
            "two beams, where greedy search takes the worse way",
            lambda search: search(following(TRAP), 0, 4, 5, 2),
            expected=[2, 3, 4],
            wrong={
                "It took the greedy way: keep the second beginning too.": (
                    lambda got: got[0] == 1
                ),
            },
        ),
        Case(
            "the same, with large logits on the worse way",
            lambda search: search(following(LOUD), 0, 4, 5, 2),
            expected=[2, 3, 4],
            wrong={
                "Logits were summed: only log_softmax makes them comparable.": (
                    lambda got: got[0] == 1
                ),
            },
        ),
        Case(
            "a likely beginning with an unsure middle",
            lambda search: search(following(UNSURE), 0, 4, 3, 2),
            expected=[1, 3, 4],
            wrong={
                "The sum forgets the earlier tokens: add to what the beginning had.": (
                    [2, 3, 4]
                ),
            },
        ),
        Case(
            "an early end that is likely",
            lambda search: search(following(EARLY), 0, 2, 3, 2),
            expected=[1, 2],
            wrong={
                "The shorter text won: divide the sums by the length, and compare all "
                "that were finished.": [2],
            },
        ),
        Case(
            "a model that never ends",
            lambda search: search(following(LOOP), 0, 2, 3, 1),
            expected=[1, 1, 1],
            wrong={
                "Texts that are not finished in time count too.": ValueError,
                "Texts that are not finished in time count, not only the empty one.": [],
            },
        ),
    ],
    "nucleus": [
        Case(
            "five tokens, p = 0.7",
            lambda nucleus: nucleus(LOGITS, 0.7),
            expected=only(1, 3),
            wrong={
                "The token that crosses p is missing: the sum must be at least p.": (
                    only(1)
                ),
                "One token too many: the two likeliest have 0.8 already.": only(
                    1, 3, 0
                ),
                "The probabilities do not sum to 1: divide by their sum.": (
                    lambda got: abs(float(got.sum()) - 0.8) < 1e-3
                ),
                "The tokens are not back in their own order.": (
                    lambda got: float(got[0]) > float(got[1])
                ),
                "It is the single likeliest token.": only(1),
                "The tokens above p alone were kept: their sum counts.": (
                    lambda got: bool(got.isnan().all())
                ),
                "The least likely tokens were kept.": lambda got: float(got[1]) == 0,
                "All tokens were kept.": OF_ALL,
            },
        ),
        Case(
            "p = 0.3, below the likeliest",
            lambda nucleus: nucleus(LOGITS, 0.3),
            expected=only(1),
            wrong={
                "Nothing is left: the likeliest token is always in it.": (
                    lambda got: not bool(got.nan_to_num().any())
                ),
            },
        ),
    ],
    "rouge_l": [
        Case(
            "three of four words, in order",
            lambda rouge: rouge("close the open file", "close this open file now"),
            expected=2 * 3 / 9,
            wrong={
                "It is the recall: take the harmonic mean with precision.": 3 / 5,
                "It is the precision: take the harmonic mean with recall.": 3 / 4,
                "It is the number of words: divide.": 3.0,
                "The words must stand side by side for you: gaps are allowed.": 4 / 9,
                "It is the mean of precision and recall, not the harmonic one.": (
                    (3 / 5 + 3 / 4) / 2
                ),
                "Letters were compared: words are.": lambda got: 0 < got < 1,
            },
        ),
        Case(
            "the same words in another order",
            lambda rouge: rouge("file the close", "close the file"),
            expected=1 / 3,
            wrong={
                "The order counts: of words in another order only some are left.": 1.0,
            },
        ),
        Case(
            "upper and lower case",
            lambda rouge: rouge("Close The File", "close the file"),
            expected=1.0,
            wrong={"Upper and lower case are alike here.": 0.0},
        ),
        Case(
            "upper and lower case, the other way round",
            lambda rouge: rouge("close the file", "Close The File"),
            expected=1.0,
            wrong={"The reference keeps its case: both texts in lower case.": 0.0},
        ),
        Case(
            "an empty text",
            lambda rouge: rouge("", "close"),
            expected=0.0,
            wrong={
                "There is nothing to divide by: an empty text has 0.": (
                    ZeroDivisionError
                ),
                "An empty text has 0.": lambda got: got != 0 or math.isnan(got),
            },
        ),
    ],
}

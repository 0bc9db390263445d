"""What a learner may run on the seq2seq set: few points, and each teaches."""

import math

import torch

from labkit.exercises import Case

LABELS = torch.tensor([[5, 6, 7], [8, 9, -100]])
SQUEEZED = "A dimension of 1 was dropped: the shape is that of `labels`."
FLOATS = "Ids are integers: the result has the dtype of `labels`."


def untouched(shift_right: object) -> torch.Tensor:
    given = LABELS.clone()
    shift_right(given, 1, 9)
    return given


def dtype(shift_right: object) -> str:
    return str(shift_right(LABELS.clone(), 1, 0).dtype)


def shifted(rows: list, start_id: int = 1, pad_id: int = 0) -> object:
    return lambda shift_right: shift_right(torch.tensor(rows), start_id, pad_id)


def begins(*rows: list) -> object:
    """Whether the result begins with these columns."""
    wanted = torch.tensor(rows)
    return lambda got: torch.equal(got[:, : wanted.shape[1]], wanted)


# Of each token, what may follow it: 0 is the start, the last one the end.
CHAIN = [
    [0, 3, 2, 0, 0],
    [0, 0, 2, 1, 0],
    [0, 0, 0, 4, 1],
    [0, 1, 0, 0, 3],
    [9, 0, 0, 0, 0],
]
LOOP = [[0, 2, 0], [0, 1, 0], [0, 0, 0]]
RING = [[-1, 4, 0], [-1, 0, 4], [4, 0, -1]]  # 0, 1, 2, and 0 again
NOT_INTS = "Ids are to be of type `int`: `int(...)` makes one of a tensor or a float."


def following(table: list, more: float = 0) -> object:
    """A model that looks at the last token alone."""

    def next_logits(ids: list[int]) -> torch.Tensor:
        if len(ids) == 0:
            raise IndexError("the model is not given the start: the list is empty")
        return torch.tensor(table[int(ids[-1])], dtype=torch.float32) + more

    return next_logits


def counting(ids: list[int]) -> torch.Tensor:
    """A model that looks at how many ids there are."""
    return 9 * torch.eye(6)[min(5, len(ids))]


def starting(ids: list[int]) -> torch.Tensor:
    """A model that writes the start, 1 and the end, which is 2."""
    return 9 * torch.eye(3)[min(3, len(ids)) - 1]


def greedily(table: list, *given: int, more: float = 0) -> object:
    return lambda search: search(following(table, more), *given)


def types(search: object, *given: int) -> list[str]:
    return [type(token).__name__ for token in search(following(CHAIN), *given)]


def no_ints(got: list[str]) -> bool:
    return any(name != "int" for name in got)


HYPOTHESES = [
    [-1.0, -1.0],
    [-2.1],
    [-0.6, -0.6, -0.6, -0.6],
    [-2.2, -1.9],
    [-3.0, -2.5],
    [-0.7, -0.7, -0.7, -0.7, -0.7],
    [-2.0, -2.0, -0.1],
]


LOGITS = torch.tensor([0.15, 0.3, 0.1, 0.25, 0.2]).log()
OF_ALL = LOGITS.softmax(-1)
EVEN = torch.zeros(4)
# Rounding leaves their sum below 1.
BELOW_1 = next(
    logits
    for logits in (torch.linspace(0, 3, size) for size in range(5, 500))
    if max(
        float(exact.softmax(-1).sort(descending=True).values.cumsum(-1)[-1])
        for exact in (logits, logits.double())
    )
    < 1
)


def only(*tokens: int) -> torch.Tensor:
    chosen = torch.zeros(5)
    chosen[[*tokens]] = OF_ALL[[*tokens]]
    return chosen / chosen.sum()


def given_back(nucleus: object) -> torch.Tensor:
    given = LOGITS.clone()
    nucleus(given, 0.72)
    return given


CHECKS = {
    "shift_right": [
        Case(
            "two texts, one of them padded",
            shifted(LABELS.tolist()),
            expected=torch.tensor([[1, 5, 6], [1, 8, 9]]),
            wrong={
                "The labels are not shifted: the decoder reads what it has to say.": (
                    begins([5, 6, 7], [8, 9, 0])
                ),
                "The labels are not shifted: the decoder reads what it has to say, and "
                "−100 besides.": begins([5, 6, 7], [8, 9, -100]),
                "`start_id` took the place of the first label: all move to the right.": (
                    begins([1, 6], [1, 9])
                ),
                "They are shifted to the left: a token then reads what follows it.": (
                    lambda got: got[0, :2].tolist() == [6, 7]
                ),
                "The last label came round to the front: there stands `start_id`.": (
                    lambda got: got[0].tolist() == [7, 5, 6]
                ),
                "The texts changed places: it is the tokens that move, along dim 1.": (
                    lambda got: got[:, 1].tolist() in ([9, 6], [8, 5])
                ),
                "The input is longer than the labels: the last label is never read.": (
                    lambda got: got.shape == (2, 4)
                ),
                "The first token is `pad_id`: begin with `start_id`.": (
                    begins([0, 5, 6], [0, 8, 9])
                ),
                "−100 was looked for before the shift: then 9 is hidden, not −100.": (
                    begins([1, 5, 6], [1, 8, 0])
                ),
                FLOATS: torch.tensor([[1.0, 5.0, 6.0], [1.0, 8.0, 9.0]]),
            },
        ),
        Case(
            "a text with two labels that are not due",
            shifted([[8, -100, -100]]),
            expected=torch.tensor([[1, 8, 0]]),
            wrong={
                "−100 is no token: put `pad_id` there.": torch.tensor([[1, 8, -100]]),
                "`start_id` stands for −100: it is `pad_id` that does.": (
                    torch.tensor([[1, 8, 1]])
                ),
                SQUEEZED: lambda got: got.shape == (3,),
            },
        ),
        Case(
            "labels that are due at the end, and with a gap",
            shifted([[-100, -100, 4, 5, 6], [7, -100, 8, 9, -100]], 2, 3),
            expected=torch.tensor([[2, 3, 3, 4, 5], [2, 7, 3, 8, 9]]),
            wrong={
                "`start_id` waits for the first label that is due: it always comes "
                "first.": begins([3, 3, 2, 4, 5]),
                "`start_id` waits for the first label that is due: it comes first, "
                "whatever follows.": lambda got: got[0].tolist() == [3, 3, 2, 4, 5],
                "Labels that are not due were left out: they keep their places.": (
                    lambda got: got[0, :3].tolist() == [2, 4, 5]
                ),
                "Only −100 at the end was replaced.": (
                    lambda got: got[0, 1:3].tolist() == [-100, -100]
                ),
                "`pad_id` is not always 0.": torch.tensor(
                    [[2, 0, 0, 4, 5], [2, 7, 0, 8, 9]]
                ),
            },
        ),
        Case(
            "two texts of one label",
            shifted([[5], [-100]]),
            expected=torch.tensor([[1], [1]]),
            wrong={
                SQUEEZED: lambda got: got.shape == (2,),
            },
        ),
        Case(
            "labels of 0, and labels that are what the start is",
            shifted([[0, 2, -100, 3, 6]], 2, 3),
            expected=torch.tensor([[2, 0, 2, 3, 3]]),
            wrong={
                "0 is an id like any other: only −100 is none.": torch.tensor(
                    [[2, 3, 2, 3, 3]]
                ),
                "`start_id` may be a label: only −100 is replaced.": torch.tensor(
                    [[2, 0, 3, 3, 3]]
                ),
            },
        ),
        Case(
            "a start that is the padding too",
            shifted([[0, 4, -100, 0, 6]], 0, 0),
            expected=torch.tensor([[0, 0, 4, 0, 0]]),
        ),
        Case(
            "the labels themselves",
            untouched,
            expected=LABELS,
            wrong={
                "The labels were changed: now a loss is due on padding.": torch.tensor(
                    [[5, 6, 7], [8, 9, 9]]
                ),
                "The labels were changed: work on a copy.": (
                    lambda got: got.shape == (2, 3)
                ),
            },
        ),
        Case(
            "the dtype",
            dtype,
            expected="torch.int64",
            wrong={FLOATS: lambda got: "float" in got or "int32" in got},
        ),
    ],
    "greedy_search": [
        Case(
            "a model of five tokens",
            greedily(CHAIN, 0, 4, 9),
            expected=[1, 2, 3, 4],
            wrong={
                "The start is in it: return what was written.": [0, 1, 2, 3, 4],
                "The end is missing: it was written, so it belongs to it.": [1, 2, 3],
                "It took the least likely token.": (
                    lambda got: [*got][:4] == [0, 0, 0, 0]
                ),
                "It went on after the end.": [1, 2, 3, 4, 0, 1, 2, 3, 4],
                "The model never reads what was written: append each token to what it "
                "is given.": [1] * 9,
                "The last token alone is returned: a list of all of them is due.": 4,
                "It stops after one token.": [1],
                NOT_INTS: [1.0, 2.0, 3.0, 4.0],
            },
        ),
        Case(
            "a model that never ends",
            greedily(LOOP, 0, 2, 4),
            expected=[1, 1, 1, 1],
            wrong={
                "`longest` tokens are to be written, and it is one too few: the start "
                "does not count.": [1, 1, 1],
                "It is one too many.": [1, 1, 1, 1, 1],
                "A token that came twice is no end: only `end_id` is.": (
                    lambda got: [*got] in ([1], [1, 1])
                ),
                "Nothing is returned where no end came: `longest` tokens are a text "
                "too.": None,
                "Nothing is returned where no end came: return the text too.": [],
            },
        ),
        Case(
            "a model that counts what it has read",
            lambda search: search(counting, 0, 5, 9),
            expected=[1, 2, 3, 4, 5],
            wrong={
                "The model is given the last token alone: it reads all ids so far.": (
                    [1] * 9
                ),
                "The model is not given the start: the list begins with it.": (
                    [0, 1, 2, 3, 4, 5]
                ),
                "The model is given the start and the last token alone: the ids between "
                "are missing.": lambda got: [*got] in ([1] + [2] * 8, [2] * 9),
            },
        ),
        Case(
            "the same with the end in the last place",
            lambda search: search(counting, 0, 5, 5),
            expected=[1, 2, 3, 4, 5],
        ),
        Case(
            "logits far below 0",
            greedily(CHAIN, 0, 4, 9, more=-1000),
            expected=[1, 2, 3, 4],
            wrong={
                "All logits may be far below 0: compare them as they are, without `exp`, "
                "and with no number but −∞ to begin with.": (
                    lambda got: next(iter(got)) in (0, None)
                ),
            },
        ),
        Case(
            "a start that is the end too",
            greedily(RING, 0, 0, 9),
            expected=[1, 2, 0],
            wrong={
                "Nothing is left: the start was taken for the end, or the end for the start.": [],
                "Every start was taken out: here it is the end too.": [1, 2],
            },
        ),
        Case(
            "a model that writes the start",
            lambda search: search(starting, 0, 2, 4),
            expected=[0, 1, 2],
            wrong={
                "Every start was taken out: only the first does not belong to it.": (
                    [1, 2]
                ),
                "The start is no end, if it is written.": [0],
            },
        ),
        Case(
            "what the ids are",
            lambda search: types(search, 0, 4, 9),
            expected=["int"] * 4,
            wrong={NOT_INTS: no_ints},
        ),
    ],
    "best_hypothesis": [
        Case(
            "seven texts, a penalty of 1",
            lambda best: best(HYPOTHESES, 1.0),
            expected=2,
            wrong={
                "It is the one with the largest sum: divide by the length.": 0,
                "The sum was multiplied by the length, not divided, or the shortest was "
                "taken.": 1,
                "The first text has the number 0.": 3,
                "It is the worst of them.": 4,
                "It is the longest: the sum counts too.": 5,
                "The last token decided: all of them count.": 6,
                "Return the number of the text, not its score.": lambda got: (
                    math.isclose(got, -0.6)
                ),
                "Return the number of the text, not the text.": HYPOTHESES[2],
                "The number is to be an integer, as an index is.": 2.0,
            },
        ),
        Case(
            "two texts, a penalty of 0",
            lambda best: best([[-0.6, -0.6, -0.6, -0.6], [-1.0, -1.0]], 0.0),
            expected=1,
            wrong={
                "A penalty of 0 is the plain sum.": 0,
                "There is nothing to divide by: the length to the power of 0 is 1.": (
                    ZeroDivisionError
                ),
            },
        ),
        Case(
            "texts of one token and of three",
            lambda best: best([[-1.0], [-1.2, -1.2, -0.4]], 1.0),
            expected=1,
            wrong={"n is the number of tokens, not one more.": 0},
        ),
        Case(
            "two texts, a penalty of 2",
            lambda best: best([[-0.4, -0.4], [-0.6] * 4], 2.0),
            expected=1,
            wrong={
                "The length is taken to the power of the penalty: it is not times it, and "
                "more than the mean.": 0,
            },
        ),
        Case(
            "two texts, a penalty of 0.5",
            lambda best: best([[-1.0], [-0.6, -0.6]], 0.5),
            expected=1,
            wrong={
                "The penalty was made a whole number: it may lie between.": 0,
            },
        ),
        Case(
            "two texts that are equal, between others",
            lambda best: best([[-2.0], [-1.0], [-1.0], [-3.0]], 1.0),
            expected=1,
            wrong={"The last of two equal texts won: the first does.": 2},
        ),
        Case(
            "texts of another length with the same sum, a penalty of 0",
            lambda best: best([[-3.0], [-0.5, -1.5], [-2.0], [-1.0, -0.5, -0.5]], 0.0),
            expected=1,
            wrong={
                "The shorter of equal texts won: the first does.": 2,
                "The longer of equal texts won, or the last: the first does.": 3,
            },
        ),
        Case(
            "a text whose tokens are sure",
            lambda best: best([[-0.5], [0.0, 0.0], [-0.2]], 1.0),
            expected=1,
            wrong={"A logarithm of 0 is no gap: that token is sure.": 2},
        ),
        Case(
            "a text with a token that could not be",
            lambda best: best([[-0.5], [-math.inf, -0.1], [-0.3]], 1.0),
            expected=2,
            wrong={"−∞ is the worst of all: leave it in the sum.": 1},
        ),
        Case(
            "very unlikely texts",
            lambda best: best([[-9000.0], [-7000.0], [-8000.0]], 1.0),
            expected=1,
            wrong={
                "Sums may be as low as you like: compare them without `exp`, and begin "
                "with −∞.": lambda got: got in (None, 0, -1),
            },
        ),
    ],
    "beam_search": [
        Case(
            "one beam is greedy search",
            lambda search: search(following(CHAIN), 0, 4, 9, 1),
            expected=[1, 2, 3, 4],
            wrong={
                "The start is in it: return what was written.": [0, 1, 2, 3, 4],
                "The end is missing: it was written, so it belongs to it.": [1, 2, 3],
                "The finished text is lost: keep those that end.": [],
                "Nothing was left to choose from: keep the texts that end, and stop if "
                "no beginning is left.": ValueError,
                "Nothing was left to go on from: stop if no beginning is left.": (
                    RuntimeError
                ),
                "It went on after an end: what is finished leaves.": (
                    [1, 2, 3, 4, 0, 1, 2, 3, 4]
                ),
                "The model never reads what was written: extend what it is given.": (
                    [1] * 9
                ),
                NOT_INTS: [1.0, 2.0, 3.0, 4.0],
            },
        ),
        Case(
            "a model that never ends",
            lambda search: search(following(LOOP), 0, 2, 3, 1),
            expected=[1, 1, 1],
            wrong={
                "Texts that are not finished in time count too.": ValueError,
                "Texts that are not finished in time count, not only the empty one.": [],
                "It is one step too few: the start does not count.": [1, 1],
                "It is one step too many.": [1, 1, 1, 1],
            },
        ),
        Case(
            "a text that ends early",
            lambda search: search(
                following([[-1, 2, 0], [-1, 3, 2], [4, -2, -2]]), 0, 2, 3, 2
            ),
            expected=[1, 1, 1],
            wrong={
                "The search stopped at the first end: go on with the others.": [2],
                "The search stopped at the first end, so others are not complete.": [1],
                "It stopped as soon as `beams` texts were finished: go on while a "
                "beginning is left.": [1, 2],
                "It stopped as soon as `beams` texts were finished, so others are not "
                "complete: go on.": [1, 1],
                "A text that is not finished in time counts too, even where others "
                "are.": [1, 1, 2],
            },
        ),
        Case(
            "an end that leads for a while",
            lambda search: search(
                following([[0, -1, 4, 3], [4, 1, 4, 0], [3, 3, 1, 3], [3, 2, 2, 2]]),
                *(0, 3, 3, 3),
            ),
            expected=[2, 0, 2],
            wrong={
                "It stopped when a finished text led: others may overtake it, so go on "
                "while a beginning is left.": [2, 3],
                "The shorter text won: divide the sums by the length, and compare all "
                "that were finished.": [3],
                "Every start was taken out: only the first does not belong to it.": (
                    [2, 2]
                ),
            },
        ),
        Case(
            "a short text, and longer ones whose tokens are likelier",
            lambda search: search(
                following([[-2, 2, 2], [0, 4, -2], [0, 2, 4]]), 0, 2, 3, 2
            ),
            expected=[1, 1, 1],
            wrong={
                "The shorter text won: divide the sums by the length, and compare all "
                "that were finished.": [2],
            },
        ),
        Case(
            "two beams, where greedy search takes the worse way",
            lambda search: search(
                following([[0, -1, -2], [1, 4, 0], [3, -1, 3]]), 0, 2, 4, 2
            ),
            expected=[1, 1, 1, 1],
            wrong={
                "It took the greedy way: keep the second beginning too.": [0, 0, 0, 0],
            },
        ),
        Case(
            "two tokens alike in their logits, not in their log-probabilities",
            lambda search: search(
                following([[-2, 4, 3], [-1, 1, 0], [3, -2, 0]]), 0, 2, 2, 2
            ),
            expected=[1, 1],
            wrong={
                "Logits were summed: only log_softmax makes them comparable.": [2],
            },
        ),
        Case(
            "an end that is likely at once",
            lambda search: search(
                following([[2, 1, 4], [2, 3, 1], [0, 0, -1]]), 0, 2, 2, 2
            ),
            expected=[2],
            wrong={
                "The sum forgets the earlier tokens: add to what the beginning had.": (
                    [0, 2]
                ),
            },
        ),
        Case(
            "the same with a longest of 3",
            lambda search: search(
                following([[0, -1, 1], [0, 4, 0], [2, -1, 2]]), 0, 2, 3, 3
            ),
            expected=[2],
            wrong={
                "Probabilities were summed: it is their logarithms that add up.": (
                    [1, 1, 1]
                ),
            },
        ),
        Case(
            "a text of two tokens against a text of one",
            lambda search: search(
                following([[-1, 1, 1], [-1, 0, 2], [1, 3, 3]]), 0, 2, 2, 2
            ),
            expected=[1, 2],
            wrong={"The end is one of the tokens to divide by.": [2]},
        ),
        Case(
            "the same, with no end in time",
            lambda search: search(
                following([[1, 3, 3], [-1, 0, -2], [3, 1, 3]]), 0, 2, 2, 2
            ),
            expected=[1, 1],
            wrong={"The start is none of the tokens to divide by.": [2]},
        ),
        Case(
            "an end that is first in its step",
            lambda search: search(
                following(
                    [[-2, 1, 1, 1], [-2, -2, 2, 3], [1, 4, 3, 3], [-1, 1, -1, 4]]
                ),
                *(0, 3, 3, 3),
            ),
            expected=[2, 1, 3],
            wrong={
                "It stopped when the likeliest of a step was an end: go on while a "
                "beginning is left.": [1, 3],
            },
        ),
        Case(
            "an end whose followers are likely",
            lambda search: search(
                following([[-2, 0, 1], [1, 2, 0], [1, -2, -1]]), 0, 2, 2, 2
            ),
            expected=[2],
            wrong={"It went on after an end: what is finished leaves.": [2, 0]},
        ),
        Case(
            "two good extensions of one beginning",
            lambda search: search(
                following([[2, 4, -2], [3, 4, 4], [0, 4, 4]]), 0, 2, 3, 2
            ),
            expected=[1, 2],
            wrong={
                "One extension of each beginning was kept: all are sorted together.": (
                    [1, 1, 1]
                ),
            },
        ),
        Case(
            "a step after an end",
            lambda search: search(
                following([[-2, 3, 1], [-2, 3, 3], [0, -2, -2]]), 0, 2, 3, 2
            ),
            expected=[1, 2],
            wrong={
                "Each step takes `beams` again: an end in an earlier one takes no place "
                "in it.": [1, 1, 1],
            },
        ),
        Case(
            "an end among the first of three",
            lambda search: search(
                following(
                    [[4, 4, 3, -2], [-2, -1, 0, 1], [-1, 2, 4, 2], [1, -2, -2, 2]]
                ),
                *(0, 3, 5, 3),
            ),
            expected=[1, 3],
            wrong={
                "More than `beams` were kept: an end takes a place too in the step in "
                "which it comes.": [2, 2, 2, 2, 2],
            },
        ),
        Case(
            "a text that holds the start",
            lambda search: search(
                following([[-1, 4, 3], [3, 1, -2], [3, 1, -2]]), 0, 2, 2, 2
            ),
            expected=[1, 0],
            wrong={
                "Every start was taken out: only the first does not belong to it.": [1],
            },
        ),
        Case(
            "logits in the hundreds",
            lambda search: search(following(CHAIN, 900), 0, 4, 9, 2),
            expected=[1, 2, 3, 4],
        ),
        Case(
            "logits hundreds below 0",
            lambda search: search(following(CHAIN, -900), 0, 4, 9, 2),
            expected=[1, 2, 3, 4],
        ),
        Case(
            "a start that is the end too",
            lambda search: search(following(RING), 0, 0, 5, 2),
            expected=[1, 2, 0],
            wrong={
                "Nothing is left: the start was taken for the end, or the end for the start.": [],
                "Every start was taken out: here it is the end too.": [1, 2],
            },
        ),
        Case(
            "a model that counts what it has read",
            lambda search: search(counting, 0, 5, 9, 2),
            expected=[1, 2, 3, 4, 5],
            wrong={
                "The model is given the last token alone: it reads all ids so far.": (
                    [1] * 9
                ),
                "The model is not given the start: the list begins with it.": (
                    [0, 1, 2, 3, 4, 5]
                ),
                "The model is given the start and the last token alone: the ids between "
                "are missing.": lambda got: [*got] in ([1] + [2] * 8, [2] * 9),
            },
        ),
        Case(
            "more beams than tokens",
            lambda search: search(
                following([[3, 1, 3, 1], [3, 4, 3, 4], [1, 2, -1, 1], [-1, -2, -1, 4]]),
                *(0, 3, 4, 5),
            ),
            expected=[0, 0, 2, 1],
            wrong={
                "There are fewer extensions than beams at first: take all.": (
                    RuntimeError
                ),
                "There are fewer extensions than beams at first: take all then.": (
                    IndexError
                ),
                "`beams` was cut down to the number of tokens: only the first step has "
                "fewer extensions.": [2, 1, 3],
            },
        ),
        Case(
            "what the ids are",
            lambda search: types(search, 0, 4, 9, 2),
            expected=["int"] * 4,
            wrong={NOT_INTS: no_ints},
        ),
    ],
    "nucleus": [
        Case(
            "five tokens, p = 0.72",
            lambda nucleus: nucleus(LOGITS.clone(), 0.72),
            expected=only(1, 3, 4),
            wrong={
                "The token that crosses p is missing: the sum must be at least p.": (
                    only(1, 3)
                ),
                "One token too many: the three likeliest have 0.75 already.": only(
                    *(0, 1, 3, 4)
                ),
                "It is the likeliest alone, or 1 − p was taken for p.": only(1),
                "The probabilities do not sum to 1: divide by their sum.": (
                    only(1, 3, 4) * 0.75
                ),
                "They were divided by p: divide by what the set has.": (
                    only(1, 3, 4) * 0.75 / 0.72
                ),
                "The tokens are not back in their own order.": (
                    only(1, 3, 4).sort(descending=True).values
                ),
                "The tokens above p alone were kept: their sum counts.": torch.full(
                    (5,), math.nan
                ),
                "The tokens above p alone were kept, and there is none: their sum "
                "counts.": torch.zeros(5),
                "All tokens were kept, or it began with the least likely.": OF_ALL,
                "The logits of the others were set to 0: it takes −∞ to rule one out.": (
                    (LOGITS * (only(1, 3, 4) > 0)).softmax(-1)
                ),
                "The softmax was taken twice: divide by the sum.": (
                    (OF_ALL * (only(1, 3, 4) > 0)).softmax(-1)
                ),
                "The tokens are returned: their probabilities are due, and 0 for the "
                "others.": lambda got: sorted(map(float, got)) == [1, 3, 4],
                "The probabilities of the set alone are returned: the others get 0.": (
                    lambda got: got.shape == (3,)
                ),
            },
        ),
        Case(
            "p = 0.2, below the likeliest",
            lambda nucleus: nucleus(LOGITS.clone(), 0.2),
            expected=only(1),
            wrong={
                "Nothing is left: the likeliest token is always in it.": (
                    lambda got: not bool(got.nan_to_num().any())
                ),
                "As many tokens as before: `p` decides how many.": only(1, 3, 4),
                "The tokens above p were kept: it is their sum that counts.": only(
                    1, 3
                ),
            },
        ),
        Case(
            "p = 0.85",
            lambda nucleus: nucleus(LOGITS.clone(), 0.85),
            expected=only(0, 1, 3, 4),
            wrong={
                "No more tokens than before: `p` decides how many.": only(1, 3, 4),
            },
        ),
        Case(
            "p = 0",
            lambda nucleus: nucleus(LOGITS.clone(), 0.0),
            expected=only(1),
            wrong={
                "Nothing is left: the likeliest token is in it for a p of 0, too.": (
                    lambda got: not bool(got.nan_to_num().any())
                ),
            },
        ),
        Case(
            "p = 1",
            lambda nucleus: nucleus(BELOW_1.clone(), 1.0),
            expected=BELOW_1.softmax(-1),
            wrong={
                "With a p of 1 all are in it, even if the sum is rounded below 1.": (
                    IndexError
                ),
                "With a p of 1 all are in it, and the sum may be rounded below 1.": (
                    lambda got: not bool(got.nan_to_num().any())
                ),
            },
        ),
        Case(
            "four tokens that are equally likely, p = 0.6, the largest first",
            lambda nucleus: nucleus(EVEN.clone(), 0.6).sort(descending=True).values,
            expected=torch.tensor([1 / 3, 1 / 3, 1 / 3, 0]),
            wrong={
                "Of equal tokens take only as many as are needed: three of these.": (
                    torch.full((4,), 0.25)
                ),
            },
        ),
        Case(
            "one token",
            lambda nucleus: nucleus(torch.tensor([-3.0]), 0.5),
            expected=torch.ones(1),
            wrong={
                "A dimension of 1 was dropped: the shape is that of `logits`.": (
                    lambda got: got.ndim == 0
                ),
            },
        ),
        Case(
            "large logits",
            lambda nucleus: nucleus(torch.tensor([1000.0, 990.0, 1001.0]), 0.9),
            expected=torch.tensor([0.268941, 0.0, 0.731059]),
            wrong={
                "`exp` overflows: subtract the largest logit, or use `softmax`.": (
                    lambda got: bool(got.isnan().any())
                ),
            },
        ),
        Case(
            "a token that is ruled out, p = 1",
            lambda nucleus: nucleus(torch.tensor([0.0, -math.inf, 1.0]), 1.0),
            expected=torch.tensor([0.268941, 0.0, 0.731059]),
            wrong={
                "A token of −∞ has a probability of 0, not NaN.": (
                    lambda got: bool(got.isnan().any())
                ),
            },
        ),
        Case(
            "the logits themselves",
            given_back,
            expected=LOGITS,
            wrong={
                "The logits were changed: whoever gave them still needs them.": (
                    lambda got: got.shape == (5,)
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
                "It is the geometric mean, not the harmonic one.": (9 / 20) ** 0.5,
                "It is the product of precision and recall.": 9 / 20,
                "It is half of it: the harmonic mean is 2PR / (P + R).": 3 / 9,
                "The shared words were divided by all: that is no harmonic mean.": 3
                / 6,
                "Letters were compared: words are.": lambda got: any(
                    math.isclose(got, letters, abs_tol=1e-4)
                    for letters in (2 * 18 / 43, 2 * 15 / 36)
                ),
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
            "a first word that stands last in the other",
            lambda rouge: rouge("file open the", "open the old file"),
            expected=2 * 2 / 7,
            wrong={
                "Each word was matched with the first that fits, and what it skips is "
                "lost: try both, and keep the longer.": 2 / 7,
            },
        ),
        Case(
            "the two texts of it exchanged",
            lambda rouge: rouge("open the old file", "file open the"),
            expected=2 * 2 / 7,
            wrong={
                "Each word of `reference` was matched with the first that fits: try "
                "both, and keep the longer.": 2 / 7,
            },
        ),
        Case(
            "a long run of words in the way of a longer sequence",
            lambda rouge: rouge("a b c x d y e z", "x y z a b"),
            expected=2 * 3 / 13,
            wrong={
                "The longest run came first, and cut the sequence short: a table "
                "compares all ways.": 2 * 2 / 13,
                "Each word was matched with the first that fits: try both, and keep the "
                "longer.": 2 * 2 / 13 + 1,
            },
        ),
        Case(
            "a word that is repeated in one text",
            lambda rouge: rouge("the the the file", "the file"),
            expected=2 * 2 / 6,
            wrong={
                "Each word counts as often as it stands there: no sets.": 1.0,
                "A word of one text is shared with one of the other, not with all.": (
                    lambda got: got > 1
                ),
            },
        ),
        Case(
            "a word that is repeated in the other",
            lambda rouge: rouge("the file", "the the the file"),
            expected=2 * 2 / 6,
            wrong={
                "Each word counts as often as it stands there: no sets.": 1.0,
                "A word of one text is shared with one of the other, not with all.": (
                    lambda got: got > 1
                ),
            },
        ),
        Case(
            "a word that is repeated in both",
            lambda rouge: rouge("the cell the file", "the cell the file"),
            expected=1.0,
            wrong={
                "A repeated word counts each time: no sets.": lambda got: any(
                    math.isclose(got, one, abs_tol=1e-4) for one in (3 / 4, 6 / 7)
                ),
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
            "a comma, and letters that English lacks",
            lambda rouge: rouge("open, déjà", "open déjà"),
            expected=1 / 2,
            wrong={
                "A comma belongs to its word: `split()` leaves it there.": 1.0,
            },
        ),
        Case(
            "white space of every kind",
            lambda rouge: rouge(" close  the\nfile\t", "open  the  file"),
            expected=2 / 3,
            wrong={
                "Texts were divided at each single blank: `split()` takes any white "
                "space, and gives no empty words.": lambda got: any(
                    math.isclose(got, blanks, abs_tol=1e-4)
                    for blanks in (4 / 9, 2 / 8, 0.0)
                ),
                "At the ends there are empty words: `split()` gives none.": 4 / 8,
            },
        ),
        Case(
            "nothing in common",
            lambda rouge: rouge("open file", "reopen the files"),
            expected=0.0,
            wrong={
                "With nothing in common there is nothing to divide by: it is 0.": (
                    ZeroDivisionError
                ),
                "A part of a word is no word.": lambda got: got > 0,
            },
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
        Case(
            "two texts without a word",
            lambda rouge: rouge("", " "),
            expected=0.0,
            wrong={
                "There is nothing to divide by: where neither has a word, it is 0.": (
                    ZeroDivisionError
                ),
                "Two texts without words share none: 0.": 1.0,
            },
        ),
    ],
}

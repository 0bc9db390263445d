"""What a learner may run on the decoder set: few points, and each teaches."""

import copy
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from labkit.exercises import Case, cell_of, ruled_out, two_tables

INF = float("inf")
SQUEEZED = "A dimension of 1 is gone."
WRITTEN_OVER = "What was given is another afterwards: change a copy of it."


def same(got: object, wrong: Tensor) -> bool:
    """Whether a result is what a mistake gives."""
    if not isinstance(got, Tensor) or got.shape != wrong.shape:
        return False
    return torch.allclose(got.double(), wrong.double(), rtol=1e-4, atol=1e-4)


def one_of(*wrong: Tensor) -> Callable[[object], bool]:
    """A mistake that people make in more than one way."""
    return lambda got: any(same(got, other) for other in wrong)


def alike(one: object, other: object) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    return one == other


def stays(run: Callable[..., object], *given: object) -> bool:
    """Whether tensors and lists hold the same afterwards."""
    before = copy.deepcopy(given)
    run(*given)
    return all(map(alike, before, given))


def has_nan(got: Tensor) -> bool:
    return bool(got.isnan().any())


NOT_TO_CALL = {
    "rms_norm": ("rms_norm", "rmsnorm"),
    "grouped_query_attention": ("scaled_dot_product",),
}
OWN_ATTENTION = (
    "The name of PyTorch's own attention stands in the cell: write it out, under other "
    "names."
)


def written(own: str, name: str) -> Case:
    words = NOT_TO_CALL[name]
    return Case(
        "how it is written",
        lambda answer: ruled_out(cell_of(answer), words, name),
        expected="",
        wrong={
            own: lambda word: any(part in word.lower() for part in words),
            "The name below is ruled out here: use the functions of torch, NumPy and "
            "Python that compute.": lambda word: word != "",
        },
    )


# ----- rms_norm

TWO = torch.tensor([[3.0, -1.0, 2.0], [4.0, 1.0, -5.0]])
WEIGHT = torch.tensor([1.0, 2.0, 0.5])
ONES = torch.ones(3)
SMALL = torch.tensor([[1e-3, 2e-3, -2e-3]])
LARGE = torch.tensor([[300.0, -900.0, 1500.0]])
TINY = torch.tensor([[1e-4, -2e-4, 3e-4]])


def by_rms(x: Tensor, weight: Tensor, eps: float = 1e-5, dim: int = -1) -> Tensor:
    return x / torch.sqrt(x.pow(2).mean(dim, True) + eps) * weight


def beside_the_root(x: Tensor, eps: float = 1e-5) -> Tensor:
    return x / (x.pow(2).mean(-1, True).sqrt() + eps)


IN_FRONT = TWO.expand(2, 1, 2, 3).clone() * torch.tensor([1.0, -2.0]).view(2, 1, 1, 1)
OVERFLOWS = (
    "Squares of hundreds are infinite in float16: compute in float32, and bring the "
    "result back."
)


# ----- rotate

PAIR = torch.tensor([[[[1.0, 2.0], [3.0, -1.0], [2.0, 2.0]]]])
FOUR = torch.tensor([[[[1.0, 2, -3, 4], [2.0, -1, 3, 5], [-2.0, 4, 1, 3]]]])
FROM_0 = torch.tensor([[0, 1, 2]])
ONE_HALF = "Only the first half is turned: the second number of each pair is, too."
TO_THE_HEADS = (
    "The positions reached the heads, not the tokens: the angles need a dimension of 1 "
    "for the heads."
)
FAR_ON = torch.tensor([[0, 3, 50]])
TEXTS = torch.arange(1.0, 33).view(2, 2, 2, 4) % 7 - 3
PLACES = torch.tensor([[4, 9], [30, 7]])
THREE_HEADS = torch.arange(1.0, 37).view(1, 3, 2, 6) % 5 - 2


def speeds_of(d: int, base: float = 10_000.0) -> Tensor:
    return torch.tensor([base ** (-2 * i / d) for i in range(d // 2)])


def turn(x: Tensor, angles: Tensor) -> Tensor:
    """Turned by angles (batch, length, d/2); half by half."""
    pairs = torch.complex(*x.chunk(2, -1))
    around = torch.polar(torch.ones_like(angles), angles).unsqueeze(1)
    both = pairs * around
    return torch.cat([both.real, both.imag], -1)


def turned(x: Tensor, places: Tensor, base: float = 10_000.0) -> Tensor:
    return turn(x, places.float()[..., None] * speeds_of(x.size(-1), base))


def other_speeds(speeds: list[float]) -> Tensor:
    return turn(FOUR, FAR_ON.float()[..., None] * torch.tensor(speeds))


def to_halves(x: Tensor) -> Tensor:
    """Neighbours, brought to where the halves have their pairs."""
    return torch.cat([x[..., ::2], x[..., 1::2]], -1)


def to_neighbours(x: Tensor) -> Tensor:
    return torch.stack(x.chunk(2, -1), -1).flatten(-2)


def parts_of(x: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    a, b = x.chunk(2, -1)
    angles = (places.float()[..., None] * speeds_of(x.size(-1))).unsqueeze(1)
    return a, b, angles.cos(), angles.sin()


def with_other_signs(one: int, two: int) -> Tensor:
    a, b, cos, sin = parts_of(PAIR, FROM_0)
    return torch.cat([a * cos + one * b * sin, two * a * sin + b * cos], -1)


def cos_for_sin() -> Tensor:
    a, b, cos, sin = parts_of(PAIR, FROM_0)
    return torch.cat([a * sin - b * cos, a * cos + b * sin], -1)


def doubled_side_by_side() -> Tensor:
    """Halves that are turned by the angles of neighbours."""
    angles = FAR_ON[..., None] * speeds_of(4)
    angles = angles.repeat_interleave(2, -1).unsqueeze(1)
    a, b = FOUR.chunk(2, -1)
    return FOUR * angles.cos() + torch.cat([-b, a], -1) * angles.sin()


def moved_scores(rotate: Callable[..., Tensor]) -> list[float]:
    """The score of a query two places behind a key, wherever the two stand."""
    scores = []
    for at in (torch.tensor([[n]]) for n in (0, 5, 40)):
        query, key = FOUR[:, :, :1].clone(), FOUR[:, :, 1:2].clone()
        both = rotate(query, at + 2) * rotate(key, at.clone())
        scores.append(float(both.sum()))
    return scores


SCORE = float((turned(FOUR[:, :, :1], torch.tensor([[2]])) * FOUR[:, :, 1:2]).sum())


# ----- swiglu

STATES = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
GATE = torch.tensor([[1.0, 2.0], [-1.0, 1.0], [0.5, -1.5]])
UP = torch.tensor([[2.0, -1.0], [1.0, 1.0], [-1.0, 0.5]])
DOWN = torch.tensor([[1.0, 2.0, -1.0], [0.5, -1.0, 3.0]])
SQUARE = [torch.tensor([[1.0, 2.0], [-1.0, n]]) for n in (1.0, 0.5, 3.0)]
SURE = torch.tensor([[1000.0, -1000.0], [-500.0, 800.0]])


def silu(z: Tensor) -> Tensor:
    return z / (1 + torch.exp(-z))


def with_gate(act: Callable[[Tensor], Tensor]) -> Tensor:
    return (act(STATES @ GATE.T) * (STATES @ UP.T)) @ DOWN.T


def of_square(gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    return (silu(STATES @ gate) * (STATES @ up)) @ down


# ----- grouped_query_attention

generator = torch.Generator().manual_seed(2)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


HEADS = [drawn(1, 4, 1, 4) * 2, drawn(1, 2, 3, 4), drawn(1, 2, 3, 3)]
SQUARES = [drawn(1, 4, 3, 4) * 2, *HEADS[1:]]
CACHED = [drawn(1, 4, 2, 4) * 2, drawn(1, 2, 5, 4), drawn(1, 2, 5, 3)]
BATCH = [drawn(2, 6, 2, 1), drawn(2, 3, 2, 1), drawn(2, 3, 2, 2)]
ALONE = [drawn(1, 1, 1, 2), drawn(1, 1, 1, 2), drawn(1, 1, 1, 1)]
ONE_GROUP = [drawn(1, 3, 2, 4), drawn(1, 1, 2, 4), drawn(1, 1, 2, 1)]
OWN = [drawn(1, 3, 2, 4), drawn(1, 3, 2, 4), drawn(1, 3, 2, 2)]
IN_TURN, FIRST, LAST = [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0]


def attend(
    parts: list[Tensor],
    groups: list[int] | None = None,
    by: float = 0.0,
    hide: int | None = None,
    dim: int = -1,
    fill: float = -INF,
) -> Tensor:
    """As it should be, or with one thing wrong.

    Args:
        groups: The group of each head.
        by: What scores are divided by.
        hide: From which diagonal on keys are hidden.
        dim: The dimension along which weights sum to 1.
        fill: The score of what is hidden.
    """
    query, key, value = parts
    heads, many = query.shape[1], key.shape[1]
    groups = groups or [head * many // heads for head in range(heads)]
    key, value = key[:, groups], value[:, groups]
    scores = torch.einsum("bhqd,bhkd->bhqk", query, key) / (
        by or query.shape[-1] ** 0.5
    )
    hide = key.shape[2] - query.shape[2] + 1 if hide is None else hide
    future = torch.ones(scores.shape[-2:]).triu(hide) == 1
    return scores.masked_fill(future, fill).softmax(dim) @ value


def hidden_after() -> Tensor:
    query, key, value = SQUARES
    key, value = key[:, [0, 0, 1, 1]], value[:, [0, 0, 1, 1]]
    return (query @ key.mT / 2).softmax(-1).tril() @ value


def turned_round() -> Tensor:
    """Each query sees what comes after it."""
    turned_parts = [part.flip(2) for part in SQUARES]
    return attend(turned_parts).flip(2)


FAR_APART = [
    torch.tensor([100.0, -100, 100]).view(1, 1, 3, 1),
    torch.tensor([60.0, 61, 60.5]).view(1, 1, 3, 1),
    torch.tensor([[1.0, 2], [3, 5], [4, 4]]).view(1, 1, 3, 2),
]
HIDDEN_ABOVE = [
    torch.full((1, 1, 2, 1), 100.0),
    torch.tensor([-60.0, 60]).view(1, 1, 2, 1),
    torch.tensor([[1.0, 2], [3, 5]]).view(1, 1, 2, 2),
]


# ----- top_p

ROW = torch.tensor([[0.15, 0.3, 0.1, 0.25, 0.2]]).log()
ROWS = torch.cat([ROW, torch.tensor([[0.02, 0.01, 0.9, 0.03, 0.04]]).log()])
EQUAL = torch.stack([torch.full((30,), 0.5), torch.arange(30.0) % 4])
LIKELIEST = [*range(3, 30, 4)]  # of the second row
SPREAD = torch.tensor([[0.0, -30, -60, -200], [-150.0, 5, -40, 4]])
HUGE = torch.tensor([[1000.0, 990, 1001]])
RULED_OUT = torch.tensor([[0.0, -INF, 1, -INF, -INF, -2]])
ABOVE_1 = next(  # rounding makes the sum before a token more than 1
    (
        logits
        for logits in (torch.linspace(0, 30, size)[None] for size in range(9, 200))
        if (logits.softmax(-1).flip(-1).cumsum(-1)[:, :-1] > 1).any()
    ),
    torch.zeros(1, 9),
)


def staying(logits: Tensor, *tokens: list[int]) -> Tensor:
    """The logits of these tokens of each row, and −∞."""
    kept = torch.full_like(logits, -INF)
    for row, some in enumerate(tokens):
        kept[row, some] = logits[row, some]
    return kept


# ----- score_continuations

generator.manual_seed(5)
TABLE = 1.5 * drawn(9, 6)
PROMPT = [3, 1, 4, 1]
ENDS = [[2], [5], [0]]
CONTINUATIONS = [[2, 0, 5], [3, 1], [2, 5, 1, 4]]
MIXED = [[4], [2, 3], [0]]
LIKELY = "Logits were summed: only log_softmax makes them logarithms of probabilities."
FROM_THE_START = "The prompt is forgotten: hand back its `past`."


def model(read: list[int], more: float = 0.0) -> Callable[..., tuple[Tensor, Tensor]]:
    """Its logits follow from the last id, and from all before it."""

    def logits_and_past(
        ids: list[int], past: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if len(ids) == 0:
            raise EOFError("the model is given no id")
        read.append(len(ids))
        before = [] if past is None else past.sub(1000).tolist()
        whole = [*before, *map(int, ids)]
        rows = [
            TABLE[whole[end]] + TABLE[(sum(whole[:end]) + 2 * end) % 9] + more
            for end in range(len(before), len(whole))
        ]
        return torch.stack(rows), torch.tensor(whole) + 1000

    return logits_and_past


def log_p(ids: list[int]) -> Tensor:
    logits, _ = model([])(ids)
    return logits.log_softmax(-1)


def each(tell: Callable[[list[int]], float], texts: list[list[int]]) -> Tensor:
    return torch.tensor([float(tell(text)) for text in texts])


def right(text: list[int], prompt: list[int] = PROMPT) -> float:
    rows = log_p([*prompt, *text])[len(prompt) - 1 :]
    return sum(float(rows[n, token]) for n, token in enumerate(text))


def by_its_own(text: list[int]) -> float:
    """Each id by the logits after it, not before it."""
    rows = log_p([*PROMPT, *text])[len(PROMPT) :]
    return sum(float(rows[n, token]) for n, token in enumerate(text))


def without_first(text: list[int]) -> float:
    rows = log_p([*PROMPT, *text])[len(PROMPT) :]
    return sum(float(rows[n, token]) for n, token in enumerate(text[1:]))


def without_last(text: list[int]) -> float:
    return right(text[:-1])


def forgetting(text: list[int]) -> float:
    """The first id after the prompt, the others after nothing but the text."""
    return right(text[:1]) + alone(text)


def alone(text: list[int]) -> float:
    rows = log_p(text)
    return sum(float(rows[n, token]) for n, token in enumerate(text[1:]))


def with_prompt(text: list[int]) -> float:
    rows = log_p([*PROMPT, *text])
    return sum(float(rows[n, t]) for n, t in enumerate([*PROMPT[1:], *text]))


def of_logits(text: list[int]) -> float:
    logits, _ = model([])([*PROMPT, *text])
    rows = logits[len(PROMPT) - 1 :]
    return sum(float(rows[n, token]) for n, token in enumerate(text))


def of_chances(text: list[int]) -> float:
    rows = log_p([*PROMPT, *text])[len(PROMPT) - 1 :].exp()
    return sum(float(rows[n, token]) for n, token in enumerate(text))


def chained(part: Callable[[list[int]], list[int]]) -> Tensor:
    """Each text goes on from what the one before it left behind."""
    read, scores = [*PROMPT], []
    for text in CONTINUATIONS:
        first = log_p(PROMPT)[-1, text[0]]
        rows = log_p([*read, *text])[len(read) :]
        rest = sum(float(rows[n, token]) for n, token in enumerate(text[1:]))
        scores.append(float(first) + rest)
        read += part(text)
    return torch.tensor(scores)


def joined() -> Tensor:
    """Each text after all before it, its first id too."""
    read, scores = [*PROMPT], []
    for text in CONTINUATIONS:
        scores.append(right(text, read))
        read += text
    return torch.tensor(scores)


def scores_of(
    texts: list[list[int]], prompt: list[int] = PROMPT, more: float = 0.0
) -> Callable[..., object]:
    return lambda score: score(model([], more), [*prompt], [[*text] for text in texts])


def too_many(score: Callable[..., object]) -> int:
    """How many ids were read beyond those there are."""
    read: list[int] = []
    score(model(read), [*PROMPT], [[*text] for text in CONTINUATIONS])
    return max(0, sum(read) - len(PROMPT) - sum(map(len, CONTINUATIONS)))


LEFT_OVER = 9  # ids of the continuations
AGAIN = (len(CONTINUATIONS) - 1) * len(PROMPT)


# ----- answer_labels

# 1 opens a turn, 2 ends it, 9 is the end of a line; 5 is the assistant, 6 a user.
HEADER = [1, 5, 9]
ASKS = [1, 6, 9, 20, 21, 2, 9]
ANSWERS = [*HEADER, 30, 31, 2, 9]
CHAT = [*ASKS, *ANSWERS]
X = -100
LABELS = [*[X] * 10, 30, 31, 2, X]
SHORT = [1, 6, 9, 22, 2, 9, *ANSWERS]
SHORT_LABELS = LABELS[1:]
TWO_TURNS = [*CHAT, 1, 6, 9, 22, 2, 9, *HEADER, 32, 2, 9]
TWO_LABELS = [*LABELS, *[X] * 9, 32, 2, X]
WITHIN = [1, 6, 9, 5, 9, 7, 2, 9, *HEADER, 5, 9, 8, 2, 9]
WITHIN_LABELS = [*[X] * 11, 5, 9, 8, 2, X]
STOPS = "The end of the answer is missing: then the model never learns to stop."
ENDS_THE_ROW = "A turn without an end goes up to the end of the row."
CUT = "A header that is cut is none."
NOTHING_DUE = "A chat without an answer has no label: −100 everywhere."
HEADER_TOO = "The header is due as well: only what comes after it is."


def labelled(*rows: list[int], header: list[int] = HEADER) -> Callable[..., object]:
    return lambda label: label(torch.tensor(rows), [*header], 2)


def table(*rows: list[int]) -> Tensor:
    return torch.tensor(rows)


def row_is(*rows: list[int]) -> Callable[[Tensor], bool]:
    """Whether the first row is one of these."""
    return lambda got: got[0].tolist() in [[*row] for row in rows]


def changed(labels: list[int], where: dict[int, int]) -> list[int]:
    return [where.get(place, token) for place, token in enumerate(labels)]


# ----- pack

FILL = [[11, 12, 13], [21, 22, 23, 24], [31, 32], [41]]
ONE_ROW_EACH = "Each row has a window of its own: fill up those that have room."
NEWEST = "Only the newest window is looked at: an earlier one may have room."
SORTED = "The rows were sorted: take them in their order."
IDS_FLOAT = "Ids and positions are of type `long`."
FIRST_OF_TWO = "Two windows have room: the row goes into the first, not the "
NOT_ALL = "Three tensors are due: the ids, the positions, the mask."


def ids_of(rows: list[list[int]], length: int, pad_id: int = 0) -> Callable:
    return lambda pack: pack(copy.deepcopy(rows), length, pad_id)[0]


def places_of(rows: list[list[int]], length: int, pad_id: int = 0) -> Callable:
    return lambda pack: pack(copy.deepcopy(rows), length, pad_id)[1]


def mask_of(rows: list[list[int]], length: int, pad_id: int = 0) -> Callable:
    return lambda pack: pack(copy.deepcopy(rows), length, pad_id)[2]


def triangles(*sizes: int, length: int, block: bool = False) -> Tensor:
    """The mask of one window with rows of these sizes."""
    squares = [torch.ones(size, size) for size in sizes]
    squares.append(torch.zeros(length - sum(sizes), length - sum(sizes)))
    whole = torch.block_diag(*squares)
    return (whole if block else whole.tril()).bool()[None]


CAUSAL = torch.ones(1, 6, 6).tril().bool()
NO_PAD = torch.tensor([True] * 5 + [False])
PAD_ITSELF = torch.diag(~NO_PAD)[None]


CHECKS = {
    "rms_norm": [
        Case(
            "two vectors of three numbers",
            lambda norm: norm(TWO, WEIGHT),
            expected=by_rms(TWO, WEIGHT),
            wrong={
                "The mean was subtracted: here only the size changes.": (
                    F.layer_norm(TWO, (3,), WEIGHT)
                ),
                "It is divided by the standard deviation: take the squares of the "
                "numbers themselves, not of their distance from the mean.": one_of(
                    TWO / TWO.std(-1, keepdim=True) * WEIGHT,
                    TWO / TWO.std(-1, keepdim=True, correction=0) * WEIGHT,
                ),
                "The root is missing: divide by the root of the mean of the squares.": (
                    TWO / TWO.pow(2).mean(-1, keepdim=True) * WEIGHT
                ),
                "The squares were summed: take their mean.": (
                    F.normalize(TWO, dim=-1) * WEIGHT
                ),
                "The weight is missing: multiply by it last.": by_rms(TWO, ONES),
                "1 was added to the weight: multiply by the weight itself.": (
                    by_rms(TWO, WEIGHT + 1)
                ),
                "The weight is added: multiply by it.": by_rms(TWO, ONES) + WEIGHT,
                "The mean is of absolute values: take the root of the mean square.": (
                    TWO / TWO.abs().mean(-1, keepdim=True) * WEIGHT
                ),
                "All vectors have one mean: each has its own, along the last "
                "dimension.": TWO / TWO.pow(2).mean().sqrt() * WEIGHT,
                "The mean is taken along another dimension than the last.": by_rms(
                    TWO, WEIGHT, dim=0
                ),
                "It is multiplied by the root: divide.": (
                    TWO * TWO.pow(2).mean(-1, keepdim=True).sqrt() * WEIGHT
                ),
            },
            picture=two_tables,
        ),
        Case(
            "a vector alone",
            lambda norm: norm(TWO[0], WEIGHT),
            expected=by_rms(TWO[0], WEIGHT),
            wrong={
                "There may be no dimension in front: the vectors lie along the last, "
                "-1.": IndexError,
            },
        ),
        Case(
            "three dimensions in front, one of them of size 1",
            lambda norm: norm(IN_FRONT, WEIGHT),
            expected=by_rms(IN_FRONT, WEIGHT),
            wrong={
                "The mean is taken along another dimension than the last.": one_of(
                    by_rms(IN_FRONT, WEIGHT, dim=1), by_rms(IN_FRONT, WEIGHT, dim=2)
                ),
                SQUEEZED: lambda got: got.shape == (2, 2, 3),
            },
        ),
        Case(
            "vectors of one number",
            lambda norm: norm(torch.tensor([[2.0], [-3.0]]), torch.tensor([2.0])),
            expected=torch.tensor([[2.0], [-2.0]]),
            wrong={SQUEEZED: lambda got: got.ndim < 2},
        ),
        Case(
            "numbers of 0.001",
            lambda norm: norm(SMALL, ONES),
            expected=by_rms(SMALL, ONES),
            wrong={
                "`eps` is added to the root: it belongs under it.": (
                    beside_the_root(SMALL)
                ),
                "`eps` is missing.": beside_the_root(SMALL, 0.0),
                "`eps` is 0.00001 where it is not given.": one_of(
                    *(by_rms(SMALL, ONES, eps) for eps in (1e-6, 1e-8, 1e-12, 1e-3))
                ),
                "`eps` is added to the sum of the squares: add it to their mean.": (
                    by_rms(SMALL, ONES, 1e-5 / 3)
                ),
                "`eps` is a least value: add it to the mean square.": (
                    SMALL / math.sqrt(1e-5)
                ),
            },
        ),
        Case(
            "an eps of 0.5",
            lambda norm: norm(TWO / 9, ONES, eps=0.5),
            expected=by_rms(TWO / 9, ONES, 0.5),
            wrong={
                "`eps` is always the same: it may be given.": by_rms(TWO / 9, ONES),
                "`eps` is added to the root: it belongs under it.": (
                    beside_the_root(TWO / 9, 0.5)
                ),
            },
        ),
        Case(
            "a vector of zeros",
            lambda norm: norm(torch.zeros(1, 3), WEIGHT),
            expected=torch.zeros(1, 3),
            wrong={"0/0 is NaN: add `eps` under the root.": has_nan},
        ),
        Case(
            "numbers in the hundreds, in float16",
            lambda norm: norm(LARGE.half(), WEIGHT.half()).float(),
            expected=by_rms(LARGE, WEIGHT),
            wrong={OVERFLOWS: lambda got: has_nan(got) or not bool(got.any())},
            tolerance=4e-3,
        ),
        Case(
            "numbers of 0.0001, in float16",
            lambda norm: norm(TINY.half(), WEIGHT.half(), 1e-8).float(),
            expected=by_rms(TINY, WEIGHT, 1e-8),
            wrong={
                "Such squares are rounded, or 0, in float16: compute in float32.": (
                    lambda got: got.shape == (1, 3)
                ),
            },
            tolerance=4e-3,
        ),
        Case(
            "the dtypes of two results",
            lambda norm: [
                str(norm(TWO.to(kind), WEIGHT.to(kind)).dtype).removeprefix("torch.")
                for kind in (torch.float16, torch.float32)
            ],
            expected=["float16", "float32"],
            wrong={
                "The result is of the dtype of `hidden_states`.": (
                    lambda got: got != ["float16", "float32"]
                ),
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda norm: stays(norm, TWO.clone(), WEIGHT.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
        written(
            "The name of PyTorch's own stands in the cell: write it out, under other names.",
            "rms_norm",
        ),
    ],
    "rotate": [
        Case(
            "three tokens of one pair",
            lambda rotate: rotate(PAIR, FROM_0),
            expected=turned(PAIR, FROM_0),
            wrong={
                "It turns the other way: (a cos θ − b sin θ, a sin θ + b cos θ).": (
                    turned(PAIR, -FROM_0)
                ),
                "A sign is wrong: (a cos θ − b sin θ, a sin θ + b cos θ).": one_of(
                    with_other_signs(1, 1), with_other_signs(-1, -1)
                ),
                "cos and sin have changed places: at position 0 nothing changes.": (
                    cos_for_sin()
                ),
                "Nothing was turned.": PAIR,
                "The first position is 0, and there nothing changes.": turned(
                    PAIR, FROM_0 + 1
                ),
                "The angles are in degrees: `cos` and `sin` take them as they are.": (
                    turn(PAIR, FROM_0[..., None] * math.pi / 180)
                ),
                "a and b have changed places in the result.": (
                    turned(PAIR, FROM_0).roll(1, -1)
                ),
                "The angle was added to the numbers: turn the pairs.": (
                    PAIR + FROM_0[:, None, :, None]
                ),
                "The first pair is number 0.": turn(PAIR, FROM_0[..., None] * 1e-4),
                ONE_HALF: lambda got: (
                    same(got[..., :1], turned(PAIR, FROM_0)[..., :1])
                    and same(got[..., 1:], PAIR[..., 1:])
                ),
                TO_THE_HEADS: lambda got: got.shape == (1, 3, 3, 2),
                SQUEEZED: lambda got: got.ndim < 4,
            },
        ),
        Case(
            "three tokens of two pairs",
            lambda rotate: rotate(FOUR, FAR_ON),
            expected=turned(FOUR, FAR_ON),
            wrong={
                "Neighbours were turned: a pair is one number of each half.": one_of(
                    to_neighbours(turned(to_halves(FOUR), FAR_ON))
                ),
                "The pairs are neighbours, and their results are halves: a pair is one "
                "number of each half.": turned(to_halves(FOUR), FAR_ON),
                "The halves were turned, but the results are put as neighbours: they "
                "stand where a and b stood.": to_neighbours(turned(FOUR, FAR_ON)),
                "Angles of neighbours turn the halves: both numbers of a pair, i and "
                "i + d/2, have one angle.": doubled_side_by_side(),
                "All pairs have the angle of the first: pair i has base^(−2i/d).": (
                    other_speeds([1.0, 1.0])
                ),
                "The exponent is −i/d: it is −2i/d.": other_speeds([1.0, 0.1]),
                "The exponent is twice as large: it is −2i/d, and i counts the pairs.": (
                    other_speeds([1.0, 1e-4])
                ),
                "The exponent's sign is wrong: later pairs turn more slowly.": (
                    other_speeds([1.0, 100.0])
                ),
                "The first pair is number 0.": other_speeds([0.01, 1e-4]),
                "The speeds are in reverse: the first pair turns fastest.": (
                    other_speeds([0.01, 1.0])
                ),
                "`base` is 10,000 where it is not given.": one_of(
                    *(turned(FOUR, FAR_ON, base) for base in (1e3, 1e5, 5e5, 1e6))
                ),
                "The positions given were not used: a text need not begin at 0.": (
                    turned(FOUR, FROM_0)
                ),
            },
        ),
        Case(
            "two texts, two heads, two tokens",
            lambda rotate: rotate(TEXTS, PLACES),
            expected=turned(TEXTS, PLACES),
            wrong={
                "Both texts have the positions of the first.": turned(
                    TEXTS, PLACES[[0, 0]]
                ),
                "The positions given were not used: a text need not begin at 0.": (
                    turned(TEXTS, torch.tensor([[0, 1], [0, 1]]))
                ),
                TO_THE_HEADS: (turned(TEXTS.transpose(1, 2), PLACES).transpose(1, 2)),
                "The positions of a text reached its heads, or those of another text: "
                "the angles need a dimension of 1 for the heads, after the batch.": (
                    one_of(
                        turned(TEXTS.transpose(0, 1), PLACES).transpose(0, 1),
                    )
                ),
            },
        ),
        Case(
            "one text of three heads and two tokens",
            lambda rotate: rotate(THREE_HEADS, PLACES[:1]),
            expected=turned(THREE_HEADS, PLACES[:1]),
            wrong={
                "Do the angles fit the vectors? They need a dimension of 1 for the heads.": (
                    RuntimeError
                ),
                SQUEEZED: lambda got: got.shape == (3, 2, 6),
            },
        ),
        Case(
            "another base",
            lambda rotate: [
                rotate(FOUR.clone(), FAR_ON.clone(), 100.0),
                rotate(FOUR.clone(), FAR_ON.clone(), base=2.5),
            ],
            expected=[turned(FOUR, FAR_ON, 100.0), turned(FOUR, FAR_ON, 2.5)],
            wrong={
                "`base` changes nothing.": lambda got: same(
                    got[0], turned(FOUR, FAR_ON)
                ),
            },
        ),
        Case(
            "positions in the thousands",
            lambda rotate: rotate(FOUR, torch.tensor([[3000, 9, 8191]])),
            expected=turned(FOUR, torch.tensor([[3000, 9, 8191]])),
            wrong={
                "A table holds only so many positions: compute the angles from those "
                "that are given.": IndexError,
            },
            tolerance=1e-2,
        ),
        Case(
            "the score of a query two places behind a key, moved by 0, 5 and 40",
            moved_scores,
            expected=[SCORE] * 3,
            wrong={
                "A score changes where both are moved alike: it depends on more than "
                "the distance.": lambda got: max(got) - min(got) > 1e-2,
            },
            tolerance=0.001,
        ),
        Case(
            "one token of one head",
            lambda rotate: rotate(FOUR[:, :, :1], torch.tensor([[7]])),
            expected=turned(FOUR[:, :, :1], torch.tensor([[7]])),
            wrong={SQUEEZED: lambda got: got.ndim < 4},
        ),
        Case(
            "what becomes of the tensors",
            lambda rotate: stays(rotate, TEXTS.clone(), PLACES.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "swiglu": [
        Case(
            "two vectors of two numbers, d_ff = 3",
            lambda swiglu: swiglu(STATES, GATE, UP, DOWN),
            expected=with_gate(silu),
            wrong={
                "The two maps have changed places: SiLU is of `w_gate`.": (
                    ((STATES @ GATE.T) * silu(STATES @ UP.T)) @ DOWN.T
                ),
                "The sigmoid alone is the gate: SiLU is z times it.": with_gate(
                    torch.sigmoid
                ),
                "It is ReLU: take SiLU.": with_gate(torch.relu),
                "It is GELU: take SiLU.": one_of(
                    with_gate(F.gelu),
                    with_gate(lambda z: F.gelu(z, approximate="tanh")),
                    with_gate(lambda z: z * torch.sigmoid(1.702 * z)),
                ),
                "It is tanh: take SiLU.": with_gate(torch.tanh),
                "The sign of the exponent is wrong: SiLU(z) = z / (1 + exp(−z)).": (
                    with_gate(lambda z: z * torch.sigmoid(-z))
                ),
                "SiLU is missing: without it nothing is a gate.": with_gate(
                    lambda z: z
                ),
                "SiLU is of the product: it is of the gate alone.": (
                    silu((STATES @ GATE.T) * (STATES @ UP.T)) @ DOWN.T
                ),
                "SiLU is of both maps: it is of the gate alone.": (
                    (silu(STATES @ GATE.T) * silu(STATES @ UP.T)) @ DOWN.T
                ),
                "The two maps are added: multiply them, number by number.": (
                    (silu(STATES @ GATE.T) + STATES @ UP.T) @ DOWN.T
                ),
                "`w_up` is missing: the gate decides how much of it passes.": (
                    silu(STATES @ GATE.T) @ DOWN.T
                ),
                "`w_gate` is missing.": silu(STATES @ UP.T) @ DOWN.T,
                "`w_down` is missing.": silu(STATES @ GATE.T) * (STATES @ UP.T),
                "The vectors were added to the result: return what the part adds, "
                "alone.": with_gate(silu) + STATES,
                "Do the matrices fit? They lie output before input: `F.linear`, or "
                "`@ w.T`.": RuntimeError,
            },
        ),
        Case(
            "d_ff = 2, so that each matrix fits either way round",
            lambda swiglu: swiglu(STATES, *SQUARE),
            expected=of_square(*[matrix.T for matrix in SQUARE]),
            wrong={
                "The matrices lie output before input: `F.linear`, or `@ w.T`.": one_of(
                    of_square(*SQUARE),
                    of_square(SQUARE[0].T, SQUARE[1].T, SQUARE[2]),
                    of_square(SQUARE[0], SQUARE[1], SQUARE[2].T),
                ),
            },
        ),
        Case(
            "a vector alone",
            lambda swiglu: swiglu(STATES[0], GATE, UP, DOWN),
            expected=with_gate(silu)[0],
            wrong={
                "There may be no dimension in front.": (IndexError),
            },
        ),
        Case(
            "three dimensions in front, two of them of size 1",
            lambda swiglu: swiglu(STATES[None, :, None], GATE, UP, DOWN),
            expected=with_gate(silu)[None, :, None],
            wrong={SQUEEZED: lambda got: got.ndim < 4},
        ),
        Case(
            "d_model = d_ff = 1",
            lambda swiglu: swiglu(
                *(torch.full((1, 1), n) for n in (2.0, 1.0, 3.0, 1.0))
            ),
            expected=6 * silu(torch.full((1, 1), 2.0)),
            wrong={SQUEEZED: lambda got: got.ndim < 2},
        ),
        Case(
            "gates of 1000 and −1000",
            lambda swiglu: swiglu(SURE, torch.eye(2), *SQUARE[1:]),
            expected=SURE.clamp(min=0) * (SURE @ SQUARE[1].T) @ SQUARE[2].T,
            wrong={"`exp` overflows to infinity, and ∞/∞ is NaN.": has_nan},
        ),
        Case(
            "what becomes of the tensors",
            lambda swiglu: stays(
                swiglu, *(part.clone() for part in (STATES, GATE, UP, DOWN))
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "grouped_query_attention": [
        Case(
            "one query that sees three keys, four heads and two groups",
            lambda attention: attention(*HEADS),
            expected=attend(HEADS),
            wrong={
                "The groups were taken in turn, 0, 1, 0, 1: heads that follow each "
                "other share one, 0, 0, 1, 1.": attend(HEADS, IN_TURN),
                "All heads look at the first group.": attend(HEADS, FIRST),
                "The groups stand in reverse: the first heads look at group 0.": attend(
                    HEADS, LAST
                ),
                "The scores are not divided: √d_k is 2 here.": attend(HEADS, by=1),
                "The scores are divided by d_k, not by its square root.": attend(
                    HEADS, by=4
                ),
                "The scores are divided by the root of the size of a value: d_k is the "
                "size of a query.": attend(HEADS, by=math.sqrt(3)),
                "The scores are divided by the root of the number of heads or groups: "
                "d_k is the size of a query.": attend(HEADS, by=math.sqrt(2)),
                "The softmax is along the queries: the weights of a query sum to 1 over "
                "the keys.": attend(HEADS, dim=-2),
                "The one query is taken for the first of the three: it is the last, and "
                "sees all.": attend(HEADS, hide=1),
                "A query does not see itself.": attend(HEADS, hide=2),
                "The one query sees itself alone: it sees what comes before it, too.": (
                    HEADS[2][:, [0, 0, 1, 1], 2:]
                ),
                "The heads of a group became one: each head has a result of its own.": (
                    lambda got: got.shape == (1, 2, 1, 3)
                ),
                "The groups have a dimension of their own: bring the heads together.": (
                    lambda got: got.shape == (1, 2, 2, 1, 3)
                ),
                "More than the mixed values comes back: return them alone.": (
                    lambda got: isinstance(got, tuple | list)
                ),
                "There are four heads of queries and two of keys: bring the keys and the "
                "values to as many.": RuntimeError,
                SQUEEZED: lambda got: got.shape == (4, 3),
            },
        ),
        Case(
            "three queries, as many keys",
            lambda attention: attention(*SQUARES),
            expected=attend(SQUARES),
            wrong={
                "Nothing is hidden: a query does not see what comes after it.": attend(
                    SQUARES, hide=9
                ),
                "A query sees what comes after it, and not what comes before.": (
                    turned_round()
                ),
                "A query does not see itself.": lambda got: (
                    has_nan(got[:, :, 0]) and not has_nan(got[:, :, 1:])
                ),
                "A query sees one key too many: itself is the last.": attend(
                    SQUARES, hide=2
                ),
                "What is hidden is set to 0 after the softmax, so the weights no longer "
                "sum to 1: hide the scores before it.": hidden_after(),
                "A hidden score became 0 and not −∞: exp(0) is 1, so it still has "
                "weight.": attend(SQUARES, fill=0.0),
                "The softmax is along the queries: the weights of a query sum to 1 over "
                "the keys.": attend(SQUARES, dim=-2),
            },
        ),
        Case(
            "two queries behind a cache, five keys",
            lambda attention: attention(*CACHED),
            expected=attend(CACHED),
            wrong={
                "The queries are taken for the first of the five: they are the last.": (
                    attend(CACHED, hide=1)
                ),
                "A query sees one key too many: itself is the last.": attend(
                    CACHED, hide=9
                ),
                "A query does not see itself.": attend(CACHED, hide=3),
                "There are more keys than queries here: the scores, and so the mask, are "
                "(queries, keys).": (RuntimeError),
            },
        ),
        Case(
            "two texts, six heads in three groups, d_k = 1",
            lambda attention: attention(*BATCH),
            expected=attend(BATCH),
            wrong={
                "The groups were taken in turn: heads that follow each other share "
                "one.": attend(BATCH, [0, 1, 2, 0, 1, 2]),
                "The scores are divided by 2, whatever d_k is.": attend(BATCH, by=2),
                "The scores are divided by 8, whatever d_k is.": attend(BATCH, by=8),
                "Each group has two heads here: heads / groups of them.": (
                    RuntimeError
                ),
                "Each text has keys and values of its own.": one_of(
                    attend([BATCH[0], *(part[[0, 0]] for part in BATCH[1:])])
                ),
            },
        ),
        Case(
            "three heads, one group",
            lambda attention: attention(*ONE_GROUP),
            expected=attend(ONE_GROUP),
            wrong={SQUEEZED: lambda got: got.ndim < 4},
        ),
        Case(
            "three heads, three groups",
            lambda attention: attention(*OWN),
            expected=attend(OWN),
            wrong={
                "As many groups as heads: each head has one of its own.": one_of(
                    attend(OWN, [0, 0, 0]), attend(OWN, [0, 0, 1])
                ),
            },
        ),
        Case(
            "one text, one head, one query, one key",
            lambda attention: attention(*ALONE),
            expected=ALONE[2],
            wrong={SQUEEZED: lambda got: got.ndim < 4},
        ),
        Case(
            "scores of 6000 and of −6000",
            lambda attention: attention(*FAR_APART),
            expected=FAR_APART[2][:, :, [0, 0, 1]],
            wrong={
                "exp(6000) is infinite, exp(−6000) is 0, and ∞/∞ or 0/0 is NaN: "
                "`softmax` sees to it.": has_nan,
                "A hidden score is not below all that are seen: take −∞ for it.": (
                    lambda got: (
                        same(got[:, :, 1:2], FAR_APART[2][:, :, 2:])
                        and same(got[:, :, [0, 2]], FAR_APART[2][:, :, [0, 1]])
                    )
                ),
            },
        ),
        Case(
            "a hidden key with a score of 6000, one of −6000 that is seen",
            lambda attention: attention(*HIDDEN_ABOVE),
            expected=HIDDEN_ABOVE[2],
            wrong={
                "A hidden score is not below all that are seen: take −∞ for it.": (
                    lambda got: same(got[:, :, 1:], HIDDEN_ABOVE[2][:, :, 1:])
                ),
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda attention: stays(attention, *(part.clone() for part in CACHED)),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
        written(OWN_ATTENTION, "grouped_query_attention"),
    ],
    "top_p": [
        Case(
            "five tokens, p = 0.72",
            lambda top_p: top_p(ROW.clone(), 0.72),
            expected=staying(ROW, [1, 3, 4]),
            wrong={
                "The token that crosses p is missing: what stays has at least p.": (
                    staying(ROW, [1, 3])
                ),
                "One token too many: the three likeliest have 0.75 already.": staying(
                    ROW, [0, 1, 3, 4]
                ),
                "It is the likeliest alone: it is the sum of those before that counts. "
                "Or 1 − p was taken for p.": staying(ROW, [1]),
                "Nothing is left: the tokens above p stay alone, but it is their sum "
                "that counts.": staying(ROW, []),
                "All tokens stay: `p` is not heeded, or it began with the least likely.": (
                    ROW
                ),
                "The unlikely tokens stay: begin with the likeliest.": one_of(
                    staying(ROW, [0, 2]), staying(ROW, [0, 2, 4]), staying(ROW, [2])
                ),
                "The tokens are not back in the order of their ids.": (
                    staying(ROW, [1, 3, 4]).sort(descending=True).values
                ),
                "What was chosen is not back in the order of the ids: the first three "
                "stay.": staying(ROW, [0, 1, 2]),
                "Logits became probabilities: those that stay are unchanged.": one_of(
                    staying(ROW, [1, 3, 4]).softmax(-1),
                    ROW.exp() * torch.tensor([0.0, 1, 0, 1, 1]),
                ),
                "The logits of those that stay are unchanged: nothing is divided.": (
                    staying(ROW, [1, 3, 4]).log_softmax(-1)
                ),
                "A logit of 0 takes no token away: put −∞.": (
                    ROW * torch.tensor([0.0, 1, 0, 1, 1])
                ),
                "It tells which tokens stay: return the logits, −∞ for the others.": (
                    lambda got: got.dtype == torch.bool
                ),
                "Those that stay are returned alone: −∞ stands for the others.": (
                    lambda got: got.shape in ((1, 3), (3,))
                ),
                "The dimension of the texts is gone.": lambda got: got.ndim == 1,
            },
        ),
        Case(
            "two rows",
            lambda top_p: top_p(ROWS.clone(), 0.72),
            expected=staying(ROWS, [1, 3, 4], [2]),
            wrong={
                "Each row has a set of its own: all have that of the first.": staying(
                    ROWS, [1, 3, 4], [1, 3, 4]
                ),
                "Each row has a set of its own: all keep as many as the first.": staying(
                    ROWS, [1, 3, 4], [2, 3, 4]
                ),
                "Each row has a set of its own: what stays in one stays in all.": (
                    staying(ROWS, [1, 2, 3, 4], [1, 2, 3, 4])
                ),
                "The tokens of all rows were put in one order: each row has its own.": (
                    one_of(staying(ROWS, [1, 3], [2]), staying(ROWS, [1], [2]))
                ),
            },
        ),
        Case(
            "p = 0.2, below the likeliest",
            lambda top_p: top_p(ROW.clone(), 0.2),
            expected=staying(ROW, [1]),
            wrong={
                "Nothing is left: the likeliest token always stays.": staying(ROW, []),
                "The tokens above p stay: it is the sum of those before that counts.": (
                    staying(ROW, [1, 3])
                ),
                "As many tokens as before: `p` decides how many.": staying(
                    ROW, [1, 3, 4]
                ),
            },
        ),
        Case(
            "p = 0.85",
            lambda top_p: top_p(ROW.clone(), 0.85),
            expected=staying(ROW, [0, 1, 3, 4]),
            wrong={
                "No more tokens than before: `p` decides how many.": staying(
                    ROW, [1, 3, 4]
                ),
            },
        ),
        Case(
            "p = 0",
            lambda top_p: top_p(ROWS.clone(), 0.0),
            expected=staying(ROWS, [1], [2]),
            wrong={
                "Nothing is left: the likeliest token stays for a p of 0, too.": staying(
                    ROWS, [], []
                ),
                "The first id stayed, not the likeliest token.": staying(
                    ROWS, [0], [0]
                ),
                "All tokens stay: with a p of 0 the likeliest alone does.": ROWS,
            },
        ),
        Case(
            "p = 1",
            lambda top_p: top_p(SPREAD.clone(), 1.0),
            expected=SPREAD,
            wrong={
                "A p of 1 keeps all, but the sum is rounded to 1 before the last: do "
                "not count on it.": lambda got: (
                    bool((got == -INF).any())
                    and torch.equal(got[got > -INF], SPREAD[got > -INF])
                ),
            },
        ),
        Case(
            "p = 1, for tokens whose sums pass 1",
            lambda top_p: top_p(ABOVE_1.clone(), 1.0),
            expected=ABOVE_1,
            wrong={
                "A p of 1 keeps all, but the sum is rounded to more than 1 before the "
                "last: do not count on it.": lambda got: (
                    bool((got == -INF).any())
                    and torch.equal(got[got > -INF], ABOVE_1[got > -INF])
                ),
            },
        ),
        Case(
            "thirty tokens that are equally likely, and thirty of four kinds, p = 0.48",
            lambda top_p: top_p(EQUAL.clone(), 0.48),
            expected=staying(EQUAL, [*range(15)], LIKELIEST[:-1]),
            wrong={
                "All of them stay: of equal ones only as many as are needed.": staying(
                    EQUAL, [*range(30)], LIKELIEST
                ),
                "The higher of equal ids stay: it is the lower ones, and `stable=True` "
                "leaves them in order.": staying(
                    EQUAL, [*range(15, 30)], LIKELIEST[1:]
                ),
                'Of equal tokens the lower ids stay: `stable=True`, or `kind="stable"`, '
                "leaves them in order.": (
                    lambda got: (got > -INF).sum(-1).tolist() == [15, 6]
                ),
            },
        ),
        Case(
            "two rows of one token",
            lambda top_p: top_p(torch.tensor([[-3.0], [2.0]]), 0.5),
            expected=torch.tensor([[-3.0], [2.0]]),
            wrong={SQUEEZED: lambda got: got.ndim < 2},
        ),
        Case(
            "logits of 1000",
            lambda top_p: top_p(HUGE.clone(), 0.9),
            expected=staying(HUGE, [0, 2]),
            wrong={
                "`exp` overflows: subtract the largest logit, or use `softmax`.": (
                    lambda got: has_nan(got) or int(got.isfinite().sum()) != 2
                ),
            },
        ),
        Case(
            "tokens that were ruled out before, p = 0.6",
            lambda top_p: top_p(RULED_OUT.clone(), 0.6),
            expected=staying(RULED_OUT, [2]),
            wrong={
                "A token of −∞ is −∞ in the result, not NaN.": has_nan,
                "A token of −∞ has no probability.": staying(RULED_OUT, [0, 2]),
            },
        ),
        Case(
            "the same, p = 1",
            lambda top_p: top_p(RULED_OUT.clone(), 1.0),
            expected=RULED_OUT,
            wrong={"A token of −∞ is −∞ in the result, not NaN.": has_nan},
        ),
        Case(
            "what becomes of the logits",
            lambda top_p: stays(lambda logits: top_p(logits, 0.72), ROWS.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "score_continuations": [
        Case(
            "three continuations of one id",
            scores_of(ENDS),
            expected=each(right, ENDS),
            wrong={
                LIKELY: each(of_logits, ENDS),
                "These are probabilities: take their logarithms.": each(
                    right, ENDS
                ).exp(),
                "The logits after an id tell what follows it: the first id of a "
                "continuation is told by the last of the prompt.": each(
                    by_its_own, ENDS
                ),
                "The prompt's first row of logits was taken: its last tells what "
                "follows.": log_p(PROMPT)[0, [2, 5, 0]],
                "The first id of a continuation counts, too: the prompt's last row of "
                "logits tells it.": torch.zeros(3),
                "The sign is wrong: a log-probability is never above 0.": (
                    -each(right, ENDS)
                ),
                "The prompt's ids were scored, too: only those of the continuation "
                "count.": each(with_prompt, ENDS),
                "A list is returned: a tensor of shape (continuations,) is due.": (
                    lambda got: isinstance(got, list | tuple)
                ),
                "From a continuation of one id nothing is left to read: the model reads "
                "one id or more.": EOFError,
                "There is one number for each continuation.": (
                    lambda got: got.shape != (3,)
                ),
            },
        ),
        Case(
            "one continuation of three ids",
            scores_of(CONTINUATIONS[:1]),
            expected=each(right, CONTINUATIONS[:1]),
            wrong={
                "The logits after an id tell what follows it: move them by one.": each(
                    by_its_own, CONTINUATIONS[:1]
                ),
                "The first id counts, too: the prompt's last row of logits tells it.": (
                    each(without_first, CONTINUATIONS[:1])
                ),
                "The last id counts, too.": each(without_last, CONTINUATIONS[:1]),
                "It is the mean: take the sum.": each(right, CONTINUATIONS[:1]) / 3,
                LIKELY: each(of_logits, CONTINUATIONS[:1]),
                "The probabilities were summed: sum their logarithms.": each(
                    of_chances, CONTINUATIONS[:1]
                ),
                FROM_THE_START: one_of(
                    each(forgetting, CONTINUATIONS[:1]), each(alone, CONTINUATIONS[:1])
                ),
                "The prompt's ids were scored, too: only those of the continuation "
                "count.": each(with_prompt, CONTINUATIONS[:1]),
                "It is the probability: its logarithm is due.": each(
                    right, CONTINUATIONS[:1]
                ).exp(),
                "A dimension of 1 is gone: the shape is (continuations,).": (
                    lambda got: got.ndim == 0
                ),
            },
        ),
        Case(
            "three continuations",
            scores_of(CONTINUATIONS),
            expected=each(right, CONTINUATIONS),
            wrong={
                "A continuation goes on from what the one before it left: each goes on "
                "from the `past` of the prompt.": one_of(
                    chained(lambda text: text),
                    chained(lambda text: text[:-1]),
                    joined(),
                ),
                "It is the mean: take the sum.": each(
                    lambda text: right(text) / len(text), CONTINUATIONS
                ),
                "The continuations have not all as many ids.": (ValueError),
            },
        ),
        Case(
            "continuations of one id and of two",
            scores_of(MIXED),
            expected=each(right, MIXED),
            wrong={
                "From a continuation of one id nothing is left to read: the model reads "
                "one id or more.": EOFError,
            },
        ),
        Case(
            "a prompt of one id",
            scores_of(CONTINUATIONS, [7]),
            expected=each(lambda text: right(text, [7]), CONTINUATIONS),
            wrong={
                "The prompt may be one id: the model reads one id or more.": EOFError,
            },
        ),
        Case(
            "logits that are 300 below 0",
            scores_of(CONTINUATIONS, more=-300.0),
            expected=each(right, CONTINUATIONS),
            wrong={
                "exp(−300) is 0, and 0/0 is NaN: `log_softmax` sees to it.": (
                    lambda got: not bool(got.isfinite().all())
                ),
            },
            tolerance=0.001,
        ),
        Case(
            "logits that are 300 above 0",
            scores_of(CONTINUATIONS, more=300.0),
            expected=each(right, CONTINUATIONS),
            wrong={
                "exp(300) is infinite, and ∞/∞ is NaN: `log_softmax` sees to it.": (
                    lambda got: not bool(got.isfinite().all())
                ),
            },
            tolerance=0.001,
        ),
        Case(
            "how many ids were read beyond those there are",
            too_many,
            expected=0,
            wrong={
                "The prompt is read again for each continuation: read it once, and go on "
                "from its `past`.": lambda got: (
                    got
                    in (
                        *(AGAIN, AGAIN - 3),
                        *(AGAIN + len(PROMPT), AGAIN + len(PROMPT) - 3),
                    )
                ),
                "More ids were read than there are: read each once.": (
                    lambda got: got > 0
                ),
            },
        ),
        Case(
            "what becomes of the lists",
            lambda score: stays(
                lambda prompt, texts: score(model([]), prompt, texts),
                [*PROMPT],
                [[*text] for text in CONTINUATIONS],
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "answer_labels": [
        Case(
            "a chat of one question and one answer",
            labelled(CHAT),
            expected=table(LABELS),
            wrong={
                STOPS: row_is(changed(LABELS, {12: X})),
                HEADER_TOO: row_is(
                    changed(LABELS, {7: 1, 8: 5, 9: 9}),
                    changed(LABELS, {8: 5, 9: 9}),
                    changed(LABELS, {9: 9}),
                ),
                "What comes after the end of the turn is due as well.": row_is(
                    changed(LABELS, {13: 9})
                ),
                "The question is due as well: only turns of the assistant are.": row_is(
                    changed(LABELS, {1: 6, 2: 9, 3: 20, 4: 21, 5: 2}),
                    changed(LABELS, {1: 6, 2: 9, 3: 20, 4: 21, 5: 2, 8: 5, 9: 9}),
                    changed(LABELS, {3: 20, 4: 21, 5: 2}),
                    changed(LABELS, {2: 9, 3: 20, 4: 21, 5: 2, 9: 9}),
                    changed(LABELS, {0: 1, 1: 6, 2: 9, 3: 20, 4: 21, 5: 2, 6: 9}),
                ),
                "The question is due, and the answer is not.": row_is(
                    [token if place < 7 else X for place, token in enumerate(CHAT)],
                    [*[X] * 3, 20, 21, 2, *[X] * 8],
                ),
                "The end of the question is due as well: only that of an answer is.": (
                    row_is(changed(LABELS, {5: 2}))
                ),
                "Nothing was taken out: −100 stands where no loss is due.": row_is(
                    CHAT
                ),
                "Everything is −100: the answer is due.": row_is([X] * 14),
                "0 stands for what is not due: it is −100.": row_is(
                    [max(0, token) for token in LABELS]
                ),
                "The labels were moved: the model moves them itself.": row_is(
                    [*LABELS[1:], X], [X, *LABELS[:-1]]
                ),
                "The first id of the answer is missing.": row_is(
                    changed(LABELS, {10: X})
                ),
                "It tells which ids are due: the ids themselves are the labels.": (
                    lambda got: got.dtype == torch.bool
                ),
                SQUEEZED: lambda got: got.shape == (14,),
            },
        ),
        Case(
            "two answers, and a shorter chat that is padded on the right",
            labelled(TWO_TURNS, [*SHORT, *[2] * 13]),
            expected=table(TWO_LABELS, [*SHORT_LABELS, *[X] * 13]),
            wrong={
                "Only the first answer is due: a chat may have several.": row_is(
                    [*LABELS, *[X] * 12]
                ),
                "Only the last answer is due: a chat may have several.": row_is(
                    [*[X] * 14, *TWO_LABELS[14:]]
                ),
                "All from the first answer on is due: it stops at the end of its turn.": (
                    row_is([*[X] * 10, *TWO_TURNS[10:]], [*[X] * 10, *TWO_TURNS[10:-1]])
                ),
                "The padding is due as well: an answer goes up to its first end.": (
                    lambda got: (
                        got[0].tolist() == TWO_LABELS
                        and got[1, :12].tolist() == SHORT_LABELS[:12]
                        and bool((got[1, 12:] == 2).any())
                    )
                ),
                "The end of the answer is missing, for the padding is the same id: it "
                "is by its place that an end is due.": (
                    row_is([X if token == 2 else token for token in TWO_LABELS])
                ),
                "Both chats have the labels of the first.": (
                    lambda got: torch.equal(got[0] > 0, got[1] > 0)
                ),
            },
        ),
        Case(
            "three answers",
            labelled([*CHAT, *CHAT, *CHAT]),
            expected=table([*LABELS, *LABELS, *LABELS]),
            wrong={
                "A chat may have any number of answers.": lambda got: (
                    got[0, :28].tolist() == [*LABELS, *LABELS]
                ),
            },
        ),
        Case(
            "a chat that is padded on the left, beside a longer one",
            labelled([*[2] * 12, *CHAT], TWO_TURNS),
            expected=table([*[X] * 12, *LABELS], TWO_LABELS),
            wrong={
                "The padding is due as well.": (
                    lambda got: (
                        bool((got[0, :12] == 2).any())
                        and got[0, 12:].tolist() == LABELS
                    )
                ),
                "Padding on the left is no end: the answer comes after it.": row_is(
                    [X] * 26
                ),
            },
        ),
        Case(
            "a question alone",
            labelled(ASKS),
            expected=table([X] * 7),
            wrong={
                NOTHING_DUE: lambda got: bool((got != X).any()),
                "A chat may have no answer: there is no header to find.": IndexError,
                "A chat may have no answer: there is no header to find here.": (
                    ValueError
                ),
            },
        ),
        Case(
            "the assistant's words in a question",
            labelled(WITHIN),
            expected=table(WITHIN_LABELS),
            wrong={
                "The header was not looked for whole: ids of it stand in the question.": (
                    lambda got: bool((got[0, :11] != X).any())
                ),
                "Ids of the header may stand in an answer, too: there they are due.": (
                    lambda got: (
                        bool((got[0, :11] == X).all())
                        and got[0, 11:].tolist() != WITHIN_LABELS[11:]
                    )
                ),
            },
        ),
        Case(
            "an answer that is empty",
            labelled([*ASKS, *HEADER, 2, 9]),
            expected=table([*[X] * 10, 2, X]),
            wrong={
                "An empty answer has an end: that is due.": table([X] * 12),
                "An empty answer ends at once.": table([*[X] * 10, 2, 9]),
            },
        ),
        Case(
            "a chat whose last id is the end of its answer",
            labelled(CHAT[:-1]),
            expected=table(LABELS[:-1]),
            wrong={
                "The end of the answer is due at the end of the row, too.": row_is(
                    [*LABELS[:-2], X]
                ),
            },
        ),
        Case(
            "the same, padded: its end, and three more of that id",
            labelled([*CHAT[:-1], 2, 2, 2], TWO_TURNS[:16]),
            expected=table([*LABELS[:-1], X, X, X], TWO_LABELS[:16]),
            wrong={
                "The padding is due as well: an answer goes up to its first end.": (
                    lambda got: bool((got[0, 13:] == 2).any())
                ),
                "The end of the answer was taken for padding: the first end is due.": (
                    row_is([*LABELS[:-2], *[X] * 4])
                ),
            },
        ),
        Case(
            "an answer that is cut",
            labelled([*ASKS, *HEADER, 30, 31]),
            expected=table([*[X] * 10, 30, 31]),
            wrong={
                ENDS_THE_ROW: table([X] * 12),
                "There is no end to find: a turn without one goes up to the end of the "
                "row.": ValueError,
                "There is no end to find: without one a turn goes up to the end of the "
                "row.": IndexError,
                "The last id of a turn without an end is due, too.": table(
                    [*[X] * 10, 30, X]
                ),
            },
        ),
        Case(
            "a header at the end of the row",
            labelled([*ASKS, *HEADER]),
            expected=table([X] * 10),
            wrong={
                "After the header nothing may follow: the row may be cut there.": (
                    IndexError
                ),
                "After the header there may be no end: the row may be cut there.": (
                    ValueError
                ),
                HEADER_TOO: lambda got: got[0, -1] == 9,
            },
        ),
        Case(
            "a header that is cut, at the end",
            labelled([*CHAT, *HEADER[:2]]),
            expected=table([*LABELS, X, X]),
            wrong={
                CUT: lambda got: got[0, :14].tolist() == LABELS,
                "A header that is cut is none, and no error.": IndexError,
            },
        ),
        Case(
            "a header that is cut, at the beginning",
            labelled([5, 9, 30, 2, 9, *CHAT]),
            expected=table([*[X] * 5, *LABELS]),
            wrong={
                CUT: lambda got: got[0, 5:].tolist() == LABELS,
            },
        ),
        Case(
            "headers of four ids and of two",
            lambda label: [
                labelled([1, 4, 6, 9, 7, 2, 1, 4, 5, 9, 8, 2], header=[1, 4, 5, 9])(
                    label
                ),
                labelled([1, 6, 7, 2, 1, 5, 8, 2], header=[1, 5])(label),
            ],
            expected=[table([*[X] * 10, 8, 2]), table([*[X] * 6, 8, 2])],
            wrong={
                "A header has as many ids as `header`, two or more: not always three.": (
                    lambda got: (
                        got[0].tolist() in ([[X] * 12], [[*[X] * 9, 9, 8, 2]])
                        or got[1].tolist() == [[X] * 8]
                    )
                ),
                "Headers may begin alike: compare all their ids.": (
                    lambda got: bool((got[0][0, :6] != X).any())
                ),
            },
        ),
        Case(
            "whether the labels are of the dtype of `input_ids`",
            lambda label: [
                str(labelled(CHAT, TWO_TURNS[:14])(label).dtype),
                str(labelled(ASKS)(label).dtype),
            ],
            expected=["torch.int64"] * 2,
            wrong={
                "The labels are of another dtype than `input_ids`.": (
                    lambda got: got != ["torch.int64"] * 2
                ),
            },
        ),
        Case(
            "what becomes of the ids and the header",
            lambda label: stays(
                lambda ids, header: label(ids, header, 2), table(CHAT), [*HEADER]
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "pack": [
        Case(
            "the ids of four rows, in windows of five",
            ids_of(FILL, 5),
            expected=table([11, 12, 13, 31, 32], [21, 22, 23, 24, 41]),
            wrong={
                ONE_ROW_EACH: lambda got: got.shape == (4, 5),
                NEWEST: table(
                    [11, 12, 13, 0, 0], [21, 22, 23, 24, 0], [31, 32, 41, 0, 0]
                ),
                SORTED: one_of(
                    table([21, 22, 23, 24, 41], [11, 12, 13, 31, 32]),
                    table([41, 31, 32, 0, 0], [11, 12, 13, 0, 0], [21, 22, 23, 24, 0]),
                    table([41, 31, 32, 0, 0], [21, 22, 23, 24, 0], [11, 12, 13, 0, 0]),
                    table([41, 31, 32, 11, 12], [13, 21, 22, 23, 24]),
                ),
                "A row is cut in two: it goes into a window that has room for all of "
                "it.": table([11, 12, 13, 21, 22], [23, 24, 31, 32, 41]),
                "A row that fits exactly fits.": table(
                    [11, 12, 13, 41, 0], [21, 22, 23, 24, 0], [31, 32, 0, 0, 0]
                ),
                "New rows stand in front of those that are there: they go behind.": table(
                    [31, 32, 11, 12, 13], [41, 21, 22, 23, 24]
                ),
                "The windows are lists: a tensor of shape (windows, length) is due.": (
                    lambda got: isinstance(got, list)
                ),
                IDS_FLOAT: lambda got: got.is_floating_point(),
            },
        ),
        Case(
            "a row of two ids that fits into two windows",
            ids_of([[1, 2, 3], [4, 5, 6, 7], [8, 9]], 6),
            expected=table([1, 2, 3, 8, 9, 0], [4, 5, 6, 7, 0, 0]),
            wrong={
                FIRST_OF_TWO + "last, or that with the least room.": table(
                    [1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 9]
                ),
                "The padding is on the left: it is on the right.": table(
                    [0, 1, 2, 3, 8, 9], [0, 0, 4, 5, 6, 7]
                ),
            },
        ),
        Case(
            "another row that fits into two",
            ids_of([[1, 2, 3, 4], [5, 6, 7], [8]], 6),
            expected=table([1, 2, 3, 4, 8, 0], [5, 6, 7, 0, 0, 0]),
            wrong={
                FIRST_OF_TWO + "last, or that with the most room.": table(
                    [1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 0, 0]
                ),
            },
        ),
        Case(
            "a row of two ids for which the third window alone has room",
            ids_of([[1, 2, 3], [4, 5, 6], [7, 8], [9, 10]], 4),
            expected=table([1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 10]),
            wrong={
                "Not every window was looked at, up to the newest.": (
                    lambda got: got.shape == (4, 4)
                ),
            },
        ),
        Case(
            "rows that fill a window exactly",
            ids_of([[1, 2], [3, 4], [5, 6, 7, 8]], 4),
            expected=table([1, 2, 3, 4], [5, 6, 7, 8]),
            wrong={
                "A row that fits exactly fits.": table(
                    [1, 2, 0, 0], [3, 4, 0, 0], [5, 6, 7, 8]
                ),
            },
        ),
        Case(
            "five rows of one id",
            ids_of([[1], [2], [3], [4], [5]], 5),
            expected=table([1, 2, 3, 4, 5]),
        ),
        Case(
            "a padding of 7",
            ids_of([[1, 2], [7]], 4, 7),
            expected=table([1, 2, 7, 7]),
            wrong={"`pad_id` is not always 0.": table([1, 2, 7, 0])},
        ),
        Case(
            "the positions of rows of three and of two",
            places_of([[1, 2, 3], [4, 5]], 6),
            expected=table([0, 1, 2, 0, 1, 0]),
            wrong={
                "The positions go on from row to row: each row begins at 0.": one_of(
                    table([0, 1, 2, 3, 4, 5]), table([0, 1, 2, 3, 4, 0])
                ),
                "The padding counts on: its position is 0.": one_of(
                    table([0, 1, 2, 0, 1, 2])
                ),
                "The position of padding is 0.": lambda got: (
                    got[:, :5].tolist() == [[0, 1, 2, 0, 1]] and int(got[0, 5]) != 0
                ),
                "The positions begin at 1: they begin at 0.": one_of(
                    table([1, 2, 3, 1, 2, 0]), table([1, 2, 3, 1, 2, 1])
                ),
                "Only the first row has positions.": table([0, 1, 2, 0, 0, 0]),
                IDS_FLOAT: lambda got: got.is_floating_point(),
                NOT_ALL: IndexError,
            },
        ),
        Case(
            "the mask of rows of three and of two, and one padding",
            mask_of([[1, 2, 3], [4, 5]], 6),
            expected=triangles(3, 2, length=6),
            wrong={
                "A row sees the rows before it: only its own.": one_of(
                    CAUSAL & NO_PAD & NO_PAD[:, None], CAUSAL, CAUSAL & NO_PAD
                ),
                "A token sees what comes after it in its row: only what comes before.": (
                    one_of(
                        triangles(3, 2, length=6, block=True),
                        triangles(3, 2, 1, length=6, block=True),
                    )
                ),
                "A token sees what comes after it, and not what comes before.": (
                    triangles(3, 2, length=6).mT
                ),
                "Padding sees itself: it sees nothing.": (
                    triangles(3, 2, length=6) | PAD_ITSELF
                ),
                "Padding is seen, or sees something: neither.": lambda got: (
                    bool(got[0, 5].any() or got[0, :, 5].any())
                    and same(got[:, :5, :5], triangles(3, 2, length=5))
                ),
                "A token does not see itself.": triangles(3, 2, length=6)
                & ~torch.eye(6).bool(),
                "It is the other way round: True is where a query may look.": (
                    ~triangles(3, 2, length=6)
                ),
                "It holds numbers: a mask is of type `bool`.": (
                    lambda got: got.dtype != torch.bool
                ),
                "The mask is (windows, length, length).": (
                    lambda got: got.shape in ((6, 6), (1, 1, 6, 6), (1, 6))
                ),
                NOT_ALL: IndexError,
            },
            picture=lambda got, expected: two_tables(got[0].long(), expected[0].long()),
        ),
        Case(
            "the masks of two windows of which one is full",
            mask_of([[1, 2, 3], [4, 5, 6, 7]], 4),
            expected=torch.cat([triangles(3, length=4), triangles(4, length=4)]),
            wrong={
                "Each window has a mask of its own.": lambda got: torch.equal(
                    got[0], got[1]
                ),
            },
        ),
        Case(
            "the mask of rows that begin with the same id",
            mask_of([[1, 2], [1, 2], [3, 3]], 6),
            expected=triangles(2, 2, 2, length=6),
            wrong={
                "Rows were told by their ids: they may be alike.": (
                    lambda got: got.shape == (1, 6, 6)
                ),
            },
        ),
        Case(
            "the mask where the padding is an id of the rows",
            mask_of([[0, 1, 0], [0]], 5),
            expected=triangles(3, 1, length=5),
            wrong={
                "An id of a row was taken for padding: it is by its place that a token "
                "is padding.": lambda got: got.shape == (1, 5, 5),
            },
        ),
        Case(
            "the positions there",
            places_of([[0, 1, 0], [0, 0]], 6),
            expected=table([0, 1, 2, 0, 1, 0]),
            wrong={
                "An id of a row was taken for padding: it is by its place that a token "
                "is padding.": lambda got: got.shape == (1, 6),
            },
        ),
        Case(
            "one row of one id, in windows of one",
            lambda pack: [*pack([[5]], 1, 0)],
            expected=[table([5]), table([0]), torch.ones(1, 1, 1).bool()],
            wrong={SQUEEZED: lambda got: (got[0].ndim, got[2].ndim) != (2, 3)},
        ),
        Case(
            "whether ids and positions are of type `long`",
            lambda pack: [str(part.dtype) for part in pack(FILL, 5, 0)[:2]],
            expected=["torch.int64"] * 2,
            wrong={IDS_FLOAT: lambda got: got != ["torch.int64"] * 2},
        ),
        Case(
            "what becomes of the rows",
            lambda pack: stays(lambda rows: pack(rows, 5, 0), copy.deepcopy(FILL)),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
}

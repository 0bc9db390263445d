"""What a learner may run on the efficiency set: few points, and each teaches."""

import copy
import math
from collections.abc import Callable
from contextlib import suppress
from itertools import combinations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from labkit.exercises import Case, two_tables

SQUEEZED = "A dimension of 1 is gone."
WRITTEN_OVER = "What was given is another afterwards: change a copy of it."
Wrong = Callable[[object], bool]


def same(got: object, wrong: Tensor) -> bool:
    """Whether a result is what a mistake gives."""
    if not isinstance(got, Tensor) or got.shape != wrong.shape:
        return False
    return torch.allclose(got.double(), wrong.double(), rtol=1e-4, atol=1e-4)


def one_of(*wrong: Tensor) -> Wrong:
    """A mistake that people make in more than one way."""
    return lambda got: any(same(got, other) for other in wrong)


def alike(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def stays(run: Callable[..., object], *given: object) -> bool:
    """Whether tensors and lists hold the same afterwards."""
    before = copy.deepcopy(given)
    run(*given)
    return all(map(alike, before, given))


def dtypes(*tensors: Tensor) -> list[str]:
    return [str(tensor.dtype).removeprefix("torch.") for tensor in tensors]


def has_nan(got: Tensor) -> bool:
    return bool(got.isnan().any())


# ----- lora_linear

X = torch.tensor([[1.0, -2.0, 3.0], [0.5, 1.0, -1.0]])
W = torch.tensor([[2.0, 1.0, -1.0], [0.5, -1.0, 4.0]])
BIAS = torch.tensor([10.0, -20.0])
A = torch.tensor([[1.0, 2.0, -1.0], [0.5, 1.0, 1.0]])
B = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
ALPHA = 6.0
FOUR = torch.tensor([[1.0, 2, 0.5], [0.5, -1, 1], [2, 0, 1], [1, 1, -1]])
FOUR_UP = torch.tensor([[1.0, -2, 0.5, 2], [3, 0.5, -1, 1]])
UPDATE = (X @ A.T) @ B.T
BASE = X @ W.T + BIAS
SQUARE = [torch.tensor([[1.0, 2.0], [-1.0, n]]) for n in (1.0, 0.5, 3.0)]
FLAT = torch.tensor([[1.0, -2.0], [3.0, 1.0]])
FROZEN_TOO = (
    "W and b are frozen: their gradient is to be `None`, also where they require one."
)


def whole(x: Tensor, a: Tensor = A, b: Tensor = B, alpha: float = ALPHA) -> Tensor:
    return x @ (W + alpha / a.shape[0] * b @ a).T + BIAS


def gradients(lora: Callable[..., Tensor], *learning: int) -> list[str]:
    """Of x, W, b, A and B: which have got a gradient."""
    given = [each.clone() for each in (X, W, BIAS, A, B)]
    for place in learning:
        given[place].requires_grad_()
    lora(*given, ALPHA).square().sum().backward()
    names = ["x", "weight", "bias", "down", "up"]
    return [n for n, each in zip(names, given, strict=True) if each.grad is not None]


TO_FLOAT32 = "`weight` may be float16 where `x` is float32: bring it to float32 first."
FIVE = range(5)
LARGE = torch.tensor([[60000.0, 50000.0, 40000.0]])
SMALL_X = X / 4096
FINE = torch.tensor([[1.0003, -2.0003, 3.0009]])

# ----- merge

ONE_ADAPTER = [(A, B, 6.0)]
SECOND = (torch.tensor([[1.0, 0.0, -2.0]]), torch.tensor([[0.5], [-1.0]]), -3.0)
TWO = [(A, B, 6.0), SECOND]
MERGED = W + 3.0 * (B @ A)
BOTH = MERGED - 3.0 * (SECOND[1] @ SECOND[0])
QUADRATIC = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
OF_TWO = [(torch.tensor([[1.0, -1.0]]), torch.tensor([[2.0], [5.0]]), 1.0)]
OUTER = torch.tensor([[2.0, -2.0], [5.0, -5.0]])
STEP = 2.0**-10
FINE_ONES = [(torch.ones(1, 2), torch.full((2, 1), 0.3 * STEP), 1.0)] * 2
BARELY = [(torch.ones(1, 2), torch.full((2, 1), 0.50015 * STEP), 1.0)]
HALVES = torch.ones(2, 2).half()
ONE_BY_ONE = (
    "Each change is less than half a step of float16, and was rounded away by itself: add "
    "all in float32, and round once."
)
THE_OTHER_WAY = "With `input_first` the matrix is (d_in, d_out): turn the update round."

# ----- quantise

ROWS = torch.tensor([[1.0, -12.7, 3.24], [0.5, 0.255, -0.3]])
CODES = torch.tensor([[10, -127, 32], [127, 65, -76]], dtype=torch.int8)
SCALES = torch.tensor([0.1, 0.5 / 127])


def pair_is(codes: list, scales: Tensor | None = None) -> Wrong:
    """Whether the codes are these, and the scales, if they are told."""
    return lambda got: (
        got[0].tolist() == codes and (scales is None or same(got[1], scales))
    )


def coded(scale: Tensor, how: Callable[[Tensor], Tensor] = torch.round) -> list:
    return how(ROWS / scale).tolist()


PER_ROW = SCALES[:, None]
MINUS_WINS = torch.tensor([[0.0, -8.0, 2.0, 7.7]])
TINY = torch.tensor([[1.0e-6, -0.51e-6, 0.32e-6], [50.0, 60_000.0, 1.0]])
SMALLEST = torch.tensor([[120.0, -33.0, 7.0]]).half() * 2.0**-24
NOT_HALF = "Compute in float32: in float16 a small scale is rounded, or 0."
TOP = "q is 2^(bits − 1) − 1: 127 for eight bits, 7 for four."

# ----- quantise_groups

GROUPED = torch.tensor(
    [[1.0, 2.5, 0.0, 8.0, 1.4, 9.5], [-4.0, -1.0, -2.4, 7.0, -3.1, 5.5]]
)
RAGGED = torch.tensor([[3.0, 4.25, 6.1, 7.5, 9.0], [-1.0, -4.2, -7.0, -6.1, -5.8]])


def grouped(w: Tensor, group: int, top: int = 15, dim: int = 1) -> list[Tensor]:
    """Codes, scales and least values, each as it should be."""
    parts = w.double().split(group, dim)
    low = torch.cat([part.amin(dim, True) for part in parts], dim)
    high = torch.cat([part.amax(dim, True) for part in parts], dim)
    scale = (high - low) / top
    spread = [
        x.repeat_interleave(group, dim).narrow(dim, 0, w.size(dim))
        for x in (low, scale)
    ]
    codes = ((w - spread[0]) / torch.where(spread[1] > 0, spread[1], 1)).round()
    return [codes.to(torch.uint8), scale.float(), low.float()]


def padded(w: Tensor, group: int) -> list[Tensor]:
    """The last group filled up with zeros, which count."""
    filled = F.pad(w, (0, -w.size(1) % group))
    codes, *rest = grouped(filled, group)
    return [codes[:, : w.size(1)], *rest]


def across(w: Tensor, group: int) -> list[Tensor]:
    """Groups that go over from a row to the next."""
    codes, scale, low = grouped(w.reshape(1, -1), group)
    return [codes.view(w.shape), scale.view(len(w), -1), low.view(len(w), -1)]


def item(place: int, *wrong: Tensor) -> Wrong:
    """Whether one of three results is what a mistake gives."""
    return lambda got: any(same(got[place], other) for other in wrong)


def floored(w: Tensor, group: int) -> list:
    """The codes with their fractions cut off."""
    _, scale, low = (x.repeat_interleave(group, 1) for x in grouped(w, group))
    return ((w - low) / scale).floor().tolist()


def tripled(w: Tensor, group: int, *bits: int) -> Callable[..., object]:
    return lambda quantise: [*quantise(w.clone(), group, *bits)]


FLAT_GROUPS = torch.tensor([[2.5, 2.5, 1.0, 3.0], [-3.0, -3.0, 0.0, 0.0]])
LOW_UNIT = torch.tensor([[1e-6, 2.6e-6, 3.2e-6, 4e-6]])
BY_TWO = grouped(GROUPED, 3)
NO_LEAST = (GROUPED / BY_TWO[1].repeat_interleave(3, 1)).round()
CONSTANT = "0/0 is NaN: a group of equal numbers has the scale 0 and the codes 0."
OF_ONE = "A group of equal numbers, or of one, has the scale 0."
ABSMAX = torch.cat([part.abs().amax(1, True) for part in GROUPED.split(3, 1)], 1)
FLOAT32 = "The codes are of type `torch.uint8`, the others float32."
PER_MATRIX = (
    "All rows have one scale and one least value: each group of each row has its own."
)

# ----- train_step

generator = torch.Generator().manual_seed(3)
INPUTS = torch.randn(6, 3, generator=generator)
START = torch.randn(2, 3, generator=generator)
LABELS = torch.tensor([0, 1, 1, 1, -100, 0])
PARTS = [(INPUTS[:4], LABELS[:4]), (INPUTS[4:], LABELS[4:])]
NONE_THERE = [(INPUTS[:2], torch.tensor([-100, -100])), (INPUTS[2:], LABELS[2:])]
FAIR = [1 / 5] * 4 + [0, 1 / 5]
HUGE = 1e6


def linear(before: bool = False) -> nn.Sequential:
    layer = nn.Linear(3, 2)
    layer.load_state_dict({"weight": START, "bias": torch.tensor([0.5, -0.5])})
    if before:
        layer(INPUTS).square().sum().backward()
    return nn.Sequential(layer)


def weighed(
    shares: list[float], labels: Tensor = LABELS, before: bool = False
) -> tuple[float, list[Tensor]]:
    """A loss and its gradients, by the weight of each example."""
    model = linear(before)
    each = F.cross_entropy(model(INPUTS), labels, reduction="none")
    summed_up = (each * torch.tensor(shares)).sum()
    summed_up.backward()
    return float(summed_up.detach()), [p.grad.clone() for p in model.parameters()]


def length(slopes: list[Tensor]) -> float:
    return float(torch.cat([each.flatten() for each in slopes]).norm())


def after(slopes: list[Tensor], rate: float) -> list[Tensor]:
    pairs = zip(linear().parameters(), slopes, strict=True)
    return [p.detach() - rate * slope for p, slope in pairs]


def one_step(
    parts: list, rate: float = 0.5, most: float = HUGE, before: bool = False
) -> Callable[..., list]:
    def run(step: Callable) -> list:
        model = linear(before)
        loss, norm = step(model, copy.deepcopy(parts), rate, most)
        return [loss, norm, *(p.detach() for p in model.parameters())]

    return run


def moved(
    shares: list[float],
    labels: Tensor = LABELS,
    rate: float = 0.5,
    before: bool = False,
    loss: list[float] | None = None,
) -> list:
    """As `one_step`: the step that these weights of the examples give."""
    total, slopes = weighed(shares, labels, before)
    if loss is not None:
        total = weighed(loss, labels)[0]
    return [total, length(slopes), *after(slopes, rate)]


TRUE_LOSS, SLOPES = weighed(FAIR)
NORM = length(SLOPES)
MOST = 0.25 * NORM
CLIPPED = [TRUE_LOSS, NORM, *after(SLOPES, 0.5 * 0.25)]
OF_EACH = [each * min(1.0, MOST / float(each.norm())) for each in SLOPES]
OF_PART_1 = weighed([1 / 5] * 4 + [0, 0])[1]
OF_PART_2 = weighed([0] * 5 + [1 / 5])[1]


def shorter(slopes: list[Tensor]) -> list[Tensor]:
    return [each * min(1.0, MOST / length(slopes)) for each in slopes]


PART_BY_PART = [
    a + b for a, b in zip(shorter(OF_PART_1), shorter(OF_PART_2), strict=True)
]
RUNNING = shorter([a + b for a, b in zip(shorter(OF_PART_1), OF_PART_2, strict=True)])
LARGER = "A gradient that is small enough stays as it is: it was made larger."
BY_VALUE = [each.clamp(-MOST, MOST) for each in SLOPES]


def moves(*slopes: list[Tensor], rate: float = 0.5) -> Wrong:
    """Whether the parameters have moved by one of these gradients."""
    return lambda got: any(
        all(map(same, got[2:], after(each, rate))) for each in slopes
    )


def step_by_step() -> list[Tensor]:
    """The parameters after a step for each part, of its share of the whole loss."""
    model = linear()
    for inputs, labels in PARTS:
        share = F.cross_entropy(model(inputs), labels, reduction="sum") / 5
        weights = [*model.parameters()]
        for each, slope in zip(
            weights, torch.autograd.grad(share, weights), strict=True
        ):
            each.data.add_(slope, alpha=-0.5)
    return [p.detach() for p in model.parameters()]


def memory(step: Callable) -> dict[str, object]:
    """How often each example was run, and whether a part waited for its backward."""
    model, runs, kept, most = linear(), [0] * 6, 0, 0

    def back(examples: int) -> None:
        nonlocal kept
        kept -= examples

    def forward(model: nn.Module, given: tuple[Tensor], logits: Tensor) -> None:
        nonlocal kept, most
        for place, row in enumerate(INPUTS):
            runs[place] += int((given[0] == row).all(-1).any())
        if logits.grad_fn is not None:
            kept += len(given[0])
            most = max(most, kept)
            logits.register_hook(lambda slopes: back(len(given[0])))

    model.register_forward_hook(forward)
    step(model, copy.deepcopy(PARTS), 0.5, HUGE)
    return {"runs of each": runs, "in memory": max(most, 4)}


def frozen_below(step: Callable) -> list[bool]:
    """Whether the frozen layer stays, stays frozen, and the other moves."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    before = [p.detach().clone() for p in model.parameters()]
    step(model, copy.deepcopy(PARTS), 0.5, HUGE)
    same_ones = [
        torch.equal(*each) for each in zip(before, model.parameters(), strict=True)
    ]
    return [same_ones[0], not model[0].weight.requires_grad, same_ones[2]]


# ----- peak_memory

LAYERS = [
    {"frozen": 9, "bits": 4, "trained": 10, "input": 100, "inside": 700},
    {"frozen": 11, "bits": 16, "trained": 20, "input": 200, "inside": 30},
    {"frozen": 0, "bits": 32, "trained": 50, "input": 300, "inside": 60},
]
HEAVY_TOP = [
    {"frozen": 0, "bits": 8, "trained": 5, "input": 100, "inside": 250},
    {"frozen": 0, "bits": 8, "trained": 5, "input": 100, "inside": 5000},
]
LIGHT_TOP = [
    {"frozen": 0, "bits": 8, "trained": 500, "input": 400, "inside": 5000},
    {"frozen": 0, "bits": 8, "trained": 30, "input": 100, "inside": 20},
]
MIDDLE = [
    {"frozen": 0, "bits": 8, "trained": 40, "input": 20, "inside": 30},
    {"frozen": 0, "bits": 8, "trained": 300, "input": 60, "inside": 3000},
    {"frozen": 0, "bits": 8, "trained": 200, "input": 70, "inside": 10},
]
UPPER = [
    {"frozen": 40, "bits": 8, "trained": 0, "input": 3000, "inside": 2000},
    {"frozen": 10, "bits": 8, "trained": 7, "input": 200, "inside": 300},
    {"frozen": 60, "bits": 8, "trained": 0, "input": 500, "inside": 900},
]
ALL_FROZEN = [{**UPPER[0]}, {**UPPER[2]}]
ALL_AT_ONCE = (
    "Gradients and all that is kept are never there at once: walk through the backward "
    "pass, layer by layer, and take the largest sum."
)


NO_LOWEST = "Nothing may learn: what is the lowest layer then?"


def sums(layers: list[dict]) -> tuple[int, int]:
    learning = sum(layer["trained"] for layer in layers)
    still = sum(math.ceil(layer["frozen"] * layer["bits"] / 8) for layer in layers)
    return still + 4 * learning, 8 * learning


def moments(layers: list[dict], checkpointing: bool = False) -> list[int]:
    """What is in memory beside weights and optimizer, from the first layer's on."""
    found = []
    for at, layer in enumerate(layers):
        seen = layers[: at + 1]
        inside = [layer["inside"]] if checkpointing else [x["inside"] for x in seen]
        slopes = [4 * x["trained"] for x in layers[at:]]
        found.append(sum(inside) + sum(slopes) + sum(x["input"] for x in seen))
    return found


def total(layers: list[dict], extra: int) -> list[int]:
    return [*sums(layers), sum(sums(layers)) + extra]


def kept(layers: list[dict], *names: str) -> int:
    return sum(layer[name] for layer in layers for name in names)


def slopes_of(layers: list[dict]) -> int:
    return 4 * kept(layers, "trained")


def bytes_of(layers: list[dict], *more: object) -> Callable[..., list]:
    return lambda peak: [*peak(copy.deepcopy(layers), *more)]


def third_is(layers: list[dict], *extra: int) -> Wrong:
    """Whether only the last number is one that a mistake gives."""
    return lambda got: [*got] in [total(layers, each) for each in extra]


WEIGHTS_9 = [{"frozen": 9, "bits": 4, "trained": 0, "input": 0, "inside": 0}] * 2

# ----- distillation_loss

STUDENT = torch.tensor(
    [[[1.0, 2.0, -1.0], [0.0, 1.5, 0.5]], [[2.0, 0.0, 1.0], [-1.0, 1.0, 0.0]]]
)
TEACHER = torch.tensor(
    [[[2.0, 1.0, 0.0], [1.0, 3.0, -1.0]], [[0.0, 1.0, 2.0], [2.0, -2.0, 1.0]]]
)
DUE = torch.tensor([[1, -100], [0, 2]])
ALL_DUE = torch.tensor([[1, 0], [0, 2]])
T = 2.0
RULED_OUT = torch.tensor([[[2.0, -math.inf, 0.0], [1.0, 3.0, -math.inf]]])
FAR = torch.tensor([[[3000.0, 2999.0, 2998.0]]])
NONE_DUE = "The mean of no token is 0/0, NaN: it is 0 here."


def distilled(
    student: Tensor = STUDENT,
    teacher: Tensor = TEACHER,
    labels: Tensor = DUE,
    temperature: float = T,
    alpha: float = 0.75,
    by: float | None = None,
) -> Tensor:
    """By the formula; or with another factor of the soft part."""
    kept_ones = labels.ne(-100)
    log_q = F.log_softmax(student / temperature, dim=-1)[kept_ones]
    p = F.softmax(teacher / temperature, dim=-1)[kept_ones]
    parts = torch.special.xlogy(p, p) - p * log_q
    hard = F.cross_entropy(student[kept_ones], labels[kept_ones])
    factor = temperature**2 if by is None else by
    return alpha * factor * parts.sum(-1).mean() + (1 - alpha) * hard


def with_hard(hard: Tensor) -> Tensor:
    return distilled(alpha=1.0) * 0.75 + 0.25 * hard


SOFT = distilled(alpha=1.0)
HARD = distilled(alpha=0.0)
TURNED = T**2 * F.kl_div(
    F.log_softmax(TEACHER / T, -1)[DUE != -100],
    F.softmax(STUDENT / T, -1)[DUE != -100],
    reduction="batchmean",
)
CROSS = (
    T**2
    * -(F.softmax(TEACHER / T, -1) * F.log_softmax(STUDENT / T, -1))[DUE != -100]
    .sum(-1)
    .mean()
)
OVER_ALL = T**2 * (
    F.kl_div(
        F.log_softmax(STUDENT / T, -1), F.softmax(TEACHER / T, -1), reduction="none"
    )
    .sum(-1)
    .mean()
)
CUT_OFF = distilled(alpha=0.0) * 0.25 + 0.75 * OVER_ALL
BY_ROWS = torch.stack(
    [distilled(STUDENT[i : i + 1], TEACHER[i : i + 1], DUE[i : i + 1]) for i in (0, 1)]
).mean()


def slopes(
    loss: Callable[..., Tensor], labels: Tensor = DUE, teacher: Tensor = TEACHER
) -> list[object]:
    """The loss, the student's gradient, and whether the teacher has one."""
    own, theirs = (
        STUDENT[: len(teacher)].clone().requires_grad_(),
        teacher.clone().requires_grad_(),
    )
    found = loss(own, theirs, labels.clone(), T, 0.75)
    found.backward()
    return [found.detach(), own.grad, theirs.grad is not None]


def right_slopes(labels: Tensor = DUE, teacher: Tensor = TEACHER) -> list[object]:
    own = STUDENT[: len(teacher)].clone().requires_grad_()
    found = distilled(own, teacher, labels)
    found.backward()
    return [found.detach(), own.grad, False]


def nothing(loss: Callable[..., Tensor]) -> list[object]:
    found = slopes(loss, torch.full((2, 2), -100))
    return [float(found[0]), found[1], found[2]]


def nan_there(value: float) -> Callable[..., Tensor]:
    def run(loss: Callable[..., Tensor]) -> list[Tensor]:
        own, theirs = STUDENT.clone(), TEACHER.clone()
        own[0, 1] = theirs[0, 1] = value
        own.requires_grad_()
        found = loss(own, theirs, DUE.clone(), T, 0.75)
        found.backward()
        return [found.detach(), own.grad]

    return run


# ----- pareto_set

UP_DOWN = [True, False]  # F1, and megabytes
FIVE_MODELS = [[0.70, 2.0], [0.90, 90.0], [0.75, 60.0], [0.88, 95.0], [0.60, 5.0]]
WITH_TIME = [[0.9, 90.0, 9.0], [0.8, 50.0, 7.0], [0.7, 60.0, 2.0], [0.6, 70.0, 8.0]]
THREE_WAYS = [True, False, False]
SAME_F1 = [[0.9, 50.0], [0.9, 40.0], [0.8, 40.0], [0.7, 10.0]]
TWINS = [[0.9, 40.0], [0.8, 90.0], [0.9, 40.0], [0.7, 5.0]]
ONE_BYTE = [[134_515_009.0, 1.0], [134_515_008.0, 1.0]]
LAST_DIGIT = [[0.5, 1.0], [math.nextafter(0.5, 1.0), 1.0]]
UNMEASURED = [[0.9, 40.0], [0.95, math.nan], [math.nan, 10.0], [0.8, 90.0]]
ENDLESS = [[0.9, math.inf], [0.8, 5.0], [0.7, math.inf], [0.6, 6.0]]
EXACTLY = (
    "Numbers are compared exactly: here they are rounded, as in single precision, or taken "
    "for equal where they are near."
)
NOT_MEASURED = "A model with a NaN is in the set: it was not measured."
NO_LIST = "It is an array or a tensor: a list is asked for."


def one_of_numbers(*wrong: float) -> Wrong:
    """A mistake that gives one of these."""
    return lambda got: any(math.isclose(float(got), x, abs_tol=1e-4) for x in wrong)


def chosen(rows: list, larger: list) -> Callable[..., object]:
    return lambda pareto: pareto(copy.deepcopy(rows), [*larger])


def is_table(got: object) -> bool:
    return isinstance(got, Tensor | np.ndarray)


# ----- near_duplicates

CATS = ["the cat sat here", "my dog ran off", "the cats sit here"]
LONGER = ["the old house burns", "the old house burns down by the river at night"]
ECHO = ["ababababab", "abab"]
CHAIN = ["abcdefgh", "abcdefxy", "uvcdefxy"]
SHORT = ["ab", "abc", "AB", "abcde", "ab."]
EMPTY = ["", "abc", " \n", ""]
MEETS = ["abx", "aby", "abyz"]
NOT_NFKC = (
    "Bring it to the form NFKC first: what looks the same may be other characters."
)
ONE_SPACE = (
    "A run of whitespace, of any kind, is one space, and there is none at the ends."
)
ONE_OR_ALL = "There may be no text: then there is no pair."
BELOW_1 = "`size` below 1 is no size: raise `ValueError`."
OUT = "Below or at 0, or above 1, a threshold is none: raise `ValueError`."


def pairs(texts: list[str], *more: object) -> Callable[..., object]:
    return lambda near: near([*texts], *more)


def alike_pair(one: str, other: str, size: int = 3) -> Callable[..., object]:
    return lambda near: near([one, other], 0.001, size)


def told_as(*value: float) -> Wrong:
    """Whether only one pair is told, and its similarity is one of these."""
    return lambda got: (
        len(got) == 1
        and any(math.isclose(got[0][2], each, abs_tol=1e-4) for each in value)
    )


def told_less(got: list) -> bool:
    """Whether there is no pair, or one that is less than the same."""
    return not got or (len(got) == 1 and got[0][2] < 0.999)


def told_more(got: list) -> bool:
    return len(got) == 1 and got[0][2] > 0.999


def errors_of(*calls: tuple) -> Callable[..., object]:
    """Which of the calls raise a `ValueError`."""

    def run(answer: Callable[..., object]) -> list[bool]:
        found = []
        for given in calls:
            refused = True
            with suppress(ValueError):
                answer(*copy.deepcopy(given))
                refused = False
            found.append(refused)
        return found

    return run


# ----- drift_statistic

BEFORE = torch.tensor([1.0, 2.0, 3.0, 4.0])
AFTER = torch.tensor([6.0, 2.5, 3.5, 7.0, 5.0])
IN_TURN = torch.arange(9)[None]
REPEATS = torch.tensor([2.0, 1.0, 2.0, 3.0, 2.0, 3.0])
AGAIN = torch.tensor([3.0, 2.0, 3.0, 2.0, 1.0, 2.0, 2.0, 3.0, 2.0, 1.0, 3.0, 2.0])
ELEVEN_ORDERS = torch.tensor(
    [
        [2, 8, 7, 3, 6, 5, 1, 4, 0],
        [3, 1, 0, 6, 5, 8, 2, 7, 4],
        [0, 4, 8, 7, 5, 3, 2, 1, 6],
        [5, 2, 1, 3, 8, 7, 4, 0, 6],
        [1, 8, 4, 7, 5, 0, 3, 2, 6],
        [3, 5, 0, 6, 4, 7, 8, 1, 2],
        [8, 7, 5, 1, 6, 3, 2, 4, 0],
        [3, 4, 5, 8, 0, 7, 1, 6, 2],
        [1, 0, 7, 5, 6, 3, 4, 2, 8],
        [3, 8, 5, 2, 1, 7, 0, 4, 6],
        [1, 7, 5, 4, 6, 0, 8, 3, 2],
    ]
)
TIED_BEFORE = torch.tensor([3.0, 1.0, 4.0, 2.0, 1.0])
TIED_AFTER = torch.tensor([3.0, 4.0, 3.0, 2.0, 6.0, 4.0, 3.0])
SIX_ORDERS = torch.tensor(
    [
        [4, 8, 11, 9, 0, 10, 5, 3, 1, 2, 6, 7],
        [7, 2, 10, 3, 5, 11, 0, 8, 6, 1, 9, 4],
        [0, 5, 7, 11, 3, 6, 4, 10, 2, 8, 9, 1],
        [9, 4, 5, 11, 6, 10, 0, 1, 3, 8, 7, 2],
        [6, 5, 9, 2, 4, 0, 11, 1, 7, 8, 3, 10],
        [5, 4, 7, 0, 6, 2, 9, 8, 10, 3, 1, 11],
    ]
)
HIGH = torch.tensor([1.0, 2.0, math.inf, math.inf])
LOW = torch.tensor([-math.inf, 1.5, 1.0])
BOTH_WAYS = "D is the largest distance in either direction: take absolute values."
AT_ALL = (
    "v may be any number of the two samples: D is largest at one of the others here."
)
AT_ONCE = (
    "Equal numbers were counted one after the other: F rises for all of them at once."
)
ITS_OWN_SIZE = "Each F is a share of its own sample: divide by its own size."
NO_NUMBERS = "A sample that is empty, or holds a NaN, is refused: raise `ValueError`."


def distance(one: Tensor, other: Tensor) -> Callable[..., object]:
    """D alone, with one order that changes nothing."""
    size = len(one) + len(other)
    return lambda drift: drift(one.clone(), other.clone(), torch.arange(size)[None])[0]


def p_of(one: Tensor, other: Tensor, orders: Tensor) -> Callable[..., object]:
    return lambda drift: drift(one.clone(), other.clone(), orders.clone())[1]


CHECKS = {
    "lora_linear": [
        Case(
            "two vectors, rank 2",
            lambda lora: lora(X, W, BIAS, A, B, ALPHA),
            expected=whole(X),
            wrong={
                "α is not divided by the rank.": BASE + ALPHA * UPDATE,
                "α is missing: the update is multiplied by α/r.": one_of(
                    BASE + UPDATE, BASE + UPDATE / 2
                ),
                "The update is divided by α/r: multiply.": BASE + UPDATE / 3,
                "The update is multiplied by α/√r: by α/r.": (
                    BASE + ALPHA / 2**0.5 * UPDATE
                ),
                "The rank is the number of rows of `down`; this is d_in.": (
                    BASE + ALPHA / 3 * UPDATE
                ),
                "The adapter is missing.": BASE,
                "The layer is missing: the adapter stands beside it.": one_of(
                    3 * UPDATE, 3 * UPDATE + BIAS
                ),
                "The bias is missing.": BASE - BIAS + 3 * UPDATE,
                "α/r multiplies the layer as well: only the update.": one_of(
                    3 * (BASE + UPDATE), 3 * (BASE - BIAS + UPDATE) + BIAS
                ),
                "The update is subtracted.": BASE - 3 * UPDATE,
                "A matrix lies output before input: x Aᵀ, then Bᵀ.": (
                    BASE + 3 * (X @ A.T) @ B
                ),
                "The bias is added twice.": BASE + BIAS + 3 * UPDATE,
                "`down` and `up` are a nonlinear layer here: there is nothing between "
                "them.": one_of(BASE + 3 * (X @ A.T).relu() @ B.T),
            },
            picture=two_tables,
        ),
        Case(
            "rank 4, which is more than d_out and d_in",
            lambda lora: lora(X, W, BIAS, FOUR, FOUR_UP, ALPHA),
            expected=whole(X, FOUR, FOUR_UP),
            wrong={
                "The rank is the number of rows of `down`: of `up` it is the columns.": (
                    BASE + ALPHA / 2 * (X @ FOUR.T) @ FOUR_UP.T
                ),
                "The rank is the number of rows of `down`; this is d_in.": (
                    BASE + ALPHA / 3 * (X @ FOUR.T) @ FOUR_UP.T
                ),
            },
        ),
        Case(
            "all sizes 2, where none tells which way a matrix lies",
            lambda lora: lora(FLAT, *SQUARE[:1], torch.zeros(2), *SQUARE[1:], 2.0),
            expected=FLAT @ (SQUARE[0] + SQUARE[2] @ SQUARE[1]).T,
            wrong={
                "A matrix lies output before input: x Wᵀ, x Aᵀ, then Bᵀ.": one_of(
                    FLAT @ SQUARE[0] + FLAT @ SQUARE[1].T @ SQUARE[2].T,
                    FLAT @ SQUARE[0].T + FLAT @ SQUARE[1] @ SQUARE[2],
                    FLAT @ SQUARE[0] + FLAT @ SQUARE[1] @ SQUARE[2],
                    FLAT @ SQUARE[0].T + FLAT @ SQUARE[1] @ SQUARE[2].T,
                ),
                "`down` comes first, then `up`.": one_of(
                    FLAT @ SQUARE[0].T + FLAT @ SQUARE[2].T @ SQUARE[1].T
                ),
            },
        ),
        Case(
            "a vector alone",
            lambda lora: lora(X[0], W, BIAS, A, B, ALPHA),
            expected=whole(X[0]),
            wrong={
                "There may be no dimension in front: the vectors lie along the last.": (
                    lambda got: got.shape == (1, 2)
                ),
                "There may be no dimension in front: `F.linear`, or `@` with the matrix "
                "on the right, takes any number.": RuntimeError,
            },
        ),
        Case(
            "three dimensions in front, two of them of size 1",
            lambda lora: lora(X.view(1, 2, 1, 3), W, BIAS, A, B, ALPHA),
            expected=whole(X).view(1, 2, 1, 2),
            wrong={SQUEEZED: lambda got: got.ndim < 4},
        ),
        Case(
            "no bias",
            lambda lora: lora(X, W, None, A, B, ALPHA),
            expected=whole(X) - BIAS,
            wrong={
                "`bias` is `None` where the layer has none.": Exception,
            },
        ),
        Case(
            "who has a gradient, where x, down and up require one",
            lambda lora: gradients(lora, 0, 3, 4),
            expected=["x", "down", "up"],
            wrong={
                "The adapter learns nothing: no gradient may be cut off from `down` and "
                "`up`.": lambda got: not {"down", "up"} <= {*got},
                "`x` needs its gradient: layers below this one have adapters as well.": (
                    lambda got: "x" not in got
                ),
                "Nothing can learn: no gradient goes back from the result.": RuntimeError,
            },
        ),
        Case(
            "who has one, where all of them require one",
            lambda lora: gradients(lora, *FIVE),
            expected=["x", "down", "up"],
            wrong={FROZEN_TOO: lambda got: "weight" in got or "bias" in got},
        ),
        Case(
            "the dtype, over weights of float16",
            lambda lora: dtypes(lora(X, W.half(), BIAS.half(), A, B, ALPHA)),
            expected=["float32"],
            wrong={
                TO_FLOAT32: RuntimeError,
                "The result is float32.": lambda got: got != ["float32"],
            },
        ),
        Case(
            "weights of float16",
            lambda lora: lora(FINE, W.half(), BIAS.half(), A, B, ALPHA),
            expected=whole(FINE),
            wrong={
                TO_FLOAT32: RuntimeError,
                "It is computed in float16, or `x` is rounded to it: compute in "
                "float32.": lambda got: (
                    same(got.float() / 10, whole(FINE) / 10)
                    or torch.allclose(got.float(), whole(FINE), rtol=1e-2)
                ),
            },
        ),
        Case(
            "vectors of 60,000 over weights of float16",
            lambda lora: lora(LARGE, W.half(), None, A, B * 0, ALPHA) / 60_000,
            expected=(LARGE @ W.T) / 60_000,
            wrong={
                "It is computed in float16, or `x` is rounded to it: compute in "
                "float32.": lambda got: (
                    not bool(got.isfinite().all()) or got.dtype != X.dtype
                )
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda lora: stays(lora, X.clone(), W.clone(), BIAS.clone(), A, B, 2.0),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "merge": [
        Case(
            "one adapter of rank 2",
            lambda merge: merge(W, ONE_ADAPTER),
            expected=MERGED,
            wrong={
                "α is not divided by the rank.": W + 6 * B @ A,
                "α is missing: the product is multiplied by α/r.": one_of(
                    W + B @ A, W + B @ A / 2
                ),
                "The rank is the number of rows of `down`; this is d_in.": W
                + 2 * B @ A,
                "W is missing: the product is added to it.": 3 * B @ A,
                "The product is subtracted: that takes an adapter out again.": W
                - 3 * B @ A,
                "Nothing was added.": W,
                "α/r multiplies W as well: only the product.": 3 * (W + B @ A),
            },
            picture=two_tables,
        ),
        Case(
            "two adapters, of ranks 2 and 1",
            lambda merge: merge(W, TWO),
            expected=BOTH,
            wrong={
                "Only the last adapter is in it.": BOTH - MERGED + W,
                "Only the first adapter is in it.": MERGED,
                "All adapters were divided by the rank of one: each has its own.": one_of(
                    MERGED - 1.5 * (SECOND[1] @ SECOND[0]),
                    W + 6.0 * (B @ A) - 3.0 * (SECOND[1] @ SECOND[0]),
                ),
                "It is the mean of the adapters: add all of them.": (
                    W + (BOTH - W) / 2
                ),
                "`alpha` may be below 0: its sign counts.": (
                    MERGED + 3.0 * (SECOND[1] @ SECOND[0])
                ),
                "The ranks are added up: each adapter is divided by its own.": (
                    W + 2 * (B @ A) - (SECOND[1] @ SECOND[0])
                ),
            },
        ),
        Case(
            "rank 4, which is more than d_out and d_in",
            lambda merge: merge(W, [(FOUR, FOUR_UP, 6.0)]),
            expected=W + 1.5 * (FOUR_UP @ FOUR),
            wrong={
                "The rank is the number of rows of `down`: of `up` it is the columns.": (
                    W + 3.0 * (FOUR_UP @ FOUR)
                ),
                "The rank is the number of rows of `down`; this is d_in.": (
                    W + 2.0 * (FOUR_UP @ FOUR)
                ),
            },
        ),
        Case(
            "a square matrix",
            lambda merge: merge(QUADRATIC, OF_TWO),
            expected=QUADRATIC + OUTER,
            wrong={
                "The product was turned round: without `input_first` B A lies as W.": (
                    QUADRATIC + OUTER.T
                ),
            },
        ),
        Case(
            "a square matrix, its input first",
            lambda merge: merge(QUADRATIC, OF_TWO, input_first=True),
            expected=QUADRATIC + OUTER.T,
            wrong={
                THE_OTHER_WAY: QUADRATIC + OUTER,
                "The result has the shape of `weight`, and lies as it does.": (
                    (QUADRATIC + OUTER.T).T
                ),
            },
        ),
        Case(
            "a matrix (3, 2), its input first",
            lambda merge: merge(W.T.contiguous(), TWO, True),
            expected=BOTH.T,
            wrong={
                THE_OTHER_WAY: RuntimeError,
                "The result has the shape of `weight`, and lies as it does.": BOTH,
            },
        ),
        Case(
            "no adapter",
            lambda merge: merge(W, []),
            expected=W,
            wrong={
                "The list may be empty: then it is W alone.": Exception,
                "The list may be empty, and the result is a tensor.": (
                    lambda got: not isinstance(got, Tensor)
                ),
            },
        ),
        Case(
            "float16: two changes of 0.3 of a step each",
            lambda merge: merge(HALVES, FINE_ONES).float(),
            expected=torch.full((2, 2), 1 + STEP),
            wrong={
                ONE_BY_ONE: torch.ones(2, 2),
                "The result has the dtype of `weight`, rounded once.": (
                    torch.full((2, 2), 1 + 0.6 * STEP)
                ),
            },
            tolerance=1e-5,
        ),
        Case(
            "float16: a change of a little more than half a step",
            lambda merge: merge(HALVES, BARELY).float(),
            expected=torch.full((2, 2), 1 + STEP),
            wrong={
                "The product was rounded before it was added: add in float32, and round "
                "the sum.": torch.ones(2, 2)
            },
            tolerance=1e-5,
        ),
        Case(
            "the dtypes of three results",
            lambda merge: dtypes(
                *(
                    merge(QUADRATIC.to(kind), OF_TWO)
                    for kind in (torch.float16, torch.bfloat16, torch.float32)
                )
            ),
            expected=["float16", "bfloat16", "float32"],
            wrong={
                "The result has the dtype of `weight`, rounded once.": (
                    lambda got: len(got) == 3
                ),
            },
        ),
        Case(
            "what becomes of the matrix, and of the list",
            lambda merge: stays(merge, W.clone(), [*TWO]),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "quantise": [
        Case(
            "two rows of three, eight bits",
            lambda quantise: quantise(ROWS, 8),
            expected=[CODES, SCALES],
            wrong={
                "All rows have one scale: each has its own.": pair_is(
                    coded(PER_ROW[0])
                ),
                "Each column has a scale: each row has.": pair_is(
                    coded(ROWS.abs().amax(0) / 127)
                ),
                "The absolute value is missing: the largest number may lie below 0.": (
                    lambda got: (
                        got[0][1].tolist() == [127, 65, -76]
                        and got[0][0].tolist() != CODES[0].tolist()
                        and got[1][0] > 0
                        and got[1][0] < 0.05
                    )
                ),
                "The fraction was cut off: round to the nearest.": pair_is(
                    coded(PER_ROW, torch.trunc)
                ),
                "It was rounded down: round to the nearest.": pair_is(
                    coded(PER_ROW, torch.floor)
                ),
                "It was rounded up: round to the nearest.": pair_is(
                    coded(PER_ROW, torch.ceil)
                ),
                TOP: lambda got: bool(
                    torch.allclose(got[1].flatten() * 128, SCALES * 127, rtol=1e-3)
                    or torch.allclose(got[1].flatten() * 255, SCALES * 127, rtol=1e-3)
                    or torch.allclose(got[1].flatten() * 256, SCALES * 127, rtol=1e-3)
                ),
                "The scales are turned round: code times scale is to give the number.": (
                    pair_is(CODES.tolist(), 1 / SCALES)
                ),
                "The scales are the largest absolute values: divide them by q.": (
                    pair_is(CODES.tolist(), 127 * SCALES)
                ),
                "The scales have the shape (rows,).": (
                    lambda got: got[0].tolist() == CODES.tolist() and got[1].ndim == 2
                ),
                "The numbers themselves came back: the codes are due.": (
                    lambda got: torch.allclose(got[0].float(), ROWS, atol=0.06)
                ),
                "The scales come second, the codes first.": (
                    lambda got: got[0].ndim == 1 and got[1].ndim == 2
                ),
                "The least number was subtracted: with absmax 0 stays 0.": (
                    lambda got: int(torch.as_tensor(got[0]).min()) == 0
                ),
                "The codes are of type `torch.int8`.": (
                    lambda got: got[0].tolist() == CODES.tolist()
                ),
            },
        ),
        Case(
            "four bits, and the largest lies below 0",
            lambda quantise: quantise(MINUS_WINS, 4),
            expected=[
                torch.tensor([[0, -7, 2, 7]], dtype=torch.int8),
                torch.tensor([8 / 7]),
            ],
            wrong={
                SQUEEZED: lambda got: got[0].ndim < 2 or got[1].ndim < 1,
                "`bits` is not used: q is 2^(bits − 1) − 1.": (
                    lambda got: int(got[0].abs().max()) > 100
                ),
                TOP: lambda got: int(got[0].abs().max()) in (8, 15, 16),
                "The absolute value is missing: the largest number may lie below 0.": (
                    lambda got: same(got[1], torch.tensor([1.1]))
                ),
            },
        ),
        Case(
            "two bits",
            lambda quantise: quantise(torch.tensor([[4.0, -1.0, -3.0]]), 2)[0],
            expected=torch.tensor([[1, 0, -1]], dtype=torch.int8),
            wrong={TOP: lambda got: got.shape == (1, 3)},
        ),
        Case(
            "a row of millionths, and one of 60,000",
            lambda quantise: quantise(TINY, 8)[0],
            expected=torch.tensor([[127, -65, 41], [0, 127, 0]], dtype=torch.int8),
            wrong={
                "A small number was added to the scale, or the scale is kept above it: "
                "rows may be small.": lambda got: (
                    got[1].tolist() == [0, 127, 0] and int(got[0, 0]) < 127
                ),
            },
        ),
        Case(
            "a row of zeros",
            lambda quantise: quantise(torch.tensor([[0.0, 0.0], [1.0, -2.0]]), 8),
            expected=[
                torch.tensor([[0, 0], [64, -127]], dtype=torch.int8),
                torch.tensor([0.0, 2 / 127]),
            ],
            wrong={
                "0/0 is NaN: a row of zeros has the scale 0 and the codes 0.": (
                    lambda got: has_nan(got[1]) or bool(got[0][0].any())
                ),
                "A row of zeros has the scale 0.": lambda got: float(got[1][0]) > 1e-3,
            },
        ),
        Case(
            "float16, of the smallest numbers there are",
            lambda quantise: quantise(SMALLEST, 8)[0],
            expected=torch.tensor([[127, -35, 7]], dtype=torch.int8),
            wrong={NOT_HALF: lambda got: got.shape == (1, 3)},
        ),
        Case(
            "the dtypes, for four bits and float16",
            lambda quantise: dtypes(*quantise(ROWS.half(), 4)),
            expected=["int8", "float32"],
            wrong={
                "The scales are float32.": lambda got: got[0] == "int8",
                "The codes are of type `torch.int8`, for any number of bits.": (
                    lambda got: got[0] != "int8"
                ),
            },
        ),
        Case(
            "one row of one number",
            lambda quantise: quantise(torch.tensor([[-3.0]]), 8),
            expected=[
                torch.tensor([[-127]], dtype=torch.int8),
                torch.tensor([3 / 127]),
            ],
            wrong={SQUEEZED: lambda got: got[0].ndim < 2 or got[1].ndim < 1},
        ),
        Case(
            "what becomes of the tensor",
            lambda quantise: stays(quantise, ROWS.clone(), 8),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "quantise_groups": [
        Case(
            "two rows of six, in groups of three",
            tripled(GROUPED, 3),
            expected=BY_TWO,
            wrong={
                "Each row has one scale: each group of it has one.": (
                    lambda got: (
                        got[1].numel() == 2 or same(got[0], grouped(GROUPED, 6)[0])
                    )
                ),
                PER_MATRIX: lambda got: got[1].numel() == 1,
                "The least value was not subtracted: (w − min) / scale.": item(
                    0, NO_LEAST, NO_LEAST.clamp(0, 15)
                ),
                "The scale is absmax's: (max − min) / (2^bits − 1).": item(
                    1, ABSMAX / 15, ABSMAX / 7
                ),
                "It is divided by 2^bits: by 2^bits − 1, so that the largest gets the "
                "highest code.": item(1, BY_TWO[1] * 15 / 16),
                "There are 2^bits − 1 steps: 15 for four bits.": item(
                    1, BY_TWO[1] * 15 / 7, BY_TWO[1] * 15 / 14, BY_TWO[1] * 15 / 8
                ),
                "The fraction was cut off: round to the nearest.": (
                    lambda got: (
                        same(got[1], BY_TWO[1])
                        and got[0].tolist() == floored(GROUPED, 3)
                    )
                ),
                "The groups go along the columns: they lie within a row.": (
                    lambda got: got[1].shape in ((1, 6), (2, 6))
                ),
                "The third is the largest of each group: it is the least.": item(
                    2, torch.cat([x.amax(1, True) for x in GROUPED.split(3, 1)], 1)
                ),
                "The third is the mean of each group: it is the least.": item(
                    2, torch.cat([x.mean(1, True) for x in GROUPED.split(3, 1)], 1)
                ),
                "Scales and least values have changed places.": (
                    lambda got: same(got[1], BY_TWO[2]) and same(got[2], BY_TWO[1])
                ),
                "The scales are turned round: code times scale plus the least value is to "
                "give the number.": item(1, 1 / BY_TWO[1]),
                "A number in three is in each group: those that follow each other are.": (
                    item(2, torch.stack([GROUPED[:, i::2].amin(1) for i in (0, 1)], 1))
                ),
                "The codes have the shape of `weight`.": (
                    lambda got: got[0].numel() == 12 and got[0].shape != (2, 6)
                ),
                "Scales and least values have the shape (rows, groups).": (
                    lambda got: got[1].numel() == 4 and got[1].shape != (2, 2)
                ),
                "The codes are of type `torch.uint8`.": (
                    lambda got: same(got[0], BY_TWO[0]) and got[0].dtype != torch.uint8
                ),
            },
        ),
        Case(
            "two rows of five, in groups of three: the last has two",
            tripled(RAGGED, 3),
            expected=grouped(RAGGED, 3),
            wrong={
                "The last group was filled up with zeros, and they count: it has its own "
                "least and largest.": lambda got: (
                    same(got[0], padded(RAGGED, 3)[0])
                    or same(got[1], padded(RAGGED, 3)[1])
                ),
                "The last numbers of a row are missing: they are a group too.": (
                    lambda got: got[0].shape == (2, 3)
                ),
                "The codes have the shape of `weight`.": (
                    lambda got: got[0].shape == (2, 6)
                ),
                "`group` need not divide the columns.": RuntimeError,
                "The last group is taken together with the one before it.": (
                    lambda got: got[1].shape == (2, 1)
                ),
            },
        ),
        Case(
            "two rows of three, in groups of two",
            tripled(RAGGED[:, 1:4], 2),
            expected=grouped(RAGGED[:, 1:4], 2),
            wrong={
                "A group goes over from a row to the next: each row begins a new one.": (
                    lambda got: got[1].numel() == 3
                ),
                OF_ONE: lambda got: float(got[1][0, 1]) > 1e-3,
                "`group` need not divide the columns.": RuntimeError,
            },
        ),
        Case(
            "a group that is larger than the row",
            tripled(RAGGED, 32),
            expected=grouped(RAGGED, 32),
            wrong={SQUEEZED: lambda got: min(part.ndim for part in got) < 2},
        ),
        Case(
            "two bits, and eight",
            lambda quantise: [[*quantise(GROUPED, 3, bits)] for bits in (2, 8)],
            expected=[grouped(GROUPED, 3, 3), grouped(GROUPED, 3, 255)],
            wrong={
                "`bits` is not used: there are 2^bits − 1 steps.": (
                    lambda got: same(got[0][1], BY_TWO[1])
                ),
                FLOAT32: lambda got: got[0][1].dtype != torch.float32,
                "There are 2^bits − 1 steps.": lambda got: len(got) == 2,
            },
        ),
        Case(
            "groups of equal numbers",
            tripled(FLAT_GROUPS, 2),
            expected=grouped(FLAT_GROUPS, 2),
            wrong={
                CONSTANT: lambda got: has_nan(got[1]) or bool(got[0][0, :2].any()),
                OF_ONE: lambda got: float(got[1][0, 0]) > 1e-3,
            },
        ),
        Case(
            "a row of millionths",
            lambda quantise: quantise(LOW_UNIT, 4)[0],
            expected=torch.tensor([[0, 8, 11, 15]], dtype=torch.uint8),
            wrong={
                "A small number was added to the scale, or the scale is kept above it: "
                "numbers may be small.": lambda got: got.shape == (1, 4)
            },
        ),
        Case(
            "the dtypes",
            lambda quantise: dtypes(*quantise(GROUPED, 2)),
            expected=["uint8", "float32", "float32"],
            wrong={
                FLOAT32: lambda got: len(got) == 3,
            },
        ),
        Case(
            "one row of one number",
            tripled(torch.tensor([[-3.0]]), 4),
            expected=grouped(torch.tensor([[-3.0]]), 4),
            wrong={
                SQUEEZED: lambda got: min(part.ndim for part in got) < 2,
                CONSTANT: lambda got: has_nan(got[1]),
            },
        ),
        Case(
            "what becomes of the tensor",
            lambda quantise: stays(quantise, GROUPED.clone(), 3),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "train_step": [
        Case(
            "one part of six, five labels count",
            one_step([(INPUTS, LABELS)]),
            expected=moved(FAIR),
            wrong={
                "It is the sum of the losses: the mean of the labels that count.": moved(
                    [1, 1, 1, 1, 0, 1]
                ),
                "The label −100 counts in the mean.": moved([1 / 6] * 4 + [0, 1 / 6]),
                "The parameters have not moved.": moved(FAIR, rate=0.0),
                "They moved up the slope: subtract.": moved(FAIR, rate=-0.5),
                "`learning_rate` is not used.": moved(FAIR, rate=1.0),
                LARGER: lambda got: float(got[2].abs().max()) > 1000,
                "Loss and norm have changed places: the loss comes first.": [
                    NORM,
                    TRUE_LOSS,
                    *after(SLOPES, 0.5),
                ],
                "The root of the sum is missing: the norm is a length.": [
                    TRUE_LOSS,
                    NORM**2,
                    *after(SLOPES, 0.5),
                ],
                "The norm is of all numbers of all gradients, not the sum of the norms.": (
                    [
                        TRUE_LOSS,
                        sum(float(each.norm()) for each in SLOPES),
                        *after(SLOPES, 0.5),
                    ]
                ),
                "The norm leaves the biases out: it is of all gradients.": [
                    TRUE_LOSS,
                    float(SLOPES[0].norm()),
                    *after(SLOPES, 0.5),
                ],
                "The loss counts all labels, and the gradient another number.": (
                    lambda got: (
                        all(map(same, got[2:], after(SLOPES, 0.5)))
                        and abs(got[0] - TRUE_LOSS) > 1e-3
                    )
                ),
            },
        ),
        Case(
            "two parts: of four labels that count, and of one",
            one_step(PARTS),
            expected=moved(FAIR),
            wrong={
                "It is the mean of the parts' means: parts with fewer labels then weigh too "
                "much.": moved([1 / 8] * 4 + [0, 1 / 2]),
                "It is the sum of the parts' means: it grows with the parts.": moved(
                    [1 / 4] * 4 + [0, 1]
                ),
                "A part weighs by its examples: by its labels that count.": moved(
                    [1 / 6] * 4 + [0, 1 / 3]
                ),
                "Only the last part's gradient is left: clear once, before the first.": (
                    moved([0] * 5 + [1 / 5], loss=FAIR)
                ),
                "Only the first part was run.": moved([1 / 4] * 4 + [0, 0]),
                "Only one part's loss is returned: it is the whole batch's.": (
                    lambda got: all(map(same, got[2:], after(SLOPES, 0.5)))
                ),
                "A step was taken after each part: one is due, after the last.": (
                    lambda got: all(map(same, got[2:], step_by_step()))
                ),
            },
        ),
        Case(
            "a part whose labels are all −100",
            one_step(NONE_THERE),
            expected=moved([0, 0, 1 / 3, 1 / 3, 0, 1 / 3]),
            wrong={
                "The mean of no label is 0/0, NaN, also times 0: take the sum of a part, "
                "or leave that part out.": lambda got: (
                    math.isnan(got[0]) or has_nan(got[2])
                ),
            },
        ),
        Case(
            "with a gradient from before",
            one_step(PARTS, before=True),
            expected=moved(FAIR),
            wrong={
                "The gradient from before counts: clear it first.": moved(
                    FAIR, before=True
                ),
            },
        ),
        Case(
            "a norm that is four times too large",
            one_step(PARTS, most=MOST),
            expected=CLIPPED,
            wrong={
                "`max_norm` is not used: the step is too long.": moved(FAIR),
                "Each gradient was clipped by its own norm: one norm for all.": moves(
                    OF_EACH
                ),
                "Each part's gradient was clipped: clip once, after the last part.": moves(
                    PART_BY_PART, RUNNING
                ),
                "Each number was clipped by itself: multiply all by one number.": moves(
                    BY_VALUE
                ),
                "The norm is that of before the clipping.": (
                    lambda got: all(map(same, got[2:], CLIPPED[2:]))
                ),
                "Gradients were divided by the norm, and `max_norm` forgotten.": moves(
                    [each / NORM for each in SLOPES]
                ),
                "The gradients were multiplied by norm / `max_norm`: it is the other way "
                "round.": moves([4 * each for each in SLOPES]),
            },
        ),
        Case(
            "a norm that is small enough",
            one_step(PARTS, most=3 * NORM),
            expected=moved(FAIR),
            wrong={
                LARGER: moves([3 * each for each in SLOPES]),
            },
        ),
        Case(
            "what runs, and what is in memory at a time",
            memory,
            expected={"runs of each": [1] * 6, "in memory": 4},
            wrong={
                "All parts are in memory at a time: each part's `backward` comes before the "
                "next part runs.": {"runs of each": [1] * 6, "in memory": 6},
                "A part ran more than once.": lambda got: max(got["runs of each"]) > 1,
            },
        ),
        Case(
            "a frozen layer: it stays, it stays frozen; and the upper one stays",
            frozen_below,
            expected=[True, True, False],
            wrong={
                "A parameter that does not learn has a gradient of `None`: pass over it.": (
                    Exception
                ),
                "The frozen layer has moved, or learns now: leave it.": (
                    lambda got: got[:2] != [True, True]
                ),
                "Nothing has moved.": lambda got: bool(got[2]),
            },
        ),
        Case(
            "the kinds of the two numbers",
            lambda step: [
                isinstance(each, float) for each in step(linear(), PARTS, 0.1, HUGE)
            ],
            expected=[True, True],
            wrong={
                "Loss and norm are two `float`s, as `item` gives them.": (
                    lambda got: False in got
                )
            },
        ),
        Case(
            "what becomes of the parts",
            lambda step: stays(
                lambda parts: step(linear(), parts, 0.1, HUGE), [*PARTS]
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "peak_memory": [
        Case(
            "weights and optimizer of three layers",
            lambda peak: [*peak(copy.deepcopy(LAYERS))][:2],
            expected=[*sums(LAYERS)],
            wrong={
                "Bits were taken for bytes: eight are one.": [320 + 36 + 176, 640],
                "Half a byte was cut off: round up.": [
                    sums(LAYERS)[0] - 1,
                    sums(LAYERS)[1],
                ],
                "These are floats: whole bytes are due.": (
                    lambda got: any(isinstance(each, float) for each in got)
                ),
                "What learns takes 4 bytes a number as a weight.": lambda got: (
                    got[0] in (27, 27 + 80, 27 + 160, 27 + 8 * 80, 27 + 12 * 80)
                ),
                "Frozen numbers count as weights, too.": [4 * 80, 640],
                "Frozen numbers take 4 bytes each here: they take `bits` bits.": (
                    [4 * 100, 640]
                ),
                "AdamW keeps two means of 4 bytes each: 8 bytes a number.": (
                    lambda got: got[1] in (320, 1280, 960)
                ),
                "Frozen numbers have no running means.": lambda got: got[1] == 800,
            },
        ),
        Case(
            "two layers of nine 4-bit numbers each",
            lambda peak: [*peak([{**each} for each in WEIGHTS_9])][:2],
            expected=[10, 0],
            wrong={
                NO_LOWEST: Exception,
                "Each layer is rounded up by itself.": [9, 0],
                "Half a byte was cut off: round up.": [8, 0],
            },
        ),
        Case(
            "two layers, the upper keeps much",
            bytes_of(HEAVY_TOP),
            expected=total(HEAVY_TOP, max(moments(HEAVY_TOP))),
            wrong={
                ALL_AT_ONCE: total(HEAVY_TOP, kept(HEAVY_TOP, "input", "inside") + 40),
                "Only what the layers keep is counted: the gradients of the layer and of "
                "those behind it are there as well.": (
                    total(HEAVY_TOP, kept(HEAVY_TOP, "input", "inside"))
                ),
                "The inputs are missing.": third_is(HEAVY_TOP, 5250 + 20),
                "The inside of the layers is missing.": third_is(
                    HEAVY_TOP, 200 + 20, 240
                ),
                "Weights and optimizer are in use at the fullest moment as well.": [
                    *sums(HEAVY_TOP),
                    max(moments(HEAVY_TOP)),
                ],
                "The optimizer is in use at the fullest moment as well.": [
                    *sums(HEAVY_TOP),
                    sums(HEAVY_TOP)[0] + max(moments(HEAVY_TOP)),
                ],
                "It is the last moment: the fullest may be another.": third_is(
                    HEAVY_TOP, moments(HEAVY_TOP)[0]
                ),
                "One layer alone is in memory: without checkpointing all keep their inside.": (
                    third_is(HEAVY_TOP, max(moments(HEAVY_TOP, True)), 5120)
                ),
                "A gradient takes 4 bytes a number.": third_is(
                    HEAVY_TOP, 5450 + 5, 5450 + 10, 5450 + 40
                ),
            },
        ),
        Case(
            "two layers, the lower keeps much",
            bytes_of(LIGHT_TOP),
            expected=total(LIGHT_TOP, max(moments(LIGHT_TOP))),
            wrong={
                ALL_AT_ONCE: total(
                    LIGHT_TOP, kept(LIGHT_TOP, "input", "inside") + slopes_of(LIGHT_TOP)
                ),
                "The fullest moment may come later than the first: the walk goes on down to "
                "the lowest layer.": third_is(
                    LIGHT_TOP, moments(LIGHT_TOP)[1], kept(LIGHT_TOP, "input", "inside")
                ),
                "Gradients stay until the step: those of the layers behind count, too.": (
                    third_is(LIGHT_TOP, 5400 + 2000)
                ),
            },
        ),
        Case(
            "three layers, the middle one keeps much",
            bytes_of(MIDDLE),
            expected=total(MIDDLE, max(moments(MIDDLE))),
            wrong={
                ALL_AT_ONCE: total(MIDDLE, kept(MIDDLE, "input", "inside") + 2160),
                "The fullest moment may lie in between.": third_is(
                    MIDDLE,
                    moments(MIDDLE)[0],
                    moments(MIDDLE)[2],
                    max(moments(MIDDLE)[0], moments(MIDDLE)[2]),
                ),
                "Only the gradients of this layer and of those behind it are there.": (
                    third_is(MIDDLE, 20 + 30 + 60 + 3000 + 2160)
                ),
            },
        ),
        Case(
            "three layers, with checkpointing",
            bytes_of(MIDDLE, True),
            expected=total(MIDDLE, max(moments(MIDDLE, True))),
            wrong={
                "`checkpointing` changes nothing.": total(MIDDLE, max(moments(MIDDLE))),
                "The inside of a layer is there while the pass is at it.": third_is(
                    MIDDLE,
                    max(
                        kept(MIDDLE[: at + 1], "input") + slopes_of(MIDDLE[at:])
                        for at in range(3)
                    ),
                ),
                "All inputs are kept, down to the lowest: they are missing.": third_is(
                    MIDDLE,
                    max(
                        MIDDLE[at]["inside"] + slopes_of(MIDDLE[at:]) for at in range(3)
                    ),
                    max(
                        kept(MIDDLE[at : at + 1], "input", "inside")
                        + slopes_of(MIDDLE[at:])
                        for at in range(3)
                    ),
                ),
                "The largest inside is not at the moment of all inputs: add up what is in "
                "memory at one moment.": third_is(
                    MIDDLE,
                    150 + 3000 + 2160,
                    150 + 3000,
                    150 + 3000 + 800,
                ),
                "Inputs of layers behind are gone when the pass goes on.": third_is(
                    MIDDLE, 150 + 3000 + 2000
                ),
            },
        ),
        Case(
            "a frozen layer below, one above",
            bytes_of(UPPER),
            expected=total(UPPER, max(moments(UPPER[1:]))),
            wrong={
                "Below the lowest layer that learns nothing is kept.": third_is(
                    UPPER,
                    max(moments(UPPER)),
                    3000 + max(moments(UPPER[1:])),
                    3000 + 2000 + 200 + 300 + 500 + 900,
                ),
                "Frozen layers above one that learns keep theirs: the gradient goes through "
                "them.": third_is(UPPER, 500 + 28, 500, 28),
            },
        ),
        Case(
            "the same, with checkpointing",
            bytes_of(UPPER, True),
            expected=total(UPPER, max(moments(UPPER[1:], True))),
            wrong={
                "Below the lowest layer that learns nothing is kept.": third_is(
                    UPPER,
                    max(moments(UPPER, True)),
                    3000 + max(moments(UPPER[1:], True)),
                ),
                "Frozen layers above one that learns keep theirs: the gradient goes through "
                "them.": third_is(UPPER, 500 + 28, 500, 28),
            },
        ),
        Case(
            "nothing learns",
            bytes_of(ALL_FROZEN),
            expected=total(ALL_FROZEN, 0),
            wrong={
                "There is no backward pass where nothing learns: nothing is kept.": (
                    lambda got: got[2] > got[0]
                ),
                NO_LOWEST: Exception,
            },
        ),
        Case(
            "no layer",
            lambda peak: [*peak([])],
            expected=[0, 0, 0],
            wrong={
                "There may be no layer: the largest of nothing is 0 here.": ValueError
            },
        ),
        Case(
            "what becomes of the list",
            lambda peak: stays(peak, copy.deepcopy(UPPER)),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "distillation_loss": [
        Case(
            "two texts of two tokens, one of them not due; T = 2, α = 0.75",
            lambda loss: loss(STUDENT, TEACHER, DUE, T, 0.75),
            expected=distilled(),
            wrong={
                "T² is missing: without it the soft part shrinks as T grows.": distilled(
                    by=1.0
                ),
                "It is multiplied by T: by T².": distilled(by=2.0),
                "It is divided by T²: multiply.": distilled(by=0.25),
                "The temperature is not used: divide the logits by it.": one_of(
                    0.75 * distilled(temperature=1.0, alpha=1.0) + 0.25 * HARD,
                    0.75 * 4 * distilled(temperature=1.0, alpha=1.0) + 0.25 * HARD,
                ),
                "Logits are multiplied by T: divide.": (
                    0.75 * distilled(temperature=0.5, alpha=1.0, by=4.0) + 0.25 * HARD
                ),
                "The cross-entropy is that of the student's own logits, not divided by T.": (
                    with_hard(distilled(STUDENT / T, alpha=0.0))
                ),
                "α and 1 − α have changed places.": 0.25 * SOFT + 0.75 * HARD,
                "The weight 1 − α of the cross-entropy is missing.": 0.75 * SOFT + HARD,
                "The weight α of the soft part is missing.": SOFT + 0.25 * HARD,
                "Student and teacher have changed places in the sum: it is p ln(p/q), p the "
                "teacher's.": 0.75 * TURNED + 0.25 * HARD,
                "p ln p is missing: this is the cross-entropy with the teacher.": (
                    0.75 * CROSS + 0.25 * HARD
                ),
                "It is the mean over the vocabulary: take the sum.": one_of(
                    0.25 * SOFT + 0.25 * HARD, (0.75 * SOFT + 0.25 * HARD) / 3
                ),
                "The soft part counts tokens that are not due.": one_of(
                    CUT_OFF, 0.75 * OVER_ALL * 4 / 3 + 0.25 * HARD
                ),
                "It is divided by all tokens: by those that are due.": one_of(
                    distilled() * 3 / 4, 0.75 * SOFT * 3 / 4 + 0.25 * HARD
                ),
                "It is divided by the texts, as `batchmean` does: by the tokens that are "
                "due.": one_of(
                    0.75 * SOFT * 3 / 2 + 0.25 * HARD,
                    0.75 * OVER_ALL * 2 + 0.25 * HARD,
                ),
                "It is the sum over the tokens: take the mean.": one_of(
                    distilled() * 3, 0.75 * 3 * SOFT + 0.25 * HARD
                ),
                "It is the mean of the texts' means: of all tokens that are due.": BY_ROWS,
                "The sign is wrong: the loss is not below 0.": one_of(
                    -distilled(), -0.75 * SOFT + 0.25 * HARD
                ),
                "The soft part alone is not the loss.": SOFT,
                "The cross-entropy alone is not the loss.": HARD,
                "The temperature divides the student's logits alone, or the teacher's: both.": (
                    one_of(
                        0.75
                        * T**2
                        * distilled(STUDENT, TEACHER * T, DUE, T, 1.0, by=1.0)
                        + 0.25 * HARD,
                        0.75
                        * T**2
                        * distilled(STUDENT * T, TEACHER, DUE, T, 1.0, by=1.0)
                        + 0.25 * HARD,
                    )
                ),
            },
        ),
        Case(
            "α of 0 and of 1",
            lambda loss: [
                loss(STUDENT.clone(), TEACHER.clone(), ALL_DUE.clone(), T, alpha)
                for alpha in (0.0, 1.0)
            ],
            expected=[distilled(labels=ALL_DUE, alpha=alpha) for alpha in (0.0, 1.0)],
        ),
        Case(
            "its gradient, and whether the teacher has one",
            slopes,
            expected=right_slopes(),
            wrong={
                "The teacher gets a gradient: cut it off.": lambda got: bool(got[2]),
                "The student gets no gradient.": lambda got: got[1] is None,
                "No gradient goes back to the student.": RuntimeError,
            },
        ),
        Case(
            "tokens that the teacher rules out",
            lambda loss: slopes(loss, ALL_DUE[:1], RULED_OUT),
            expected=right_slopes(ALL_DUE[:1], RULED_OUT),
            wrong={
                "0 · ln 0 is NaN: where the teacher's probability is 0, so is the part of "
                "the sum.": lambda got: has_nan(got[0]) or has_nan(got[1]),
                "ln 0 was replaced by something else: where the teacher's probability is 0, "
                "so is the part of the sum.": lambda got: bool(got[0].isinf()),
            },
        ),
        Case(
            "logits of 3,000 and of −3,000",
            lambda loss: loss(FAR, -FAR, torch.tensor([[2]]), T, 0.75),
            expected=distilled(FAR, -FAR, torch.tensor([[2]])),
            wrong={
                "e to the power of thousands overflows, and its logarithm with it: "
                "`log_softmax` does not.": lambda got: not bool(got.isfinite()),
            },
            tolerance=2e-3,
        ),
        Case(
            "probabilities so small that they are 0",
            lambda loss: loss(
                torch.tensor([[[900.0, -900.0, 0.0]]]),
                torch.tensor([[[-90.0, 90.0, 0.0]]]),
                torch.tensor([[1]]),
                T,
                0.75,
            ),
            expected=distilled(
                torch.tensor([[[900.0, -900.0, 0.0]]]),
                torch.tensor([[[-90.0, 90.0, 0.0]]]),
                torch.tensor([[1]]),
            ),
            wrong={
                "The logarithm of a probability that rounding made 0 is −∞, or was kept "
                "above something: take `log_softmax`.": lambda got: got.ndim == 0
            },
            tolerance=2e-3,
        ),
        Case(
            "no token is due",
            nothing,
            expected=[0.0, torch.zeros(2, 2, 3), False],
            wrong={
                NONE_DUE: lambda got: math.isnan(got[0]) or has_nan(got[1]),
                "No gradient goes back: where none is due it is zeros.": RuntimeError,
                "The student has no gradient: where none is due it is zeros.": (
                    lambda got: got[1] is None
                ),
            },
        ),
        Case(
            "NaN where no loss is due",
            nan_there(math.nan),
            expected=right_slopes()[:2],
            wrong={
                "NaN times 0 is NaN: pick the tokens that are due, and compute with these "
                "alone.": lambda got: has_nan(got[0]) or has_nan(got[1]),
            },
        ),
        Case(
            "one token of one word",
            lambda loss: loss(
                torch.ones(1, 1, 1),
                torch.ones(1, 1, 1),
                torch.zeros(1, 1).long(),
                T,
                0.5,
            ),
            expected=torch.tensor(0.0),
        ),
        Case(
            "what becomes of the tensors",
            lambda loss: stays(
                loss, STUDENT.clone(), TEACHER.clone(), DUE.clone(), T, 0.75
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "pareto_set": [
        Case(
            "five models, by F1 and megabytes",
            chosen(FIVE_MODELS, UP_DOWN),
            expected=[0, 1, 2],
            wrong={
                "`larger` is not used: here every criterion counts as if larger were "
                "better.": [1, 3],
                "`larger` is not used: here every criterion counts as if smaller were "
                "better.": [0, 4],
                "The directions are turned round: `True` is for larger.": [2, 3, 4],
                "Only the best in each criterion are there: a model between them that none "
                "dominates is in the set, too.": [0, 1],
                "It is one model: the set holds all that none dominates.": (
                    lambda got: len(got) == 1
                ),
                "Who is worse in one criterion is not dominated yet: the other must be at "
                "least as good in every one.": [],
                "These are the models that are dominated.": [3, 4],
                "All models are there: some are dominated.": [0, 1, 2, 3, 4],
                "Places are counted from 0.": [1, 2, 3],
                "It says of each model whether it is in the set: places are asked for.": (
                    lambda got: len(got) == 5 and all(x in (0, 1) for x in got)
                ),
                "Places are asked for, not the rows.": lambda got: any(
                    isinstance(each, list | tuple) for each in got
                ),
                NO_LIST: is_table,
                "It is a set: a list is asked for.": lambda got: isinstance(got, set),
                "The smallest place comes first.": lambda got: (
                    isinstance(got, list) and sorted(got) == [0, 1, 2]
                ),
            },
        ),
        Case(
            "three criteria",
            chosen(WITH_TIME, THREE_WAYS),
            expected=[0, 1, 2],
            wrong={
                "The last criterion does not count.": [0, 1],
            },
        ),
        Case(
            "equal in one criterion, worse in the other",
            chosen(SAME_F1, UP_DOWN),
            expected=[1, 3],
            wrong={
                "It is enough to be better in one criterion and equal in the others: one "
                "need not be better in all.": [0, 1, 2, 3],
            },
        ),
        Case(
            "two equal models",
            chosen(TWINS, UP_DOWN),
            expected=[0, 2, 3],
            wrong={
                "Equal models do not dominate each other: both are gone.": [3],
                "Equal models do not dominate each other: one of them is gone.": (
                    lambda got: [*got] in ([0, 3], [2, 3])
                ),
            },
        ),
        Case(
            "one criterion, and who shares the best",
            chosen([[3.0], [1.0], [3.0], [2.0]], [True]),
            expected=[0, 2],
        ),
        Case(
            "one byte more, of 134 million",
            chosen(ONE_BYTE, [False, True]),
            expected=[1],
            wrong={EXACTLY: [0, 1]},
        ),
        Case(
            "the next `float` after 0.5",
            chosen(LAST_DIGIT, [True, False]),
            expected=[1],
            wrong={EXACTLY: [0, 1]},
        ),
        Case(
            "four models, two of them with a NaN",
            chosen(UNMEASURED, UP_DOWN),
            expected=[0],
            wrong={
                NOT_MEASURED: lambda got: 1 in got or 2 in got,
                "Model 0 is gone: a model with a NaN dominates none.": [],
            },
        ),
        Case(
            "infinity",
            chosen(ENDLESS, UP_DOWN),
            expected=[0, 1],
            wrong={
                "Infinity is a number like others: no model is left out for it.": [1],
            },
        ),
        Case(
            "no model",
            chosen([], UP_DOWN),
            expected=[],
            wrong={"There may be no model: then the set is empty.": Exception},
        ),
        Case(
            "a row of one number, where there are two criteria",
            chosen([[1.0, 2.0], [3.0]], UP_DOWN),
            expected=ValueError,
            wrong={
                "A row that does not fit the criteria was taken: raise `ValueError`.": (
                    lambda got: isinstance(got, list)
                )
            },
        ),
        Case(
            "a row of three numbers, and one of two for one criterion",
            errors_of(
                ([[1.0, 2.0], [3.0, 4.0, 5.0]], [True, False]), ([[1.0, 2.0]], [True])
            ),
            expected=[True, True],
            wrong={
                "A row that does not fit the criteria was taken: raise `ValueError`.": (
                    lambda got: False in got
                ),
            },
        ),
        Case(
            "what becomes of the lists",
            lambda pareto: stays(pareto, copy.deepcopy(TWINS), [*UP_DOWN]),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "near_duplicates": [
        Case(
            "three texts, pieces of 3 characters",
            pairs(CATS, 0.2, 3),
            expected=[(0, 2, 9 / 19)],
            wrong={
                "This is Dice's coefficient, of twice what is shared: divide by the union.": (
                    told_as(18 / 28)
                ),
                "It is divided by the smaller set: that is how much one contains of the "
                "other. Divide by the union.": told_as(9 / 13),
                "It is divided by the larger set: divide by the union.": told_as(
                    9 / 15
                ),
                "Pieces are counted as often as they occur: take sets.": told_as(
                    9 / 20
                ),
                "Words were compared: shingles are pieces of characters.": told_as(
                    1 / 3
                ),
                "Shingles overlap: one begins at each character.": told_as(1 / 5),
                "The last shingle of each text is missing.": told_as(8 / 18),
                "A shingle has `size` characters: at the end there are shorter ones.": (
                    told_as(11 / 21)
                ),
                "Spaces are characters like others: they were taken out.": told_as(
                    1 / 2
                ),
                "`size` is not used.": told_as(1 / 4),
                "This is `difflib`'s ratio, not the similarity of sets.": lambda got: (
                    any(math.isclose(each[2], 10 / 11, abs_tol=1e-4) for each in got)
                ),
                "It is the number of shingles that both have: divide by the union.": (
                    told_as(9)
                ),
                "This is the distance, 1 minus the similarity.": told_as(10 / 19),
                "i is smaller than j: each pair is told once.": lambda got: any(
                    i >= j for i, j, _ in got
                ),
                "Places are counted from 0.": [(1, 3, 9 / 19)],
                "Its similarity belongs to each pair, as its third.": [(0, 2)],
            },
        ),
        Case(
            "a text that holds the other",
            pairs(LONGER, 0.2),
            expected=[(0, 1, 15 / 42)],
            wrong={
                "It is divided by the smaller set: divide by the union.": told_as(1.0),
            },
        ),
        Case(
            "a text that repeats itself",
            pairs(ECHO, 0.2, 2),
            expected=[(0, 1, 1.0)],
            wrong={
                "A shingle that occurs four times is in the set once.": told_as(1 / 3),
            },
        ),
        Case(
            "a like b, b like c, and a less like c",
            pairs(CHAIN, 0.5, 2),
            expected=[(0, 1, 5 / 9), (1, 2, 5 / 9)],
            wrong={
                "A text that was found once is compared no more: tell each pair.": [
                    (0, 1, 5 / 9)
                ],
                "A pair that does not reach the threshold itself is there.": (
                    lambda got: len(got) == 3
                ),
            },
        ),
        Case(
            "the order of six pairs",
            lambda near: [each[:2] for each in near(["a", "a", "ab", "ab"], 0.4, 1)],
            expected=[(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)],
            wrong={
                "They are ordered by i, then by j.": lambda got: (
                    len(got) == 6 and {*map(tuple, got)} == {*combinations(range(4), 2)}
                ),
            },
        ),
        Case(
            "large letters and small",
            alike_pair("Near And Far", "nEAR aND fAR"),
            expected=[(0, 1, 1.0)],
            wrong={"Large and small letters are the same when folded.": told_less},
        ),
        Case(
            "Straße and STRASSE",
            alike_pair("Straße", "STRASSE"),
            expected=[(0, 1, 1.0)],
            wrong={
                "`lower` leaves the ß as it is, and `upper` is not asked for: take "
                "`casefold`.": told_less
            },
        ),
        Case(
            "an i with a dot, and one without",
            alike_pair("d\u0131n", "din"),
            expected=[],
            wrong={
                "`upper` makes letters equal that `casefold` keeps apart.": told_more,
            },
        ),
        Case(
            "an accent in two writings, a letter in two widths, a ligature",
            lambda near: [
                alike_pair(*each)(near)
                for each in (
                    ("caf\u00e9 noir", "cafe\u0301 noir"),
                    ("\uff41\uff42\uff43 def", "abc def"),
                    ("e\ufb03cient", "efficient"),
                )
            ],
            expected=[[(0, 1, 1.0)]] * 3,
            wrong={
                "The form is NFC or NFD: NFKC also unites letters of another width, and "
                "ligatures.": lambda got: told_more(got[0]) and told_less(got[1]),
                NOT_NFKC: lambda got: any(map(told_less, got)),
            },
        ),
        Case(
            "20 ℃ and 20 °c",
            alike_pair("20 \u2103", "20 °c", 2),
            expected=[(0, 1, 1.0)],
            wrong={
                "The order of the steps counts: NFKC makes a large C of ℃, so fold after "
                "it.": told_less
            },
        ),
        Case(
            "blanks, tabs and new lines",
            lambda near: [
                alike_pair(*each)(near)
                for each in (
                    ("one  two", "one two"),
                    ("one\ttwo", "one\ntwo"),
                    (" one two\n", "one two"),
                )
            ],
            expected=[[(0, 1, 1.0)]] * 3,
            wrong={ONE_SPACE: lambda got: any(map(told_less, got))},
        ),
        Case(
            "a space more within a word",
            alike_pair("to day", "today"),
            expected=[(0, 1, 1 / 6)],
            wrong={
                "A run of whitespace becomes one space, not none.": told_more,
            },
        ),
        Case(
            "accents",
            alike_pair("résumé", "resume"),
            expected=[(0, 1, 1 / 7)],
            wrong={"Accents stay: NFKC does not take them away.": told_more},
        ),
        Case(
            "punctuation",
            alike_pair("yes, no.", "yes no"),
            expected=[(0, 1, 2 / 8)],
            wrong={"Punctuation stays.": told_more},
        ),
        Case(
            "texts of 2, 3, 2, 5 and 3 characters; pieces of 3",
            pairs(SHORT, 0.3, 3),
            expected=[(0, 2, 1.0), (1, 3, 1 / 3)],
            wrong={
                "A text that is shorter than `size` is itself its one shingle.": [
                    (1, 3, 1 / 3)
                ],
            },
        ),
        Case(
            "empty texts, and one of blanks",
            pairs(EMPTY, 0.001, 2),
            expected=[],
            wrong={
                "0/0: the union of two empty sets is empty.": ZeroDivisionError,
                "An empty text is like no text, not even another empty one.": (
                    lambda got: len(got) > 0
                ),
            },
        ),
        Case(
            "similarities that meet the threshold",
            pairs(MEETS, 0.5, 1),
            expected=[(0, 1, 0.5), (1, 2, 0.75)],
            wrong={
                "At least: who meets the threshold is there, too.": [(1, 2, 0.75)],
            },
        ),
        Case(
            "a threshold of 1",
            pairs(["same", "Same ", "sameness"], 1.0, 2),
            expected=[(0, 1, 1.0)],
            wrong={
                "At least: who meets the threshold is there, too.": [],
                "1 is a threshold: all shingles are the same.": Exception,
            },
        ),
        Case(
            "no text",
            pairs([], 0.5),
            expected=[],
            wrong={ONE_OR_ALL: Exception},
        ),
        Case(
            "thresholds of 0, −1 and 1.5",
            errors_of(*((["a", "a"], each) for each in (0.0, -1.0, 1.5))),
            expected=[True, True, True],
            wrong={OUT: lambda got: False in got},
        ),
        Case(
            "a size of 0",
            errors_of((["a", "a"], 0.5, 0), (["a", "a"], 0.5, -2)),
            expected=[True, True],
            wrong={BELOW_1: lambda got: False in got},
        ),
        Case(
            "a threshold of 0, and no text",
            errors_of(([], 0.0)),
            expected=[True],
            wrong={
                "Look at the threshold first, also where there is no text.": [False],
            },
        ),
        Case(
            "what becomes of the list",
            lambda near: stays(near, [" B", "a"], 0.5),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "drift_statistic": [
        Case(
            "D of four numbers, and of five that lie higher",
            distance(BEFORE, AFTER),
            expected=0.6,
            wrong={
                AT_ALL: 0.4,
                BOTH_WAYS: 0.0,
                "It is the difference of the means: compare the two F.": one_of_numbers(
                    2.3, -2.3
                ),
                ITS_OWN_SIZE: one_of_numbers(0.5, 2 / 9),
            },
        ),
        Case(
            "the same two, the other way round",
            distance(AFTER, BEFORE),
            expected=0.6,
            wrong={
                AT_ALL: 0.4,
                BOTH_WAYS: one_of_numbers(0.0, -0.6),
            },
        ),
        Case(
            "D where many numbers are equal, and the shares are the same",
            distance(REPEATS, AGAIN),
            expected=0.0,
            wrong={
                AT_ONCE: lambda got: float(got) > 0,
            },
        ),
        Case(
            "D of numbers that lie near each other, and of one that lies far off",
            distance(
                torch.tensor([0.001, 0.002, 0.003, 9.0]),
                torch.tensor([0.0025, 0.0035, 0.0045, 8.0]),
            ),
            expected=0.5,
            wrong={
                "Numbers were counted by bins: there are none.": 0.25,
                "The largest distances in the two directions were added: the larger of the "
                "two counts.": 0.75,
            },
        ),
        Case(
            "p over eleven orders, of which seven reach D",
            p_of(BEFORE, AFTER, ELEVEN_ORDERS),
            expected=8 / 12,
            wrong={
                "The observed order counts as well: add 1, above and below.": (
                    one_of_numbers(7 / 11, 8 / 11, 7 / 12)
                ),
                "An order whose D is equal counts, too: at least.": one_of_numbers(
                    4 / 12, 3 / 11
                ),
                "Orders were counted whose D is at most the observed one.": 9 / 12,
                "A row of `orders` holds what stands at each place, as `row[order]` takes "
                "it; it was turned round.": 3 / 12,
                "The first n of an order are the new reference, not the last.": 6 / 12,
                "D of an order is the largest distance in either direction, too.": 5
                / 12,
                "p is not doubled: D is for both directions already.": one_of_numbers(
                    16 / 12, 1.0
                ),
            },
        ),
        Case(
            "p, with the samples the other way round",
            p_of(AFTER, BEFORE, ELEVEN_ORDERS),
            expected=7 / 12,
            wrong={
                "The first n of an order are the new reference, n the size of the old one.": 4
                / 12,
            },
        ),
        Case(
            "p where D is the same number, added up in another way",
            p_of(TIED_BEFORE, TIED_AFTER, SIX_ORDERS),
            expected=3 / 7,
            wrong={
                "Rounding decides: 4/5 − 1/7 and other fractions of the same value differ in "
                "their last digit. Compare whole numbers, n · m · D.": 2 / 7,
            },
        ),
        Case(
            "p without an order",
            p_of(BEFORE, AFTER, IN_TURN[:0]),
            expected=1.0,
            wrong={
                "There may be no order: p is 1 then.": Exception,
                "There may be no order: p is 1 then, not NaN.": lambda got: got != got,
            },
        ),
        Case(
            "infinite numbers",
            distance(HIGH, LOW),
            expected=0.75,
            wrong={
                "−∞ and ∞ are numbers like others.": lambda got: (
                    got != got or float(got) == 0.5
                ),
                "Infinity is no NaN: it is not refused.": ValueError,
                "−∞ and ∞ are numbers like others: `orders` counts them, too.": (
                    IndexError
                ),
            },
        ),
        Case(
            "D where it is largest at −∞",
            distance(
                torch.tensor([-math.inf, 5.0, -math.inf, 6.0, -math.inf]),
                torch.tensor([1.0, 2.0, 3.0]),
            ),
            expected=0.6,
            wrong={"v may be −∞ or ∞, too.": 0.4},
        ),
        Case(
            "one number each",
            lambda drift: [
                distance(BEFORE[:1], other)(drift) for other in (BEFORE[:1], AFTER[:1])
            ],
            expected=[0.0, 1.0],
        ),
        Case(
            "an empty sample, before or after",
            errors_of(
                (BEFORE[:0], AFTER, IN_TURN[:, :5]), (BEFORE, AFTER[:0], IN_TURN[:, :4])
            ),
            expected=[True, True],
            wrong={
                NO_NUMBERS: lambda got: False in got,
                "A sample that is empty is refused with a `ValueError`, before anything is "
                "divided by 0.": Exception,
            },
        ),
        Case(
            "a NaN, before or after",
            errors_of(
                (torch.tensor([1.0, math.nan]), AFTER, IN_TURN[:, :7]),
                (BEFORE, torch.tensor([math.nan]), IN_TURN[:, :5]),
            ),
            expected=[True, True],
            wrong={
                NO_NUMBERS: lambda got: False in got,
                "A NaN was left out: it is refused with a `ValueError`.": IndexError,
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda drift: stays(drift, AFTER.clone(), BEFORE.clone(), ELEVEN_ORDERS),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
}

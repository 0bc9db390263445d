"""What only the grader runs on the efficiency set.

A draw gives a list of inputs, and a harness runs them all: each plants one rule of the
statement, so that who breaks it fails every time.
"""

import math
import unicodedata
from collections import Counter
from itertools import combinations

import numpy as np
import scipy.stats
import torch
from numpy.random import Generator

from labkit.grading import ByHand, Check, Exercise, normal

KINDS = (torch.float32, torch.float16, torch.bfloat16)


def sizes(random: Generator, count: int) -> list[int]:
    """Different ones, so that no dimension can be taken for another."""
    return random.permutation(range(2, 8))[:count].tolist()


def run_all_and_keep(answer, calls):
    return [[answer(*call) for call in calls], calls]


# ----- a layer and its adapter


def layer(random: Generator, front: tuple, d_in: int, d_out: int, rank: int) -> list:
    """The weights are large, the update is not small; α/r is neither 1 nor α."""
    alpha = round(float(random.uniform(2, 5)), 3)
    return [
        normal(random, *front, d_in) + 0.5,
        normal(random, d_out, d_in),
        normal(random, d_out, scale=2),
        normal(random, rank, d_in),
        normal(random, d_out, rank),
        alpha,
    ]


def layers_of_any_shape(random: Generator) -> tuple:
    """Also square, where nothing tells input from output or rank."""
    a, b, d, e, r = sizes(random, 5)
    shapes = [((a, b), d, e, r), ((b,), d, e, r), ((), d, e, r), ((a, 1, b), d, e, 1)]
    shapes += [((3,), 3, 3, 3), ((1, 1), d, 1, r), ((b,), 1, e, r), ((1,), 1, 1, 1)]
    calls = [layer(random, *shape) for shape in shapes]
    calls += [layer(random, (2, a), d, e, r) for _ in range(3)]
    calls[-1][-1], calls[-2][-1], calls[-3][-1] = 0.0, -1.5, 16
    return (calls,)


def layers_to_learn(random: Generator) -> tuple:
    """With which of the tensors require a gradient: the frozen ones may, or may not."""
    a, d, e, r = sizes(random, 4)
    found = []
    for front, learning in (((a, 3), True), ((a,), False), ((), True)):
        found.append([*layer(random, front, d, e, r), learning])
    found[0][4] *= 0  # as it begins: then A has no gradient yet, and B has
    without = [*layer(random, (2,), d, e, r), True]
    without[2] = None
    return ([*found, without],)


def run_gradients(answer, found):
    results = []
    for *given, alpha, learning in found:
        for place, tensor in enumerate(given):
            if tensor is not None:
                needed = learning or place not in (1, 2)
                given[place] = tensor.clone().requires_grad_(needed)
        result = answer(*given, alpha)
        pull = torch.linspace(-1, 2, result.numel()).reshape(result.shape)
        (result * pull).sum().backward()
        results.append([None if part is None else part.grad for part in given])
    return results


def layers_of_halves(random: Generator) -> tuple:
    """Weights of float16 under vectors whose products overflow or vanish in it."""
    a, d, e, r = sizes(random, 4)
    calls = [layer(random, (a,), d, e, r) for _ in range(4)]
    for call, scale in zip(calls, (1.0, 3e4, 1e-3, 1.0), strict=True):
        call[0] *= scale
        call[1], call[2] = call[1].half(), call[2].half()
    calls[2][1] *= 1e-4
    calls[2][2] *= 0
    calls[2][3] *= 1e-2
    calls[3][2] = None
    whole = layer(random, (a, 2), d, e, r)
    whole[2] = None
    return ([*calls, whole],)


def run_halves(answer, calls):
    results = [answer(*call) for call in calls]
    sizes_of = [3e4 if i == 1 else 1e-4 if i == 2 else 1 for i in range(len(results))]
    scaled = [each / by for each, by in zip(results, sizes_of, strict=True)]
    return [scaled, [str(each.dtype) for each in results], calls]


def beside(x, weight, bias, down, up, alpha):
    """The matrix as a whole, and vector by vector; the frozen part knows no gradient."""
    with torch.no_grad():
        frozen = weight.double()
        shift = torch.zeros(len(weight)) if bias is None else bias.double()
    whole = frozen + torch.einsum("or,ri->oi", up.double(), down.double()) * (
        alpha / down.shape[0]
    )
    return (torch.einsum("...i,oi->...o", x.double(), whole) + shift).float()


# ----- merge


def adapter(random: Generator, d_in: int, d_out: int, rank: int) -> tuple:
    sign = random.choice([-1, 1])
    alpha = round(float(sign * random.uniform(2, 9)), 3)
    return normal(random, rank, d_in), normal(random, d_out, rank), alpha


def adapters_of_any_rank(random: Generator) -> tuple:
    d, e, r, s = sizes(random, 4)
    found = []
    for d_in, d_out, ranks in (
        (d, e, [r]),
        (d, e, [r, s, 1]),
        (e, d, [s, s]),
        (4, 4, [4, 2]),
        (d, e, []),
        (1, e, [r]),
        (d, 1, [1, r]),
        (1, 1, [1]),
    ):
        some = [adapter(random, d_in, d_out, rank) for rank in ranks]
        found.append([normal(random, d_out, d_in), some])
    return (found,)


def input_comes_first(random: Generator) -> tuple:
    """Square ones too; and the same told in so many words, or not at all."""
    d, e, r, s = sizes(random, 4)
    found = []
    for d_in, d_out in ((d, e), (5, 5), (1, e), (d, 1)):
        some = [adapter(random, d_in, d_out, rank) for rank in (r, s)]
        found.append([normal(random, d_in, d_out), some, True])
    some = [adapter(random, 5, 5, r)]
    return (
        [*found, [normal(random, 5, 5), some, False], [normal(random, 3, 2), [], True]],
    )


def run_by_name(answer, calls):
    named = [answer(*call[:2], input_first=call[2]) for call in calls]
    return [named, [answer(*call) for call in calls], calls]


def steps_that_add_up(random: Generator) -> list:
    """Each alone is less than half a step of a short dtype, and all are more.

    And one that is little more than half a step: rounded by itself, it is just half.
    """
    found = []
    for kind, bits in ((torch.float16, 10), (torch.bfloat16, 7)):
        step = 2.0**-bits
        rows, columns = sizes(random, 2)
        places = random.integers(0, 2 ** (bits - 2), size=(rows, columns))
        weight = torch.from_numpy(1 + 2 * places * step).to(kind)
        small = []
        for share in (0.3, 0.3, 0.24):
            down, up = torch.ones(2, columns), torch.full((rows, 2), share * step)
            small.append((down, up, 1.0))
        found.append([weight, small])
        alone = torch.ones(1, columns), torch.full((rows, 1), 0.50015 * step), 1.0
        found.append([weight, [alone]])
        turned = [(torch.ones(2, rows), torch.full((columns, 2), 0.3 * step), 1.0)] * 2
        found.append([weight, turned, True])
    return found


def run_kinds(answer, found):
    results = [answer(*call) for call in found]
    return [[each.float() for each in results], [str(x.dtype) for x in results], found]


def of_all_kinds(random: Generator) -> tuple:
    d, e, r = sizes(random, 3)
    some = [adapter(random, d, e, rank) for rank in (r, 1)]
    weight = normal(random, e, d)
    short = [[weight, some]]
    short += [[weight.to(kind), []] for kind in KINDS]
    return ([*steps_that_add_up(random), *short],)


def summed(weight, adapters, input_first=False):
    """Number by number: in double precision."""
    total = weight.double().numpy().copy()
    for down, up, alpha in adapters:
        for row, column in np.ndindex(*total.shape):
            out, into = (column, row) if input_first else (row, column)
            dot = sum(
                a * b
                for a, b in zip(up[out].tolist(), down[:, into].tolist(), strict=True)
            )
            total[row, column] += alpha * dot / len(down)
    return torch.from_numpy(total).float().to(weight.dtype)


# ----- absmax


def steady(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Numbers whose quotient comes near a half are replaced by 0."""
    wide = values.double()
    scale = wide.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    quotient = torch.where(scale > 0, wide / scale, 0.0)
    near = (quotient - quotient.floor() - 0.5).abs() < 0.02
    return values.masked_fill(near, 0)


def rows_of_any_size(random: Generator) -> tuple:
    """Of 1e-7 and of 1e4 side by side, the largest below 0 or above; a row of zeros."""
    a, b = sizes(random, 2)
    found = []
    for rows, columns in ((a, 40), (b, 7), (1, 30), (6, 1), (5, 5), (1, 1)):
        for bits in (8, int(random.integers(3, 8))):
            values = normal(random, rows, columns)
            values[:, 0] = values.abs().amax(1) * 1.25
            values[::2, 0] *= -1
            powers = random.permutation(np.linspace(-6, 4, rows))
            largest = torch.from_numpy(10.0**powers)[:, None].float()
            values *= largest / values.abs().amax(1, keepdim=True)
            if columns > 5:  # 100.5 in float16, which would be rounded to 100
                values[:, 1] = values[:, 0].abs() * (100.525 / 127)
            found.append([steady(values, bits), bits])
    return (found,)


def few_bits(random: Generator) -> tuple:
    found = []
    for bits in range(2, 9):
        values = normal(random, 4, 50)
        values[1:, 3] = torch.tensor([-5.0, 5.0, -4.0])
        values[2, 4] = -5  # both ends of the codes in a row
        found.append([steady(values, bits), bits])
    return (found,)


def zeros_and_halves(random: Generator) -> tuple:
    """Float16 down to its smallest numbers, and up to where their sums overflow."""
    rows = 4, 9
    small = torch.from_numpy(random.integers(-110, 111, size=rows)).float() * 2.0**-24
    small[:, 0] = 120 * 2.0**-24
    large = normal(random, *rows, scale=9_000)
    large[:, 1] = 60_000
    middle = normal(random, *rows)
    found = [[steady(x.half(), 8), 8] for x in (small, large)]
    found.append([steady(middle.half(), 6), 6])
    nothing = normal(random, *rows)
    nothing[1] = 0
    found.append([steady(nothing, 8), 8])
    found += [[torch.zeros(2, 3), 4], [torch.zeros(1, 1).half(), 2]]
    return (found,)


def run_codes(answer, found):
    """The scales in units of the row's largest number: one of 1e-9 is seen as well."""
    results = []
    for weight, bits in found:
        codes, scale = answer(weight, bits)
        largest = weight.float().abs().amax(1)
        unit = torch.where(largest > 0, largest, 1.0)
        results.append([codes, scale / unit])
    return results


def run_codes_and_kinds(answer, found):
    results = [answer(weight, bits) for weight, bits in found]
    kinds = [[str(part.dtype) for part in pair] for pair in results]
    return [run_codes(answer, found), kinds, found]


def row_by_row(weight, bits):
    codes, scales = [], []
    for row in weight.double().tolist():
        scale = max(map(abs, row)) / (2 ** (bits - 1) - 1)
        codes.append([math.floor(w / scale + 0.5) if scale else 0 for w in row])
        scales.append(scale)
    return torch.tensor(codes, dtype=torch.int8), torch.tensor(scales)


# ----- groups


def clear(weight: torch.Tensor, group: int, bits: int) -> list:
    """Numbers whose quotient comes near a half are replaced by their group's least."""
    values = weight.double().numpy().copy()
    for row in values:
        for begin in range(0, len(row), group):
            part = row[begin : begin + group]
            low, width = part.min(), part.max() - part.min()
            if width:
                quotient = (part - low) / width * (2**bits - 1)
                part[abs(quotient % 1 - 0.5) < 0.02] = low
    return [torch.from_numpy(values).float(), group, bits]


def far_from_zero(random: Generator, rows: int, columns: int) -> torch.Tensor:
    """Each row on a side of its own, and wider here than there."""
    values = normal(random, rows, columns)
    values *= torch.from_numpy(random.uniform(0.2, 3, size=columns)).float()
    sides = torch.tensor([6.0, -6.0, 0.5]).repeat(rows)[:rows]
    return values + sides[torch.from_numpy(random.permutation(rows))][:, None]


def whole_groups(random: Generator) -> tuple:
    rows, group, many = sizes(random, 3)
    found = []
    for shape, size in (
        ((rows, group * many), group),
        ((group, group * 2), group),
        ((rows, many), many),
        ((1, group * 3), group),
        ((4, 8), 4),
    ):
        found.append(clear(far_from_zero(random, *shape), size, 4))
    found.append(clear(far_from_zero(random, rows, 64), 32, 4))
    return (found,)


def ragged_groups(random: Generator) -> tuple:
    """The last has some numbers less, or one alone; or a group has room for more."""
    rows, group = sizes(random, 2)
    group += 2
    found = []
    for columns, size in (
        (group * 2 + 1, group),
        (group * 3 - 1, group),
        (group - 1, group),
        (1, group),
        (7, 3),
        (50, 32),
    ):
        found.append(clear(far_from_zero(random, rows, columns), size, 4))
    # rows times columns is a multiple of the group, and the columns are none
    found.append(clear(far_from_zero(random, 4, 6), 4, 4))
    found.append(clear(far_from_zero(random, 6, 3), 2, 4))
    return (found,)


def any_bits(random: Generator) -> tuple:
    rows, group = sizes(random, 2)
    found = []
    for bits in range(1, 9):
        weight = far_from_zero(random, rows, group * 3 + 1)
        found.append(clear(weight, group, bits))
    return (found,)


def equal_numbers(random: Generator) -> tuple:
    """Of a value above 0, below it, and 0; and groups of one number."""
    weight = far_from_zero(random, 3, 14)
    weight[0, :4], weight[1, 4:8], weight[2, 8:12] = 2.5, -3.5, 0.0
    weight[2, 12:] = -1.25
    found = [clear(weight, 4, 4)]
    found.append([far_from_zero(random, 2, 5), 1, 4])
    found.append([torch.full((2, 3), 7.0), 2, 4])
    tiny = clear(far_from_zero(random, 2, 8).sub(6) * 1e-6, 4, 4)
    return ([*found, tiny],)


def run_groups(answer, found):
    results = []
    for weight, group, bits in found:
        given = [weight, group] if bits == 4 else [weight, group, bits]
        results.append([*answer(*given)])
    return results


def run_groups_and_kinds(answer, found):
    results = [[*answer(*given)] for given in found]
    kinds = [[str(part.dtype) for part in parts] for parts in results]
    units = [1e6 * scales for _, scales, _ in results[-1:]]
    return [results, units, kinds, found]


def group_by_group(weight, group, bits=4):
    codes, scales, lows = [], [], []
    for row in weight.double().tolist():
        parts = [row[i : i + group] for i in range(0, len(row), group)]
        lows.append([min(part) for part in parts])
        scales.append([(max(part) - min(part)) / (2**bits - 1) for part in parts])
        codes.append([])
        for part, low, scale in zip(parts, lows[-1], scales[-1], strict=True):
            codes[-1] += [int((w - low) / scale + 0.5) if scale else 0 for w in part]
    found = torch.tensor(codes, dtype=torch.uint8)
    return found, torch.tensor(scales), torch.tensor(lows)


# ----- one step


def network(random: Generator, *widths: int) -> list:
    """Weights and biases of linear layers, one after the other."""
    pairs = zip(widths[1:], widths, strict=False)
    return [
        [normal(random, d_out, d_in), normal(random, d_out)] for d_out, d_in in pairs
    ]


def uneven(random: Generator, size: int, classes: int, dues: list) -> list:
    """Parts of which so many labels count, of so many: (due, examples)."""
    parts = []
    for due, examples in dues:
        labels = torch.from_numpy(random.integers(0, classes, size=examples))
        away = random.permutation(examples)[: examples - due]
        labels[torch.from_numpy(away)] = -100
        parts.append((normal(random, examples, size), labels))
    return parts


SURELY = 1e6  # a norm that no gradient here reaches


def steps_of_one_part(random: Generator) -> tuple:
    found = []
    for dues in ([(4, 4)], [(2, 5)], [(1, 1)]):
        size, classes = sizes(random, 2)
        rate = float(random.uniform(0.2, 2))
        parts = uneven(random, size, classes, dues)
        found.append([network(random, size, classes), "11", parts, rate, SURELY])
    return (found,)


def steps_of_uneven_parts(random: Generator) -> tuple:
    """One label here, all there, none in between; first, in the middle, and last."""
    some, few = int(random.integers(5, 8)), int(random.integers(3, 5))
    found = []
    for dues in (
        [(some, some), (1, few)],
        [(1, some), (few, few), (2, 2)],
        [(0, few), (some, some), (1, few)],
        [(some, some), (0, few), (1, 1), (0, 2)],
        [(2, few)] * 3,
    ):
        size, classes = sizes(random, 2)
        rate = float(random.uniform(0.2, 2))
        parts = uneven(random, size, classes, dues)
        found.append([network(random, size, classes), "11", parts, rate, SURELY])
    return (found,)


def steps_that_are_clipped(random: Generator) -> tuple:
    """By a norm that all layers have together, and none alone; or not, by a little."""
    found = []
    for share in (0.3, 0.97, 1.03, 5.0, 0.97):
        size, hidden, classes = sizes(random, 3)
        some = int(random.integers(4, 7))
        parts = uneven(random, size, classes, [(some, some), (1, 3), (2, 2)])
        given = [network(random, size, hidden, classes), "11", parts, 1.0, SURELY]
        _, norm = in_one(made(given), parts, 0.0, SURELY)
        rate = float(random.uniform(0.1, 1))
        found.append([*given[:3], rate, norm * share])
    return (found,)


def steps_with_frozen_layers(random: Generator) -> tuple:
    """Below or above those that learn; with a gradient from before, and a clipping."""
    found = []
    for learning, share in (("01", SURELY), ("01", 0.5), ("10", 0.5), ("10", SURELY)):
        size, hidden, classes = sizes(random, 3)
        parts = uneven(random, size, classes, [(5, 5), (1, 3)])
        given = [network(random, size, hidden, classes), learning, parts, 1.0, SURELY]
        _, norm = in_one(made(given), parts, 0.0, SURELY)
        rate = float(random.uniform(0.1, 1))
        found.append([*given[:3], rate, norm * share])
    return (found,)


def made(given, before: bool = False):
    """The model; with a gradient from before in what learns."""
    weights, learning, parts, *_ = given
    model = torch.nn.Sequential()
    for (weight, bias), learns in zip(
        weights, [*learning][-len(weights) :], strict=True
    ):
        linear = torch.nn.Linear(*reversed(weight.shape))
        linear.load_state_dict({"weight": weight, "bias": bias})
        model.append(linear.requires_grad_(learns == "1"))
    if before:
        (model(parts[0][0]).square().sum() * 3).backward()
    return model


def run_steps(answer, found):
    results = []
    for given in found:
        model = made(given)
        pair = answer(model, *given[2:])
        results.append([[*pair], [p.detach() for p in model.parameters()]])
    return results


def run_steps_from_before(answer, found):
    """Also what learns afterwards, and what has become of the parts."""
    results = []
    for given in found:
        model = made(given, before=True)
        pair = answer(model, *given[2:])
        numbers = [isinstance(each, float) for each in pair]
        learns = [p.requires_grad for p in model.parameters()]
        moved = [p.detach() for p in model.parameters()]
        results.append([[*pair], numbers, learns, moved, given[2]])
    return results


class Top(torch.nn.Module):
    """The last layer, which stays with us: it sees each part go up and come down."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight
        self.sizes, self.events = [], []

    def forward(self, states):
        self.sizes.append(len(states))
        logits = torch.tanh(states) @ self.weight
        if logits.requires_grad:
            self.events.append("forward")
            logits.register_hook(lambda gradient: self.events.append("backward"))
        return logits


def with_a_top(random: Generator) -> tuple:
    size, hidden, classes = sizes(random, 3)
    some = int(random.integers(4, 7))
    parts = uneven(random, size, classes, [(some, some), (1, 3), (2, 4), (3, 3)])
    top = normal(random, hidden, classes)
    return [network(random, size, hidden), "1", parts, 0.5, SURELY], top


def run_below(answer, given, top):
    model, above = made(given), Top(top)
    pair = answer(torch.nn.Sequential(model[0], above), *given[2:])
    moved = [p.detach() for p in model.parameters()]
    pairs = [*zip(above.events, above.events[1:], strict=False)]
    kept = pairs.count(("forward", "forward")) + pairs.count(("backward", "backward"))
    whole = [len(inputs) for inputs, _ in given[2]]
    return [[*pair], moved, above.sizes == whole, kept, len(above.events)]


def in_one(model, parts, learning_rate, max_norm):
    """Part by part as well, but weighed, clipped and moved by PyTorch."""
    dues = [int((labels != -100).sum()) for _, labels in parts]
    model.zero_grad()
    total = 0.0
    for inputs, labels in parts:
        log_p = model(inputs).log_softmax(-1)
        own = log_p[torch.arange(len(labels)), labels.clamp(min=0)]
        loss = -(own * (labels != -100)).sum() / sum(dues)
        loss.backward()
        total += float(loss.detach())
    learning = [p for p in model.parameters() if p.requires_grad]
    norm = torch.nn.utils.clip_grad_norm_(learning, max_norm)
    torch.optim.SGD(learning, learning_rate).step()
    return total, float(norm)


# ----- memory


def one_layer(random: Generator, learns: bool = True, **more: int) -> dict:
    """A frozen part whose bits are no whole number of bytes."""
    return {
        "frozen": 2 * int(random.integers(50, 900)) + 1,
        "bits": int(random.choice([2, 4])),
        "trained": int(random.integers(50, 900)) if learns else 0,
        "input": int(random.integers(100, 4_000)),
        "inside": int(random.integers(100, 9_000)),
    } | more


def any_layers(random: Generator) -> tuple:
    """Of 4, 8, 16 and 32 bits; all frozen or none; one layer, and none at all."""
    several = [one_layer(random, bits=bits) for bits in (4, 8, 16, 32, 4, 2)]
    found = [several, several[:1], [one_layer(random, frozen=0), *several[1:3]]]
    found.append([one_layer(random, False) for _ in range(3)])
    return ([[some, False] for some in (*found, [])],)


def run_sums(answer, found):
    return [[*answer(layers)][:2] for layers, _ in found]


def fullest(random: Generator, checkpointing: bool) -> list:
    """With the fullest moment at the last layer, at the first, and in between."""
    found = []
    for where in (0, 2, 4):
        layers = []
        for place in range(5):
            more = {"trained": 100, "input": 50, "inside": 60}
            if place == where:  # it keeps much; what is behind it learns much
                more |= {"inside": 90_000 + int(random.integers(999))}
            if place > where:
                more |= {"trained": 9_000 + int(random.integers(999))}
            layers.append(one_layer(random, **more))
        found.append(layers)
    for _ in range(3):
        found.append([one_layer(random) for _ in range(int(random.integers(3, 7)))])
    large = [one_layer(random, input=5_000 + i, inside=20_000 + i) for i in range(4)]
    found.append([*large, one_layer(random, inside=50, trained=9)])
    found.append([one_layer(random)])
    return [[layers, checkpointing] for layers in found]


def all_learn(random: Generator) -> tuple:
    return (fullest(random, False),)


def all_learn_with_checkpoints(random: Generator) -> tuple:
    return (fullest(random, True),)


def some_learn(random: Generator) -> tuple:
    """Some above, one in between, or none; with checkpoints and without."""
    found = []
    for pattern in ("00111", "00100", "01010", "00001", "10000", "000", "0", ""):
        layers = [one_layer(random, learns == "1") for learns in pattern]
        for layer_below in layers[:2]:
            layer_below |= {"input": 70_000, "inside": 80_000}
        found += [[layers, False], [layers, True]]
    return (found,)


def run_memory(answer, found):
    return [[*answer(*given)] for given in found]


def run_memory_and_keep(answer, found):
    default = [[*answer(layers)] for layers, _ in found]
    named = [[*answer(layers, checkpointing=flag)] for layers, flag in found]
    return [default, named, found]


def simulated(layers, checkpointing=False):
    """Bytes that come and go, moment by moment, in exact numbers."""
    weights = optimizer = 0
    for each in layers:
        weights += (each["frozen"] * each["bits"] + 7) // 8 + each["trained"] * 4
        optimizer += each["trained"] * 8
    live = peak = weights + optimizer
    learns, kept = False, []
    for each in layers:
        learns = learns or bool(each["trained"])
        insides = 0 if checkpointing else each["inside"]
        kept.append(each["input"] + insides if learns else 0)
        live += kept[-1]
        peak = max(peak, live)
    first = next((at for at, each in enumerate(layers) if each["trained"]), None)
    for at in reversed(range(len(layers))):
        if first is None or at < first:
            break
        again = layers[at]["inside"] if checkpointing else 0
        live += again + 4 * layers[at]["trained"]
        peak = max(peak, live)
        live -= kept[at] + again
    return weights, optimizer, peak


# ----- student and teacher


def taught(random: Generator, batch: int, length: int, vocabulary: int) -> list:
    """The two disagree; one text has one label, one has all, one has none."""
    shape = batch, length, vocabulary
    labels = torch.from_numpy(random.integers(0, vocabulary, size=shape[:2]))
    if batch > 2 and length > 1:
        labels[0, 1:] = labels[1] = -100
    temperature = round(float(random.uniform(1.8, 4)), 2)
    alpha = round(float(random.uniform(0.3, 0.7)), 2)
    student, teacher = normal(random, *shape, scale=2), normal(random, *shape, scale=2)
    return [student, teacher, labels, temperature, alpha]


def texts_of_any_size(random: Generator) -> tuple:
    a, length, vocabulary = sizes(random, 3)
    shapes = [(a + 2, length, vocabulary), (3, 4, 4), (1, length, vocabulary)]
    shapes += [(a, 1, vocabulary), (1, 1, vocabulary), (2, 3, 1)]
    found = [taught(random, *shape) for shape in shapes]
    found += [taught(random, 4, length, vocabulary) for _ in range(4)]
    for given, alpha in zip(found[-4:], (0.0, 1.0, 0.5, 0.5), strict=True):
        given[4] = alpha
    found[-1][3], found[-2][3] = 1.0, 0.5
    return (found,)


def run_losses(answer, found):
    return [[answer(*given) for given in found], found]


def run_slopes(answer, found):
    """The loss and the student's gradient, and that the teacher has none."""
    results = []
    for student, teacher, *more in found:
        theirs, wanted = student.clone().requires_grad_(), teacher.clone()
        wanted.requires_grad_(len(results) % 2 == 0)
        loss = answer(theirs, wanted, *more)
        loss.backward()
        results.append([loss.detach(), theirs.grad, wanted.grad])
    return results


def far_logits(random: Generator) -> tuple:
    """Of thousands, and tokens that the teacher rules out."""
    found = []
    for level in (3_000.0, -3_000.0):
        given = taught(random, 3, *sizes(random, 2))
        given[0] += level
        given[1] -= level
        found.append(given)
    for alpha in (0.5, 1.0, 0.0):
        given = taught(random, 3, 4, 5)
        out = torch.from_numpy(random.permutation(5)[:2])
        given[1][..., out] = -math.inf
        given[4] = alpha
        found.append(given)
    far = taught(random, 3, 4, 5)
    far[0][2, 0, 0], far[0][2, 0, 1] = 2_000.0, -2_000.0
    far[1][2, 0, 0], far[1][2, 0, 1] = -2_000.0, 2_000.0
    return ([*found, far],)


def nothing_due(random: Generator) -> tuple:
    """None in the batch; or NaN and infinity where none is."""
    found = []
    for _ in range(2):
        given = taught(random, 2, 3, 4)
        given[2] = torch.full_like(given[2], -100)
        found.append(given)
    for filling in (math.nan, math.inf, -math.inf):
        given = taught(random, 4, *sizes(random, 2))
        away = given[2] == -100
        given[0][away] = filling
        given[1][away] = filling
        found.append(given)
    empty = taught(random, 2, 3, 4)
    empty[2] = torch.full_like(empty[2], -100)
    empty[0][:] = math.nan
    return ([*found, empty],)


def token_by_token(student, teacher, labels, temperature, alpha):
    """In double precision, over the tokens that are due, by the sums themselves."""
    total, count = (student[labels != -100] * 0).sum().double(), 0
    for place in torch.nonzero(labels != -100).tolist():
        text, at = place
        own, theirs = student[text, at].double(), teacher[text, at].detach().double()
        log_q = own / temperature - (own / temperature).logsumexp(0)
        log_p = theirs / temperature - (theirs / temperature).logsumexp(0)
        p = log_p.exp()
        apart = torch.where(p > 0, log_p, 0.0) - log_q
        soft = temperature**2 * (p * apart).sum()
        hard = own.logsumexp(0) - own[labels[text, at]]
        total, count = total + alpha * soft + (1 - alpha) * hard, count + 1
    return (total / max(count, 1)).float()


# ----- a choice of models


def run_and_refuse(answer, calls):
    """Results, or that a call was refused; and what was given, afterwards."""
    results = []
    for call in calls:
        try:
            results.append(answer(*call))
        except ValueError:
            results.append("refused")
    return [results, calls]


def front(random: Generator, models: int) -> np.ndarray:
    """Two criteria, larger is better: each is in the set, and no sum would choose most."""
    steps = np.sort(random.uniform(0.4, 4, size=models))
    return np.stack([np.exp(steps), np.exp(-steps)], axis=1).round(6)


def told(random: Generator, table: np.ndarray, larger: list) -> list:
    """In any order, and each criterion in its own direction and of its own size."""
    sizes_of = 2.0 ** random.integers(-9, 10, size=len(larger))
    table = random.permutation(table) * sizes_of * np.where(larger, 1, -1)
    return [(table + 0.0).tolist(), [*larger]]


def models_to_choose(random: Generator) -> tuple:
    """A front and what is behind it; criteria that decide alone; one, two or four."""
    found = []
    for larger in ([True, False], [False, True], [False, False], [True, True]):
        best = front(random, int(random.integers(5, 8)))
        second = best * random.uniform(0.7, 0.95, size=(len(best), 1))
        third = second[:3] * random.uniform(0.7, 0.95, size=(3, 2))
        found.append(told(random, np.concatenate([best, second, third]), larger))
    for place in range(4):  # here only one criterion is for the last two models
        best = front(random, 5)
        table = np.concatenate([best, best], axis=1)
        others = table[1:3] * 0.9
        others[:, place] = table[:, place].max() * random.uniform(1.1, 1.9, size=2)
        larger = [place % 2 == 0, True, False, place < 2]
        found.append(told(random, np.concatenate([table, others]), larger))
    numbers = random.permutation(9)[:, None] + random.random()
    found += [told(random, numbers, [True]), told(random, numbers, [False])]
    found.append(told(random, numbers[:1], [False]))
    return (found,)


def equal_in_some(random: Generator) -> tuple:
    """A number that two share, in the front and at its ends; some models twice."""
    found = []
    for larger in ([True, False, True], [False, True, False]):
        best = front(random, 5)
        best = np.concatenate([best, best[:, :1]], axis=1)
        worse = best.copy()
        worse[0, 0] *= 0.9
        worse[1, 1] *= 0.8
        worse[2, 2] *= 0.7
        worse[3, :2] *= 0.6
        found.append(told(random, np.concatenate([best, worse[:4]]), larger))
    for larger in ([False, True], [True, True]):
        best = front(random, 5)
        table = np.concatenate([best, best[1:4], best[1:2], best[2:4] * 0.9])
        found.append(told(random, np.concatenate([table, table[-1:]]), larger))
    numbers = np.array([3.0, 1, 3, 2, 3, 1]) + random.integers(-5, 6)
    found += [told(random, numbers[:, None], [up]) for up in (True, False)]
    found.append([[[1.5, 2.5]] * 4, [True, False]])
    return (found,)


def hardly_apart(random: Generator) -> tuple:
    """By the last digit, by one in a hundred million, at any level."""
    found = []
    for up in (True, False):
        for level in (1.0, 134_515_008.0, 1e-9, -0.75):
            near = math.nextafter(level, math.inf if up else -math.inf)
            rows = [[level, 2.0], [near, 2.0], [level, 3.0], [level, 2.0]]
            found.append([random.permutation(rows).tolist(), [up, False]])
        count = float(random.integers(100_000_000, 200_000_000))
        rows = [[count, 1.0], [count + 1, 1.0], [count - 1, 1.0], [count - 2, 0.5]]
        found.append([random.permutation(rows).tolist(), [up, False]])
        rows = [*rows, [-1e15, 3.0], [1e15, 3.0]]  # so wide that a scaled one is equal
        rows += [[1.0, 1.5], [math.nextafter(1.0, 2.0), 1.5], [1.0, 1.5]]
        found.append([random.permutation(rows).tolist(), [up, False]])
    return (found,)


LARGEST = math.nextafter(math.inf, 0.0)


def at_the_ends(random: Generator) -> list:
    """Infinity beside the largest numbers, of both signs in a row; 0 and −0."""
    found = []
    for sign in (1, -1):
        rows = [[sign * x, 1.0] for x in (math.inf, LARGEST, 1e308, 1e300)]
        found.append([random.permutation(rows).tolist(), [True, False]])
        both = [[math.inf, sign * math.inf], [1.0, 1.0], [2.0, 1.0]]
        found.append([random.permutation(both).tolist(), [True, False]])
    found.append([[[0.0, 1.0], [-0.0, 1.0], [0.0, 2.0]], [True, False]])
    return found


def odd_models(random: Generator) -> tuple:
    """NaN in the best row and in the worst; infinity; no row; a row that does not fit."""
    found = []
    for larger in ([True, False], [False, True]):
        table = np.concatenate([front(random, 5), [[60.0, math.nan], [math.nan, 9.0]]])
        table = np.concatenate([table, [[-9.0, math.nan]], [[math.nan] * 2]])
        found.append(told(random, table, larger))
        ends = [[math.inf, 0.0], [math.inf, -1.0], [0.01, math.inf], [-math.inf, 99.0]]
        found.append(told(random, np.concatenate([front(random, 4), ends]), larger))
    found.append([[[math.nan, 1.0]], [True, True]])
    found.append([[[-math.inf], [-math.inf]], [True]])
    found += [[[], [True, False]], [[], [False]]]
    fits = [[1.0, float(random.integers(2, 9))], [2.0, 1.0]]
    for bad in ([3.0], [3.0, 4.0, 5.0], [], [math.nan], [math.nan, 4.0, 5.0]):
        for place in range(3):
            rows = [*fits[:place], bad, *fits[place:]]
            found.append([rows, [True, False]])
    found.append([[*fits, [3.0], [3.0, 4.0, 5.0]], [True, False]])
    found += [[[[1.0, 2.0]], [True]], [[[1.0], [2.0]], [True, False]], [[[]], [True]]]
    return ([*found, *at_the_ends(random)],)


def unbeaten(rows, larger):
    """All against all at once."""
    if {len(row) for row in rows} - {len(larger)}:
        raise ValueError
    table = np.array(rows, dtype=float).reshape(len(rows), len(larger))
    table = np.where(larger, 1.0, -1.0) * table
    measured = ~np.isnan(table).any(1)
    no_worse = (table[:, None] >= table[None]).all(2)
    better = (table[:, None] > table[None]).any(2)
    loses = (no_worse & better & measured[:, None]).any(0)
    return np.flatnonzero(measured & ~loses).tolist()


# ----- texts that are nearly the same


def letters(random: Generator, count: int) -> str:
    return "".join(random.choice([*"aeilnorstu"], size=count))


def sentence(random: Generator, words: int) -> list[str]:
    return [letters(random, int(random.integers(2, 8))) for _ in range(words)]


def is_clear_cut(texts: list[str], threshold: float, size: int) -> bool:
    """No similarity is so near to the threshold that rounding could decide."""
    values = [alike for *_, alike in by_index(texts, 1e-9, size)]
    return all(abs(x - threshold) > 1e-3 or x == threshold for x in values)


def a_chain(random: Generator, size: int) -> tuple:
    """One text changed twice: the ends are further apart than their neighbours."""
    while True:
        one = sentence(random, 12)
        two = [*one[:2], *sentence(random, 2), *one[4:]]
        three = [*two[:8], *sentence(random, 2), *two[10:]]
        texts = [" ".join(words) for words in (one, two, three)]
        found = {(i, j): alike for i, j, alike in by_index(texts, 1e-9, size)}
        near, far = min(found[0, 1], found[1, 2]), found.get((0, 2), 0.0)
        threshold = round((near + far) / 2, 3)
        if near > far + 0.1 and threshold > 0.05:
            return texts, threshold


def texts_that_share(random: Generator) -> tuple:
    """A chain, a part of a text, a text with repeats, one turned round, and others."""
    found = []
    for size in (5, int(random.integers(2, 5)), int(random.integers(6, 9))):
        while True:
            texts, threshold = a_chain(random, size)
            words = sentence(random, 9)
            texts += [" ".join(words), " ".join(words[:3])]
            again = letters(random, 6)
            texts += [f"{again} {again} {again} {again}", f"{again} {again}"]
            texts += [" ".join(reversed(words)), texts[0], texts[3] + "."]
            texts = random.permutation(texts).tolist()
            if is_clear_cut(texts, threshold, size):
                break
        found.append([texts, threshold, size])
        found.append([texts, 1e-6, size])
        if size == 5:
            found.append([texts, threshold])
    found.append([random.permutation(["ab" * 9, "ba" * 9, "ab" * 7]).tolist(), 0.05, 3])
    return (found,)


UNLIKE = [  # what is the same when normalised, and only in this order
    ("Straße {}", "STRASSE {}"),
    ("ΟΔΟΣ {}", "οδος {}"),
    ("caf\u00e9 {}", "cafe\u0301 {}"),
    ("o\ufb03ce {}", "OFFICE {}"),
    ("\uff21\uff22 {}", "ab {}"),
    ("20 \u2103 {}", "20 °c {}"),
    ("{} x\u00b2", "{} x2"),
    ("{}  b", "{} b"),
    ("  {}\n", "{}"),
    ("a \t{}", "a\n{}"),
    ("a\u00a0{}", "a {}"),
    ("{}\u2003\u2003b", "{} b"),
    ("{} \u00b4b", "{} \u0301b"),
    ("a\r\n{}", "a {}"),
    ("{}\x0bb\u2028c", "{} b c"),
    ("\u03c3\u03b1\u03c2{}", "\u03c3\u03b1\u03c3{}"),
    ("a\x1f{}", "a {}"),
    ("{}\x85b", "{} b"),
    ("a\u1680{}", "a {}"),
    ("\u03b1\u0345\u0301{}", "\u03ac\u03b9{}"),
    ("\uff76\uff9e {}", "\u30ac {}"),
]
STAYS = [  # what is not
    ("resume {}", "résumé {}"),
    ("a,b {}", "ab {}"),
    ("a b {}", "ab {}"),
    ("{}!", "{}"),
    ("no. 1 {}", "no. 2 {}"),
    ("a-b {}", "a b {}"),
    ("d\u0131 {}", "di {}"),
    ("{} \u0390", "{}"),
    ("{}\u00adb", "{}b"),
    ("\U0001f600 {} \U0001f601", "{}"),
]


def told_differently(random: Generator) -> tuple:
    """Each pair by itself: all of what is alike is told, to the last digit."""
    found = []
    for one, other in (*UNLIKE, *STAYS):
        middle = " ".join(sentence(random, 3))
        texts = [one.format(middle), other.format(middle.upper())]
        found.append([random.permutation(texts).tolist(), 0.001, 4])
    whole = " ".join(sentence(random, 4))
    found.append([[f"{whole}\u200b", whole, whole.title()], 0.001, 3])
    return (found,)


def short_texts(random: Generator) -> tuple:
    """Empty, of blanks alone, of one character; shorter than a piece, and just as long."""
    found = []
    for size in (1, 3, 5):
        word = letters(random, size + 2)
        texts = ["", word[:1], word[: size - 1], word[:size], word[: size + 1], word]
        texts += [" \n", "", "\u00a0", f" {word[:size]} ", word[:1].upper(), "\u3000 "]
        texts += [word[: size - 1] + "#", f"{word[: size - 1]} "]
        texts += [f"{word[: size - 1]} {word[0]}", f"{word[0]} {word[: size - 1]}"]
        found.append([random.permutation(texts).tolist(), 0.001, size])
    found.append([["a", "A ", "", "b"], 1.0])
    found.append([["abc", "ABC", "abcd", "ab"], 1.0, 50])
    found += [[[], 0.5], [["", " "], 0.5, 2], [["", ""], 0.001]]
    return (found,)


def at_the_threshold(random: Generator) -> tuple:
    """J meets it exactly, or it is out of bounds."""
    found = []
    signs = random.permutation([*"abcdefghijklmnopqrstuvwxyz"]).tolist()
    for ours, first, second, meets in (
        (2, 1, 1, 0.5),
        (1, 3, 0, 0.25),
        (3, 1, 0, 0.75),
    ):
        both, own = "".join(signs[:ours]), "".join(signs[4 : 4 + first])
        one, other = both + own, both + "".join(signs[10 : 10 + second])
        others = ["".join(signs[14:20]), "".join(signs[20:]), one.upper()]
        for bound in (meets, meets + 0.02, meets - 0.02):
            found.append([[one, other, *others], bound, 1])
    one, other, third = signs[:3]  # 1/3 is above, and 2/3 below, to no one who rounds
    found.append([[one + other, one + third], 0.3331, 1])
    found.append([[one + other, one + other + third], 0.6668, 1])
    same = letters(random, 12)
    found.append([[same, f"{same} ", same + "b", same.upper()], 1.0])
    found.append([[same, same], 1, 3])
    for bad in (0.0, -0.5, 1.001, 2.0, math.nan, math.inf):
        found.append([[same, same], bad])
    for size in (0, -1):
        found.append([[same, same], 0.5, size])
    found += [[[], 0.0], [[], 1.5], [[], math.nan], [[], 0.5, 0]]
    found += [[["a"], 0.5, 0], [["a"], 0.0], [["a"], 1.5]]
    return (found,)


def by_index(texts, threshold, size=5):
    """From each piece to the texts it stands in; counted pair by pair."""
    if not (size > 0 and threshold > 0 and threshold <= 1):
        raise ValueError
    where, many = {}, []
    for place, text in enumerate(texts):
        words = unicodedata.normalize("NFKC", text).casefold().split()
        clean = " ".join(words)
        pieces = {
            clean[i : i + size]
            for i in range(len(clean))
            if i == 0 or i + size <= len(clean)
        }
        many.append(len(pieces))
        for piece in pieces:
            where.setdefault(piece, []).append(place)
    shared_by = Counter(
        pair for places in where.values() for pair in combinations(places, 2)
    )
    found = []
    for (i, j), both in sorted(shared_by.items()):
        alike = both / (many[i] + many[j] - both)
        if alike >= threshold:
            found.append((i, j, alike))
    return found


# ----- drift


def any_order(random: Generator, size: int, many: int) -> torch.Tensor:
    rows = [random.permutation(size) for _ in range(many)]
    return torch.tensor(np.array(rows).reshape(many, size), dtype=torch.int64)


def floats(values) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32)


def gaps(reference, current, orders, rounded: type | None = None) -> np.ndarray:
    """D of the samples and of each order; as whole numbers, or as rounded fractions."""
    row = np.concatenate([reference, current])
    n, m = len(reference), len(current)
    mixed = row[np.concatenate([np.arange(n + m)[None], orders])]
    values = np.unique(row)
    one, other = (
        (part[:, :, None] <= values).sum(1) for part in np.split(mixed, [n], 1)
    )
    if rounded is None:
        return np.abs(m * one - n * other).max(1)
    shares = one.astype(rounded) / rounded(n), other.astype(rounded) / rounded(m)
    return np.abs(shares[0] - shares[1]).max(1)


def counted(reference, current, orders, **how) -> int:
    found = gaps(reference, current, orders, **how)
    return int((found[1:] >= found[0]).sum())


def is_its_own(reference, current, orders) -> bool:
    """p is neither small nor large, some D are equal, and other readings give others."""
    first, rest = np.split(gaps(reference, current, orders), [1])
    c, n = int((rest >= first).sum()), len(reference)
    inverse = orders.argsort(1)
    last_ones = orders.roll(n, dims=1)
    others = [
        int((rest > first).sum()),
        int((rest <= first).sum()),
        counted(reference, current, inverse),
        counted(reference, current, last_ones),
    ]
    return 2 <= c <= len(orders) - 6 and c not in others


def samples(
    random: Generator, shift: float, sizes_of: tuple | None = None, many: int = 3
) -> list:
    """Without two equal numbers; the one lies higher by so much, and is the wider.

    Args:
        many: Of the orders; where there are more than a few, p tells each rule.
    """
    n, m = sizes_of or (int(random.integers(14, 22)), int(random.integers(24, 34)))
    while True:
        reference = floats(random.normal(size=n))
        current = floats(random.normal(shift, 1.3, size=m))
        orders = any_order(random, n + m, many)
        if many < 10 or is_its_own(reference, current, orders):
            return [reference, current, orders]


def sizes_apart(random: Generator) -> tuple:
    """Higher and lower, more and fewer, and as many."""
    found = [samples(random, 0.5), samples(random, -0.5)]
    n, m = int(random.integers(14, 20)), int(random.integers(5, 8))
    found += [samples(random, 0.7, (n, m)), samples(random, -0.7, (n, n))]
    middle = samples(random, 0.0, (16, 23))  # the same middle, and another width
    middle[1] = middle[1] * 3
    found.append(middle)
    tiny = samples(random, 0.4)
    tiny[0], tiny[1] = 1e6 + tiny[0].argsort().float(), 1e6 + tiny[1].argsort().float()
    far = samples(random, -0.4)
    far[0] = far[0] * 1e-6
    far[1] = far[1] * 1e-6
    crowded = samples(random, 0.5)  # within less than any bin has
    for part, end in zip(crowded[:2], (-1e6, 1e6), strict=True):
        part *= 1e-6
        part[int(random.integers(len(part)))] = end
    return ([*found, tiny, far, crowded],)


def run_first(answer, calls):
    return [[answer(*call)[0] for call in calls], calls]


def run_second(answer, calls):
    return [[answer(*call)[1] for call in calls], calls]


def few_values(random: Generator) -> tuple:
    """Of few values each: the samples share them, or all but one."""
    found = []
    for n, m in ((12, 18), (15, 9), (10, 10)):
        values = random.permutation(5)
        reference = floats(random.choice(values, size=n, p=[0.4, 0.2, 0.2, 0.1, 0.1]))
        current = floats(random.choice(values, size=m, p=[0.1, 0.2, 0.2, 0.2, 0.3]))
        found.append([reference, current, any_order(random, n + m, 3)])
    same = floats(np.repeat([2.0, -1.0, 0.5], [3, 4, 2]))
    mixed = same[any_order(random, len(same), 1)[0]]
    found.append([same, mixed.repeat(2), any_order(random, 27, 20)])
    found.append([same[:1].repeat(4), same[:1].repeat(3), any_order(random, 7, 5)])
    found.append([same[:1].repeat(4), same[-1:].repeat(3), any_order(random, 7, 15)])
    return (found,)


def rounded_apart(random: Generator) -> list:
    """Where fractions that are rounded miscount: of either precision, and of both."""
    found = []
    single, double = np.float32, np.float64
    for n, m, kinds in (
        (15, 9, (single, double)),
        (5, 7, (double,)),
        (6, 10, (single,)),
    ):
        while True:
            given = [
                floats(random.integers(0, 6, size=n)),
                floats(random.integers(1, 8, size=m)),
                any_order(random, n + m, 80),
            ]
            wrong = [counted(*given, rounded=kind) for kind in kinds]
            if counted(*given) not in wrong and is_its_own(*given):
                break
        found.append(given)
    return found


def hardly_less(random: Generator) -> list:
    """Some orders have a D that is less by 1/(n · m): by no rounding is it as large."""
    n, m = 37, 41
    while True:
        reference, current, orders = samples(random, 0.3, (n, m), 9)
        pool = any_order(random, n + m, 300)
        first, *rest = gaps(reference, current, pool).tolist()
        d, less = first / (n * m), (first - 1) / (n * m)
        near = [order for order, x in zip(pool, rest, strict=True) if x == first - 1]
        if near and all(round(d, k) == round(less, k) for k in (2, 3)):
            return [reference, current, torch.cat([torch.stack(near), orders])]


def orders_of_all_kinds(random: Generator) -> tuple:
    """p of the usual samples, and where rounding would decide."""
    found = [
        samples(random, 0.5, many=60),
        samples(random, -0.6, many=60),
        samples(random, 0.4, (9, 14), 60),
    ]
    return ([*found, *rounded_apart(random), hardly_less(random)],)


def odd_samples(random: Generator) -> tuple:
    """No order; infinities; one number each; and what is to be refused."""
    some, more, _ = samples(random, 0.5)
    found = [[some, more, any_order(random, len(some) + len(more), 0)]]
    ends = samples(random, 0.3, (15, 22), 9)
    ends[0][:4], ends[1][:9], ends[1][9:12] = -math.inf, math.inf, -math.inf
    found.append(ends)
    for sign in (1, -1):  # D is at one of them, or at the last before them
        some = -sign * math.inf
        low = [some] * int(random.integers(8, 10)), sign * (9 + random.random(7))
        rest = floats(sign * random.random(9))
        found.append([floats([*low[0], *low[1]]), rest])
        found[-1].append(any_order(random, len(found[-1][0]) + 9, 40))
    high = [
        floats([math.inf] * 3 + [1.0]),
        floats([1.0, math.inf]),
        any_order(random, 6, 9),
    ]
    found.append(high)
    top = torch.finfo(torch.float32).max
    for sign in (1, -1):  # infinity is none of the largest numbers
        ends = [
            [sign * math.inf] * 4 + [1.0],
            [sign * x for x in (top, top, top, 2e38)],
        ]
        found.append([*map(floats, ends), any_order(random, 9, 9)])
    one = any_order(random, 2, 8)
    found += [[floats([1.0]), floats([2.0]), one], [floats([1.0]), floats([1.0]), one]]
    for place in (0, 1):
        broken = samples(random, 0.3)
        broken[place][int(random.integers(2, 9))] = math.nan
        found.append(broken)
        empty = samples(random, 0.3)
        empty[place] = empty[place][:0]
        empty[2] = any_order(random, len(empty[0]) + len(empty[1]), 4)
        found.append(empty)
    found.append([floats([math.nan]), floats([math.nan]), one])
    found.append([floats([]), floats([]), torch.zeros(2, 0, dtype=torch.int64)])
    return (found,)


def ks(reference, current, orders):
    """SciPy's statistic, and how many orders reach it."""
    both = np.concatenate([reference.numpy(), current.numpy()]).astype(float)
    n, m = len(reference), len(current)
    if not n * m or np.isnan(both).any():
        raise ValueError
    rank = np.unique(both, return_inverse=True)[1]  # infinities among them
    with np.errstate(all="ignore"):  # of one number each
        found = scipy.stats.ks_2samp(rank[:n], rank[n:], method="asymp")
    d, reached = found.statistic, counted(rank[:n], rank[n:], orders)
    return float(d), (1 + reached) / (1 + len(orders))


EXERCISES = [
    Exercise(
        "lora_linear",
        beside,
        [
            Check("vectors of any shape", 2, layers_of_any_shape, run_all_and_keep),
            Check("who gets a gradient", 2, layers_to_learn, run_gradients),
            Check(
                "weights of float16, and no bias",
                1,
                layers_of_halves,
                run_halves,
                tolerance=2e-4,
            ),
        ],
    ),
    Exercise(
        "merge",
        summed,
        [
            Check("any number of adapters", 2, adapters_of_any_rank, run_all_and_keep),
            Check(
                "a matrix that lies the other way", 1, input_comes_first, run_by_name
            ),
            Check(
                "changes of less than a step, in every dtype",
                2,
                of_all_kinds,
                run_kinds,
            ),
        ],
    ),
    Exercise(
        "quantise",
        row_by_row,
        [
            Check("rows of any size", 2, rows_of_any_size, run_codes),
            Check("from two bits to eight", 1, few_bits, run_codes),
            Check(
                "rows of zeros, float16, and the dtypes",
                2,
                zeros_and_halves,
                run_codes_and_kinds,
            ),
        ],
    ),
    Exercise(
        "quantise_groups",
        group_by_group,
        [
            Check("groups that fit", 2, whole_groups, run_groups),
            Check("a last group with fewer numbers", 2, ragged_groups, run_groups),
            Check("any number of bits", 1, any_bits, run_groups),
            Check(
                "groups of equal numbers, and the dtypes",
                1,
                equal_numbers,
                run_groups_and_kinds,
            ),
        ],
    ),
    Exercise(
        "train_step",
        in_one,
        [
            Check("one part", 1, steps_of_one_part, run_steps),
            Check("uneven parts", 2, steps_of_uneven_parts, run_steps),
            Check("a norm that is too large", 1, steps_that_are_clipped, run_steps),
            Check(
                "frozen layers, and a gradient from before",
                1,
                steps_with_frozen_layers,
                run_steps_from_before,
            ),
            Check("one part in memory at a time", 1, with_a_top, run_below),
        ],
    ),
    Exercise(
        "peak_memory",
        simulated,
        [
            Check("weights and optimizer", 1, any_layers, run_sums),
            Check("all layers learn", 2, all_learn, run_memory),
            Check("with checkpoints", 1, all_learn_with_checkpoints, run_memory),
            Check("some layers learn, or none", 2, some_learn, run_memory_and_keep),
        ],
    ),
    Exercise(
        "distillation_loss",
        token_by_token,
        [
            Check("texts of any size", 2, texts_of_any_size, run_losses),
            Check(
                "the gradient of the student alone", 1, texts_of_any_size, run_slopes
            ),
            Check(
                "logits in the thousands, and −∞",
                1,
                far_logits,
                run_slopes,
                tolerance=3e-3,
            ),
            Check("nothing due, or NaN where nothing is", 1, nothing_due, run_slopes),
        ],
    ),
    Exercise(
        "pareto_set",
        unbeaten,
        [
            Check("criteria in both directions", 2, models_to_choose, run_all_and_keep),
            Check(
                "equal in some criteria, or in all", 1, equal_in_some, run_all_and_keep
            ),
            Check("hardly apart", 1, hardly_apart, run_all_and_keep),
            Check(
                "NaN, infinity, no row, a row that does not fit",
                1,
                odd_models,
                run_and_refuse,
            ),
        ],
    ),
    Exercise(
        "near_duplicates",
        by_index,
        [
            Check("texts that share something", 2, texts_that_share, run_all_and_keep),
            Check(
                "texts that are told differently", 2, told_differently, run_all_and_keep
            ),
            Check("short texts, and empty ones", 1, short_texts, run_all_and_keep),
            Check(
                "at the threshold, and out of bounds",
                1,
                at_the_threshold,
                run_and_refuse,
            ),
        ],
    ),
    Exercise(
        "drift_statistic",
        ks,
        [
            Check("D of samples of any size", 2, sizes_apart, run_first),
            Check("D where numbers are equal", 1, few_values, run_first),
            Check("p, where no rounding decides", 2, orders_of_all_kinds, run_second),
            Check(
                "no order, infinity, NaN, an empty sample",
                1,
                odd_samples,
                run_and_refuse,
            ),
        ],
    ),
    ByHand(
        "explain_savings",
        3,
        "1 point: in full 135 million · (4 + 4 + 8) = 2.16 GB; with LoRA 135 million · 4 = "
        "0.54 GB and 675,000 · 16 = 0.01 GB: a quarter of it (a product with a wrong part, "
        "such as Adam's 8 bytes forgotten or the frozen weights left out: half a point). 1 "
        "point: the activations stay, for the gradient goes back through the frozen layers, "
        "and the forward pass and that of the inputs' gradients are still due: two products "
        "of three, not 0.5 %. 1 point: what brings down the rest: frozen weights in fewer "
        "bits (for the weights), and smaller parts, shorter texts or checkpointing (for the "
        "activations), at a price that is named.",
    ),
]

"""What only the grader runs on the decoder set.

Where most inputs do not show that a rule was ignored, drawing goes on until each rival,
an answer that ignores one rule, is wrong on one of the inputs: no luck passes it.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.random import Generator
from transformers import LlamaConfig, TopPLogitsWarper
from transformers.models.llama import modeling_llama as llama

from labkit.exercises import difference
from labkit.grading import ByHand, Check, Exercise, normal

CLEAR = 1e-3  # no sum may be closer to p: rounding could turn it


def run_all(answer, calls):
    return [answer(*call) for call in calls]


def run_all_and_keep(answer, calls):
    return [[answer(*call) for call in calls], calls]


def sizes(random: Generator, count: int) -> list[int]:
    """Different ones, so that no dimension can be taken for another."""
    return random.permutation(range(2, 8))[:count].tolist()


def telling(draw, right, rivals, more=3) -> list:
    """Inputs of which each rival gets at least one wrong; and some more of them."""
    found, left = [], [*rivals]
    while left:
        given = draw()
        wanted = right(*given)
        fooled = [rival for rival in left if difference(rival(*given), wanted, 0.01)]
        found += [given] if fooled else []
        left = [rival for rival in left if rival not in fooled]
    return found + [draw() for _ in range(more)]


# ----- root mean square


def vectors(random: Generator) -> tuple:
    a, b, d = sizes(random, 3)
    shapes = (a, b, d), (b, d), (d,), (1, 1, d), (a, 1), (a, a, a), (1, a, 1, b, d)
    calls = [
        [normal(random, *shape, scale=2) + 1.5, normal(random, shape[-1])]
        for shape in shapes
    ]
    return (calls,)


def vectors_near_zero(random: Generator) -> tuple:
    """With an eps by place, by name and by default; and zeros."""
    d = int(random.integers(3, 9))
    weight = normal(random, d) + 2
    found = [[normal(random, 3, d, scale=scale), weight] for scale in (1e-3, 4e-3, 2)]
    found[0][0][1] = 0
    least = round(float(random.uniform(1e-7, 1e-6)), 9)
    most = round(float(random.uniform(0.5, 2)), 3)
    return found, [least, most]


def run_with_eps(answer, found, choices):
    results = [answer(*given) for given in found]
    for eps in choices:
        results += [answer(*given, eps) for given in found]
        results += [answer(*given, eps=eps) for given in found]
    return results


def of_both_dtypes(random: Generator) -> tuple:
    """In float16 squares of the first overflow, those of the second vanish."""
    d = int(random.integers(3, 9))
    scales = ((1500.0, 1e-5), (9e-5, 1e-10), (1.0, 1e-5))
    found = []
    for scale, eps in scales:
        whole = normal(random, 2, 4, d, scale=scale), normal(random, d) + 2
        found += [[part.half() for part in whole] + [eps], [*whole, eps]]
    return (found,)


def run_dtypes(answer, found):
    results = [answer(*given) for given in found]
    return [results, [str(getattr(result, "dtype", "")) for result in results]]


def divided_by_rms(hidden_states, weight, eps=1e-5):
    size = hidden_states.shape[-1:]
    found = F.rms_norm(hidden_states.float(), size, weight.float(), eps)
    return found.to(hidden_states.dtype)


# ----- rotary positions


def from_zero_on(random: Generator) -> tuple:
    batch, heads, length, half = sizes(random, 4)
    shapes = [
        (batch, heads, length, 2 * half),
        (1, heads, length, 2 * half),
        (batch, 1, heads, 6),
        (batch, heads, 1, 8),
        (1, 1, 9, 4),
        (2, 3, 4, 2),
    ]
    calls = []
    for shape in shapes:
        where = torch.arange(shape[2]) + (shape[2] == 1)
        calls.append([normal(random, *shape), where.repeat(shape[0], 1)])
    return (calls,)


def of_each_text(random: Generator) -> tuple:
    """In any order; once the sizes are all alike, so no dimension fits by its size."""
    batch, heads, length, half = sizes(random, 4)
    calls = []
    for shape in (
        (batch, heads, length, 2 * half),
        (3, 3, 3, 6),
        (batch, heads, 1, 4),
        (2, 2, length, 2),
    ):
        where = random.integers(1, 40, size=(shape[0], shape[2]))
        calls.append([normal(random, *shape), torch.from_numpy(where)])
    left = (torch.arange(length) - torch.tensor([[2], [0]])).clamp(min=0)
    calls.append([normal(random, 2, heads, length, 8), left])
    return (calls,)


def far_with_a_base(random: Generator) -> tuple:
    """The base by place and by name; positions in the thousands."""
    calls = []
    for base in (500.0, 100_000.0, int(random.integers(2, 9)) + 0.5):
        d = 2 * int(random.integers(1, 6))
        where = torch.from_numpy(random.integers(1000, 3000, size=(2, 3)))
        calls.append([normal(random, 2, 2, 3, d), where, base])
        calls.append([normal(random, 2, 2, 3, d + 2), where % 50, base])
    return (calls,)


def run_bases(answer, calls):
    return [
        [answer(given, where, base), answer(given, where, base=base)]
        for given, where, base in calls
    ]


def pairs_at_a_distance(random: Generator) -> tuple:
    """Queries and keys of two texts, and by how much both are moved."""
    length, half = sizes(random, 2)
    parts = [normal(random, 2, 2, length, 2 * half) for _ in range(2)]
    order = np.stack([random.permutation(30)[:length] for _ in range(2)])
    moved = [0, *random.integers(1, 60, size=2).tolist()]
    return *parts, torch.from_numpy(order), moved


def run_scores(answer, query, key, positions, moved):
    scores = []
    for by in moved:
        turned = [answer(part, positions + by) for part in (query, key)]
        scores.append([turned[0] @ turned[1].mT, *turned])
    return scores


def turned(given, positions, base=10_000.0):
    kind = {"rope_type": "default", "rope_theta": base}
    config = LlamaConfig(head_dim=given.size(-1), rope_parameters=kind)
    cos, sin = llama.LlamaRotaryEmbedding(config)(given, positions)
    return llama.apply_rotary_pos_emb(given, given, cos, sin)[0]


# ----- SwiGLU


def matrices(random: Generator, d_model: int, d_ff: int) -> list:
    inner = [normal(random, d_ff, d_model, scale=1.5) for _ in range(2)]
    return [*inner, normal(random, d_model, d_ff)]


def through_the_gate(random: Generator) -> tuple:
    a, b, d_model, d_ff = sizes(random, 4)
    shapes = [
        ((a, b), d_model, d_ff),
        ((b,), d_ff, d_model),
        ((), d_model, d_ff),
        ((1, 1), d_model, d_model),
        ((a,), 1, d_ff),
        ((1, a, b), d_model, 1),
    ]
    calls = [
        [normal(random, *front, d_model), *matrices(random, d_model, d_ff)]
        for front, d_model, d_ff in shapes
    ]
    return (calls,)


def gates_in_the_thousands(random: Generator) -> tuple:
    """Multiples of 100, so that no sum is rounded; and the same gates, but small."""
    d_model, d_ff = sizes(random, 2)
    states = torch.from_numpy(random.choice([-2.0, -1.0, 1.0, 2.0], (4, d_model)))
    gate = 100 * torch.from_numpy(random.integers(-9, 10, size=(d_ff, d_model)))
    gate[:2] = torch.tensor([[1500], [-1500]])
    up, down = (
        torch.from_numpy(random.integers(-3, 4, size=shape))
        for shape in ((d_ff, d_model), (d_model, d_ff))
    )
    states[0], states[1] = 1.0, -1.0
    parts = states, gate, up, down
    large = [part.float() for part in parts]
    return ([large, [large[0], large[1] / 1000, *large[2:]]],)


def gated(hidden_states, w_gate, w_up, w_down):
    width, size = w_gate.shape
    kind = LlamaConfig(
        hidden_size=size, intermediate_size=width, num_attention_heads=1, head_dim=2
    )
    module = llama.LlamaMLP(kind)
    maps = module.gate_proj, module.up_proj, module.down_proj
    for linear, matrix in zip(maps, (w_gate, w_up, w_down), strict=True):
        linear.weight.data = matrix
    return module(hidden_states).detach()


# ----- grouped queries


def in_groups(
    random: Generator, groups: int, share: int, queries: int, keys: int, d_k: int = 0
) -> list:
    batch, size, d_v = sizes(random, 3)
    size = d_k or size
    return [
        normal(random, batch, groups * share, queries, size, scale=2),
        normal(random, batch, groups, keys, size, scale=2),
        normal(random, batch, groups, keys, d_v),
    ]


def one_query(random: Generator) -> tuple:
    """At the end of all keys: it sees each of them."""
    groups, share, keys = sizes(random, 3)
    kinds = [(groups, share), (1, share), (groups, 1), (2, 2), (1, 1), (2, 3), (3, 2)]
    return ([in_groups(random, *kind, 1, keys) for kind in kinds],)


def as_many_queries(random: Generator) -> tuple:
    groups, share, length = sizes(random, 3)
    kinds = [(groups, share), (1, share), (groups, 1), (2, 4)]
    calls = [in_groups(random, *kind, length, length) for kind in kinds]
    alone = in_groups(random, 1, 2, 1, 1, d_k=1)
    return ([*calls, in_groups(random, 2, 2, 4, 4, d_k=1), alone],)


def behind_a_cache(random: Generator) -> tuple:
    groups, share, queries, more = sizes(random, 4)
    calls = [
        in_groups(random, *kind, few, many)
        for kind in ((groups, share), (1, share), (groups, 1))
        for few, many in ((queries, queries + more), (2, 3), (1, 7))
    ]
    return (calls,)


def scores_in_the_thousands(random: Generator) -> tuple:
    """Exact in float32; near 5000 for some queries, near −5000 for others."""
    calls = []
    for queries, keys in ((5, 5), (3, 6)):
        query = torch.from_numpy(random.integers(-1, 2, size=(2, 4, queries, 4)))
        key = torch.from_numpy(random.integers(-2, 3, size=(2, 2, keys, 4)))
        query[..., 0] = 100 * (-1) ** torch.arange(queries)
        key[..., 0] = 100
        value = normal(random, 2, 2, keys, 3)
        calls.append([query.float(), key.float(), value])
    query, key, value = (part.clone() for part in calls[0])
    query[..., 0] = 100  # what is hidden is far above what is seen
    key[..., 0] = 10 * torch.arange(1.0, 6) ** 2
    return ([*calls, [query, key, value]],)


def grouped(query, key, value):
    queries, keys = query.size(2), key.size(2)
    seen = torch.arange(keys) <= torch.arange(keys - queries, keys)[:, None]
    return F.scaled_dot_product_attention(query, key, value, seen, enable_gqa=True)


# ----- top-p


def any_p(random: Generator) -> tuple:
    def draw():
        while True:
            texts, size = int(random.integers(2, 5)), int(random.integers(8, 24))
            p = round(float(random.uniform(0.3, 0.97)), 3)
            spread = torch.from_numpy(random.uniform(0.5, 4, size=(texts, 1))).float()
            logits = normal(random, texts, size) * spread
            if between_edges(logits, p):
                return logits, p

    return ([[*given] for given in telling(draw, kept, OTHER_SETS)],)


def at_the_ends_of_p(random: Generator) -> tuple:
    """A p of 0, of 1, below the likeliest token; one token; one text."""
    found = []
    for p in (0.0, 0.01, 0.5):
        logits = normal(random, 3, 9, scale=1.5)
        logits[:, int(random.integers(9))] += 9
        found.append([logits, p])
    found += [[normal(random, 4, 1), p] for p in (0.0, 0.5, 1.0)]
    for spread in (1, 20, 200):
        found.append([normal(random, 2, 16, scale=spread), 1.0])
    found.append([normal(random, 1, 40, scale=9), 1])
    more = normal(random, 1, 60, scale=8)
    while not sums_pass_1(more):
        more = normal(random, 1, 60, scale=8)
    return ([*found, [more, 1.0]],)


def sums_pass_1(logits) -> bool:
    """Whether rounding makes the sum before some token more than 1."""
    ordered = logits.softmax(-1).sort(descending=True, stable=True).values
    return bool((ordered.cumsum(-1) - ordered > 1).any())


def equal_and_extreme(random: Generator) -> tuple:
    """Equal tokens at the edge; tokens that are ruled out; logits far from 0."""
    found = []
    for size, p in ((8, 0.45), (5, 0.7), (40, 0.31)):
        found.append([normal(random, 2, 1).repeat(1, size), p])
    some = torch.zeros(8, 30)
    for row in some:
        row[torch.from_numpy(random.permutation(30)[:6])] = 2.0
    found.append([some, 0.3])  # three of six that are alike
    kinds = torch.zeros(6, 40)
    while not (between_edges(kinds, 0.4) and cuts_equal_ones(kinds, 0.4)):
        kinds = torch.from_numpy(random.integers(0, 4, size=(6, 40))).float()
    found.append([kinds, 0.4])
    for shift in (0.0, 3000.0, -3000.0):
        while True:
            logits = normal(random, 3, 12, scale=2) + shift
            logits[:, torch.from_numpy(random.permutation(12)[:4])] = -torch.inf
            if between_edges(logits, 0.8):
                break
        found += [[logits, 0.8], [logits.clone(), 1.0], [logits.clone(), 0.0]]
    return (found,)


def cuts_equal_ones(logits, p) -> bool:
    """Whether in each row one token stays, and another that is as likely does not."""
    stays = kept(logits, p).isfinite()
    least = logits.masked_fill(~stays, torch.inf).amin(-1, keepdim=True)
    return bool(((logits == least) & ~stays).any(-1).all())


def between_edges(logits, p) -> bool:
    """Whether rounding cannot turn which tokens stay."""
    ordered = logits.double().softmax(-1).sort(descending=True).values
    return bool(((ordered.cumsum(-1) - p).abs() > CLEAR).all())


def kept(logits, p):
    """transformers', which leaves it open which of equal tokens stay: hence the step."""
    if p == 1:
        return logits
    lower_ids_first = logits.double() - 1e-9 * torch.arange(logits.size(1))
    stays = TopPLogitsWarper(top_p=p)(None, lower_ids_first).isfinite()
    return logits.masked_fill(~stays, -torch.inf)


def of_sorted(choose):
    """Another idea of what stays, from sorted probabilities, their sums, and p."""

    def other_set(logits, p):
        ordered, order = logits.softmax(-1).sort(descending=True, stable=True)
        stays = choose(ordered, ordered.cumsum(-1), p)
        return logits.masked_fill(~stays.scatter(-1, order, stays), -torch.inf)

    return other_set


OTHER_SETS = [
    of_sorted(lambda ordered, sums, p: ordered > p),
    of_sorted(lambda ordered, sums, p: ordered > 1 - p),
    of_sorted(lambda ordered, sums, p: ordered >= p * ordered[:, :1]),
    of_sorted(lambda ordered, sums, p: sums <= p),
    of_sorted(lambda ordered, sums, p: sums - 2 * ordered < p),
    of_sorted(lambda ordered, sums, p: sums - ordered < 1 - p),
    of_sorted(lambda ordered, sums, p: sums - ordered < 0.9),
    of_sorted(lambda ordered, sums, p: sums - ordered > p),
    of_sorted(lambda ordered, sums, p: ordered >= 0),
    of_sorted(lambda ordered, sums, p: ordered == ordered[:, :1]),
    of_sorted(lambda ordered, sums, p: (sums - ordered < p)[:1].expand_as(sums)),
    of_sorted(lambda ordered, sums, p: (sums - ordered).mean(0).expand_as(sums) < p),
    of_sorted(
        lambda ordered, sums, p: (
            torch.arange(sums.size(1)).expand_as(sums) < p * sums.size(1)
        )
    ),
    lambda logits, p: kept(logits, p).sort(descending=True).values,
    lambda logits, p: kept(logits[:1], p).expand_as(logits),
    lambda logits, p: kept(logits.reshape(1, -1), p).view_as(logits),
    lambda logits, p: kept(logits, p).log_softmax(-1),
    lambda logits, p: kept(logits, p).softmax(-1),
]


# ----- continuations of a prompt


def ids(random: Generator, vocabulary: int, count: int) -> list[int]:
    return random.integers(vocabulary, size=count).tolist()


def after_a_prompt(random: Generator, lengths: list[int], prompt: int) -> list:
    """A model's seed, its vocabulary, how far its logits are from 0, and the ids."""
    vocabulary = int(random.integers(8, 14))
    shift = int(random.choice([-300, -200, 200, 300]))
    made = [int(random.integers(1 << 30)), vocabulary, shift]
    texts = [ids(random, vocabulary, length) for length in lengths]
    return [*made, ids(random, vocabulary, prompt), texts]


def of_one_id(random: Generator) -> tuple:
    found = [after_a_prompt(random, [1] * count, 7) for count in (5, 3, 1)]
    found.append(after_a_prompt(random, [1, 1, 1, 1], 1))
    found[0][-1][-1] = found[0][-1][0]  # the same twice
    return (found,)


def of_any_length(random: Generator) -> tuple:
    some = random.integers(2, 7, size=4).tolist()
    found = [
        after_a_prompt(random, lengths, int(random.integers(5, 9)))
        for lengths in ([*some, 1, 2], [1, 3, *some[:2]], [1, *some, 1], [4], [3, 3])
    ]
    found.append(after_a_prompt(random, [2, 3, 1, 2], 1))
    found[0][-1][1] = [*found[0][-1][0], 1]  # one goes on where another ends
    return (found,)


def reader(seed: int, vocabulary: int, shift: float, read: list[int]):
    """A model of one layer that attends to all it read, and counts it.

    It gives what it remembers as keys and values, (2, number of ids, size).
    """
    random = np.random.default_rng(seed)
    tables = [random.normal(size=(vocabulary, 8)) for _ in range(4)]

    def model(ids, past=None):
        new = [int(token) for token in ids]
        if not new or min(new) < 0:
            raise IndexError("the model reads one id or more")
        read.append(len(new))
        before = np.zeros((2, 0, 8)) if past is None else past.double().numpy()
        begin = before.shape[1]
        where = np.arange(begin, begin + len(new))[:, None]
        turns = np.sin(where * np.arange(1.0, 9.0))
        query, key, value, out = (table[new] for table in tables)
        past = np.concatenate([before, np.stack([key + turns, value])], axis=1)
        scores = (query + turns) @ past[0].T / 2
        seen = np.arange(past.shape[1]) <= where
        weights = np.where(seen, np.exp(scores - scores.max()), 0)
        mixed = weights @ past[1] / weights.sum(1, keepdims=True)
        logits = (out + 2 * mixed) @ tables[3].T + shift
        return torch.from_numpy(logits).float(), torch.from_numpy(past)

    return model


def run_reader(answer, found):
    return [answer(reader(*given[:3], []), *given[3:]) for given in found]


def run_counting(answer, found):
    """With whether too much was read, and what has become of the lists."""
    results = []
    for *made, prompt, texts in found:
        counts: list[int] = []
        most = len(prompt) + sum(map(len, texts))
        scores = answer(reader(*made, counts), prompt, texts)
        results.append([scores, sum(counts) <= most, prompt, texts])
    return results


def scored(model, prompt, continuations):
    """Each id of a text is read alone, and the last not at all."""
    logits, after_prompt = model(prompt)
    found = []
    for text in continuations:
        last, past, total = logits[-1], after_prompt, 0.0
        for place, token in enumerate(text, start=1):
            total += float(last.double().log_softmax(-1)[token])
            if place < len(text):
                [last], past = model([token], past)
        found.append(total)
    return torch.tensor(found)


# ----- chats


class Template:
    """The ids of a chat's parts, drawn; words are the other parts' ids as well."""

    def __init__(self, random: Generator, size: int) -> None:
        """Headers of `size` ids, 2 or more, that differ in one of them."""
        drawn = random.permutation(np.arange(3, 40)).tolist()
        self.random, self.start, self.end, self.newline = random, *drawn[:3]
        same, [own, *others] = drawn[3 : max(3, size)], drawn[20:23]
        around = [self.start, *same], [self.newline] * (size > 2)
        self.header = [*around[0], own, *around[1]]
        self.others = [[*around[0], other, *around[1]] for other in others]
        self.words = [*drawn[12:18], *self.header[1:], *others]
        self.close = [self.end, *around[1]]  # at the end of a row, or before padding

    def text(self, least: int = 1, most: int = 5) -> list[int]:
        count = int(self.random.integers(least, most + 1))
        return self.random.choice(self.words, size=count).tolist()

    def answer(self) -> list[int]:
        """A turn of the assistant; the same stands in it."""
        within = [*self.text(), *self.header[1:], *self.text()]
        return [*self.header, *within, *self.close]

    def asked(self) -> list[int]:
        """A turn of another; all of the header but its beginning stands in it."""
        header = self.others[int(self.random.integers(2))]
        within = [*self.text(), *self.header[1:], *self.text()]
        return [*header, *within, *self.close]

    def chat(self, answers: int) -> list[int]:
        turns = (self.asked() + self.answer() for _ in range(answers))
        return [token for turn in turns for token in turn]

    def batch(self, rows: list[list[int]], left: bool = False) -> list:
        """What an answer is given; padded with the end of a turn."""
        width = max(map(len, rows))
        pads = [[self.end] * (width - len(row)) for row in rows]
        whole = [
            pad + row if left else row + pad
            for row, pad in zip(rows, pads, strict=True)
        ]
        return [torch.tensor(whole), self.header, self.end]


def chats_of_one_turn(random: Generator) -> tuple:
    """None is padded, none is cut."""
    found = []
    for size in (2, 3, 4, 5):
        of = Template(random, size)
        row, other = of.chat(1), of.chat(1)
        while len(other) != len(row):
            other = of.chat(1)
        rows = [[row], [row, other], [of.asked() + row], [of.answer()]]
        found += [of.batch(some) for some in rows]
    return (found,)


def chats_of_several_turns(random: Generator) -> tuple:
    """Padded on either side, with an answer that is empty, and a chat without one."""
    found = []
    for left in (False, True):
        for size in (2, 3, 5):
            of = Template(random, size)
            rows = [of.chat(2), of.chat(3), of.asked(), of.chat(1)]
            found.append(of.batch(rows, left))
            empty = [*of.asked(), *of.header, *of.close, *of.chat(2)]
            found.append(of.batch([empty, of.chat(1), of.asked() + of.asked()], left))
    return (found,)


def chats_that_are_cut(random: Generator) -> tuple:
    """In an answer, in a header, behind a header; at the beginning as well."""
    found = []
    for size in (2, 3, 5):
        of = Template(random, size)
        whole = of.chat(1) + of.asked() + of.header
        answer = of.text(3, 5)
        cuts = [len(whole) + 2, len(whole), len(whole) - 1, len(whole) - len(of.header)]
        cuts += [len(whole) - len(of.header) + 1]
        rows = [[(whole + answer)[:cut]] for cut in cuts]
        ended = [*whole, *answer, of.end]
        rows += [[ended[begin:]] for begin in (0, 1, 2, len(of.header))]
        begun = [*of.header[1:], *of.text(), *of.close, *of.chat(2)]
        rows += [[begun], [of.header], [[of.end]], [[of.start]]]
        found += [of.batch(row) for row in rows]
    return (found,)


def run_labels(answer, found):
    results = [answer(*given) for given in found]
    return [results, [str(getattr(result, "dtype", "")) for result in results], found]


def answers_alone(input_ids, header, end_id):
    """Answers are cut out of each row, one after the other."""
    found = []
    for row in input_ids.tolist():
        made = [-100] * len(row)
        for first in range(len(header), len(row)):
            if row[first - len(header) : first] == header:
                rest = row[first:]
                many = rest.index(end_id) + 1 if end_id in rest else len(rest)
                made[first : first + many] = rest[:many]
        found.append(made)
    return torch.tensor(found)


# ----- packing


def some_rows(random: Generator, most: int = 9, longest: int = 7) -> list[list[int]]:
    many = random.integers(1, longest + 1, size=int(random.integers(4, most)))
    return [random.integers(1, 90, size=n).tolist() for n in many.tolist()]


def rows_to_place(random: Generator) -> tuple:
    def draw():
        return some_rows(random), int(random.integers(7, 12)), 0

    rivals = [in_windows(place) for place in OTHER_PLACES]
    rivals += [in_windows(first_fit, order) for order in OTHER_ORDERS]
    found = telling(draw, in_windows(first_fit), rivals)
    return ([[*given] for given in found],)


def run_ids(answer, found):
    results = [answer(*given)[0] for given in found]
    return [results, [str(getattr(result, "dtype", "")) for result in results]]


def rows_of_any_kind(random: Generator) -> tuple:
    """Some windows are full, some not; one row alone, one id alone."""
    length = int(random.integers(7, 11))
    found = [[some_rows(random, longest=5), length, 0] for _ in range(3)]
    full = [ids(random, 90, n) for n in (3, length, length - 3, 1, 2)]
    found.append([full, length, 99])
    found += [[[[5]], 1, 0], [[ids(random, 90, 3)], 4, 7], [[[1], [2], [3]], 1, 0]]
    return (found,)


def run_positions(answer, found):
    results = [answer(*given)[:2] for given in found]
    return [results, [str(getattr(result[1], "dtype", "")) for result in results]]


def run_masks(answer, found):
    return [answer(*given)[::2] for given in found]


def rows_with_the_padding(random: Generator) -> tuple:
    """The padding is an id of the rows, at their ends as well, or all there is."""
    found = []
    for pad_id in (0, 2, 5):
        rows = some_rows(random, longest=5)
        for row in rows[::2]:
            row[int(random.integers(len(row)))] = pad_id
        rows[0] = [7, pad_id, pad_id]
        rows[1] = [pad_id, 8]
        rows[2] = [pad_id]
        found.append([rows, int(random.integers(7, 11)), pad_id])
    alike = ids(random, 90, 3)
    return ([*found, [[alike, alike, [alike[0]] * 2], 10, alike[0]]],)


def run_all_three(answer, found):
    return [[[*answer(*given)] for given in found], found]


def first_fit(room, size):
    return next((at for at, left in enumerate(room) if left >= size), None)


def last_alone(room, size):
    return len(room) - 1 if room and room[-1] >= size else None


def last_fit(room, size):
    fits = [at for at, left in enumerate(room) if left >= size]
    return fits[-1] if fits else None


def best_fit(room, size):
    fits = [at for at, left in enumerate(room) if left >= size]
    return min(fits, key=lambda at: room[at], default=None)


def worst_fit(room, size):
    fits = [at for at, left in enumerate(room) if left >= size]
    return max(fits, key=lambda at: room[at], default=None)


def first_with_one_more(room, size):
    return next((at for at, left in enumerate(room) if left > size), None)


def none_shares(room, size):
    return None


def in_windows(place, order=lambda rows: rows):
    """Where each row goes, by a rule; the ids alone."""

    def packed(rows, length, pad_id):
        windows: list[list[int]] = []
        for row in order(rows):
            at = place([length - len(window) for window in windows], len(row))
            if at is None:
                windows.append([])
                at = len(windows) - 1
            windows[at] = windows[at] + row
        return torch.tensor([w + [pad_id] * (length - len(w)) for w in windows])

    return packed


OTHER_PLACES = [
    last_alone,
    last_fit,
    best_fit,
    worst_fit,
    first_with_one_more,
    none_shares,
]
OTHER_ORDERS = [
    lambda rows: sorted(rows, key=len),
    lambda rows: sorted(rows, key=len, reverse=True),
    lambda rows: rows[::-1],
]


def packed_apart(rows, length, pad_id):
    """The ids by first fit; the rest from each token's row and place in it."""
    windows: list[list[tuple[int, int, int]]] = []
    for number, row in enumerate(rows):
        at = first_fit([length - len(window) for window in windows], len(row))
        if at is None:
            at = len(windows)
            windows.append([])
        windows[at] += [(token, place, number) for place, token in enumerate(row)]
    filled = [w + [(pad_id, 0, -1)] * (length - len(w)) for w in windows]
    tokens, positions, owners = torch.tensor(filled).unbind(-1)
    alike = owners[:, :, None] == owners[:, None, :]
    before = torch.arange(length)[:, None] >= torch.arange(length)
    return tokens, positions, alike & before & (owners[:, :, None] >= 0)


EXERCISES = [
    Exercise(
        "rms_norm",
        divided_by_rms,
        [
            Check("vectors of any shape", 1, vectors, run_all_and_keep),
            Check("any eps, and vectors near 0", 1, vectors_near_zero, run_with_eps),
            Check("float16 and float32", 1, of_both_dtypes, run_dtypes, tolerance=4e-3),
        ],
        without=("rms_norm", "rmsnorm"),
    ),
    Exercise(
        "rotate",
        turned,
        [
            Check("positions from 0 on", 2, from_zero_on, run_all_and_keep),
            Check("positions of each text", 2, of_each_text, run_all_and_keep),
            Check(
                "any base, positions in the thousands",
                1,
                far_with_a_base,
                run_bases,
                tolerance=5e-3,  # angles of thousands have steps of 2e-4 in float32
            ),
            Check(
                "scores that depend on the distance alone",
                1,
                pairs_at_a_distance,
                run_scores,
                tolerance=1e-3,
            ),
        ],
    ),
    Exercise(
        "swiglu",
        gated,
        [
            Check("vectors of any shape", 2, through_the_gate, run_all_and_keep),
            Check(
                "gates in the thousands",
                1,
                gates_in_the_thousands,
                run_all,
                tolerance=1e-3,
            ),
        ],
    ),
    Exercise(
        "grouped_query_attention",
        grouped,
        [
            Check("one query, any number of groups", 2, one_query, run_all_and_keep),
            Check("as many keys as queries", 2, as_many_queries, run_all_and_keep),
            Check("keys that come from a cache", 1, behind_a_cache, run_all),
            Check(
                "scores in the thousands",
                1,
                scores_in_the_thousands,
                run_all,
                tolerance=2e-3,
            ),
        ],
        without=("scaled_dot_product",),
    ),
    Exercise(
        "top_p",
        kept,
        [
            Check("any p, another set in each row", 2, any_p, run_all, cases=2),
            Check("a p of 0, a p of 1, one token", 1, at_the_ends_of_p, run_all),
            Check(
                "equal tokens, ruled out ones, logits left alone",
                1,
                equal_and_extreme,
                run_all_and_keep,
            ),
        ],
    ),
    Exercise(
        "score_continuations",
        scored,
        [
            Check("continuations of one id", 1, of_one_id, run_reader, tolerance=1e-3),
            Check("of any length", 2, of_any_length, run_reader, tolerance=1e-3),
            Check(
                "no id read more often than needed, and the lists left alone",
                2,
                of_any_length,
                run_counting,
                tolerance=1e-3,
            ),
        ],
    ),
    Exercise(
        "answer_labels",
        answers_alone,
        [
            Check("chats of one answer", 2, chats_of_one_turn, run_labels),
            Check(
                "several answers, and padding", 2, chats_of_several_turns, run_labels
            ),
            Check("rows that are cut", 1, chats_that_are_cut, run_labels),
        ],
    ),
    Exercise(
        "pack",
        packed_apart,
        [
            Check("the first window that has room", 2, rows_to_place, run_ids),
            Check("positions of each row", 1, rows_of_any_kind, run_positions),
            Check("the mask of each window", 2, rows_of_any_kind, run_masks),
            Check(
                "padding that is an id of the rows, and rows left alone",
                1,
                rows_with_the_padding,
                run_all_three,
            ),
        ],
    ),
    ByHand(
        "explain_cache",
        3,
        "1 point: 2 · 30 · 3 · 64 · 2 = 23,040 bytes a token, times 65,536 tokens: "
        "1,509,949,440 bytes or 1.4 GiB (the 2 for keys and values, or that of the "
        "bytes, forgotten: half a point). 1 point: three times as much with 9 heads, "
        "69,120 bytes a token, 4.2 GiB. 1 point: each step reads the whole cache from "
        "memory, and that is what takes the time, while as many scores are computed; "
        "the price is some quality.",
    ),
]

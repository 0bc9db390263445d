"""What only the grader runs on the attention set."""

import math

import numpy as np
import torch
from numpy.random import Generator

from labkit.grading import ByHand, Check, Exercise, normal
from labkit.models import attention


def run_all(answer, calls):
    return [answer(*call) for call in calls]


def run_all_and_keep(answer, calls):
    return [[answer(*call) for call in calls], calls]


def sizes(random: Generator, count: int) -> list[int]:
    """Different ones, so that no dimension can be taken for another."""
    return random.permutation(range(2, 8))[:count].tolist()


def rows(random: Generator) -> tuple:
    a, b, c = sizes(random, 3)
    shapes = (a, b), (a,), (1, a), (a, 1), (1, a, 1, b, c)
    return ([[normal(random, *shape, scale=3)] for shape in shapes],)


def along_any_dimension(random: Generator) -> tuple:
    a, b, c = sizes(random, 3)
    scores = normal(random, a, b, 1, c, scale=3)
    return scores, random.permutation(range(-4, 4)).tolist()


def run_along(answer, scores, dims):
    by_place = answer(scores, dims[0])
    return [by_place, *(answer(scores, dim=dim) for dim in dims)]


def far_apart(random: Generator) -> tuple:
    sign = int(random.choice([-1, 1]))  # every row's largest is another, far from 0
    base = torch.tensor([[5000.0], [-5000.0], [0.0], [sign * 2000.0]])
    scores = base + normal(random, 4, 6, scale=2)
    below = normal(random, 2, 6)
    below[0, :3] -= 4000  # within a row, too
    below[1] -= 3000
    return ([[scores], [scores.T.contiguous(), 0], [scores[1]], [below]],)


def partly_masked(random: Generator) -> tuple:
    scores = normal(random, 6, 7)
    hidden = torch.from_numpy(random.random((6, 7)) < 0.4)
    hidden[:, 3] = False  # something is always seen
    hidden[0, 0] = hidden[1, -1] = hidden[5, 1] = True
    hidden[2, :3] = hidden[2, 4:] = True
    hidden[3] = False
    scores[5] -= 3000
    return (scores.masked_fill(hidden, -math.inf),)


def run_zeros(answer, scores):
    weights = answer(scores)
    return [weights, weights == 0, scores]


def softmax(scores: torch.Tensor, dim: int = -1) -> torch.Tensor:
    wide = scores.double()
    return (wide - wide.logsumexp(dim, keepdim=True)).exp().to(scores.dtype)


def some_seen(random: Generator, *shape: int) -> torch.Tensor:
    """Each row hides something, and shows something."""
    mask = torch.from_numpy(random.random(shape) < 0.5)
    hidden, shown = random.permutation(shape[-1])[:2].tolist()
    mask[..., hidden], mask[..., shown] = False, True
    return mask


def query_key_value(random: Generator, *front: int, d_k: int = 0) -> list:
    queries, keys, size, d_v = sizes(random, 4)
    size = d_k or size
    return [
        normal(random, *front, queries, size, scale=2),
        normal(random, *front, keys, size, scale=2),
        normal(random, *front, keys, d_v),
    ]


def without_a_mask(random: Generator) -> tuple:
    alone = [normal(random, 1, 1, 1, n) for n in (4, 4, 3)]
    calls = [query_key_value(random, *front) for front in ((3,), (), (1, 2))]
    return ([*calls, query_key_value(random, 2, d_k=1), alone],)


def with_mask(random: Generator) -> tuple:
    calls = []
    for front in ((2,), ()):
        query, key, value = query_key_value(random, *front)
        mask = some_seen(random, query.size(-2), key.size(-2))
        calls.append([query, key, value, mask])
    return ([*calls, hidden_far_above(random)],)


def hidden_far_above(random: Generator) -> list:
    """Scores near −6000 that are seen, and near 6000 that are not; exact in float32."""
    mask = torch.ones(4, 6, dtype=torch.bool)
    mask[:, random.permutation(6)[:3]] = False
    query = torch.from_numpy(random.integers(-1, 2, size=(4, 4))).float()
    key = torch.from_numpy(random.integers(-2, 3, size=(6, 4))).float()
    query[:, 0] = 100
    key[:, 0] = torch.where(mask[0], -120.0, 120.0)
    return [query, key, normal(random, 6, 3), mask]


def run_exactly(answer, calls):
    found = []
    for query, key, value, mask in calls:
        result = answer(query, key, value, mask=mask)
        found.append([result, result[1] == 0])
    return [found, calls]


def with_nowhere_to_look(random: Generator) -> tuple:
    query, key, value = query_key_value(random, 3)
    queries, keys = query.size(1), key.size(1)
    rows = some_seen(random, queries, keys)
    rows[[0, -1]] = False
    texts = some_seen(random, 3, queries, keys)
    texts[int(random.integers(3))] = False
    whole = torch.arange(queries)[:, None] % 2 == random.integers(2)
    masks = rows, texts, whole, torch.zeros(1, 1, dtype=torch.bool)
    return ([[query, key, value, mask] for mask in masks],)


def with_heads_in_front(random: Generator) -> tuple:
    batch, heads = sizes(random, 2)
    calls = []
    for front, masked in (
        ((batch, heads), (batch, 1)),
        ((batch, heads), (1, heads)),
        ((2, 1, 3), (3,)),
    ):
        query, key, value = query_key_value(random, *front)
        seen = some_seen(random, *masked, query.size(-2), key.size(-2))
        calls.append([query, key, value, seen])
    query, key, value = query_key_value(random, 1, heads)
    keys = some_seen(random, key.size(-2))  # the same for all queries
    calls += [[query, key, value, keys], [query, key, value, keys[None, None]]]
    return (calls,)


def lengths(random: Generator) -> tuple:
    return ([[length] for length in [1, 2, *random.integers(3, 12, size=3).tolist()]],)


def lengths_with_cache(random: Generator) -> tuple:
    more = int(random.integers(4, 9))
    pairs = [(1, 1), (1, more), (2, 3), (more, more), (more, more + 1), (2, 3 * more)]
    return ([[*pair] for pair in pairs],)


def run_wide(answer, lengths):
    return [answer(queries, keys=keys) for queries, keys in lengths]


def padded_on_the_right(random: Generator) -> tuple:
    length = int(random.integers(6, 10))
    ends = torch.tensor([[length], [1], [int(random.integers(2, length))]])
    padded = (torch.arange(length) < ends).long()
    one = torch.ones(1, 1, dtype=torch.long)
    return ([[padded], [padded[2:]], [one], [one.expand(3, 1).clone()]],)


def padded_anywhere(random: Generator) -> tuple:
    length = int(random.integers(6, 10))
    begins = torch.tensor([[length - 1], [2], [length]])  # the last is padding alone
    left = (torch.arange(length) >= begins).long()
    holes = torch.from_numpy(random.integers(0, 2, size=(2, length)))
    holes[:, :3] = torch.tensor([[1, 0, 1], [0, 1, 0]])
    return ([[torch.cat([left, holes])], [left[:1]]],)


def decoder_mask(attention_mask: torch.Tensor) -> torch.Tensor:
    length = attention_mask.size(1)
    return attention.padding_mask(attention_mask) & attention.causal_mask(length)


def vectors_and_heads(random: Generator) -> tuple:
    batch, length, heads, d_k = sizes(random, 4)
    shapes = [
        (batch, length, heads, d_k),
        (1, length, heads, d_k),
        (batch, 1, heads, d_k),
        (batch, length, 1, d_k),
        (batch, length, heads, 1),
        (2, 2, 3, 5),  # odd
    ]
    return ([[normal(random, b, n, h * d), h] for b, n, h, d in shapes],)


def no_multiple(random: Generator) -> tuple:
    heads = int(random.integers(3, 7))
    size = heads * int(random.integers(2, 6))
    too_many = int(random.integers(2, heads))
    others = [normal(random, 2, heads, n) for n in (size + 1, size + too_many)]
    others.append(normal(random, 2, heads, heads - 1))  # less than one number each
    return normal(random, 2, 3, size), others, heads


def run_refusal(answer, fits, others, heads):
    said = []
    for does_not in others:
        try:
            answer(does_not, heads)
            said.append("nothing")
        except ValueError:
            said.append("ValueError")
    return [said, answer(fits, heads)]


def split_heads(vectors: torch.Tensor, heads: int) -> torch.Tensor:
    if vectors.size(-1) % heads:
        raise ValueError
    return attention.MultiHeadAttention(heads, heads).split(vectors)


def states_and_matrices(
    random: Generator, batch: int, length: int, heads: int, d_k: int
) -> list:
    size = heads * d_k
    matrices = [normal(random, size, size, scale=1.5 * size**-0.5) for _ in range(4)]
    return [normal(random, batch, length, size), *matrices, heads]


def one_head(random: Generator) -> tuple:
    batch, length, d_k = sizes(random, 3)
    shapes = (batch, length, 1, d_k), (1, length, 1, d_k), (batch, length, 1, 1)
    return ([states_and_matrices(random, *shape) for shape in shapes],)


def several_heads(random: Generator) -> tuple:
    batch, length, heads, d_k = sizes(random, 4)
    shapes = [
        (batch, length, heads, d_k),
        (1, heads, heads, d_k),
        (batch, length, heads, 1),
        (batch, 1, heads, d_k),
    ]
    return ([states_and_matrices(random, *shape) for shape in shapes],)


def with_a_mask_each(random: Generator) -> tuple:
    batch, length, heads, d_k = sizes(random, 4)
    length += 1  # three or more
    calls = []
    for shape in (
        (batch, length, heads, d_k),
        (heads, length, heads, d_k),  # a text's mask fits a head
        (1, length, heads, d_k),
        (batch, length, length, 2),
    ):
        mask = some_seen(random, shape[0], length, length)
        mask[:, 0, :2] = torch.tensor([True, False])
        mask[:, 1, 0] = True  # so it is another one when transposed
        mask[::2, 2, :2] = torch.tensor([True, False])  # each text's is another
        mask[1::2, 2, :2] = torch.tensor([False, True])
        calls.append([*states_and_matrices(random, *shape), mask])
    return (calls,)


def run_masked(answer, calls):
    found = [answer(*inputs, heads=n, mask=mask) for *inputs, n, mask in calls]
    return [found, calls]


def multi_head(hidden_states, w_query, w_key, w_value, w_output, heads, mask=None):
    module = attention.MultiHeadAttention(len(w_query), heads, bias=False)
    maps = module.query, module.key, module.value, module.output
    for linear, matrix in zip(maps, (w_query, w_key, w_value, w_output), strict=True):
        linear.weight.data = matrix.T
    return module(hidden_states, mask=mask)[0].detach()


def between_edges(positions: np.ndarray, buckets: int, farthest: int) -> torch.Tensor:
    """With 0 for those where rounding decides between two buckets."""
    exact = buckets // 4
    distance = np.maximum(np.abs(positions), exact)
    place = np.log(distance / exact) / math.log(farthest / exact) * exact
    on_edge = (distance > exact) & (np.abs(place - place.round()) < 1e-4)
    on_edge &= place < exact - 0.5  # beyond the last edge there is one bucket
    return torch.from_numpy(np.where(on_edge, 0, positions))


def all_positions(random: Generator, buckets: int, farthest: int) -> torch.Tensor:
    """Up to the largest distance, and some beyond, in both directions."""
    beyond = [farthest, farthest + 1, 2 * farthest, 15 * 2**16 + 1]
    both = np.array([*range(farthest), *beyond])
    both = random.permutation(np.concatenate([both, -both]))
    return between_edges(both, buckets, farthest)


def positions_nearby(random: Generator) -> tuple:
    near = torch.from_numpy(random.permutation(np.arange(-7, 8)))
    table = near[None] - near[:, None]
    return ([[near, 32, 128], [table.clamp(-7, 7), 32, 128], [near[:1, None], 32, 99]],)


def other_buckets(random: Generator) -> tuple:
    fewer, more = (4 * int(n) for n in (random.integers(3, 8), random.integers(9, 20)))
    farthest = random.integers(100, 400, size=2).tolist()
    pairs = [(fewer, farthest[0]), (more, farthest[1]), (4, 20), (8, 128), (32, 12)]
    return ([[all_positions(random, *pair), *pair] for pair in pairs],)


def positions_far_away(random: Generator) -> tuple:
    pairs = [(4 * int(random.integers(3, 12)), int(random.integers(60, 400)))]
    pairs += [(32, 128), (16, 32)]
    calls = []
    for buckets, farthest in pairs:
        beyond = random.integers(farthest, 99 * farthest, size=(3, 4, 2))
        beyond = beyond * random.choice([-1, 1], size=(3, 4, 2))
        beyond[0, 0] = farthest, -farthest
        calls.append([torch.from_numpy(beyond), buckets, farthest])
    return (calls,)


def positions_alone(random: Generator) -> tuple:
    some = all_positions(random, 32, 128)
    return ([[some], [some.reshape(2, 1, -1, 1)], [some[:1]]],)


def run_kinds(answer, calls):
    found = [
        answer(position, **dict(zip(("buckets", "max_distance"), others, strict=False)))
        for position, *others in calls
    ]
    return [found, [str(buckets.dtype) for buckets in found], calls]


def bucket(relative_position, buckets=32, max_distance=128):
    return attention.relative_position_bucket(relative_position, buckets, max_distance)


def parts(random: Generator, new: list[int], *shape: int) -> list:
    batch, heads, d_k = shape or sizes(random, 3)
    return [
        [normal(random, batch, heads, n, d_k), normal(random, batch, heads, n, d_k)]
        for n in new
    ]


def token_by_token(random: Generator) -> tuple:
    return ([parts(random, [1] * 5), parts(random, [1] * 3, 1, 1, 1)],)


def several_at_once(random: Generator) -> tuple:
    some = random.integers(2, 6, size=3).tolist()
    batch, heads, d_k = sizes(random, 3)
    texts = [parts(random, [*some, 1, 2]), parts(random, some, 1, 1, d_k)]
    texts += [parts(random, some, batch, 1, d_k), parts(random, some, batch, heads, 1)]
    return ([*texts, parts(random, [1000, 1, 1500], 1, 1, 2)],)


def of_two_kinds(random: Generator) -> tuple:
    some = random.integers(2, 6, size=3).tolist()
    return ([parts(random, [*some, 1]), parts(random, [1, 1, *some[:1]], 1, 1, 1)],)


def run_cache(answer, texts):
    found = []
    for text in texts:
        cache = answer()
        found.append([cache.extend(*part) for part in text])
    return [found, texts]


def run_lengths(answer, texts):
    found = []
    for text in texts:
        cache = answer()
        lengths = [cache.length]
        for part in text:
            cache.extend(*part)
            lengths.append(cache.length)
        found.append([lengths, [isinstance(length, int) for length in lengths]])
    return found


def run_two(answer, texts):
    found = []
    for text in texts:
        one, other = answer(), answer()
        for key, value in text:
            found.append([one.extend(key, value), other.extend(value, key)])
            found.append([one.length, other.length])
        found.append([answer().length])
    return found


EXERCISES = [
    Exercise(
        "softmax",
        softmax,
        [
            Check("rows of scores, of any shape", 1, rows, run_all_and_keep),
            Check(
                "along the dimension that is asked for",
                1,
                along_any_dimension,
                run_along,
            ),
            Check(
                "scores in the thousands, rows far apart",
                1,
                far_apart,
                run_all,
                tolerance=2e-3,  # float32 has steps of 5e-4 there
            ),
            Check("scores of −∞", 1, partly_masked, run_zeros, tolerance=2e-3),
        ],
        without=("softm", "attention", "entropy", "nll"),
    ),
    Exercise(
        "scaled_dot_product_attention",
        attention.scaled_dot_product_attention,
        [
            Check("without a mask", 2, without_a_mask, run_all_and_keep),
            Check("with a mask", 2, with_mask, run_exactly),
            Check("a query that may look nowhere", 1, with_nowhere_to_look, run_all),
            Check("more dimensions in front", 1, with_heads_in_front, run_all),
        ],
        needs=("softmax",),
    ),
    Exercise(
        "causal_mask",
        attention.causal_mask,
        [
            Check("as many keys as queries", 1, lengths, run_all),
            Check("keys that come from a cache", 2, lengths_with_cache, run_wide),
        ],
    ),
    Exercise(
        "decoder_mask",
        decoder_mask,
        [
            Check("padding on the right", 2, padded_on_the_right, run_all_and_keep),
            Check("padding anywhere", 1, padded_anywhere, run_all_and_keep),
        ],
        needs=("causal_mask",),
    ),
    Exercise(
        "split_heads",
        split_heads,
        [
            Check("vectors of any size", 2, vectors_and_heads, run_all_and_keep),
            Check("a size that is no multiple", 1, no_multiple, run_refusal),
        ],
    ),
    Exercise(
        "multi_head_attention",
        multi_head,
        [
            Check("a single head", 1, one_head, run_all_and_keep),
            Check("several heads", 3, several_heads, run_all_and_keep),
            Check("a mask for each text", 2, with_a_mask_each, run_masked),
        ],
        needs=("softmax", "scaled_dot_product_attention", "split_heads"),
    ),
    Exercise(
        "relative_position_bucket",
        bucket,
        [
            Check("distances with a bucket each", 1, positions_nearby, run_kinds),
            Check("other numbers of buckets", 2, other_buckets, run_kinds),
            Check("distances beyond the largest", 2, positions_far_away, run_kinds),
            Check("T5's own numbers", 1, positions_alone, run_kinds),
        ],
    ),
    Exercise(
        "KeyValueCache",
        attention.KeyValueCache,
        [
            Check("a token at a time", 1, token_by_token, run_cache),
            Check("several at once", 1, several_at_once, run_cache),
            Check("its length", 1, of_two_kinds, run_lengths),
            Check("two caches at the same time", 1, of_two_kinds, run_two),
        ],
    ),
    ByHand(
        "explain_scale",
        3,
        "1 point: a score is a sum of d_k terms, so its variance grows with d_k and "
        "its typical size with √d_k (d_k itself would be too much). 1 point: without "
        "the division the softmax is nearly one-hot. 1 point: then its gradient nearly "
        "vanishes, or what the lesson's figure showed.",
    ),
]

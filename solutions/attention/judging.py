"""What only the grader runs on the attention set."""

import math

import numpy as np
import torch
from numpy.random import Generator

from labkit import attention
from labkit.grading import ByHand, Check, Exercise, normal


def rows(random: Generator) -> tuple:
    shape = random.integers(2, 6, size=3).tolist()
    return (normal(random, *shape, scale=3),)


def along_any_dimension(random: Generator) -> tuple:
    return normal(random, 3, 4, 5, scale=3), int(random.integers(0, 2))


def far_apart(random: Generator) -> tuple:
    base = normal(random, 4, 1, scale=1_500)
    return (base + normal(random, 4, 6, scale=2),)


def partly_masked(random: Generator) -> tuple:
    scores = normal(random, 5, 7)
    hidden = torch.from_numpy(random.random((5, 7)) < 0.4)
    hidden[:, int(random.integers(7))] = False  # something is always seen
    return (scores.masked_fill(hidden, -math.inf),)


def run_without_pytorchs(answer, *inputs):
    from torch.overrides import TorchFunctionMode

    used = set()

    class Watch(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            name = getattr(function, "__name__", "")
            used.update([name] if "softm" in name else [])
            return function(*args, **(kwargs or {}))

    with Watch():
        weights = answer(*inputs)
    return [weights, len(used)]


def softmax(scores: torch.Tensor, dim: int = -1) -> torch.Tensor:
    scores = scores.double()
    return (scores - scores.logsumexp(dim, keepdim=True)).exp().float()


def sizes(random: Generator, count: int) -> list[int]:
    """Different ones, so that no dimension can be taken for another."""
    return random.permutation(range(2, 8))[:count].tolist()


def seen(random: Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(random.random(shape) < 0.6)


def query_key_value(random: Generator) -> tuple:
    batch, queries, keys, d_k, d_v = sizes(random, 5)
    return (
        normal(random, batch, queries, d_k, scale=2),
        normal(random, batch, keys, d_k, scale=2),
        normal(random, batch, keys, d_v),
    )


def with_mask(random: Generator) -> tuple:
    query, key, value = query_key_value(random)
    mask = seen(random, query.size(1), key.size(1))
    mask[:, int(random.integers(key.size(1)))] = True
    return query, key, value, mask


def run_exactly(answer, *inputs):
    mixed, weights = answer(*inputs)
    return [mixed, weights, weights == 0]


def with_nowhere_to_look(random: Generator) -> tuple:
    query, key, value, mask = with_mask(random)
    mask[int(random.integers(query.size(1)))] = False
    return query, key, value, mask


def with_heads_in_front(random: Generator) -> tuple:
    batch, head, queries, keys, d_k, d_v = sizes(random, 6)
    mask = seen(random, batch, 1, queries, keys)
    mask[..., 0] = True
    return (
        normal(random, batch, head, queries, d_k, scale=2),
        normal(random, batch, head, keys, d_k, scale=2),
        normal(random, batch, head, keys, d_v),
        mask,
    )


def lengths(random: Generator) -> tuple:
    return (random.integers(3, 12, size=4).tolist(),)


def lengths_with_cache(random: Generator) -> tuple:
    keys = random.integers(6, 14, size=4)
    return ([[int(random.integers(1, k)), int(k)] for k in keys],)


def run_square(answer, lengths):
    return [answer(length) for length in lengths]


def run_wide(answer, lengths):
    return [answer(queries, keys) for queries, keys in lengths]


def padded_on_the_right(random: Generator) -> tuple:
    batch, length = int(random.integers(3, 6)), int(random.integers(6, 10))
    ends = torch.from_numpy(random.integers(1, length, size=(batch, 1)))
    return ((torch.arange(length) < ends).long(),)


def padded_anywhere(random: Generator) -> tuple:
    batch, length = int(random.integers(3, 6)), int(random.integers(6, 10))
    return (seen(random, batch, length).long(),)


def vectors_and_heads(random: Generator) -> tuple:
    batch, length, heads, d_k = sizes(random, 4)
    return normal(random, batch, length, heads * d_k), heads


def no_multiple(random: Generator) -> tuple:
    heads = int(random.integers(3, 7))
    size = heads * int(random.integers(2, 6))
    too_many = int(random.integers(2, heads))
    others = [normal(random, 2, 3, size + n) for n in (1, too_many)]
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


def refuse() -> None:
    raise ValueError


def states_and_matrices(random: Generator) -> tuple:
    batch, length, heads, d_k = sizes(random, 4)
    size = heads * d_k
    matrices = [normal(random, size, size, scale=size**-0.5) for _ in range(4)]
    return normal(random, batch, length, size), *matrices, heads


def one_head(random: Generator) -> tuple:
    return *states_and_matrices(random)[:-1], 1


def with_a_mask_each(random: Generator) -> tuple:
    inputs = states_and_matrices(random)
    batch, length, _ = inputs[0].shape
    mask = seen(random, batch, length, length)
    return *inputs, mask | torch.eye(length, dtype=torch.bool)


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
    return torch.from_numpy(np.where(on_edge, 0, positions))


def positions_nearby(random: Generator) -> tuple:
    return torch.from_numpy(random.integers(-7, 8, size=(6, 9))), 32, 128


def positions_at_both_ends(random: Generator) -> tuple:
    buckets, farthest = 4 * int(random.integers(3, 12)), int(random.integers(60, 400))
    positions = random.integers(-50, 51, size=(5, 40))
    return between_edges(positions, buckets, farthest), buckets, farthest


def positions_far_away(random: Generator) -> tuple:
    buckets, farthest = 4 * int(random.integers(3, 12)), int(random.integers(60, 400))
    positions = random.integers(-999, 999, size=60)
    return between_edges(positions, buckets, farthest), buckets, farthest


def positions_alone(random: Generator) -> tuple:
    return (between_edges(random.integers(-200, 200, size=(7, 30)), 32, 128),)


def run_kind(answer, *inputs):
    buckets = answer(*inputs)
    return [buckets, str(buckets.dtype)]


def bucket(relative_position, buckets=32, max_distance=128):
    return attention.relative_position_bucket(relative_position, buckets, max_distance)


def token_by_token(random: Generator) -> tuple:
    batch, heads, d_k = sizes(random, 3)
    tensors = normal(random, 2, 5, batch, heads, 1, d_k)
    return list(tensors[0].unbind()), list(tensors[1].unbind())


def several_at_once(random: Generator) -> tuple:
    batch, heads, d_k = sizes(random, 3)
    new = random.integers(1, 5, size=4).tolist()
    return tuple([normal(random, batch, heads, n, d_k) for n in new] for _ in range(2))


def run_cache(answer, keys, values):
    cache = answer()
    return [list(cache.extend(k, v)) for k, v in zip(keys, values, strict=True)]


def run_lengths(answer, keys, values):
    cache, lengths = answer(), []
    for key, value in zip(keys, values, strict=True):
        lengths.append(cache.length)
        cache.extend(key, value)
    return [*lengths, cache.length]


def run_two(answer, keys, values):
    one, other = answer(), answer()
    kept = []
    for key, value in zip(keys, values, strict=True):
        kept.append(list(one.extend(key, value)))
        kept.append(list(other.extend(value, key)))
    return kept


EXERCISES = [
    Exercise(
        "softmax",
        softmax,
        [
            Check("rows of scores, of any shape", 1, rows, run_without_pytorchs),
            Check(
                "along the dimension that is asked for",
                1,
                along_any_dimension,
                run_without_pytorchs,
            ),
            Check(
                "scores in the thousands, rows far apart",
                1,
                far_apart,
                run_without_pytorchs,
                tolerance=2e-3,  # float32 has steps of 5e-4 there
            ),
            Check("scores of −∞", 1, partly_masked, run_without_pytorchs),
        ],
    ),
    Exercise(
        "scaled_dot_product_attention",
        attention.scaled_dot_product_attention,
        [
            Check("without a mask", 2, query_key_value),
            Check("with a mask", 2, with_mask, run_exactly),
            Check("a query that may look nowhere", 1, with_nowhere_to_look),
            Check("more dimensions in front", 1, with_heads_in_front),
        ],
        needs=("softmax",),
    ),
    Exercise(
        "causal_mask",
        attention.causal_mask,
        [
            Check("as many keys as queries", 1, lengths, run_square),
            Check("keys that come from a cache", 2, lengths_with_cache, run_wide),
        ],
    ),
    Exercise(
        "decoder_mask",
        lambda mask: attention.padding_mask(mask) & attention.causal_mask(mask.size(1)),
        [
            Check("padding on the right", 2, padded_on_the_right),
            Check("padding anywhere", 1, padded_anywhere),
        ],
        needs=("causal_mask",),
    ),
    Exercise(
        "split_heads",
        lambda vectors, heads: (
            attention.MultiHeadAttention(heads, heads).split(vectors)
            if vectors.size(-1) % heads == 0
            else refuse()
        ),
        [
            Check("vectors of any size", 2, vectors_and_heads),
            Check("a size that is no multiple", 1, no_multiple, run_refusal),
        ],
    ),
    Exercise(
        "multi_head_attention",
        multi_head,
        [
            Check("a single head", 1, one_head),
            Check("several heads", 3, states_and_matrices),
            Check("a mask for each text", 2, with_a_mask_each),
        ],
        needs=("softmax", "scaled_dot_product_attention", "split_heads"),
    ),
    Exercise(
        "relative_position_bucket",
        bucket,
        [
            Check("distances with a bucket each", 1, positions_nearby, run_kind),
            Check("other numbers of buckets", 2, positions_at_both_ends, run_kind),
            Check("distances beyond the largest", 2, positions_far_away, run_kind),
            Check("T5's own numbers", 1, positions_alone, run_kind),
        ],
    ),
    Exercise(
        "KeyValueCache",
        attention.KeyValueCache,
        [
            Check("a token at a time", 1, token_by_token, run_cache),
            Check("several at once", 1, several_at_once, run_cache),
            Check("its length", 1, several_at_once, run_lengths),
            Check("two caches at the same time", 1, several_at_once, run_two),
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

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch import nn
from torch.nn import functional as F  # noqa: N812
from transformers import LlamaConfig, T5Config
from transformers.models.llama.modeling_llama import (
    LlamaRotaryEmbedding,
    apply_rotary_pos_emb,
)
from transformers.models.t5.modeling_t5 import T5Attention

from labkit.models import (
    MultiHeadAttention,
    causal_mask,
    padding_mask,
    scaled_dot_product_attention,
    softmax,
)
from labkit.models.attention import (
    KeyValueCache,
    RelativePositionBias,
    relative_position_bucket,
    rotate,
)

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
dtypes = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
sizes = st.integers(1, 6)
batches = st.lists(st.integers(1, 3), max_size=3)


def forall(*arguments, **named):
    """`given`, without a deadline: torch is slow when first called."""
    return lambda test: settings(deadline=None, max_examples=60)(
        given(*arguments, **named)(test)
    )


@st.composite
def problems(draw, dtype=torch.float64):
    """Queries, keys and values of any shape, and a mask that may hide anything.

    The numbers are in ±1: float32 rounds larger scores by more than 1e-6.
    """

    def numbers(*shape):
        return 2 * torch.rand(*shape, dtype=dtype) - 1

    torch.manual_seed(draw(st.integers(0, 2**32)))
    batch, queries, keys, d_k, d_v = draw(batches), *(draw(sizes) for _ in range(4))
    mask = torch.rand(*batch, queries, keys) < draw(st.sampled_from([0, 0.3, 0.7, 1]))
    return (
        numbers(*batch, queries, d_k),
        numbers(*batch, keys, d_k),
        numbers(*batch, keys, d_v),
        mask,
    )


def close(actual, expected, tolerance=1e-12):
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=0)


def some(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


# --- softmax ------------------------------------------------------------------------


@forall(batches, sizes, st.data())
def test_softmax_is_torchs_along_any_dimension(batch, length, data):
    scores = 10 * torch.randn(*batch, length, dtype=torch.float64)
    dim = data.draw(st.integers(-scores.ndim, scores.ndim - 1))
    close(softmax(scores, dim), torch.softmax(scores, dim))


@forall(sizes, sizes, st.floats(-1e6, 1e6))
def test_softmax_does_not_change_when_all_scores_shift(rows, length, shift):
    scores = torch.randn(rows, length, dtype=torch.float64)
    close(softmax(scores + shift), softmax(scores), 1e-9)


def test_softmax_of_huge_scores_does_not_overflow():
    close(softmax(torch.tensor([1e30, 0, -1e30])), torch.tensor([1.0, 0, 0]))


def test_a_row_of_minus_infinity_has_weights_of_zero_and_a_finite_gradient():
    scores = torch.tensor([[-math.inf] * 3, [1, -math.inf, 2]], requires_grad=True)
    weights = softmax(scores)
    (weights * torch.tensor([1.0, 2, 3])).sum().backward()
    assert torch.equal(weights[0], torch.zeros(3))
    assert weights[1].sum() == 1
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[1].abs().sum() > 0


def test_the_gradient_of_softmax_is_right_to_the_second_order():
    scores = some(3, 4)
    assert torch.autograd.gradcheck(softmax, scores)
    assert torch.autograd.gradgradcheck(softmax, scores)


# --- scaled dot-product attention ---------------------------------------------------


@forall(problems())
def test_each_row_of_weights_sums_to_1_or_to_0_where_there_is_nothing_to_see(problem):
    *qkv, mask = problem
    mixed, weights = scaled_dot_product_attention(*qkv, mask)
    close(weights.sum(-1), mask.any(-1).double())
    assert (weights >= 0).all()
    assert (weights[~mask] == 0).all()
    assert mixed.isfinite().all()
    assert (mixed[~mask.any(-1)] == 0).all()


@forall(problems())
def test_a_masked_key_has_no_influence(problem):
    query, key, value, mask = problem
    mask[..., 0] = False
    before, _ = scaled_dot_product_attention(query, key, value, mask)
    key[..., 0, :], value[..., 0, :] = 1e3, -1e3
    after, _ = scaled_dot_product_attention(query, key, value, mask)
    assert torch.equal(before, after)


@forall(problems())
def test_the_order_of_the_keys_does_not_matter(problem):
    query, key, value, mask = problem
    order = torch.randperm(key.size(-2))
    mixed, weights = scaled_dot_product_attention(query, key, value, mask)
    shuffled, shuffled_weights = scaled_dot_product_attention(
        query, key[..., order, :], value[..., order, :], mask[..., order]
    )
    close(shuffled, mixed)
    close(shuffled_weights, weights[..., order])


@forall(problems())
def test_each_query_is_answered_by_itself(problem):
    query, key, value, mask = problem
    together, _ = scaled_dot_product_attention(query, key, value, mask)
    for i in range(query.size(-2)):
        one = slice(i, i + 1)
        alone, _ = scaled_dot_product_attention(
            query[..., one, :], key, value, mask[..., one, :]
        )
        close(alone, together[..., one, :])


@dtypes
@forall(data=st.data(), scale=st.none() | st.floats(0.1, 1), biased=st.booleans())
def test_it_is_torchs_scaled_dot_product_attention(dtype, data, scale, biased):
    query, key, value, mask = data.draw(problems(dtype))
    bias = torch.rand(mask.shape, dtype=dtype) if biased else None
    mixed, _ = scaled_dot_product_attention(query, key, value, mask, bias, scale)
    theirs = mask if bias is None else bias.masked_fill(~mask, -math.inf)
    expected = F.scaled_dot_product_attention(
        query, key, value, attn_mask=theirs, scale=scale
    )
    close(mixed, expected, TOLERANCE[dtype])


@forall(problems())
def test_without_a_mask_it_is_the_formula(problem):
    query, key, value, _ = problem
    scores = torch.einsum("...qd,...kd->...qk", query, key) / query.size(-1) ** 0.5
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    mixed, ours = scaled_dot_product_attention(query, key, value)
    close(ours, weights)
    close(mixed, torch.einsum("...qk,...kv->...qv", weights, value))


def test_its_gradient_is_right_even_where_a_query_sees_nothing():
    mask = torch.tensor([[True, True, False], [False, False, False]])
    bias = some(2, 3)

    def attend(query, key, value, bias):
        return scaled_dot_product_attention(query, key, value, mask, bias)

    inputs = some(2, 2, 4), some(2, 3, 4), some(2, 3, 5), bias
    assert torch.autograd.gradcheck(attend, inputs)
    sum(output.sum() for output in attend(*inputs)).backward()
    for tensor in inputs:
        assert tensor.grad.isfinite().all()
    assert (inputs[1].grad[:, 2] == 0).all()  # nothing flows to a key no one sees


# --- masks --------------------------------------------------------------------------


def test_masks_combine_into_one():
    attention_mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    mask = padding_mask(attention_mask) & causal_mask(3)
    assert mask.int().tolist() == [
        [[1, 0, 0], [1, 1, 0], [1, 1, 1]],
        [[1, 0, 0], [1, 1, 0], [1, 1, 0]],
    ]


@forall(st.integers(1, 8), st.integers(0, 8))
def test_queries_after_cached_keys_see_what_they_would_have_seen(new, cached):
    everything = causal_mask(cached + new)
    assert torch.equal(causal_mask(new, cached + new), everything[cached:])


# --- multi-head attention -----------------------------------------------------------


def twins(d_model, heads, dtype, bias):
    """torch's multi-head attention, and ours with the same weights."""
    theirs = nn.MultiheadAttention(d_model, heads, bias, batch_first=True, dtype=dtype)
    ours = MultiHeadAttention(d_model, heads, bias=bias).to(dtype)
    parts = [ours.query, ours.key, ours.value]
    with torch.no_grad():
        for part, weight in zip(parts, theirs.in_proj_weight.chunk(3), strict=True):
            part.weight.copy_(weight)
        ours.output.weight.copy_(theirs.out_proj.weight)
        if bias:
            for part in (*parts, ours.output):
                nn.init.normal_(part.bias)
            theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
            theirs.out_proj.bias.copy_(ours.output.bias)
    return theirs.eval(), ours.eval()


@dtypes
@forall(
    seed=st.integers(0, 2**32),
    batch=st.integers(1, 3),
    lengths=st.tuples(sizes, sizes),
    heads=st.sampled_from([1, 2, 3, 6]),
    bias=st.booleans(),
)
def test_it_is_torchs_multi_head_attention(dtype, seed, batch, lengths, heads, bias):
    torch.manual_seed(seed)
    queries, keys = lengths
    theirs, ours = twins(12, heads, dtype, bias)
    states = torch.randn(batch, queries, 12, dtype=dtype)
    context = torch.randn(batch, keys, 12, dtype=dtype)
    real = torch.rand(batch, keys) < 0.7
    real[:, 0] = True  # torch answers NaN to a query that may look nowhere
    with torch.no_grad():
        output, weights = ours(states, context, padding_mask(real))
        expected = theirs(
            states, context, context, key_padding_mask=~real, average_attn_weights=False
        )
    close(output, expected[0], TOLERANCE[dtype])
    close(weights, expected[1], TOLERANCE[dtype])


@forall(batches, st.integers(1, 6))
def test_shuffled_tokens_get_the_same_answers_shuffled(batch, length):
    attention = MultiHeadAttention(8, 2).double()
    states = torch.randn(*batch, length, 8, dtype=torch.float64)
    order = torch.randperm(length)
    close(attention(states[..., order, :])[0], attention(states)[0][..., order, :])


@forall(st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_a_cache_changes_nothing_however_the_tokens_arrive(pieces):
    length = sum(pieces)
    attention, cache = MultiHeadAttention(8, 2, d_k=3).double(), KeyValueCache()
    states = torch.randn(2, length, 8, dtype=torch.float64)
    expected, _ = attention(states, mask=causal_mask(length))
    answers = [
        attention(piece, mask=causal_mask(n, cache.length + n), cache=cache)[0]
        for n, piece in zip(pieces, states.split(pieces, dim=1), strict=True)
    ]
    close(torch.cat(answers, dim=1), expected)
    assert cache.length == length


def test_the_gradient_of_multi_head_attention_is_right():
    attention = MultiHeadAttention(4, 2).double()
    mask, bias = causal_mask(3), some(2, 3, 3)

    def attend(states, bias):
        return attention(states, mask=mask, bias=bias)

    assert torch.autograd.gradcheck(attend, (some(2, 3, 4), bias))


def test_heads_that_do_not_divide_the_model_need_a_size_of_their_own():
    with pytest.raises(ValueError, match="d_model=10 is not a multiple of heads=3"):
        MultiHeadAttention(10, 3)
    output, weights = MultiHeadAttention(10, 3, d_k=5)(torch.randn(2, 7, 10))
    assert output.shape == (2, 7, 10)
    assert weights.shape == (2, 3, 7, 7)


# --- keys and values that heads share -----------------------------------------------


@pytest.mark.parametrize("shared", [1, 2, 6])
def test_shared_keys_and_values_are_those_of_heads_that_are_alike(shared):
    few = MultiHeadAttention(12, 6, key_value_heads=6 // shared).double()
    many = MultiHeadAttention(12, 6).double()
    assert few.key.weight.shape == (12 // shared, 12)
    weights = few.state_dict()
    for name in weights:
        if name.startswith(("key", "value")):
            heads = weights[name].unflatten(0, (6 // shared, 2))
            weights[name] = heads.repeat_interleave(shared, dim=0).flatten(0, 1)
    many.load_state_dict(weights)
    states, context = some(2, 5, 12), some(2, 7, 12)
    for actual, expected in zip(
        few(states, context), many(states, context), strict=True
    ):
        close(actual, expected)


@forall(st.sampled_from([1, 3, 6]), st.integers(1, 5), st.booleans())
def test_they_are_shared_as_in_torchs_grouped_query_attention(heads, length, causal):
    attention = MultiHeadAttention(12, 6, key_value_heads=heads).double()
    states = some(2, length, 12)
    query = attention.query(states).view(2, length, 6, 2).transpose(1, 2)
    key = attention.key(states).view(2, length, heads, 2).transpose(1, 2)
    value = attention.value(states).view(2, length, heads, 2).transpose(1, 2)
    mixed = F.scaled_dot_product_attention(
        query, key, value, is_causal=causal, enable_gqa=True
    )
    expected = attention.output(mixed.transpose(1, 2).flatten(2))
    mask = causal_mask(length) if causal else None
    close(attention(states, mask=mask)[0], expected)


def test_heads_that_cannot_be_shared_out_are_refused():
    with pytest.raises(ValueError, match=r"heads=6 is not .* key_value_heads=4"):
        MultiHeadAttention(12, 6, key_value_heads=4)


# --- rotary positions ---------------------------------------------------------------

angles = st.integers(-50, 50)
thetas = st.sampled_from([2.0, 10_000.0, 100_000.0])
ROUNDING = 1e-4  # angles of up to 150 in single precision, whatever is turned by them


def vectors(length=4, d_k=8):
    return some(2, 3, length, d_k)  # (batch, head, length, d_k)


@dtypes
@pytest.mark.parametrize("theta", [100.0, 10_000.0, 100_000.0])
def test_it_turns_queries_and_keys_as_transformers_does(dtype, theta):
    rope = {"rope_type": "default", "rope_theta": theta}
    config = LlamaConfig(hidden_size=24, num_attention_heads=3, rope_parameters=rope)
    query, key = torch.randn(2, 2, 3, 40, 8, dtype=dtype)
    positions = torch.randint(8192, (2, 40))
    cos_and_sin = LlamaRotaryEmbedding(config)(query, positions)
    turned = apply_rotary_pos_emb(query, key, *cos_and_sin)
    for ours, theirs in zip((query, key), turned, strict=True):
        close(rotate(ours, positions[:, None], theta), theirs, TOLERANCE[dtype])


@forall(st.integers(1, 5), st.integers(1, 5), thetas)
def test_it_multiplies_by_the_unit_complex_numbers_of_the_paper(length, planes, theta):
    # There, neighbours are a plane; here, a feature and the one half of d_k further on.
    neighbours = torch.randn(length, planes, 2, dtype=torch.float64)
    angle = torch.arange(length)[:, None] * theta ** -(torch.arange(planes) / planes)
    turn = torch.polar(torch.ones_like(angle), angle)
    expected = torch.view_as_real(torch.view_as_complex(neighbours) * turn)
    turned = rotate(neighbours.mT.flatten(1), torch.arange(length), theta)
    close(turned.unflatten(1, (2, planes)).mT, expected, 1e-6)


@forall(angles, thetas)
def test_a_turn_changes_no_length_and_at_position_0_nothing(position, theta):
    some_vectors = vectors()
    turned = rotate(some_vectors, torch.full((4,), position), theta)
    close(turned.norm(dim=-1), some_vectors.norm(dim=-1), 1e-6)
    nowhere = torch.zeros(4, dtype=torch.long)
    assert torch.equal(rotate(some_vectors, nowhere, theta), some_vectors)


@forall(angles, angles, thetas)
def test_turning_twice_is_turning_by_the_sum(one, other, theta):
    some_vectors = vectors()

    def turn(turned, position):
        return rotate(turned, torch.full((4,), position), theta)

    twice = turn(turn(some_vectors, one), other)
    close(twice, turn(some_vectors, one + other), ROUNDING)


@forall(angles, thetas)
def test_scores_depend_on_how_far_apart_two_tokens_are_and_not_on_where(shift, theta):
    query, key, positions = vectors(), vectors(), torch.arange(4)

    def scores(positions):
        return rotate(query, positions, theta) @ rotate(key, positions, theta).mT

    close(scores(positions + shift), scores(positions), 10 * ROUNDING)
    assert not torch.allclose(scores(positions), scores(2 * positions), atol=0.01)


def test_it_gives_the_figures_of_torchtunes_test():
    # tests/torchtune/modules/test_position_embeddings.py, computed by Meta's own code.
    torch.manual_seed(0)
    neighbours = torch.randn(4, 2048, 32, 64, 2)  # batch, length, head, plane, 2
    turned = rotate(neighbours.mT.flatten(3).transpose(1, 2), torch.arange(2048))
    assert turned.mean().item() == pytest.approx(6.4543e-05, abs=1e-8)
    assert turned.sum().item() == pytest.approx(2165.7053, rel=1e-5)
    assert turned.max().item() == pytest.approx(5.4546, abs=1e-4)


def test_angles_are_exact_also_where_numbers_are_rough():
    # In bfloat16 there is no position between 8128 and 8192.
    some_vectors, positions = torch.randn(60, 8), torch.arange(8130, 8190)
    rough = rotate(some_vectors.bfloat16(), positions)
    assert rough.dtype == torch.bfloat16
    close(rough.float(), rotate(some_vectors, positions), 0.05)


def test_the_gradient_of_a_turn_is_right():
    turn = lambda some_vectors: rotate(some_vectors, torch.arange(3))  # noqa: E731
    assert torch.autograd.gradcheck(turn, some(2, 3, 4))


@forall(angles)
def test_an_attention_by_positions_sees_how_far_apart_its_tokens_are(shift):
    attention = MultiHeadAttention(8, 2, key_value_heads=1, theta=5.0).double()
    states, positions = 3 * some(2, 4, 8), torch.arange(4)
    _, weights = attention(states, positions=positions)
    close(attention(states, positions=positions + shift)[1], weights, 10 * ROUNDING)
    elsewhere = attention(states, positions=3 * positions)[1]
    assert (elsewhere - weights).abs().max() > 1e-3


@forall(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(0, 9))
def test_a_cache_keeps_keys_that_were_turned_at_their_own_positions(pieces, start):
    attention = MultiHeadAttention(8, 2, key_value_heads=1, theta=5.0).double()
    length = sum(pieces)
    states, positions = some(2, length, 8), torch.arange(start, start + length)
    together, _ = attention(states, mask=causal_mask(length), positions=positions)
    cache, answers = KeyValueCache(), []
    places = positions.split(pieces)
    for piece, where in zip(states.split(pieces, 1), places, strict=True):
        mask = causal_mask(len(where), cache.length + len(where))
        mixed, _ = attention(piece, mask=mask, cache=cache, positions=where)
        answers.append(mixed)
    close(torch.cat(answers, 1), together)


# --- T5 -----------------------------------------------------------------------------


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("buckets", "furthest"), [(32, 128), (8, 20), (64, 1000)])
def test_buckets_are_those_of_transformers(bidirectional, buckets, furthest):
    distances = torch.arange(-2 * furthest, 2 * furthest + 1)
    ours = relative_position_bucket(
        distances, buckets, furthest, bidirectional=bidirectional
    )
    theirs = T5Attention._relative_position_bucket(
        distances, bidirectional, buckets, furthest
    )
    assert torch.equal(ours, theirs)


def test_near_distances_have_a_bucket_each_and_far_ones_share():
    before = relative_position_bucket(torch.arange(0, -200, -1), bidirectional=False)
    assert before[:16].tolist() == list(range(16))
    assert all(0 <= b - a <= 1 for a, b in pairwise(before.tolist()))
    assert before.max() == 31
    assert (before[128:] == 31).all()


def t5_attention(is_decoder):
    torch.manual_seed(0)
    config = T5Config(
        d_model=12,
        d_kv=5,
        num_heads=3,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=20,
        is_decoder=is_decoder,
        attn_implementation="eager",
    )
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter)
    bias = RelativePositionBias(3, 8, 20, bidirectional=not is_decoder)
    bias.values.weight = theirs.relative_attention_bias.weight
    return theirs, bias


@pytest.mark.parametrize("is_decoder", [True, False])
def test_the_relative_position_bias_is_that_of_transformers(is_decoder):
    theirs, bias = t5_attention(is_decoder)
    assert torch.equal(bias(40, 40), theirs.compute_bias(40, 40)[0])
    cached = theirs.compute_bias(3, 40, past_seen_tokens=37)[0]
    assert torch.equal(bias(3, 40), cached)


def test_the_unscaled_form_is_t5s_attention():
    theirs, bias = t5_attention(is_decoder=False)
    ours = MultiHeadAttention(12, 3, d_k=5, bias=False, scaled=False)
    for our_map, their_map in [
        (ours.query, theirs.q),
        (ours.key, theirs.k),
        (ours.value, theirs.v),
        (ours.output, theirs.o),
    ]:
        our_map.weight = their_map.weight
    states = torch.randn(2, 9, 12, dtype=torch.float64)
    with torch.no_grad():
        expected, _, weights = theirs.double()(states)
        output, our_weights = ours(states, bias=bias(9, 9))
    close(our_weights, weights)
    close(output, expected)


def test_shapes_that_a_signature_rules_out_are_refused_in_tests():
    query, key = torch.ones(2, 3, 4), torch.ones(2, 3, 5)
    with pytest.raises(TypeCheckError, match="d_k"):
        scaled_dot_product_attention(query, key, key)

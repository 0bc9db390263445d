"""Llama against its namesake, whatever is cached, padded or shared; and its parts."""

import functools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_transformer import both, close, padding, random, tiny_llama, tokens
from torch import nn
from torch.nn import functional as F  # noqa: N812
from transformers import AutoTokenizer, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from labkit import LabError
from labkit.data import fetch
from labkit.models import Config
from labkit.models.transformer import FeedForward, Llama

HEADS = [1, 3, 6]  # of keys and values, for 6 of queries
TEXTS = [
    "The capital of France is",
    "Attention mixes the values by how well each query matches each key, and",
    "Hi",
]


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def exact(theirs):
    """In double precision all through: their own norms round to single."""
    for name, module in theirs.double().named_modules():
        if isinstance(module, LlamaRMSNorm):
            eps = module.variance_epsilon
            norm = nn.RMSNorm(len(module.weight), eps, dtype=torch.float64)
            norm.weight = module.weight
            theirs.set_submodule(name, norm)
    return theirs


def pair(folder, key_value_heads):
    """Both models in double precision, with random weights."""
    fields = {"num_attention_heads": 6, "num_key_value_heads": key_value_heads}
    ours, theirs = both(Llama, lambda: tiny_llama(**fields), folder)
    return ours.double(), exact(theirs)


def padded(side, *lengths):
    mask = padding(*lengths)
    return mask.flip(-1) if side == "left" else mask


def places(mask):
    """The positions that `generate` gives the tokens of a padded batch."""
    return (mask.cumsum(-1) - 1).clamp(min=0)


# --- against its namesake -----------------------------------------------------------


@pytest.mark.parametrize("heads", HEADS)
def test_a_tiny_llama_gives_llamas_logits(tmp_path, heads):
    ours, theirs = pair(tmp_path, heads)
    ids = tokens(3, 20)
    expected = theirs(ids).logits
    close(ours(ids), expected, 1e-10)
    assert expected.std() > 0.1


@pytest.mark.parametrize("heads", HEADS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_so_it_does_in_a_padded_batch(tmp_path, side, heads):
    ours, theirs = pair(tmp_path, heads)
    ids, mask = tokens(3, 11), padded(side, 11, 2, 7)
    batch = {"input_ids": ids, "attention_mask": mask}
    expected = theirs(**batch, position_ids=places(mask)).logits
    real = mask.bool()
    close(ours(**batch)[real], expected[real], 1e-10)
    assert ours(**batch).isfinite().all()


@pytest.mark.parametrize("heads", HEADS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_so_it_does_token_by_token_after_a_padded_prompt(tmp_path, side, heads):
    ours, theirs = pair(tmp_path, heads)
    ids, mask = tokens(3, 11), padded(side, 6, 2, 4)
    mask = torch.cat([mask, torch.ones(3, 5, dtype=torch.long)], dim=1)
    cache, past = ours.decoder.new_cache(), None
    for start, end in [(0, 6), (6, 7), (7, 8), (8, 11)]:
        piece = {"input_ids": ids[:, start:end], "attention_mask": mask[:, :end]}
        expected = theirs(
            **piece,
            position_ids=places(mask)[:, start:end],
            past_key_values=past,
            use_cache=True,
        )
        past = expected.past_key_values
        real = mask[:, start:end].bool()
        logits = ours(**piece, cache=cache)
        close(logits[real], expected.logits[real], 1e-10)
    assert cache[0].length == 11
    assert cache[0].key.size(-3) == heads  # those of the queries are not remembered


# --- the packaged Llama -------------------------------------------------------------


@pytest.fixture(scope="module")
def decoders():
    """The folder, the model that we read from it, and theirs."""
    folder = fetch("decoder")
    theirs = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return folder, Llama.from_pretrained(folder), theirs.eval()


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_packaged_decoder_gives_llamas_logits_cached_and_uncached(decoders, side):
    folder, ours, theirs = decoders
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side=side)
    assert {weight.dtype for weight in ours.parameters()} == {torch.float32}
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    real = mask.bool()
    assert not real.all()
    expected = theirs(ids, mask, position_ids=places(mask)).logits[real]
    close(ours(ids, mask)[real], expected, 1e-4)
    cache, pieces = ours.decoder.new_cache(), []
    for piece in ids.split(5, dim=1):
        seen = cache[0].length + piece.size(1)
        pieces.append(ours(piece, mask[:, :seen], cache))
    close(torch.cat(pieces, dim=1)[real], expected, 1e-4)


# --- caches, padding, positions -----------------------------------------------------


@functools.cache
def small(key_value_heads=3):
    sizes = {"vocab_size": 60, "d_model": 24, "heads": 6, "d_ff": 40, "layers": 2}
    sizes |= {"key_value_heads": key_value_heads, "activation": "silu"}
    return random(Llama(Config(**sizes | Llama.choices))).double()


@settings(deadline=None, max_examples=30)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    side=st.sampled_from(["left", "right"]),
    heads=st.sampled_from(HEADS),
)
def test_neither_padding_nor_a_cache_changes_what_a_text_is_told(
    lengths, sizes, side, heads
):
    model, mask = small(heads), padded(side, *lengths)
    more = torch.ones(len(lengths), max(0, sum(sizes) - mask.size(1)))
    mask = torch.cat([mask, more.long()], dim=1)  # every text goes on after its padding
    ids = tokens(*mask.shape)
    sizes = [*sizes, mask.size(1) - sum(sizes)] if sum(sizes) < mask.size(1) else sizes
    cache, pieces, seen = model.decoder.new_cache(), [], 0
    for piece in ids.split(sizes, dim=1):
        seen += piece.size(1)
        pieces.append(model(piece, mask[:, :seen], cache))
    logits = torch.cat(pieces, dim=1)
    for row, real in enumerate(mask.bool()):
        close(logits[row, real], model(ids[row : row + 1, real])[0], 1e-10)


def test_a_text_is_read_from_the_same_places_wherever_its_padding_stands():
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 1, 0, 1]])
    ids = torch.zeros_like(mask)
    ids[mask.bool()] = tokens(3).repeat(3)
    logits = small()(ids, mask)
    for row in range(3):
        close(logits[row, mask[row].bool()], logits[0, 2:], 1e-12)


def test_without_a_mask_every_token_is_one_also_with_a_cache():
    model, ids = small(), tokens(2, 7)
    expected = model(ids, torch.ones_like(ids))
    assert torch.equal(model(ids), expected)
    cache = model.decoder.new_cache()
    pieces = [model(piece, cache=cache) for piece in ids.split([3, 4], dim=1)]
    close(torch.cat(pieces, dim=1), expected, 1e-10)


def test_the_order_of_the_words_matters():
    # Without positions, the last token sees the others as a set.
    model, ids = small(), torch.tensor([[3, 9, 4, 7], [9, 3, 4, 7]])
    logits = model(ids)[:, -1]
    assert (logits[0] - logits[1]).abs().max() > 1e-3
    at_once = model.decoder(
        model.token(ids), positions=torch.zeros(1, 4, dtype=torch.long)
    )
    close(*at_once[1][:, -1], 1e-10)


def test_a_mask_without_the_caches_tokens_is_refused_in_words():
    model, ids = small(), tokens(2, 6)
    cache = model.decoder.new_cache()
    model(ids[:, :5], cache=cache)
    with pytest.raises(LabError, match="has 1 columns for 5 tokens in the cache and 1"):
        model(ids[:, 5:], torch.ones(2, 1, dtype=torch.long), cache)
    with pytest.raises(LabError, match="has 5 columns for 0 tokens in the cache and 6"):
        model(ids, torch.ones(2, 5, dtype=torch.long))


def test_nothing_drops_out_of_a_llama_in_training(tmp_path):
    ours, theirs = pair(tmp_path, 3)
    ids = tokens(2, 9)
    close(ours.train()(ids), theirs.train()(ids).logits, 1e-10)


# --- parts, by what other people test of theirs -------------------------------------


def test_rmsnorm_is_llamas_and_the_unit_vector_times_the_root_of_its_size():
    # The second is torchtune's test of its own.
    config = Config(60, 24, 4, 40, 1, norm=nn.RMSNorm, epsilon=1e-6)
    ours, theirs = config.new_norm(), LlamaRMSNorm(24, eps=1e-6)
    states = 3 * torch.randn(5, 24)
    close(ours(states), F.normalize(states, dim=-1) * 24**0.5)
    nn.init.normal_(ours.weight)
    theirs.load_state_dict(ours.state_dict())
    close(ours(states), theirs(states), 1e-6)
    ours.eps = theirs.variance_epsilon = 1.0
    close(ours(states), theirs(states), 1e-6)


def swiglu(d_model, d_ff):
    choices = {"activation": "silu", "gated": True, "bias": False}
    return FeedForward(Config(60, d_model, 1, d_ff, 1, **choices))


def test_the_gated_feed_forward_of_silu_is_llamas():
    theirs = LlamaMLP(tiny_llama().config).double()
    ours, states = swiglu(24, 40).double(), torch.randn(5, 24, dtype=torch.float64)
    for our_map, their_map in [
        (ours.gate, theirs.gate_proj),
        (ours.inner, theirs.up_proj),
        (ours.outer, theirs.down_proj),
    ]:
        our_map.load_state_dict(their_map.state_dict())
    close(ours(states), theirs(states), 1e-12)


def test_swiglu_gives_the_figures_of_torchtunes_test():
    # tests/torchtune/modules/test_feed_forward.py: each matrix counts from 0 up to 1.
    torch.manual_seed(0)
    states, feed_forward = torch.randn(1, 4096), swiglu(4096, 11008)
    for matrix in feed_forward.parameters():
        torch.arange(matrix.numel(), out=matrix.view(-1)).div_(matrix.numel())
    answer = feed_forward(states)
    assert answer.mean().item() == pytest.approx(251.5356, rel=1e-3)
    assert answer.max().item() == pytest.approx(503.0614, rel=1e-3)

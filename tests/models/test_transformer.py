import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from labkit import LabError
from labkit.data import fetch
from labkit.models import GPT, Config, causal_lm_loss
from labkit.models.transformer import BERT, T5, Llama

VOCABULARY = 60
TEXTS = [
    "She opened the window and looked out at the garden.",
    "Hi!",
    "Attention mixes the values by how well each query matches each key.",
]


def close(actual, expected, tolerance=1e-5):
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=0)


def tokens(*shape):
    return torch.randint(2, VOCABULARY, shape)


def padding(*lengths):
    return (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()


def random(model):
    """Weights large enough for every part to matter, unlike those of a fresh model.

    Not larger: T5's unscaled scores would let rounding grow beyond 1e-5.
    """
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 20)
    return model.eval()


def tiny_bert(model=BertModel, **fields):
    usual = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4}
    usual |= {"intermediate_size": 40, "max_position_embeddings": 32}
    return model(BertConfig(**{"vocab_size": VOCABULARY} | usual | fields))


def tiny_gpt(model=GPT2LMHeadModel, **fields):
    usual = {"n_embd": 24, "n_layer": 3, "n_head": 4, "n_positions": 32}
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    return model(GPT2Config(**{"vocab_size": VOCABULARY} | usual | ends | fields))


def tiny_t5(model=T5ForConditionalGeneration, **fields):
    usual = {"d_model": 24, "d_kv": 5, "d_ff": 40, "num_layers": 3, "num_heads": 4}
    usual |= {"vocab_size": VOCABULARY, "decoder_start_token_id": 0}
    usual |= {"relative_attention_num_buckets": 8}
    usual |= {"relative_attention_max_distance": 16}
    return model(T5Config(**usual | fields))


def tiny_llama(model=LlamaForCausalLM, **fields):
    usual = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4}
    usual |= {"num_key_value_heads": 2, "intermediate_size": 40}
    usual |= {"vocab_size": VOCABULARY, "max_position_embeddings": 32}
    usual |= {"bos_token_id": 0, "eos_token_id": 0, "tie_word_embeddings": True}
    return model(LlamaConfig(**usual | fields))


FAMILIES = [(BERT, tiny_bert), (GPT, tiny_gpt), (T5, tiny_t5), (Llama, tiny_llama)]
families = pytest.mark.parametrize(("ours", "theirs"), FAMILIES)


def both(ours, theirs, folder):
    """Their model with random weights, and ours read from where it was saved."""
    model = random(theirs())
    model.save_pretrained(folder)
    return ours.from_pretrained(folder), model


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


# --- the packaged BERT --------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder():
    return fetch("encoder")


def states_of_both(folder, batch, dtype):
    theirs = BertModel.from_pretrained(folder, dtype=dtype)
    expected = theirs(**batch, output_hidden_states=True).hidden_states
    return BERT.from_pretrained(folder).to(dtype)(**batch), expected


def test_every_layer_gives_berts_hidden_states_on_a_padded_batch(encoder):
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    real = batch["attention_mask"].bool()
    assert not real.all()
    ours, theirs = states_of_both(encoder, batch, torch.float32)
    assert len(ours) == 7
    for our_states, their_states in zip(ours, theirs, strict=True):
        close(our_states[real], their_states[real])


def test_in_double_precision_even_what_comes_out_at_padding_is_berts(encoder):
    # In single precision it is not, to 1e-5: rounding grows where nothing was trained.
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    batch = tokenizer(TEXTS, TEXTS[::-1], padding=True, return_tensors="pt")
    assert batch["token_type_ids"].any()
    ours, theirs = states_of_both(encoder, batch, torch.float64)
    for our_states, their_states in zip(ours, theirs, strict=True):
        close(our_states, their_states, 1e-10)


def test_padding_does_not_change_a_texts_hidden_states(encoder):
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = BERT.from_pretrained(encoder)
    together = model(**tokenizer(TEXTS, padding=True, return_tensors="pt"))[-1]
    for row, text in enumerate(TEXTS):
        alone = model(**tokenizer(text, return_tensors="pt"))[-1][0]
        close(together[row, : len(alone)], alone)


# --- three wirings, each against its namesake; Llama's are in test_llama.py ----------


def test_a_tiny_bert_is_berts_at_every_layer(tmp_path):
    ours, theirs = both(BERT, tiny_bert, tmp_path)
    batch = {
        "input_ids": tokens(3, 11),
        "attention_mask": padding(11, 2, 7),
        "token_type_ids": torch.arange(11).ge(5).long().expand(3, -1),
    }
    expected = theirs(**batch, output_hidden_states=True).hidden_states
    for our_states, their_states in zip(ours(**batch), expected, strict=True):
        close(our_states, their_states)


def test_a_tiny_gpt_gives_gpt2s_logits(tmp_path):
    ours, theirs = both(GPT, tiny_gpt, tmp_path)
    ids = tokens(3, 20)
    close(ours(ids), theirs(ids).logits)


def test_what_pads_a_gpts_batch_on_the_right_needs_no_mask(tmp_path):
    ours, theirs = both(GPT, tiny_gpt, tmp_path)
    ids, mask = tokens(3, 11), padding(11, 2, 7)
    expected = theirs(ids, attention_mask=mask).logits
    close(ours(ids)[mask.bool()], expected[mask.bool()])


@pytest.mark.parametrize("feed_forward", ["relu", "gated-gelu"])
def test_a_tiny_t5_gives_t5s_logits(tmp_path, feed_forward):
    ours, theirs = both(T5, lambda: tiny_t5(feed_forward_proj=feed_forward), tmp_path)
    batch = {
        "input_ids": tokens(3, 30),  # longer than the furthest distance told apart
        "attention_mask": padding(30, 2, 17),
        "decoder_input_ids": tokens(3, 25),
    }
    expected = theirs(**batch).logits
    close(ours(**batch), expected)
    assert expected.std() > 0.5


# --- decoding -----------------------------------------------------------------------

pieces = st.lists(st.integers(1, 5), min_size=1, max_size=5)


@settings(deadline=None, max_examples=30)
@given(pieces, st.integers(1, 3))
def test_a_gpt_gives_the_same_logits_cached_and_uncached(sizes, batch):
    model = random(GPT(Config(VOCABULARY, 24, 4, 40, layers=2, pre_norm=True)))
    ids = tokens(batch, sum(sizes))
    cache = model.decoder.new_cache()
    logits = [model(piece, cache) for piece in ids.split(sizes, dim=1)]
    close(torch.cat(logits, dim=1), model(ids))


@settings(deadline=None, max_examples=30)
@given(pieces)
def test_a_t5_decoder_gives_the_same_states_cached_and_uncached(sizes):
    torch.manual_seed(0)
    decoder = T5(Config(VOCABULARY, 24, 4, 40, 2, positions=0, pre_norm=True)).decoder
    states, context = torch.randn(2, sum(sizes), 24), torch.randn(2, 7, 24)
    decoder, cache = random(decoder), decoder.new_cache()
    answers = [
        decoder(piece, context=context, cache=cache)[-1]
        for piece in states.split(sizes, dim=1)
    ]
    close(torch.cat(answers, dim=1), decoder(states, context=context)[-1])


def test_a_mask_given_to_a_decoder_hides_more_than_the_future():
    decoder = random(GPT(Config(VOCABULARY, 24, 4, 40, 2, pre_norm=True)).decoder)
    states, mask = torch.randn(1, 6, 24), padding(4, 6)[:1, None].bool()
    padded = decoder(states, mask)[-1]
    close(padded[:, :4], decoder(states[:, :4])[-1])
    assert not torch.allclose(padded[:, 5], decoder(states)[-1][:, 5])


def test_a_later_token_changes_nothing_before_it(tmp_path):
    gpt, _ = both(GPT, tiny_gpt, tmp_path / "gpt")
    t5, _ = both(T5, tiny_t5, tmp_path / "t5")
    llama, _ = both(Llama, tiny_llama, tmp_path / "llama")
    source = tokens(1, 9)
    for logits in [gpt, llama, lambda ids: t5(source, ids)]:
        ids = tokens(1, 12)
        before = logits(ids)
        ids[0, 8] = (ids[0, 8] + 1) % VOCABULARY
        changed = (logits(ids) != before).any(-1)[0]
        assert changed.tolist() == [False] * 8 + [True] * 4


# --- what makes them trainable ------------------------------------------------------


def test_every_weight_is_trained(tmp_path):
    ids = tokens(4, 32)  # so long that every position and bucket takes part
    for ours, theirs in FAMILIES:
        model, _ = both(ours, theirs, tmp_path / ours.__name__)
        with torch.enable_grad():
            inputs = (ids, ids) if ours is T5 else (ids,)
            outputs = model(*inputs)
            last = outputs[-1] if ours is BERT else outputs
            (last * torch.randn_like(last)).sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name


def test_an_untrained_gpt_finds_all_tokens_about_equally_likely():
    torch.manual_seed(0)
    model = GPT(Config(1000, 64, 4, 256, layers=2, pre_norm=True)).eval()
    ids = torch.randint(1000, (8, 32))
    assert causal_lm_loss(model(ids), ids).item() == pytest.approx(
        math.log(1000), abs=0.1
    )


def test_dropout_acts_in_training_only(tmp_path):
    model, _ = both(BERT, tiny_bert, tmp_path)
    ids = tokens(2, 9)
    assert torch.equal(model(ids)[-1], model(ids)[-1])
    model.train()
    assert not torch.equal(model(ids)[-1], model(ids)[-1])


# --- parameters, counted by hand ----------------------------------------------------


def linear(inputs, outputs, bias=True):
    return inputs * outputs + bias * outputs


def bert_parameters(vocab, positions, d, d_ff, layers):
    embeddings = (vocab + positions + 2) * d + 2 * d
    attention = 4 * linear(d, d)
    feed_forward = linear(d, d_ff) + linear(d_ff, d)
    return embeddings + layers * (attention + feed_forward + 2 * 2 * d)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_parameters_counted_by_hand_and_by_torch_are_equal(encoder, tmp_path):
    real = BertModel.from_pretrained(encoder, add_pooling_layer=False)
    ours = BERT.from_pretrained(encoder)
    assert count(real) == count(ours) == bert_parameters(30_522, 512, 384, 1536, 6)

    gpt, theirs = both(GPT, tiny_gpt, tmp_path / "gpt")
    d, layers = 24, 3
    block = 4 * linear(d, d) + linear(d, 4 * d) + linear(4 * d, d) + 2 * 2 * d
    by_hand = (VOCABULARY + 32) * d + layers * block + 2 * d
    assert count(gpt) == count(theirs) == by_hand

    llama, theirs = both(Llama, tiny_llama, tmp_path / "llama")
    query_and_output, key_and_value = 2 * d * d, 2 * d * (d // 2)  # 2 heads for 4
    block = query_and_output + key_and_value + 3 * d * 40 + 2 * d
    by_hand = VOCABULARY * d + layers * block + d
    assert count(llama) == count(theirs) == by_hand

    t5, theirs = both(T5, tiny_t5, tmp_path / "t5")
    attention, feed_forward = 4 * linear(d, 4 * 5, bias=False), 2 * d * 40
    encoder_block = attention + feed_forward + 2 * d
    decoder_block = 2 * attention + feed_forward + 3 * d
    stacks = layers * (encoder_block + decoder_block) + 2 * (d + 8 * 4)
    assert count(t5) == count(theirs) == VOCABULARY * d + stacks


# --- reading a folder ---------------------------------------------------------------


def rewrite(folder, change):
    """Change the weights that are saved in a folder."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, {"format": "pt"})


def test_the_names_of_older_checkpoints_are_understood(tmp_path):
    bert, _ = both(BERT, tiny_bert, tmp_path / "bert")
    gpt, _ = both(GPT, tiny_gpt, tmp_path / "gpt")

    def old_bert(weights):
        names = {
            f"bert.{name}".replace("Norm.weight", "Norm.gamma").replace(
                "Norm.bias", "Norm.beta"
            ): tensor
            for name, tensor in weights.items()
        }
        return names | {"cls.predictions.bias": torch.ones(VOCABULARY)}

    def old_gpt(weights):
        names = {
            name.removeprefix("transformer."): tensor
            for name, tensor in weights.items()
        }
        return names | {"h.0.attn.bias": torch.ones(1, 1, 32, 32)}

    rewrite(tmp_path / "bert", old_bert)
    rewrite(tmp_path / "gpt", old_gpt)
    ids = tokens(2, 9)
    again = (
        BERT.from_pretrained(tmp_path / "bert"),
        GPT.from_pretrained(tmp_path / "gpt"),
    )
    assert torch.equal(again[0](ids)[-1], bert(ids)[-1])
    assert torch.equal(again[1](ids), gpt(ids))


@families
def test_a_model_of_another_family_is_refused(tmp_path, ours, theirs):
    others = [family for family, _ in FAMILIES if family is not ours]
    theirs().save_pretrained(tmp_path)
    for other in others:
        with pytest.raises(LabError, match=r"holds a (bert|gpt2|t5|llama), not a"):
            other.from_pretrained(tmp_path)


@pytest.mark.parametrize(("ours", "theirs"), FAMILIES[1:])
def test_an_output_with_weights_of_its_own_is_refused(tmp_path, ours, theirs):
    theirs().save_pretrained(tmp_path)
    rewrite(tmp_path, lambda w: w | {"lm_head.weight": torch.ones(VOCABULARY, 24)})
    with pytest.raises(LabError, match="whose output has its own weights"):
        ours.from_pretrained(tmp_path)


@families
def test_a_weight_missing_or_left_over_is_an_error(tmp_path, ours, theirs):
    theirs().save_pretrained(tmp_path)
    rewrite(tmp_path, lambda weights: weights | {"extra.weight": torch.ones(2)})
    with pytest.raises(LabError, match="Unexpected key"):
        ours.from_pretrained(tmp_path)
    rewrite(tmp_path, lambda weights: dict(list(weights.items())[2:]))
    with pytest.raises(LabError, match="Missing key"):
        ours.from_pretrained(tmp_path)


def test_norms_of_a_t5_have_no_bias_and_no_mean(tmp_path):
    ours, _ = both(T5, tiny_t5, tmp_path)
    assert not [name for name, _ in ours.named_parameters() if name.endswith("bias")]
    norm = ours.encoder.final_norm
    states = torch.randn(2, 24)
    mean_square = states.pow(2).mean(-1, keepdim=True)
    close(norm(states), states / (mean_square + norm.eps).sqrt() * norm.weight)
    assert isinstance(norm, nn.RMSNorm)

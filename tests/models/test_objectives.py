from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
)

from labkit.models import (
    NO_LOSS,
    causal_lm_loss,
    reassemble,
    span_corruption,
)

EOS, FIRST_SENTINEL = 1, 32_099


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def forall(*arguments, **named):
    """`given`, without a deadline: torch is slow when first called."""
    return lambda test: settings(deadline=None, max_examples=100)(
        given(*arguments, **named)(test)
    )


seeds = st.integers(0, 2**32)
rates = st.floats(0, 1)


# --- causal language modelling ------------------------------------------------------


def gpt2():
    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "n_embd": 16, "n_layer": 1, "n_head": 2}
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(GPT2Config(**sizes, **ends, n_positions=32)).eval()


MODEL = gpt2()


@forall(st.integers(1, 4), st.integers(2, 12), seeds)
def test_the_causal_loss_is_that_of_gpt2(batch, length, seed):
    generator = seeded(seed)
    ids = torch.randint(50, (batch, length), generator=generator)
    lengths = torch.randint(2, length + 1, (batch, 1), generator=generator)
    attention_mask = (torch.arange(length) < lengths).long()
    labels = ids.masked_fill(attention_mask == 0, NO_LOSS)
    with torch.no_grad():
        theirs = MODEL(input_ids=ids, attention_mask=attention_mask, labels=labels)
    torch.testing.assert_close(causal_lm_loss(theirs.logits, labels), theirs.loss)


def test_a_model_that_knows_the_next_token_has_no_loss_and_one_shift_more_has():
    ids = labels = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
    knowing = 100.0 * F.one_hot(ids.roll(-1, dims=-1), 10)  # at t, the token at t + 1
    copying = 100.0 * F.one_hot(ids, 10)  # what a shift left out would reward
    assert causal_lm_loss(knowing, labels) == 0
    assert causal_lm_loss(copying, labels) > 10
    assert causal_lm_loss(knowing, labels.roll(-1, dims=-1)) > 10


def test_the_first_token_is_never_predicted_and_the_last_predicts_nothing():
    logits = torch.randn(2, 5, 10)
    labels = torch.randint(10, (2, 5))
    loss = causal_lm_loss(logits, labels)
    logits[:, -1] = 1e4 * torch.randn(10)
    labels[:, 0] = 9
    assert causal_lm_loss(logits, labels) == loss


# --- span corruption ----------------------------------------------------------------

texts = st.lists(st.integers(2, 31_000), min_size=1, max_size=120)


def corrupt(tokens, seed=0, **options):
    options = {"first_sentinel": FIRST_SENTINEL, "eos_id": EOS} | options
    return span_corruption(tokens, generator=seeded(seed), **options)


def is_sentinel(token):
    return FIRST_SENTINEL - 100 < token <= FIRST_SENTINEL


@forall(texts, rates, st.floats(1, 10), seeds)
def test_the_text_can_be_put_together_again(tokens, rate, mean_span, seed):
    input_ids, labels = corrupt(tokens, seed, rate=rate, mean_span=mean_span)
    assert reassemble(input_ids, labels, first_sentinel=FIRST_SENTINEL) == tokens


@forall(texts, rates, st.floats(1, 10), seeds)
def test_sentinels_count_down_and_agree(tokens, rate, mean_span, seed):
    input_ids, labels = corrupt(tokens, seed, rate=rate, mean_span=mean_span)
    asked = [token for token in input_ids if is_sentinel(token)]
    answered = [token for token in labels if is_sentinel(token)]
    assert answered == [FIRST_SENTINEL - i for i in range(len(answered))]
    assert answered[:-1] == asked
    assert labels[0] == FIRST_SENTINEL
    assert labels[-2:] == [answered[-1], EOS]
    assert input_ids[-1] == EOS
    assert EOS not in input_ids[:-1] + labels[:-1]


@forall(texts, rates, st.floats(1, 10), seeds)
def test_spans_are_never_empty_and_never_touch(tokens, rate, mean_span, seed):
    for side in corrupt(tokens, seed, rate=rate, mean_span=mean_span):
        inside = side[:-2]  # without the final sentinel, or a last one, and </s>
        pairs = pairwise(inside)
        assert not any(is_sentinel(a) and is_sentinel(b) for a, b in pairs)


@forall(st.integers(20, 300), st.floats(0.05, 0.5), st.floats(1, 6), seeds)
def test_the_rate_and_the_mean_length_of_spans_are_kept(length, rate, mean_span, seed):
    cut = round(length * rate)
    spans = max(round(cut / mean_span), 1)
    assume(spans < 100)
    input_ids, labels = corrupt(
        list(range(2, length + 2)), seed, rate=rate, mean_span=mean_span
    )
    assert len(labels) == cut + spans + 2
    assert len(input_ids) == length - cut + spans + 1


def test_every_position_is_cut_out_and_all_but_the_ends_equally_often():
    tokens = list(range(2, 42))
    counts = torch.zeros(40)
    for seed in range(2000):
        _, labels = corrupt(tokens, seed)
        cut = [token - 2 for token in labels[:-1] if not is_sentinel(token)]
        counts[cut] += 1
    shares = counts / 2000
    assert shares.mean() == pytest.approx(0.15)
    assert ((shares[3:-3] - 0.15).abs() < 0.04).all()
    assert shares.min() > 0.04  # fewer spans reach the first token, and the last
    assert abs(shares[0] - shares[-1]) < 0.02


def test_the_papers_example():
    text = "Thank you for inviting me to your party last week ."
    vocabulary = dict(enumerate(text.split(), start=2))
    tokens = list(vocabulary)
    vocabulary |= {
        FIRST_SENTINEL: "<X>",
        FIRST_SENTINEL - 1: "<Y>",
        FIRST_SENTINEL - 2: "<Z>",
        EOS: "</s>",
    }

    def read(ids):
        return " ".join(vocabulary[token] for token in ids)

    pairs = {
        tuple(map(read, corrupt(tokens, seed, rate=0.27, mean_span=1.5)))
        for seed in range(2000)
    }
    assert (
        "Thank you <X> me to your party <Y> week . </s>",
        "<X> for inviting <Y> last <Z> </s>",
    ) in pairs


def test_the_same_generator_cuts_the_same_spans_and_another_one_others():
    tokens = list(range(2, 200))
    assert corrupt(tokens, 3) == corrupt(tokens, 3)
    assert corrupt(tokens, 3) != corrupt(tokens, 4)


def test_what_could_not_be_put_together_again_is_refused():
    with pytest.raises(ValueError, match="at least one token"):
        corrupt([])
    with pytest.raises(ValueError, match="no sentinels of its own"):
        corrupt([5, FIRST_SENTINEL - 99, 6])
    with pytest.raises(ValueError, match="3 spans need more than 3 sentinels"):
        corrupt([5] * 20, rate=0.15, mean_span=1, sentinels=3)
    assert corrupt([5] * 20, rate=0.15, mean_span=1, sentinels=4)


def test_a_models_answer_fills_the_gaps_that_it_mentions():
    x, y, z = (FIRST_SENTINEL - i for i in range(3))
    filled = reassemble(
        [10, x, 11, y, 12, EOS], [0, x, 7, 8, z, 9, EOS], first_sentinel=x
    )
    assert filled == [10, 7, 8, 11, y, 12]


def test_t5_learns_from_the_pair():
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_heads": 4}
    model = T5ForConditionalGeneration(
        T5Config(**sizes, num_layers=1, dropout_rate=0.0, decoder_start_token_id=0)
    )
    pair = corrupt(list(range(2, 22)), first_sentinel=63, sentinels=10)
    input_ids, labels = (torch.tensor([side]) for side in pair)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = model(input_ids=input_ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    with torch.no_grad():
        answer = model(input_ids=input_ids, labels=labels).logits.argmax(-1)[0]
    filled = reassemble(pair[0], answer.tolist(), first_sentinel=63, sentinels=10)
    assert filled == list(range(2, 22))

"""Predicted memory against what torch's own allocator gave out on this machine."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
)

from labkit.machine.memory import as_on_a_gpu, measure_step, predict

BERT = BertConfig(
    vocab_size=3_000,
    hidden_size=128,
    num_hidden_layers=2,
    num_attention_heads=8,
    intermediate_size=512,
)
T5 = T5Config(
    vocab_size=3_000,
    d_model=128,
    d_kv=16,
    d_ff=512,
    num_layers=2,
    num_heads=8,
    decoder_start_token_id=0,
)


def batch(size: int, length: int, labels: tuple[int, ...] = ()) -> dict:
    mask = torch.ones(size, length, dtype=torch.long)
    mask[0, length // 2 :] = 0
    return {
        "input_ids": torch.ones_like(mask),
        "attention_mask": mask,
        "labels": torch.ones(size, *labels, dtype=torch.long),
    }


def checkpointed(config) -> BertForSequenceClassification:
    model = BertForSequenceClassification(config)
    model.activation_checkpointing_enable()
    return model


CASES = [
    pytest.param(BertForSequenceClassification, BERT, batch(8, 64), id="BERT"),
    pytest.param(T5ForConditionalGeneration, T5, batch(8, 64, (24,)), id="T5"),
    pytest.param(checkpointed, BERT, batch(8, 64), id="BERT, checkpointed"),
    # The peak is at the end of the backward pass, in gradients
    pytest.param(T5ForConditionalGeneration, T5, batch(1, 8, (4,)), id="T5, small"),
]


def allocated(model, inputs, precision) -> int:
    """The most bytes that a step had from the allocator at any one time."""
    # Frees are recorded with allocations, at the nanosecond
    recording = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
    with recording as recorded, as_on_a_gpu(precision):
        model(**inputs).loss.backward()
    live = peak = 0
    events = recorded.profiler.kineto_results.events()
    for event in sorted(events, key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    return peak


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("architecture", "config", "inputs"), CASES)
def test_the_prediction_is_what_the_allocator_gives_out(
    architecture, config, inputs, precision
):
    """Dropout, casts and eager attention as on a GPU, on real tensors."""
    predicted = predict(
        architecture, config, inputs, precision=precision, attention="eager"
    )
    model = architecture(config)
    model.set_attn_implementation("eager")
    model.train()
    allocated(model, inputs, precision)  # what is made once in a process
    model.zero_grad()
    found = allocated(model, inputs, precision)
    assert predicted.activations + predicted.gradients == pytest.approx(found, rel=0.02)


@pytest.mark.parametrize(("architecture", "config", "inputs"), CASES[:2])
def test_weights_and_optimizer_are_those_of_a_real_adamw(architecture, config, inputs):
    predicted = predict(architecture, config, inputs)
    model = architecture(config)
    optimizer = torch.optim.AdamW(model.parameters())
    model(**inputs).loss.backward()
    optimizer.step()
    weights = sum(p.nbytes for p in (*model.parameters(), *model.buffers()))
    states = [
        value
        for state in optimizer.state.values()
        for value in state.values()
        if value.ndim
    ]
    assert predicted.weights == pytest.approx(weights, rel=0.01)
    assert predicted.optimizer == pytest.approx(
        sum(state.nbytes for state in states), rel=0.02
    )
    parts = predicted.weights + predicted.gradients + predicted.optimizer
    assert predicted.peak == parts + predicted.activations


@pytest.mark.parametrize(
    ("architecture", "config", "parameters"),
    [
        (BertForSequenceClassification, BertConfig(), 109_483_778),
        (
            T5ForConditionalGeneration,
            T5Config(
                d_model=512, d_kv=64, d_ff=2048, num_layers=6, decoder_start_token_id=0
            ),
            60_506_624,
        ),
    ],
    ids=["BERT-base", "T5-small"],
)
def test_the_real_sizes_take_seconds_and_no_memory(architecture, config, parameters):
    labels = (32,) if architecture is T5ForConditionalGeneration else ()
    inputs = batch(32, 128, labels)
    predicted = predict(architecture, config, inputs)
    assert predicted.weights == pytest.approx(4 * parameters, rel=1e-3)
    assert predicted.optimizer == pytest.approx(8 * parameters, rel=1e-3)
    in_fp32 = predict(architecture, config, inputs, precision="fp32")
    assert in_fp32.activations > predicted.activations > in_fp32.activations / 2


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_checkpointed_a_layer_more_keeps_its_input_only(precision, attention):
    size, length = 64, 64  # its input is larger than its gradients

    def activations(layers):
        config = BertConfig.from_dict(BERT.to_dict() | {"num_hidden_layers": layers})
        how = {"precision": precision, "attention": attention}
        return predict(checkpointed, config, batch(size, length), **how).activations

    kept = 4 * size * length * BERT.hidden_size
    assert kept <= activations(6) - activations(5) <= 1.02 * kept


def test_measuring_leaves_no_hook_in_the_model():
    model = BertForSequenceClassification(BERT)
    measure_step(model, batch(2, 8))
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())


def test_without_fused_attention_memory_grows_with_the_square_of_the_length():
    def activations(length, attention):
        inputs = batch(2, length)
        return predict(
            BertForSequenceClassification, BERT, inputs, attention=attention
        ).activations

    assert activations(512, "eager") > 3 * activations(256, "eager")
    assert activations(512, "sdpa") < 2.3 * activations(256, "sdpa")


def test_what_fused_attention_keeps_is_queries_keys_values_output_and_the_mask():
    """A layer more, less its weights in bfloat16, against a count by hand."""
    size, length, heads, width, inner = 8, 64, 8, 128, 512
    inputs = batch(size, length)

    def activations(layers):
        config = BertConfig.from_dict(BERT.to_dict() | {"num_hidden_layers": layers})
        return predict(BertForSequenceClassification, config, inputs).activations

    tokens = size * length
    in_bf16 = 2 * (
        4 * tokens * width  # queries, keys, values, output
        + size * length * length  # the mask, as numbers to add
        + 2 * tokens * inner  # before and after GELU
        + 4 * width * width  # weights, cast
        + 2 * width * inner
        + 4 * width  # biases, cast
        + inner
        + width
        + tokens * width  # what the next layer's products read
        + tokens * width  # and the feed-forward network's
    )
    in_fp32 = 4 * (
        2 * tokens * width  # what two norms read
        + 2 * 2 * tokens  # their means and deviations
        + size * heads * length  # log-sum-exp
    )
    masks = 2 * tokens * width  # of two dropouts, in bytes
    norms_write = 4 * 2 * tokens * width  # added to the next output: kept by nobody
    found = activations(4) - activations(3)
    assert in_bf16 + in_fp32 + masks <= found * 1.02
    assert found <= 1.02 * (in_bf16 + in_fp32 + masks + norms_write)


def test_it_says_its_parts():
    said = str(predict(BertForSequenceClassification, BERT, batch(2, 16)))
    for part in ("MiB at most", "weights", "gradients", "optimizer", "activations"):
        assert part in said

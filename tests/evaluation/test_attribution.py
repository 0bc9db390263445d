"""The attributions are Captum's and the papers', and padding changes none of them."""

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, InputXGradient, IntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import VOCABULARY, classifier, collate, unlabelled
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from labkit.errors import LabError
from labkit.evaluation import (
    absent_ids,
    attention_rollout,
    attention_weights,
    attribution,
    deletion_area,
    deletion_curve,
    gradient_x_input,
    integrated_gradients,
    occlusion,
    rollout,
)

CLS, SEP, MASK = 1, 2, 3


def framed(count):
    """Texts of 5 to 21 tokens between [CLS] and [SEP], padded."""
    rows = [{"input_ids": [CLS, *row["input_ids"], SEP]} for row in unlabelled(count)]
    return collate(rows)


@pytest.fixture(scope="module")
def model():
    """Tiny, random, and with weights large enough that the scores are no flat line."""
    model = classifier().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter *= 8
    return model


@pytest.fixture(scope="module")
def inputs():
    return framed(9)


@pytest.fixture(scope="module")
def absent(inputs):
    ids = inputs["input_ids"]
    return torch.where(ids >= 7, MASK, ids)  # 0 to 2 are the frame


@pytest.fixture(scope="module")
def targets(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits.argmax(dim=-1)


@pytest.fixture(params=["all at once", "one at a time"])
def batching(request, monkeypatch):
    """Batches of many texts, or of one."""
    if request.param == "one at a time":
        monkeypatch.setattr(attribution, "_TOKENS_AT_ONCE", 1)


def by_embeddings(model, inputs):
    embed = model.get_input_embeddings()

    def score(embeddings, mask):
        return model(inputs_embeds=embeddings, attention_mask=mask).logits

    return score, embed(inputs["input_ids"]).detach()


class TestParityWithCaptum:
    @pytest.mark.parametrize("steps", [1, 16, 50])
    def test_integrated_gradients(
        self, model, inputs, absent, targets, steps, batching
    ):
        score, x = by_embeddings(model, inputs)
        captum, error = IntegratedGradients(score).attribute(
            x,
            baselines=model.get_input_embeddings()(absent).detach(),
            target=targets,
            additional_forward_args=inputs["attention_mask"],
            n_steps=steps,
            return_convergence_delta=True,
        )
        ours, our_error = integrated_gradients(
            model, inputs, absent, targets, steps=steps
        )
        assert captum.abs().sum(-1).max() > 0.1
        torch.testing.assert_close(ours, captum.sum(-1), rtol=0, atol=1e-4)
        torch.testing.assert_close(our_error, error.float(), rtol=0, atol=1e-4)

    def test_gradient_x_input(self, model, inputs, targets, batching):
        score, x = by_embeddings(model, inputs)
        captum = InputXGradient(score).attribute(
            x, target=targets, additional_forward_args=inputs["attention_mask"]
        )
        seen = inputs["attention_mask"]  # padding has embeddings too: 0 is for clarity
        ours = gradient_x_input(model, inputs, targets)
        torch.testing.assert_close(ours, captum.sum(-1) * seen, rtol=0, atol=1e-5)

    def test_occlusion(self, model, inputs, absent, targets, batching):
        def score(ids, mask):
            return model(input_ids=ids, attention_mask=mask).logits

        captum = FeatureAblation(score).attribute(
            inputs["input_ids"],
            baselines=absent,
            target=targets,
            additional_forward_args=inputs["attention_mask"],
        )
        ours = occlusion(model, inputs, absent, targets)
        torch.testing.assert_close(ours, captum.float(), rtol=0, atol=1e-5)


class TestIntegratedGradients:
    def test_they_sum_to_the_rise_of_the_score(self, model, inputs, absent, targets):
        ours, error = integrated_gradients(model, inputs, absent, targets, steps=200)
        with torch.no_grad():
            rise = (
                model(**inputs).logits - model(**inputs | {"input_ids": absent}).logits
            )
        rise = rise.gather(-1, targets[:, None]).squeeze(-1)
        assert rise.abs().max() > 0.1
        torch.testing.assert_close(ours.sum(-1), rise, rtol=0, atol=1e-3)
        torch.testing.assert_close(error, ours.sum(-1) - rise, rtol=0, atol=1e-6)

    def test_more_steps_leave_a_smaller_error(self, model, inputs, absent, targets):
        few, many = (
            integrated_gradients(model, inputs, absent, targets, steps=steps)[1]
            for steps in (2, 64)
        )
        assert many.abs().max() < 0.1 * few.abs().max()

    def test_a_token_that_is_in_the_absent_text_too_gets_nothing(
        self, model, inputs, absent, targets
    ):
        ours, _ = integrated_gradients(model, inputs, absent, targets)
        same = inputs["input_ids"] == absent
        assert (ours[same] == 0).all()
        assert (ours[~same] != 0).all()


class TestRollout:
    @settings(max_examples=50, deadline=None)
    @given(
        layers=st.integers(1, 4),
        heads=st.integers(1, 3),
        tokens=st.integers(1, 5),
        seed=st.integers(0, 99),
    )
    def test_it_is_the_papers_recursion(self, layers, heads, tokens, seed):
        draw = torch.Generator().manual_seed(seed)
        attentions = [
            torch.randn(2, heads, tokens, tokens, generator=draw).softmax(-1)
            for _ in range(layers)
        ]
        for text, flow in enumerate(rollout(attentions)):
            expected = None
            for weights in attentions:  # equation 1, and section 3 on the residual
                mean = sum(head.numpy() for head in weights[text]) / heads
                raw = 0.5 * mean + 0.5 * np.eye(tokens)
                expected = raw if expected is None else raw @ expected
            np.testing.assert_allclose(flow, expected, atol=1e-5)
            np.testing.assert_allclose(flow.sum(-1), 1, atol=1e-5)

    def test_heads_that_look_at_themselves_mix_nothing(self):
        flow = rollout([torch.eye(4).expand(1, 2, 4, 4)] * 3)
        torch.testing.assert_close(flow, torch.eye(4)[None])

    def test_a_text_gets_the_first_tokens_row(self, model, inputs, batching):
        shares = attention_rollout(model, inputs)
        expected = rollout(attention_weights(model, inputs))[:, 0]
        torch.testing.assert_close(shares, expected, atol=1e-6, rtol=0)
        torch.testing.assert_close(shares.sum(-1), torch.ones(len(shares)))

    def test_the_weights_are_those_that_the_model_uses(self, model, inputs):
        """Values put in by hand come out mixed as the model mixes them."""
        seen = {}
        layer = model.bert.encoder.layer[0].attention.self
        hooks = [
            layer.value.register_forward_hook(lambda *a: seen.update(value=a[2])),
            layer.register_forward_hook(lambda *a: seen.update(mixed=a[2][0])),
        ]
        with torch.no_grad():
            model(**inputs)
        for hook in hooks:
            hook.remove()
        weights = attention_weights(model, inputs)[0]
        heads = seen["value"].unflatten(-1, (weights.size(1), -1)).transpose(1, 2)
        mixed = (weights @ heads).transpose(1, 2).flatten(2)
        real = inputs["attention_mask"].bool()
        torch.testing.assert_close(mixed[real], seen["mixed"][real], atol=1e-5, rtol=0)

    def test_the_model_keeps_its_implementation_of_attention(self, model, inputs):
        before = model.config._attn_implementation
        attention_weights(model, inputs)
        assert model.config._attn_implementation == before != "eager"
        with pytest.raises(IndexError):
            attention_weights(model, inputs | {"input_ids": inputs["input_ids"] + 99})
        assert model.config._attn_implementation == before


class TestDeletionCurve:
    def test_it_deletes_the_weightiest_first(self, model, inputs, absent, targets):
        scores = torch.rand(absent.shape, generator=torch.Generator().manual_seed(0))
        points = 5
        curve = deletion_curve(model, inputs, absent, targets, scores, points=points)
        for text in range(len(absent)):
            ids = inputs["input_ids"][text].clone()
            words = [i for i in range(len(ids)) if ids[i] != absent[text, i]]
            words.sort(key=lambda i: -float(scores[text, i]))
            for point in range(points):
                gone = words[: round(len(words) * point / (points - 1))]
                changed = ids.clone()
                changed[gone] = MASK
                mask = inputs["attention_mask"][text]
                with torch.no_grad():
                    logits = model(changed[None], attention_mask=mask[None]).logits[0]
                expected = logits.softmax(-1)[targets[text]]
                assert curve[text, point] == pytest.approx(float(expected), abs=1e-5)

    def test_it_starts_at_the_text_and_ends_at_the_absent_text(
        self, model, inputs, absent, targets, batching
    ):
        curve = deletion_curve(
            model, inputs, absent, targets, torch.zeros(absent.shape)
        )
        with torch.no_grad():
            for at, ids in ((0, inputs["input_ids"]), (-1, absent)):
                logits = model(**inputs | {"input_ids": ids}).logits.softmax(-1)
                expected = logits.gather(-1, targets[:, None]).squeeze(-1)
                torch.testing.assert_close(curve[:, at], expected, atol=1e-5, rtol=0)

    def test_the_order_alone_matters(self, model, inputs, absent, targets):
        scores = torch.rand(absent.shape)
        one, other = (
            deletion_curve(model, inputs, absent, targets, s)
            for s in (scores, 10 * scores**3 - 5)
        )
        assert torch.equal(one, other)

    def test_its_area_is_its_mean_height(self):
        flat, falling, at_once = [0.3] * 5, [1, 0.75, 0.5, 0.25, 0], [1, 0, 0, 0, 0]
        area = deletion_area(torch.tensor([flat, falling, at_once]))
        assert area.tolist() == pytest.approx([0.3, 0.5, 0.125])

    def test_the_best_order_of_a_model_that_reads_one_token_has_the_least_area(self):
        """Occlusion finds the token that a model was made to look at."""
        model = classifier()
        with torch.no_grad():  # class 1 for token 7, by its own embedding alone
            for parameter in model.parameters():
                parameter.zero_()
        inputs = collate([{"input_ids": [CLS, 11, 12, 13, 14, 15, SEP]}])
        inputs["input_ids"][0, 3] = 7
        absent = torch.where(inputs["input_ids"] >= 7, MASK, inputs["input_ids"])
        plant(model)
        targets = torch.tensor([1])
        found = occlusion(model, inputs, absent, targets)
        assert found.argmax() == 3
        good, bad = (
            deletion_area(deletion_curve(model, inputs, absent, targets, order))
            for order in (found, -found)
        )
        assert good < bad - 0.1


def plant(model):
    """Let the encoder pass on whether token 7 is there, and the head read it."""
    width = model.config.hidden_size
    bert, eye = model.bert, torch.eye(width)
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight[7, 0] = 10.0
        for norm in (m for m in model.modules() if isinstance(m, torch.nn.LayerNorm)):
            norm.weight.fill_(1)
        for layer in bert.encoder.layer:  # attention is even: every token is mixed in
            layer.attention.self.value.weight.copy_(eye)
            layer.attention.output.dense.weight.copy_(eye)
        bert.pooler.dense.weight.copy_(eye)
        model.classifier.weight[1, 0] = 5.0


def every_method(model, inputs, absent, targets):
    scores = integrated_gradients(model, inputs, absent, targets, steps=4)[0]
    return {
        "gradient × input": gradient_x_input(model, inputs, targets),
        "integrated gradients": scores,
        "occlusion": occlusion(model, inputs, absent, targets),
        "attention rollout": attention_rollout(model, inputs),
        "deletion": deletion_curve(model, inputs, absent, targets, scores),
    }


def test_padding_and_the_neighbours_in_a_batch_change_nothing(
    model, inputs, absent, targets
):
    together = every_method(model, inputs, absent, targets)
    for text in range(len(absent)):
        size = int(inputs["attention_mask"][text].sum())
        alone = {name: value[[text], :size] for name, value in inputs.items()}
        own = every_method(model, alone, absent[[text], :size], targets[[text]])
        for name, values in own.items():
            shared = together[name][text]
            if name != "deletion":
                assert (shared[size:] == 0).all()
                shared = shared[:size]
            torch.testing.assert_close(values[0], shared, atol=1e-4, rtol=0)


def test_a_model_in_training_mode_with_dropout_is_explained_without_it(inputs, absent):
    model, targets = classifier(dropout=0.5).train(), [0] * len(absent)
    first, second = (every_method(model, inputs, absent, targets) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not model.training


def test_the_models_gradients_are_left_alone(model, inputs, absent, targets):
    every_method(model, inputs, absent, targets)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_half_precision_weights_will_do(inputs, absent):
    model = classifier().to(torch.bfloat16)
    found = every_method(model, inputs, absent, [1] * len(absent))
    assert all(torch.isfinite(values).all() for values in found.values())


def test_distilbert_which_has_no_token_types_will_do(inputs, absent):
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=VOCABULARY, dim=32, n_layers=2, n_heads=4, hidden_dim=64
    )
    model = DistilBertForSequenceClassification(config)
    targets = torch.ones(len(absent), dtype=torch.long)
    found = every_method(model, inputs, absent, targets)
    score, x = by_embeddings(model, inputs)
    captum = IntegratedGradients(score).attribute(
        x,
        baselines=model.get_input_embeddings()(absent).detach(),
        target=1,
        additional_forward_args=inputs["attention_mask"],
        n_steps=4,
    )
    ours = found["integrated gradients"]
    torch.testing.assert_close(ours, captum.sum(-1).float(), rtol=0, atol=1e-4)


class Tokenizer:
    cls_token_id, sep_token_id, pad_token_id, mask_token_id = CLS, SEP, 0, MASK
    bos_token_id = eos_token_id = None


def test_the_absent_text_keeps_only_the_frame():
    ids = torch.tensor([[CLS, 7, 8, SEP, 0], [CLS, 100, MASK, 9, SEP]])  # 100: [UNK]
    assert absent_ids(Tokenizer, ids).tolist() == [
        [CLS, MASK, MASK, SEP, 0],
        [CLS, MASK, MASK, MASK, SEP],
    ]


class WithoutMask(Tokenizer):
    mask_token_id = None


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda m, x, a, t: gradient_x_input(m, x, t[:2]),
            "not 9 numbers of 2 classes",
        ),
        (lambda m, x, a, t: occlusion(m, x, a, t + 2), "not 9 numbers of 2 classes"),
        (lambda m, x, a, t: occlusion(m, x, a, t - 2), "not 9 numbers of 2 classes"),
        (
            lambda m, x, a, t: occlusion(m, x, a[:, 1:], t),
            "not that of the texts' tokens",
        ),
        (
            lambda m, x, a, t: deletion_curve(m, x, a, t, torch.rand(9)),
            "not that of the texts' tokens",
        ),
        (
            lambda m, x, a, t: gradient_x_input(m, {"input_ids": a}, t),
            "no attention_mask",
        ),
        (
            lambda m, x, a, t: integrated_gradients(m, x, a, t, steps=0),
            "0 steps are no way",
        ),
        (
            lambda m, x, a, t: deletion_curve(m, x, a, t, 1.0 * a, points=1),
            "1 points make no curve",
        ),
        (lambda m, x, a, t: absent_ids(WithoutMask, a), r"no \[MASK\]"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_words(
    model, inputs, absent, targets, call, says
):
    with pytest.raises(LabError, match=says):
        call(model, inputs, absent, targets)

"""Which words did it? Four attributions of a classifier's score, and a test of them.

    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    absent = absent_ids(tokenizer, inputs["input_ids"])
    targets = model(**inputs).logits.argmax(dim=-1)
    scores, error = integrated_gradients(model, inputs, absent, targets)
    curve = deletion_curve(model, inputs, absent, targets, scores)

The score that is explained is the logit of class `targets[i]`. An attribution is a
number a token: above 0 it speaks for that class, below 0 against it. Models are
transformers' for sequence classification that take `inputs_embeds`, as BERT's family
does; they are left in evaluation mode. Padding gets 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from labkit.errors import LabError

Inputs = Mapping[str, Tensor]  # the tokenizer's: input_ids, attention_mask and the like

_TOKENS_AT_ONCE = 2**11  # padding included


def absent_ids(tokenizer: Any, input_ids: Int[Tensor, "text token"]) -> Tensor:
    """The same texts without their words: [MASK] for each, only the frame kept.

    The frame is what the tokenizer adds: [CLS], [SEP], padding. This is one answer of
    several to "what is a text without this word?", and attributions depend on it.

    Raises:
        LabError: the tokenizer has no [MASK].
    """
    if tokenizer.mask_token_id is None:
        raise LabError(
            "the tokenizer has no [MASK] to put in a word's place.",
            "Make the absent ids yourself: the token that says least, as padding.",
        )
    frame = ("cls", "sep", "pad", "bos", "eos")
    ids = {getattr(tokenizer, f"{name}_token_id") for name in frame} - {None}
    kept = torch.isin(input_ids, input_ids.new_tensor(sorted(ids)))
    return torch.where(kept, input_ids, tokenizer.mask_token_id)


def gradient_x_input(
    model: Any, inputs: Inputs, targets: Int[Tensor, " text"]
) -> Float[Tensor, "text token"]:
    """xₜ · ∂score/∂xₜ for the embedding xₜ of each token.

    How much the score would fall if xₜ shrank to 0, were the score a straight line —
    Shrikumar et al. (2017), Learning Important Features Through Propagating Activation
    Differences, section 2.2; Denil et al. (2014), Extraction of Salient Sentences.
    """
    inputs, targets = _ready(model, inputs, targets)
    embed = model.get_input_embeddings()
    products = torch.zeros_like(inputs["input_ids"], dtype=torch.float32)
    for rows, kept, batch in _batches(inputs):
        x = embed(batch.pop("input_ids")).detach()
        gradient = _gradient(model, x, batch, targets[rows])
        products[rows[:, None], kept] = (x * gradient).sum(dim=-1).float()
    return products * inputs["attention_mask"]


def integrated_gradients(
    model: Any,
    inputs: Inputs,
    absent: Int[Tensor, "text token"],
    targets: Int[Tensor, " text"],
    *,
    steps: int = 16,
) -> tuple[Float[Tensor, "text token"], Float[Tensor, " text"]]:
    """Gradients along the straight way from the absent text x′ to the text x.

    (xₜ − x′ₜ) · ∫₀¹ ∂score(x′ + α (x − x′))/∂xₜ dα — Sundararajan, Taly and Yan (2017),
    Axiomatic Attribution for Deep Networks, equation 1, for the word embeddings x. The
    integral is Gauss and Legendre's sum over `steps` points.

    Returns:
        The attributions, and the completeness error of each text: their sum less
        score(x) − score(x′), which it would be if the integral were exact
        (proposition 1). If it is not small, take more steps.

    Raises:
        LabError: fewer than one step.
    """
    inputs, targets, absent = _ready(model, inputs, targets, absent)
    if steps < 1:
        raise LabError(f"{steps} steps are no way.", "Take 16, or more.")
    embed = model.get_input_embeddings()
    attributions = torch.zeros_like(absent, dtype=torch.float32)
    nodes, weights = torch.tensor(  # on -1 … 1
        np.array(np.polynomial.legendre.leggauss(steps)), device=absent.device
    ).to(embed.weight.dtype)
    text, step = _grid(absent, steps)
    for rows, kept, batch in _batches(_pick({**inputs, "absent": absent}, text)):
        start = embed(batch.pop("absent")).detach()
        way = embed(batch.pop("input_ids")).detach() - start
        alpha, weight = (values[step[rows], None, None] for values in (nodes, weights))
        x = start + (alpha + 1) / 2 * way
        gradient = _gradient(model, x, batch, targets[text[rows]])
        products = (weight / 2 * way * gradient).sum(dim=-1).float()
        attributions.index_put_((text[rows, None], kept), products, accumulate=True)
    attributions *= inputs["attention_mask"]
    rise = _scores(model, inputs, targets)
    rise -= _scores(model, {**inputs, "input_ids": absent}, targets)
    return attributions, attributions.sum(dim=-1) - rise


def occlusion(
    model: Any,
    inputs: Inputs,
    absent: Int[Tensor, "text token"],
    targets: Int[Tensor, " text"],
) -> Float[Tensor, "text token"]:
    """How far the score falls when a token, and it alone, is replaced by its absent id.

    Zeiler and Fergus (2014), Visualizing and Understanding Convolutional Networks,
    section 4.2; for text Li, Monroe and Jurafsky (2016), Understanding Neural Networks
    through Representation Erasure.
    """
    inputs, targets, absent = _ready(model, inputs, targets, absent)
    ids = inputs["input_ids"]
    text, token = torch.nonzero(ids != absent, as_tuple=True)
    without = _pick(inputs, text)  # a copy of the text for each of its tokens
    without["input_ids"][torch.arange(len(text)), token] = absent[text, token]
    falls = torch.zeros_like(ids, dtype=torch.float32)
    whole = _scores(model, inputs, targets)[text]
    falls[text, token] = whole - _scores(model, without, targets[text])
    return falls


def rollout(
    attentions: Sequence[Float[Tensor, "text head query key"]],
) -> Float[Tensor, "text query key"]:
    """Through all layers, how much of each token flows to each, by attention alone.

    Ãₗ = ½ (mean over heads of Aₗ) + ½ I, for half of what a layer passes on comes by
    its residual; then Ã_L ⋯ Ã₂ Ã₁ — Abnar and Zuidema (2020), Quantifying
    Attention Flow in Transformers, equation 1.

    Args:
        attentions: A layer's weights each, the first layer first.

    Returns:
        Rows that sum to 1.
    """
    flow = torch.eye(attentions[0].size(-1), device=attentions[0].device)
    for weights in attentions:
        mixed = weights.mean(dim=1) / 2  # (text, query, key)
        flow = (mixed + torch.eye(mixed.size(-1), device=mixed.device) / 2) @ flow
    return flow


def attention_rollout(model: Any, inputs: Inputs) -> Float[Tensor, "text token"]:
    """The share of each token in the first one, [CLS], from which the head reads.

    See `rollout`. It knows no class, is never below 0, and does not look at the head.
    """
    (inputs,) = _ready(model, inputs)
    shares = torch.zeros_like(inputs["input_ids"], dtype=torch.float32)
    for rows, kept, batch in _batches(inputs):
        shares[rows[:, None], kept] = rollout(attention_weights(model, batch))[:, 0]
    return shares * inputs["attention_mask"]


def attention_weights(
    model: Any, inputs: Inputs
) -> tuple[Float[Tensor, "text head query key"], ...]:
    """Each layer's attention weights, in the plain implementation that shows them."""
    usual = model.config._attn_implementation
    try:
        model.set_attn_implementation("eager")  # the fused ones keep no weights
        with torch.no_grad():
            return model.eval()(**inputs, output_attentions=True).attentions
    finally:
        model.set_attn_implementation(usual)


def deletion_curve(
    model: Any,
    inputs: Inputs,
    absent: Int[Tensor, "text token"],
    targets: Int[Tensor, " text"],
    attributions: Float[Tensor, "text token"],
    *,
    points: int = 11,
) -> Float[Tensor, "text points"]:
    """The class's probability while its tokens are deleted, the weightiest first.

    At point k of 0 … points - 1 a share k / (points - 1) of the text's tokens (rounded)
    is replaced by their absent ids. The sooner it falls, the better the order: take
    `deletion_area`, and compare with that of a random order —
    Samek et al. (2017), Evaluating the Visualization of What a Deep Neural Network Has
    Learned, section III; Petsiuk, Das and Saenko (2018), RISE, section 4.3.

    Raises:
        LabError: fewer than two points, or attributions that are not one a token.
    """
    inputs, targets, absent, attributions = _ready(
        model, inputs, targets, absent, attributions
    )
    if points < 2:
        raise LabError(f"{points} points make no curve.", "Take two or more.")
    words = inputs["input_ids"] != absent
    order = attributions.masked_fill(~words, -torch.inf)
    rank = order.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    text, point = _grid(absent, points)
    due = (words.sum(dim=-1)[text] * point / (points - 1)).round()  # so many are gone
    without = _pick(inputs, text)
    gone = words[text] & (rank[text] < due[:, None])
    without["input_ids"] = torch.where(gone, absent[text], without["input_ids"])
    probabilities = _logits(model, without).softmax(dim=-1)
    return probabilities[torch.arange(len(text)), targets[text]].reshape(-1, points)


def deletion_area(curve: Float[Tensor, "text points"]) -> Float[Tensor, " text"]:
    """The mean height of each text's curve (trapezoids): the lower, the better."""
    return torch.trapezoid(curve, dim=-1) / (curve.size(-1) - 1)


# --- beneath ------------------------------------------------------------------------


def _ready(model: Any, inputs: Inputs, targets: Any = None, *others: Any) -> list[Any]:
    """All of it on the model's device, and the model in evaluation mode.

    Raises:
        LabError: something is not of the shape, or not one of the classes.
    """
    model.eval()
    shape, classes = inputs["input_ids"].shape, model.config.num_labels
    if "attention_mask" not in inputs:
        raise LabError(
            "the inputs have no attention_mask, so padding cannot be told from words.",
            "Pass all that the tokenizer returns.",
        )
    found: list[Any] = [{k: v.to(model.device) for k, v in inputs.items()}]
    if targets is None:
        return found
    found.append(torch.as_tensor(targets, device=model.device))
    if (
        found[-1].shape != shape[:1]
        or not ((found[-1] >= 0) & (found[-1] < classes)).all()
    ):
        raise LabError(
            f"the targets are not {shape[0]} numbers of {classes} classes.",
            "Pass one a text: `model(**inputs).logits.argmax(dim=-1)`.",
        )
    for other in others:
        if other.shape != shape:
            raise LabError(
                f"the shape {tuple(other.shape)} is not that of the texts' tokens, "
                f"{tuple(shape)}.",
                "Make all of it from the same `inputs`.",
            )
        found.append(other.to(model.device))
    return found


def _batches(inputs: Inputs) -> Iterator[tuple[Tensor, Tensor, dict[str, Tensor]]]:
    """Texts of like length together, their padding cut off.

    Yields:
        The numbers of the texts, the columns that are left, and these texts' inputs.
    """
    seen = inputs["attention_mask"].bool()
    lengths = seen.sum(dim=-1)
    rest = lengths.argsort(descending=True, stable=True)
    while len(rest):
        size = max(1, _TOKENS_AT_ONCE // int(lengths[rest[0]]))
        rows, rest = rest[:size], rest[size:]
        kept = seen[rows].any(dim=0).nonzero().squeeze(-1)
        yield rows, kept, {k: v[rows][:, kept] for k, v in inputs.items()}


def _gradient(model: Any, x: Tensor, batch: Inputs, targets: Tensor) -> Tensor:
    """∂score/∂x, for embeddings x of shape (text, token, d)."""
    with torch.enable_grad():
        x = x.requires_grad_()
        logits = model(inputs_embeds=x, **batch).logits
        scores = logits.gather(-1, targets[:, None])
        (gradient,) = torch.autograd.grad(scores.sum(), x)
    return gradient


@torch.no_grad()
def _logits(model: Any, inputs: Inputs) -> Float[Tensor, "text class"]:
    found = [
        (rows, model(**batch).logits.float()) for rows, _, batch in _batches(inputs)
    ]
    rows, logits = (torch.cat(parts) for parts in zip(*found, strict=True))
    return logits[rows.argsort()]


def _scores(model: Any, inputs: Inputs, targets: Tensor) -> Float[Tensor, " text"]:
    return _logits(model, inputs).gather(-1, targets[:, None]).squeeze(-1)


def _pick(inputs: Inputs, text: Tensor) -> dict[str, Tensor]:
    """A copy of the texts numbered `text`."""
    return {name: value[text] for name, value in inputs.items()}


def _grid(ids: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """For each text 0 … size - 1: the texts' numbers, and these."""
    entries = torch.arange(len(ids) * size, device=ids.device)
    return entries // size, entries % size

"""Run a model over rows: its logits, its loss, its vectors. Its texts: `decoding.py`.

The model is left in evaluation mode. `precision` is by default what the device computes
natively.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from labkit.errors import LabError
from labkit.machine import Precision
from labkit.training.batching import (
    Collate,
    Input,
    in_order,
    padded,
    padding,
    run,
    tokenized,
)
from labkit.training.rows import (
    NO_LOSS,
    Rows,
    is_encoder_decoder,
    label_count,
    readable,
)


@dataclass(frozen=True)
class Predictions:
    """What a model says of a data set, in the data set's own order.

    Attributes:
        logits: (examples, classes), float32. Of a model that says something of every
            token (examples, longest, classes), −inf where there is padding; of one
            that marks an answer (examples, longest, 2), its start and its end.
        labels: (examples,), (examples, longest) with −100 for padding, or
            (examples, 2) in turn; None where the rows have none.
        loss: Mean loss over the labels; NaN without them.
    """

    logits: NDArray[Any]
    labels: NDArray[Any] | None
    loss: float


def predict(
    model: nn.Module,
    rows: Rows,
    collate: Collate,
    *,
    batch_size: int = 64,
    precision: Precision | None = None,
) -> Predictions:
    """The model's logits of `rows`, and its loss.

    Raises:
        LabError: if there are no rows, the model cannot read one, or it is an
            encoder–decoder: its logits follow labels given to it, and are many.
    """
    if is_encoder_decoder(model):
        raise LabError(
            "an encoder–decoder predicts a token at a time.",
            "The logits of whole texts would fill the memory, and follow the labels.",
            "Use `generate` for texts, mean_loss for the loss.",
        )
    logits: list[tuple[int, Any]] = []  # number of the row, and its own
    labels: list[tuple[int, Any]] = []
    losses: list[tuple[float, int]] = []
    usable = readable(model, rows)
    for batch, inputs, output in run(model, usable, collate, batch_size, precision):
        logits += zip(batch, _logits(inputs, output), strict=True)
        if (told := _labels(inputs)) is not None:
            labels += zip(batch, told, strict=True)
            losses.append(_summed_loss(model, inputs, output))
    every_label = in_order(labels)
    return Predictions(
        logits=_stacked(in_order(logits), -np.inf),
        labels=_stacked(every_label, NO_LOSS) if every_label else None,
        loss=_mean(losses),
    )


def mean_loss(
    model: nn.Module,
    rows: Rows,
    collate: Collate,
    *,
    batch_size: int = 64,
    precision: Precision | None = None,
) -> float:
    """The mean loss over all labels in `rows`; no logits are kept.

    For any model: of a language model its exponential is the perplexity.

    Raises:
        LabError: if there are no rows, the model cannot read one, or the batches have
            no labels.
    """
    usable = readable(model, rows)
    batches = run(model, usable, collate, batch_size, precision)
    return _mean([_summed_loss(model, inputs, out) for _, inputs, out in batches])


def embed(
    model: nn.Module,
    tokenizer: Any,
    inputs: Sequence[Input],
    *,
    max_length: int | None = None,
    normalise: bool = False,
    batch_size: int = 64,
    precision: Precision | None = None,
) -> NDArray[np.float32]:
    """A vector an input: the mean of the last layer's states over its tokens.

    Padding, and what an input's own `attention_mask` leaves out, take no part.

    Args:
        model: An encoder, or a decoder without its head, as `AutoModel` loads them; or
            any that gives `last_hidden_state`, or a list of states with the last last.
        inputs: Texts, or rows with `input_ids`.
        max_length: Where texts are cut, in tokens; by default they are read whole.
        normalise: Give each vector the length 1: their products are then cosines.

    Returns:
        (inputs, d_model).

    Raises:
        LabError: if there are no inputs, or the model cannot read one, or gives no
            states.
    """
    rows = tokenized(model, tokenizer, inputs, max_length)
    collate = partial(padded, padding(tokenizer))
    vectors: list[tuple[int, Any]] = []
    for batch, read, output in run(model, rows, collate, batch_size, precision):
        states = _states(output).float()
        mask = read["attention_mask"].unsqueeze(-1)
        pooled = (mask * states).sum(dim=1) / mask.sum(dim=1)  # (batch, d_model)
        if normalise:
            pooled = nn.functional.normalize(pooled, dim=1)
        vectors += zip(batch, pooled.cpu().numpy(), strict=True)
    return np.stack(in_order(vectors))


# --- what a batch gives -------------------------------------------------------------


def _states(output: Any) -> Tensor:
    states = getattr(output, "last_hidden_state", output)
    if isinstance(states, list | tuple):
        states = states[-1]
    if not isinstance(states, Tensor) or states.ndim != 3:
        raise LabError(
            "the model gives no states, (batch, length, d_model).",
            f"It gives {type(output).__name__}.",
            "Take it without its head: model.base_model, or AutoModel.",
        )
    return states


def _logits(inputs: Mapping[str, Tensor], output: Any) -> NDArray[Any]:
    """(batch, classes), or (batch, length, classes) with −inf for padding."""
    if hasattr(output, "start_logits"):
        logits = torch.stack([output.start_logits, output.end_logits], dim=-1)
    else:
        logits = output.logits
    logits = logits.float()
    if logits.ndim == 3 and "attention_mask" in inputs:
        logits = logits.masked_fill(inputs["attention_mask"][..., None] == 0, -np.inf)
    return logits.cpu().numpy()


def _labels(inputs: Mapping[str, Tensor]) -> NDArray[Any] | None:
    if "start_positions" in inputs:
        ends = [inputs["start_positions"], inputs["end_positions"]]
        return torch.stack(ends, dim=-1).cpu().numpy()
    return inputs["labels"].cpu().numpy() if "labels" in inputs else None


def _stacked(arrays: list[Any], filler: float) -> NDArray[Any]:
    """(number, longest, …): the shorter ones filled up; of scalars, (number,)."""
    if not np.ndim(arrays[0]):
        return np.stack(arrays)
    parts = [torch.from_numpy(array) for array in arrays]
    return pad_sequence(parts, batch_first=True, padding_value=filler).numpy()


def _summed_loss(
    model: nn.Module, inputs: Mapping[str, Tensor], output: Any
) -> tuple[float, int]:
    """The sum of a batch's losses, and of how many."""
    terms = label_count(model, inputs)
    return (output.loss.item() * terms if terms else 0.0), terms


def _mean(losses: list[tuple[float, int]]) -> float:
    """Over all labels of all processes; NaN where there are none."""
    losses = gather_object(losses)
    terms = sum(n for _, n in losses)
    return sum(loss for loss, _ in losses) / terms if terms else float("nan")

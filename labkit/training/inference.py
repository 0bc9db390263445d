"""Run a model over rows: its logits, its loss, its texts, its vectors.

All of it goes through one batching: batches of like length, the longest first, so that
what does not fit into memory shows at once and there is little padding. The model is
left in evaluation mode. Under `accelerate launch` the processes share the rows, and
each gets all the results. `precision` is by default what the device computes natively.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from labkit import validation
from labkit.errors import LabError
from labkit.machine import Precision, placement
from labkit.training.rows import (
    NO_LOSS,
    Limits,
    Rows,
    innermost,
    is_encoder_decoder,
    label_count,
    readable,
    token_counts,
)

Collate = Callable[[list[Any]], Mapping[str, Tensor]]
Input = str | Mapping[str, Any]
_READ = ("input_ids", "attention_mask", "token_type_ids")  # of a row, labels aside


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
    for batch, inputs, output in _run(model, usable, collate, batch_size, precision):
        logits += zip(batch, _logits(inputs, output), strict=True)
        if (told := _labels(inputs)) is not None:
            labels += zip(batch, told, strict=True)
            losses.append(_summed_loss(model, inputs, output))
    every_label = _in_order(labels)
    return Predictions(
        logits=_stacked(_in_order(logits), -np.inf),
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
    run = _run(model, usable, collate, batch_size, precision)
    return _mean([_summed_loss(model, inputs, output) for _, inputs, output in run])


def generate(
    model: Any,
    tokenizer: Any,
    inputs: Sequence[Input],
    *,
    max_new_tokens: int = 64,
    batch_size: int = 32,
    precision: Precision | None = None,
    **options: Any,
) -> list[str]:
    """What the model makes of each input, in the order of the inputs.

    A decoder's inputs are padded on the left, so that each text goes on right after its
    own last token; in float32 every text is the one that the model writes alone.

    Args:
        model: A transformers encoder–decoder, or a decoder: of that the texts are what
            it adds, without the input.
        inputs: Texts, which are tokenized whole, or rows with `input_ids`; what their
            `attention_mask` leaves out is not read.
        options: For `model.generate`, as `num_beams=4`. Without any the most likely
            token is taken at each step, whatever the model's own generation settings
            say of sampling and beams.

    Raises:
        LabError: if there are no inputs, the model cannot read one, or has no room for
            what is to be added.
    """
    validation.number("max_new_tokens", max_new_tokens, at_least=1, whole=True)
    more = options.get("num_return_sequences", 1)
    validation.number("num_return_sequences", more, at_least=1, at_most=1)
    rows = _tokenized(model, tokenizer, inputs, None)
    Limits(model).leave_room(rows, max_new_tokens)
    prompts = [{k: row[k] for k in ("input_ids", "attention_mask")} for row in rows]
    padding = _padding(tokenizer)
    usual = {"do_sample": False, "num_beams": 1, "pad_token_id": padding}
    options = usual | {"max_new_tokens": max_new_tokens} | options
    reads_first = is_encoder_decoder(model)
    collate = partial(_padded, padding, side="right" if reads_first else "left")
    writer = model if hasattr(model, "generate") else innermost(model)
    write = partial(writer.generate, **options)
    run = _run(model, prompts, collate, batch_size, precision, write)
    texts: list[tuple[int, str]] = []
    for batch, padded, written in run:
        added = written if reads_first else written[:, padded["input_ids"].shape[1] :]
        said = tokenizer.batch_decode(added, skip_special_tokens=True)
        texts += zip(batch, said, strict=True)
    return _in_order(texts)


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
    rows = _tokenized(model, tokenizer, inputs, max_length)
    collate = partial(_padded, _padding(tokenizer))
    vectors: list[tuple[int, Any]] = []
    for batch, padded, output in _run(model, rows, collate, batch_size, precision):
        states = _states(output).float()
        mask = padded["attention_mask"].unsqueeze(-1)
        pooled = (mask * states).sum(dim=1) / mask.sum(dim=1)  # (batch, d_model)
        if normalise:
            pooled = nn.functional.normalize(pooled, dim=1)
        vectors += zip(batch, pooled.cpu().numpy(), strict=True)
    return np.stack(_in_order(vectors))


def _run(
    model: nn.Module,
    rows: list[dict[str, Any]],
    collate: Collate,
    batch_size: int,
    precision: Precision | None,
    call: Callable[..., Any] | None = None,  # by default the model
) -> Iterator[tuple[list[int], dict[str, Tensor], Any]]:
    """Numbers of this process's rows, their tensors, and what `call` makes of them."""
    validation.number("batch_size", batch_size, at_least=1, whole=True)
    accelerator = placement.fresh_accelerator()
    device = accelerator.device
    model.to(device).eval()
    precision = placement.precision_on(device, precision)
    count = token_counts(model, rows)
    order = sorted(range(len(rows)), key=lambda i: -count[i])
    mine = order[accelerator.process_index :: accelerator.num_processes]
    for start in range(0, len(mine), batch_size):
        batch = mine[start : start + batch_size]
        inputs = placement.on_device(device, collate([rows[i] for i in batch]))
        with torch.inference_mode(), placement.autocast(device, precision):
            output = (call or model)(**inputs)
        yield batch, inputs, output


def _in_order(numbered: list[tuple[int, Any]]) -> list[Any]:
    """What all processes have found, in the order of the rows."""
    return [one for _, one in sorted(gather_object(numbered), key=lambda pair: pair[0])]


# --- texts and rows -----------------------------------------------------------------


def _tokenized(
    model: nn.Module, tokenizer: Any, inputs: Sequence[Input], max_length: int | None
) -> list[dict[str, Any]]:
    """Rows with a mask, and no padding after their last token."""
    cut = {"truncation": True, "max_length": max_length} if max_length else {}
    rows: list[Any] = []
    for index, item in enumerate(validation.items(inputs, "inputs", "texts or rows")):
        row = tokenizer(item, **cut) if isinstance(item, str) else item
        if not isinstance(row, Mapping) or "input_ids" not in row:
            raise LabError(
                f"input {index} is neither a text nor a row with input_ids.",
                f"It is {str(item)[:60]}.",
                'Take the texts, as dataset["text"], or tokenize the rows.',
            )
        if not len(row["input_ids"]):
            raise LabError(
                f"input {index} has no tokens.",
                "Leave it out: there is nothing to read.",
            )
        every = {"attention_mask": [1] * len(row["input_ids"])}
        rows.append(every | {name: row[name] for name in _READ if name in row})
    return [_unpadded(row) for row in readable(model, rows)]


def _unpadded(row: dict[str, Any]) -> dict[str, Any]:
    end = int(np.flatnonzero(row["attention_mask"])[-1]) + 1
    return {name: list(values[:end]) for name, values in row.items()}


def _padding(tokenizer: Any) -> int:
    """GPT-2 has no token for padding; masked as it is, any other will do."""
    padding, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    return int(end if padding is None else padding)


def _padded(
    padding: int, rows: list[dict[str, Any]], side: str = "right"
) -> dict[str, Tensor]:
    """(batch, longest) each; a decoder goes on from the right, and is padded left."""
    return {
        name: pad_sequence(
            [torch.tensor(row[name]) for row in rows],
            batch_first=True,
            padding_value=padding if name == "input_ids" else 0,
            padding_side=side,
        )
        for name in rows[0]
    }


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

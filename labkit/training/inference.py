"""Run a model over rows: its logits, its loss, its texts, its vectors.

All of it goes through one batching: batches of like length, the longest first, so that
what does not fit into memory shows at once and there is little padding. The model is
left in evaluation mode. Under `accelerate launch` the processes share the rows, and
each gets all the results. `precision` is by default what the device computes natively.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor, nn

from labkit import validation
from labkit.errors import LabError
from labkit.machine import Precision
from labkit.machine.placement import (
    autocast,
    fresh_accelerator,
    on_device,
    precision_on,
)
from labkit.training.rows import (
    IGNORED,
    Limits,
    Rows,
    innermost,
    is_encoder_decoder,
    label_count,
    lengths,
    readable,
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
    found: list[tuple[int, Any, Any]] = []  # number of the row, logits, label
    losses: list[tuple[float, int]] = []
    usable = readable(model, rows)
    for share, inputs, output in _run(
        model, model, usable, collate, batch_size, precision
    ):
        logits, labels = _logits(inputs, output), _labels(inputs)
        found += zip(share, logits, share if labels is None else labels, strict=True)
        if labels is not None:
            losses.append(_summed_loss(model, inputs, output))
    found = sorted(gather_object(found), key=lambda item: item[0])
    losses = gather_object(losses)
    return Predictions(
        logits=_stacked([logits for _, logits, _ in found], -np.inf),
        labels=_stacked([label for *_, label in found], IGNORED) if losses else None,
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
    outputs = _run(model, model, usable, collate, batch_size, precision)
    return _mean(gather_object([_summed_loss(model, i, o) for _, i, o in outputs]))


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
    Limits.of(model).leave_room(rows, max_new_tokens)
    prompts = [{k: row[k] for k in ("input_ids", "attention_mask")} for row in rows]
    padding = _padding(tokenizer)
    options = {
        "do_sample": False,
        "num_beams": 1,
        "max_new_tokens": max_new_tokens,
        "pad_token_id": padding,
    } | options
    reads_first = is_encoder_decoder(model)
    write = model.generate if hasattr(model, "generate") else innermost(model).generate
    found: list[tuple[int, str]] = []
    for share, batch, written in _run(
        model,
        lambda **given: write(**given, **options),
        prompts,
        lambda some: _padded(some, padding, left=not reads_first),
        batch_size,
        precision,
    ):
        added = written if reads_first else written[:, batch["input_ids"].shape[1] :]
        texts = tokenizer.batch_decode(added, skip_special_tokens=True)
        found += zip(share, texts, strict=True)
    return [text for _, text in sorted(gather_object(found))]


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
    padding = _padding(tokenizer)
    found: list[tuple[int, Any]] = []
    for share, batch, output in _run(
        model, model, rows, lambda some: _padded(some, padding), batch_size, precision
    ):
        states = _states(output).float()
        mask = batch["attention_mask"].unsqueeze(-1)
        pooled = (mask * states).sum(dim=1) / mask.sum(dim=1)  # (batch, d_model)
        if normalise:
            pooled = nn.functional.normalize(pooled, dim=1)
        found += zip(share, pooled.cpu().numpy(), strict=True)
    found = sorted(gather_object(found), key=lambda item: item[0])
    return np.stack([vector for _, vector in found])


def _run(
    model: nn.Module,
    call: Callable[..., Any],
    rows: list[dict[str, Any]],
    collate: Collate,
    batch_size: int,
    precision: Precision | None,
) -> Iterator[tuple[list[int], dict[str, Tensor], Any]]:
    """Numbers of this process's rows, their batch, and what `call` makes of it."""
    validation.number("batch_size", batch_size, at_least=1, whole=True)
    accelerator = fresh_accelerator()
    model.to(accelerator.device).eval()
    precision = precision_on(accelerator.device, precision)
    length = lengths(model, rows)
    order = sorted(range(len(rows)), key=lambda i: -length[i])
    mine = order[accelerator.process_index :: accelerator.num_processes]
    for start in range(0, len(mine), batch_size):
        share = mine[start : start + batch_size]
        inputs = on_device(accelerator.device, collate([rows[i] for i in share]))
        with torch.inference_mode(), autocast(accelerator.device, precision):
            output = call(**inputs)
        yield share, inputs, output


# --- texts and rows -----------------------------------------------------------------


def _tokenized(
    model: nn.Module, tokenizer: Any, inputs: Sequence[Input], max_length: int | None
) -> list[dict[str, Any]]:
    """Rows with a mask, and no padding after their last token."""
    cut = {"truncation": True, "max_length": max_length} if max_length else {}
    rows: list[Any] = []
    for number, item in enumerate(validation.items(inputs, "inputs", "texts or rows")):
        row = tokenizer(item, **cut) if isinstance(item, str) else item
        if not isinstance(row, Mapping) or "input_ids" not in row:
            raise LabError(
                f"input {number} is neither a text nor a row with input_ids.",
                f"It is {str(item)[:60]}.",
                'Take the texts, as dataset["text"], or tokenize the rows.',
            )
        if not len(row["input_ids"]):
            raise LabError(
                f"input {number} has no tokens.",
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
    rows: list[dict[str, Any]], padding: int, left: bool = False
) -> dict[str, Tensor]:
    """(batch, longest) each; a decoder goes on from the right, and is padded left."""
    longest = max(len(row["input_ids"]) for row in rows)
    batch = {}
    for name in rows[0]:
        filler = padding if name == "input_ids" else 0
        batch[name] = torch.full((len(rows), longest), filler)
        for line, row in zip(batch[name], rows, strict=True):
            start = longest - len(row[name]) if left else 0
            line[start : start + len(row[name])] = torch.tensor(row[name])
    return batch


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
    if np.ndim(arrays[0]) == 0 or len({len(array) for array in arrays}) == 1:
        return np.stack(arrays)
    longest = max(len(array) for array in arrays)
    shape = (len(arrays), longest, *arrays[0].shape[1:])
    stacked = np.full(shape, filler, arrays[0].dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[: len(array)] = array
    return stacked


def _summed_loss(
    model: nn.Module, inputs: Mapping[str, Tensor], output: Any
) -> tuple[float, int]:
    """The sum of a batch's losses, and of how many."""
    terms = label_count(model, inputs)
    return (output.loss.item() * terms if terms else 0.0), terms


def _mean(losses: list[tuple[float, int]]) -> float:
    terms = sum(n for _, n in losses)
    return sum(loss for loss, _ in losses) / terms if terms else float("nan")

"""One batching, under everything that runs a model over rows.

Batches of like length, the longest first, so that what does not fit into memory shows
at once and there is little padding. Under `accelerate launch` the processes share the
rows, and each gets all the results.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from labkit import validation
from labkit.errors import LabError
from labkit.machine import Precision, placement
from labkit.training.chats import chat_tokens
from labkit.training.rows import readable, token_counts

Collate = Callable[[list[Any]], Mapping[str, Tensor]]
Input = str | Mapping[str, Any] | Sequence[Mapping[str, str]]
_READ = ("input_ids", "attention_mask", "token_type_ids")  # of a row, labels aside


def run(
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


def in_order(numbered: list[tuple[int, Any]]) -> list[Any]:
    """What all processes have found, in the order of the rows."""
    return [one for _, one in sorted(gather_object(numbered), key=lambda pair: pair[0])]


# --- texts and rows -----------------------------------------------------------------


def tokenized(
    model: nn.Module,
    tokenizer: Any,
    inputs: Sequence[Input],
    max_length: int | None = None,
) -> list[dict[str, Any]]:
    """Rows with a mask, and no padding after their last token."""
    cut = {"truncation": True, "max_length": max_length} if max_length else {}
    rows: list[Any] = []
    for index, item in enumerate(validation.items(inputs, "inputs", "texts or rows")):
        row = _row(tokenizer, index, item, cut)
        if not len(row["input_ids"]):
            raise LabError(
                f"input {index} has no tokens.",
                "Leave it out: there is nothing to read.",
            )
        every = {"attention_mask": [1] * len(row["input_ids"])}
        rows.append(every | {name: row[name] for name in _READ if name in row})
    return [_unpadded(row) for row in readable(model, rows)]


def _row(
    tokenizer: Any, index: int, item: Any, cut: dict[str, Any]
) -> Mapping[str, Any]:
    """Of a text, a chat, or a row."""
    if isinstance(item, str):
        return tokenizer(item, **cut)
    if isinstance(item, list | tuple) and any(isinstance(m, Mapping) for m in item):
        return {"input_ids": chat_tokens(tokenizer, item, f"input {index}")}
    if isinstance(item, Mapping) and "input_ids" in item:
        return item
    advice = 'Take the texts, as dataset["text"], or tokenize the rows.'
    if isinstance(item, Mapping) and "role" in item:
        advice = "It is a message: one chat too is a list in a list."
    raise LabError(
        f"input {index} is neither a text nor a row with input_ids.",
        f"It is {str(item)[:60]}.",
        advice,
    )


def _unpadded(row: dict[str, Any]) -> dict[str, Any]:
    end = int(np.flatnonzero(row["attention_mask"])[-1]) + 1
    return {name: list(values[:end]) for name, values in row.items()}


def padding(tokenizer: Any) -> int:
    """GPT-2 has no token for padding; masked as it is, any other will do."""
    padding, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    return int(end if padding is None else padding)


def padded(
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

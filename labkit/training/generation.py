"""Write texts with a model, many at a time."""

from collections.abc import Sequence
from typing import Any

import torch
from accelerate.utils import gather_object

from labkit.errors import LabError
from labkit.machine import Precision, native_precision
from labkit.machine.placement import autocast, fresh_accelerator

Input = str | dict[str, Any]


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

    In batches of like length, the longest first: what does not fit into memory shows
    at once, and there is little padding. A decoder's inputs are padded on the left, so
    that each text goes on right after its own last token; in float32 every text is the
    one that the model writes alone.

    The model is left in evaluation mode. Under `accelerate launch` the processes share
    the inputs, and each gets all the texts.

    Args:
        model: A transformers encoder–decoder, or a decoder: of that the texts are what
            it adds, without the input.
        inputs: Texts, which are tokenized whole, or rows with `input_ids`.
        precision: By default what the device computes natively.
        options: For `model.generate`, as `num_beams=4`. Without any the most likely
            token is taken at each step, whatever the model's own generation settings
            say of sampling and beams.

    Raises:
        LabError: if there are no inputs, or one is empty.
    """
    tokens = _tokens(tokenizer, inputs)
    accelerator = fresh_accelerator()
    model.to(accelerator.device).eval()
    precision = precision or native_precision(accelerator.device.type)[0]
    options = {
        "do_sample": False,
        "num_beams": 1,
        "max_new_tokens": max_new_tokens,
        "pad_token_id": _padding(tokenizer),
    } | options
    order = sorted(range(len(tokens)), key=lambda i: -len(tokens[i]))
    mine = order[accelerator.process_index :: accelerator.num_processes]
    found: list[tuple[int, str]] = []
    for start in range(0, len(mine), batch_size):
        share = mine[start : start + batch_size]
        batch = _padded(model, [tokens[i] for i in share], _padding(tokenizer))
        batch = {name: values.to(accelerator.device) for name, values in batch.items()}
        with torch.inference_mode(), autocast(accelerator.device, precision):
            written = model.generate(**batch, **options)
        if not model.config.is_encoder_decoder:
            written = written[:, batch["input_ids"].shape[1] :]
        texts = tokenizer.batch_decode(written, skip_special_tokens=True)
        found += zip(share, texts, strict=True)
    return [text for _, text in sorted(gather_object(found))]


def _tokens(tokenizer: Any, inputs: Sequence[Input]) -> list[list[int]]:
    if not len(inputs):
        raise LabError("there are no inputs.", "Look at the data set's length first.")
    tokens = [
        tokenizer(item)["input_ids"] if isinstance(item, str) else item["input_ids"]
        for item in inputs
    ]
    for number, ids in enumerate(tokens):
        if not len(ids):
            raise LabError(
                f"input {number} has no tokens.",
                "There is nothing to go on from.",
                "Leave it out, or begin it with a special token.",
            )
    return [list(ids) for ids in tokens]


def _padding(tokenizer: Any) -> int:
    """GPT-2 has no token for padding; masked as it is, any other will do."""
    padding, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    return int(end if padding is None else padding)


def _padded(
    model: Any, tokens: list[list[int]], padding: int
) -> dict[str, torch.Tensor]:
    """(batch, longest) each: right-padded for an encoder, left-padded for a decoder."""
    longest = max(map(len, tokens))
    ids = torch.full((len(tokens), longest), padding)
    mask = torch.zeros_like(ids)
    for row, own in enumerate(tokens):
        start = 0 if model.config.is_encoder_decoder else longest - len(own)
        place = slice(start, start + len(own))
        ids[row, place] = torch.tensor(own)
        mask[row, place] = 1
    return {"input_ids": ids, "attention_mask": mask}

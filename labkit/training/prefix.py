"""What all prompts begin with is read once, and its keys and values serve every batch.

Few-shot prompts differ only at their end. In a causal model a token's keys and values
depend on what stands before it, never on what follows.
"""

import inspect
from copy import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers.cache_utils import (
    DynamicCache,
    DynamicLayer,
    DynamicSlidingWindowLayer,
)

from labkit.training.rows import innermost

WORTHWHILE = 256  # tokens saved: an extra call of the model must pay


class SharedPrefix:
    """The tokens that all rows begin with, and their keys and values.

    A batch stays padded on the left, [padding][prefix][rest], and only its mask says
    that in the cache it is [prefix][padding][rest]: attention goes by mask and
    positions, not by places. Each row keeps a token of its own at least.

    Args:
        model: A decoder.
        rows: With `input_ids` and no masked token. None: nothing is shared.
    """

    def __init__(self, model: Any, rows: list[dict[str, Any]]) -> None:
        self._model = model
        self._cache: DynamicCache | None = None
        common = _common([row["input_ids"] for row in rows])
        pays = (len(rows) - 1) * len(common) >= WORTHWHILE
        self._ids = common if pays and _takes(model, "position_ids") else []

    def before(self, attention_mask: Tensor, beams: int = 1) -> dict[str, Any]:
        """`attention_mask`, and `past_key_values` where there is a prefix.

        Args:
            attention_mask: (batch, length), of rows that are padded on the left.
            beams: How many texts are written of each row.
        """
        if self._ids and self._cache is None:
            self._read(attention_mask.device)
        if self._cache is None:
            return {"attention_mask": attention_mask}
        # The padding moves to behind the prefix, for each row's last tokens are seen
        return {
            "attention_mask": attention_mask.roll(len(self._ids), dims=1),
            "past_key_values": repeated(self._cache, len(attention_mask) * beams),
        }

    def _read(self, device: torch.device) -> None:
        """Not where places count: in a sliding window, or in a recurrent state."""
        ids = torch.tensor([self._ids], device=device)
        cache = read(self._model, ids, torch.ones_like(ids)).past_key_values
        if is_ordinary(cache, ids.shape[1]) and not any(
            layer.is_sliding for layer in cache.layers
        ):
            self._cache = cache
        else:
            self._ids = []


def read(
    model: Any,
    input_ids: Tensor,
    attention_mask: Tensor,
    past_key_values: DynamicCache | None = None,
    last: int = 1,
) -> Any:
    """What the model says of the `last` tokens, and the keys and values of all.

    Args:
        input_ids: (batch, length), or more: what is in the cache is left away.
        attention_mask: (batch, cached + length).
    """
    cached = past_key_values.get_seq_length() if past_key_values is not None else 0
    new = attention_mask.shape[1] - cached
    positions = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)[:, -new:]
    optional = {"position_ids": positions, "logits_to_keep": last}
    return model(
        input_ids=input_ids[:, -new:],
        attention_mask=attention_mask,
        past_key_values=past_key_values,
        use_cache=True,
        return_dict=True,
        **{name: value for name, value in optional.items() if _takes(model, name)},
    )


def is_ordinary(cache: Any, length: int) -> bool:
    """Whether it holds the keys and values of `length` tokens a row, and no more."""
    kinds = (DynamicLayer, DynamicSlidingWindowLayer)
    return type(cache) is DynamicCache and all(
        type(layer) in kinds and layer.get_seq_length() == length
        for layer in cast("list[Any]", cache.layers)
    )


def repeated(cache: DynamicCache, times: int) -> DynamicCache:
    """Each of its rows `times` times; the cache itself stays as it is.

    Of one row nothing is copied before more is added to it.
    """
    again = copy(cache)
    again.layers = [copy(layer) for layer in cache.layers]
    for layer in cast("list[Any]", again.layers):
        layer.keys = _repeated(layer.keys, times)
        layer.values = _repeated(layer.values, times)
    return again


def _repeated(states: Any, times: int) -> Tensor:
    if len(states) == 1:
        return states.expand(times, -1, -1, -1)
    return states.repeat_interleave(times, dim=0) if times > 1 else states


def _takes(model: nn.Module, name: str) -> bool:
    return name in inspect.signature(innermost(model).forward).parameters


def _common(rows: list[list[int]]) -> list[int]:
    """The longest beginning of all, less than the shortest."""
    first, last = min(rows), max(rows)  # in the order of their tokens
    length = min(map(len, rows)) - 1
    for place, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            length = min(length, place)
            break
    return first[:length]

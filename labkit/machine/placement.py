"""Where a batch is computed and how precisely: for training and for generating."""

from collections.abc import Mapping
from typing import get_args

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor

from labkit.errors import LabError
from labkit.machine.runtime import Precision, native_precision


def fresh_accelerator() -> Accelerator:
    """Only for placement, processes and checkpoints: `autocast` sets the precision.

    The state is shared by all of accelerate's users in a process: a `Trainer` before
    us may have left its own precision there.
    """
    AcceleratorState._reset_state()
    return Accelerator(mixed_precision="no")


def precision_on(device: torch.device, asked: Precision | None) -> Precision:
    """The precision asked for, or the device's own.

    Raises:
        LabError: if it is neither fp32 nor bf16.
    """
    if asked is None:
        return native_precision(device.type)[0]
    if asked not in get_args(Precision):
        raise LabError(
            f"precision is {asked!r}.",
            f"There are {' and '.join(get_args(Precision))}; in fp16 a T5 overflows.",
            "Leave it out to take what the device computes natively.",
        )
    return asked


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Matrix products in `precision`; the weights stay float32."""
    return torch.autocast(
        device.type, dtype=torch.bfloat16, enabled=precision == "bf16"
    )


def on_device(
    device: torch.device, batch: Mapping[str, Tensor | None]
) -> dict[str, Tensor]:
    """The tensors of a batch, moved; a copy to a GPU does not wait for its work."""
    pinned = device.type == "cuda"
    return {
        name: (value.pin_memory() if pinned else value).to(device, non_blocking=True)
        for name, value in batch.items()
        if value is not None
    }

"""How much GPU memory a training step takes, told before it is taken.

One step is gone through with tensors that have a shape and no data (torch's
`FakeTensorMode`), on any machine and in seconds, while every storage that comes and
goes is counted. Nothing of it is an estimate by hand: what a layer keeps for its
backward pass is what its own code keeps.

Three things are done as a GPU does them and a CPU does not: dropout keeps a mask of
bytes, attention is one kernel that never holds the whole matrix of weights, and
autocast casts by CUDA's rules.

Counted in neither: the CUDA context, which no allocator of torch's knows, and
cuBLAS's workspace, tens of MB at most.
"""

import copy
import math
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F  # noqa: N812  # as everyone calls it
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from labkit.machine.runtime import Precision

BLOCK = 512  # bytes: what CUDA's caching allocator rounds up to
ADAMW_STATES = 2  # the running means of the gradient and of its square


@dataclass(frozen=True)
class Memory:
    """Bytes at the moment of a training step at which most are in use.

    Attributes:
        weights: Parameters and buffers.
        gradients: Those that exist at that moment. Where the activations weigh most,
            it comes at the end of the forward pass, before there are any.
        optimizer: AdamW's two running means.
        activations: All the rest: what is kept for the backward pass, weights cast to
            bfloat16, passing results, and the batch itself.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def peak(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.activations

    def __str__(self) -> str:
        parts = {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimizer": self.optimizer,
            "activations": self.activations,
        }
        said = ", ".join(f"{name} {size / 2**20:,.0f}" for name, size in parts.items())
        return f"{self.peak / 2**20:,.0f} MiB at most: {said}"


def predict(
    architecture: Callable[[Any], nn.Module],
    config: Any,
    batch: Mapping[str, Tensor],
    *,
    precision: Precision = "bf16",
    attention: str = "sdpa",
) -> Memory:
    """The peak of a step of `fit`, or of any loop with AdamW and float32 weights.

    Args:
        architecture: A transformers model class, as `BertForSequenceClassification`.
        config: Its configuration. No weights are needed, nor made.
        batch: As `collate` gives it; only the shapes count.
        precision: "bf16" is CUDA's autocast to bfloat16.
        attention: "sdpa" or "eager", as in `from_pretrained(attn_implementation=…)`.
    """
    with FakeTensorMode():
        model: Any = architecture(copy.deepcopy(config))
        model.set_attn_implementation(attention)
        model.train()
        inputs = {k: torch.empty(v.shape, dtype=v.dtype) for k, v in batch.items()}
        return measure_step(model, inputs, as_on_a_gpu(precision))


def measure_step(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    conditions: AbstractContextManager[Any] | None = None,
) -> Memory:
    """Go through a forward and a backward pass, with real or with fake tensors.

    Args:
        conditions: What holds in both passes: a model with activation checkpointing
            computes its layers a second time in the backward pass.
    """
    meter = _Meter()
    for tensor in (*model.parameters(), *model.buffers()):
        meter.note(tensor)
    weights = meter.live
    for tensor in inputs.values():
        meter.note(tensor)
    trained = [p for p in model.parameters() if p.requires_grad]
    hooks = [p.register_post_accumulate_grad_hook(meter.note_gradient) for p in trained]
    with meter, conditions or nullcontext():
        loss = model(**inputs).loss
        meter.backward = True
        loss.backward()
    for hook in hooks:
        hook.remove()
    return Memory(
        weights=weights,
        gradients=meter.gradients_at_peak,
        optimizer=ADAMW_STATES * sum(map(_bytes, trained)) + BLOCK * len(trained),
        activations=meter.peak - weights - meter.gradients_at_peak,
    )


def as_on_a_gpu(precision: Precision) -> TorchFunctionMode:
    """What CUDA does in other ways than the CPU, done here by CUDA's ways."""
    return _AsOnGPU(precision == "bf16")


def _bytes(tensor: Tensor) -> int:
    return BLOCK * math.ceil(tensor.untyped_storage().nbytes() / BLOCK)


class _Meter(TorchDispatchMode):
    """Adds up the storages that operations make, from their making to their end.

    Attributes:
        live, peak: Bytes now, and the most that there were.
        gradients, gradients_at_peak: Of these, gradients of parameters.
        backward: Whether the forward pass is over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = self.gradients = self.gradients_at_peak = 0
        self.backward = False
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, Tensor):
                self.note(value)
        # Gradients that meet are added in place, unless the first is a view; but while
        # a mode such as this one looks on they never are: that moment is no peak.
        add = self.backward and func is torch.ops.aten.add.Tensor
        if self.live > self.peak and not (add and args[0]._base is None):
            self.peak, self.gradients_at_peak = self.live, self.gradients
        return made

    def note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        size = _bytes(tensor)
        self._known.add(key)
        weakref.finalize(storage, self._end, key, size)
        self.live += size

    def note_gradient(self, parameter: Tensor) -> None:
        assert parameter.grad is not None
        self.gradients += _bytes(parameter.grad)

    def _end(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


# What CUDA's autocast computes in bfloat16 and in float32, as far as transformers do.
IN_BFLOAT16 = {
    F.linear,
    torch.matmul,
    Tensor.matmul,
    Tensor.__matmul__,
    torch.bmm,
    torch.addmm,
    torch.baddbmm,
}
IN_FLOAT32 = {
    F.softmax,
    torch.softmax,
    Tensor.softmax,
    F.log_softmax,
    torch.log_softmax,
    F.layer_norm,
    F.cross_entropy,
    Tensor.pow,
    Tensor.__pow__,
    torch.pow,
    torch.rsqrt,
    Tensor.rsqrt,
    torch.sum,
    Tensor.sum,
    torch.exp,
    Tensor.exp,
    torch.log,
    Tensor.log,
}


class _AsOnGPU(TorchFunctionMode):
    def __init__(self, autocast: bool) -> None:
        super().__init__()
        self.autocast = autocast
        self._cast: dict[Tensor, Tensor] = {}  # weights are cast once in a pass

    def __exit__(self, *exception: Any) -> None:
        self._cast.clear()
        super().__exit__(*exception)

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.backward:
            return self._backward(*args)
        if func is F.dropout:
            return _dropout(*args, **kwargs)
        attention = func is F.scaled_dot_product_attention
        if self.autocast and (func in IN_BFLOAT16 or attention):
            args, kwargs = tree_map_only(Tensor, self._to_bfloat16, (args, kwargs))
        elif self.autocast and func in IN_FLOAT32:
            args, kwargs = tree_map_only(Tensor, _to_float32, (args, kwargs))
        return (_attention if attention else func)(*args, **kwargs)

    def _backward(self, loss: Tensor) -> None:
        """The backward pass, in which a checkpointed layer is computed once more.

        Torch switches a mode off while it handles a call, and `loss.backward()` is one.
        """
        self._cast.clear()  # autocast ends with the forward pass
        with self:
            torch.autograd.Variable._execution_engine.run_backward(
                (loss,), (torch.ones_like(loss),), False, False, (), True, True
            )

    def _to_bfloat16(self, tensor: Tensor) -> Tensor:
        if tensor.dtype != torch.float32:
            return tensor
        if not isinstance(tensor, nn.Parameter):
            return tensor.to(torch.bfloat16)
        if torch._C._current_graph_task_id() != -1:  # a layer's second time has an
            return tensor.to(torch.bfloat16)  # autocast of its own, which ends with it
        if tensor not in self._cast:
            self._cast[tensor] = tensor.to(torch.bfloat16)
        return self._cast[tensor]


def _to_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def _dropout(
    values: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    if not training or p == 0:
        return values
    return torch.native_dropout(values, p, True)[0]


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The memory-efficient kernel (Rabe and Staats, 2021), CUDA's where a mask is.

    The mask becomes numbers to add, in rows of a multiple of 16, and is kept.
    """
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            forbidden = torch.full((), -math.inf, dtype=query.dtype)
            attn_mask = torch.where(attn_mask, torch.zeros_like(forbidden), forbidden)
        length = attn_mask.size(-1)
        if length % 16:
            attn_mask = F.pad(attn_mask, (0, 16 - length % 16))[..., :length]
        attn_mask = attn_mask.expand(*query.shape[:3], key.size(2))
    kernel = torch.ops.aten._scaled_dot_product_efficient_attention
    return kernel(
        query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale
    )[0]

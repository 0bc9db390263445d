"""Calls across the wall: plain data in JSON and raw numbers, never pickle.

Both sides use this file, the worker without the rest of the kit. A `Peer` is one end.
It asks the other end to call what that end holds, and is asked in turn: so a function
or a model that the judge passes to an answer runs in the judge, and gradients flow
through a call as if there were no wall. A message is a frame: the lengths of its two
parts, a tree in JSON, and the bytes of the tree's tensors, one after the other. Whoever
reads caps the lengths before it reads, and takes nothing on trust.
"""

import io
import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

MAX_TREE = 1 << 20  # bytes
MAX_TENSORS = 1 << 22
MAX_DEPTH = 20
MAX_KEYS = 4096  # of a set or a dict: hostile keys all have one hash
HEADER = struct.Struct(">II")
DTYPES = (
    torch.bool,
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.uint16, torch.uint32, torch.uint64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
)
CONTAINERS: Mapping[str, type] = {"tuple": tuple, "set": set, "dict": dict}
SIZES: Mapping[type[nn.Module], tuple[str, ...]] = {  # what makes one of that kind
    **{nn.Module: (), nn.ModuleList: (), nn.Sequential: ()},
    nn.Linear: ("in_features", "out_features"),
    nn.Embedding: ("num_embeddings", "embedding_dim"),
}
MODULES = {kind.__name__: kind for kind in SIZES}  # sent; others are called
FOREIGN = {"foreign": 0}


class MalformedError(Exception):
    """What came is too large, too deep, or not of this format."""


class TooLargeError(Exception):
    """A value is larger than the other side would read."""


class RaisedError(Exception):
    """What was called at the other end raised an exception."""


class RaisedValueError(RaisedError, ValueError):
    """It raised a `ValueError`: the one that a statement may ask for."""


ERRORS: Mapping[str, type[Exception]] = {
    "raised": RaisedError,
    "value": RaisedValueError,
    "large": TooLargeError,
}


class Foreign:
    """Stands for a value that is not plain data."""


class Remote:
    """Something that the other end holds: call it, or look at its attributes."""

    def __init__(self, peer: "Peer", number: int) -> None:
        self._peer, self._number = peer, number

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._peer.call(self._number, arguments, options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._peer.ask({"look": [self._number, name]})
        if isinstance(found, Remote):  # a method stays what it is
            vars(self)[name] = found
        return found


class RemoteModule(nn.Module):
    """A model whose forward pass runs at the other end."""

    def __init__(self, remote: Remote) -> None:
        super().__init__()
        self._remote = remote

    def forward(self, *arguments: Any, **options: Any) -> Any:
        return self._remote(*arguments, **options)


class Peer:
    """One end of the wire.

    Args:
        read: From a number of bytes to exactly so many.
        write: Sends bytes.
    """

    caught: type[BaseException] = Exception  # by the end where it was raised

    def __init__(
        self, read: Callable[[int], bytes], write: Callable[[bytes], None]
    ) -> None:
        self._read, self._write = read, write
        self.held: list[Any] = []  # what the other end may call
        self._results: list[tuple[torch.Tensor, list[torch.Tensor]]] = []

    def call(self, number: int, arguments: Any, options: Any) -> Any:
        """Call what the other end holds; what it changed in place is changed here."""
        given = [list(arguments), options]
        value, after = self.ask({"call": [number, *given]}, [*_learning(given)])
        restore(given, after)
        return value

    def ask(self, request: Any, learning: Any = ()) -> Any:
        """Send a request, serve what the other end asks meanwhile; the reply's value.

        Raises:
            RaisedError: the other end could not do it.
            MalformedError: what comes back is not a message.
        """
        self._send(request)
        while True:
            message = self.receive(learning)
            match message:
                case {"value": value}:
                    return value
                case {"error": str(kind)} if kind in ERRORS:
                    raise ERRORS[kind]
                case dict():
                    self.serve(message)
                case _:
                    raise MalformedError("not a message")

    def serve(self, request: dict[str, Any]) -> None:
        """Do what the other end asks, and reply."""
        try:
            reply = {"value": self.answer(request)}
        except MalformedError:
            raise
        except self.caught as error:
            reply = {"error": _kind(error)}
        try:
            self._send(reply)
        except (TooLargeError, RecursionError):
            self._send({"error": "large"})

    def answer(self, request: dict[str, Any]) -> Any:
        """What a request gives: a call's value, or the gradients of its arguments."""
        match request:
            case {"call": [int(number), list(arguments), dict(options)]}:
                given = [arguments, options]
                leaves = [*_learning(given)]
                return _Result(self.held[number](*arguments, **options), given, leaves)
            case {"back": [int(number), torch.Tensor() as gradient]}:
                result, leaves = self._results[number]
                torch.autograd.backward(result, gradient, retain_graph=True)
                found = [leaf.grad for leaf in leaves]
                for leaf in leaves:
                    leaf.grad = None
                return found
        raise MalformedError("not a request")

    def _send(self, message: Any) -> None:
        numbers: list[bytes] = []
        tree = json.dumps(self._encode(message, numbers, 0)).encode()
        blob = b"".join(numbers)
        if len(tree) > MAX_TREE or len(blob) > MAX_TENSORS:
            raise TooLargeError
        self._write(HEADER.pack(len(tree), len(blob)) + tree + blob)

    def receive(self, learning: Any = ()) -> Any:
        """The next message: a request, or a reply in whose value `learning` learns."""
        tree_size, blob_size = HEADER.unpack(self._read(HEADER.size))
        if tree_size > MAX_TREE or blob_size > MAX_TENSORS:
            raise MalformedError("too large")
        tree, blob = self._read(tree_size), self._read(blob_size)
        try:
            return self._decode(json.loads(tree), io.BytesIO(blob), learning, 0)
        except Exception as error:  # whatever a parser says of hostile bytes
            raise MalformedError(type(error).__name__) from None

    def _encode(
        self, value: Any, numbers: list[bytes], depth: int, leaves: Any = None
    ) -> Any:
        """A tree for JSON; `leaves` is given where a call's result is encoded."""

        def inner(part: Any) -> Any:
            return self._encode(part, numbers, depth + 1, leaves)

        if depth > MAX_DEPTH:
            return FOREIGN
        if isinstance(value, np.ndarray | np.generic):
            return _encode_array(value, numbers)
        if value is None or isinstance(value, bool | str | float):
            return value
        if isinstance(value, int):
            return int(value) if abs(value) < 1 << 63 else FOREIGN
        if isinstance(value, list):
            return [inner(item) for item in value]
        if isinstance(value, tuple):
            return {"tuple": [inner(item) for item in value]}
        if isinstance(value, set | frozenset):
            return {"set": [inner(item) for item in value]}
        if isinstance(value, dict):
            return {"dict": [[inner(part) for part in pair] for pair in value.items()]}
        if isinstance(value, torch.Tensor):
            return self._encode_tensor(value, numbers, leaves)
        if isinstance(value, _Result):
            given = self._encode(value.value, numbers, depth + 1, value.leaves)
            return [given, self._encode(value.after, numbers, depth + 1)]
        if isinstance(value, Remote):
            return {"yours": value._number}
        if type(value) in SIZES:
            return _encode_module(value, inner)
        return self.export(value)

    def export(self, value: Any) -> dict[str, int]:
        """What stands for something that the other end may call, not read."""
        self.held.append(value)
        kind = "model" if isinstance(value, nn.Module) else "mine"
        return {kind: len(self.held) - 1}

    def _encode_tensor(
        self, value: torch.Tensor, numbers: list[bytes], leaves: Any
    ) -> Any:
        if (form := _written(value, numbers)) is None:
            return FOREIGN
        if not value.requires_grad:
            return {"tensor": [*form, None]}
        if leaves is None:
            return {"tensor": [*form, "learns"]}
        self._results.append((value, leaves))
        return {"tensor": [*form, len(self._results) - 1]}

    def _decode(self, tree: Any, numbers: io.BytesIO, learning: Any, depth: int) -> Any:
        def inner(part: Any) -> Any:
            return self._decode(part, numbers, learning, depth + 1)

        if depth > 2 * MAX_DEPTH:
            raise MalformedError("too deep")
        if isinstance(tree, list):
            return [inner(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        [(kind, content)] = tree.items()
        if kind == "foreign":
            return Foreign()
        if kind == "tensor":
            dtype, shape, role = content
            return self._decode_tensor(_read(dtype, shape, numbers), role, learning)
        if kind == "array":  # a scalar where it has no dimensions
            dtype, shape = content
            return _read(dtype, shape, numbers).numpy()[()]
        if kind == "yours":
            return self.held[content]
        if kind == "mine":
            return Remote(self, int(content))
        if kind == "model":
            return RemoteModule(Remote(self, int(content)))
        if kind == "module":
            name, shape, parameters, parts = content
            return _module(name, shape, inner(parameters), inner(parts))
        if kind != "tuple" and len(content) > MAX_KEYS:
            raise MalformedError("too large")
        return CONTAINERS[kind](inner(item) for item in content)

    def _decode_tensor(self, tensor: torch.Tensor, role: Any, learning: Any) -> Any:
        if role == "learns":
            return tensor.requires_grad_()
        if role is None:
            return tensor
        anchor = torch.zeros((), requires_grad=True)
        return _Across.apply(anchor, self, int(role), [tensor], *learning)


class _Result:
    """What a call gave: its value, its arguments as they are now, those that learn."""

    def __init__(self, value: Any, after: Any, leaves: list[torch.Tensor]) -> None:
        self.value, self.after, self.leaves = value, after, leaves


class _Across(torch.autograd.Function):
    """A tensor that was computed at the other end, which is asked for gradients."""

    @staticmethod
    def forward(
        ctx: Any, anchor: Any, peer: Peer, number: int, boxed: Any, *_: Any
    ) -> Any:
        ctx.peer, ctx.number = peer, number
        return boxed[0]

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        found = ctx.peer.ask({"back": [ctx.number, gradient]})
        return None, None, None, None, *found


def restore(mine: Any, theirs: Any) -> None:
    """Make arguments what they became at the other end, in place."""
    if isinstance(mine, torch.Tensor) and isinstance(theirs, torch.Tensor):
        theirs = theirs.detach().to(mine.dtype)
        if mine.shape != theirs.shape:
            mine.data = theirs
        elif not torch.equal(mine, theirs):  # NaN is not: then it is copied in vain
            mine.data.copy_(theirs)
    elif isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
        if mine.shape == theirs.shape and mine.flags.writeable:
            mine[...] = theirs
    elif type(mine) in SIZES and isinstance(theirs, nn.Module):
        learnt = dict(theirs.named_parameters())
        for name, parameter in mine.named_parameters():
            other = learnt.get(name, torch.empty(0))
            if other.shape == parameter.shape:
                parameter.data, parameter.grad = other.detach(), other.grad
                parameter.requires_grad_(other.requires_grad)
    elif isinstance(mine, list | tuple) and isinstance(theirs, list | tuple):
        pairs = [*zip(mine, theirs, strict=False)]
        for one, other in pairs:
            restore(one, other)
        if isinstance(mine, list):
            kept = [one if _has_parts(one) else other for one, other in pairs]
            mine[:] = [*kept, *theirs[len(kept) :]]
    elif isinstance(mine, dict) and isinstance(theirs, dict):
        for key in [*mine]:
            if key not in theirs:
                del mine[key]
        for key, other in theirs.items():
            if key in mine and _has_parts(mine[key]):
                restore(mine[key], other)
            else:
                mine[key] = other


def _has_parts(value: Any) -> bool:
    """Whether it is changed in place, and not replaced."""
    return value is not None and not isinstance(value, bool | int | float | str)


def _learning(value: Any) -> Any:
    """The tensors among arguments through which gradients flow."""
    if isinstance(value, torch.Tensor) and value.requires_grad:
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _learning(item)
    elif isinstance(value, dict):
        yield from _learning([*value.values()])


def _kind(error: BaseException) -> str:
    if isinstance(error, TooLargeError | MemoryError):
        return "large"
    return "value" if isinstance(error, ValueError) else "raised"


def _encode_array(value: Any, numbers: list[bytes]) -> Any:
    try:
        form = _written(torch.from_numpy(np.asarray(value).copy()), numbers)
    except TypeError:  # of strings or objects
        form = None
    return FOREIGN if form is None else {"array": form}


def _written(value: torch.Tensor, numbers: list[bytes]) -> list[Any] | None:
    """Write a tensor's numbers down; its type and shape, or None if it is not plain."""
    if value.layout != torch.strided or value.dtype not in DTYPES or value.is_meta:
        return None
    if value.numel() * value.element_size() > MAX_TENSORS // 2:
        raise TooLargeError
    if value.numel():
        plain = value.detach().cpu().contiguous().reshape(-1)
        numbers.append(plain.view(torch.uint8).numpy().tobytes())
    return [DTYPES.index(value.dtype), list(value.shape)]


def _read(dtype: int, shape: list[int], numbers: io.BytesIO) -> torch.Tensor:
    """The next tensor, of a memory of its own."""
    kind = DTYPES[dtype]
    if not all(type(size) is int and 0 <= size <= MAX_TENSORS for size in shape):
        raise MalformedError("no shape")
    wanted = math.prod(shape) * kind.itemsize
    content = numbers.read(wanted)
    if len(content) != wanted:
        raise MalformedError("too few numbers")
    if not content:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(bytearray(content), dtype=kind).reshape(shape)


def _encode_module(module: nn.Module, inner: Callable[[Any], Any]) -> Any:
    kind = type(module)
    parameters = {
        name: [p.detach(), p.requires_grad, p.grad]
        for name, p in module.named_parameters(recurse=False)
    }
    parts = dict(module.named_children())
    sizes = [getattr(module, name) for name in SIZES[kind]]
    return {"module": [kind.__name__, sizes, inner(parameters), inner(parts)]}


def _module(kind: str, shape: list[int], parameters: Any, parts: Any) -> nn.Module:
    made = MODULES[kind](*map(int, shape))
    for name, part in parts.items():
        made.add_module(name, part)
    for name, (values, learns, gradient) in parameters.items():
        parameter = nn.Parameter(values, requires_grad=bool(learns))
        parameter.grad = gradient
        made.register_parameter(name, parameter)
    return made

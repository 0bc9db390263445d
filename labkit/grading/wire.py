"""Plain data across the wall: JSON and safetensors, never pickle.

Both sides use this file, the worker without the rest of the kit. A message is a frame:
the lengths of its two parts, a tree in JSON, and the tree's tensors as safetensors.
Whoever reads caps the lengths before it reads, and takes nothing on trust.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

MAX_TREE = 1 << 20  # bytes
MAX_TENSORS = 1 << 25
MAX_DEPTH = 16
MAX_KEYS = 4096  # of a set or a dict: hostile keys all have one hash
TOO_LARGE = "too large"
HEADER = struct.Struct(">II")
DTYPES = (
    torch.bool,
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
)


class MalformedError(Exception):
    """What came is too large, too deep, or not of this format."""


class Foreign:
    """Stands for a value that is not plain data."""


def pack(message: Any) -> bytes:
    """A frame of plain data; what is not plain becomes a `Foreign`.

    Raises:
        MalformedError: it is larger than the other side would read.
    """
    tensors: dict[str, torch.Tensor] = {}
    tree = json.dumps(_encode(message, tensors, 0)).encode()
    blob = save(tensors) if tensors else b""
    if len(tree) > MAX_TREE or len(blob) > MAX_TENSORS:
        raise MalformedError(TOO_LARGE)
    return HEADER.pack(len(tree), len(blob)) + tree + blob


def unpack(read: Callable[[int], bytes]) -> Any:
    """The message of the next frame.

    Args:
        read: From a number of bytes to exactly so many.

    Raises:
        MalformedError: it is not such a frame.
    """
    tree_size, blob_size = HEADER.unpack(read(HEADER.size))
    if tree_size > MAX_TREE or blob_size > MAX_TENSORS:
        raise MalformedError(TOO_LARGE)
    tree, blob = read(tree_size), read(blob_size)
    try:
        tensors = load(blob) if blob else {}
        return _decode(json.loads(tree), tensors, 0)
    except MalformedError:
        raise
    except Exception as error:  # whatever a parser says of hostile bytes
        raise MalformedError(type(error).__name__) from None


def _encode(value: Any, tensors: dict[str, torch.Tensor], depth: int) -> Any:
    kind = type(value)
    if depth > MAX_DEPTH:
        return {"foreign": None}
    if value is None or kind in (bool, float, str):
        return value
    if kind is int:
        return value if abs(value) < 1 << 63 else {"foreign": None}
    if kind is list:
        return [_encode(item, tensors, depth + 1) for item in value]
    if kind in (tuple, set, frozenset):
        name = "tuple" if kind is tuple else "set"
        return {name: [_encode(item, tensors, depth + 1) for item in value]}
    if kind is dict:
        pairs = [
            [_encode(part, tensors, depth + 1) for part in pair]
            for pair in value.items()
        ]
        return {"dict": pairs}
    if kind in (torch.Tensor, torch.nn.Parameter):
        return _encode_tensor(value.detach(), "tensor", tensors)
    if kind is np.ndarray or isinstance(value, np.generic):
        try:
            array = torch.from_numpy(np.asarray(value).copy())
        except TypeError:  # of strings or objects
            return {"foreign": None}
        return _encode_tensor(array, "array", tensors)
    return {"foreign": None}


def _encode_tensor(value: torch.Tensor, kind: str, tensors: dict[str, Any]) -> Any:
    plain = value.layout == torch.strided and value.dtype in DTYPES
    if (
        not plain
        or value.is_meta
        or value.numel() * value.element_size() > MAX_TENSORS // 2
    ):
        return {"foreign": None}
    name = str(len(tensors))
    tensors[name] = value.cpu().contiguous().clone()
    return {kind: name}


def _decode(tree: Any, tensors: dict[str, torch.Tensor], depth: int) -> Any:
    if depth > 2 * MAX_DEPTH:
        raise MalformedError("too deep")
    if isinstance(tree, list):
        return [_decode(item, tensors, depth + 1) for item in tree]
    if not isinstance(tree, dict):
        return tree
    [(kind, content)] = tree.items()
    if kind == "foreign":
        return Foreign()
    if kind in ("tensor", "array"):
        tensor = tensors[content]
        if tensor.dtype not in DTYPES:
            raise MalformedError("a dtype of no use")
        return tensor if kind == "tensor" else tensor.numpy()
    if kind != "tuple" and len(content) > MAX_KEYS:
        raise MalformedError(TOO_LARGE)
    items = [_decode(item, tensors, depth + 1) for item in content]
    return {"tuple": tuple, "set": set, "dict": dict}[kind](items)

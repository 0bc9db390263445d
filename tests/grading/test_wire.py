"""Plain data comes through the wall unchanged; anything else is refused, not obeyed."""

import contextlib
import io
import pickle
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labkit.compare import difference
from labkit.grading.wire import (
    HEADER,
    MAX_TENSORS,
    MAX_TREE,
    Foreign,
    MalformedError,
    pack,
    unpack,
)

keys = st.text() | st.integers(-(2**62), 2**62)
scalars = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1)
leaves = scalars | st.floats() | st.text(st.characters(codec="utf-8"))
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


def through(value):
    return unpack(io.BytesIO(pack(value)).read)


@given(values)
def test_plain_data_comes_through_with_its_types(value):
    assert repr(through(value)) == repr(value)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_a_tensor_comes_through_bit_for_bit(dtype, shape):
    tensor = (torch.rand(shape) * 9).to(dtype)
    got = through({"a": [tensor, tensor.mT if tensor.ndim > 1 else tensor]})["a"]
    assert got[0].dtype == dtype
    assert torch.equal(got[0], tensor)
    assert got[1].shape == (tensor.mT.shape if tensor.ndim > 1 else tensor.shape)


def test_arrays_scalars_sets_and_parameters_come_through():
    value = [np.arange(6).reshape(2, 3), np.float32(1.5), {1, 2}, frozenset("a")]
    array, scalar, two, one = through(value)
    assert isinstance(array, np.ndarray)
    assert difference(array, value[0]) is None
    assert (float(scalar), two, one) == (1.5, {1, 2}, {"a"})
    assert torch.equal(through(torch.nn.Parameter(torch.ones(2))), torch.ones(2))


class Equal(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Equal("x"),
        2**63,
        1j,
        b"bytes",
        torch.ones(2).to_sparse(),
        torch.ones(2, device="meta"),
        torch.ones(1).expand(10**9, 10**6),
        torch.ones(2, dtype=torch.complex64),
        np.array(["a"]),
        np.array([object()]),
    ],
)
def test_what_is_not_plain_is_a_foreigner(value):
    assert isinstance(through(value), Foreign)
    assert difference(through(value), "x") is not None


def test_what_is_too_deep_or_too_large_is_not_sent():
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    assert "Foreign" in repr(through(deep))
    with pytest.raises(MalformedError):
        pack("x" * MAX_TREE)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused(tree, blob):
    frame = HEADER.pack(len(tree), len(blob)) + tree + blob
    with contextlib.suppress(MalformedError):
        unpack(io.BytesIO(frame).read)


@pytest.mark.parametrize(
    ("tree", "blob"),
    [
        (b"[" * 100_000, b""),
        (b'{"dict": [[[1], 2]]}', b""),
        (b'{"tensor": "0"}', b""),
        (b'{"tensor": "0"}', struct.pack("<Q", 1 << 62) + b"{}"),
        (b'{"reference": []}', b""),
        (b'{"tuple": 1}', b""),
        (b"9" * 10_000, b""),
        (b'{"set": [%s]}' % b",".join([b"1"] * 5000), b""),
        (pickle.dumps(print), b""),
    ],
)
def test_a_hostile_frame_is_refused(tree, blob):
    frame = HEADER.pack(len(tree), len(blob)) + tree + blob
    with pytest.raises(MalformedError):
        unpack(io.BytesIO(frame).read)


@pytest.mark.parametrize("sizes", [(MAX_TREE + 1, 0), (2, MAX_TENSORS + 1)])
def test_what_says_it_is_too_large_is_not_read(sizes):
    source = io.BytesIO(HEADER.pack(*sizes) + bytes(10))
    with pytest.raises(MalformedError):
        unpack(source.read)
    assert source.tell() == HEADER.size

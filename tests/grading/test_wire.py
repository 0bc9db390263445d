"""Plain data comes through the wall unchanged; anything else is refused, not obeyed."""

import contextlib
import copy
import io
import pickle
import socket
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from labkit.exercises import difference
from labkit.grading.wire import (
    HEADER,
    MAX_TENSORS,
    MAX_TREE,
    Foreign,
    MalformedError,
    Peer,
    RaisedError,
    Remote,
    TooLargeError,
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


def sent(value) -> bytes:
    frames: list[bytes] = []
    Peer(bytes, frames.append)._send(value)
    return frames[0]


def received(frame: bytes):
    return Peer(io.BytesIO(frame).read, print).receive()


def through(value):
    return received(sent(value))


class Open(Peer):
    """As a worker's end, it lets the other look at what it holds."""

    def answer(self, request):
        if "look" in request:
            number, name = request["look"]
            return getattr(self.held[number], name)
        return super().answer(request)


@pytest.fixture
def ends():
    """Both ends of a wire; the other one serves, in a thread of its own."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as one, theirs.makefile("rb") as two:
        other = Open(two.read, theirs.sendall)

        def serve() -> None:
            with contextlib.suppress(Exception):
                while True:
                    other.serve(other.receive())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Peer(one.read, ours.sendall), other
        ours.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def remote(ends):
    """From a function to its stand-in at our end."""
    here, there = ends

    def pass_over(function) -> Remote:
        [(_, number)] = there.export(function).items()
        return Remote(here, number)

    return pass_over


@given(values)
def test_plain_data_comes_through_with_its_types(value):
    assert repr(through(value)) == repr(value)


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.int64, torch.uint16, torch.bfloat16]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_a_tensor_comes_through_bit_for_bit(dtype, shape):
    tensor = (torch.rand(shape) * 9).to(dtype)
    got = through({"a": [tensor, tensor.mT if tensor.ndim > 1 else tensor]})["a"]
    assert got[0].dtype == dtype
    assert torch.equal(got[0], tensor)
    assert got[1].shape == (tensor.mT.shape if tensor.ndim > 1 else tensor.shape)


def test_arrays_scalars_sets_and_parameters_come_through():
    value = [np.arange(6).reshape(2, 3), np.float32(1.5), {1, 2}, frozenset("a")]
    array, scalar, two, one, empty = through([*value, np.arange(9)[9:]])
    assert (empty.shape, empty.dtype) == ((0,), np.int64)
    assert isinstance(array, np.ndarray)
    assert difference(array, value[0]) is None
    assert (float(scalar), two, one) == (1.5, {1, 2}, {"a"})
    assert torch.equal(through(torch.nn.Parameter(torch.ones(2))), torch.ones(2))


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        torch.ones(2).to_sparse(),
        torch.ones(2, device="meta"),
        torch.ones(2, dtype=torch.complex64),
        np.array(["a"]),
        np.array([object()]),
    ],
)
def test_what_is_not_plain_is_a_foreigner(value):
    assert isinstance(through(value), Foreign)
    assert difference(through(value), "x") is not None


@pytest.mark.parametrize("value", [object(), 1j, b"bytes", print])
def test_what_is_no_data_can_be_called_and_not_read(value):
    assert isinstance(through(value), Remote)
    assert difference(through(value), "x") is not None


def test_what_is_too_deep_or_too_large_is_not_sent():
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    assert "Foreign" in repr(through(deep))
    for large in ("x" * MAX_TREE, torch.ones(1).expand(10**9, 10**6)):
        with pytest.raises(TooLargeError):
            sent(large)


class TestCalls:
    def test_give_what_the_function_gives(self, remote):
        add = remote(lambda x, *, y=1: {"sum": [x + y, None]})
        assert add(2) == {"sum": [3, None]}
        assert torch.equal(add(torch.ones(2), y=2)["sum"][0], torch.full((2,), 3.0))

    def test_change_what_they_are_given(self, remote):
        def change(tensor, array, items, table, model):
            tensor.add_(1), array.sort(), items.append(4), items[0].zero_()
            table["b"] = table.pop("a")
            model[0].weight.requires_grad_(False)
            model[0].bias.grad = torch.ones(3)

        given = torch.zeros(2), np.array([2, 1]), [torch.ones(1), 3], {"a": 1}
        model = nn.Sequential(nn.Linear(2, 3))
        remote(change)(*given, model)
        tensor, array, items, table = given
        assert tensor.tolist() == [1, 1]
        assert array.tolist() == [1, 2]
        assert items == [torch.zeros(1), 3, 4]
        assert table == {"b": 1}
        assert not model[0].weight.requires_grad
        assert model[0].bias.grad.tolist() == [1, 1, 1]

    def test_take_an_array_that_may_not_be_written(self, remote):
        row = np.broadcast_to(np.array([1.0, 2.0]), (3, 2))[1]
        row.setflags(write=False)
        assert remote(lambda array: array * 2)(row).tolist() == [2, 4]
        assert row.tolist() == [1, 2]

    def test_let_gradients_flow_there_and_back(self, remote):
        x, w = (torch.rand(3, dtype=torch.double, requires_grad=True) for _ in "xw")
        there = remote(lambda x, w: (x * w).sin().sum())
        assert torch.autograd.gradcheck(there, (x, w))

    def test_run_a_model_where_it_is(self, remote):
        class Top(nn.Module):
            seen = 0

            def forward(self, states):
                self.seen += len(states)
                return states.tanh()

        def learn(model, inputs):
            model.zero_grad()
            loss = model(inputs).square().sum()
            loss.backward()
            return loss.item()

        inputs, top = torch.randn(4, 2), Top()
        model = nn.Sequential(nn.Linear(2, 3), top)
        twin = copy.deepcopy(model)
        assert remote(learn)(model, inputs) == pytest.approx(learn(twin, inputs))
        assert top.seen == 4
        for one, other in zip(model.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(one.grad, other.grad)

    def test_call_back_what_they_are_given(self, remote):
        twice = remote(lambda function, x: function(function(x)))
        assert twice(lambda x: x * 10, 7) == 700

    def test_make_objects_that_keep_their_state(self, remote):
        class Counter:
            def __init__(self):
                self.count = 0

            def add(self, n):
                self.count += n
                return self.count

        counter = remote(Counter)()
        assert (counter.add(2), counter.add(3), counter.count) == (2, 5, 5)

    def test_raise_what_they_raise_in_two_kinds(self, remote):
        with pytest.raises(ValueError):  # noqa: PT011  # no text comes over
            remote(lambda: int("x"))()
        with pytest.raises(RaisedError) as caught:
            remote(lambda: {}["x"])()
        assert not isinstance(caught.value, ValueError)
        with pytest.raises(TooLargeError):
            remote(lambda: "x" * MAX_TREE)()


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused(tree, blob):
    frame = HEADER.pack(len(tree), len(blob)) + tree + blob
    with contextlib.suppress(MalformedError):
        received(frame)


@pytest.mark.parametrize(
    ("tree", "blob"),
    [
        (b"[" * 100_000, b""),
        (b'{"dict": [[[1], 2]]}', b""),
        (b'{"tensor": [0, [3], null]}', b""),
        (b'{"tensor": [0, [1, 4294967296], null]}', bytes(9)),
        (b'{"tensor": [0, [-1, -3], null]}', bytes(9)),
        (b'{"tensor": [99, [1], null]}', bytes(9)),
        (b'{"array": [1, ["9"]]}', bytes(9)),
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
        received(frame)


@pytest.mark.parametrize("sizes", [(MAX_TREE + 1, 0), (2, MAX_TENSORS + 1)])
def test_what_says_it_is_too_large_is_not_read(sizes):
    source = io.BytesIO(HEADER.pack(*sizes) + bytes(10))
    with pytest.raises(MalformedError):
        Peer(source.read, print).receive()
    assert source.tell() == HEADER.size

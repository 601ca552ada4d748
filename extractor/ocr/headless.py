"""The recogniser without its last layer, so that only the characters in question are computed.

PP-OCRv6 ends in a layer of 18,710 symbols, a fifth of the cost of a line; a page in Latin letters needs a few hundred.
The ONNX file is cut before that layer by its wire format (protobuf), which needs no library: the fields and their
numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRAPH, METADATA = 7, 14  # of a model
NODE, INITIALIZER, OUTPUT = 1, 5, 12  # of a graph
NODE_IN, NODE_OUT, NODE_TYPE = 1, 2, 4
DIMS, TENSOR_NAME, RAW = 1, 8, 9
TAIL = ("MatMul", "Add", "Identity", "Softmax")


class UnknownModel(ValueError):
    """The file does not end in one linear layer and a softmax; another build of the engine needs another cut."""


@dataclass(frozen=True)
class Headless:
    """`body`: an ONNX model from picture to features; `weights` [features, symbols] and `bias` [symbols]: its head."""

    body: bytes
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


def cut_head(content: bytes) -> Headless:
    """Cut an ONNX recogniser before its last layer. Raises `UnknownModel`."""
    model = list(fields(content))
    graph = next((list(fields(value)) for number, value, _ in model if number == GRAPH), [])
    nodes = [list(fields(value)) for number, value, _ in graph if number == NODE]
    kinds = tuple(_text(node, NODE_TYPE) for node in nodes[-len(TAIL) :])
    if kinds != TAIL:
        raise UnknownModel(f"the recogniser ends in {', '.join(kinds) or 'nothing'}, not in {', '.join(TAIL)}")
    features, weights = _texts(nodes[-4], NODE_IN)
    bias = _texts(nodes[-3], NODE_IN)[1]
    tensors = {_text(list(fields(value)), TENSOR_NAME): value for number, value, _ in graph if number == INITIALIZER}
    cut = nodes[-len(TAIL) :]
    kept = [
        raw
        for number, value, raw in graph
        if not (number == NODE and list(fields(value)) in cut)
        and not (number == INITIALIZER and _text(list(fields(value)), TENSOR_NAME) in (weights, bias))
        and number != OUTPUT
    ]
    kept.append(_field(OUTPUT, _output(features)))
    body = [raw for number, _, raw in model if number not in (GRAPH, METADATA)]
    return Headless(b"".join([*body, _field(GRAPH, b"".join(kept))]), _tensor(tensors[weights]), _tensor(tensors[bias]))


Field = tuple[int, bytes, bytes]  # number, value (of a varint its bytes), all bytes


def fields(message: bytes) -> Iterator[Field]:
    """The fields of a protobuf message in order. Raises `UnknownModel`."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        begin = at
        if wire == 0:
            _, at = _varint(message, at)
        elif wire == 2:
            length, begin = _varint(message, at)
            at = begin + length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise UnknownModel(f"a field of wire type {wire}: this is no ONNX file")
        yield number, message[begin:at], message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
    raise UnknownModel("the file ends in the middle of a number")


def _field(number: int, value: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(value)) + value


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _output(name: str) -> bytes:
    """A ValueInfo: a tensor of floats, of any shape."""
    return _field(1, name.encode()) + _field(2, _field(1, _number(1 << 3) + _number(1)))


def _texts(message: list[Field], number: int) -> list[str]:
    return [value.decode() for n, value, _ in message if n == number]


def _text(message: list[Field], number: int) -> str:
    return next(iter(_texts(message, number)), "")


def _tensor(content: bytes) -> NDArray[np.float32]:
    parts = list(fields(content))
    shape = [_varint(value, 0)[0] for number, value, _ in parts if number == DIMS]
    raw = next((value for number, value, _ in parts if number == RAW), b"")
    if len(raw) != 4 * int(np.prod(shape)):
        raise UnknownModel("the last layer is not stored as plain floats")
    return np.frombuffer(raw, np.float32).reshape(shape).copy()  # aligned in memory, else each product copies it

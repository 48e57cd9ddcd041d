"""The input tensor, out of JSON or out of the bytes behind it, as one value for each image."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from itertools import chain
from typing import Any, List, Sequence, Tuple, Union

import numpy
from numpy.typing import NDArray

from hotpath.http.errors import Problem
from hotpath.http.v2.schema import INPUT, InputTensor

Image = Union[bytes, NDArray[numpy.uint8]]
"""An encoded image, or the model's own pixels."""

_LENGTH = struct.Struct("<I")
_STANDARD = bytes.maketrans(b"-_", b"+/")
"""From the alphabet for URLs to the standard one."""


@dataclass(frozen=True)
class Accepted:
    """What a model takes: its pixels' shape, and how many images at once."""

    shape: Tuple[int, int, int]
    most: int


def images_of(tensor: InputTensor, binary: memoryview, accepted: Accepted) -> List[Image]:
    """The images of an input whose binary part, if it has one, is `binary`. Raises Problem."""
    if tensor.name != INPUT:
        raise invalid(f"There is no input {tensor.name[:64]!r}.", f"Name the input {INPUT!r}.")
    if tensor.parameters.shared_memory_region is not None:
        raise invalid("Shared memory is not supported.", "Send the tensor in the request.")
    in_json = tensor.parameters.binary_data_size is None
    if in_json == (tensor.data is None):
        found = "neither 'data' nor" if in_json else "both 'data' and"
        raise invalid(
            f"The input {INPUT!r} has {found} the parameter 'binary_data_size'.", "Give exactly one of them."
        )
    count = _count(tensor, accepted)
    if tensor.datatype == "BYTES":
        return [*(_strings(tensor.data, tensor.shape) if in_json else _elements(binary, count))]
    pixels = _numbers(tensor.data, tensor.shape) if in_json else binary
    wanted = count * accepted.shape[0] * accepted.shape[1] * accepted.shape[2]
    if len(pixels) != wanted:
        raise invalid(
            f"The input {INPUT!r} holds {len(pixels)} bytes, but UINT8 {tensor.shape} takes {wanted}.",
            "Correct the shape or the data.",
        )
    return list(numpy.frombuffer(pixels, dtype=numpy.uint8).reshape(count, *accepted.shape))


def invalid(message: str, remedy: str) -> Problem:
    """The answer to a request that does not keep to the protocol."""
    return Problem(400, "invalid_request", message, remedy)


def _count(tensor: InputTensor, accepted: Accepted) -> int:
    """How many images the shape promises, once datatype and shape are what the model takes."""
    height, width, channels = accepted.shape
    tails = {"BYTES": ([], [1]), "UINT8": ([height, width, channels],)}
    if tensor.datatype not in tails or not tensor.shape or tensor.shape[1:] not in tails[tensor.datatype]:
        raise invalid(
            f"The input {INPUT!r} is {tensor.datatype[:64]} of shape {tensor.shape}.",
            f"Send encoded images as BYTES [N], or pixels as UINT8 [N, {height}, {width}, {channels}].",
        )
    count = tensor.shape[0]
    if not 1 <= count <= accepted.most:
        raise invalid(
            f"The input {INPUT!r} holds {count} images; a request may hold 1 to {accepted.most}.",
            "Split the images over several requests; the service puts them together again.",
        )
    return count


def _elements(binary: memoryview, count: int) -> List[bytes]:
    """BYTES elements, each behind its length as a 4-byte little-endian number."""
    found: List[bytes] = []
    place = 0
    for index in range(count):
        start = place + _LENGTH.size
        end = start + _LENGTH.unpack_from(binary, place)[0] if start <= len(binary) else start
        if end > len(binary):
            raise invalid(
                f"The element {index} of the input {INPUT!r} ends {end - len(binary)} bytes too late.",
                "Put each element's length before it, as 4 bytes, the lowest first.",
            )
        found.append(bytes(binary[start:end]))
        place = end
    if place != len(binary):
        raise invalid(
            f"The input {INPUT!r} has {len(binary) - place} bytes after its element {count - 1}, the last.",
            "Correct the shape or the data.",
        )
    return found


def _strings(data: Any, shape: Sequence[int]) -> List[bytes]:
    """BYTES elements in JSON, where only base64 can carry an image."""
    found = []
    for index, element in enumerate(_flatten(data, shape)):
        try:
            found.append(_unbase64(element))
        except (AttributeError, ValueError) as error:  # binascii's own error is a ValueError
            raise invalid(
                f"The element {index} of the input {INPUT!r} is no base64 string.",
                "Encode images in JSON as base64, or send them as binary tensors, which are smaller.",
            ) from error
    return found


def _unbase64(text: str) -> bytes:
    """Base64 as libraries write it (RFC 4648 and 2045): either alphabet, lines, with padding or without.

    Raises ValueError, or AttributeError where it is no text.
    """
    plain = text.encode("ascii").translate(_STANDARD, b" \t\r\n")
    bare = plain.rstrip(b"=")
    if len(plain) - len(bare) > 2:
        raise ValueError("more padding than there can be")
    return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)


def _numbers(data: Any, shape: Sequence[int]) -> bytes:
    """UINT8 elements in JSON, nested as the shape is, or flat."""
    try:
        return bytes(_flatten(data, shape))
    except (TypeError, ValueError) as error:
        raise invalid(
            f"The input {INPUT!r} holds something other than whole numbers from 0 to 255.",
            "Send UINT8 elements; the model's normalisation is applied by the service.",
        ) from error


def _flatten(data: Any, shape: Sequence[int]) -> List[Any]:
    """Row-major elements of lists that are flat, or nested as `shape` tells. Raises Problem."""
    mismatch = invalid(
        f"The data of the input {INPUT!r} does not have its shape {list(shape)}.",
        "Send a list that is flat, or nested as the shape; and as long.",
    )
    if not isinstance(data, list):
        raise mismatch
    nested = any(isinstance(item, list) for item in data)
    wanted = 1
    for length, inner in zip(shape, shape[1:]):
        wanted *= length
        if nested:
            if len(data) != wanted or not all(isinstance(row, list) and len(row) == inner for row in data):
                raise mismatch
            data = list(chain.from_iterable(data))
    if len(data) != wanted * shape[-1]:
        raise mismatch
    return data  # type: ignore[no-any-return]

"""BYTES elements: items as clients have them, each a string of bytes."""

from __future__ import annotations

import base64
import struct
from typing import Any, List, Sequence

from hotpath.http.v2.problems import invalid
from hotpath.tasks.task import Element

_LENGTH = struct.Struct("<I")
_STANDARD = bytes.maketrans(b"-_", b"+/")
"""From the alphabet for URLs to the standard one."""


def in_binary(name: str, binary: memoryview, count: int) -> List[bytes]:
    """Each behind its length as a 4-byte little-endian number. Raises Problem."""
    found: List[bytes] = []
    place = 0
    for index in range(count):
        start = place + _LENGTH.size
        end = start + _LENGTH.unpack_from(binary, place)[0] if start <= len(binary) else start
        if end > len(binary):
            raise invalid(
                f"The element {index} of the input {name!r} ends {end - len(binary)} bytes too late.",
                "Put each element's length before it, as 4 bytes, the lowest first.",
            )
        found.append(bytes(binary[start:end]))
        place = end
    if place != len(binary):
        raise invalid(
            f"The input {name!r} has {len(binary) - place} bytes after its element {count - 1}, the last.",
            "Correct the shape or the data.",
        )
    return found


def in_json(element: Element, values: Sequence[Any]) -> List[bytes]:
    """Text as it is; anything else in base64, for JSON can carry it in no other way. Raises Problem."""
    read = _text if element.is_text else _unbase64
    found = []
    for index, value in enumerate(values):
        try:
            found.append(read(value))
        except (AttributeError, ValueError) as error:  # binascii's own error is a ValueError
            raise invalid(
                f"The element {index} of the input {element.name!r} is no "
                f"{'text' if element.is_text else 'base64 string'}.",
                "Send JSON strings of Unicode text."
                if element.is_text
                else "Encode images in JSON as base64, or send them as binary tensors, which are smaller.",
            ) from error
    return found


def _text(value: Any) -> bytes:
    encoded: bytes = value.encode("utf-8")
    return encoded


def _unbase64(text: str) -> bytes:
    """Base64 as libraries write it (RFC 4648 and 2045): either alphabet, lines, with padding or without.

    Raises ValueError, or AttributeError where it is no text.
    """
    plain = text.encode("ascii").translate(_STANDARD, b" \t\r\n")
    bare = plain.rstrip(b"=")
    if len(plain) - len(bare) > 2:
        raise ValueError("more padding than there can be")
    return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)

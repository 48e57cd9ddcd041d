"""Compressed request bodies, with a bound on what they unfold to."""

from __future__ import annotations

import zlib

from hotpath.http.body import too_large
from hotpath.http.errors import Problem

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""How zlib is told the format. HTTP's deflate is zlib's format (RFC 9110, section 8.4.1.2)."""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding, at most `limit` bytes. Raises Problem."""
    kind = encoding.strip().lower()
    if kind in ("", "identity"):
        return body
    if kind not in _WINDOWS:
        raise Problem(
            415,
            "unsupported_content_encoding",
            f"The Content-Encoding {encoding[:64]!r} is not one this service takes.",
            "Send the body with gzip, deflate or no Content-Encoding.",
        )
    inflater = zlib.decompressobj(_WINDOWS[kind])
    try:
        content = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise _malformed(kind, f"can't be decompressed ({error})") from error
    if len(content) > limit:
        raise too_large(limit)
    if not inflater.eof:
        raise _malformed(kind, "ends too early")
    if inflater.unused_data:
        raise _malformed(kind, f"is followed by {len(inflater.unused_data)} further bytes")
    return content


def _malformed(kind: str, reason: str) -> Problem:
    return Problem(
        400, "malformed_compression", f"The body's {kind} stream {reason}.", "Compress the whole body, once."
    )

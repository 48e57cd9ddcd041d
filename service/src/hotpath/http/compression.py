"""Compressed request bodies, with a bound on what they unfold to."""

from __future__ import annotations

import zlib
from typing import Optional

from starlette.datastructures import Headers

from hotpath.http.errors import Problem, too_large

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""How zlib is told the format. HTTP's deflate is zlib's format (RFC 9110, section 8.4.1.2)."""
_SAME = {"x-gzip": "gzip"}
"""Old names (RFC 9110, section 8.4.1.3)."""


def coding_of(headers: Headers) -> Optional[str]:
    """How a body is compressed; None where it is not. Raises Problem (415)."""
    if "content-encoding" not in headers:
        return None
    text = ", ".join(headers.getlist("content-encoding"))
    names = [name.strip().lower() for name in text.split(",")]
    codings = [_SAME.get(name, name) for name in names if name not in ("", "identity")]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in _WINDOWS:
        raise Problem(
            415,
            "unsupported_content_encoding",
            f"The Content-Encoding {text[:64]!r} is not one this service takes.",
            "Send the body with gzip or deflate, once, or without a Content-Encoding.",
            {"Accept-Encoding": ", ".join(_WINDOWS)},  # of requests, in a 415 (RFC 9110, section 12.5.3)
        )
    return codings[0]


def decompress(body: bytes, coding: str, allowed: int, limit: int) -> bytes:
    """The body as it was, at most `allowed` bytes; `limit` is what the client is told. Raises Problem."""
    inflater = zlib.decompressobj(_WINDOWS[coding])
    try:
        content = inflater.decompress(body, allowed + 1)
    except zlib.error as error:
        raise _malformed(coding, f"can't be decompressed ({error})") from error
    if len(content) > allowed:
        raise too_large(limit)
    if not inflater.eof:
        raise _malformed(coding, "ends too early")
    if inflater.unused_data:
        raise _malformed(coding, f"is followed by {len(inflater.unused_data)} further bytes")
    return content


def _malformed(coding: str, reason: str) -> Problem:
    remedy = "Compress the whole body, once"
    remedy += ", in zlib's format, which is what HTTP calls deflate." if coding == "deflate" else "."
    return Problem(400, "malformed_compression", f"The body's {coding} stream {reason}.", remedy)

"""Reads the image of a request, within the limits, before anything is decoded."""

from __future__ import annotations

import asyncio
from typing import List

from fastapi import Request
from starlette.requests import ClientDisconnect

from hotpath.http.errors import Problem
from hotpath.http.multipart import FieldReader, boundary_of

OVERHEAD = 16_384
"""Bytes a multipart body may have beyond the image itself: boundaries, part headers, small fields."""


async def read_image(request: Request, limit: int, seconds: float) -> bytes:
    """The encoded image of a multipart or raw request. Raises Problem or ClientDisconnect."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    multipart = kind == "multipart/form-data"
    if not multipart and not kind.startswith("image/") and kind != "application/octet-stream":
        raise Problem(
            415,
            "unsupported_content_type",
            f"The Content-Type {kind!r} is not one this service takes."
            if kind
            else "There is no Content-Type.",
            "Send multipart/form-data with the image in the field 'file', or the image itself with its type, "
            "as in: curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg URL",
        )
    allowed = limit + OVERHEAD if multipart else limit
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > allowed:
        raise _too_large(limit)
    reader = FieldReader(boundary_of(request.headers["content-type"])) if multipart else None
    try:
        body = await asyncio.wait_for(_collect(request, allowed, limit, reader), seconds)
    except asyncio.TimeoutError as error:
        raise Problem(
            408,
            "body_timeout",
            "The body did not arrive in time.",
            "Send it faster, or a smaller image.",
            {"Connection": "close"},
        ) from error
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _collect(request: Request, allowed: int, limit: int, reader: FieldReader | None) -> bytes:
    received = 0
    chunks: List[bytes] = []
    async for chunk in request.stream():
        received += len(chunk)
        if received > allowed:
            raise _too_large(limit)
        if reader is None:
            chunks.append(chunk)
        else:
            reader.feed(chunk)
    return b"".join(chunks) if reader is None else reader.finish()


def _too_large(limit: int) -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"The body is larger than {limit} bytes.",
        "Send a smaller or more compressed image; the operators set this limit as limits.body_bytes.",
    )


__all__ = ["ClientDisconnect", "read_image"]

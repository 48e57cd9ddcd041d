"""Reads the body of a request, within the limits, before anything is decoded."""

from __future__ import annotations

import asyncio
from typing import Callable, List

from fastapi import Request
from starlette.requests import ClientDisconnect

from hotpath.http.errors import Problem
from hotpath.http.linger import body_is_over
from hotpath.http.multipart import boundary_of, file_of
from hotpath.http.waiting import DeadlinePassed, time_limit

OVERHEAD = 16_384
"""Bytes a multipart body may have beyond the image itself: boundaries, part headers, small fields."""


async def read_image(request: Request, limit: int, seconds: float, deadline_s: float) -> bytes:
    """The encoded image of a multipart or raw request.

    It may take `seconds`, or `deadline_s` where the client itself set a shorter time. Raises Problem,
    DeadlinePassed or ClientDisconnect.
    """
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
    if multipart:
        boundary = boundary_of(request.headers["content-type"])
        chunks: List[bytes] = []
        await _receive(request, limit + OVERHEAD, limit, seconds, deadline_s, chunks.append)
        body = file_of(b"".join(chunks), boundary)
        if len(body) > limit:
            raise too_large(limit)
        return body
    return await read_whole(request, limit, seconds, deadline_s)


async def read_whole(request: Request, limit: int, seconds: float, deadline_s: float) -> bytes:
    """The body as it is, within the times of `read_image`. Raises what that raises."""
    chunks: List[bytes] = []
    await _receive(request, limit, limit, seconds, deadline_s, chunks.append)
    return b"".join(chunks)


async def _receive(
    request: Request,
    allowed: int,
    limit: int,
    seconds: float,
    deadline_s: float,
    take: Callable[[bytes], object],
) -> None:
    """Hand the body over as it arrives, at most `allowed` bytes of it; `limit` is what the client is told."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > allowed:
        raise too_large(limit)

    received, more = 0, True
    try:
        with time_limit(min(seconds, deadline_s)):
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                more = message.get("more_body", False)
                if not more:  # to be known before the last of it is judged, for then nothing more is awaited
                    body_is_over(request)
                chunk = message.get("body", b"")
                received += len(chunk)
                if received > allowed:
                    raise too_large(limit)
                take(chunk)
    except asyncio.TimeoutError as error:
        body_is_over(request)
        if deadline_s < seconds:
            raise DeadlinePassed(deadline_s) from error
        raise Problem(
            408,
            "body_timeout",
            "The body did not arrive in time.",
            "Send it faster, or a smaller image.",
            {"Connection": "close"},
        ) from error


def too_large(limit: int) -> Problem:
    """The answer to a body that is larger than `limit` bytes."""
    return Problem(
        413,
        "body_too_large",
        f"The body is larger than {limit} bytes.",
        "Send a smaller or more compressed image; the operators set this limit as limits.body_bytes.",
    )

"""Reads the body of a request, within the limits, before anything is decoded."""

from __future__ import annotations

from typing import List

from fastapi import Request
from starlette.requests import ClientDisconnect

from hotpath.http.errors import Problem
from hotpath.http.linger import body_is_over
from hotpath.http.multipart import boundary_of, file_of
from hotpath.http.uploads import OVERHEAD, Upload


async def read_image(request: Request, limit: int, upload: Upload) -> bytes:
    """The encoded image of a multipart or raw request.

    Raises Problem, ClientDisconnect, or what ends the upload.
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
        body = file_of(await _receive(request, limit + OVERHEAD, limit, upload), boundary)
        if len(body) > limit:
            raise too_large(limit)
        return body
    return await read_whole(request, limit, upload)


async def read_whole(request: Request, limit: int, upload: Upload) -> bytes:
    """The body as it is. Raises what `read_image` raises."""
    return await _receive(request, limit, limit, upload)


async def _receive(request: Request, allowed: int, limit: int, upload: Upload) -> bytes:
    """A body of at most `allowed` bytes; `limit` is what the client is told."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > allowed:
        raise too_large(limit)

    chunks: List[bytes] = []
    received, more = 0, True
    with upload:
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
            upload.took(len(chunk))
            chunks.append(chunk)
    return b"".join(chunks)


def too_large(limit: int) -> Problem:
    """The answer to a body that is larger than `limit` bytes."""
    return Problem(
        413,
        "body_too_large",
        f"The body is larger than {limit} bytes.",
        "Send a smaller or more compressed image; the operators set this limit as limits.body_bytes.",
    )

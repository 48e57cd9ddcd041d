"""Reads the body of a request, within the limits, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Union

from fastapi import Request
from starlette.requests import ClientDisconnect

from hotpath.http.compression import coding_of, decompress
from hotpath.http.errors import Problem, too_large
from hotpath.http.linger import body_is_over
from hotpath.http.multipart import boundary_of, file_of
from hotpath.http.uploads import OVERHEAD, Upload
from hotpath.tasks.task import FORM, Content


@dataclass(frozen=True)
class Packed:
    """A compressed body. To unpack it takes a while, and so is not for the event loop."""

    body: bytes
    coding: str
    boundary: Optional[bytes]
    """Of a form; None where it is the content."""
    limit: int

    def __len__(self) -> int:
        """Bytes that were received."""
        return len(self.body)

    def unpack(self) -> bytes:
        """The content. Raises Problem."""
        content = decompress(self.body, self.coding, _allowed(self.boundary, self.limit), self.limit)
        return _content_of(content, self.boundary, self.limit)


def kind_of(request: Request, content: Content) -> str:
    """The type of a body, one of those that a model takes. Raises Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content.takes(kind):
        return kind
    raise Problem(
        415,
        "unsupported_content_type",
        f"The Content-Type {kind!r} is not one this model takes." if kind else "There is no Content-Type.",
        content.remedy,
    )


async def read_content(request: Request, kind: str, limit: int, upload: Upload) -> Union[bytes, Packed]:
    """The body of this kind; of a form, the file in it.

    Raises Problem, ClientDisconnect, or what ends the upload.
    """
    coding = coding_of(request.headers)
    boundary = boundary_of(request.headers["content-type"]) if kind == FORM else None
    body = await _receive(request, _allowed(boundary, limit), limit, upload)
    return Packed(body, coding, boundary, limit) if coding else _content_of(body, boundary, limit)


def _allowed(boundary: Optional[bytes], limit: int) -> int:
    return limit if boundary is None else limit + OVERHEAD


def _content_of(body: bytes, boundary: Optional[bytes], limit: int) -> bytes:
    """The content of a body, which is a form where there is a boundary. Raises Problem."""
    content = body if boundary is None else file_of(body, boundary)
    if len(content) > limit:
        raise too_large(limit)
    return content


async def read_whole(request: Request, limit: int, upload: Upload) -> bytes:
    """The body as it is. Raises what `read_content` raises."""
    return await _receive(request, limit, limit, upload)


async def _receive_at_once(request: Request, allowed: int, limit: int) -> bytes:
    """A body that has come to its end already: nobody need watch how."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body_is_over(request)
    body: bytes = message["body"]
    if len(body) > allowed:
        raise too_large(limit)
    return body


async def _receive(request: Request, allowed: int, limit: int, upload: Upload) -> bytes:
    """A body of at most `allowed` bytes; `limit` is what the client is told."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > allowed:
        raise too_large(limit)
    if upload.is_here(int(declared) if declared.isdigit() else allowed):
        return await _receive_at_once(request, allowed, limit)

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

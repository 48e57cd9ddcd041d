"""Takes the one image out of a multipart body (RFC 2046, section 5.1; RFC 7578)."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Dict, Iterator, List, Tuple, Union

from python_multipart.multipart import parse_options_header

from hotpath.http.errors import Problem

FIELD = "file"

MOST_HEADER_BYTES = 8192
"""Of all parts of a body together: to take a header apart can cost as much as the square of its length."""
MOST_TYPE_CHARACTERS = 1024
"""Of a Content-Type, for the same reason."""
MOST_LINES = 1000
"""Of those that begin with the boundary, whether they part something or only look like it."""

_FOLD = re.compile(rb"\r?\n[ \t]+")
_LINE_END = re.compile(rb"--|[ \t]*(\r?\n)")
"""What stands behind a boundary, where it is one."""
_PLAIN_ENCODINGS = (b"", b"7bit", b"8bit", b"binary")


@dataclass(frozen=True)
class _Part:
    head: bytes
    """Its header lines, without the empty one that ends them."""
    start: int
    end: int
    """Where its content lies in the body."""


def as_form(content: bytes) -> Tuple[str, List[bytes]]:
    """A form with this file: its Content-Type, and the parts of its body."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{FIELD}"; filename="{FIELD}"\r\n\r\n'
    return f"multipart/form-data; boundary={boundary}", [
        head.encode(),
        content,
        f"\r\n--{boundary}--\r\n".encode(),
    ]


def file_of(body: bytes, boundary: bytes) -> bytes:
    """The content of the one part named `file`; other parts are passed over. Raises Problem."""
    found: List[_Part] = []
    names: List[str] = []
    left = MOST_HEADER_BYTES
    for part in _parts(body, boundary):
        left -= len(part.head)
        if left < 0:
            raise _malformed(f"The headers of the multipart body's parts exceed {MOST_HEADER_BYTES} bytes.")
        headers = _headers(part.head)
        disposition = _parameters(headers.get(b"content-disposition", b""), "A part's Content-Disposition")
        names.append(disposition.get(b"name", b"").decode("utf-8", "replace"))
        if names[-1] == FIELD:
            found.append(part)
            _require_plain(headers.get(b"content-transfer-encoding", b""))
    if not found:
        seen = ", ".join(repr(name[:64]) for name in names[:8]) or "none"
        raise Problem(
            400,
            "missing_field",
            f"The multipart body has no field named {FIELD!r}; its fields are: {seen}.",
            f"Send the image in the field {FIELD!r}, as in: curl -F {FIELD}=@photo.jpg URL",
        )
    if len(found) > 1:
        raise Problem(
            400,
            "repeated_field",
            f"The multipart body has {len(found)} fields named {FIELD!r}, and one image is answered.",
            "Send each image in a request of its own, or several in one to /v2/models/NAME/infer; see /docs.",
        )
    return body[found[0].start : found[0].end]


def boundary_of(content_type: str) -> bytes:
    """The boundary that a multipart content type names. Raises Problem (400)."""
    if len(content_type) > MOST_TYPE_CHARACTERS:
        raise _malformed(f"The Content-Type has more than {MOST_TYPE_CHARACTERS} characters.")
    options = _parameters(content_type, "The Content-Type")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:  # RFC 2046, section 5.1.1
        raise _malformed("The Content-Type names no valid multipart boundary.")
    return boundary


def _parts(body: bytes, boundary: bytes) -> Iterator[_Part]:
    """Every part, in order. What stands before the first and behind the last is nothing's. Raises Problem."""
    lines = _delimiters(body, boundary)
    _, place, newline = next(lines)
    while newline:
        # A part without headers begins with the empty line.
        stop = place - len(newline) if body.startswith(newline, place) else body.find(newline * 2, place)
        content = stop + 2 * len(newline)
        end, following, after = next(lines)
        if not place - len(newline) <= stop <= end:
            raise _malformed("A part of the multipart body has no empty line behind its headers.")
        yield _Part(body[place : max(place, stop)], content, max(content, end))
        place, newline = following, after


def _delimiters(body: bytes, boundary: bytes) -> Iterator[Tuple[int, int, bytes]]:
    """Every line that parts the body: where what is before it ends, where what follows begins, a line break.

    The last one has none. Lines end as the first of these does: with CR LF, or as some clients write with LF
    alone; the other of the two is content. Blanks behind a boundary are padding. Raises Problem where the
    last one is missing.
    """
    mark = b"--" + boundary
    newline, known, place = b"\n", False, 0
    for number in range(MOST_LINES):
        begins = number == 0 and body.startswith(mark)
        end = 0 if begins else body.find(newline + mark, place)
        if end < 0:
            raise _malformed("The multipart body ends before its closing boundary.")
        start = end if begins else end + len(newline)
        found = _LINE_END.match(body, start + len(mark))
        if found is None:
            place = start
            continue
        after = found.group(1)
        if after is None:
            yield end, found.end(), b""
            return
        if not known:
            newline, known = after, True
        yield end, found.end(), newline
        place = found.end() - len(newline)  # where the line before the next boundary may end, too
    raise _malformed(f"The multipart body has more than {MOST_LINES} lines that begin with its boundary.")


def _headers(head: bytes) -> Dict[bytes, bytes]:
    """By name in lower case. A line that begins with a blank goes on with the one before. Raises Problem."""
    found: Dict[bytes, bytes] = {}
    for line in _FOLD.sub(b" ", head).splitlines():
        name, colon, value = line.partition(b":")
        if not colon or not name.strip():
            raise _malformed(f"A part of the multipart body has the header {line[:64]!r}, which is none.")
        found[name.strip().lower()] = value.strip()
    return found


def _require_plain(encoding: bytes) -> None:
    if encoding.lower() not in _PLAIN_ENCODINGS:
        raise Problem(
            415,
            "unsupported_transfer_encoding",
            f"The field {FIELD!r} has the Content-Transfer-Encoding {encoding[:64].decode('latin-1')!r}.",
            "Send the image's bytes as they are; HTTP needs no such encoding (RFC 7578, section 4.7).",
        )


def _parameters(header: Union[str, bytes], name: str) -> Dict[bytes, bytes]:
    """What follows a header's first semicolon. Raises Problem (400)."""
    try:
        return parse_options_header(header)[1]
    except (ValueError, TypeError, LookupError) as error:  # parameters in the way of RFC 2231, and wrong
        raise _malformed(f"{name} has parameters that can't be read.") from error


def _malformed(message: str) -> Problem:
    return Problem(
        400,
        "malformed_multipart",
        message,
        "Let your HTTP library make the body and its Content-Type header, or send the image's bytes as they "
        "are with Content-Type: image/jpeg.",
    )

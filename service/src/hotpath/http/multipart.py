"""Takes one field out of a multipart body while it arrives, in memory."""

from __future__ import annotations

from typing import Dict, List, Union

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from hotpath.http.errors import Problem

FIELD = "file"

MOST_HEADER_BYTES = 8192
"""Of all parts of a body together: to take a header apart can cost as much as the square of its length."""
MOST_TYPE_CHARACTERS = 1024
"""Of a Content-Type, for the same reason."""


class FieldReader:
    """Collects the content of the first part named `file`; other parts are skipped as they pass.

    The caller bounds the bytes it feeds, so nothing here can grow past that.
    """

    def __init__(self, boundary: bytes) -> None:
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )
        self._header_bytes = 0
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._wanted = False
        self._found = False
        self._complete = False
        self._fields: List[str] = []
        self._content: List[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises Problem (400) when they are not multipart."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _malformed(f"The multipart body is malformed: {error}.") from error

    def finish(self) -> bytes:
        """The field's content, once the body has ended. Raises Problem (400)."""
        if not self._complete:
            raise _malformed("The multipart body ends before its closing boundary.")
        if not self._found:
            seen = ", ".join(repr(name) for name in self._fields) or "none"
            raise Problem(
                400,
                "missing_field",
                f"The multipart body has no field named {FIELD!r}; its fields are: {seen}.",
                f"Send the image in the field {FIELD!r}, as in: curl -F {FIELD}=@photo.jpg URL",
            )
        return b"".join(self._content)

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MOST_HEADER_BYTES:
            raise _malformed(f"The headers of the multipart body's parts exceed {MOST_HEADER_BYTES} bytes.")

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        options = _parameters(self._disposition, "A part's Content-Disposition")
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self._wanted = name == FIELD and not self._found
        self._found = self._found or self._wanted
        if len(self._fields) < 8:  # for the error message only
            self._fields.append(name[:64])

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._wanted:
            self._content.append(data[start:end])

    def _on_part_end(self) -> None:
        self._wanted = False

    def _on_end(self) -> None:
        self._complete = True


def boundary_of(content_type: str) -> bytes:
    """The boundary that a multipart content type names. Raises Problem (400)."""
    if len(content_type) > MOST_TYPE_CHARACTERS:
        raise _malformed(f"The Content-Type has more than {MOST_TYPE_CHARACTERS} characters.")
    options = _parameters(content_type, "The Content-Type")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:  # RFC 2046, section 5.1.1
        raise _malformed("The Content-Type names no valid multipart boundary.")
    return boundary


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

"""Where a request begins and ends: what its head may say of that, and what it may not.

RFC 9110 and 9112. What another server on the way could read otherwise is refused, and the connection with it.
"""

from __future__ import annotations

from typing import Any, Sequence, Tuple

import httptools

from hotpath.http.errors import Problem

MOST_HEAD_BYTES = 65_536
"""Of a request's line and headers, and of what may follow its body (trailers)."""


def parser(protocol: Any) -> httptools.HttpRequestParser:
    """A parser as uvicorn's own, which passes over what follows a request that is to be the last."""
    made = httptools.HttpRequestParser(protocol)
    made.set_dangerous_leniencies(lenient_data_after_close=True)
    return made


def without_offer(
    parser: httptools.HttpRequestParser, target: bytes, headers: Sequence[Tuple[bytes, bytes]]
) -> bytes:
    """A parsed head as if it offered no other protocol (Upgrade), for another parser."""
    line = b"%b %b HTTP/%b\r\n" % (parser.get_method(), target, parser.get_http_version().encode())
    rest = b"".join(b"%b: %b\r\n" % header for header in headers if header[0] != b"upgrade")
    return line + rest + b"\r\n"


def judge_method(method: bytes) -> None:
    """Raises Problem for CONNECT: what follows it is no HTTP at all."""
    if method == b"CONNECT":
        raise Problem(
            501,
            "not_a_proxy",
            "The service opens no tunnels: CONNECT is for proxies.",
            "Ask the service itself, without a proxy in the client's settings.",
        )


def judge_version(version: str) -> None:
    """Raises Problem for anything but HTTP/1.1 and 1.0, whose bodies others may delimit in another way."""
    if version not in ("1.1", "1.0"):
        raise _other_version(version)


def judge_coding(value: bytes) -> None:
    """Raises Problem for a Transfer-Encoding other than chunked."""
    if value.strip().lower() != b"chunked":
        raise Problem(
            501,
            "unsupported_transfer_encoding",
            f"The Transfer-Encoding {value.decode('latin-1')!r} is not one this service takes.",
            "Send the body with a Content-Length, or with 'Transfer-Encoding: chunked' alone.",
        )


def expects_100(value: bytes) -> bool:
    """Whether an Expect header asks to be told to go on. Raises Problem where it asks for anything else."""
    members = {member.strip().lower() for member in value.split(b",")} - {b""}
    if members - {b"100-continue"}:
        raise Problem(
            417,
            "unknown_expectation",
            f"The service can't do what 'Expect: {value.decode('latin-1')}' asks for.",
            "Leave the header out, or send 'Expect: 100-continue'.",
        )
    return bool(members)


def too_large() -> Problem:
    """The answer to a head that has no end."""
    return Problem(
        431,
        "head_too_large",
        f"The request's line and headers have more than {MOST_HEAD_BYTES} bytes.",
        "Send fewer or shorter headers; the image belongs in the body.",
    )


def refusal(error: httptools.HttpParserError, method: bytes) -> Problem:
    """The answer to what the parser stopped at; `method` is the last that it read."""
    raised = error.__context__  # by a callback
    if isinstance(raised, Problem):
        return raised
    if method == b"PRI":
        return _other_version("2")
    return Problem(
        400,
        "malformed_request",
        f"What arrived is not HTTP/1.1{f': {error}' if raised is None else ''}.",
        "Let an HTTP library make the request, and see that nothing on the way changes it.",
    )


def _other_version(version: str) -> Problem:
    return Problem(
        505,
        "http_version_not_supported",
        f"The service speaks HTTP/1.1 and 1.0, not HTTP/{version}.",
        "Let the client use HTTP/1.1, or put a proxy that does in front of the service.",
    )

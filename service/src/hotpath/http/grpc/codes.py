"""How an answer other than success is told: gRPC's codes for HTTP's, and the words."""

from __future__ import annotations

from typing import List, Tuple

from grpc import StatusCode

from hotpath.http.errors import Problem

_CODES = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    408: StatusCode.DEADLINE_EXCEEDED,
    413: StatusCode.INVALID_ARGUMENT,
    415: StatusCode.INVALID_ARGUMENT,
    422: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.RESOURCE_EXHAUSTED,
    499: StatusCode.CANCELLED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}

_LONGEST = 2000
"""Characters of the details: they travel in a head, which clients read 8 KiB of."""

Metadata = List[Tuple[str, str]]


def code_of(problem: Problem) -> StatusCode:
    """The code of a refusal."""
    if problem.code == "not_supported":
        return StatusCode.UNIMPLEMENTED
    return _CODES.get(problem.status, StatusCode.INTERNAL)


def details_of(problem: Problem) -> str:
    """What is wrong and the way out."""
    room = max(0, _LONGEST - len(problem.remedy))
    message = problem.message
    return f"{message if len(message) <= room else message[:room] + '…'} {problem.remedy}".strip()


def metadata_of(problem: Problem) -> Metadata:
    """Trailing metadata: the refusal's code, and when to try again, as in HTTP and in gRPC's own form."""
    found = [("hotpath-code", problem.code)]
    seconds = (problem.headers or {}).get("Retry-After")
    if seconds is not None:
        found += [("retry-after", seconds), ("grpc-retry-pushback-ms", str(int(seconds) * 1000))]
    return found

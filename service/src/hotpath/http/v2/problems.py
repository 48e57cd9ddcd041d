"""The refusal that every part of the protocol uses."""

from __future__ import annotations

from hotpath.http.errors import Problem


def invalid(message: str, remedy: str) -> Problem:
    """The answer to a request that does not keep to the protocol."""
    return Problem(400, "invalid_request", message, remedy)


def shared_memory() -> Problem:
    """The answer to a tensor that lies elsewhere."""
    return invalid("Shared memory is not supported.", "Send the tensor in the request.")

"""Filter of the role load_balancer: what HAProxy 1.8 answers by itself, as the files that it sends word for word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["FilterModule", "haproxy_answers"]

LATER = (429, 503)  # where the client is to come again


def haproxy_answers(answers: Iterable[Mapping[str, Any]], folder: str) -> list[dict[str, str]]:
    """Path and content of a file for each answer, which has a status, its reason and a body for JSON."""
    return [{"path": f"{folder}/{answer['status']}.http", "content": _answer(answer)} for answer in answers]


def _answer(answer: Mapping[str, Any]) -> str:
    body = json.dumps(answer["body"]) + "\n"
    head = [
        f"HTTP/1.0 {answer['status']} {answer['reason']}",
        "Content-Type: application/json",
        "Cache-Control: no-cache",
        *(["Retry-After: 1"] if answer["status"] in LATER else []),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", body])


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filter by its name."""
        return {"haproxy_answers": haproxy_answers}

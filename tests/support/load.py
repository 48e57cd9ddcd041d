"""Steady clients that write down every answer: when, with which status, from which host, right or wrong."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from support.services import until

SERVED_BY = "x-served-by"  # the host, where the balancer tells it (load_balancer_tell_host)


@dataclass(frozen=True)
class Answer:
    """One request's end. `status` is the HTTP status, or the name of what went wrong where there was no answer."""

    began: float  # of the monotonic clock
    seconds: float
    status: str
    host: str
    version: str  # of the model, by the answer's own word
    right: bool


class Load:
    """Clients on connections that they keep, each at one of the doors (address and port)."""

    def __init__(
        self,
        doors: Sequence[tuple[str, int]],
        photograph: bytes,
        label: str = "red",
        clients: int = 6,
        rest_s: float = 0.0,
        patience_s: float = 60.0,
    ) -> None:
        self.answers: list[Answer] = []
        self._photograph, self._label, self._rest_s = photograph, label, rest_s
        self._patience_s = patience_s
        self._ends = threading.Event()
        places = [doors[number % len(doors)] for number in range(clients)]
        self._threads = [threading.Thread(target=self._run, args=place, daemon=True) for place in places]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    @property
    def met(self) -> Counter[str]:
        """How many answers had which status; one with the wrong label counts as `wrong`."""
        return Counter(one.status if one.right else "wrong" for one in list(self.answers))

    def failed(self) -> list[Answer]:
        """All that is no right answer, but for being asked to come again (429)."""
        return [one for one in list(self.answers) if not one.right or one.status not in ("200", "429")]

    def since(self, moment: float) -> list[Answer]:
        """Of requests that began then or later."""
        return [one for one in list(self.answers) if one.began >= moment]

    def more(self, count: int) -> None:
        """Wait until so many more were answered."""
        goal = len(self.answers) + count
        until(lambda: len(self.answers) >= goal)

    def _run(self, address: str, port: int) -> None:
        link = http.client.HTTPConnection(address, port, timeout=self._patience_s)
        while not self._ends.is_set():
            began = time.monotonic()
            status, host, told = self._ask(link)
            right = status != "200" or told.get("label") == self._label
            version = str(told.get("model", {}).get("version", ""))
            self.answers.append(Answer(began, time.monotonic() - began, status, host, version, right))
            if not status.isdigit():
                link.close()
            if self._rest_s or status != "200":
                time.sleep(self._rest_s or 0.05)
        link.close()

    def _ask(self, link: http.client.HTTPConnection) -> tuple[str, str, dict[str, Any]]:
        try:
            link.request("POST", "/predict", self._photograph, {"Content-Type": "image/png"})
            response = link.getresponse()
            body = response.read()
            told = json.loads(body) if body.startswith(b"{") else {}
            return str(response.status), response.headers.get(SERVED_BY, ""), told
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, "", {}

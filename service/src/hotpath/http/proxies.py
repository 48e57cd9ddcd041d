"""Whom a request comes from, and how it came, where a trusted proxy says so."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from starlette.types import ASGIApp, Receive, Scope, Send

from hotpath.addresses import Address, Trusted, address

MOST_HOPS = 32
"""Of a header's entries, counted from the last: a client may write as many of them as a head can hold."""

_SCHEMES = ("http", "https")


class Proxied:
    """Gives a request the address and scheme that X-Forwarded-For and -Proto tell, if a trusted proxy did.

    Every proxy adds whom it heard from at the end, and what stands before the first that is not trusted can
    be anybody's invention. `Forwarded` is not read: a proxy that writes only the one passes on the other as
    it came.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = app
        self._trusted = Trusted(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            peer = scope.get("client")
            if self._trusted.has_peer(peer[0] if peer else None):
                scope = self._told(scope)
        await self._app(scope, receive, send)

    def _told(self, scope: Scope) -> Scope:
        hops = _entries(scope, b"x-forwarded-for")
        client, place = self._client(hops)
        schemes = _entries(scope, b"x-forwarded-proto")
        # By each proxy its own, or one for all of them.
        scheme = schemes[max(-place, -len(schemes))].lower() if schemes else ""
        return {
            **scope,
            "client": scope.get("client") if client is None else (str(client), 0),
            "scheme": scheme if scheme in _SCHEMES else scope["scheme"],
        }

    def _client(self, hops: Sequence[str]) -> Tuple[Optional[Address], int]:
        """The last hop that is not a trusted proxy, else the first; and its place, counted from the end.

        What is no address ends the search: whoever was told before it is all that is known.
        """
        client: Optional[Address] = None
        place = 1
        for number, hop in enumerate(reversed(hops), start=1):
            one = address(hop)
            if one is None:
                break
            client, place = one, number
            if not self._trusted.has(one):
                break
        return client, place


def _entries(scope: Scope, name: bytes) -> List[str]:
    """The last entries of a header that is a list, whether it came in one field or in several."""
    value = b",".join(value for key, value in scope["headers"] if key == name).decode("latin-1")
    entries = (entry.strip() for entry in value.rsplit(",", MOST_HOPS)[-MOST_HOPS:])
    return [entry for entry in entries if entry]

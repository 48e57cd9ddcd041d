"""Addresses of the network as people, proxies and browsers write them."""

from __future__ import annotations

import ipaddress
import re
from typing import Optional, Sequence, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

OWN_PATHS = frozenset(
    ("docs", "livez", "metrics", "models", "openapi.json", "page", "predict", "readyz", "v2")
)
"""The first parts of the service's own paths."""

UNIX = "unix"
"""Stands for whoever connects over a UNIX socket; such a connection has no address."""

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?")
_WITH_PORT = re.compile(r"\[(?P<six>[^]]*)\](?::\d{1,5})?|(?P<four>[\d.]+):\d{1,5}")


def network(text: str) -> Network:
    """An address, or a network such as 10.0.0.0/8. Raises ValueError, with the way out."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither an address nor a network; write one such as 192.0.2.7, 10.0.0.0/8 or "
            f"2001:db8::/32, or {UNIX!r} for connections over a UNIX socket"
        ) from None
    raise ValueError(f"{text!r} is an address within a network; write {str(meant)!r} for all of it")


def address(text: str) -> Optional[Address]:
    """The address that a proxy names, with or without a port; None where it is none.

    An IPv4 address that a socket for both families shows as IPv6 is the IPv4 address.
    """
    text = text.strip()
    found = _WITH_PORT.fullmatch(text)
    if found is not None:
        text = found.group("six") or found.group("four")
    try:
        one = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (one.ipv4_mapped or one) if isinstance(one, ipaddress.IPv6Address) else one


def origin(text: str) -> str:
    """An origin as browsers send it. Raises ValueError, with the way out."""
    found = _ORIGIN.fullmatch(text)
    if found is None or found.groups() in (("http", "80"), ("https", "443")):
        raise ValueError(
            f"{text!r} is no origin as browsers send it; write scheme and host in lower case, with the port "
            "where it is not the scheme's own, and no path, such as https://app.example or "
            'http://localhost:3000; ["*"] lets all in'
        )
    return text


def prefix(text: str) -> str:
    """The beginning of all paths behind a proxy. Raises ValueError, with the way out."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", text):
        raise ValueError(
            f"{text!r} is no prefix of a path; write it with a slash at its beginning and none at its end, "
            "such as /vision"
        )
    if text.split("/")[1] in OWN_PATHS:
        raise ValueError(f"{text!r} begins as a path of the service itself; choose another prefix")
    return text


class Trusted:
    """The proxies whose word about their clients counts."""

    def __init__(self, entries: Sequence[str]) -> None:
        """`entries` are what `network` takes, or UNIX. Raises ValueError."""
        self._unix = UNIX in entries
        self._networks = [network(entry) for entry in entries if entry != UNIX]

    def has_peer(self, host: Optional[str]) -> bool:
        """Whether the other end of a connection is one of them; it has no address over a UNIX socket."""
        one = address(host) if host else None
        return self._unix if one is None else self.has(one)

    def has(self, one: Address) -> bool:
        """Whether an address is one of theirs."""
        return any(one in net for net in self._networks)

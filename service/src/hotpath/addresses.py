"""Addresses of the network as people write them: which are trusted, and which stand in X-Forwarded-For."""

from __future__ import annotations

import ipaddress
import re
from typing import Optional, Sequence, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

UNIX = "unix"
"""Stands for whoever connects over a UNIX socket; such a connection has no address."""

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

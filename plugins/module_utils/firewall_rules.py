"""What a zone of firewalld lets in, and what it lacks. Pure; runs on the host's Python 3.6.

Order within a zone (firewalld.richlanguage, firewalld.zone): rules by priority, denying before allowing ones of the
same priority; ports, services, protocols and the target count as allowing at 0.
"""

import re
import shlex
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

PORT = re.compile(r"(?P<first>\d+)(?:-(?P<last>\d+))?/(?P<protocol>tcp|udp|sctp|dccp)")
LAST_PORT = 65535
WHOLE = ("vrrp",)  # protocols that have no ports
ACTIONS = {"accept", "reject", "drop", "mark"}


class Ports(NamedTuple):
    """Ports `first` to `last` of a protocol."""

    protocol: str
    first: int
    last: int

    def __str__(self) -> str:
        if self.protocol in WHOLE:
            return self.protocol
        span = str(self.first) if self.first == self.last else "%d-%d" % (self.first, self.last)
        return "%s/%s" % (span, self.protocol)


class Rule(NamedTuple):
    """A rich rule. `ports` are those it speaks of, None for all; `selective` whether a source, a destination or a rate
    decides too."""

    text: str
    priority: int
    family: str
    ports: Optional[Tuple[Ports, ...]]
    service: str
    action: str
    selective: bool


class Zone(NamedTuple):
    """A zone as --list-all shows it."""

    name: str
    target: str
    interfaces: Tuple[str, ...]
    sources: Tuple[str, ...]
    services: Tuple[str, ...]
    ports: Tuple[Ports, ...]
    protocols: Tuple[str, ...]
    forwarded: Tuple[Ports, ...]
    rules: Tuple[Rule, ...]


def parse_port(text: str) -> Ports:
    """ValueError for what is no port or range with a protocol, "8000-8010/tcp", and no protocol without ports."""
    if text.strip() in WHOLE:
        return all_ports(text.strip())
    match = PORT.fullmatch(text.strip())
    first = int(match.group("first")) if match else 0
    last = int(match.group("last") or first) if match else 0
    if not match or not 0 < first <= last <= LAST_PORT:
        raise ValueError("%s is no port/protocol such as 8000/tcp or 8000-8010/udp" % text)
    return Ports(match.group("protocol"), first, last)


def all_ports(protocol: str) -> Ports:
    return Ports(protocol, 0, LAST_PORT)


def fields(lines: Iterable[str]) -> Dict[str, str]:
    """The `name: words` lines of an answer; what stands further in belongs to the line before."""
    found: Dict[str, str] = {}
    name = ""
    for line in lines:
        match = re.match(r"  (\S[^:]*): ?(.*)", line)
        if match:
            name = match.group(1)
            found[name] = match.group(2)
        elif name:
            found[name] += "\n" + line.strip()
    return found


def parse_zones(text: str) -> Dict[str, Zone]:
    """The zones in the answer to --list-all-zones."""
    zones: Dict[str, Zone] = {}
    for block in re.split(r"\n(?=\S)", text):
        lines = block.splitlines()
        if not lines or not lines[0].strip():
            continue
        name, found = lines[0].split()[0], fields(lines[1:])

        def words(field: str, of: Dict[str, str] = found) -> Tuple[str, ...]:
            return tuple(of.get(field, "").split())

        zones[name] = Zone(
            name=name,
            target=found.get("target", "default").strip(),
            interfaces=words("interfaces"),
            sources=words("sources"),
            services=words("services"),
            ports=tuple(parse_port(port) for port in words("ports")),
            protocols=words("protocols"),
            forwarded=tuple(forwarded(entry) for entry in words("forward-ports")),
            rules=tuple(parse_rule(rule) for rule in found.get("rich rules", "").splitlines() if rule.strip()),
        )
    return zones


def forwarded(entry: str) -> Ports:
    """port=80:proto=tcp:toport=8080:toaddr= -> 80/tcp, which nobody on this host gets to see."""
    parts = dict(part.partition("=")[::2] for part in entry.split(":") if "=" in part)
    return parse_port("%s/%s" % (parts["port"], parts["proto"]))


def parse_rule(text: str) -> Rule:
    found: Dict[str, Dict[str, str]] = {"": {}}
    element = ""
    for word in shlex.split(text)[1:]:
        name, equals, value = word.partition("=")
        if equals:
            found["" if name in ("family", "priority") else element][name] = value
        elif name.lower() != "not":
            # A limit before the action is that of the log.
            element = "log limit" if name == "limit" and not ACTIONS & set(found) else name
            found[element] = {}
    ports: Optional[Tuple[Ports, ...]] = None
    if "port" in found:
        ports = (parse_port("%(port)s/%(protocol)s" % found["port"]),)
    elif "protocol" in found:
        ports = (all_ports(found["protocol"]["value"]),)
    action = next(iter(ACTIONS & set(found)), "")
    other = {"icmp-block", "icmp-type", "masquerade", "forward-port", "source-port"} & set(found)
    return Rule(
        text=text.strip(),
        priority=int(found[""].get("priority", "0")),
        family=found[""].get("family", ""),
        ports=() if other else ports,
        service=found.get("service", {}).get("name", ""),
        action=action,
        selective=bool({"source", "destination", "limit"} & set(found)),
    )


def covers(one: Ports, other: Ports) -> bool:
    return one.protocol == other.protocol and one.first <= other.first and other.last <= one.last


def meets(one: Ports, other: Ports) -> bool:
    return one.protocol == other.protocol and one.first <= other.last and other.first <= one.last


def gaps(wanted: Ports, there: Iterable[Ports]) -> List[Ports]:
    """The parts of `wanted` that lie in none of the ranges that are there; these may be added without an overlap."""
    found, first = [], wanted.first
    for ports in sorted(ports for ports in there if meets(ports, wanted)):
        if ports.first > first:
            found.append(Ports(wanted.protocol, first, ports.first - 1))
        first = max(first, ports.last + 1)
    if first <= wanted.last:
        found.append(Ports(wanted.protocol, first, wanted.last))
    return found


def of_rule(rule: Rule, services: Dict[str, Tuple[Ports, ...]]) -> Tuple[Ports, ...]:
    """What a rule speaks of; one that names nothing speaks of everything."""
    if rule.service:
        return services.get(rule.service, ())
    if rule.ports is None:
        return all_ports("tcp"), all_ports("udp"), all_ports("sctp"), all_ports("dccp")
    return rule.ports


def openings(zone: Zone, services: Dict[str, Tuple[Ports, ...]]) -> List[Tuple[int, Ports]]:
    """What a zone lets everybody reach, each with its priority. `services`: ports by the names of services."""
    found = [ports for name in zone.services for ports in services.get(name, ())]
    found += list(zone.ports) + [all_ports(protocol) for protocol in zone.protocols]
    if zone.target == "ACCEPT":
        found += [all_ports(protocol) for protocol in ("tcp", "udp", "sctp", "dccp")]
    ruled = [
        (rule.priority, ports)
        for rule in zone.rules
        if rule.action == "accept" and not rule.selective and not rule.family
        for ports in of_rule(rule, services)
    ]
    return [(0, ports) for ports in found] + ruled


def denials(zone: Zone) -> List[Rule]:
    """Rules that keep everybody out; the service listens on IPv4."""
    return [
        rule
        for rule in zone.rules
        if rule.action in ("reject", "drop") and not rule.selective and rule.family != "ipv6"
    ]


def missing(zone: Zone, services: Dict[str, Tuple[Ports, ...]], wanted: Iterable[Ports]) -> List[Ports]:
    """The parts of the wanted ports that nothing in the zone opens before a rule denies them."""
    denied = [(rule.priority, of_rule(rule, services)) for rule in denials(zone)]
    there = [
        ports
        for priority, ports in openings(zone, services)
        if not any(earlier <= priority and any(meets(shut, ports) for shut in of) for earlier, of in denied if priority)
    ]
    found: List[Ports] = []
    for ports in wanted:
        found += [gap for gap in gaps(ports, there) if gap not in found]
        there += found
    return found


def obstacle(zone: Zone, services: Dict[str, Tuple[Ports, ...]], wanted: Ports) -> str:
    """What keeps a port shut whatever else opens it, "" when nothing does."""
    for ports in zone.forwarded:
        if meets(ports, wanted):
            return "the forward-port %s, which leads it elsewhere" % str(ports)
    for rule in denials(zone):
        earlier = [ports for priority, ports in openings(zone, services) if priority < rule.priority]
        earlier += [wanted] if rule.priority > 0 else []  # as soon as it is one of the zone's ports
        if any(meets(ports, wanted) for ports in of_rule(rule, services)) and gaps(wanted, earlier):
            return "the rich rule '%s'" % rule.text
    return ""


def cut(there: Iterable[Ports], closed: Iterable[Ports]) -> Tuple[List[Ports], List[Ports]]:
    """Which of the ranges that are there must go, and what of them comes back, so that the closed ports are closed."""
    closed = list(closed)
    gone = [ports for ports in there if any(meets(ports, shut) for shut in closed)]
    return gone, [rest for ports in gone for rest in gaps(ports, closed)]


def keeps_open(zone: Zone, services: Dict[str, Tuple[Ports, ...]], closed: Ports) -> str:
    """What else than its ports opens a port in a zone, so that taking ports out does not close it; "" for nothing."""
    for name in zone.services:
        if any(meets(ports, closed) for ports in services.get(name, ())):
            return "the service %s" % name
    if closed.protocol in zone.protocols:
        return "the protocol %s" % closed.protocol
    for rule in zone.rules:
        if rule.action == "accept" and any(meets(ports, closed) for ports in of_rule(rule, services)):
            return "the rich rule '%s'" % rule.text
    return "its target ACCEPT" if zone.target == "ACCEPT" else ""


def without_doubled_ports(text: str) -> str:
    """A zone's file without the ports that another of its ports covers: firewalld 0.9.3 refuses to load such a file."""
    ruled = [match.span() for match in re.finditer(r"<rule\b.*?</rule>", text, re.DOTALL)]
    tags: List[Tuple[int, int, Ports]] = []
    for match in re.finditer(r"[ \t]*<port\s[^>]*/>\n?", text):
        found = dict(re.findall(r"(port|protocol)=[\"']([^\"']+)", match.group()))
        if not any(start <= match.start() < end for start, end in ruled) and len(found) == 2:
            tags.append((match.start(), match.end(), parse_port("%(port)s/%(protocol)s" % found)))
    kept: List[Ports] = []
    # The widest first, so that each is compared with all that may cover it.
    for start, end, ports in sorted(tags, key=lambda tag: tag[2].first - tag[2].last):
        if any(covers(other, ports) for other in kept):
            text = text[:start] + "\0" * (end - start) + text[end:]
        kept.append(ports)
    return text.replace("\0", "")

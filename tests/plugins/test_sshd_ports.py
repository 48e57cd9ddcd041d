"""Where sshd listens, by which interfaces and zones others come; against trees of files and answers of programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from firewall_rules import parse_zones
from firewall_zones import reached_by, zone_at_start, zones_of_source
from listening_sockets import address_of
from sshd_ports import Connection, connection, sshd_ports

HEAD = "  sl  local_address rem_address st tx rx tr tm retr uid timeout inode"
LINE = "   0: {}:{:04X} 00000000:0000 {} 0:0 0:0 0 0 0 {} 1"
NOBODY = Connection("", "", 0)


class Machine:
    """A root of files, and programs by the beginning of their command lines."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.answers: dict[str, str] = {}
        self.sockets: list[str] = [HEAD]

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def listen(self, pid: int, address: str, port: int, state: str = "0A", parent: int = 1) -> None:
        inode = str(9000 + len(self.sockets))
        self.sockets.append(LINE.format(address, port, state, inode))
        self.write("proc/net/tcp", "\n".join(line for line in self.sockets if len(line.split()[1]) < 20))
        self.write("proc/net/tcp6", "\n".join([HEAD, *(line for line in self.sockets if len(line.split()[1]) > 20)]))
        self.write(f"proc/{pid}/comm", "sshd\n")
        self.write(f"proc/{pid}/status", f"Name:\tsshd\nPPid:\t{parent}\n")
        folder = self.root / f"proc/{pid}/fd"
        folder.mkdir(exist_ok=True)
        (folder / inode).symlink_to(f"socket:[{inode}]")

    def run(self, command: list[str]) -> str:
        line = " ".join(command)
        return next((answer for start, answer in self.answers.items() if line.startswith(start)), "")

    def ports(self, through: Connection = NOBODY) -> list[int]:
        return sshd_ports(str(self.root), self.run, through)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_ports_on_which_it_listens_for_others(machine: Machine) -> None:
    machine.listen(70, "00000000", 2222)
    machine.listen(70, "0100007F", 2201)  # 127.0.0.1
    machine.listen(70, "0" * 32, 2223)
    machine.listen(70, "00000000000000000000000001000000", 2202)  # ::1
    machine.listen(70, "0200000A", 51000, state="01")  # a connection
    machine.listen(71, "00000000", 6010, parent=70)  # what a session forwards
    assert machine.ports() == [2222, 2223]


def test_ports_after_its_next_start(machine: Machine) -> None:
    machine.answers["sshd -T -C"] = (
        "port 22\nlistenaddress [::]:2200\nlistenaddress 127.0.0.1:2201\nlistenaddress 0.0.0.0:2200\n"
    )
    assert machine.ports() == []  # it does not run, so that its configuration says nothing
    machine.listen(70, "00000000", 22)
    assert machine.ports() == [22, 2200]
    machine.answers["sshd -T -C"] = "port 2022\nport 2023\n"
    assert machine.ports() == [22, 2022, 2023]


def test_a_socket_of_systemd_in_its_place(machine: Machine) -> None:
    machine.answers["systemctl show sshd.socket"] = (
        "Listen=[::]:2022 (Stream)\nListen=127.0.0.1:2023 (Stream)\nListen=/run/x (Stream)\nActiveState=active\n\n"
        "Listen=0.0.0.0:22 (Stream)\nActiveState=inactive\n"
    )
    assert machine.ports() == [2022]


def test_the_port_of_the_connection_counts_whatever_listens_there(machine: Machine) -> None:
    machine.write("proc/90/environ", "HOME=/\0SSH_CONNECTION=::ffff:192.0.2.9 51000 10.0.0.2 2299\0")
    machine.write("proc/90/status", "PPid:\t80\n")
    machine.write("proc/91/status", "PPid:\t90\n")
    machine.write("proc/91/environ", "SUDO_USER=ops\0")
    through = connection(str(machine.root), 91)
    assert through == Connection("192.0.2.9", "10.0.0.2", 2299)
    assert machine.ports(through) == [2299]


def test_a_connection_without_a_network_is_none(machine: Machine) -> None:
    machine.write("proc/90/environ", "SSH_CONNECTION=UNKNOWN 65535 UNKNOWN 65535\0")
    machine.write("proc/90/status", "PPid:\t1\n")
    assert connection(str(machine.root), 90) == NOBODY


def test_addresses_as_the_kernel_writes_them() -> None:
    assert address_of("0100007F") == "127.0.0.1"
    assert address_of("B80D0120000000000000000001000000") == "2001:db8::1"


ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 0100580A 0003 0 0 100 00000000 0 0 0
eth1 0000580A 00000000 0001 0 0 0 0000FFFF 0 0 0
"""
ANY = "0" * 32
ROUTES_6 = f"""{ANY} 00 {ANY} 00 {ANY} 00000400 1 0 00000003 bond0
{ANY} 00 {ANY} 00 {ANY} ffffffff 1 0 00200200 lo
"""


def test_interfaces_by_which_others_come(machine: Machine) -> None:
    machine.write("proc/net/route", ROUTES)
    machine.write("proc/net/ipv6_route", ROUTES_6)
    machine.answers["ip -o addr"] = "2: eth0    inet 10.88.0.2/16 brd x\n3: eth1    inet 10.0.0.2/8 scope global eth1\n"
    assert reached_by(str(machine.root), machine.run, "") == ["eth0", "bond0"]
    assert reached_by(str(machine.root), machine.run, "10.0.0.2") == ["eth1", "eth0", "bond0"]


ZONES = parse_zones(
    "public\n  interfaces: \n  sources: \n\ninternal\n  interfaces: eth0\n  sources: 192.0.2.0/24 ipset:admins\n\n"
    "work\n  interfaces: bond+\n  sources: 00:11:22:33:44:55 2001:db8::/32\n"
)


def test_the_zone_that_an_interface_will_have(machine: Machine) -> None:
    def zone(interface: str) -> str:
        return zone_at_start(str(machine.root), machine.run, interface, ZONES, "public")

    assert (zone("eth0"), zone("eth1"), zone("bond7")) == ("internal", "public", "work")
    machine.answers["nmcli -g GENERAL.CON-UUID device show eth0"] = "--\n"  # a device that it does not manage
    assert zone("eth0") == "internal"
    machine.write("etc/sysconfig/network-scripts/ifcfg-eth1", "DEVICE=eth1\nZONE=work\n")
    assert zone("eth1") == "work"
    machine.answers["nmcli -g GENERAL.CON-UUID device show eth0"] = "5fb06bd0\n"
    assert zone("eth0") == "public"  # NetworkManager moves it there, past the zone's file
    machine.answers["nmcli -g connection.zone connection show 5fb06bd0"] = "trusted\n"
    assert zone("eth0") == "trusted"


@pytest.mark.parametrize(
    ("client", "found"),
    [("192.0.2.9", ["internal"]), ("10.9.9.9", ["internal"]), ("2001:db8::5", ["work"]), ("8.8.8.8", []), ("", [])],
)
def test_zones_that_a_client_has_by_its_address(client: str, found: list[str]) -> None:
    assert zones_of_source(client, ZONES, {"admins": ["10.9.9.9"]}.__getitem__) == found

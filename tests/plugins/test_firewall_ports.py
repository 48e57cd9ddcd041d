"""Ports of a zone, through stand-ins for firewalld's tools that keep permanent rules and those in force in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.python36 import run_module

# Test double of firewall-cmd and firewall-offline-cmd: zones with services and ports; it logs its calls.
TOOL = r"""#!/usr/bin/env python3
import json, os, sys
path = os.environ["FIREWALLD_STATE"]
state = json.load(open(path))
name, options = os.path.basename(sys.argv[0]), sys.argv[1:]
with open(path + ".log", "a") as log:
    log.write(" ".join([name, *options]) + "\n")
if "--state" in options:
    print(state["state"])
    sys.exit(0 if state["state"] == "running" else 252)
if (name == "firewall-cmd") != (state["state"] == "running"):
    sys.exit("asked of the wrong tool")
layer = state["now" if name == "firewall-cmd" and "--permanent" not in options else "permanent"]
told = [option.partition("=")[::2] for option in options]
zone = layer.get(dict(told).get("--zone", ""))
for option, value in told:
    if option == "--add-port":
        zone["ports"].append(value)
    elif option == "--remove-port":
        zone["ports"].remove(value)
    elif option == "--get-default-zone":
        print("public")
    elif option == "--info-service":
        print(value + "\n  ports: 22/tcp\n  protocols: ")
    elif option == "--check-config" and state.get("broken"):
        sys.exit("INVALID_ZONE: public")
    elif option == "--list-all-zones":
        for name, zone in layer.items():
            lists = "".join(f"  {key}: {' '.join(words)}\n" for key, words in zone.items())
            print(f"{name}\n  target: default\n{lists}  rich rules: \n")
json.dump(state, open(path, "w"))
"""
# Test double of what else the module asks: it knows nothing.
SILENT = "#!/bin/sh\nexit 1\n"
ROUTE = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window\neth0 00000000 0 0003 0 0 0 00000000 0 0\n"


class Host:
    """A host with the zones public and internal, the first of them empty but for ssh, and eth0 as its way out."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self._state = root, root / "state"
        for folder in ("bin", "proc/net", "etc/firewalld/zones"):
            (root / folder).mkdir(parents=True)
        tools = dict.fromkeys(("firewall-cmd", "firewall-offline-cmd"), TOOL)
        for tool, text in {**tools, **dict.fromkeys(("sshd", "systemctl", "nmcli", "ip"), SILENT)}.items():
            (root / "bin" / tool).write_text(text)
            (root / "bin" / tool).chmod(0o755)
        (root / "proc/net/route").write_text(ROUTE)
        monkeypatch.setenv("PATH", f"{root / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("FIREWALLD_STATE", str(self._state))
        self.zones(running=False)

    def zones(self, *ports: str, running: bool, now: tuple[str, ...] = (), interface: str = "", **more: Any) -> None:
        public = {"interfaces": [], "services": ["ssh"], "ports": list(ports)}
        internal = {"interfaces": [interface] if interface else [], "services": [], "ports": []}
        permanent = {"public": public, "internal": internal}
        in_force = json.loads(json.dumps(permanent))
        in_force["public"]["ports"] = list(now)
        state = {"state": "running" if running else "not running", "permanent": permanent, "now": in_force}
        self._state.write_text(json.dumps({**state, **more}))

    def ports(self, layer: str = "permanent", zone: str = "public") -> list[str]:
        found: list[str] = json.loads(self._state.read_text())[layer][zone]["ports"]
        return found

    def calls(self) -> list[str]:
        return Path(f"{self._state}.log").read_text().splitlines()

    def run(self, *ports: str, check: bool = False, **more: Any) -> dict[str, Any]:
        asked = {"ports": list(ports), "root": str(self.root), **more}
        return run_module("firewall_ports", asked, check_mode=check)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_what_an_open_range_covers_is_left_alone_and_the_rest_is_added_beside_it(host: Host) -> None:
    host.zones("8000-8010/tcp", running=False)
    assert host.run("8000/tcp")["changed"] is False
    answer = host.run("8000-8012/tcp", check=True)
    assert answer["changed"] and host.ports() == ["8000-8010/tcp"]
    assert answer["zones"]["public"]["missing"] == ["8011-8012/tcp"]
    assert host.run("8000-8012/tcp")["changed"] is True
    assert host.ports() == ["8000-8010/tcp", "8011-8012/tcp"]


def test_rules_in_force_are_put_right_by_themselves_and_nothing_is_reloaded(host: Host) -> None:
    host.zones("8000/tcp", running=True)
    answer = host.run("8000/tcp")
    assert (answer["changed"], answer["zones"]["public"]["missing"]) == (True, [])
    assert answer["zones"]["public"]["missing_now"] == ["8000/tcp"]
    assert (host.ports("permanent"), host.ports("now")) == (["8000/tcp"], ["8000/tcp"])
    assert not any("reload" in call for call in host.calls())


def test_ports_belong_to_the_zone_of_the_interface_that_leads_out(host: Host) -> None:
    host.zones(running=False, interface="eth0")
    assert list(host.run("8000/tcp")["zones"]) == ["internal"]
    assert (host.ports(zone="internal"), host.ports()) == (["8000/tcp"], [])


def test_sshd_is_let_in_where_it_listens_and_in_the_zone_of_the_interface(host: Host) -> None:
    host.zones(running=False, interface="eth0")
    (host.root / "proc/70/fd").mkdir(parents=True)
    (host.root / "proc/70/comm").write_text("sshd\n")
    (host.root / "proc/70/status").write_text("PPid:\t1\n")
    (host.root / "proc/70/fd/3").symlink_to("socket:[9]")
    (host.root / "proc/net/tcp").write_text("sl local rem st\n0: 00000000:08AE 0:0 0A 0:0 0:0 0 0 0 9 1\n")
    answer = host.run("8000/tcp", zone="public")
    assert answer["sshd"] == [2222]
    assert (host.ports(), host.ports(zone="internal")) == (["8000/tcp"], ["2222/tcp"])
    answer = host.run("8000/tcp", closed=["2000-3000/tcp"])
    assert answer["failed"] and "lock everybody out" in answer["msg"]


def test_a_closed_port_is_cut_out_of_a_range_that_stays_open_around_it(host: Host) -> None:
    host.zones("8000-8010/tcp", running=False)
    assert host.run("8000/tcp", closed=["8005/tcp"])["changed"] is True
    assert host.ports() == ["8000-8004/tcp", "8006-8010/tcp"]
    assert host.run("8000/tcp", closed=["8005/tcp"])["changed"] is False
    answer = host.run("8000/tcp", closed=["8000/tcp"])
    assert answer["failed"] and "8000/tcp is among the open ports too" in answer["msg"]


def test_a_file_that_an_earlier_version_left_unloadable_is_mended(host: Host) -> None:
    path = host.root / "etc/firewalld/zones/public.xml"
    path.write_text(
        '<zone>\n  <port port="8000-8010" protocol="tcp"/>\n  <port port="8000" protocol="tcp"/>\n</zone>\n'
    )
    host.zones("8000-8010/tcp", running=False)
    assert host.run("8000/tcp", check=True)["doubled"] == [str(path)]
    assert host.run("8000/tcp")["changed"] is True
    assert path.read_text() == '<zone>\n  <port port="8000-8010" protocol="tcp"/>\n</zone>\n'
    assert host.run("8000/tcp")["changed"] is False


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"zone": "dmz"}, "no zone dmz. It has: internal, public"),
    ({}, {"closed": ["ssh"]}, "closed: ssh is no port/protocol"),
    ({"broken": True}, {}, "would not load its rules: INVALID_ZONE"),
    ({"state": "failed"}, {}, "its rules failed to load"),
]


@pytest.mark.parametrize(("state", "asked", "words"), REFUSED)
def test_what_would_lock_out_or_mislead_is_refused(
    host: Host, state: dict[str, Any], asked: dict[str, Any], words: str
) -> None:
    host.zones(running=False, **state)
    answer = host.run("8000/tcp", **asked)
    assert answer["failed"] and words in answer["msg"]

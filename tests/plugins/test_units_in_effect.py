"""A unit is started anew exactly when what it sets does not hold; systemd is a stand-in here, real in molecule/vm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.machines import write
from support.python36 import run_module

UNIT = "pages.service"
# Test double of systemctl: shows what the file `states` holds and logs every other call; what brings the effect about
# makes the file `effect`, unless the host is too poor for it.
SYSTEMCTL = """#!/bin/sh
cd "$HOTPATH_TEST"
case "$1" in
show) cat states; exit ;;
daemon-reload) [ -e reloaded ] && cp reloaded states ;;
start|restart|reload)
  if [ -e broken ]; then echo "Job for $2 failed." >&2; echo "$@" >> log; exit 1; fi
  [ -e poor ] || touch effect ;;
esac
echo "$@" >> log
"""
JOURNALCTL = "#!/bin/sh\necho node 0 is short of memory\n"
ASK = """#!/bin/sh
[ -e "$HOTPATH_TEST/effect" ] || { echo node 0 has 0 of 64 hugepages >&2; exit 1; }
"""


def state(
    load: str = "loaded", enabled: str = "enabled", active: str = "active", reload: str = "no", name: str = UNIT
) -> str:
    return f"Id={name}\nLoadState={load}\nUnitFileState={enabled}\nActiveState={active}\nNeedDaemonReload={reload}\n"


class Host:
    """A folder that the doubles take for the host."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ask = str(root / "bin/ask")

    def has(self, *states: str, effect: bool = False) -> None:
        (self.root / "states").write_text("\n".join(states))
        if effect:
            (self.root / "effect").touch()

    def run(self, *units: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
        asked = list(units) or [{"name": UNIT, "holds": [self.ask], "renew": "reload"}]
        return run_module("units_in_effect", {"units": asked}, check_mode=check_mode)

    @property
    def calls(self) -> list[str]:
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    for name, text in {"systemctl": SYSTEMCTL, "journalctl": JOURNALCTL, "ask": ASK}.items():
        write(tmp_path / "bin" / name, text)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOTPATH_TEST", str(tmp_path))
    return Host(tmp_path)


def test_an_effect_that_holds_is_left_alone(host: Host) -> None:
    host.has(state(), effect=True)
    answer = host.run()
    assert (answer["changed"], answer["words"], host.calls) == (False, [], [])


def test_an_active_unit_whose_effect_is_gone_is_applied_again_with_the_reason(host: Host) -> None:
    """`state: started` leaves an active oneshot alone."""
    host.has(state())
    answer = host.run()
    assert (answer["changed"], host.calls) == (True, ["reload pages.service"])
    assert answer["words"] == ["pages.service is applied again: node 0 has 0 of 64 hugepages"]


def test_check_mode_foretells_and_touches_nothing(host: Host) -> None:
    host.has(state(enabled="disabled", reload="yes"))
    answer = host.run(check_mode=True)
    assert (answer["changed"], host.calls) == (True, [])
    assert answer["words"] == [
        "systemd reads its units again: the files of pages.service changed",
        "pages.service starts at every boot",
        "pages.service is applied again: node 0 has 0 of 64 hugepages",
    ]


def test_check_mode_foretells_a_unit_that_a_first_run_installs(host: Host) -> None:
    host.has(state(load="not-found", enabled="", active="inactive"))
    assert host.run(check_mode=True)["words"] == ["pages.service is installed and started"]


@pytest.mark.parametrize("active", ["inactive", "failed"])
def test_a_unit_that_does_not_run_is_started(host: Host, active: str) -> None:
    """Also where what it sets holds by chance."""
    host.has(state(active=active), effect=True)
    answer = host.run()
    assert host.calls == ["start pages.service"]
    assert answer["words"] == [f"pages.service was {active} and is started"]


def test_a_unit_that_waits_for_a_boot_is_enabled_alone(host: Host) -> None:
    host.has(state(enabled="disabled", active="inactive"))
    assert host.run({"name": UNIT, "holds": [host.ask], "start": False})["changed"]
    assert host.calls == ["enable pages.service"]


def test_systemd_reads_a_file_that_changed_in_whichever_run(host: Host) -> None:
    host.has(state(reload="yes"), effect=True)
    (host.root / "reloaded").write_text(state())
    answer = host.run()
    assert host.calls == ["daemon-reload"]
    assert answer["words"] == ["systemd reads its units again: the files of pages.service changed"]


def test_systemd_itself_is_no_unit_to_enable(host: Host) -> None:
    host.has(state(enabled="transient", name="init.scope"))
    answer = host.run({"name": "init.scope", "holds": ["false"], "otherwise": "other CPUs", "renew": "daemon-reload"})
    assert host.calls == ["daemon-reload"]
    assert answer["failed"] and "init.scope was started anew, and still: other CPUs" in answer["msg"]


def test_an_effect_that_cannot_be_had_fails_with_the_reason(host: Host) -> None:
    host.has(state())
    (host.root / "poor").touch()
    answer = host.run()
    assert answer["failed"]
    assert "pages.service was started anew, and still: node 0 has 0 of 64 hugepages" in answer["msg"]
    assert "node 0 is short of memory" in answer["msg"]


def test_a_unit_that_fails_is_named_with_its_last_words(host: Host) -> None:
    host.has(state(active="failed"))
    (host.root / "broken").touch()
    answer = host.run()
    assert answer["failed"] and "Job for pages.service failed." in answer["msg"]
    assert "node 0 is short of memory" in answer["msg"]


def test_a_masked_unit_is_refused_with_the_way_out(host: Host) -> None:
    host.has(state(load="masked", enabled="masked", active="inactive"))
    answer = host.run()
    assert answer["failed"] and "systemctl unmask pages.service" in answer["msg"]
    assert host.calls == []


def test_a_question_that_cannot_be_asked_is_an_objection(host: Host) -> None:
    host.has(state())
    (word,) = host.run({"name": UNIT, "holds": ["/nowhere/ask --check"]}, check_mode=True)["words"]
    assert "/nowhere/ask --check cannot be run (No such file or directory" in word


def test_each_unit_is_judged_by_its_own_state(host: Host) -> None:
    """An alias is shown under another name than it was asked by."""
    host.has(state(name="real.service"), state(active="inactive", name="other.service"), effect=True)
    host.run({"name": "alias.service", "holds": [host.ask]}, {"name": "other.service"})
    assert host.calls == ["start other.service"]

"""A play that is killed without warning is completed by the next one, to the very state of a play that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from support.throwaway import PROJECT, Throwaway, play, throwaway

PLAYBOOK = "site.yml"
PLACES = "etc opt/hotpath usr/libexec/hotpath var/lib/hotpath"
# What differs between any two hosts, or holds the time of its writing: the container's own files, keys, caches and the
# copies that tools keep of a file before they change it.
VOLATILE = ("etc/hostname", "etc/hosts", "etc/machine-id", "etc/ssh/*", "etc/ld.so.cache", "*-", "*.old", "*.pyc")
# A point of the play by what is true on the host then and not before.
PROVISIONING = "rpm -q nvidia-driver"
INSTALLING = "test -d /opt/hotpath/releases/*/venv"
BUILDING = "test -d /var/lib/hotpath/models/.source"
STARTING = 'test "$(systemctl is-active hotpath.service)" = activating'
UNITS = (
    "hotpath.service hotpath.socket nvidia-persistenced.service firewalld.service rpcbind.socket avahi-daemon.service"
)
PROPERTIES = "Id,ActiveState,SubState,UnitFileState,NeedDaemonReload"
PATIENCE_S = 600


def killed_when(host: Throwaway, point: str) -> None:
    """Start the play and kill all of its processes on the controller as soon as `point` is true on the host."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("ansible-playbook")), PLAYBOOK],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "HOTPATH_DEMO_HOSTS": host.name},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    try:
        while host.run(point).returncode != 0:
            assert process.poll() is None, f"the play ended (exit code {process.returncode}) before: {point}"
            assert time.monotonic() < deadline, f"not reached in {PATIENCE_S} s: {point}"
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def state_of(host: Throwaway) -> dict[str, list[str]]:
    """Path, mode, owner and link of every file, the digest of each that is not volatile, packages, locks and units."""
    volatile = " ".join(f"! -path '{pattern}'" for pattern in VOLATILE)
    commands = {
        "tree": f"cd / && find {PLACES} -printf '%p %y %m %u:%g %l\\n' | sort",
        "digests": f"cd / && find {PLACES} -type f {volatile} -print0 | sort -z | xargs -0 sha256sum",
        "packages": "rpm -qa --queryformat '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\\n' | sort",
        "units": f"systemctl show {UNITS} --property={PROPERTIES}",
        "enabled": "systemctl list-unit-files --state=enabled --no-legend | sort",
        "running": "cat /run/hotpath/deployment",
    }
    found = {}
    for name, command in commands.items():
        done = host.run(command)
        assert done.returncode == 0, done.stderr
        found[name] = done.stdout.splitlines()
    return found


def test_killed_at_four_points(tmp_path: Path) -> None:
    built = play("playbooks/bundle.yml", service_bundle_sets=["cpu"])
    assert built.code == 0, built.output
    with throwaway("killed") as host:
        for point in (PROVISIONING, INSTALLING, BUILDING, STARTING):
            killed_when(host, point)
        completed = host.play(PLAYBOOK)
        assert completed.code == 0, completed.output[-6000:]
        again = host.play(PLAYBOOK)
        assert f"{host.name} : ok=" in again.words and " changed=0 " in again.words, again.output[-4000:]
        killed = state_of(host)
    with throwaway("unharmed") as host:
        straight = host.play(PLAYBOOK)
        assert straight.code == 0, straight.output[-6000:]
        unharmed = state_of(host)
    for part, lines in unharmed.items():
        difference = sorted(set(lines) ^ set(killed[part]))
        assert difference == [], f"{part} differs: {json.dumps(difference[:20], indent=1)}"

"""QEMU: one emulated machine, how it starts and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cache import Failure, run

SNAPSHOT = "booted"
ADDRESS = "192.168.77.2"  # of every guest: each is alone in a network namespace
QUEUES = 4
MEMORY_MIB = 4096
SEED_MIB = 3072
STOP_SECONDS = 5
PROCESSORS = {
    "tcg": ("tcg,thread=multi,tb-size=512", "qemu64,+rdtscp,+pdpe1gb,+ssse3,+sse4.1,+sse4.2,+popcnt"),
    "kvm": ("kvm", "host"),
}
# The namespace lives as long as QEMU, so nothing of the machine's own network is touched and nothing is left behind.
NETWORK = (
    "ip link set lo up && ip tuntap add dev tap0 mode tap multi_queue && "
    'ip address add 192.168.77.1/24 dev tap0 && ip link set tap0 up && exec "$@"'
)


@dataclass(frozen=True)
class Machine:
    """One emulated machine; what belongs to it lies in `folder`."""

    folder: Path
    console: Path  # log of the serial console
    accelerator: str

    @property
    def disk(self) -> Path:
        return self.folder / "disk.qcow2"

    @property
    def seed(self) -> Path:
        """A second disk, empty until vm_seed fills it."""
        return self.folder / "seed.raw"

    @property
    def pid_file(self) -> Path:
        return self.folder / "pid"

    def command(self, *options: str) -> list[str]:
        """Two sockets with a NUMA node each; the NIC with its four queues hangs on the second node."""
        accelerator, processor = PROCESSORS[self.accelerator]
        half = f"{MEMORY_MIB // 2}M"
        return [
            "unshare", "--net", "sh", "-c", NETWORK, "sh",
            "qemu-system-x86_64", "-nodefaults", "-machine", "q35", "-accel", accelerator, "-cpu", processor,
            "-smp", "8,sockets=2,cores=4,threads=1", "-m", str(MEMORY_MIB),
            "-object", f"memory-backend-ram,id=memory0,size={half}", "-numa", "node,nodeid=0,cpus=0-3,memdev=memory0",
            "-object", f"memory-backend-ram,id=memory1,size={half}", "-numa", "node,nodeid=1,cpus=4-7,memdev=memory1",
            "-numa", "dist,src=0,dst=1,val=21",
            "-drive", f"if=none,id=disk,file={self.disk},cache=unsafe,discard=unmap",
            "-device", "virtio-blk-pci,drive=disk,bus=pcie.0",
            "-drive", f"if=none,id=seed,file={self.seed},format=raw,readonly=on,file.locking=off",
            "-device", "virtio-blk-pci,drive=seed,bus=pcie.0",
            "-device", "pxb-pcie,id=second,bus_nr=64,numa_node=1,bus=pcie.0",
            "-device", "pcie-root-port,id=socket1,bus=second,chassis=1",
            "-netdev", f"tap,id=network,ifname=tap0,script=no,downscript=no,vhost=off,queues={QUEUES}",
            "-device", f"virtio-net-pci,bus=socket1,netdev=network,mq=on,vectors={2 * QUEUES + 2}",
            "-device", "virtio-rng-pci,bus=pcie.0",
            "-display", "none", "-serial", f"file:{self.console}", "-pidfile", str(self.pid_file), *options,
        ]  # fmt: skip

    def pid(self) -> int | None:
        """The process, if it runs: a number in a file may by now be another's."""
        try:
            pid = int(self.pid_file.read_text())
            return pid if str(self.disk) in Path(f"/proc/{pid}/cmdline").read_text() else None
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None

    def make_seed(self) -> None:
        """Make the second disk, as empty as the snapshot knows it."""
        with self.seed.open("wb") as disk:
            disk.truncate(SEED_MIB << 20)

    def resume(self) -> None:
        """Start from the snapshot, in the background."""
        run(self.command("-daemonize", "-loadvm", SNAPSHOT))

    def stop(self) -> None:
        """End the process: nothing on a throwaway host is worth an orderly end."""
        pid = self.pid()
        if pid is None:
            return
        # An open connection would wait for ever for a machine that is gone, and ssh may send the next one through it.
        with suppress(ProcessLookupError):  # it ended by itself
            for process in [*_connections(pid), pid]:
                os.kill(process, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self.pid() is not None:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)


def _connections(pid: int) -> list[int]:
    """The `nc` processes in the network namespace of a process: what the ssh connections to its guest go through."""
    namespace = os.stat(f"/proc/{pid}/ns/net")
    if os.path.samestat(namespace, os.stat("/proc/self/ns/net")):
        return []  # a process without a namespace of its own has no connections of its own either
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):  # it ended, or it is not ours to see
            connects = (process / "cmdline").read_bytes().startswith(b"nc\0")
            if connects and os.path.samestat((process / "ns/net").stat(), namespace):
                found.append(int(process.name))
    return found


class Monitor:
    """QEMU's machine protocol (QMP) over the standard streams of a process that was started with `-qmp stdio`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._requests, self._answers = process, process.stdin, process.stdout
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: str) -> Any:
        """Run one command and return its answer."""
        self._requests.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._requests.flush()
        for line in self._answers:
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Failure(f"QEMU refused {command}: {answer['error']['desc']}")
        complaint = self._process.stderr.read().strip().rpartition("\n")[2] if self._process.stderr else ""
        raise Failure(f"QEMU ended with status {self._process.wait()}: {complaint}")

    def save_snapshot(self) -> None:
        """Keep disk and memory of the running machine in its disk image."""
        complaint = self.execute("human-monitor-command", **{"command-line": f"savevm {SNAPSHOT}"})
        if complaint:
            raise Failure(f"QEMU took no snapshot: {complaint.strip()}")

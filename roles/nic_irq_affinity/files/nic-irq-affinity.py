#!/usr/libexec/platform-python
"""Place the interrupts, transmit and receive queues of an interface on its planned CPUs (Python 3.6)."""

import argparse
import glob
import json
import os
import sys
from typing import Any, Dict, Iterable, List

PLACEMENT = "etc/hotpath/nic-irq-affinity.json"


def cpu_mask(cpus: List[int]) -> str:
    """The kernel's mask notation, in words of 32 bits."""
    bits = sum(1 << cpu for cpu in set(cpus))
    words = [f"{bits >> shift & 0xFFFFFFFF:08x}" for shift in range(0, bits.bit_length() or 1, 32)]
    return ",".join(reversed(words))


def cpu_ids(text: str) -> List[int]:
    """Numbers of a kernel CPU list: "0-2,8" -> [0, 1, 2, 8]. The kernel takes no others into a mask."""
    cpus = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus.extend(range(int(first), int(last or first) + 1))
    return cpus


def interrupts(root: str, interface: str) -> List[int]:
    """The interface's message-signalled interrupts, else its one line; virtio's are at the PCI function above."""
    device = os.path.join(root, "sys/class/net", interface, "device")
    functions = (device, os.path.join(os.path.realpath(device), os.pardir))
    for function in functions:
        found = [int(os.path.basename(path)) for path in glob.glob(os.path.join(function, "msi_irqs/*"))]
        if found:
            return sorted(found)
    lines = [os.path.join(function, "irq") for function in functions]
    return [int(read(line)) for line in lines if os.path.exists(line) and int(read(line)) > 0][:1]


def queues(root: str, interface: str, direction: str) -> int:
    return len(glob.glob(os.path.join(root, "sys/class/net", interface, f"queues/{direction}-*")))


def transmit_queues(root: str, interface: str) -> Dict[str, str]:
    """XPS: each transmit queue serves the CPUs that fall to it."""
    count = queues(root, interface, "tx")
    if count < 2:  # a single queue serves everybody already, and its driver offers no choice
        return {}
    online = cpu_ids(read(os.path.join(root, "sys/devices/system/cpu/online")))
    return {
        f"sys/class/net/{interface}/queues/tx-{queue}/xps_cpus": cpu_mask(online[queue::count])
        for queue in range(count)
    }


def receive_queues(root: str, interface: str, cpus: List[int], entries: int) -> Dict[str, str]:
    """RPS spreads what fewer queues than planned CPUs receive over those CPUs; RFS follows the reading process."""
    count = queues(root, interface, "rx")
    spread = cpu_mask(cpus if count < len(cpus) else [])
    wanted = {}
    for queue in range(count):
        wanted[f"sys/class/net/{interface}/queues/rx-{queue}/rps_cpus"] = spread
        if entries:
            wanted[f"sys/class/net/{interface}/queues/rx-{queue}/rps_flow_cnt"] = str(entries // count)
    if entries:
        wanted["proc/sys/net/core/rps_sock_flow_entries"] = str(entries)
    return wanted


def serving(root: str, interface: str, interfaces: Dict[str, List[int]]) -> List[int]:
    """The CPUs that the interface's interrupts take in turn.

    Two ports of one PCI function (ConnectX-3), or cards on one line, have their interrupts together. They take the
    CPUs of all of them, so that it is the same turn whichever is placed.
    """
    own = set(interrupts(root, interface))
    sharing = [other for other in sorted(interfaces) if other == interface or own & set(interrupts(root, other))]
    return list(dict.fromkeys(cpu for other in sharing for cpu in interfaces[other]))


def placement(root: str, interface: str, plan: Dict[str, Any]) -> Dict[str, str]:
    """File to content: interrupts take the CPUs in turn, then what the queues serve."""
    wanted = {}
    turn = serving(root, interface, plan["interfaces"])
    for number, irq in enumerate(interrupts(root, interface)):
        wanted[f"proc/irq/{irq}/smp_affinity_list"] = str(turn[number % len(turn)])
    if plan["xps"]:
        wanted.update(transmit_queues(root, interface))
    if plan["rps"]:
        wanted.update(receive_queues(root, interface, plan["interfaces"][interface], plan["rfs_entries"]))
    return wanted


def same(name: str, left: str, right: str) -> bool:
    """The kernel writes masks as wide as its CPUs are many, so masks are compared as numbers, and nothing else is."""
    if name.endswith("_cpus"):
        return int(left.replace(",", ""), 16) == int(right.replace(",", ""), 16)
    return left == right


def read(path: str) -> str:
    with open(path) as stream:
        return stream.read().strip()


def apply(root: str, wanted: Dict[str, str], check: bool) -> List[str]:
    """What did not hold: one line for each file, with the kernel's reason."""
    problems = []
    for name, value in wanted.items():
        path = os.path.join(root, name)
        try:
            if not check:
                # Not by "w", which would ask SELinux for the right to make a file of the kernel's.
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_TRUNC), "w") as stream:
                    stream.write(value)
            found = read(path)
        except OSError as error:
            problems.append(f"{path}: the kernel refuses {value} ({error.strerror})")
            continue
        if not same(name, found, value):
            problems.append(f"{path} holds {found} instead of {value}")
    return problems


def bans(root: str, interfaces: Iterable[str]) -> str:
    """The environment that keeps irqbalance off the interrupts of all planned interfaces."""
    planned = sorted({irq for interface in interfaces for irq in interrupts(root, interface)})
    return "IRQBALANCE_ARGS={}\n".format(" ".join(f"--banirq={irq}" for irq in planned))


def unbanned(root: str, interface: str) -> List[str]:
    """What an irqbalance may undo that was started without the bans of the interface's interrupts."""
    problems = []
    for path in glob.glob(os.path.join(root, "proc/[0-9]*/comm")):
        try:
            if read(path) != "irqbalance":
                continue
            running = read(os.path.join(os.path.dirname(path), "cmdline")).split("\0")
        except OSError:  # a process that has ended meanwhile
            continue
        free = [irq for irq in interrupts(root, interface) if f"--banirq={irq}" not in running]
        if free:
            numbers = ", ".join(map(str, free))
            problems.append(f"irqbalance runs without --banirq for the interrupts of {interface}: {numbers}")
    return problems


def write_bans(path: str, text: str) -> None:
    if path == "-":
        sys.stdout.write(text)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as stream:
        stream.write(text)


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("interface", nargs="?")
    parser.add_argument("--check", action="store_true", help="only say what is not in its place")
    parser.add_argument("--ban", metavar="FILE", help="only write irqbalance's environment, - for standard output")
    parser.add_argument("--root", default="/", help="directory under which sys, proc and etc are looked for")
    options = parser.parse_args(arguments)
    with open(os.path.join(options.root, PLACEMENT)) as stream:
        plan = json.load(stream)
    if options.ban:
        write_bans(options.ban, bans(options.root, plan["interfaces"]))
        return 0
    if not plan["interfaces"].get(options.interface):
        refusal = f"{options.interface} has no place in /{PLACEMENT}; run the role nic_irq_affinity again"
        print(refusal, file=sys.stderr)
        return 1
    wanted = placement(options.root, options.interface, plan)
    problems = apply(options.root, wanted, options.check)
    missed = len(problems)
    if options.check:
        problems += unbanned(options.root, options.interface)
    if not interrupts(options.root, options.interface):
        problems.append(f"{options.interface} has no interrupt in sysfs; is its driver loaded?")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{options.interface}: {len(wanted) - missed} of {len(wanted)} settings hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

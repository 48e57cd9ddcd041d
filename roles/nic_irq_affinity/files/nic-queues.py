#!/usr/libexec/platform-python
"""Set how many queues an interface has and how long their rings are (Python 3.6), through ethtool.

A change takes the link down for a moment, so nothing is written that holds already.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from typing import Dict, List, NamedTuple, Optional, Union

PLACEMENT = "etc/hotpath/nic-irq-affinity.json"
Wish = Union[str, int]  # keep, planned or max, or a number


class Kind(NamedTuple):
    """One of ethtool's settings: the options that show and set it, and the names it goes by."""

    what: str
    show: str
    change: str
    names: List[str]


# Drivers have combined queues, or receive and transmit queues apart.
CHANNELS = Kind("channels", "-l", "-L", ["combined", "rx", "tx"])
RINGS = Kind("rings", "-g", "-G", ["rx", "tx"])


class State(NamedTuple):
    """What the driver allows and what it has, by name."""

    most: Dict[str, int]
    present: Dict[str, int]


class Refused(Exception):
    """ethtool's own words."""


def ethtool(*arguments: str) -> str:
    try:
        done = subprocess.run(["ethtool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError as error:
        raise Refused("ethtool is missing: install the package ethtool") from error
    if done.returncode != 0:
        raise Refused(done.stderr.decode().strip() or f"ethtool ended with exit code {done.returncode}")
    return done.stdout.decode()


def parse(text: str) -> State:
    """The two tables of `ethtool -l` and `ethtool -g`; what a driver lacks is n/a or 0."""
    most, _, present = text.partition("Current hardware settings")
    numbers = [
        {
            name.strip().lower(): int(number)
            for name, number in re.findall(r"^([\w ]+):\s*(\d+)\s*$", part, re.MULTILINE)
        }
        for part in (most, present)
    ]
    return State(*numbers)


def target(wish: Wish, present: int, most: int, cpus: int) -> Optional[int]:
    """The number to set, None where the wish is more than the driver has."""
    if wish == "max":
        return most
    if wish == "planned":  # a CPU serves several queues no better than one
        return min(present, cpus)
    return int(wish) if int(wish) <= most else None


def settle(interface: str, kind: Kind, wish: Wish, cpus: int, check: bool) -> List[str]:
    """What does not hold."""
    if wish == "keep":
        return []
    if wish not in ("planned", "max") and not str(wish).isdigit():
        return [f"{interface}: {kind.what} {wish} is neither keep, planned, max nor a number"]
    try:
        state = parse(ethtool(kind.show, interface))
    except Refused as reason:
        if str(wish).isdigit() or "missing" in str(reason):
            return [f"{interface}: its {kind.what} cannot be set to {wish}: {reason}"]
        print(f"{interface}: its driver has no {kind.what} to set")
        return []
    names = [name for name in kind.names if state.most.get(name)]
    if "combined" in names:
        names = ["combined"]
    wanted = {name: target(wish, state.present.get(name, 0), state.most[name], cpus) for name in names}
    beyond = [name for name, number in wanted.items() if number is None]
    if beyond:
        return [f"{interface}: {kind.what} {wish} is more than the driver's {state.most[beyond[0]]} ({beyond[0]})"]
    changes = {name: number for name, number in wanted.items() if number != state.present.get(name)}
    if changes and check:
        return [
            f"{interface}: {kind.what} {name} is {state.present.get(name)} instead of {changes[name]}"
            for name in changes
        ]
    if changes:
        try:
            ethtool(kind.change, interface, *(word for name in changes for word in (name, str(changes[name]))))
        except Refused as reason:
            return [f"{interface}: the driver refuses {kind.what} {changes}: {reason}"]
    return []


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("interface")
    parser.add_argument("--check", action="store_true", help="only say what is not as it should be")
    parser.add_argument("--root", default="/", help="directory under which etc is looked for")
    options = parser.parse_args(arguments)
    with open(os.path.join(options.root, PLACEMENT)) as stream:
        plan = json.load(stream)
    cpus = len(plan["interfaces"].get(options.interface, []))
    problems: List[str] = []
    if cpus:
        for kind, wish in ((CHANNELS, plan["channels"]), (RINGS, plan["rings"])):
            problems += settle(options.interface, kind, wish, cpus, options.check)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/libexec/platform-python
"""Reserve hugepages: NODE:SIZE_KIB:COUNT... (Python 3.6). Fails when a node gives fewer than asked.

Pages that an earlier call in this boot added and nobody asks for any more are given back; those of others stay.
Pages of 1 GiB come from the boot loader, which spreads them over the nodes: they move to the nodes that want them.
"""

import argparse
import glob
import json
import os
import re
import sys
import time
from typing import Dict, List, NamedTuple

ATTEMPTS = 5
GIB_KIB = 1024 * 1024
Added = Dict[str, int]  # pages that calls in this boot have added, by node and size


class Pages(NamedTuple):
    node: int
    size_kib: int
    wanted: int

    @property
    def name(self) -> str:
        return f"{self.node}:{self.size_kib}"

    @property
    def pool(self) -> str:
        return f"devices/system/node/node{self.node}/hugepages/hugepages-{self.size_kib}kB/nr_hugepages"


def parse(text: str) -> Pages:
    try:
        node, size_kib, wanted = (int(number) for number in text.split(":"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not NODE:SIZE_KIB:COUNT") from error
    return Pages(node, size_kib, wanted)


def write(path: str, value: int) -> None:
    with open(path, "w") as stream:
        stream.write(str(value))


def read(path: str) -> int:
    with open(path) as stream:
        return int(stream.read())


def present(pages: Pages, sys_root: str) -> int:
    """Pages that the node has, none of a size that it does not know."""
    pool = os.path.join(sys_root, pages.pool)
    return read(pool) if os.path.exists(pool) else 0


def reserve(pages: Pages, sys_root: str, pause_s: float) -> int:
    """Pages that the node has afterwards; memory is compacted before each further attempt."""
    pool = os.path.join(sys_root, pages.pool)
    for attempt in range(ATTEMPTS):
        if read(pool) >= pages.wanted:
            break
        if attempt:
            write(os.path.join(sys_root, f"devices/system/node/node{pages.node}/compact"), 1)
            time.sleep(pause_s)
        write(pool, pages.wanted)
    return read(pool)


def surplus(asked: List[Pages], sys_root: str, added: Added) -> Dict[Pages, int]:
    """How many pages go back to the kernel: what is beyond what is asked for, but of others' 2 MiB pages none."""
    wanted = {pages.name: pages for pages in asked}
    for name in added:
        wanted.setdefault(name, parse(f"{name}:0"))
    if any(pages.size_kib == GIB_KIB for pages in asked):
        for path in glob.glob(os.path.join(sys_root, f"devices/system/node/node*/hugepages/hugepages-{GIB_KIB}kB")):
            node = re.findall(r"/node(\d+)/", path)[-1]
            wanted.setdefault(f"{node}:{GIB_KIB}", Pages(int(node), GIB_KIB, 0))
    found = {}
    for name, pages in wanted.items():
        beyond = present(pages, sys_root) - pages.wanted
        found[pages] = beyond if pages.size_kib == GIB_KIB else min(beyond, added.get(name, 0))
    return {pages: count for pages, count in found.items() if count > 0}


def give_back(asked: List[Pages], sys_root: str, added: Added) -> None:
    """Lower the pools that hold more than is asked for, before others are raised: the memory may be needed there."""
    for pages, count in surplus(asked, sys_root, added).items():
        write(os.path.join(sys_root, pages.pool), present(pages, sys_root) - count)
        added[pages.name] = max(added.get(pages.name, 0) - count, 0)
        print(f"node {pages.node}: {count} hugepages of {pages.size_kib} KiB given back")


def check(asked: List[Pages], sys_root: str, added: Added) -> int:
    """Say what a call would change; 1 when there is anything."""
    differences = [
        f"node {pages.node} has {present(pages, sys_root)} of {pages.wanted} hugepages of {pages.size_kib} KiB"
        for pages in asked
        if present(pages, sys_root) < pages.wanted
    ]
    for pages, count in surplus(asked, sys_root, added).items():
        differences.append(f"node {pages.node} has {count} hugepages of {pages.size_kib} KiB more than it is to have")
    for difference in differences:
        print(difference, file=sys.stderr)
    return 1 if differences else 0


def earlier(path: str, sys_root: str) -> Added:
    """What calls in this boot have added and is still there; somebody may have taken pages away since."""
    try:
        with open(path) as stream:
            found: Added = json.load(stream)
    except (OSError, ValueError):  # there is none, or its writing was cut short
        return {}
    return {name: min(count, present(parse(f"{name}:0"), sys_root)) for name, count in found.items()}


def remember(path: str, added: Added) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as stream:
        json.dump({name: count for name, count in added.items() if count}, stream)


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", type=parse, metavar="NODE:SIZE_KIB:COUNT")
    parser.add_argument("--check", action="store_true", help="only say what differs")
    parser.add_argument("--sys", default="/sys", help="where sysfs is mounted")
    parser.add_argument("--state", default="/run/hotpath/hugepages.json", help="what was added in this boot")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between attempts")
    options = parser.parse_args(arguments)
    added = earlier(options.state, options.sys)
    if options.check:
        return check(options.pages, options.sys, added)
    give_back(options.pages, options.sys, added)
    short = False
    for pages in options.pages:
        try:
            before = read(os.path.join(options.sys, pages.pool))
            got = reserve(pages, options.sys, options.pause)
        except OSError as error:
            short = True
            print(f"node {pages.node}: {error}; has the host this node and page size?", file=sys.stderr)
            continue
        added[pages.name] = added.get(pages.name, 0) + got - before
        print(f"node {pages.node}: {got} of {pages.wanted} hugepages of {pages.size_kib} KiB")
        if got < pages.wanted:
            short = True
            print(
                f"node {pages.node} is short of memory that is free in one piece: ask for fewer pages, or reboot",
                file=sys.stderr,
            )
    remember(options.state, added)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

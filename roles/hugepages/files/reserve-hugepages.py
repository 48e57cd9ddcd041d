#!/usr/libexec/platform-python
"""Reserve hugepages: NODE:SIZE_KIB:COUNT... (Python 3.6). Fails when a node gives fewer than asked."""

import argparse
import os
import sys
import time
from typing import List, NamedTuple

ATTEMPTS = 5


class Pages(NamedTuple):
    node: int
    size_kib: int
    wanted: int

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


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", type=parse, metavar="NODE:SIZE_KIB:COUNT")
    parser.add_argument("--sys", default="/sys", help="where sysfs is mounted")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between attempts")
    options = parser.parse_args(arguments)
    short = False
    for pages in options.pages:
        try:
            got = reserve(pages, options.sys, options.pause)
        except OSError as error:
            short = True
            print(f"node {pages.node}: {error}; has the host this node and page size?", file=sys.stderr)
            continue
        print(f"node {pages.node}: {got} of {pages.wanted} hugepages of {pages.size_kib} KiB")
        if got < pages.wanted:
            short = True
            print(
                f"node {pages.node} is short of memory that is free in one piece: ask for fewer pages, or reboot",
                file=sys.stderr,
            )
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

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
    count: int

    @property
    def pool(self) -> str:
        return "devices/system/node/node%d/hugepages/hugepages-%dkB/nr_hugepages" % (self.node, self.size_kib)


def parse(text: str) -> Pages:
    try:
        node, size_kib, count = (int(number) for number in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError("%r is not NODE:SIZE_KIB:COUNT" % text)
    return Pages(node, size_kib, count)


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
        if read(pool) >= pages.count:
            break
        if attempt:
            write(os.path.join(sys_root, "devices/system/node/node%d/compact" % pages.node), 1)
            time.sleep(pause_s)
        write(pool, pages.count)
    return read(pool)


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", type=parse, metavar="NODE:SIZE_KIB:COUNT")
    parser.add_argument("--sys", default="/sys", help="where sysfs is mounted")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between attempts")
    options = parser.parse_args(arguments)
    short = False
    for pages in options.pages:
        got = reserve(pages, options.sys, options.pause)
        print("node %d: %d of %d hugepages of %d KiB" % (pages.node, got, pages.count, pages.size_kib))
        if got < pages.count:
            short = True
            print(
                "node %d is short of memory that is free in one piece: ask for fewer pages, or reboot" % pages.node,
                file=sys.stderr,
            )
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

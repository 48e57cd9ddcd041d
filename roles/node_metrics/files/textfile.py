"""Files that node_exporter reads. Python 3.6; lies beside the programs that write them."""

import os
from typing import List


def write(path: str, lines: List[str]) -> None:
    """Replace a file as a whole, so that nobody reads half of it."""
    partial = "%s.%d" % (path, os.getpid())
    with open(partial, "w") as handle:
        handle.write("".join(line + "\n" for line in lines))
    os.replace(partial, path)

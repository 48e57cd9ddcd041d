"""Have Python write bytecode of all that the service imports; run as the owner of its files.

The service's own user may not write beside the modules, and would compile them at every start. To import what
it imports takes a fifth of what it takes to compile every file of every package, most of which nobody needs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import walk_packages

import hotpath


def main() -> int:
    """Import every module of the service; what this set of packages has no library for is passed over."""
    for module in walk_packages(hotpath.__path__, "hotpath."):
        if module.name.endswith("__main__"):
            continue
        try:
            import_module(module.name)
        except ImportError as error:
            print(f"{module.name} has no part in this set of packages: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

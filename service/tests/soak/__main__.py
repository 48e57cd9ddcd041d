"""`python -m soak [SCENARIO ...]`: prints what was found; exit status 1 when something is not right."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict

from soak import casts
from soak.mixed import mixed
from soak.scenarios import Found, bad_clients, endurance, faults, judge, overload
from soak.takers import takers


def main() -> int:
    """Run the scenarios that were asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "scenarios",
        nargs="*",
        metavar="SCENARIO",
        help="faults, takers, overload, endurance, bad_clients, mixed",
    )
    parser.add_argument("--kills", type=int, default=20, help="of engines, and as many of workers")
    parser.add_argument("--swaps", type=int, default=5, help="of models, in the mixed run")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of overload, and of clients that trickle"
    )
    parser.add_argument("--requests", type=int, default=200_000, help="of the endurance run")
    parser.add_argument("--clients", type=int, default=1000, help="bad ones")
    parser.add_argument("--json", type=Path, help="where to write what was found")
    asked = parser.parse_args()
    known: Dict[str, Callable[[Path], Found]] = {
        "faults": lambda room: faults(room, asked.kills, 2.0),
        "takers": lambda room: takers(room, asked.kills, 1.0),
        "overload": lambda room: overload(room, asked.seconds),
        "bad_clients": lambda room: bad_clients(room, asked.clients, asked.seconds),
        "mixed": lambda room: mixed(room, casts.real(), asked.kills, asked.swaps, 6.0),
        "endurance": lambda room: endurance(room, asked.requests),
    }
    unknown = [name for name in asked.scenarios if name not in known]
    if unknown:
        parser.error(f"there is no scenario {unknown[0]!r}; there are: {', '.join(known)}")
    found: Dict[str, Found] = {}
    problems = []
    for name in asked.scenarios or known:
        with tempfile.TemporaryDirectory(prefix="hotpath-soak-") as room:
            found[name] = known[name](Path(room))
        print(f"{name}: {json.dumps(found[name], indent=2)}", flush=True)
        problems += judge(name, found[name])
        if asked.json:
            asked.json.write_text(json.dumps(found, indent=2) + "\n")
    print("\n".join(problems) or "all as it should be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""Build what the hosts install: the wheels of a locked set, the service's own wheel, and the models' sources.

The answer on standard output is the bundle's description as JSON, which is also kept as OUTPUT/SET.json for the
deployment; progress goes to standard error. Everything is named after its content, so a second call finds its work
done.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from bundling.build import Order, Progress, build, describe
from bundling.keys import BundleError
from bundling.models import Wish
from bundling.wheels import Source

ROOT = Path(__file__).resolve().parent.parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["plan", "build"], help="plan only names what build would make")
    parser.add_argument("--set", required=True, dest="name", help="the set of packages, such as cpu or cuda11.6")
    parser.add_argument("--python", required=True, help="the hosts' Python, such as 3.8")
    parser.add_argument("--output", type=Path, default=ROOT / ".cache" / "bundle", help="default: .cache/bundle")
    parser.add_argument("--service", type=Path, default=ROOT / "service", help="the service's source tree")
    parser.add_argument("--lock", type=Path, help="default: SERVICE/locks/SET-pyXY.txt")
    parser.add_argument(
        "--models",
        type=json.loads,
        default=[{"source": "efficientnet_lite0"}],
        help="JSON: a list of models, each with `source` and, where it is another than the source's, `name`",
    )
    parser.add_argument("--wheels", type=Path, help="take every wheel from this directory and ask no index")
    parser.add_argument(
        "--torch-wheels", default=os.environ.get("HOTPATH_TORCH_WHEELS", ""), help="where pip finds torch"
    )
    return parser.parse_args()


def main() -> int:
    """0 done, 1 cannot be done (the reason and the way out stand on standard error)."""
    given = arguments()
    lock = given.lock or given.service / "locks" / f"{given.name}-py{given.python.replace('.', '')}.txt"
    order = Order(
        name=given.name,
        python=given.python,
        service=given.service.resolve(),
        lock=lock.resolve(),
        models=Wish.of(given.models),
        output=given.output.resolve(),
        source=Source(sys.executable, given.wheels.resolve() if given.wheels else None, given.torch_wheels),
    )
    try:
        answer = describe(order) if given.action == "plan" else build(order, Progress())
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())

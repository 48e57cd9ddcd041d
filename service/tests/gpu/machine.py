"""What this machine has of what the checks need."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any, Dict, List

_ASK_S = 120.0
"""To import torch from a cold disk."""


def discover() -> Dict[str, Any]:
    """Versions, GPUs, and what is lacking: `lacks` has a reason for each need that is not met.

    In a process of its own, because a broken library may end it.
    """
    asked = subprocess.run(
        [sys.executable, "-m", "gpu.machine"], capture_output=True, text=True, timeout=_ASK_S, check=False
    )
    if asked.returncode == 0:
        found: Dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
        return found
    last = (asked.stderr.strip().splitlines() or [""])[-1][:200]
    reason = f"torch ends its process ({asked.returncode}): {last}"
    return {"python": sys.version.split()[0], "gpus": [], "lacks": {"gpu": reason}}


def _look() -> Dict[str, Any]:
    found: Dict[str, Any] = {"python": sys.version.split()[0], "executable": sys.executable}
    lacks: Dict[str, str] = {}
    for need, names in _LIBRARIES.items():
        for name in names:
            try:
                found[name] = str(getattr(importlib.import_module(name), "__version__", "there"))
            except Exception as error:  # whatever a library does when it misses another
                lacks.setdefault(need, f"{name} can't be imported: {str(error).splitlines()[0][:160]}")
    found["gpus"] = [] if "torch" in lacks else _gpus(lacks)
    if "torch" in lacks:
        lacks["gpu"] = lacks.pop("torch")
    else:
        from hotpath.models import programs

        reason = programs.unavailable()
        lacks.update({"programs": reason} if reason else {})
    return {**found, "lacks": lacks}


_LIBRARIES = {
    "torch": ["torch"],
    "tensorrt": ["torch_tensorrt", "tensorrt"],
    "texts": ["tokenizers", "safetensors"],
    "nvml": ["pynvml"],
}


def _gpus(lacks: Dict[str, str]) -> List[Dict[str, Any]]:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        of = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        lacks["gpu"] = f"torch {torch.__version__}, which is one {of}, sees no GPU"
    properties = [torch.cuda.get_device_properties(number) for number in range(count)]
    return [
        {"name": one.name, "capability": f"{one.major}.{one.minor}", "mib": one.total_memory >> 20}
        for one in properties
    ]


if __name__ == "__main__":
    print(json.dumps(_look()))

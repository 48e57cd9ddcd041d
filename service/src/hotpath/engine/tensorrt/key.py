"""Which machine and which versions an engine was made for: it runs on no other."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Dict, List

_DRIVER = Path("/sys/module/nvidia/version")


@dataclass(frozen=True)
class EngineKey:
    """Everything that an engine depends on."""

    model: str
    """SHA-256 of the model's weights"""
    gpu: str
    compute_capability: str
    driver: str
    torch: str
    torch_tensorrt: str
    tensorrt: str
    precision: str
    buckets: str
    """the batch sizes, such as 1,2,4,8"""

    @property
    def name(self) -> str:
        """A directory name: 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def differences(self, other: Dict[str, str]) -> List[str]:
        """What a stored key has otherwise, each as a phrase."""
        return [
            f"{name} {other.get(name, 'unknown')!r} instead of {value!r}"
            for name, value in asdict(self).items()
            if other.get(name) != value
        ]


def driver_version(path: Path = _DRIVER) -> str:
    """The loaded driver's version; `unknown` where the kernel does not tell."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"

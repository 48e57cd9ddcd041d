"""What `make demo` left behind, for the tests that look at it from outside."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / ".cache" / "model-source" / "efficientnet_lite0"
PROBES: list[dict[str, Any]] = tomllib.loads(
    (PROJECT / "service" / "models" / "efficientnet_lite0" / "model.toml").read_text()
)["probes"]


@dataclass(frozen=True)
class Demo:
    """What `make demo` printed, and where the service is."""

    output: str
    url: str

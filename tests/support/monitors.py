"""Prometheus and its tools on this machine."""

from __future__ import annotations

from pathlib import Path

from throwaway.monitors import ensure_programs


def programs() -> Path:
    """The folder with prometheus, promtool, alertmanager, amtool and node_exporter."""
    return ensure_programs()

#!/usr/bin/env python3
"""Throwaway hosts: podman containers on this machine, made by `make demo` and removed by `make hosts-down`."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from throwaway.inventory import inventory

print(json.dumps(inventory()))

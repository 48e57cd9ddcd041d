"""Debian's Chromium, driven by its own driver; nothing is downloaded."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    # The page is the same on every Python, and the drivers' library has left 3.8 behind.
    collect_ignore_glob = ["test_*.py"]

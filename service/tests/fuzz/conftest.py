"""Which fuzz tests there are on which Python."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    # schemathesis, which asks the running service, has left 3.8 behind; the parsers are fuzzed on both.
    collect_ignore = ["test_service.py"]

"""What the controller knows of a host's files, as the module rendered_files answered it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any


def as_wanted(file: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    """Whether the host is known to have a file with this content, mode and owner."""
    content = str(file["content"])
    text = content if content.endswith("\n") else content + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return known.get(file["path"]) == f"{digest} {int(str(file.get('mode', '0644')), 8):04o} 0:0"

"""The row of sentence embeddings: ours and the peers', one text a request."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from typing import Any, Dict, List

import turns
from servers import Running
from text_servers import OPENAI, PEERS, PREDICT

CLIENTS = (1, 32)


def row(load: turns.Load, texts: Path, rounds: int, only: List[str], say: turns.Say) -> Dict[str, Any]:
    """By server's name. `texts` is what texts.py left."""

    def counted(server: Running, clients: int) -> Dict[str, Any]:
        if server.server.environment != "service":
            return load(server, clients)
        before = _units(server.port)
        found = load(server, clients)
        units = {kind: count - before[kind] for kind, count in _units(server.port).items()}
        return {**found, "padded_share": units["padded"] / max(1.0, sum(units.values()))}

    subjects = [
        turns.Subject([OPENAI, PREDICT], texts),
        *(turns.Subject([peer], texts / "peer") for peer in PEERS),
    ]
    wanted = [one for one in subjects if not only or one.ways[0].name in only]
    sample = next(iter(sorted((texts / "bodies").iterdir()))).read_bytes()
    return turns.row(counted, wanted, sample, CLIENTS, rounds, say)


def _units(port: int) -> Dict[str, float]:
    """Units of batches so far, by what they were."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found = {"real": 0.0, "padded": 0.0}
    for kind, count in re.findall(r'^hotpath_batch_units\w*\{.*kind="(\w+)".*\} (\S+)$', text, re.MULTILINE):
        found[kind] += float(count)
    return found

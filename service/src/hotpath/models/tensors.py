"""Reading files of tensors that come from elsewhere, as data and never as code."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import torch

_ZIP = b"PK\x03\x04"


def load(path: Path) -> Any:
    """What `torch.save` wrote, where that is tensors, numbers, texts and containers of them.

    Raises ValueError for a file that could run code, else whatever the bytes lead torch's reader to.

    `weights_only` alone is not enough before torch 2.6: a TorchScript archive and the oldest format, a tar,
    were handed to readers that don't heed it (CVE-2025-32434). So neither is let through.
    """
    with path.open("rb") as file:
        zipped = file.read(len(_ZIP)) == _ZIP
    # torch's own reader says what is inside: another one might see other names in a crafted file.
    if zipped and "constants.pkl" in torch._C.PyTorchFileReader(str(path)).get_all_records():
        raise ValueError("it is a TorchScript archive, which holds code")
    if not zipped and tarfile.is_tarfile(path):
        raise ValueError("it is in torch's oldest format, which can hold code")
    return torch.load(path, map_location="cpu", weights_only=True)

"""A network of texts as TorchScript, and batches for it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Sequence, Tuple

import numpy
import torch
from torch import Tensor, nn

from hotpath.tasks.task import Array


def script(network: nn.Module, output: Path) -> None:
    """Write the TorchScript form, for texts of any number and length; it holds both ways of the encoder."""
    with warnings.catch_warnings():
        # torch.jit is deprecated in favour of torch.export, which the oldest stack (torch 1.13) has not.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.freeze(torch.jit.script(network.eval())), str(output))


def batch(texts: Sequence[Array]) -> Tuple[Tensor, Tensor]:
    """Numbers of tokens, filled up with zeros, and how many each text has, as back ends make them."""
    ids = numpy.zeros((len(texts), max(map(len, texts))), numpy.int32)
    for row, text in zip(ids, texts):
        row[: len(text)] = text
    return torch.from_numpy(ids), torch.tensor([len(text) for text in texts])

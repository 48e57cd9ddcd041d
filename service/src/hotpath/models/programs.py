"""Exported programs: a network's graph and weights in one file, without its Python code (torch.export).

What takes TorchScript's place in newer versions of torch.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

import torch
from torch import Tensor, nn

from hotpath.models.built import EXPORTS_FROM

ANY = 0
"""In the place of a batch size: all of them."""

_MOST_ITEMS = 4096
"""In a batch: a bound is asked for, and no device has room for so many."""
_MOST_REASON = 400

Lengths = Tuple[int, int]
"""The least and the most along the second axis of an input; (0, 0) where it does not vary."""


class Unexportable(Exception):
    """torch.export can't take the network; says why."""


def unavailable() -> str:
    """Why this torch has no exported programs that serve; empty where it has."""
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) >= EXPORTS_FROM:
        return ""
    return (
        f"torch {torch.__version__} is older than {'.'.join(map(str, EXPORTS_FROM))}, which has them for GPUs"
    )


class _Plain(nn.Module):
    """A network that takes its inputs by place, whatever its own call looks like."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tuple[Tensor, ...]:
        """The network's outputs."""
        return tuple(self.network(*inputs))


def write(
    network: nn.Module,
    example: Callable[[int], Sequence[Tensor]],
    lengths: Sequence[Lengths],
    sizes: Sequence[int],
    name: Callable[[int], Path],
) -> Dict[int, Path]:
    """Export the network, for batches of ANY size at once or, where it can't be had so, for each of `sizes`.

    `example` gives a batch of so many items, `lengths` what varies in each of its tensors, `name` the file of
    a batch size. Raises Unexportable.
    """
    try:
        _write(network, example(2), _moving(lengths, any_size=True), name(ANY))
    except Unexportable:
        pass
    else:
        return {ANY: name(ANY)}
    for size in sizes:
        _write(network, example(size), _moving(lengths, any_size=False), name(size))
    return {size: name(size) for size in sizes}


def load(paths: Mapping[int, Path], device: torch.device) -> Callable[[int], nn.Module]:
    """The network for a batch size, on the device; it takes and returns tuples of tensors."""
    loaded = {size: _load(path, device) for size, path in paths.items()}
    return lambda size: loaded[ANY if ANY in loaded else size]


def _moving(lengths: Sequence[Lengths], any_size: bool) -> Tuple[Dict[int, Any], ...]:
    """What of each input varies, as torch.export is told."""
    from torch.export import Dim

    batch = Dim("batch", min=1, max=_MOST_ITEMS)
    along: Dict[Lengths, Any] = {}
    found = []
    for least, most in lengths:
        axes: Dict[int, Any] = {0: batch} if any_size else {}
        if least != most:
            axes[1] = along.setdefault((least, most), Dim("length", min=least, max=most))
        found.append(axes)
    return tuple(found)


def _write(network: nn.Module, example: Sequence[Tensor], moving: Any, path: Path) -> None:
    from torch.export import export, save

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # about what torch itself does
        try:
            program = export(_Plain(network), tuple(example), dynamic_shapes=(moving,))
        except Exception as error:  # whatever the network's code does with stand-ins for tensors
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            reason = (lines or [""])[0][:_MOST_REASON]
            raise Unexportable(f"{type(error).__name__}: {reason}") from error
        save(program, path)


def _load(path: Path, device: torch.device) -> nn.Module:
    from torch.export import load as load_program

    program = load_program(path)
    if device.type != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, str(device))
    return program.module()

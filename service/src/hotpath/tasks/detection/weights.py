"""Weights of a detector as TensorFlow.js keeps them, brought into torch's form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy
import torch
from torch import Tensor, nn

from hotpath.core import ModelError
from hotpath.tasks.detection.source import STRIDES


def fill(network: nn.Module, file: Path, layout: Path) -> nn.Module:
    """The network, with the weights of a graph model of TensorFlow.js. Raises ModelError.

    The graph names what it was traced from by numbers: convolutions, and the values added behind each, come
    in the order in which the network runs them.
    """
    try:
        kernels, biases = _convolutions(dict(_tensors(file, layout)))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ModelError(
            f"The weights {file} can't be read by {layout}: {type(error).__name__}: {error}.",
            "Take both files from one place.",
        ) from error
    convolutions = _in_running_order(network)
    shapes = [tuple(one.weight.shape) for one in convolutions]
    if shapes != [tuple(kernel.shape) for kernel in kernels] or len(biases) != len(kernels):
        raise ModelError(
            f"The weights {file} do not fit the network: it has {len(shapes)} convolutions, and they hold "
            f"{len(kernels)}, or some have other shapes.",
            "Correct architecture, weights or labels in model.toml.",
        )
    with torch.no_grad():
        for convolution, kernel, bias in zip(convolutions, kernels, biases):
            convolution.weight.copy_(kernel)
            convolution.bias.copy_(bias)  # type: ignore[union-attr]
    return network


def _tensors(file: Path, layout: Path) -> Iterator[Tuple[str, Any]]:
    """Every float tensor of the file by its name."""
    (group,) = json.loads(layout.read_text(encoding="utf-8"))["weightsManifest"]
    data, start = file.read_bytes(), 0
    for entry in group["weights"]:
        kept = numpy.dtype(entry.get("quantization", entry)["dtype"])
        count = int(numpy.prod(entry["shape"], dtype=numpy.int64))
        values = numpy.frombuffer(data, kept, count, start)
        start += values.nbytes
        if entry["dtype"] == "float32":
            yield entry["name"], values.astype(numpy.float32).reshape(entry["shape"])
    if start != len(data):
        raise ValueError(f"it holds {len(data)} bytes, and {start} are described")


def _convolutions(tensors: Dict[str, Any]) -> Tuple[List[Tensor], List[Tensor]]:
    """Kernels (outputs, inputs, height, width) and biases, each in the order of their numbers."""
    ordered = sorted(tensors, key=_number)
    kernels = [torch.from_numpy(tensors[name]) for name in ordered if tensors[name].ndim == 4]
    biases = [torch.from_numpy(tensors[name]) for name in ordered if tensors[name].ndim == 1]
    return [kernel.permute(3, 2, 0, 1) for kernel in kernels], biases


def _number(name: str) -> int:
    """Of split, split_1, split_2 ... or unknown_0, unknown_2 ..."""
    end = name.rpartition("_")[2]
    return int(end) if end.isdigit() else 0


def _in_running_order(network: nn.Module) -> List[nn.Conv2d]:
    """The convolutions, as a small black image passes them."""
    found: List[nn.Conv2d] = []
    hooks = [
        module.register_forward_hook(lambda module, *_: found.append(module))
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        network(torch.zeros(1, 3, 2 * STRIDES[-1], 2 * STRIDES[-1]))
    for hook in hooks:
        hook.remove()
    return found

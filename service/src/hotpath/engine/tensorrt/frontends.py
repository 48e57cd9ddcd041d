"""The two ways into Torch-TensorRT: through TorchScript, all that 1.x has, and through torch.export.

Written from the documentation and the sources of 1.3, 2.8 and 2.14; neither has run on a GPU yet.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from pathlib import Path
from typing import Any, Tuple

import torch
from torch import Tensor, nn

from hotpath.core import Refusal
from hotpath.models import programs
from hotpath.models.tracing import freeze

_SCRIPT, _PROGRAM = ".ts", ".pt2"
_REMEDY = "Install the service from a lock that holds it (cuda11.6-py38.txt), or choose another back end."


def torch_tensorrt() -> Any:
    """The library, imported. Raises Refusal where it is missing or broken."""
    try:
        import torch_tensorrt as library
    except (ImportError, OSError, RuntimeError) as error:  # its shared objects fail in each of these ways
        raise Refusal(
            f"The back end tensorrt needs torch_tensorrt, which can't be imported: {error}.", _REMEDY
        ) from error
    return library


def suffix() -> str:
    """Of an engine's file, by which it is loaded again: through torch.export wherever torch has it."""
    return _SCRIPT if programs.unavailable() else _PROGRAM


def compile_to(path: Path, network: nn.Module, shape: Tuple[int, ...], device: torch.device) -> None:
    """One engine of a fixed shape, kept at `path`.

    Nothing may stay in torch: a layer that TensorRT can't take is an error here, not a slow engine later.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if path.suffix == _PROGRAM:
            _export(path, network, shape, device)
        else:
            torch.jit.save(_script(network, shape, device), str(path))


def load(path: Path, device: torch.device) -> nn.Module:
    """An engine from its file, float32 to float32."""
    if path.suffix == _PROGRAM:
        torch_tensorrt()  # whose operators the program consists of
        return _Half(torch.export.load(path).module())
    return _Half(torch.jit.load(str(path), map_location=device))  # type: ignore[no-untyped-call]


class _Half(nn.Module):
    """An engine takes half precision; what comes before and after it stays float32."""

    def __init__(self, engine: nn.Module) -> None:
        super().__init__()
        # In a list, because a program is on its device already, and refuses `eval`, which it can't do.
        self._engine = [engine]

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 to float32."""
        found = self._engine[0](inputs.half().contiguous())
        return (found[0] if isinstance(found, (tuple, list)) else found).float()  # type: ignore[no-any-return]


def _export(path: Path, network: nn.Module, shape: Tuple[int, ...], device: torch.device) -> None:
    """The weights decide the precision; until it was the only way, that had to be asked for."""
    library = torch_tensorrt()
    example = torch.zeros(shape, device=device, dtype=torch.half)
    with torch.no_grad():
        program = torch.export.export(_rounded(network), (example,))
    options = {"use_explicit_typing": True}
    known = inspect.signature(library.dynamo.compile).parameters
    compiled = library.dynamo.compile(
        program,
        arg_inputs=[example],
        device=device,
        require_full_compilation=True,
        **{name: value for name, value in options.items() if name in known},
    )
    library.save(compiled, str(path), output_format="exported_program", arg_inputs=[example])


def _script(network: nn.Module, shape: Tuple[int, ...], device: torch.device) -> torch.jit.ScriptModule:
    """From 2.x on the weights decide the precision; 1.x takes float32 weights and is told."""
    library = torch_tensorrt()
    modern = int(str(library.__version__).split(".")[0]) >= 2
    source = _rounded(network) if modern else network
    example = torch.zeros(shape, device=device, dtype=torch.half if modern else torch.float)
    return library.compile(  # type: ignore[no-any-return]
        freeze(source, example),
        ir="ts",
        inputs=[library.Input(shape=shape, dtype=torch.half)],
        enabled_precisions={torch.half},
        require_full_compilation=True,
        # The library's default was found when it was imported, from the device that was current then.
        device=library.Device(gpu_id=device.index or 0),
    )


def _rounded(network: nn.Module) -> nn.Module:
    """A copy: to round the weights and widen them again would change the network for good.

    By which the engine is judged and the next one made.
    """
    return copy.deepcopy(network).half()

"""Back ends by name. Each is imported when it is asked for: most machines lack what some of them need."""

from __future__ import annotations

from hotpath.core import Refusal
from hotpath.engine.backend import Backend


def create(name: str) -> Backend:
    """The back end called `name`. Never another one in its place. Raises Refusal."""
    if name == "numeric":
        from hotpath.engine.numeric import NumericBackend

        return NumericBackend()
    try:
        from hotpath.engine import torch_backend
    except ImportError as error:
        raise Refusal(
            f"The back end {name!r} needs torch, which can't be imported: {error}.",
            "Install the service from a lock that holds torch, or choose another back end.",
        ) from error
    if name == "tensorrt":
        from hotpath.engine.tensorrt.backend import TensorRTBackend

        return TensorRTBackend()
    if name == "cuda":
        from hotpath.engine.exported import CudaBackend

        return CudaBackend()
    if name == "onednn":
        return torch_backend.OneDnnBackend()
    return torch_backend.EagerBackend() if name == "eager" else torch_backend.TorchScriptBackend()

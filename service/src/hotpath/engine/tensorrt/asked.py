"""Engines for a command that has no torch until it needs it."""

from __future__ import annotations

from hotpath.core import Refusal
from hotpath.models.built import BuiltModel


def make_missing(model: BuiltModel, device: str, max_batch: int) -> bool:
    """Make the model's engines for the device unless they are there; whether they were made.

    From then on this process sees that GPU alone. Raises Refusal or ModelError.
    """
    try:
        from hotpath.engine.tensorrt.compiling import build_engines
    except ImportError as error:
        raise Refusal(
            f"TensorRT engines need torch, which can't be imported: {error}.",
            "Install the service from a lock that holds torch and torch-tensorrt.",
        ) from error
    return build_engines(model, device, max_batch)

"""`hotpath engines`: makes the TensorRT engines that the configured models lack on this host's GPUs.

A process sees one GPU, so each GPU has a child of its own. They go one after another, because equal GPUs
share their engines. It has never run on a GPU.
"""

from __future__ import annotations

import contextlib
import json
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from hotpath.config import Config, ModelConfig, load
from hotpath.core import HotpathError, ModelError, Refusal
from hotpath.engine.tensorrt.asked import make_missing
from hotpath.engine.visible import see_only
from hotpath.models.built import load as load_model
from hotpath.supervisor import placement
from hotpath.supervisor.placement import Placement


@dataclass(frozen=True)
class Found:
    """The engines of one model for one GPU."""

    model: str
    version: str
    device: str
    made: bool
    """False where they were there already."""


def engines(path: Path, as_json: bool) -> int:
    """Make what is missing and say what there is now; the exit status. Raises HotpathError."""
    config = load(path)
    done: List[Found] = []
    for found in make(config, placement.read(config.placement.plan)):
        done.append(found)
        if not as_json:
            state = "made and judged" if found.made else "were there already"
            print(f"{found.model} {found.version} on {found.device}: engines {state}", flush=True)
    if as_json:
        changed = any(found.made for found in done)
        print(json.dumps({"changed": changed, "engines": [asdict(found) for found in done]}))
    elif not done:
        print("No configured model has the back end tensorrt, so there are no engines to make.")
    return 0


def make(config: Config, plan: Placement) -> Iterator[Found]:
    """Make what is missing, GPU by GPU, up to the first failure. Raises HotpathError, which names both."""
    for device, entries in wanted(config).items():
        # This process has no torch, so it may fork; the memory that the child takes on the GPU goes with it.
        with ProcessPoolExecutor(1, get_context("fork"), _begin) as child:
            with _naming(f"{', '.join(entry.name for entry in entries)} on {device}"):
                inside = child.submit(see_only, device, plan.engine(device).pci).result()
            for entry in entries:
                with _naming(f"{entry.name} on {device}"):
                    asked = child.submit(_make, entry.path, inside, config.batching.max_batch)
                    version, made = asked.result()
                yield Found(entry.name, version, device, made)


def wanted(config: Config) -> Dict[str, List[ModelConfig]]:
    """By device, the models that run there as engines of TensorRT."""
    found: Dict[str, List[ModelConfig]] = {}
    for entry in config.models:
        if entry.backend == "tensorrt":
            for device in dict.fromkeys(entry.devices):
                found.setdefault(device, []).append(entry)
    return found


def _begin() -> None:
    """In the child, first of all: the service's user reads what root makes, and stdout is the answer's."""
    os.umask(0o022)
    os.dup2(2, 1)


def _make(path: Path, device: str, max_batch: int) -> Tuple[str, bool]:
    """In the child: the model's version, and whether its engines were made."""
    model = load_model(path)
    return model.identity.version, make_missing(model, device, max_batch)


@contextlib.contextmanager
def _naming(whose: str) -> Iterator[None]:
    """Let what fails say whose engines they were to be. Raises HotpathError."""
    try:
        yield
    except BrokenProcessPool as error:
        raise ModelError(
            f"{whose}: the process that makes the engines was killed.",
            "Look for the reason (dmesg; memory of the host or the GPU), and run it again.",
        ) from error
    except HotpathError as error:
        kind = Refusal if isinstance(error, Refusal) else ModelError
        raise kind(f"{whose}: {error.message}", error.remedy) from error
    except (RuntimeError, OSError) as error:
        raise ModelError(
            f"{whose}: the engines can't be made ({type(error).__name__}: {error}).",
            "Choose another back end for this model, such as torchscript, where that can't be mended.",
        ) from error

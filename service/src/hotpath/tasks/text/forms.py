"""The built forms of a network of texts: TorchScript, and one in bfloat16 where that is faster and agrees."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import numpy
import torch
from torch import Tensor, nn

from hotpath.core import ModelError
from hotpath.memory import keep_freed_memory
from hotpath.models.lowering.fused import unusable
from hotpath.tasks.task import Array, Task
from hotpath.tasks.text.source import TextSource

_BATCH = 8
_TIMED_RUNS = 5
_NO_INT8 = (
    "int8 is not offered for texts: with a scale for each row, the only one that keeps a text's answer free of "
    "its neighbours', the cosine to float32 was 0.994"
)

IsDecided = Callable[[bytes], bool]
"""Whether the eager model's answer to a text is one that every form has to give."""

Make = Callable[[], nn.Module]
"""The eager network anew, with `encoder`, an `encoder.Encoder`. Raises ModelError."""


def script(network: nn.Module, output: Path) -> None:
    """Write the TorchScript form, for any number of texts of any length. Both ways of the encoder are in it."""
    with warnings.catch_warnings():
        # torch.jit is deprecated in favour of torch.export, which the oldest stack (torch 1.13) has not.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.freeze(torch.jit.script(network.eval())), str(output))


def choose(
    source: TextSource,
    task: Task,
    make: Make,
    texts: Sequence[Array],
    is_decided: IsDecided,
    output: Path,
) -> Dict[str, Any]:
    """Write the form in bfloat16 to `output` where it is allowed, faster and agrees on `texts`; a report.

    A precision that was asked for by name and can't be had is a ModelError. float32 is what the back end
    torchscript runs, and needs no form of its own.
    """
    report: Dict[str, Any] = {"asked": source.precision, "chosen": None, "trials": [], "texts": len(texts)}
    if source.precision == "float32":
        report["reason"] = "float32 was asked for, in which the back end torchscript runs it."
        return report
    found = _NO_INT8 if source.precision == "int8" else unusable("bfloat16")
    if not found:
        found = _try(task, make, texts, is_decided, output, report)
        if not found and source.precision == "auto":
            found = _no_gain(report["milliseconds"])
    if found and source.precision != "auto":
        raise ModelError(
            f"{source.name} can't be built in {source.precision} for a processor: {found}.",
            'Ask for another precision, or for "auto", which takes the fastest one that agrees.',
        )
    if found:
        report["reason"] = f"bfloat16: {found}."
    else:
        report["chosen"] = "bfloat16"
    return report


def _try(
    task: Task,
    make: Make,
    texts: Sequence[Array],
    is_decided: IsDecided,
    output: Path,
    report: Dict[str, Any],
) -> str:
    """Make and judge the form; why it may not serve, empty when it may."""
    keep_freed_memory()
    exact, reduced = make(), make()
    reduced.encoder.reduce(torch.bfloat16)  # type: ignore[union-attr,operator]
    pairs = zip(*(_answers(task, network, texts) for network in (exact, reduced)))
    decided = [pair for pair in pairs if is_decided(pair[0])]
    report["decided"] = len(decided)
    if not decided:
        return "the eager model decides about none of the texts, so nothing can be compared"
    times = _milliseconds([exact, reduced], texts)
    report["milliseconds"] = dict(zip(("float32", "bfloat16"), (round(value, 3) for value in times)))
    try:
        report["difference"] = task.compare("bfloat16", False, *zip(*decided))
    except ModelError as error:
        return error.message.rstrip(".")
    script(reduced, output)
    return ""


def _no_gain(milliseconds: Mapping[str, float]) -> str:
    """Why bfloat16 does not pay; empty where it does."""
    reduced, exact = milliseconds["bfloat16"], milliseconds["float32"]
    return f"it takes {reduced:.2f} ms for a text and float32 {exact:.2f} ms" if reduced >= exact else ""


def _answers(task: Task, network: nn.Module, texts: Sequence[Array]) -> List[bytes]:
    found: List[bytes] = []
    with torch.inference_mode():
        for start in range(0, len(texts), _BATCH):
            outputs = network(*batch(texts[start : start + _BATCH]))
            found += task.pack(tuple(tensor.numpy() for tensor in outputs))
    return found


def _milliseconds(networks: Sequence[nn.Module], texts: Sequence[Array]) -> List[float]:
    """Processor time of each network for a text, measured in turns, on one thread: see classification.precision."""
    batches = [batch(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
    seconds: List[List[float]] = [[] for _ in networks]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        for _ in range(_TIMED_RUNS):
            for network, spent in zip(networks, seconds):
                started = time.thread_time()
                for one in batches:
                    network(*one)
                spent.append(time.thread_time() - started)
    torch.set_num_threads(threads)
    return [min(spent) / len(texts) * 1000 for spent in seconds]


def batch(texts: Sequence[Array]) -> Tuple[Tensor, Tensor]:
    """Numbers of tokens, filled up with zeros, and how many each text has: as a back end of torch makes them."""
    ids = numpy.zeros((len(texts), max(map(len, texts))), numpy.int32)
    for row, text in zip(ids, texts):
        row[: len(text)] = text
    return torch.from_numpy(ids), torch.tensor([len(text) for text in texts])

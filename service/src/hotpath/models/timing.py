"""How much processor time forms of a network take."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import torch


def milliseconds(
    forms: Mapping[str, Callable[..., Any]], batches: Sequence[Tuple[Any, ...]], items: int, runs: int
) -> Dict[str, float]:
    """Of each form for one of the items in the batches, measured in turns; the shortest of several runs.

    On one thread, and not by the clock on the wall: a busy machine would make the choice a matter of luck.
    """
    seconds: Dict[str, List[float]] = {name: [] for name in forms}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        for _ in range(runs):
            for name, form in forms.items():
                started = time.thread_time()
                for batch in batches:
                    form(*batch)
                seconds[name].append(time.thread_time() - started)
    torch.set_num_threads(threads)
    return {name: min(spent) / items * 1000 for name, spent in seconds.items()}

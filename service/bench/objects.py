"""The detector in ours and in the peers' forms, and what there is to find on the bench's photographs.

Runs in the service's environment. Leaves in OUTPUT: `built/`, ours; `weights.pth`, `torchscript.pt` and
`bfloat16.pt` for the peers, with `peer.json`, which says where ours lies and which of theirs is the fastest;
and `expected.json`, the objects that the published graph finds, run operation by operation.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import torch
from boxes import NEAR
from support.published_graph import PublishedDetector
from torch import Tensor, nn

from hotpath.building.build import build
from hotpath.models.built import BuiltModel
from hotpath.tasks import known

_RUNS = 5


class Reduced(nn.Module):
    """A network of maps in bfloat16, from and to float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(torch.bfloat16)

    def forward(self, images: Tensor) -> Tuple[Tensor, ...]:
        """Maps of float32 images."""
        return tuple(one.float() for one in self.network(images.to(torch.bfloat16)))


def forms(network: nn.Module, side: int, output: Path) -> str:
    """Write each; the fastest of them, on one thread and a photograph alone."""
    example = torch.zeros((1, 3, side, side)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    changes: Dict[str, Callable[[nn.Module], nn.Module]] = {"torchscript": lambda it: it, "bfloat16": Reduced}
    torch.save(network.state_dict(), output / "weights.pth")
    torch.set_num_threads(1)
    took = {}
    for form, change in changes.items():
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.jit.freeze(torch.jit.trace(change(network).eval(), example, check_trace=False))
            torch.jit.save(traced, str(output / f"{form}.pt"))
            spent = []
            for _ in range(_RUNS):
                started = time.thread_time()
                traced(example)
                spent.append(time.thread_time() - started)
        took[form] = min(spent)
    print({form: f"{seconds * 1000:.1f} ms" for form, seconds in took.items()})
    return min(took, key=lambda form: took[form])


def plain_network(model: BuiltModel) -> nn.Module:
    """The architecture's own module, with the channel order of its training."""
    steps = {**model.document["preprocessing"], "channel_order": "rgb"}
    as_trained = BuiltModel(**{**vars(model), "document": {**model.document, "preprocessing": steps}})
    networks: Any = known.networks(model)
    found: nn.Module = networks.network(as_trained)
    return found


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="the assembled NanoDet-g source")
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    output: Path = options.output
    model, _ = build(options.source, output / "built")
    finding, side = model.document["finding"], model.document["preprocessing"]["width"]
    settings = {
        "name": model.identity.name,
        "hotpath": str(model.directory),
        "backend": "onednn" if "onednn" in model.artifacts else "torchscript",
        "labels": model.read(model.document["labels"]).decode().splitlines(),
        "threshold": finding["threshold"],
        "iou": finding["iou"],
        "fastest": forms(plain_network(model), side, output),
    }
    (output / "peer.json").write_text(json.dumps(settings))
    published = PublishedDetector(options.source)
    threshold, iou = finding["threshold"], finding["iou"]
    expected: List[Any] = [
        [one._asdict() for one in published.objects(path.read_bytes(), threshold - NEAR, iou)]
        for path in sorted(options.photographs.iterdir())
    ]
    (output / "expected.json").write_text(json.dumps({"threshold": threshold, "objects": expected}))
    print(f"{len(expected)} photographs; {model.directory}; the peers' fastest form is {settings['fastest']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Make the benches' models: one built by `hotpath build` for us, and the same weights in the peers' forms.

Runs in the service's environment. Leaves OUTPUT/<name>/: `peer.json` and the forms for the peers, the built
model whose directory `peer.json` names, and `expected.json` with the eager model's answers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Callable, Dict, List

import networks
import numpy
import torch
from torch import Tensor, nn

from hotpath.building.build import build
from hotpath.codec import ImageLimits, ImageSpec, decode_into
from hotpath.models.architectures import ARCHITECTURES
from hotpath.models.built import BuiltModel

TINY_CLASSES = 10


class Reduced(nn.Module):
    """A network in bfloat16 and channels-last: on a CPU what FP16 is on a GPU."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(torch.bfloat16).to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of float32 images."""
        reduced = images.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
        return self.network(reduced).float()


def tiny_source(directory: Path, photographs: List[Path]) -> Path:
    """A source whose weights are random, shifted so that the photographs fall into several classes."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "probes").mkdir(parents=True)
    torch.manual_seed(4)
    network = networks.Tiny(TINY_CLASSES).eval()
    spec = ImageSpec(height=224, width=224, resize_shorter=256)
    pixels = numpy.zeros((len(photographs), *spec.shape), numpy.uint8)
    for path, slot in zip(photographs, pixels):
        decode_into(path.read_bytes(), spec, ImageLimits(), slot)
        shutil.copyfile(path, directory / "probes" / path.name)
    images = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127.0) / 128.0
    with torch.inference_mode():
        network.classifier.weight.mul_(40.0)
        network.classifier.bias.sub_(network(images).mean(dim=0))
        found = network(images).argmax(dim=1).tolist()
    torch.save(network.state_dict(), directory / "weights.pth")
    (directory / "labels.txt").write_text("".join(f"class {number}\n" for number in range(TINY_CLASSES)))
    lines = [
        'name = "tiny"',
        'task = "image-classification"',
        'architecture = "tiny"',
        'license = "Apache-2.0"',
        "top_k = 5",
        *_file("[weights]", directory, "weights.pth"),
        *_file("[labels]", directory, "labels.txt"),
        "[preprocessing]",
        'height = 224\nwidth = 224\nresize_shorter = 256\ncrop = "center"\ninterpolation = "bicubic"',
        "mean = [127.0, 127.0, 127.0]\nstd = [128.0, 128.0, 128.0]",
        "[tolerance]\nabsolute = 1e-3",
    ]
    for path, number in zip(photographs, found):
        lines += [*_file("[[probes]]", directory, f"probes/{path.name}"), f'accept = ["class {number}"]']
    (directory / "model.toml").write_text("\n".join(lines) + "\n")
    return directory


def _file(table: str, directory: Path, name: str) -> List[str]:
    found = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    return [table, f'file = "{name}"', f'sha256 = "{found}"']


def peer_forms(model: BuiltModel, weights: Path, output: Path) -> None:
    """The same weights as a peer would run them, and where our own form lies."""
    settings = {
        **model.document["preprocessing"],
        "architecture": model.architecture,
        "weights": "weights.pth",
        "name": model.identity.name,
        "hotpath": str(model.directory),
        "backend": "onednn" if "onednn" in model.artifacts else "torchscript",
    }
    shutil.copyfile(weights, output / "weights.pth")
    example = torch.zeros((2, 3, settings["height"], settings["width"]))
    forms: Dict[str, Callable[[nn.Module], nn.Module]] = {"torchscript": lambda it: it, "bfloat16": Reduced}
    for form, change in forms.items():
        network = change(networks.restore(model.architecture, weights)).eval()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(network, example, check_trace=False)
            torch.jit.save(torch.jit.freeze(traced), str(output / f"{form}.pt"))
    (output / "peer.json").write_text(json.dumps(settings, indent=1))


def expect(model: BuiltModel, output: Path, photographs: Path) -> None:
    """The right classes of each photograph, by size: the eager model's best, and what a probe accepts.

    The peers round the crop to whole pixels and we do not, so a tabby may be a tiger cat here and there.
    """
    os.environ.update(BENCH_MODEL=str(output), BENCH_FORM="eager", BENCH_PORT="0")
    sys.modules.pop("picture", None)
    import picture

    eager = picture.Model()
    labels = model.read(model.document["labels"]).decode().splitlines()
    accepted = {
        Path(probe["file"]).stem: [labels.index(label) for label in probe["accept"]]
        for probe in model.document["probes"]
    }
    expected = {
        folder.name: [
            [*eager(picture.prepare(path.read_bytes()).unsqueeze(0)), *accepted[path.stem]]
            for path in sorted(folder.glob("*.jpg"))
        ]
        for folder in sorted(photographs.iterdir())
    }
    (output / "expected.json").write_text(json.dumps(expected))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="the assembled EfficientNet-Lite0 source")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, required=True)
    options = parser.parse_args()
    ARCHITECTURES["tiny"] = networks.Tiny
    photographs = sorted((options.source / "probes").iterdir())
    for name in ("tiny", "efficientnet_lite0"):
        output = options.output / name
        output.mkdir(parents=True, exist_ok=True)
        source = tiny_source(output / "source", photographs) if name == "tiny" else options.source
        model, _ = build(source, output / "built")
        peer_forms(model, source / "weights.pth", output)
        expect(model, output, options.photographs)
        print(f"{name}: {model.directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

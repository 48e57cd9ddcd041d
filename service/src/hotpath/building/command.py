"""`hotpath build` on the command line."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Tuple

from hotpath.core import ModelError, Refusal
from hotpath.models.built import BuiltModel

_FROM_FILE = ("architecture", "labels", "preprocessing", "probe")
_ABOUT_FILE = ("name", "license")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `hotpath build`."""
    parser.add_argument("source", type=Path, nargs="?", metavar="SOURCE", help="a directory with model.toml")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="where models live, by name and version"
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16", "int8"),
        help="what the back end onednn runs in; by default what model.toml says, or auto",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="build it even where it is there, as after a change of the machine",
    )
    parser.add_argument(
        "--exported",
        action="store_true",
        help="write the form of the back end cuda also where torch is not one for GPUs",
    )
    parser.add_argument(
        "--tensorrt", metavar="DEVICE", help="make TensorRT engines too, for a GPU such as cuda:0"
    )
    parser.add_argument(
        "--max-batch",
        type=int,
        default=8,
        metavar="N",
        help="of the TensorRT engines: batching.max_batch (8)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    group = parser.add_argument_group("without a SOURCE", "one weights file, and what it is")
    weights = group.add_mutually_exclusive_group()
    weights.add_argument("--state-dict", type=Path, metavar="FILE", help="such as torchvision's resnet50.pth")
    weights.add_argument("--torchscript", type=Path, metavar="FILE", help="what torch.jit.save wrote")
    group.add_argument("--architecture", metavar="NAME", help="of a state dict, such as resnet50")
    group.add_argument("--labels", metavar="FILE", help="one label a line; or the word imagenet")
    group.add_argument(
        "--preprocessing", choices=("imagenet", "imagenet-v2"), help="torchvision's, of its V1 or V2 weights"
    )
    group.add_argument(
        "--probe",
        action="append",
        metavar="PHOTOGRAPH=LABEL[|LABEL]",
        help="a photograph that the model must recognise; give several",
    )
    group.add_argument("--name", help="of the model; by default the file's")
    group.add_argument("--license", help="of the weights; by default unknown")


def run(options: argparse.Namespace) -> int:
    """Build, and say what there is now. Raises ModelError or Refusal."""
    model, existed = _build(options)
    changed = not existed
    if options.tensorrt:
        from hotpath.engine.tensorrt.asked import make_missing

        changed |= make_missing(model, options.tensorrt, options.max_batch)
    identity = model.identity
    chosen = model.document["precision"].get("chosen")
    if options.json:
        report = {
            "name": identity.name,
            "version": identity.version,
            "path": str(model.directory),
            "changed": changed,
            "precision": chosen,
        }
        print(json.dumps(report))
    else:
        state = "built and checked" if changed else "was there already"
        print(f"{identity.name} {identity.version} {state}: {model.directory}")
        if chosen:
            print(f"on a CPU, the back end onednn runs it in {chosen}; see {model.directory / 'report.txt'}")
    return 0


def _build(options: argparse.Namespace) -> Tuple[BuiltModel, bool]:
    from hotpath.building.build import build
    from hotpath.tasks.from_weights import Described, write_source

    weights = options.state_dict or options.torchscript
    if (options.source is None) == (weights is None):
        raise Refusal(
            "hotpath build takes one model.",
            "Name either a SOURCE directory, or a weights file with --state-dict or --torchscript.",
        )
    given = {name: getattr(options, name) for name in _FROM_FILE}
    if options.source is not None:
        about = {name: getattr(options, name) for name in _ABOUT_FILE}
        strange = [f"--{name}" for name, value in {**given, **about}.items() if value]
        if strange:
            raise Refusal(
                f"{', '.join(strange)} can't go with SOURCE.", "Say it in the model.toml of the source."
            )
        return build(options.source, options.output, options.precision or "", options.again, options.exported)
    if options.torchscript:
        if given["architecture"]:
            raise Refusal("A TorchScript file holds its own network.", "Leave out --architecture.")
        given["architecture"] = "torchscript"
    missing = [f"--{name}" for name, value in given.items() if not value]
    if missing:
        raise Refusal(
            f"A weights file says nothing of {', '.join(missing)}.",
            "Give them all: a wrong guess would answer wrongly without an error.",
        )
    described = Described(
        name=options.name or weights.stem,
        architecture=given["architecture"],
        license=options.license or "unknown",
        weights=weights,
        labels=given["labels"],
        preprocessing=given["preprocessing"],
        probes=tuple(given["probe"]),
    )
    with tempfile.TemporaryDirectory(prefix="hotpath-source-") as temporary:
        copy = write_source(described, Path(temporary))
        try:
            return build(
                Path(temporary), options.output, options.precision or "", options.again, options.exported
            )
        except ModelError as error:  # about a copy that nobody has ever seen
            raise ModelError(error.message.replace(str(copy), str(weights)), error.remedy) from error

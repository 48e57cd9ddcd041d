"""Models of tensors, made on the spot: in numpy, with code of their own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, Sequence

SUM = """
import numpy


def network(weights):
    scale = numpy.load(weights)
    return lambda a, b: ((a + b) * scale, (a > b))
"""
"""Two inputs, two outputs."""

LETTERS = '''
import numpy

from hotpath.tasks.own import Element, InputError, OwnTask


class Task(OwnTask):
    """How often each letter stands in a text."""

    types = ("text/plain",)
    remedy = "Send text, as text/plain."
    element = Element("text", is_text=True)

    def read(self, body, kind, options):
        try:
            text = body.decode("ascii").lower()
        except UnicodeDecodeError as error:
            raise InputError(400, "not_ascii", f"The text is not ASCII: {error}.", "Send ASCII.") from error
        counts = numpy.array([text.count(chr(97 + place)) for place in range(26)], "float32")
        return (counts,)

    def describe(self, outputs):
        return {"letter": chr(97 + int(outputs[0]))}


def network(weights):
    return lambda counts: counts.argmax(axis=1)
'''
"""A task of a user's own."""


BOXES = '''
import numpy

from hotpath.tasks.own import OwnTask


class Task(OwnTask):
    """The same two objects in every picture, told as those of a detector are."""

    types = ("image/*",)

    def read(self, body, kind, options):
        return (numpy.zeros(1, "float32"),)

    def describe(self, outputs):
        boxes = [(0, 0, 200, 150), (200, 150, 400, 300)]
        sides = ("xmin", "ymin", "xmax", "ymax")
        places = [dict(zip(sides, box)) for box in boxes]
        found = [{"label": label, "score": 0.9, "box": box} for label, box in zip(("cup", "cat"), places)]
        return {"objects": found, "count": 2, "image": {"width": 400, "height": 300}}


def network(weights):
    return lambda image: image
'''
"""A stand-in for a detector."""


def write_source(
    directory: Path,
    code: str = SUM,
    body: bytes = b'{"inputs": {"a": [1, 2], "b": [3, 1]}}',
    expect: str = "{ outputs = { sum = [8.0, 6.0], above = [false, true] } }",
    lines: Sequence[str] = (),
    name: str = "sums",
    kind: str = "application/json",
) -> Path:
    """A source for the numeric back end; `lines` stand in for the tensors of SUM."""
    import numpy

    directory.mkdir(parents=True)
    numpy.save(directory / "weights.npy", numpy.float32(2.0))
    (directory / "code.py").write_text(code)
    (directory / "probe.bin").write_bytes(body)

    def file(name: str) -> str:
        digest = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        return f'{{ file = "{name}", sha256 = "{digest}" }}'

    tensors = lines or (
        f"inputs = [{tensor('a', 'float32', 2)}, {tensor('b', 'float32', 2)}]",
        f"outputs = [{tensor('sum', 'float32', 2)}, {tensor('above', 'bool', 2)}]",
    )
    probe = file("probe.bin")[:-2]
    description = [
        f'name = "{name}"',
        'task = "tensors"',
        'architecture = "numeric"',
        'license = "Apache-2.0"',
        f"weights = {file('weights.npy')}",
        f"code = {file('code.py')}",
        *tensors,
        f'probes = [{probe}, content_type = "{kind}", expect = {expect} }}]',
    ]
    (directory / "model.toml").write_text("\n".join(description) + "\n")
    return directory


def tensor(name: str, dtype: str, *shape: int) -> str:
    """A tensor of model.toml."""
    return f'{{ name = "{name}", dtype = "{dtype}", shape = {list(shape)} }}'


def letters(directory: Path) -> Path:
    """The source of a user's own task."""
    lines = (
        f"inputs = [{tensor('counts', 'float32', 26)}]",
        f"outputs = [{tensor('letter', 'int64')}]",
    )
    return write_source(
        directory, LETTERS, b"Hannah", '{ letter = "a" }', lines, "letters", kind="text/plain"
    )


def body(**tensors: Any) -> bytes:
    """A request of these inputs."""
    document: Dict[str, Any] = {"inputs": tensors}
    return json.dumps(document).encode()


def boxes(directory: Path) -> Path:
    """The source of what looks like a detector from outside."""
    lines = (f"inputs = [{tensor('image', 'float32', 1)}]", f"outputs = [{tensor('nothing', 'float32', 1)}]")
    return write_source(directory, BOXES, b"x", "{ count = 2 }", lines, "boxes", kind="image/png")


NETWORK = """
import numpy
import torch


class Network(torch.nn.Module):
    def forward(self, a, b):
        return (a + b) * 2.0, a > b


def network(weights):
    return Network()
"""
MEANS = '''
import torch


class Network(torch.nn.Module):
    """The mean of each item's numbers, however many there are."""

    def forward(self, numbers, lengths):
        inside = torch.arange(numbers.shape[1])[None, :] < lengths[:, None]
        return (numbers * inside).sum(dim=1) / lengths


def network(weights):
    return Network()
'''
MEAN_LINES = (
    f"inputs = [{tensor('numbers', 'float32', 32)[:-2]}, varies = true }}]",
    f"outputs = [{tensor('mean', 'float32')}]",
)
FOUR = b'{"inputs": {"numbers": [1, 2, 3, 6]}}'


def torch_source(directory: Path, code: str = NETWORK, lines: Sequence[str] = (), **changes: Any) -> Path:
    """The same with a network of torch."""
    written = write_source(directory, code, lines=lines, **changes)
    toml = written / "model.toml"
    toml.write_text(toml.read_text().replace('"numeric"', '"mine"'))
    return written

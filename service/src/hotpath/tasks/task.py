"""What the rooms around it need to know of a task: tensors, bytes and functions, never what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type, Union

import numpy
from numpy.typing import NDArray
from pydantic import BaseModel
from typing_extensions import Protocol

from hotpath.core import InputError, TensorSpec
from hotpath.tasks.alike import alike

Array = NDArray[Any]
Pixels = NDArray[numpy.uint8]

Item = Tuple[Array, ...]
"""One array for each of the task's inputs."""

Outputs = Tuple[Array, ...]
"""What a network gives for a batch: one array for each of the task's outputs, items along its first axis."""

Values = Union[Sequence[Any], Array]

FORM = "multipart/form-data"
"""A type of content: the item is the form's field `file`."""


@dataclass(frozen=True)
class Limits:
    """What the operators allow one request."""

    pixels: int
    """Of a picture, as its header declares them."""
    items: int


@dataclass(frozen=True)
class Column:
    """An output of the Open Inference Protocol."""

    datatype: str
    """As the protocol names it."""
    shape: Tuple[int, ...]
    """Of one item."""


@dataclass(frozen=True)
class Element:
    """An input of the Open Inference Protocol that takes items as clients have them, each a BYTES element."""

    name: str
    is_text: bool
    """Whether JSON holds them as they are; else in base64."""


@dataclass(frozen=True)
class Content:
    """What /predict takes as a request's body."""

    types: Tuple[str, ...]
    """Of the content: whole ones, or with a star behind the slash, the first the usual one."""
    remedy: str
    """How to send it, for those who sent something else."""
    schema: Dict[str, Any]
    """By type: the body as OpenAPI describes it."""

    def takes(self, kind: str) -> bool:
        """Whether a type is one of them."""
        return any(kind == one or (one.endswith("*") and kind.startswith(one[:-1])) for one in self.types)


class Fill(Protocol):
    """One item on its way into a slot. Keeps what its answer will need to know of it."""

    def write(self, slot: Item) -> int:
        """Fill the slot, of the inputs' dtypes and shapes, and return how many units of work that is.

        Raises InputError and then writes nothing.
        """

    def is_quick(self) -> bool:
        """Whether that takes no longer than handing it to a thread is worth."""


class Parcel(NamedTuple):
    """An item as data, for another process that has a task of the same model."""

    body: bytes
    note: bytes
    """What else there is to know of it; 256 bytes at most."""


class Portable(Fill):
    """An item that another process may write just as well."""

    def parcel(self) -> Parcel:
        """What `Task.unpacked` makes the same item of."""
        raise NotImplementedError

    def found(self) -> bytes:
        """What `write` has kept for the answer; 256 bytes at most."""
        raise NotImplementedError

    def learn(self, found: bytes) -> None:
        """Keep what the same item's `write` found elsewhere."""
        raise NotImplementedError


@dataclass(frozen=True)
class Part:
    """A part of an item that was answered, for another model to look at."""

    fill: Fill
    """The item; it has been written."""
    box: Tuple[float, float, float, float]
    """Left, top, right, bottom, in the item as it was sent."""


@dataclass(frozen=True)
class Parts:
    """What of a request's items another model can be asked about, once they are answered."""

    find: Callable[[Sequence[bytes]], List[Part]]
    """The parts, by the items' answers."""
    describe: Callable[[Sequence[bytes], Sequence[Dict[str, Any]]], Dict[str, Any]]
    """As `Ask.describe`, with what the other model said of each part."""


@dataclass(frozen=True)
class Ask:
    """A request to /predict, understood: its items, and how their answers become its answer."""

    fills: Sequence[Fill]
    describe: Callable[[Sequence[bytes]], Dict[str, Any]]
    parts: Optional[Parts] = None
    """None where there are no parts to speak of."""


@dataclass(frozen=True)
class Interface:
    """A request as an API has it that others made and whose clients are to work: a POST of JSON below /v1."""

    summary: str
    request: Type[BaseModel]
    """Of the JSON, of which `model` is read by others."""
    asked: Callable[[Any, Limits], Ask]
    """A request of that type, understood. Raises InputError."""
    answer: Type[BaseModel]
    """What `Ask.describe` gives; the whole of the answer."""


class Task(Protocol):
    """One model's task. Made from the model's description in each process that needs it; has no state.

    An answer is bytes: the engine packs it, a message carries it, and the worker's task of the same model
    reads it. It holds one byte at least.
    """

    name: str
    """As model.toml says it."""

    inputs: Tuple[TensorSpec, ...]
    """What lies in a slot, one behind another."""

    lengths: Tuple[int, ...]
    """Units that batches are made for, ascending, the last the most that an item can be.

    The units of an item are its length along the inputs that vary; where none does, this is (1,).
    """

    outputs: Tuple[TensorSpec, ...]
    """What the network gives for an item."""

    content: Content
    """What /predict takes."""

    answer: Type[BaseModel]
    """What `Ask.describe` gives, for /docs."""

    element: Optional[Element]
    """What of the Open Inference Protocol takes items as clients have them, if anything does."""

    takes_tensors: bool
    """Whether the Open Inference Protocol takes `inputs` as well, by their names."""

    columns: Dict[str, Column]
    """What the Open Inference Protocol may ask for, by name."""

    interfaces: Mapping[str, Interface] = MappingProxyType({})
    """By the path below /v1, the forms of others that it takes besides."""

    # In the engine

    def example(self, units: int) -> Item:
        """An item of so many units that every model of the task can take, as lies in a slot."""

    def pack(self, outputs: Outputs) -> List[bytes]:
        """An answer for each item of a batch. Raises ValueError where one holds what is no number."""

    # In the worker

    def asked(self, body: bytes, kind: str, options: Mapping[str, str], limits: Limits) -> Ask:
        """A request to /predict with a body of this type, one of `content.types`. Raises InputError.

        Of a form, the body is the file in it. `options` are the parameters of its address.
        """

    def encoded(self, element: bytes, limits: Limits) -> Fill:
        """An item as the Open Inference Protocol brings it in `element`. Raises InputError."""

    def part(self, part: Part) -> Ask:
        """A part of another model's item as a request of its own. Raises InputError where it can't be one."""
        raise InputError(
            400, "not_supported", f"models of the task {self.name} take no parts of pictures", "name another"
        )

    def unpacked(self, parcel: Parcel) -> Portable:
        """The item that a Portable of this task was, in another process."""
        raise TypeError(f"the task {self.name} has nothing portable")

    def column(self, name: str, items: Sequence[Tuple[Fill, bytes]]) -> Values:
        """The values of one of `columns` for these items and their answers, in order and flat."""

    def agrees(self, answer: bytes, other: Task, others: bytes) -> bool:
        """Whether another version of the model said the same of an item, as far as people mind."""

    def says_the_same(self, said: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
        """Whether another service, whatever it runs, answered a request as `Ask.describe` did here."""
        return alike(said, {key: others.get(key) for key in said})

    # Where a model is proved

    def probes(self) -> List[Item]:
        """The model's probes as lie in slots. Raises ModelError."""

    def judge(self, answers: Sequence[bytes]) -> None:
        """Raises ModelError unless these answers to the probes are right."""

    def compare(self, form: str, exact: bool, wanted: Sequence[bytes], found: Sequence[bytes]) -> float:
        """The largest difference between two forms' answers to the probes.

        `exact` says whether the second computes in full precision. Raises ModelError where the difference is
        more than the model's description allows.
        """

    def record(self, answers: Sequence[bytes]) -> List[Dict[str, Any]]:
        """The answers as model.json keeps them."""

    def recorded(self, document: Sequence[Dict[str, Any]]) -> List[bytes]:
        """The answers that `record` wrote."""


@dataclass(frozen=True)
class Prepared(Fill):
    """An item that is what the model takes already."""

    values: Item
    units: int = 1

    def write(self, slot: Item) -> int:
        """Copy it."""
        for place, values in zip(slot, self.values):
            whole = place.shape == values.shape
            (place if whole else place[: len(values)])[...] = values
        return self.units

    def is_quick(self) -> bool:
        """It is."""
        return True

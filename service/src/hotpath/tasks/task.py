"""What the rooms around it need to know of a task: tensors, bytes and functions, never what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy
from numpy.typing import NDArray
from typing_extensions import Protocol

from hotpath.codec import ImageLimits

Array = NDArray[Any]
Pixels = NDArray[numpy.uint8]

Outputs = Tuple[Array, ...]
"""What a network gives for a batch: one array for each of the task's outputs, items along its first axis."""


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of one item, without the batch's axis."""

    name: str
    dtype: str
    """As numpy names it."""
    shape: Tuple[int, ...]


@dataclass(frozen=True)
class Column:
    """An output of the Open Inference Protocol."""

    datatype: str
    """As the protocol names it."""
    width: int
    """Values of one item."""


@dataclass(frozen=True)
class Fill:
    """How one item gets into its slot."""

    write: Callable[[Array], object]
    """Writes it into the slot, of the input's dtype and shape; or raises ImageError and writes nothing."""
    is_quick: Callable[[], bool]
    """Whether that takes no longer than handing it to a thread is worth."""


class Task(Protocol):
    """One model's task. Made from the model's description in each process that needs it; has no state.

    An answer is bytes: the engine packs it, a message carries it, and the worker's task of the same model
    reads it. It must fit into a message (ipc.messages.MOST_ANSWER).
    """

    name: str
    """As model.toml says it."""

    input: TensorSpec
    """What lies in a slot."""

    outputs: Tuple[TensorSpec, ...]
    """What the network gives for an item."""

    columns: Dict[str, Column]
    """What the Open Inference Protocol may ask for, by name."""

    # In the engine

    def example(self) -> Array:
        """An input that every model of the task can take, as lies in a slot."""

    def pack(self, outputs: Outputs) -> List[bytes]:
        """An answer for each item of a batch. Raises ValueError where one holds what is no number."""

    # In the worker

    def encoded(self, body: bytes, limits: ImageLimits) -> Fill:
        """Fills a slot from an item as clients send it."""

    def described(self, answer: bytes) -> Dict[str, Any]:
        """The answer of /predict: what is of the task in it."""

    def column(self, name: str, answers: Sequence[bytes]) -> List[Any]:
        """The values of one of `columns` for these answers, in order."""

    def agrees(self, answer: bytes, other: Task, others: bytes) -> bool:
        """Whether another version of the model said the same of an item, as far as people mind."""

    # Where a model is proved

    def probes(self) -> List[Array]:
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


def prepared(values: Array) -> Fill:
    """Fills a slot with what the model takes already."""
    return Fill(lambda slot: numpy.copyto(slot, values), lambda: True)

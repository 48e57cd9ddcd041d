"""The items of a request: out of one input of BYTES, or out of the model's own tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Union

from hotpath.http.v2 import elements, tensors
from hotpath.http.v2.problems import invalid, shared_memory
from hotpath.http.v2.schema import InputTensor
from hotpath.tasks.datatypes import NAMES
from hotpath.tasks.task import Item, Task

Given = Union[bytes, Item]
"""An item as clients have it, or as the model takes it."""


@dataclass(frozen=True)
class Accepted:
    """What a model takes, and how many items at once."""

    task: Task
    most: int

    @property
    def names(self) -> List[str]:
        """Of its inputs."""
        own = [spec.name for spec in self.task.inputs] if self.task.takes_tensors else []
        element = [self.task.element.name] if self.task.element else []
        return list(dict.fromkeys([*element, *own]))


def items_of(given: Sequence[InputTensor], parts: Sequence[memoryview], accepted: Accepted) -> List[Given]:
    """The items of these inputs; of each its binary part, empty where it has none. Raises Problem."""
    _check_names(given, accepted)
    element = accepted.task.element
    first = given[0]
    if element is not None and first.name == element.name and first.datatype == "BYTES":
        count = _count(first, accepted)
        if first.shape[1:] not in ([], [1]) or len(given) > 1:
            raise _unfit(first, accepted)
        if first.data is None:
            return [*elements.in_binary(first.name, parts[0], count)]
        return [*elements.in_json(element, tensors.flatten(first))]
    return _own(given, parts, accepted)


def _own(given: Sequence[InputTensor], parts: Sequence[memoryview], accepted: Accepted) -> List[Given]:
    """Items out of the model's own tensors."""
    task = accepted.task
    by_name = {tensor.name: (tensor, part) for tensor, part in zip(given, parts)}
    arrays = []
    for spec in task.inputs:
        if spec.name not in by_name or not task.takes_tensors:
            if given[0].name in accepted.names and len(task.inputs) == 1:
                raise _unfit(given[0], accepted)
            raise invalid(f"The input {spec.name!r} is missing.", f"Send: {_forms(accepted)}.")
        tensor, part = by_name[spec.name]
        if not tensors.fits(tensor, spec):
            raise _unfit(tensor, accepted)
        _count(tensor, accepted)
        arrays.append(tensors.in_binary(tensor, part) if tensor.data is None else tensors.in_json(tensor))
    lengths = {
        array.shape[:2] if spec.varies else array.shape[:1] for spec, array in zip(task.inputs, arrays)
    }
    if len({length[0] for length in lengths}) > 1 or len({one for one in lengths if len(one) > 1}) > 1:
        raise invalid(
            "The inputs differ in how many items they hold, or how long those are.", "Send as many of each."
        )
    return [tuple(rows) for rows in zip(*arrays)]


def _check_names(given: Sequence[InputTensor], accepted: Accepted) -> None:
    names = accepted.names
    for index, tensor in enumerate(given):
        if tensor.name not in names:
            listed = ", ".join(repr(name) for name in names)
            raise invalid(f"There is no input {tensor.name[:64]!r}.", f"Name the input {listed}.")
        if tensor.name in [other.name for other in given[:index]]:
            raise invalid(f"The input {tensor.name!r} is there twice.", "Send it once.")
        if tensor.parameters.shared_memory_region is not None:
            raise shared_memory()
        in_json = tensor.parameters.binary_data_size is None
        if in_json == (tensor.data is None):
            found = "neither 'data' nor" if in_json else "both 'data' and"
            raise invalid(
                f"The input {tensor.name!r} has {found} the parameter 'binary_data_size'.",
                "Give exactly one of them.",
            )


def _count(tensor: InputTensor, accepted: Accepted) -> int:
    """How many items the shape promises."""
    if not tensor.shape:
        raise _unfit(tensor, accepted)
    count = tensor.shape[0]
    if not 1 <= count <= accepted.most:
        raise invalid(
            f"The input {tensor.name!r} holds {count} items; a request may hold 1 to {accepted.most}.",
            "Split them over several requests; the service puts them together again.",
        )
    return count


def _unfit(tensor: InputTensor, accepted: Accepted) -> Exception:
    return invalid(
        f"The input {tensor.name!r} is {tensor.datatype[:64]} of shape {tensor.shape}.",
        f"Send: {_forms(accepted)}.",
    )


def _forms(accepted: Accepted) -> str:
    """What the model takes, in words."""
    task = accepted.task
    forms = [f"{task.element.name!r} as BYTES [N]"] if task.element else []
    if task.takes_tensors:
        own = []
        for spec in task.inputs:
            tail = (
                [f"1 to {spec.shape[0]}" if spec.varies else spec.shape[0], *spec.shape[1:]]
                if spec.shape
                else []
            )
            shape = ", ".join(str(length) for length in ["N", *tail])
            own.append(f"{spec.name!r} as {NAMES[spec.dtype]} [{shape}]")
        forms.append(" and ".join(own))
    return ", or ".join(forms)

"""From an inference request to what is wanted: out of HTTP's bytes, or out of any form's document and parts.

Pure; raises nothing but Problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from hotpath import json_text
from hotpath.http.errors import Problem, validated
from hotpath.http.v2.items import Accepted, Given, items_of
from hotpath.http.v2.problems import invalid
from hotpath.http.v2.schema import LENGTH_HEADER, InferenceRequest, InputTensor
from hotpath.tasks.task import Column


@dataclass(frozen=True)
class Wanted:
    """An inference request, understood."""

    items: Tuple[Given, ...]
    outputs: Tuple[Tuple[str, bool], ...]
    """Names in the order asked for, and whether each is to be binary."""
    id: Optional[str] = None
    timeout_s: Optional[float] = None
    priority: Optional[int] = None


def understand(body: bytes, header_length: Optional[str], accepted: Accepted) -> Wanted:
    """Read a decompressed body and the value of its Inference-Header-Content-Length. Raises Problem."""
    length = _length(header_length, len(body))
    if length == 0 and header_length is not None:
        # Triton's raw binary request: no JSON, and the body is the one element as it is. Answered in binary.
        if accepted.task.element is None:
            raise invalid(
                f"The model takes tensors, and the header {LENGTH_HEADER} is 0, for one element.",
                "Send JSON, and the binary tensors behind it.",
            )
        return Wanted((body,), tuple((name, True) for name in accepted.task.columns))
    request = validate(_parse(body[:length]))
    binary = memoryview(body)[length:]
    announced = sum(tensor.parameters.binary_data_size or 0 for tensor in request.inputs)
    if announced != len(binary):
        raise invalid(
            f"The inputs announce {announced} bytes of binary data, and {len(binary)} follow the JSON part.",
            f"Correct 'binary_data_size' or the header {LENGTH_HEADER}.",
        )
    return wanted_of(request, _parts(request.inputs, binary), accepted)


def wanted_of(request: InferenceRequest, parts: Sequence[memoryview], accepted: Accepted) -> Wanted:
    """What a request wants; of each input its binary part, empty where it has none. Raises Problem."""
    if request.parameters.sequence_id not in (0, ""):
        raise invalid("Sequences are not supported: the models keep no state.", "Leave out 'sequence_id'.")
    timeout = request.parameters.timeout
    return Wanted(
        items=tuple(items_of(request.inputs, parts, accepted)),
        outputs=_outputs(request, accepted.task.columns),
        id=request.id,
        timeout_s=timeout / 1e6 if timeout else None,
        priority=request.parameters.priority or None,
    )


def _length(header: Optional[str], available: int) -> int:
    """Bytes of the JSON part; all of them where the header is missing."""
    if header is None:
        return available
    # No more digits than any length has: int() takes other scripts' digits too, and long for very many.
    if not re.fullmatch("[0-9]{1,18}", header) or int(header) > available:
        raise invalid(
            f"The header {LENGTH_HEADER} is {header[:64]!r}, and the body has {available} bytes.",
            "Set it to the length of the JSON part in bytes.",
        )
    return int(header)


def _parse(text: bytes) -> Any:
    if len(text) > json_text.MOST_BYTES:
        raise Problem(
            413,
            "json_too_large",
            f"The JSON part has {len(text)} bytes, more than {json_text.MOST_BYTES}.",
            "Send binary tensors, or split the items over several requests.",
        )
    try:
        return json_text.parse(text)
    except ValueError as error:
        raise invalid(
            f"The JSON part can't be read: {error}.",
            f"Send JSON; where binary tensors follow it, tell its length in the header {LENGTH_HEADER}.",
        ) from error


def _parts(given: Sequence[InputTensor], binary: memoryview) -> List[memoryview]:
    found, start = [], 0
    for tensor in given:
        end = start + (tensor.parameters.binary_data_size or 0)
        found.append(binary[start:end])
        start = end
    return found


def validate(document: Any) -> InferenceRequest:
    """A request out of its document, which is as JSON has it. Raises Problem."""
    return validated(InferenceRequest, document, "See InferenceRequest in /docs.")


def _outputs(request: InferenceRequest, known: Mapping[str, Column]) -> Tuple[Tuple[str, bool], ...]:
    default = request.parameters.binary_data_output
    if not request.outputs:
        return tuple((name, default) for name in known)
    chosen: List[Tuple[str, bool]] = []
    for output in request.outputs:
        if output.name not in known or output.name in [name for name, _ in chosen]:
            reason = "asked for twice" if output.name in known else "not there"
            raise invalid(
                f"The output {output.name[:64]!r} is {reason}.", f"Ask for some of: {', '.join(known)}."
            )
        if output.parameters.classification or output.parameters.shared_memory_region is not None:
            raise invalid(
                f"The output {output.name!r} asks for 'classification' or shared memory: not supported.",
                f"Ask for whole outputs, in the answer itself: {', '.join(known)}.",
            )
        binary = output.parameters.binary_data
        chosen.append((output.name, default if binary is None else binary))
    return tuple(chosen)

"""From the bytes of a message to what it asks for. Pure; raises nothing but Problem."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Type

from google.protobuf.message import DecodeError
from pydantic import BaseModel

from hotpath import json_text
from hotpath.http.errors import Problem
from hotpath.http.grpc import contents
from hotpath.http.grpc.messages import message
from hotpath.http.grpc.wire import fields
from hotpath.http.v2.items import Accepted
from hotpath.http.v2.problems import invalid, shared_memory
from hotpath.http.v2.request import Wanted, validate, wanted_of
from hotpath.http.v2.schema import MOST_TENSORS, InputParameters, OutputParameters, RequestParameters

InferRequest = message("ModelInferRequest")

MOST_PARSED = json_text.MOST_BYTES
"""Bytes of a message beside its raw tensors, for the same reason: small parts grow many times in memory."""
MOST_SMALL = 65_536
"""Bytes of a message that asks for no inference."""
MOST_FIELDS = 1000
"""At the top level of a request. It has a dozen, one for each input and output, and its parameters."""

_RAW = InferRequest.DESCRIPTOR.fields_by_name["raw_input_contents"].number
_HTTP_ONLY = ("binary_data", "binary_data_output", "binary_data_size")
"""Parameters of HTTP's binary form: a message has its own place for that."""


def parse(kind: Any, content: bytes) -> Any:
    """A message of a class; None of none. Raises Problem."""
    if kind is None:
        return None  # whatever it is, it is refused
    if kind is InferRequest:
        _check_size(content)
    elif len(content) > MOST_SMALL:
        raise Problem(
            413, "message_too_large", f"The message has {len(content)} bytes.", f"Send {MOST_SMALL} at most."
        )
    try:
        return kind.FromString(content)
    except DecodeError as error:
        name = kind.DESCRIPTOR.name
        raise invalid(f"The message is no {name}.", "Send what the protocol's description tells.") from error


def _check_size(content: bytes) -> None:
    if len(content) <= MOST_PARSED:
        return
    raw = 0
    for count, (number, size) in enumerate(fields(content)):
        if count >= MOST_FIELDS:
            raise invalid(f"The message has more than {MOST_FIELDS} parts.", "Send fewer inputs and outputs.")
        raw += size if number == _RAW else 0
    if len(content) - raw > MOST_PARSED:
        raise Problem(
            413,
            "message_too_large",
            f"The message has {len(content) - raw} bytes beside 'raw_input_contents', more than "
            f"{MOST_PARSED}.",
            "Send tensors in 'raw_input_contents', or split the items over several requests.",
        )


def understand(request: Any, accepted: Accepted) -> Wanted:
    """What a ModelInferRequest wants; all outputs are wanted in binary. Raises Problem."""
    checked = validate(_document(request))
    parts = _parts(request.inputs, request.raw_input_contents)
    return wanted_of(checked, [memoryview(part) for part in parts], accepted)


def _document(request: Any) -> Dict[str, Any]:
    """As HTTP's JSON part has it, but for the elements; of lists that are too long, enough to see that."""
    return {
        "id": request.id or None,
        "parameters": {**_known(request.parameters, RequestParameters), "binary_data_output": True},
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": tensor.shape[:17],
                "parameters": {**_known(tensor.parameters, InputParameters), "binary_data_size": 0},
            }
            for tensor in request.inputs[: MOST_TENSORS + 1]
        ],
        "outputs": [
            {"name": output.name, "parameters": _known(output.parameters, OutputParameters)}
            for output in request.outputs[: MOST_TENSORS + 1]
        ],
    }


def _parts(given: Any, raw: Any) -> List[bytes]:
    """The binary part of each input. Raises Problem."""
    if any("shared_memory_region" in tensor.parameters for tensor in given):
        raise shared_memory()
    if not raw:
        return [contents.in_binary(tensor) for tensor in given]
    if len(raw) != len(given):
        raise invalid(
            f"The request has {len(given)} inputs and {len(raw)} 'raw_input_contents'.",
            "Send one for each input, in their order.",
        )
    if any(tensor.contents.ListFields() for tensor in given):
        raise invalid(
            "The request has 'raw_input_contents', and an input with 'contents' too.",
            "Send all inputs in the one, or all in the other.",
        )
    return list(raw)


def _known(parameters: Mapping[str, Any], schema: Type[BaseModel]) -> Dict[str, Any]:
    """Those parameters that the schema knows."""
    names: Iterable[str] = (name for name in schema.model_fields if name not in _HTTP_ONLY)
    return {name: _value(parameters[name]) for name in names if name in parameters}


def _value(parameter: Any) -> Any:
    choice = parameter.WhichOneof("parameter_choice")
    return None if choice is None else getattr(parameter, choice)

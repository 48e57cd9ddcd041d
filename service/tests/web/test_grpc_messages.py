"""What is said on the wire is what Triton's own client says, and what inference.proto says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from tritonclient.grpc import model_config_pb2, service_pb2

from hotpath.http.grpc import descriptor, messages
from hotpath.http.grpc.servicer import REFUSED

PROTO = Path(messages.__file__).parent / "inference.proto"
OURS = FileDescriptorProto.FromString(descriptor.SERIALIZED)


def parts(prefix: str, message: Any) -> Dict[str, Any]:
    """Of a message and those in it: each field's number, kind and whether it is a list, and each enum's."""
    name = f"{prefix}.{message.name}"
    found: Dict[str, Any] = {
        f"{name}.{field.name}": (field.number, field.type, field.type_name, field.label)
        for field in message.field
    }
    for inner in message.nested_type:
        found.update(parts(name, inner))
    for enum in message.enum_type:
        found.update(values(name, enum))
    return found


def values(prefix: str, enum: Any) -> Dict[str, Any]:
    return {f"{prefix}.{enum.name}.{value.name}": value.number for value in enum.value}


def everything(*files: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for file in files:
        for message in file.message_type:
            found.update(parts("", message))
        for enum in file.enum_type:
            found.update(values("", enum))
    return found


def described(module: Any) -> Any:
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file


def test_names_and_numbers_are_those_of_tritons_client() -> None:
    theirs = everything(described(service_pb2), described(model_config_pb2))
    ours = everything(OURS)
    assert len(ours) > 100
    assert {name: theirs.get(name) for name in ours} == ours


def test_every_method_of_tritons_client_is_answered_or_refused_in_words() -> None:
    (theirs,), (ours,) = described(service_pb2).service, OURS.service
    answered = {
        one.name: (one.input_type, one.output_type, one.client_streaming, one.server_streaming)
        for one in ours.method
    }
    for one in theirs.method:
        if one.name in answered:
            how = (one.input_type, one.output_type, one.client_streaming, one.server_streaming)
            assert answered[one.name] == how
        else:
            assert one.name in REFUSED
    assert f"{OURS.package}.{ours.name}" == messages.SERVICE


def test_the_descriptor_was_written_from_the_description_as_it_is() -> None:
    assert hashlib.sha256(PROTO.read_bytes()).hexdigest() == descriptor.SHA256, "run `make protocol`"


def test_a_message_goes_from_one_to_the_other() -> None:
    theirs = service_pb2.ModelInferRequest(
        model_name="m",
        inputs=[{"name": "a", "shape": [-1, 2**62], "contents": {"fp32_contents": [0.5]}}],
        raw_input_contents=[b"\xff"],
    )
    theirs.parameters["timeout"].int64_param = 5
    ours = messages.message("ModelInferRequest").FromString(theirs.SerializeToString())
    assert str(ours) == str(theirs)
    assert service_pb2.ModelInferRequest.FromString(ours.SerializeToString()) == theirs


def test_an_unknown_message_is_an_error() -> None:
    with pytest.raises(KeyError):
        messages.message("Nothing")

"""The protocol's messages as classes, made at run time from what protoc wrote.

They live in a pool of their own: a program that has Triton's client in the same process, as the tests do, has
other descriptions under the same names. And what protoc writes as Python asks for a runtime at least as new
as itself, where a descriptor fits all of them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pool, message_factory

from hotpath.http.grpc.descriptor import SERIALIZED

_POOL = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(SERIALIZED)

SERVICE = "inference.GRPCInferenceService"


def message(name: str) -> Any:
    """The class of a message."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"inference.{name}"))

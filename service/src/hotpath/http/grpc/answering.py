"""From what was found to the protocol's messages."""

from __future__ import annotations

from typing import Any, Mapping

from google.protobuf.json_format import ParseDict

from hotpath.http.catalogue import Served
from hotpath.http.grpc.messages import message
from hotpath.http.v2.answer import packed
from hotpath.http.v2.infer import Found

InferResponse = message("ModelInferResponse")


def of_inference(found: Found, served: Served) -> Any:
    """A ModelInferResponse: one row of every output for each item, in order."""
    task, identity = served.task, served.model.identity
    response = InferResponse(
        model_name=identity.name, model_version=identity.version, id=found.wanted.id or ""
    )
    for name, _ in found.wanted.outputs:
        column = task.columns[name]
        response.outputs.add(name=name, datatype=column.datatype, shape=[len(found.items), *column.shape])
        response.raw_output_contents.append(packed(column.datatype, task.column(name, found.items)))
    return response


def of_document(kind: str, document: Mapping[str, Any]) -> Any:
    """A message out of what /v2 tells in JSON; what only HTTP's form has a place for is left out."""
    return ParseDict(document, message(kind)(), ignore_unknown_fields=True)

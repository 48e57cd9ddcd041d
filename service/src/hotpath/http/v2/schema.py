"""The JSON part of the protocol's requests and answers, checked and described for /docs."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Union

from pydantic import BaseModel, Field

from hotpath import json_text
from hotpath.http.schema import REQUEST_HEADERS, answer_headers, standing_alone
from hotpath.scheduler.entries import FIRST, LAST, NORMAL

MOST_TENSORS = 64
"""Inputs of a request, and outputs that it asks for."""

MOST_TIMEOUT = (1 << 64) - 1
"""What the protocol's clients can send; a number can be too large to be counted in seconds."""


class InputParameters(json_text.Lenient):
    """Parameters of an input."""

    binary_data_size: Optional[int] = Field(
        default=None, ge=0, description="Bytes of the tensor behind the JSON part."
    )
    shared_memory_region: Optional[Any] = Field(default=None, description="Not supported.")


class InputTensor(json_text.Lenient):
    """One input."""

    name: str = Field(description="One of those that the model's metadata tells.")
    datatype: str = Field(description="BYTES for encoded images and for text; else the model's own.")
    shape: List[int] = Field(
        description="[N] for BYTES; else [N, ...], as the model's metadata tells.", max_length=16
    )
    parameters: InputParameters = Field(
        default=InputParameters(), description="Known ones below; others are passed over."
    )
    data: Optional[Any] = Field(
        default=None,
        description="For BYTES base64 strings, or text as it is; else numbers; nested or flat.",
    )


class OutputParameters(json_text.Lenient):
    """Parameters of a requested output."""

    binary_data: Optional[bool] = Field(default=None, description="Whether it comes behind the JSON part.")
    classification: Optional[int] = Field(
        default=None, description="Not supported: ask for the output 'labels'."
    )
    shared_memory_region: Optional[Any] = Field(default=None, description="Not supported.")


class RequestedOutput(json_text.Lenient):
    """One output that is asked for."""

    name: str = Field(description="One of those that the model's metadata tells.")
    parameters: OutputParameters = Field(
        default=OutputParameters(), description="Known ones below; others are passed over."
    )


class RequestParameters(json_text.Lenient):
    """Parameters of the whole request."""

    binary_data_output: bool = Field(default=False, description="What holds for outputs that don't say.")
    priority: int = Field(
        default=0,
        ge=0,
        le=LAST,
        description=f"{FIRST}: first, {LAST}: last; 0: as the header says, or {NORMAL}.",
    )
    timeout: int = Field(
        default=0, ge=0, le=MOST_TIMEOUT, description="Microseconds the request may take; 0: as configured."
    )
    sequence_id: Union[int, str] = Field(default=0, description="Not supported: the models keep no state.")


class InferenceRequest(json_text.Lenient):
    """The JSON part of a request."""

    id: Optional[str] = Field(default=None, description="Comes back in the answer.")
    parameters: RequestParameters = Field(
        default=RequestParameters(), description="Known ones below; others are passed over."
    )
    inputs: List[InputTensor] = Field(min_length=1, max_length=MOST_TENSORS)
    outputs: List[RequestedOutput] = Field(
        default=[], description="All of them when left out.", max_length=MOST_TENSORS
    )


class OutputTensor(BaseModel):
    """One output."""

    name: str
    datatype: str
    shape: List[int]
    parameters: Optional[Dict[str, int]] = Field(
        default=None, description="binary_data_size, for a binary one."
    )
    data: Optional[List[Union[bool, int, float, str]]] = Field(
        default=None, description="Row-major and flat."
    )


class InferenceAnswer(BaseModel):
    """The JSON part of an answer."""

    model_name: str
    model_version: str
    id: Optional[str] = None
    outputs: List[OutputTensor]


class InferenceError(BaseModel):
    """Every answer other than success."""

    error: str


LENGTH_HEADER = "Inference-Header-Content-Length"

INFER_REQUEST: Dict[str, Any] = {
    "parameters": REQUEST_HEADERS,
    "requestBody": {
        "required": True,
        "description": f"JSON; or JSON of the length that the header {LENGTH_HEADER} tells, and the binary "
        "tensors behind it; or, where that header is 0, one item as clients have it.",
        "content": {
            "application/json": {"schema": standing_alone(InferenceRequest.model_json_schema())},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}

_ERRORS = {
    400: "The request does not keep to the protocol.",
    404: "There is no such model or version.",
    408: "The body did not arrive in time.",
    413: "The body or an image is too large.",
    415: "An element is no image, or the body is encoded in a way the service does not take.",
    422: "An image is damaged.",
    429: "Not enough places are free; see Retry-After.",
    500: "The service, or the model on one of the images, has failed; the log tells why.",
    503: "Not ready, or shutting down; see Retry-After.",
    504: "The request could not be finished in time.",
}


def errors_of(*statuses: int) -> Dict[Union[int, str], Dict[str, Any]]:
    """Descriptions of the errors that a route answers with."""
    return {
        status: {
            "model": InferenceError,
            "description": _ERRORS[status],
            "headers": answer_headers(status),
        }
        for status in statuses
    }


INFER_RESPONSES: Dict[Union[int, str], Dict[str, Any]] = {
    200: {
        "model": InferenceAnswer,
        "description": "A row of each output for every item.",
        "headers": answer_headers(200),
    },
    **errors_of(*_ERRORS),
}

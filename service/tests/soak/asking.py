"""Questions to models of any task, in every form there is, each with the eager model's answer."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, Mapping, Sequence

import numpy
import tritonclient.http as triton

from hotpath.tasks.tensors.expected import differences
from soak.eager import LIMITS, Eager
from soak.questions import Answer, Question, posted

JSON = "application/json"
SCORE = 1e-4
"""By how much a relevance may differ: about what a cosine of 0.99999 leaves of it."""


def predict(eager: Eager, kind: str, body: bytes, content: str, **options: str) -> Question:
    """A body of /predict."""
    ask = eager.task.asked(body, content, options, LIMITS)
    return _about(eager, kind, _path(eager, options), body, content, eager.described(ask))


def predict_then(eager: Eager, second: Eager, kind: str, body: bytes, content: str) -> Question:
    """A picture, and what another model says of what is found on it."""
    expected = eager.followed(eager.task.asked(body, content, {}, LIMITS), second)
    plain = _about(eager, kind, _path(eager, {"then": second.name}), body, content, expected)

    def wrong(document: Any) -> str:
        parts, wanted = ([one["then"] for one in told["objects"]] for told in (document, expected))
        return plain.wrong(document) or second.differs(wanted, parts)

    return Question(kind, plain.request, plain.read, wrong, expected)


def embeddings(eager: Eager, kind: str, texts: Sequence[str], form: str) -> Question:
    """OpenAI's form."""
    sent, expected = _interface(eager, "embeddings", {"input": list(texts), "encoding_format": form})

    def vectors(document: Mapping[str, Any]) -> Any:
        return [{"embedding": _numbers(one["embedding"])} for one in document["data"]]

    def wrong(document: Any) -> str:
        return eager.differs(vectors(expected), vectors(document))

    return Question(kind, sent, _document, wrong, expected)


def rerank(eager: Eager, kind: str, query: str, documents: Sequence[str]) -> Question:
    """Cohere's form."""
    sent, expected = _interface(eager, "rerank", {"query": query, "documents": list(documents)})

    def wrong(document: Any) -> str:
        return "; ".join(differences(expected["results"], document["results"], SCORE))

    return Question(kind, sent, _document, wrong, expected)


def infer(eager: Eager, kind: str, elements: Sequence[bytes], binary: bool) -> Question:
    """The Open Inference Protocol, in JSON or binary: items as clients have them."""
    element = eager.task.element
    fills = [eager.task.encoded(one, LIMITS) for one in elements]
    tensor = triton.InferInput(element.name, [len(elements)], "BYTES")
    sent = elements if binary or element.is_text else [base64.b64encode(one) for one in elements]
    tensor.set_data_from_numpy(numpy.array(sent, dtype=numpy.object_), binary)
    outputs = [triton.InferRequestedOutput(name, binary) for name in eager.task.columns]
    body, length = triton.InferenceServerClient.generate_request_body([tensor], outputs=outputs)
    headers = {"Inference-Header-Content-Length": str(length)} if length else {}

    def read(answer: Answer) -> Any:
        found = triton.InferenceServerClient.parse_response_body(
            answer.body, header_length=answer.header_length if binary else None
        )
        columns = eager.task.columns.items()
        return eager.items({name: found.as_numpy(name) for name, one in columns if one.datatype != "BYTES"})

    expected = eager.columns(fills)
    request = posted(f"/v2/models/{eager.name}/infer", body, "application/octet-stream", **headers)
    return Question(kind, request, read, lambda items: eager.differs(expected, items), expected)


def _about(eager: Eager, kind: str, path: str, body: bytes, content: str, expected: Any) -> Question:
    def wrong(document: Any) -> str:
        return eager.differs(_items(expected), _items(document))

    return Question(kind, posted(path, body, content), _document, wrong, expected)


def _interface(eager: Eager, path: str, document: Dict[str, Any]) -> Any:
    """The request below /v1, and what the eager model answers."""
    interface = eager.task.interfaces[path]
    ask = interface.asked(interface.request.model_validate(document), LIMITS)
    body = json.dumps({"model": eager.name, **document}).encode()
    return posted(f"/v1/{path}", body, JSON), eager.described(ask)


def _path(eager: Eager, options: Mapping[str, str]) -> str:
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return f"/models/{eager.name}/predict" + (f"?{query}" if query else "")


def _document(answer: Answer) -> Any:
    return answer.document


def _items(document: Mapping[str, Any]) -> Any:
    """Of a request of several, or of one."""
    return document.get("items") or document.get("answers") or [document]


def _numbers(embedding: Any) -> Any:
    if isinstance(embedding, str):
        return numpy.frombuffer(base64.b64decode(embedding), "<f4").tolist()
    return embedding

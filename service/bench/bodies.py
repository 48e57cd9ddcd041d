"""How each server wants its image or text: complete HTTP requests, made once."""

from __future__ import annotations

import base64
import json
import struct
from typing import Callable, Dict

_BOUNDARY = b"hotpath-bench-boundary"


def _request(path: str, body: bytes, kind: bytes, more: bytes = b"") -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n"
    return head % (path.encode(), kind, more, len(body)) + body


def raw(image: bytes, path: str) -> bytes:
    """The image is the body."""
    return _request(path, image, b"image/jpeg")


def multipart(image: bytes, path: str) -> bytes:
    """The field `file` of a form, as in the article."""
    part = (
        b'Content-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n'
    )
    body = b"--%s\r\n%s\r\n%s\r\n--%s--\r\n" % (_BOUNDARY, part, image, _BOUNDARY)
    return _request(path, body, b"multipart/form-data; boundary=" + _BOUNDARY)


def json_base64(image: bytes, path: str) -> bytes:
    """base64 in JSON, as LitServe's guide has it."""
    body = json.dumps({"image_data": base64.b64encode(image).decode()}).encode()
    return _request(path, body, b"application/json")


def v2_bytes(image: bytes, path: str) -> bytes:
    """The Open Inference Protocol's binary extension: one BYTES tensor."""
    data = struct.pack("<I", len(image)) + image
    tensor = {
        "name": "image",
        "shape": [1, 1],
        "datatype": "BYTES",
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    length = b"Inference-Header-Content-Length: %d\r\n" % len(head)
    return _request(path, head + data, b"application/octet-stream", length)


def json_text(text: bytes, path: str) -> bytes:
    """A text alone."""
    return _request(path, json.dumps({"text": text.decode()}).encode(), b"application/json")


def json_openai(text: bytes, path: str) -> bytes:
    """A text as clients of OpenAI's form send it, asking for numbers."""
    asked = {"input": [text.decode()], "model": "minilm_l6", "encoding_format": "float"}
    return _request(path, json.dumps(asked).encode(), b"application/json")


ENCODINGS: Dict[str, Callable[[bytes, str], bytes]] = {
    "raw": raw,
    "multipart": multipart,
    "json": json_base64,
    "v2": v2_bytes,
    "text": json_text,
    "openai": json_openai,
}

#!/usr/bin/env python3
"""Writes http/grpc/descriptor.py of the service from inference.proto, with protoc from grpcio-tools."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOM = Path(__file__).resolve().parents[1] / "service" / "src" / "hotpath" / "http" / "grpc"

TEXT = '''\
"""inference.proto as protoc understands it. Written by `make protocol`; not to be changed by hand."""

from __future__ import annotations

import base64

SHA256 = "{digest}"
"""Of the inference.proto that this was written from."""

SERIALIZED = base64.b64decode(
    """
{lines}
"""
)
"""A google.protobuf.FileDescriptorProto."""
'''


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        found = Path(room) / "inference.binpb"
        arguments = [f"-I{ROOM}", f"--descriptor_set_out={found}", "inference.proto"]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
        serialized = _only_file(found.read_bytes())
    lines = "\n".join(textwrap.wrap(base64.b64encode(serialized).decode(), 100))
    digest = hashlib.sha256((ROOM / "inference.proto").read_bytes()).hexdigest()
    (ROOM / "descriptor.py").write_text(TEXT.format(digest=digest, lines=lines))


def _only_file(descriptor_set: bytes) -> bytes:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    (file,) = FileDescriptorSet.FromString(descriptor_set).file
    return bytes(file.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()

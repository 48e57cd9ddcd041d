"""The Open Inference Protocol, version 2, with the binary tensor extension.

https://github.com/kserve/open-inference-protocol and Triton's extension_binary_data.md; docs/protocols.md
says how it is used here.
"""

from hotpath.http.v2.infer import responder
from hotpath.http.v2.routes import routes

__all__ = ["responder", "routes"]

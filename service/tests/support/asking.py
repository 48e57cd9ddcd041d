"""HTTP to the tests' own services, each call on a connection of its own.

httpx makes a TLS context for every call, for which it reads all the world's certificates: 40 ms of a CPU, for
nothing.
"""

from __future__ import annotations

import ssl
from functools import partial

import httpx

_CONTEXT = ssl.create_default_context()

get = partial(httpx.get, verify=_CONTEXT)
post = partial(httpx.post, verify=_CONTEXT)
request = partial(httpx.request, verify=_CONTEXT)

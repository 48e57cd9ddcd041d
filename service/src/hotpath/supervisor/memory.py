"""The NUMA node of a process's memory: Linux's set_mempolicy(2), which Python does not offer."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
from typing import Iterator, Optional

from hotpath.core import Refusal

# asm/unistd_64.h of x86-64, asm-generic/unistd.h of ARM
_CALL = {"x86_64": 238, "aarch64": 237}
# linux/mempolicy.h
_MODES = {"any": 0, "preferred": 1, "bind": 2}
_WORD_BITS = 64
_MASK_WORDS = 16
"""Together 1024 nodes, the most that Linux is built for (CONFIG_NODES_SHIFT)."""


def place(policy: str, node: Optional[int]) -> None:
    """Let the calling process and its children have their memory on `node` from now on.

    `bind`: there or not at all; `preferred`: there while it has some; `any`, or no node: nothing is changed.
    Raises Refusal when the kernel does not allow it.
    """
    if policy != "any" and node is not None:
        _set(policy, node)


@contextlib.contextmanager
def preferring(policy: str, node: Optional[int]) -> Iterator[None]:
    """What is touched inside comes to lie on `node`, elsewhere when that is full; anywhere by policy `any`.

    Never bound: a huge page that a bound process can't get on its node kills it (SIGBUS) without a word.
    """
    if policy == "any" or node is None:
        yield
        return
    _set("preferred", node)
    try:
        yield
    finally:
        _set("any", None)


def _set(mode: str, node: Optional[int]) -> None:
    mask = (ctypes.c_ulong * _MASK_WORDS)()
    if node is not None and node < _MASK_WORDS * _WORD_BITS:  # the kernel refuses an empty mask
        mask[node // _WORD_BITS] = 1 << node % _WORD_BITS
    # The kernel looks at one bit less than it is told of.
    bits = ctypes.c_ulong(_MASK_WORDS * _WORD_BITS + 1)
    libc = ctypes.CDLL(None, use_errno=True)
    number = _CALL.get(platform.machine())
    failed = number is None or libc.syscall(number, _MODES[mode], ctypes.byref(mask), bits) != 0
    if failed:
        reason = os.strerror(ctypes.get_errno() if number else errno.ENOSYS)
        raise Refusal(
            f"The kernel places no memory of this process on NUMA node {node} ({reason}).",
            'Make the plan again on this host, or set placement.memory to "any".',
        )

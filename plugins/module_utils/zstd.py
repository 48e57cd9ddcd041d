"""Unpack Zstandard by the libzstd that rpm itself is linked to; Python 3.6 has no module for it."""

import ctypes
from typing import Any

_CHUNK = 1 << 20


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which are alike (zstd.h)."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t)]


def decompress(packed: bytes) -> bytes:
    """The content of one or several frames. Raises OSError without libzstd, EOFError or ValueError on damage."""
    library = _library()
    stream = library.ZSTD_createDStream()
    source = _Buffer(ctypes.cast(ctypes.c_char_p(packed), ctypes.c_void_p), len(packed), 0)
    room = ctypes.create_string_buffer(_CHUNK)
    found = bytearray()
    try:
        while True:
            target = _Buffer(ctypes.cast(room, ctypes.c_void_p), _CHUNK, 0)
            left = library.ZSTD_decompressStream(stream, ctypes.byref(target), ctypes.byref(source))
            if library.ZSTD_isError(left):
                raise ValueError(library.ZSTD_getErrorName(left).decode())
            found += room.raw[: target.position]
            if source.position == source.size and target.position < target.size:  # all is read and nothing is held back
                break
    finally:
        library.ZSTD_freeDStream(stream)
    if left:
        raise EOFError("it ends within a frame")
    return bytes(found)


def _library() -> Any:
    library = ctypes.CDLL("libzstd.so.1")
    buffer, stream, size = ctypes.POINTER(_Buffer), ctypes.c_void_p, ctypes.c_size_t
    library.ZSTD_createDStream.restype = stream
    library.ZSTD_freeDStream.argtypes = [stream]
    library.ZSTD_decompressStream.argtypes = [stream, buffer, buffer]
    library.ZSTD_decompressStream.restype = size
    library.ZSTD_isError.argtypes = [size]
    library.ZSTD_getErrorName.argtypes = [size]
    library.ZSTD_getErrorName.restype = ctypes.c_char_p
    return library

"""The Open Inference Protocol's names of what tensors hold."""

from __future__ import annotations

DTYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
}
"""As numpy names them. Strings, BYTES, have none."""

NAMES = {dtype: name for name, dtype in DTYPES.items()}

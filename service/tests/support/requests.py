"""Models of texts and of tensors without weights, as far as requests go; and what nearly fits them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from hypothesis import strategies as st

from hotpath.core import TensorSpec
from hotpath.tasks import known
from hotpath.tasks.datatypes import NAMES
from hotpath.tasks.tensors.own import OwnTask
from support import texts
from support.numbers import LETTERS

INPUTS: Tuple[TensorSpec, ...] = (
    TensorSpec("flag", "bool", (2,)),
    TensorSpec("byte", "uint8", (2, 2)),
    TensorSpec("short", "int32", ()),
    TensorSpec("long", "int64", (1,)),
    TensorSpec("half", "float16", (3,)),
    TensorSpec("single", "float32", (4, 2), True),
)
"""One of each datatype and of several shapes; the last is as long as it likes, up to four."""
RIGHT: Dict[str, Any] = {
    "flag": [True, False],
    "byte": [[0, 1], [2, 255]],
    "short": -5,
    "long": [2**63 - 1],
    "half": [0.5, 1, -2],
    "single": [[1.5, 2], [3, 4], [5, 6]],
}
"""An item of them."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(
        [-1, 0, 1, 255, 256, 2**31, 2**63, 10**400, 1e300, 1e39, 70000.0, float("nan"), float("inf")]
    ),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["flag", "single", "text", "\ud800", "\0", " ", "É\u00a0", "dog " * 30]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
"""What JSON can hold, and Python's reader besides."""


def tensors_task(inputs: Sequence[TensorSpec] = INPUTS) -> OwnTask:
    """A model of these inputs."""
    outputs = (TensorSpec("sum", "float32", (2,)),)
    return OwnTask("many", {"lengths": [4], "probes": [], "tolerance": {}}, Path(), tuple(inputs), outputs)


def letters_task() -> Any:
    """A user's own, which reads its elements itself."""
    found: Dict[str, Any] = {}
    exec(LETTERS, found)
    inputs, outputs = (TensorSpec("counts", "float32", (26,)),), (TensorSpec("letter", "int64", ()),)
    return found["Task"]("letters", {"lengths": [1], "probes": [], "tolerance": {}}, Path(), inputs, outputs)


def texts_task(directory: Path, too_long: str) -> Any:
    """A model that makes embeddings of texts of up to twelve tokens."""
    directory.mkdir()
    return known.task(texts.described(directory, "text-embedding", texts.PROBES, too_long=too_long))


def spoilt(draw: Any, value: Any, most: int = 2) -> Any:
    """The value with up to so many of its places, at any depth, holding something else."""
    for _ in range(draw(st.integers(0, most))):
        value = _spoilt_once(draw, value)
    return value


def _spoilt_once(draw: Any, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        how = draw(st.sampled_from(["inside", "inside", "inside", "without", "besides"]))
        if how == "without":
            return {name: inner for name, inner in value.items() if name != key}
        if how == "besides":
            return {**value, draw(st.text(max_size=6)): draw(VALUES)}
        return {**value, key: _spoilt_once(draw, value[key])}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        place = draw(st.integers(0, len(value) - 1))
        how = draw(st.sampled_from(["inside", "inside", "without", "twice"]))
        middle: List[Any] = [_spoilt_once(draw, value[place])] if how == "inside" else []
        return [*value[:place], *middle, *(value[place:] if how == "twice" else value[place + 1 :])]
    how = draw(st.sampled_from(["other", "other", "names", "deeper"]))
    if how == "names" and isinstance(value, dict):  # what looks like a table to whoever asks for names alone
        return draw(st.sampled_from([sorted(value), ",".join(value)]))
    deep: Any = value if how == "deeper" else draw(VALUES)
    for _ in range(draw(st.sampled_from([1, 3, 40, 200])) if how == "deeper" else 0):
        deep = [deep]
    return deep


def json_tensors(count: int) -> List[Dict[str, Any]]:
    """So many items of them, as the inputs of the protocol."""
    return [
        {
            "name": spec.name,
            "datatype": NAMES[spec.dtype],
            "shape": _shape(spec, count),
            "data": [RIGHT[spec.name]] * count,
        }
        for spec in INPUTS
    ]


def _shape(spec: TensorSpec, count: int) -> List[int]:
    return [count, *((3, *spec.shape[1:]) if spec.varies else spec.shape)]

"""Whether an answer is the expected one: in pure Python, for processes without numpy."""

from __future__ import annotations

from typing import Any, Iterator


def differences(expect: Any, found: Any, within: float, where: str = "") -> Iterator[str]:
    """Where JSON differs from what is expected of it, each as a phrase.

    An object may have more keys than are expected. Numbers may differ by `within`, times the expected one
    where that is above 1.
    """
    name = where or "the answer"
    if isinstance(expect, dict):
        if not isinstance(found, dict):
            yield f"{name} is {_short(found)}, and an object is expected"
            return
        for key, value in expect.items():
            if key not in found:
                yield f"{name} has no {key!r}"
            else:
                yield from differences(value, found[key], within, f"{where}.{key}" if where else key)
    elif isinstance(expect, list):
        if not isinstance(found, list) or len(found) != len(expect):
            yield f"{name} is {_short(found)}, and a list of {len(expect)} is expected"
            return
        for index, (value, one) in enumerate(zip(expect, found)):
            yield from differences(value, one, within, f"{where}[{index}]")
    elif _is_number(expect) and _is_number(found):
        if not abs(expect - found) <= within * max(1.0, abs(expect)):  # which NaN is not either
            yield f"{name} is {found!r}, and {expect!r} is expected"
    elif expect != found or isinstance(expect, bool) != isinstance(found, bool):
        yield f"{name} is {_short(found)}, and {_short(expect)} is expected"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

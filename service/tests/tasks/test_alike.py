"""Which answers of two services say the same."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.tasks.alike import alike

SAID = {"label": "a", "score": 0.91, "box": [10.0, 200.0], "more": {"count": 2, "sure": True}}


@pytest.mark.parametrize(
    "change",
    [{}, {"score": 0.9102}, {"box": [10.05, 201.5]}],
)
def test_numbers_may_hardly_differ(change: Any) -> None:
    assert alike(SAID, {**SAID, **change})


@pytest.mark.parametrize(
    "change",
    [{"label": "b"}, {"score": 0.8}, {"box": [10.0]}, {"box": None}, {"more": {"count": 2}}, {"new": 1}],
)
def test_everything_else_may_not(change: Any) -> None:
    assert not alike(SAID, {**SAID, **change})
    assert not alike({**SAID, **change}, SAID)


def test_a_number_is_no_truth() -> None:
    assert not alike({"sure": True}, {"sure": 1.001})

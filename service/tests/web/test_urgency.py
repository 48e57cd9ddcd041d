"""The headers that say how soon an answer is wanted."""

from __future__ import annotations

from typing import Dict

import pytest

from hotpath.http.errors import Problem
from hotpath.http.urgency import DEADLINE_HEADER, PRIORITY_HEADER, Urgency, urgency_of


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Urgency(10.0, 5)),
        ({DEADLINE_HEADER: "1"}, Urgency(0.001, 5, stated=True)),
        ({DEADLINE_HEADER: "9999"}, Urgency(9.999, 5, stated=True)),
        ({DEADLINE_HEADER: "10000", PRIORITY_HEADER: "1"}, Urgency(10.0, 1)),
        ({DEADLINE_HEADER: "10001"}, Urgency(10.0, 5)),
        ({DEADLINE_HEADER: "9223372036854775807"}, Urgency(10.0, 5)),
        ({PRIORITY_HEADER: "9"}, Urgency(10.0, 9)),
    ],
)
def test_what_is_not_said_is_as_configured(headers: Dict[str, str], expected: Urgency) -> None:
    assert urgency_of(headers, 10.0) == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "soon", "٣", "9" * 5000, " 5"])
def test_a_deadline_that_is_none_is_refused_with_its_bounds(text: str) -> None:
    with pytest.raises(Problem, match="X-Request-Deadline-Ms") as refused:
        urgency_of({DEADLINE_HEADER: text}, 10.0)
    assert (refused.value.status, refused.value.code) == (400, "invalid_deadline")
    assert "from 1 to 9223372036854775807 ms" in refused.value.remedy


@pytest.mark.parametrize("text", ["", "0", "10", "high", "5.0"])
def test_a_priority_that_is_none_is_refused_with_its_bounds(text: str) -> None:
    with pytest.raises(Problem, match="X-Request-Priority") as refused:
        urgency_of({PRIORITY_HEADER: text}, 10.0)
    assert (refused.value.status, refused.value.code) == (400, "invalid_priority")
    assert "from 1 to 9" in refused.value.remedy


@pytest.mark.parametrize(
    ("urgency", "over_at"),
    [(Urgency(10.0), 24.0), (Urgency(9.0, stated=True), 9.0)],
    ids=["service", "client"],
)
def test_a_client_counts_from_its_head_and_the_service_from_the_end_of_the_body(
    urgency: Urgency, over_at: float
) -> None:
    assert urgency.deadline(head=0.0, body=14.0) == over_at


def test_what_a_body_asks_for_goes_before_the_headers_but_gives_no_more_time() -> None:
    usual = Urgency(10.0, 5)
    assert usual.hurried(None, None) == usual
    assert usual.hurried(60.0, 1) == Urgency(10.0, 1)
    assert usual.hurried(2.0, None) == Urgency(2.0, 5, stated=True)
    assert Urgency(1.0, 5, stated=True).hurried(2.0, None) == Urgency(1.0, 5, stated=True)

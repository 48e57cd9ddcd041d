"""Who decodes what, of what all workers see of each other."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.sharing.policy import OnOffer, next_up, to_wake

pytestmark = pytest.mark.one_python


@pytest.mark.parametrize(
    ("own", "chosen"),
    [(None, 1), (4.0, 1), (3.0, None), (2.0, None)],
)
def test_the_most_urgent_of_the_own_node_comes_first(own: Optional[float], chosen: Optional[int]) -> None:
    offers = [OnOffer(0, 1.0, 9), OnOffer(1, 3.0, 5), OnOffer(2, 7.0, 5)]
    found = next_up(own, offers, 5)
    assert (found and found.tray) == chosen


def test_across_nodes_only_where_the_own_has_nothing() -> None:
    far = [OnOffer(0, 1.0, 9), OnOffer(1, 0.5, 8)]
    assert next_up(None, far, 5) == far[1]
    assert next_up(9.0, far, 5) is None
    assert next_up(None, [], 5) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0, 1])), min_size=2, max_size=8), st.data())
def test_told_are_free_others_of_the_own_node_first(
    workers: List[Tuple[bool, int]], data: st.DataObject
) -> None:
    nodes = [node for _, node in workers]
    free = [worker for worker, (is_free, _) in enumerate(workers) if is_free]
    me = data.draw(st.integers(0, len(workers) - 1))
    told = to_wake(free, nodes, me, len(workers))
    assert set(told) == set(free) - {me}
    near = [nodes[worker] == nodes[me] for worker in told]
    assert near == sorted(near, reverse=True)
    assert to_wake(free, nodes, me, 1) == told[:1]

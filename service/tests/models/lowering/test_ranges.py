"""What was seen of several groups of images is what is seen of all of them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="this Python has no torch; lowering is tested on the other one")

from support.networks import small  # noqa: E402

from hotpath.models.lowering.graph import lower  # noqa: E402
from hotpath.models.lowering.program import Convolution  # noqa: E402
from hotpath.models.lowering.ranges import look, quantise  # noqa: E402
from hotpath.models.tracing import freeze  # noqa: E402

SIDE = 32


def test_groups_of_images_make_the_same_form_as_all_of_them() -> None:
    program = lower(freeze(small(), torch.zeros(2, 3, SIDE, SIDE)))
    torch.manual_seed(2)
    images = torch.randn(10, 3, SIDE, SIDE)
    all_at_once = look(program, [images])
    in_groups = look(program, [images[:3], images[3:4]]).and_of(look(program, [images[4:]]))
    assert in_groups.images == all_at_once.images == 10
    one, other = quantise(program, all_at_once), quantise(program, in_groups)
    for name, (scale, zero) in one.ranges.items():
        assert other.ranges[name][0] == pytest.approx(scale, rel=1e-5)
        assert abs(other.ranges[name][1] - zero) <= 1
    for left, right in zip(one.program.steps, other.program.steps):
        if isinstance(left, Convolution) and isinstance(right, Convolution):
            assert torch.allclose(left.bias, right.bias, atol=1e-4)


def test_a_range_holds_zero_and_every_value_seen() -> None:
    program = lower(freeze(small(), torch.zeros(2, 3, SIDE, SIDE)))
    seen = look(program, [torch.full((2, 3, SIDE, SIDE), 2.0)])
    low, high = seen.ends[program.entry]
    assert (low, high) == (0.0, 2.0)

"""A fleet under loads of every shape: what scaling by measure refuses and uses, beside Kubernetes' rule."""

from __future__ import annotations

import pytest
import simulate_scaling
from simulate_scaling import Shape, by_kubernetes_rule, by_measure, not_at_all, simulate

SHAPES = {shape.name: shape for shape in simulate_scaling.shapes()}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_no_shape_is_served_worse_than_by_kubernetes_rule(shape: Shape) -> None:
    ours, theirs = (simulate(shape, make).result() for make in (by_measure, by_kubernetes_rule))
    everything = simulate(shape, not_at_all).result()
    assert ours.refused <= theirs.refused
    assert ours.hosts < 0.8 * everything.hosts and ours.hosts < 1.3 * theirs.hosts


def test_flapping_load_does_not_make_the_fleet_flap() -> None:
    assert simulate(SHAPES["200 and 350, two minutes each"], by_measure).changes <= 2


def test_nothing_changes_while_there_is_no_data() -> None:
    shape = SHAPES["no data for 15 minutes, load halves"]
    blind = Shape(shape.name, 2700, shape.demand, {0: shape.events[1800]})
    assert simulate(blind, by_measure).changes == 0


def test_the_fleet_is_as_small_as_before_when_the_load_is() -> None:
    fleet = simulate(SHAPES["four times the load, one never comes"], by_measure)
    assert len(fleet.serving()) == 3  # as at the beginning

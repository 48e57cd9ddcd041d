"""What the autoscaler tells of itself: every host by its state, so that rules know who is a spare."""

from __future__ import annotations

from autoscaler.figures import Figures
from autoscaler.policy import Decision, Host, Reading, State

HOSTS = (Host("gpu-1", State.SERVING, 100.0), Host("gpu-2", State.STANDBY, 100.0, tier=1))


def test_each_host_stands_in_one_state_with_its_tier() -> None:
    figures = Figures()
    figures.tell(Reading(0.0, 50.0, HOSTS), Decision((), (), 71.4, "enough"), failed=0, held=False, at=12.0)
    lines = figures.text().splitlines()
    told = [line for line in lines if line.startswith("hotpath_autoscaler_host{")]
    assert told == [
        'hotpath_autoscaler_host{host="gpu-1",state="serving",tier="0"} 1.0',
        'hotpath_autoscaler_host{host="gpu-2",state="standby",tier="1"} 1.0',
    ]
    assert 'hotpath_autoscaler_hosts{state="standby"} 1.0' in lines
    assert "hotpath_autoscaler_carried 100.0" in lines and "hotpath_autoscaler_last_look_seconds 12.0" in lines


def test_without_figures_nobody_is_a_spare() -> None:
    figures = Figures()
    figures.tell(None, Decision((), (), None, "no data"), failed=0, held=True, at=12.0)
    assert "hotpath_autoscaler_host{" not in figures.text()
    assert "hotpath_autoscaler_held 1.0" in figures.text().splitlines()

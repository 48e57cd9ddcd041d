"""The last part of the fleet's demo: a load rises and falls, and spare hosts join and leave as it is measured."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from demo import Stopped, say
from demo_clients import line
from matplotlib import pyplot
from throwaway.watching import Prometheus

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.load import Answer, Load

# A real load falls in hours. The hosts of the demo share two cores, so they are asked for long before those are full.
SETTINGS = {
    "autoscaler_target": 0.2,
    "autoscaler_look_s": 5,
    "autoscaler_look_back_s": 60,
    "autoscaler_pause_s": 15,
}
SERVING = 'hotpath_autoscaler_hosts{state="serving"}'
IMAGES = {"asked for": "demand", "needed at the target": "needed", "carried by the hosts in rotation": "carried"}
STEP_S = 5.0
PATIENCE_S = 300.0
STAY_S = 30.0


def scale(
    load: Callable[[int, float], Load], prometheus: Prometheus, hosts: Sequence[str], calm: tuple[int, float]
) -> list[Answer]:
    """What clients met: few, three times as many, and few again. `calm` is their number and their rest in seconds.

    `load` makes clients of a number and a rest. Raises Stopped where spares neither join nor leave in time.
    """

    def watch(loads: Sequence[Load], words: str, reached: Callable[[int], bool]) -> None:
        """Live lines until so many hosts serve, and for a while after."""
        began = time.monotonic()
        since: float | None = None
        while since is None or time.monotonic() - since < STAY_S:
            if since is None and time.monotonic() - began > PATIENCE_S:
                raise Stopped(f"{words}: not in {PATIENCE_S:.0f} s. `journalctl -u hotpath-autoscaler` on the monitor")
            time.sleep(2.0)
            serving = int(prometheus.value(SERVING) or 0)
            if since is None and reached(serving):
                since = time.monotonic()
                say(f"{words}: after {since - began:.0f} s")
            say(f"{line(loads, 2.0, hosts)}; in rotation {'█' * serving} {serving}")

    clients, rest_s = calm
    with ExitStack() as stack:
        few = stack.enter_context(load(clients, rest_s))
        watch([few], "The spares have left", lambda serving: serving == 1)
        with load(2 * clients, rest_s) as more:
            say("Three times as many clients")
            watch([few, more], "Spares have joined", lambda serving: serving > 1)
        say("As few as before")
        watch([few], "The spares have left again", lambda serving: serving == 1)
    return [*few.answers, *more.answers]


def plot(prometheus: Prometheus, since: float, target: Path) -> None:
    """What was asked for, needed and carried, and the hosts in rotation, from that second of 1970 until now."""
    figure, (images, hosts) = pyplot.subplots(
        2, 1, figsize=(9, 5.5), sharex=True, height_ratios=(2, 1), layout="constrained"
    )
    for words, name in IMAGES.items():
        found = prometheus.values(f"hotpath_autoscaler_{name}", since, STEP_S)
        images.plot([at - since for at, _ in found], [value for _, value in found], label=words)
    images.set_ylabel("images/s")
    images.set_ylim(bottom=0)
    images.legend(frameon=False)
    found = prometheus.values(SERVING, since, STEP_S)
    hosts.step([at - since for at, _ in found], [value for _, value in found], where="post", color="#0b6e4f")
    hosts.set_ylabel("hosts in rotation")
    hosts.set_xlabel("seconds")
    hosts.set_ylim(bottom=0)
    hosts.yaxis.get_major_locator().set_params(integer=True)
    for axis in (images, hosts):
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("A load that rises and falls, and the hosts that carry it")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=130)
    pyplot.close(figure)

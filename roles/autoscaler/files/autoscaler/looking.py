"""Put together what Prometheus measured and what the balancers say into one reading."""

import time
from typing import Dict, Mapping, Optional

from autoscaler import Failure
from autoscaler.measuring import Measured
from autoscaler.policy import Host, Reading
from autoscaler.rotation import Seen

AHEAD_S = 5.0  # that another clock may be ahead of this one


def reading(measured: Measured, seen: Mapping[str, Seen], tiers: Mapping[str, int], stale_s: float) -> Reading:
    """The reading of this moment; a host without recent figures has none. Raises Failure where clocks disagree or no
    balancer was measured.
    """
    wall, here = time.time(), time.monotonic()
    if not measured.balancers_at:
        raise Failure("Prometheus has no figures of the balancers")
    times = {**measured.host_at, **measured.balancers_at}
    ahead = {name: at - wall for name, at in times.items() if at - wall > AHEAD_S}
    if ahead:
        name = max(ahead, key=lambda one: ahead[one])
        raise Failure("the figures of %s are %.0f s ahead of this clock" % (name, ahead[name]))
    capacities: Dict[str, Optional[float]] = {
        name: capacity for name, capacity in measured.capacities.items() if wall - times.get(name, 0.0) <= stale_s
    }
    hosts = tuple(
        Host(name, host.state, capacities.get(name), tiers.get(name, 0), host.spare)
        for name, host in sorted(seen.items())
    )
    return Reading(here - (wall - min(measured.balancers_at.values())), measured.demand, hosts)

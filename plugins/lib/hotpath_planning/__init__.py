"""From a host's topology to its plan: pure functions, no input or output.

topology.py reads what host_topology reported, demand.py says how many cores each kind of work wants, allocate.py hands
them out, overrides.py lets the user have the last word, check.py holds what every plan must keep, text.py shows it.
"""

from hotpath_planning.allocate import plan_host
from hotpath_planning.model import PlanError

__all__ = ["PlanError", "plan_host"]

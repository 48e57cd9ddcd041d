"""From a host's topology to its plan: pure functions, no input or output.

model.py reads what host_topology reported, gpus.py says which GPUs can have an engine (by what architectures.py
knows of them), sites.py which engines and interfaces live on which node, demand.py how many cores each kind of
work wants there, stock.py what a node has left, allocate.py hands it out, overrides.py lets the user have the last
word, check.py holds what every plan must keep, text.py shows it.
"""

from hotpath_planning.allocate import plan_host
from hotpath_planning.model import PlanError

__all__ = ["PlanError", "plan_host"]

"""The judgement of a fleet before anything is changed: pure functions from what was found to a list of problems."""

from .driver import driver_problems, headers_package, kernel_version
from .firewall import firewall_problems
from .floating import address_problems, balancer_problems
from .inventory import inventory_problems
from .plan import plan_pictures
from .problem import Problem, table
from .report import host_plan, host_problems
from .served import model_problems
from .stack import set_problems
from .values import Values, installed_packages, wanted_packages, wanted_transaction
from .variables import load_options, variable_problems

__all__ = [
    "Problem",
    "Values",
    "address_problems",
    "balancer_problems",
    "driver_problems",
    "firewall_problems",
    "headers_package",
    "host_plan",
    "host_problems",
    "installed_packages",
    "inventory_problems",
    "kernel_version",
    "load_options",
    "model_problems",
    "plan_pictures",
    "set_problems",
    "table",
    "variable_problems",
    "wanted_packages",
    "wanted_transaction",
]

"""The judgement of a fleet before anything is changed: pure functions from what was found to a list of problems."""

from .inventory import inventory_problems
from .problem import Problem, table
from .report import host_problems
from .values import Values, wanted_packages
from .variables import load_options, variable_problems

__all__ = [
    "Problem",
    "Values",
    "host_problems",
    "inventory_problems",
    "load_options",
    "table",
    "variable_problems",
    "wanted_packages",
]

"""Filters around the host's plan: make it, show it, write its CPU sets as the kernel does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

# Ansible loads each plugin file by itself, so the package that they share is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

from hotpath_planning import PlanError, plan_host
from hotpath_planning.text import cpu_list, cpu_mask, plan_text

__all__ = ["FilterModule", "affinity_plan", "cpu_list", "cpu_mask", "plan_text"]


def affinity_plan(topology: Mapping[str, Any], **choices: Any) -> dict[str, Any]:
    """The plan for what host_topology reported; `choices` are those of hotpath_planning.plan_host."""
    try:
        return plan_host(topology, **choices).to_dict()
    except PlanError as error:
        raise AnsibleFilterError(f"The host cannot be planned: {error}") from error


class FilterModule:
    """Entry point that Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "affinity_plan": affinity_plan,
            "cpu_list": cpu_list,
            "cpu_mask": cpu_mask,
            "plan_text": plan_text,
        }

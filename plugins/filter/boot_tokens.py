"""Filters for kernel boot arguments, which are compared token by token: isolcpus=1 is not isolcpus=1,3."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

# Ansible loads each plugin file by itself, so the package that they share is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

from hotpath_boot import argument_tokens, dropped_tokens, missing_tokens, unwritable
from hotpath_planning.text import cpu_list


def boot_argument_tokens(arguments: Mapping[str, Any], planned: Mapping[str, Any] | None = None) -> list[str]:
    """{"nohz_full": "2,14", "quiet": None, "isolcpus": ""} -> ["nohz_full=2,14", "quiet"].

    The order is kept, since the kernel reads from left to right. `arguments` win over the planned ones; an empty value
    leaves one out, none at all makes a bare word, and a list gives a token for each of its values.
    """
    problems = list(unwritable(arguments))
    if problems:
        told = (f"boot argument {problem.found}. {problem.reason} {problem.remedy}" for problem in problems)
        raise AnsibleFilterError(" ".join(told))
    return argument_tokens(arguments, planned or {})


def boot_arguments_dropped(arguments: Mapping[str, Any]) -> list[str]:
    """{"selinux": ""} -> ["!selinux"]: what shall stand on no boot line, whoever put it there."""
    return dropped_tokens(arguments)


def boot_arguments_missing(wanted: str, command_line: str) -> list[str]:
    """Tokens of the wanted line whose setting stands otherwise on the kernel's command line; of lists, an element."""
    return missing_tokens(wanted, command_line)


def isolated_cpus(arguments: str) -> str:
    """The CPUs of isolcpus= as the kernel lists them: "quiet isolcpus=managed_irq,domain,2,3,14" -> "2-3,14"."""
    values = [token.partition("=")[2] for token in arguments.split() if token.startswith("isolcpus=")]
    parts = [part.split("-") for value in values for part in value.split(",") if part[:1].isdigit()]
    return cpu_list(cpu for part in parts for cpu in range(int(part[0]), int(part[-1]) + 1))


def gib_pages(arguments: str) -> int:
    """Hugepages of 1 GiB that a kernel is asked for: hugepages= counts pages of the hugepagesz= before it."""
    size, count = "", 0
    for key, _, value in (token.partition("=") for token in arguments.split()):
        if key == "hugepagesz" or (key == "default_hugepagesz" and not size):
            size = value
        elif key == "hugepages" and size in ("1G", "1g") and value.isdigit():
            count = int(value)
    return count


class FilterModule:
    """Entry point that Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "boot_argument_tokens": boot_argument_tokens,
            "boot_arguments_dropped": boot_arguments_dropped,
            "boot_arguments_missing": boot_arguments_missing,
            "gib_pages": gib_pages,
            "isolated_cpus": isolated_cpus,
        }

"""Filters for kernel boot arguments, which are compared token by token: isolcpus=1 is not isolcpus=1,3."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

# Ansible loads each plugin file by itself, so the package that they share is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

from hotpath_planning.text import cpu_list

KEY = re.compile(r"[A-Za-z0-9_.\-]+")


def boot_argument_tokens(arguments: Mapping[str, Any]) -> list[str]:
    """{"nohz_full": "2,14", "quiet": True, "isolcpus": ""} -> ["nohz_full=2,14", "quiet"].

    The order is kept, since hugepages= belongs to the hugepagesz= before it. An empty value, 0 and false leave the
    argument out.
    """
    tokens = []
    for key, value in arguments.items():
        if not KEY.fullmatch(key):
            raise AnsibleFilterError(f"{key!r} is no name of a boot argument; write the value apart, as in quiet: true")
        if re.search(r"[\s\"']", str(value)):
            raise AnsibleFilterError(f"boot argument {key}: {value!r} holds a space or a quote, which grubby mangles")
        if value is True:
            tokens.append(key)
        elif value:
            tokens.append(f"{key}={value}")
    return tokens


def boot_arguments_missing(wanted: str, command_line: str) -> list[str]:
    """Tokens of the wanted line that the kernel's command line lacks, or holds beside another value of the same key."""
    present = command_line.split()
    return [token for token in wanted.split() if [other for other in present if _key(other) == _key(token)] != [token]]


def isolated_cpus(arguments: str) -> str:
    """The CPUs of isolcpus= as the kernel lists them: "quiet isolcpus=managed_irq,domain,2,3,14" -> "2-3,14"."""
    values = [token.partition("=")[2] for token in arguments.split() if _key(token) == "isolcpus"]
    parts = [part.split("-") for value in values for part in value.split(",") if part[:1].isdigit()]
    return cpu_list(cpu for part in parts for cpu in range(int(part[0]), int(part[-1]) + 1))


def _key(token: str) -> str:
    return token.partition("=")[0]


class FilterModule:
    """Entry point that Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "boot_argument_tokens": boot_argument_tokens,
            "boot_arguments_missing": boot_arguments_missing,
            "isolated_cpus": isolated_cpus,
        }

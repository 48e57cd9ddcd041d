"""Filters for kernel boot arguments, which are compared token by token: isolcpus=1 is not isolcpus=1,3."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

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
    """Tokens of the wanted line that the kernel's command line lacks."""
    present = set(command_line.split())
    return [token for token in wanted.split() if token not in present]


class FilterModule:
    """Entry point that Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"boot_argument_tokens": boot_argument_tokens, "boot_arguments_missing": boot_arguments_missing}

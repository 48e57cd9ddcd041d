"""Boot arguments as an inventory has them: what can't be taken at its word, and the tokens that they become."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

# What modules on the host need too lies among their utilities, which Ansible does not put on the path of filters.
sys.path.append(str(Path(__file__).resolve().parents[1] / "module_utils"))

from boot_line import ABSENT, LISTS, MANGLED, PAGE_SIZE, PAGES, key_of, merged, missing, setting_of, split

KEY = re.compile(r"[A-Za-z0-9_.\-]+")
BARE = 'for the bare word write the name with nothing behind its colon ("quiet:")'


@dataclass(frozen=True)
class Unwritable:
    """An argument that can't be taken at its word: what was found, why not, and the way out."""

    found: str
    reason: str
    remedy: str


def unwritable(arguments: Mapping[str, Any]) -> Iterator[Unwritable]:
    """Everything in `arguments` (values by name) that does not say which word shall stand on the boot line."""
    for key, value in arguments.items():
        if not KEY.fullmatch(str(key)):
            yield Unwritable(
                f"{key!r} is no name of a boot argument",
                "A name holds letters, digits, dots, dashes and underscores.",
                'Write the value apart, as in nmi_watchdog: 0 or mitigations: "off".',
            )
            continue
        if value == []:
            yield Unwritable(
                f"{key}: []", "A list names the values one by one.", f'To drop the argument write {key}: "".'
            )
        for item in value if isinstance(value, list) else [value]:
            yield from _unwritable_value(str(key), item, inside=isinstance(value, list))
    if not _pages_of_sizes(arguments):
        yield Unwritable(
            f"{PAGES}: {arguments[PAGES]!r} with {PAGE_SIZE}: {arguments.get(PAGE_SIZE, 'none')!r}",
            "Each hugepages= counts the pages of the hugepagesz= before it.",
            f'Give as many of one as of the other, for example {PAGE_SIZE}: ["1G", "2M"] and {PAGES}: [4, 512].',
        )


def _unwritable_value(key: str, value: Any, *, inside: bool) -> Iterator[Unwritable]:
    if value is None and key in LISTS:
        yield Unwritable(f"{key} has no value", "It is a list.", f'Name its elements, or write {key}: "" to drop it.')
    elif isinstance(value, bool):
        words = '"on", "yes", "true" or "1"' if value else '"off", "no", "false" or "0"'
        yield Unwritable(
            f"{key}: {str(value).lower()} is a boolean of YAML",
            "Which word was written can't be told any more, and the kernel tells them apart.",
            f'Quote the word that you mean ({words}); {BARE}, and {key}: "" to drop it.',
        )
    elif isinstance(value, float):
        yield Unwritable(f"{key}: {value} is a number with a point", "1.10 has become 1.1 by now.", "Put it in quotes.")
    elif not isinstance(value, str | int) and (inside or value is not None):
        yield Unwritable(
            f"{key}: {value!r} is no word",
            "The value is a word, a whole number, a list of these, or left out.",
            "Put what shall stand behind the = in quotes.",
        )
    elif inside and value == "":
        yield Unwritable(f"{key} has an empty value in its list", "It says nothing.", "Take it out of the list.")
    elif isinstance(value, str) and "{{" not in value and MANGLED.search(value):
        yield Unwritable(
            f"{key}: {value!r} holds a space or a character that grubby or GRUB's script would change",
            "It would not reach the kernel as it is written.",
            "An option of a module can be set in /etc/modprobe.d; whatever else needs it, in the boot entry by hand.",
        )


def _pages_of_sizes(arguments: Mapping[str, Any]) -> bool:
    sizes, pages = (len(_values(arguments.get(key, ""))) for key in (PAGE_SIZE, PAGES))
    return sizes == pages or not pages or (pages == 1 and not sizes)


def argument_tokens(arguments: Mapping[str, Any], planned: Mapping[str, Any]) -> list[str]:
    """The tokens of both; the written `arguments` win over the `planned` ones, and a list holds what either names.

    {"nmi_watchdog": 0, "quiet": None, "isolcpus": "", "console": ["tty0", "ttyS0"]} ->
    ["nmi_watchdog=0", "quiet", "console=tty0", "console=ttyS0"].
    """
    dropped = {setting_of(key) for key, value in arguments.items() if value == ""}
    found: dict[str, list[list[str]]] = {}
    for key in {**planned, **arguments}:
        own, of_plan = _tokens(key, arguments.get(key, "")), _tokens(key, planned.get(key, ""))
        if key in LISTS and own:
            own = merged(of_plan, own, [])
        if setting_of(key) not in dropped:
            found.setdefault(setting_of(key), []).append(own or of_plan)
    if PAGE_SIZE in found:
        # Every size stands right before its number of pages, whichever was written first.
        tokens = [token for part in found[PAGE_SIZE] for token in part]
        sizes = [token for token in tokens if key_of(token) == PAGE_SIZE]
        pages = [token for token in tokens if key_of(token) == PAGES]
        found[PAGE_SIZE] = [[token for pair in zip_longest(sizes, pages) for token in pair if token]]
    return [token for parts in found.values() for part in parts for token in part]


def dropped_tokens(arguments: Mapping[str, Any]) -> list[str]:
    """The arguments that shall stand on no boot line, whoever put them there: {"selinux": ""} -> ["!selinux"]."""
    return [f"{ABSENT}{key}" for key, value in arguments.items() if value == ""]


def missing_tokens(wanted: str, line: str) -> list[str]:
    """The wanted tokens of every setting that a boot line holds otherwise."""
    return [str(token) for token in missing(split(wanted), split(line))]


def _values(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value == "" else [value]


def _tokens(key: str, value: Any) -> list[str]:
    return [key if item is None else f"{key}={item}" for item in _values(value)]

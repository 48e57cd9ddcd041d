"""Boot arguments as lists of tokens, and who set which. Pure; runs on the host's Python 3.6.

A kernel's arguments are a list of tokens, `key=value` or `key`. `Before` holds, for each kernel, the tokens that a key
had when it was taken over, so that they can be given back.
"""

import re
import shlex
from typing import Dict, List

ENTRY = re.compile(r'^kernel="?(?P<kernel>[^"\n]+)"?\nargs="(?P<args>.*)"$', re.MULTILINE)
TUNED = re.compile(r"^tuned_params=(?P<args>.*)$", re.MULTILINE)

Entries = Dict[str, List[str]]
Before = Dict[str, Dict[str, List[str]]]


def key_of(token: str) -> str:
    return token.partition("=")[0]


def of_key(args: List[str], key: str) -> List[str]:
    return [arg for arg in args if key_of(arg) == key]


def repeated_keys(tokens: List[str]) -> List[str]:
    keys = [key_of(token) for token in tokens]
    return sorted({key for key in keys if keys.count(key) > 1})


def parse_entries(info: str) -> Entries:
    """Arguments by kernel from the answer of `grubby --info=ALL`."""
    return {match.group("kernel"): shlex.split(match.group("args")) for match in ENTRY.finditer(info)}


def tuned_arguments(grubenv: str) -> List[str]:
    """What tuned's boot loader plugin adds to every entry of EL8, from the text of grubenv."""
    match = TUNED.search(grubenv)
    return match.group("args").split() if match else []


def taken_over(before: Before, entries: Entries, wanted: List[str], recorded: List[str]) -> Before:
    """`before` with the present tokens of keys that are wanted for the first time."""
    owned = {key_of(token) for token in recorded}
    found: Before = {kernel: dict(keys) for kernel, keys in before.items()}
    for kernel, args in entries.items():
        for token in wanted:
            if key_of(token) not in owned:
                found.setdefault(kernel, {})[key_of(token)] = of_key(args, key_of(token))
    return found


def claimed(wanted: List[str], recorded: List[str]) -> List[str]:
    """What a record must hold before anything is changed, so that a run which is killed then is known to the next."""
    keys = {key_of(token) for token in wanted}
    return [token for token in recorded if key_of(token) not in keys] + wanted


def given_back(before: Before, kernel: str, released: List[str]) -> List[str]:
    """The tokens that keys which nobody wants any more had before; a later kernel gets those of the others."""
    known = before.get(kernel) or next((before[other] for other in sorted(before)), {})
    return [token for key in released for token in known.get(key, [])]


def applied(args: List[str], wanted: List[str], released: List[str], returned: List[str]) -> List[str]:
    """The arguments that an entry will have."""
    gone = set(released) | {key_of(token) for token in wanted}
    return [arg for arg in args if key_of(arg) not in gone] + returned + wanted


def differs(args: List[str], after: List[str], keys: List[str]) -> bool:
    """Whether any of the keys has other tokens; their place in the line does not matter, their order does."""
    return any(of_key(args, key) != of_key(after, key) for key in keys)


def as_lines(entries: Entries) -> str:
    return "".join("%s: %s\n" % (kernel, " ".join(args)) for kernel, args in sorted(entries.items()))

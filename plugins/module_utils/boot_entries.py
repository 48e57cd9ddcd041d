"""Boot entries, and who set which of their arguments. Pure; runs on the host's Python 3.6.

`Before` holds, for each entry, the tokens that a setting had when it was taken over, so that they can be given back.
"""

import re
from typing import Dict, List, NamedTuple

from ansible.module_utils.boot_line import (
    ABSENT,
    LISTS,
    elements,
    identities,
    identity,
    keys_of,
    list_tokens,
    merged,
    of_setting,
    same,
    setting_of,
    settings_of,
    split,
)

FIELD = re.compile(r'^(?P<name>index|kernel|args|id)="?(?P<value>.*?)"?$')
TUNED = re.compile(r"^tuned_params=(?P<args>.*)$", re.MULTILINE)

Before = Dict[str, Dict[str, List[str]]]


class Entry(NamedTuple):
    """`number` as grubby counts; `name` tells entries of one kernel apart, those of snapshots for example."""

    number: str
    kernel: str
    name: str
    args: List[str]


def parse_entries(info: str) -> List[Entry]:
    """The entries in the answer of `grubby --info=ALL`; what boots no Linux is left out."""
    blocks: List[Dict[str, str]] = []
    for line in info.splitlines():
        field = FIELD.match(line)
        if field and field.group("name") == "index":
            blocks.append({})
        if field and blocks:
            blocks[-1][field.group("name")] = field.group("value")
    return [
        Entry(block["index"], block["kernel"], block.get("id") or "%(kernel)s#%(index)s" % block, split(block["args"]))
        for block in blocks
        if "kernel" in block and "args" in block
    ]


def tuned_arguments(grubenv: str) -> List[str]:
    """What tuned's boot loader plugin adds to every entry of EL8, from the text of grubenv."""
    match = TUNED.search(grubenv)
    return split(match.group("args")) if match else []


def left_to_tuned(args: List[str], wanted: List[str], settings: List[str]) -> List[str]:
    """What stays tuned's: what nobody here names, and its part of lists that are added to."""
    lists = {setting_of(token) for token in wanted if token[:1] != ABSENT} & LISTS
    return [token for token in args if setting_of(token) not in settings or setting_of(token) in lists]


def remembered(before: Before, entry: Entry, setting: str) -> List[str]:
    """The tokens that a setting had; a later entry gets those of the others.

    Records of earlier versions go by kernel, and hold hugepagesz= and hugepages= apart.
    """
    own = [before[name] for name in (entry.name, entry.kernel) if name in before]
    for known in own + [before[name] for name in sorted(before)]:
        if setting in known:
            tokens: List[str] = []
            for key in keys_of([setting]):
                tokens += known.get(key, [])
            return tokens
    return []


def taken_over(before: Before, entries: List[Entry], wanted: List[str], recorded: List[str]) -> Before:
    """`before` with the present tokens of settings, and elements of lists, that are wanted for the first time."""
    found: Before = {name: dict(settings) for name, settings in before.items()}
    owned = settings_of(recorded)
    for entry in entries:
        kept = found.setdefault(entry.name, {})
        for setting in settings_of(wanted):
            present = of_setting(entry.args, setting)
            if setting not in owned:
                kept[setting] = present
            elif setting in LISTS:
                known = remembered(before, entry, setting)
                ours = set(identities(of_setting(recorded, setting))) | set(identities(known))
                new = set(identities(of_setting(wanted, setting))) - ours
                kept[setting] = known + list_tokens(setting, [e for e in elements(present) if identity(e) in new])
    return found


def claimed(wanted: List[str], recorded: List[str]) -> List[str]:
    """What a record must hold before anything is changed, so that a run which is killed then is known to the next."""
    settings = set(settings_of(wanted)) - LISTS
    return [token for token in recorded if setting_of(token) not in settings and token not in wanted] + wanted


def ours(before: Before, entry: Entry, setting: str, recorded: List[str]) -> List[str]:
    """The elements of a list that an earlier run added."""
    foreign = identities(remembered(before, entry, setting))
    return [found for found in identities(of_setting(recorded, setting)) if found not in foreign]


def given_back(before: Before, entry: Entry, setting: str, recorded: List[str]) -> List[str]:
    """The tokens of a setting that nobody wants any more: what it had, and what others have added to a list since."""
    known: List[str] = remembered(before, entry, setting)
    if setting not in LISTS:
        return known
    gone = ours(before, entry, setting, recorded) + identities(known)
    since = [element for element in elements(of_setting(entry.args, setting)) if identity(element) not in gone]
    known.extend(list_tokens(setting, since))
    return known


def settled(before: Before, entry: Entry, wanted: List[str], recorded: List[str]) -> List[str]:
    """The tokens that an entry shall have of every setting that is wanted or was."""
    result: List[str] = []
    for setting in released(wanted, recorded):
        result += given_back(before, entry, setting, recorded)
    for setting in settings_of(wanted):
        present = of_setting(entry.args, setting)
        if ABSENT + setting in recorded:  # others' elements of a list come back where it is only added to from now on
            present = given_back(before, entry, setting, recorded)
        added = ours(before, entry, setting, recorded) if setting in LISTS else []
        result += merged(present, of_setting(wanted, setting), added)
    return result


def released(wanted: List[str], recorded: List[str]) -> List[str]:
    """Settings of an earlier run that nobody wants any more."""
    return sorted(set(settings_of(recorded)) - set(settings_of(wanted)))


def foreign(args: List[str], settings: List[str]) -> List[str]:
    return [token for token in args if setting_of(token) not in settings]


def differs(args: List[str], after: List[str], settings: List[str]) -> bool:
    """Whether any of the settings has other tokens; their place in the line does not matter, their order does."""
    return any(not same(of_setting(args, setting), of_setting(after, setting)) for setting in settings)


def torn(args: List[str], keys: List[str]) -> List[str]:
    """Tokens with a space of which grubby, which knows no quotes, would take a part for one of the keys."""
    words = [(token, token.split()) for token in args]
    return [token for token, parts in words if len(parts) > 1 and {p.partition("=")[0] for p in parts} & set(keys)]


def label(entry: Entry, entries: List[Entry]) -> str:
    """An entry's name for people: its kernel, and which entry where that has several."""
    alike = [other for other in entries if other.kernel == entry.kernel]
    return entry.kernel if len(alike) == 1 else "%s (%s, entry %s)" % (entry.kernel, entry.name, entry.number)


def as_lines(entries: List[Entry]) -> str:
    return "".join(sorted("%s: %s\n" % (label(entry, entries), " ".join(entry.args)) for entry in entries))

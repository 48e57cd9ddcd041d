"""A kernel's boot line as tokens, compared as those who read it understand them. Pure; runs on the host's Python 3.6.

A token is `key=value` or `key`. Tokens that mean something together are one setting, named by its key. Beside what
shall stand on a line, `!key` says that a key shall not.
"""

import re
from typing import List

# As the kernel splits its command line: at white space outside of double quotes. An apostrophe is a character like any.
TOKEN = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
# grubby splits what it is given at white space and hands it to sed, and GRUB reads an entry as a line of its script.
MANGLED = re.compile(r"[\s\"'\\`$&;|<>{}]")
ABSENT = "!"
# hugepages= counts pages of the hugepagesz= before it (mm/hugetlb.c), so both are one setting and their order matters.
PAGES, PAGE_SIZE = "hugepages", "hugepagesz"
MEMBERS = {PAGE_SIZE: [PAGE_SIZE, PAGES]}
# Lists of names behind commas, to which anybody may add: of kmod, of dracut and of the kernel.
NAME_LISTS = {
    "modprobe.blacklist",
    "module_blacklist",
    "initcall_blacklist",
    "rd.driver.blacklist",
    "rd.driver.pre",
    "rd.driver.post",
    "modules-load",
    "modules_load",
    "rd.modules-load",
    "rd.modules_load",
}
# A list of one element a token. The kernel writes to every console; the last one becomes /dev/console.
LISTS = NAME_LISTS | {"console"}


def split(line: str) -> List[str]:
    return TOKEN.findall(line)


def key_of(token: str) -> str:
    """GRUB moves quotes to the front of a token that holds a space: dyndbg="x +p" runs as "dyndbg=x +p"."""
    return token.replace('"', "").partition("=")[0].lstrip(ABSENT)


def setting_of(token: str) -> str:
    key = key_of(token)
    return PAGE_SIZE if key == PAGES else key


def keys_of(settings: List[str]) -> List[str]:
    return [key for setting in settings for key in MEMBERS.get(setting, [setting])]


def settings_of(tokens: List[str]) -> List[str]:
    """Each setting once, in the order of the tokens."""
    found: List[str] = []
    for token in tokens:
        if setting_of(token) not in found:
            found.append(setting_of(token))
    return found


def of_setting(tokens: List[str], setting: str) -> List[str]:
    return [token for token in tokens if setting_of(token) == setting]


def same(one: List[str], other: List[str]) -> bool:
    """Whether a setting's tokens say the same; their order counts, since the kernel reads from left to right."""
    return [token.replace('"', "") for token in one] == [token.replace('"', "") for token in other]


def elements(tokens: List[str]) -> List[str]:
    """The elements of a list setting."""
    values = [(key_of(token), token.replace('"', "").partition("=")[2]) for token in tokens if token[:1] != ABSENT]
    return [part for key, value in values for part in (value.split(",") if key in NAME_LISTS else [value]) if part]


def identity(element: str) -> str:
    """What an element is about: a module whichever dash its name has, a console whichever speed."""
    return element.partition(",")[0].replace("-", "_")


def identities(tokens: List[str]) -> List[str]:
    return [identity(element) for element in elements(tokens)]


def list_tokens(setting: str, found: List[str]) -> List[str]:
    """The tokens of a list setting with these elements."""
    if not found:
        return []
    parts = [",".join(found)] if setting in NAME_LISTS else found
    return ["%s=%s" % (setting, part) for part in parts]


def merged(present: List[str], wanted: List[str], ours: List[str]) -> List[str]:
    """The tokens that a setting shall have, where `present` stand now.

    What is wanted replaces what stands there, but a list is added to: everybody else's elements stay, and the wanted
    ones come last. `ours` are identities of elements that an earlier run added.
    """
    if wanted[0].startswith(ABSENT):
        return []
    setting = setting_of(wanted[0])
    if setting not in LISTS:
        return wanted
    gone = set(identities(wanted)) | set(ours)
    result = [element for element in elements(present) if identity(element) not in gone] + elements(wanted)
    if setting in NAME_LISTS and sorted(result) == sorted(elements(present)):
        return present
    return list_tokens(setting, result)


def missing(wanted: List[str], line: List[str]) -> List[str]:
    """The wanted tokens of every setting that the line holds otherwise."""
    found: List[str] = []
    for setting in settings_of(wanted):
        tokens, present = of_setting(wanted, setting), of_setting(line, setting)
        if not same(present, merged(present, tokens, [])):
            found += tokens
    return found

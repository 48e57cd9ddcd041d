"""Whether fapolicyd guards a machine, and for which directories its rules make way. Changes nothing; Python 3.6."""

import glob
import os
import re
from typing import Any, Dict, List

# It runs, or will at the next boot.
SIGNS = (
    "run/fapolicyd.pid",
    "run/fapolicyd/fapolicyd.pid",
    "etc/systemd/system/multi-user.target.wants/fapolicyd.service",
)
RULES = ("etc/fapolicyd/rules.d/*.rules", "etc/fapolicyd/fapolicyd.rules")


def fapolicyd(root: str) -> Dict[str, Any]:
    """`state`: absent, permissive or enforcing; `allowed`: directories whose files every program may use."""
    state = "absent"
    if any(os.path.lexists(os.path.join(root, sign)) for sign in SIGNS):
        setting = re.search(r"^\s*permissive\s*=\s*(\d)", _text(root, "etc/fapolicyd/fapolicyd.conf"), re.MULTILINE)
        state = "permissive" if setting and setting.group(1) != "0" else "enforcing"
    return {"fapolicyd": {"state": state, "allowed": _allowed(root) if state != "absent" else []}}


def _allowed(root: str) -> List[str]:
    """From rules such as `allow perm=any all : dir=/opt/hotpath/`, which name the object behind the colon."""
    found = set()
    for pattern in RULES:
        for path in glob.glob(os.path.join(root, pattern)):
            for line in _text("", path).splitlines():
                rule, _, target = line.partition(" : ")
                if re.match(r"\s*allow\w*\s", rule):
                    found.update(re.findall(r"(?:^|\s)dir=(/\S+)", target))
    return sorted(found)


def _text(root: str, path: str) -> str:
    try:
        with open(os.path.join(root, path)) as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError):
        return ""

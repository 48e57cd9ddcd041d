"""Which kernel the next boot starts. Changes nothing; runs on Python 3.6."""

import os
import re
from typing import Any

from ansible.module_utils.survey_machine import key_values, read


def next_kernel(root: str, module: Any) -> str:
    """Its name as uname will give it, "" where that cannot be told.

    An entry that was chosen for one boot (grub2-reboot) comes before the default, which grubby knows; without grubby
    the default is the entry that GRUB's environment names.
    """
    environment = key_values(read(root, "boot/grub2/grubenv"))
    once = _of_entry(root, environment.get("next_entry", ""))
    if once:
        return once
    grubby = module.get_bin_path("grubby", opt_dirs=["/usr/sbin"])
    if grubby:
        code, out, _ = module.run_command([grubby, "--default-kernel"])
        if code == 0 and out.startswith("/"):
            return _name(out.strip())
    return _of_entry(root, environment.get("saved_entry", ""))


def _of_entry(root: str, entry: str) -> str:
    """The kernel of a boot entry by its id, which is the name of its file; a title or a number names none here."""
    if not entry or "/" in entry:
        return ""
    found = re.search(r"^linux\s+(\S+)", read(root, "boot/loader/entries/{0}.conf".format(entry)), re.MULTILINE)
    return _name(found.group(1)) if found else ""


def _name(path: str) -> str:
    name = os.path.basename(path)
    return name[len("vmlinuz-") :] if name.startswith("vmlinuz-") else name

"""Ansible module: the dynamic linker's cache holds the libraries that are there (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: linker_cache
short_description: Keep the dynamic linker's cache up to date
description:
  - Makes the cache once more beside the present one and compares the two, so that a library or a directory that came or
    went since is noticed whoever brought it, and in whichever run. A configuration that is younger than the cache was
    never read.
  - Runs ldconfig when anything differs. In check mode the cache is left as it is.
options:
  cache:
    description: The linker's cache.
    type: path
    default: /etc/ld.so.cache
  configuration:
    description: The linker's configuration; that of packages lies in a directory beside it, with C(.d).
    type: path
    default: /etc/ld.so.conf
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Have the linker know the libraries that are there
  linker_cache:
"""

RETURN = r"""
libraries:
  description: Paths that the present cache lacks (lacking), and that it holds and should not (superfluous).
  type: dict
  returned: always
unread:
  description: Files of the configuration that are younger than the cache.
  type: list
  elements: str
  returned: always
"""

import glob
import os
import re
from typing import List, Set

from ansible.module_utils.basic import AnsibleModule


class Linker:
    """The calls of ldconfig that are used."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._path = module.get_bin_path("ldconfig", required=True)

    def make(self, cache: str) -> None:
        """Without the links that ldconfig makes beside libraries, which a comparison may not."""
        self._module.run_command([self._path, "-X", "-C", cache], check_rc=True)

    def libraries(self, cache: str) -> Set[str]:
        if not os.path.exists(cache):
            return set()
        code, out, _ = self._module.run_command([self._path, "-p", "-C", cache])
        return set(re.findall(r" => (\S+)$", out, re.MULTILINE)) if code == 0 else set()

    def rebuild(self, cache: str) -> None:
        self._module.run_command([self._path, "-C", cache], check_rc=True)


def content(path: str) -> bytes:
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as stream:
        return stream.read()


def younger(cache: str, configuration: str) -> List[str]:
    made = os.stat(cache).st_mtime if os.path.exists(cache) else 0.0
    files = [configuration] + glob.glob(configuration + ".d/*.conf")
    return sorted(path for path in files if os.path.exists(path) and os.stat(path).st_mtime > made)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "cache": {"type": "path", "default": "/etc/ld.so.cache"},
            "configuration": {"type": "path", "default": "/etc/ld.so.conf"},
        },
        supports_check_mode=True,
    )
    linker, cache = Linker(module), module.params["cache"]
    fresh = os.path.join(module.tmpdir, "ld.so.cache")
    linker.make(fresh)
    unread = younger(cache, module.params["configuration"])
    changed = bool(unread) or content(fresh) != content(cache)
    wanted, present = linker.libraries(fresh), linker.libraries(cache)
    if changed and not module.check_mode:
        linker.rebuild(cache)
    difference = {"lacking": sorted(wanted - present), "superfluous": sorted(present - wanted)}
    module.exit_json(changed=changed, libraries=difference, unread=unread)


if __name__ == "__main__":
    main()

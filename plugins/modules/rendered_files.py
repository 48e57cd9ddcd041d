"""Ansible module: the small files of a role in one round trip (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: rendered_files
short_description: Write several small files at once
description:
  - Writes files whose content the controller rendered, and the directories that they need (mode 0755). All belong to
    root.
  - One call costs what C(ansible.builtin.template) costs for each file, which counts on fleets and on every run
    without changes. The first call of a play also answers what all of Hotpath's files hold, as the fact
    C(hotpath_files), so that later calls for files that are as they should be do not ask the host at all. Files that
    packages write too are always asked for.
options:
  index:
    description: Set by the action plugin, answer what the files of Hotpath hold.
    type: bool
    default: false
  root:
    description: Directory under which the files of the index are looked for.
    type: path
    default: /
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Absolute path., type: path, required: true}
      content: {description: Text; a line feed is added when it ends without one., type: str, required: true}
      mode: {description: Permissions in octal., type: str, default: "0644"}
author: [Hotpath]
"""

EXAMPLES = r"""
- name: Describe the profile
  rendered_files:
    files:
      - { path: /etc/tuned/hotpath/tuned.conf, content: "{{ lookup('ansible.builtin.template', 'tuned.conf.j2') }}" }
"""

RETURN = r"""
written:
  description: Paths that changed, or would in check mode.
  type: list
  elements: str
  returned: always
index:
  description: Digest, mode and owner of each file of Hotpath, by path.
  type: dict
  returned: when asked for
"""

import glob
import hashlib
import os
import tempfile
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

DIRECTORY_MODE = 0o755
ROOT = "0:0"
# Files that no package brings, so that only a play or a person changes them.
INDEXED = (
    "etc/hotpath/*",
    "usr/libexec/hotpath/*",
    "etc/tuned/hotpath/*",
    "etc/systemd/system/*hotpath*",
    "etc/systemd/system/*/hotpath.conf",
    "etc/systemd/system.conf.d/hotpath.conf",
    "etc/*.d/hotpath*",
    "etc/profile.d/cuda.sh",
)


def text_of(file: Dict[str, Any]) -> str:
    content: str = file["content"]
    return content if content.endswith("\n") else content + "\n"


def present(path: str) -> str:
    """The file's text; empty when there is none."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def mode_of(path: str) -> int:
    return os.stat(path).st_mode & 0o7777 if os.path.exists(path) else 0


def owner_of(path: str) -> str:
    if not os.path.exists(path):
        return ""
    state = os.stat(path)
    return "%d:%d" % (state.st_uid, state.st_gid)


def index(root: str) -> Dict[str, str]:
    """Digest, mode and owner by path."""
    found = {}
    for pattern in INDEXED:
        for path in filter(os.path.isfile, glob.glob(os.path.join(root, pattern))):
            with open(path, "rb") as stream:
                digest = hashlib.sha256(stream.read()).hexdigest()
            known_as = os.path.join("/", os.path.relpath(path, root))
            found[known_as] = "%s %04o %s" % (digest, mode_of(path), owner_of(path))
    return found


def make_directories(path: str) -> None:
    """The missing ones, whatever the umask; existing ones keep their modes."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for directory in reversed(missing):
        os.mkdir(directory)
        os.chmod(directory, DIRECTORY_MODE)


def write(module: AnsibleModule, path: str, text: str, mode: int) -> None:
    """Whole or not at all: a temporary file takes the place of the old one."""
    make_directories(os.path.dirname(path))
    descriptor, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    module.atomic_move(temporary, path)
    os.chown(path, 0, 0)
    os.chmod(path, mode)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "index": {"type": "bool", "default": False},
            "root": {"type": "path", "default": "/"},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "content": {"type": "str", "required": True},
                    "mode": {"type": "str", "default": "0644"},
                },
            },
        },
        supports_check_mode=True,
    )
    diff: List[Dict[str, str]] = []
    for file in module.params["files"]:
        path, text, mode = file["path"], text_of(file), int(file["mode"], 8)
        before, old_mode = present(path), mode_of(path)
        if before == text and old_mode == mode and owner_of(path) == ROOT:
            continue
        diff.append({"before_header": "%s %04o" % (path, old_mode), "after_header": "%s %04o" % (path, mode)})
        diff[-1].update(before=before, after=text)
        if not module.check_mode:
            try:
                write(module, path, text, mode)
            except OSError as error:
                module.fail_json(msg="%s cannot be written: %s" % (path, error))
    written = [entry["after_header"].split()[0] for entry in diff]
    result = {"changed": bool(diff), "written": written, "diff": diff}
    if module.params["index"]:
        result["index"] = index(module.params["root"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()

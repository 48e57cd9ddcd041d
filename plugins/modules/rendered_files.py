"""Ansible module: the small files of a role in one round trip (runs on the host's Python 3.6)."""

DOCUMENTATION = r"""
module: rendered_files
short_description: Write several small files at once
description:
  - Writes files whose content the controller rendered, and the directories that they need (mode 0755). All belong to
    root.
  - One call costs what C(ansible.builtin.template) costs for each file, which counts on fleets and on every run
    without changes.
options:
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
"""

import os
import tempfile
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

DIRECTORY_MODE = 0o755


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
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "content": {"type": "str", "required": True},
                    "mode": {"type": "str", "default": "0644"},
                },
            }
        },
        supports_check_mode=True,
    )
    diff: List[Dict[str, str]] = []
    for file in module.params["files"]:
        path, text, mode = file["path"], text_of(file), int(file["mode"], 8)
        before, old_mode = present(path), mode_of(path)
        if before == text and old_mode == mode:
            continue
        diff.append({"before_header": "%s %04o" % (path, old_mode), "after_header": "%s %04o" % (path, mode)})
        diff[-1].update(before=before, after=text)
        if not module.check_mode:
            try:
                write(module, path, text, mode)
            except OSError as error:
                module.fail_json(msg="%s cannot be written: %s" % (path, error))
    written = [entry["after_header"].split()[0] for entry in diff]
    module.exit_json(changed=bool(diff), written=written, diff=diff)


if __name__ == "__main__":
    main()

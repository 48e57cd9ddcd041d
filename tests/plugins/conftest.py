"""The project's module_utils beside Ansible's own, as Ansible packs them for a host."""

from pathlib import Path

import ansible.module_utils

ansible.module_utils.__path__.append(str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

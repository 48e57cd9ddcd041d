"""Every role keeps the house's rules: its specification says what its defaults say, and its tags are its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    return found


def specification(role: Path) -> dict[str, Any]:
    found: dict[str, Any] = load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]
    return found


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


def test_specification_equals_defaults(role: Path) -> None:
    """A variable that is optional stands in both files with the same default; one without default is required."""
    defaults_file = role / "defaults" / "main.yml"
    defaults = load(defaults_file) if defaults_file.exists() else {}
    options = specification(role).get("options", {})
    specified = {name: option["default"] for name, option in options.items() if "default" in option}
    assert specified == defaults
    undeclared = [n for n, option in options.items() if "default" not in option and not option.get("required")]
    assert not undeclared, f"neither required nor with a default: {undeclared}"


def test_every_option_is_described_and_typed(role: Path) -> None:
    def incomplete(options: dict[str, Any]) -> list[str]:
        found = [name for name, option in options.items() if not option.get("description") or not option.get("type")]
        for option in options.values():
            found += incomplete(option.get("options", {}))
        return found

    assert incomplete(specification(role).get("options", {})) == []


def test_public_variables_carry_the_roles_name(role: Path) -> None:
    names = list(specification(role).get("options", {}))
    assert [name for name in names if not name.startswith(f"{role.name}_")] == []


def test_no_variable_has_two_values(role: Path) -> None:
    """Ansible reads the files of vars/main one after the other, and the last one wins without a word."""
    files = [role / "vars" / "main.yml", *(role / "vars" / "main").glob("*.yml")]
    names = [name for file in files if file.exists() for name in load(file)]
    assert sorted(names) == sorted(set(names))


def test_every_default_has_a_comment(role: Path) -> None:
    """A reader of defaults/main.yml learns what a variable means without looking elsewhere."""
    path = role / "defaults" / "main.yml"
    lines = path.read_text().splitlines() if path.exists() else []
    bare = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if line[:1].isalpha() and "#" not in line and not before.lstrip().startswith("#")
    ]
    assert bare == []


def test_tags_are_the_roles_own(role: Path) -> None:
    """`--tags <role>_configure` must reach one role only."""

    def tags(node: object) -> list[str]:
        if isinstance(node, list):
            return [tag for item in node for tag in tags(item)]
        if isinstance(node, dict):
            own = node.get("tags", [])
            own = [own] if isinstance(own, str) else own
            inner = [tag for key in ("block", "rescue", "always", "apply") for tag in tags(node.get(key))]
            included = node.get("ansible.builtin.include_tasks")
            return own + inner + tags(included)
        return []

    allowed = {f"{role.name}_{stage}" for stage in ("install", "configure", "verify")} | {"always"}
    found = {tag for path in (role / "tasks").glob("*.yml") for tag in tags(yaml.safe_load(path.read_text()))}
    assert found <= allowed


# Roles that leave nothing on a host that could drift.
WITHOUT_TRACE = {
    "monitor_program": "other roles ask for it, and theirs look at what runs of it",
    "rollout": "what it leaves is what inference_service and rotation leave, whose suites look at it",
    "rotation": "what it leaves is the state of HAProxy, which load_balancer's suite compares with its record",
    "package_mirror": "it works on a connected machine, and no host of the fleet is touched",
    "play_lock": "its lock ends with the play",
    "service_bundle": "it works on the controller, and names what it builds by its content",
    "stack": "it is a table of versions, which other roles install",
}


def test_every_role_has_a_suite(role: Path) -> None:
    """Without one neither molecule nor `make verify` would notice that a host is not what the role makes of it."""
    assert (ROOT / "tests" / "roles" / f"test_{role.name}.py").exists() != (role.name in WITHOUT_TRACE)


def test_pages_are_generated() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/role_pages.py", "--check"], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr

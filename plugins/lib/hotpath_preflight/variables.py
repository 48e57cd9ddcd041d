"""Variables of the inventory against the roles' argument specifications: types, choices, misspelt names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .problem import Problem
from .values import is_template, plain

SECRET = "What it holds is a secret and therefore not shown."


def load_options(roles: Path) -> dict[str, dict[str, Any]]:
    """Every option of every role by name, as meta/argument_specs.yml gives it, with the name of its `role`."""
    options: dict[str, dict[str, Any]] = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            for name, option in entry.get("options", {}).items():
                options[name] = {**option, "role": path.parts[-3]}
    return options


def variable_problems(variables: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Values that a role would refuse, and names that begin like a role's but that no role knows."""
    for name in sorted(set(variables) & set(options)):
        if not is_template(variables[name]):
            yield from _value_problems(name, variables[name], options[name])
    roles = {f"{option['role']}_" for option in options.values()}
    words = {role.split("_", 1)[0] for role in roles}
    for name in sorted(set(variables) - set(options)):
        close = difflib.get_close_matches(name, options, n=1, cutoff=0.8)
        if not (name.startswith(tuple(roles)) or (close and name.split("_", 1)[0] in words)):
            continue
        meant = f"Did you mean {close[0]}? " if close else ""
        yield Problem(
            "variables",
            f"{name} is no variable of any role",
            "Such a variable has no effect, and the default is used.",
            f"{meant}All variables: docs/roles/. A variable of your own needs a name that begins otherwise.",
        )


def _value_problems(name: str, value: Any, option: Mapping[str, Any]) -> Iterator[Problem]:
    empty = isinstance(value, str) and not value.strip() and option.get("default") not in ("", None)
    if empty and not is_template(option["default"]):
        yield Problem(
            "variables",
            f"{name} is empty",
            option_text(option),
            f"Give it a value, or leave it out: {option['default']!r}.",
        )
        return
    found = plain(value)
    for message in ArgumentSpecValidator({name: dict(option)}).validate({name: found}).error_messages:
        if option.get("no_log"):
            yield Problem("variables", f"{name} is not of its type", SECRET, option_text(option))
        else:
            yield Problem("variables", f"{name} = {found!r}", f"{message.rstrip('.')}.", option_text(option))
    if name.endswith("_port") and str(value).isdigit() and not 0 < int(value) < 65536:
        yield Problem("variables", f"{name} = {value}", "A TCP port lies between 1 and 65535.", "Choose such a port.")


def option_text(option: Mapping[str, Any]) -> str:
    """What the option is for, as the specification says it."""
    description = option.get("description", "")
    text = description if isinstance(description, str) else " ".join(description)
    without_markup = re.sub(r"\b[A-Z]\(([^)]*)\)", r"\1", text)
    return f"It is of type {option.get('type', 'str')}: {without_markup}"

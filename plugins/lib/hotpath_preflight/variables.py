"""Variables of the inventory against the roles' argument specifications: types, choices, misspelt names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .problem import Problem
from .values import is_template, plain

# Roles whose names other collections have too, and so variables that begin like theirs.
ELSEWHERE = {"cuda_toolkit", "cudnn", "firewall", "hugepages", "nvidia_driver", "reboot", "selinux", "stack"}
# One of linux-system-roles, a letter away from an option of ours.
FOREIGN = ("selinux_fcontexts",)
# What was said in variables of its own before a host had several models.
REPLACED = {
    "inference_service_backend": "backend of an entry of inference_service_models",
    "inference_service_devices": "devices of an entry of inference_service_models",
    "inference_service_engines": "engines of an entry of inference_service_models",
    "inference_service_threads": "threads of an entry of inference_service_models",
    "service_bundle_model": "source of an entry of inference_service_models",
}
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
    for name in sorted(set(variables) & set(REPLACED)):
        yield Problem(
            "variables",
            f"{name} is no variable any more",
            "A host serves a list of models, and each entry says for itself what this said for one.",
            f"Write it as {REPLACED[name]}, for example inference_service_models: [{{source: efficientnet_lite0}}].",
        )
    yield from _unknown(set(variables) - set(options) - set(REPLACED), options)


def _unknown(names: Iterable[str], options: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Names that begin like a role's: errors, except where they may well be another collection's."""
    roles = {str(option["role"]) for option in options.values()}
    words = {role.split("_", 1)[0] for role in roles}
    for name in sorted(names):
        close = difflib.get_close_matches(name, options, n=1, cutoff=0.8)
        misspelt = _misspelt(name, options)
        begins = name.startswith(tuple(f"{role}_" for role in roles))
        if not (begins or misspelt or (close and name.split("_", 1)[0] in words)):
            continue
        ours = misspelt or name.startswith(tuple(f"{role}_" for role in roles - ELSEWHERE))
        meant = f"Did you mean {close[0]}? " if close and ours else ""
        yield Problem(
            "variables",
            f"{name} is no variable of any role",
            "Such a variable has no effect, and the default is used.",
            f"{meant}All variables: docs/roles/. A variable of your own needs a name that begins otherwise."
            if ours
            else "Nothing, if another role reads it. All variables of these roles: docs/roles/.",
            "error" if ours else "warning",
        )


def _misspelt(name: str, options: Iterable[str]) -> bool:
    """Whether it is an option but for a few letters: of the whole, or of each of its words."""
    if name in FOREIGN:
        return False
    if difflib.get_close_matches(name, options, n=1, cutoff=0.92):
        return True
    parts = name.split("_")
    return any(
        len(parts) == len(option.split("_"))
        and all(SequenceMatcher(None, *pair).ratio() >= 0.75 for pair in zip(parts, option.split("_"), strict=True))
        for option in options
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
    least = 0 if option.get("default") == 0 else 1  # where no port is what a role begins with, that can be said
    if name.endswith("_port") and str(value).isdigit() and not least <= int(value) < 65536:
        yield Problem("variables", f"{name} = {value}", "A TCP port lies between 1 and 65535.", "Choose such a port.")


def option_text(option: Mapping[str, Any]) -> str:
    """What the option is for, as the specification says it."""
    description = option.get("description", "")
    text = description if isinstance(description, str) else " ".join(description)
    without_markup = re.sub(r"\b[A-Z]\(([^)]*)\)", r"\1", text)
    return f"It is of type {option.get('type', 'str')}: {without_markup}"

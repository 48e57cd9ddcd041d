"""Write docs/roles/<role>.md from each role's argument specification, so that the pages cannot drift.

Without arguments the pages are written; with --check the exit code is 1 when one is out of date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "roles"
# Ansible's documentation markup -> Markdown: C(code), O(option), V(value), B(bold), I(italic).
MARKUP = re.compile(r"\b([COVBI])\(([^)]*)\)")


def to_markdown(text: str | list[str]) -> str:
    """One Markdown line for a description that may be a string or a list of sentences."""
    joined = " ".join(text) if isinstance(text, list) else text
    marks = {"B": "**", "I": "*"}
    return MARKUP.sub(
        lambda match: f"{marks.get(match[1], '`')}{match[2]}{marks.get(match[1], '`')}", " ".join(joined.split())
    )


def cell(value: object) -> str:
    """A table cell: a literal as Ansible would read it, and a pointer for what is too long for a table."""
    if value is None:
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()
    if len(text) > 80:
        return "see `defaults/main.yml`"
    return f"`{text}`".replace("|", "\\|")


def option_rows(options: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Table rows for the options, those of nested dictionaries behind their parent."""
    for name, option in options.items():
        kind = option.get("type", "str")
        if "elements" in option:
            kind += f" of {option['elements']}"
        choices = ", ".join(f"`{choice}`" for choice in option.get("choices", []))
        description = to_markdown(option["description"]) + (f" One of {choices}." if choices else "")
        default = "*required*" if option.get("required") else cell(option.get("default"))
        yield f"| `{prefix}{name}` | {kind} | {default} | {description.replace('|', '&#124;')} |"
        yield from option_rows(option.get("options", {}), f"{prefix}{name}.")


def page(role: Path) -> str:
    """The whole page of one role."""
    specification = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]
    lines = [f"# {role.name}", "", specification["short_description"].rstrip(".") + ".", ""]
    description = specification.get("description", [])
    for paragraph in [description] if isinstance(description, str) else description:
        lines += [to_markdown(paragraph), ""]
    options = specification.get("options", {})
    if options:
        lines += ["| variable | type | default | meaning |", "|---|---|---|---|", *option_rows(options), ""]
    depends = (yaml.safe_load((role / "meta" / "main.yml").read_text()) or {}).get("dependencies") or []
    names = [item if isinstance(item, str) else item["role"] for item in depends]
    if names:
        lines += ["Takes variables of: " + ", ".join(f"[{name}]({name}.md)" for name in names) + ".", ""]
    return "\n".join([*lines, f"Generated from `roles/{role.name}/meta/argument_specs.yml` by `make docs`.", ""])


def pages() -> dict[Path, str]:
    """What every page should hold, the index among them."""
    roles = sorted(path.parent.parent for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
    wanted = {PAGES / f"{role.name}.md": page(role) for role in roles}
    index = ["# Roles", "", "| role | what it is for |", "|---|---|"]
    for role in roles:
        about = yaml.safe_load((role / "meta" / "main.yml").read_text())["galaxy_info"]["description"]
        index.append(f"| [{role.name}]({role.name}.md) | {about} |")
    wanted[PAGES / "README.md"] = "\n".join([*index, ""])
    return wanted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is out of date")
    arguments = parser.parse_args()
    wanted = pages()
    stale = [path for path in PAGES.glob("*.md") if path not in wanted]
    stale += [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if arguments.check:
        for path in sorted(stale):
            print(f"{path.relative_to(ROOT)} is out of date: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path])
        else:
            path.unlink()
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())

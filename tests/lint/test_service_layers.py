"""Who may import whom in the service: the table of docs/architecture.md, held against every import there is.

An import counts wherever it stands: at the top of a module, in a function, or under TYPE_CHECKING.
"""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "service" / "src" / "hotpath"
DOCUMENT = ROOT / "docs" / "architecture.md"
HEADING = "### Who may import whom"

Graph = dict[str, set[str]]


def imports(package: Path) -> Graph:
    """By module of the package: the modules of it that it imports. A package's own module is its `__init__`."""
    files = {_dotted(path, package.parent): path for path in package.rglob("*.py")}
    return {module: set(_imported(path, module, set(files))) for module, path in files.items()}


def _dotted(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, module: str, known: set[str]) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
            start = above[: len(above) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            found += [f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("__import__", "importlib.import_module"):
            found += [str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant)]
    return [name for name in found if name in known]


def layer(module: str) -> str:
    """hotpath.http.v2.infer -> http"""
    return module.split(".")[1] if "." in module else ""


def documented() -> tuple[dict[str, set[str]], set[str]]:
    """By layer what it may import, in the table's order; and what every layer may import."""
    text = DOCUMENT.read_text().split(HEADING)[1].split("\n#")[0]
    table: dict[str, set[str]] = {}
    everyone: set[str] = set()
    for row in re.findall(r"^\|(.+)\|$", text, re.MULTILINE)[2:]:
        names, _, allowed = row.split("|")
        for name in (found := re.findall(r"`(\w+)`", names)):
            table[name] = set(re.findall(r"`(\w+)`", allowed))
        if "everyone" in allowed:
            everyone |= set(found)
    return table, everyone


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter(imports(PACKAGE)).prepare()  # raises CycleError, which names the circle


def test_each_package_imports_only_what_its_row_names() -> None:
    table, everyone = documented()
    trespasses = [
        f"{module} imports {other}"
        for module, others in imports(PACKAGE).items()
        for other in sorted(others)
        if layer(other) not in ("", layer(module), *everyone, *table.get(layer(module), ()))
    ]
    assert not trespasses, f"beyond the table of {DOCUMENT.name}, {HEADING!r}"


def test_the_table_has_every_package_and_no_row_looks_down() -> None:
    table, _ = documented()
    assert set(table) == {layer(module) for module in imports(PACKAGE)} - {""}
    above: set[str] = set()
    for name, allowed in table.items():
        assert allowed <= above, f"{name} may import what stands below it: {allowed - above}"
        above.add(name)


def test_an_import_is_seen_wherever_it_stands(tmp_path: Path) -> None:
    package = tmp_path / "hotpath"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "sub" / "__init__.py").write_text("from . import near\n")
    (package / "sub" / "near.py").write_text("from .. import a\nfrom ..a import anything\n")
    (package / "a.py").write_text("def late():\n    from hotpath.sub import near\n")
    (package / "b.py").write_text("if TYPE_CHECKING:\n    import hotpath.a\n")
    (package / "c.py").write_text("import importlib\nimportlib.import_module('hotpath.b')\n")
    assert imports(package) == {
        "hotpath": set(),
        "hotpath.sub": {"hotpath.sub.near"},
        "hotpath.sub.near": {"hotpath.a"},
        "hotpath.a": {"hotpath.sub.near"},
        "hotpath.b": {"hotpath.a"},
        "hotpath.c": {"hotpath.b"},
    }


def test_no_file_outside_the_tasks_room_names_a_task() -> None:
    tasks = PACKAGE / "tasks"
    (listed,) = re.findall(r"_PACKAGES = (\{.*?\n\})", (tasks / "known.py").read_text(), re.DOTALL)
    packages: dict[str, str] = ast.literal_eval(listed)
    assert all((PACKAGE.parent / name.replace(".", "/") / "task.py").is_file() for name in packages.values())
    named = [*(f'"{name}"' for name in packages), *(f"import {name}" for name in packages.values())]
    named += [f"from {name}" for name in packages.values()]
    found = []
    for path in PACKAGE.rglob("*.py"):
        if tasks not in path.parents:
            found += [f"{path.name}: {name}" for name in named if name in path.read_text()]
    assert len(packages) > 1 and not found

"""Recording and alert rules by promtool: each alert fires when it should, and is silent when it should be."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.expected import PROJECT
from support.monitors import programs

RULES = sorted((PROJECT / "roles" / "prometheus" / "files" / "rules").glob("*.yml"))
CASES = sorted((Path(__file__).parent / "rules").glob("*.yml"))  # of the rules before a dash
NEVER_SILENT = {"Watchdog"}
RUNBOOK = PROJECT / "docs" / "runbook.md"


def rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for path in RULES for rule in rules(path) if "alert" in rule}


@pytest.fixture(scope="module")
def promtool() -> Path:
    return programs() / "promtool"


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_each_alert_fires_and_is_silent_as_its_cases_say(cases: Path, promtool: Path, tmp_path: Path) -> None:
    (path,) = [path for path in RULES if path.stem == cases.stem.partition("-")[0]]
    described = yaml.safe_load(path.read_text())
    for group in described["groups"]:
        for rule in group["rules"]:
            rule.pop("annotations", None)  # promtool compares their text too, which cases would have to repeat
    (tmp_path / path.name).write_text(yaml.safe_dump(described))
    given = {"rule_files": [path.name], **yaml.safe_load(cases.read_text())}
    (tmp_path / "cases.yml").write_text(yaml.safe_dump(given))
    judged = subprocess.run([promtool, "test", "rules", tmp_path / "cases.yml"], capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_every_alert_has_cases_of_both_kinds() -> None:
    seen: dict[str, set[bool]] = defaultdict(set)
    for cases in CASES:
        for test in yaml.safe_load(cases.read_text())["tests"]:
            for case in test["alert_rule_test"]:
                seen[case["alertname"]].add(bool(case["exp_alerts"]))
    assert {name for name in alerts() if seen[name] != {True, False}} == NEVER_SILENT
    assert set(seen) == set(alerts())


def test_promtool_finds_no_fault(promtool: Path) -> None:
    judged = subprocess.run([promtool, "check", "rules", *RULES], capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert len(alerts()) == sum("alert" in rule for path in RULES for rule in rules(path)), "a name is used twice"


def test_every_alert_says_what_was_found_and_how_urgent_it_is() -> None:
    for name, rule in alerts().items():
        assert set(rule["annotations"]) == {"summary", "found"}, name
        assert rule["labels"]["severity"] in ("page", "ticket", "none"), name


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    sections = re.split(r"^## (\w+)$", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]
    told = dict(zip(sections[::2], sections[1::2], strict=True))
    assert sorted(told) == sorted(alerts())
    for name, text in told.items():
        for part in ("Means:", "Look at:", "Run:"):
            assert part in text, f"{name} lacks {part}"

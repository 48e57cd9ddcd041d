"""Each molecule scenario is verified by suites that exist: molecule itself passes when it finds none."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

MOLECULE = Path(__file__).resolve().parents[2] / "molecule"
SCENARIOS = sorted(path.parent for path in MOLECULE.glob("*/molecule.yml"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_scenario_names_suites_that_exist(scenario: Path) -> None:
    settings = yaml.safe_load((scenario / "molecule.yml").read_text())
    suites = settings["verifier"]["additional_files_or_dirs"]
    assert suites
    folder = settings["verifier"].get("directory", "").replace("${MOLECULE_SCENARIO_DIRECTORY}", str(scenario))
    for suite in suites:
        assert list(Path(folder or scenario).glob(suite)), f"{suite} matches nothing"
    assert (scenario / "converge.yml").exists()

"""Dashboards are JSON that Grafana 7.5 and newer ones open; tests/monitors/test_watching.py asks for what they show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.dashboards import DASHBOARDS, expressions


@pytest.fixture(params=DASHBOARDS, ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text())
    return found


def test_it_can_be_imported_into_the_oldest_grafana(dashboard: dict[str, Any]) -> None:
    assert dashboard["schemaVersion"] == 27  # 7.5's; newer ones migrate it
    assert {panel["type"] for panel in dashboard["panels"]} == {"timeseries"}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert sorted(set(ids)) == ids
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]}
    assert len(places) == len(ids)


def test_it_belongs_to_no_single_data_source(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert {panel["datasource"] for panel in dashboard["panels"]} == {"$datasource"}
    used = {"instance" for expression in expressions(dashboard) if "$instance" in expression}
    assert variables == {"datasource", *used}


def test_each_panel_says_what_it_shows_in_which_unit(dashboard: dict[str, Any]) -> None:
    for panel in dashboard["panels"]:
        assert panel["title"] and panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]

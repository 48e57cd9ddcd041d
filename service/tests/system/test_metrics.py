"""What /metrics of a running service exposes is what docs/metrics.md lists, no less and no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Iterator, Set, Tuple

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from support import asking
from support.colours import picture
from support.server import Server, serving, until, write_config

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
STAGES = ("receive", "decode", "queue", "compute", "other")


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = write_config(
        tmp_path_factory.mktemp("metrics") / "hotpath.toml", fast_model, server={"workers": 2}
    )
    with serving(config) as running:
        yield running


def families(server: Server) -> Dict[str, Metric]:
    text = asking.get(f"{server.url}/metrics").text
    # The parser takes the ending of counters off.
    return {
        f"{f.name}_total" if f.type == "counter" else f.name: f for f in text_string_to_metric_families(text)
    }


def documented() -> Dict[str, Tuple[str, Set[str]]]:
    """Kind and labels by name."""
    row = re.compile(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
    return {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in row.findall(DOCUMENT.read_text(encoding="utf-8"))
    }


def test_the_documentation_lists_exactly_what_there_is(server: Server) -> None:
    server.predict(picture("red"))
    found, told = families(server), documented()
    assert set(found) == set(told)
    for name, family in found.items():
        kind, labels = told[name]
        assert family.type == kind, name
        assert family.documentation.endswith("."), name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels, name


def test_the_stages_of_predictions_add_up_to_the_whole(server: Server) -> None:
    def total() -> float:
        return sum(server.metric(f'hotpath_stage_seconds_total{{stage="{stage}"}}') for stage in STAGES)

    before = total(), server.metric("hotpath_request_seconds_sum")
    for colour in ("red", "green", "blue"):
        server.predict(picture(colour))
    parts, whole = total() - before[0], server.metric("hotpath_request_seconds_sum") - before[1]
    # Both watches are stopped before the answer is sent, one a little after the other.
    assert parts == pytest.approx(whole, rel=0.5, abs=0.005)
    assert server.metric("hotpath_receive_seconds_count") == server.metric("hotpath_request_seconds_count")


def test_each_process_tells_its_memory_and_time(server: Server) -> None:
    found = families(server)
    memory = {s.labels["process"]: s.value for s in found["hotpath_process_resident_bytes"].samples}
    assert set(memory) == {"hotpath", "worker-0", "worker-1", "engine-0"}
    assert all(5e6 < value < 2e9 for value in memory.values())

    def used() -> float:
        samples = families(server)["hotpath_process_cpu_seconds_total"].samples
        return sum(s.value for s in samples if s.labels["process"].startswith("worker"))

    before = used()

    def more() -> bool:
        server.predict(picture("red"))
        return used() > before

    until(more)


def test_refused_keys_and_pages_are_counted_under_fixed_routes(server: Server) -> None:
    series = 'hotpath_requests_total{route="/",status="200"}'
    before = server.metric(series)
    for path in ("/", "/page/page.js", "/page/style.css"):
        assert asking.get(f"{server.url}{path}").status_code == 200
    assert server.metric(series) == before + 3
    predictions = 'hotpath_requests_total{route="/predict",status="200"}'
    before = server.metric(predictions)
    url = f"{server.url}/models/colours/predict"
    asking.post(url, content=picture("red"), headers={"content-type": "image/png"})
    assert server.metric(predictions) == before + 1

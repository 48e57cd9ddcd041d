"""What a real Prometheus that scraped hosts and balancers says of the load and of every host."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from autoscaler import Failure
from autoscaler.looking import reading
from autoscaler.measuring import Measured, measure
from autoscaler.policy import State
from autoscaler.prometheus import Prometheus
from autoscaler.rotation import Seen
from support.exposition import Page
from support.services import free_port, until
from support.watching import Monitor

TABLE = {1: 0.010, 8: 0.040}  # so 200 images/s


def host(rate: float, *, pace: float = 1.0, wrong: float = 0.0, shed: float = 0.0) -> str:
    """A host's page: so many images answered, requests found wrong and refused a second, since a while ago."""
    since = time.time() - BEGUN
    batches = "".join(
        f'hotpath_warm_batch_seconds{{engine="0/cpu",length="1",batch_size="{size}"}} {seconds}\n'
        for size, seconds in TABLE.items()
    )
    return (
        f"{batches}"
        f'hotpath_engine_pace_ratio{{engine="0/cpu"}} {pace}\n'
        'hotpath_engine_model{engine="0/cpu",model="birds",version="1",device="cpu",state="live"} 1\n'
        'hotpath_engine_model{engine="1/cpu",model="birds",version="2",device="cpu",state="loading"} 1\n'
        "hotpath_workers_ready 2\nhotpath_slots 64\n"
        f'hotpath_predictions_total{{model="birds",version="1",result="ok"}} {rate * since}\n'
        f'hotpath_batch_units_total{{engine="0/cpu",kind="real"}} {rate * since}\n'
        f'hotpath_requests_total{{route="/predict",status="200"}} {rate * since / 2}\n'
        f'hotpath_requests_total{{route="/predict",status="415"}} {wrong * since}\n'
        f'hotpath_shed_total{{reason="no_slot"}} {shed * since}\n'
        f"hotpath_decode_seconds_sum {rate * since * 0.004}\nhotpath_decode_seconds_count {rate * since}\n"
    )


def balancer(failed: float) -> str:
    since = time.time() - BEGUN
    return (
        "haproxy_process_uptime_seconds 5\n"
        f'haproxy_frontend_http_responses_total{{proxy="clients",code="4xx"}} {failed * since}\n'
        'haproxy_frontend_http_responses_total{proxy="clients",code="2xx"} 7\n'
    )


BEGUN = time.time() - 1000


@pytest.fixture(scope="module")
def pages() -> Iterator[dict[str, Page]]:
    made = {
        "gpu-1": Page(lambda: host(60.0, wrong=3.0)),
        "gpu-2": Page(lambda: host(20.0, pace=2.0)),
        "lb-1": Page(lambda: balancer(13.0)),
    }
    yield made
    for page in made.values():
        page.close()


@pytest.fixture(scope="module")
def server(pages: dict[str, Page], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    targets = [{"job": name, "instance": name, "address": page.address} for name, page in pages.items()]
    first = free_port()
    monitor = Monitor(tmp_path_factory.mktemp("monitor"), [first, first + 1], targets)
    with monitor.open():
        monitor.up()
        found = Prometheus(f"http://{monitor.prometheus}")
        until(lambda: measure(found).demand > 95)  # both kinds have been seen twice
        yield found


def test_demand_is_what_was_answered_and_what_was_refused_for_want_of_room(server: Prometheus) -> None:
    # 80 images/s in 40 requests; of 13 requests/s that failed at the balancer, 3 were the clients' own fault.
    assert measure(server).demand == pytest.approx(80 + 2 * 10, rel=0.1)


def test_a_host_carries_its_best_batch_at_its_pace(server: Prometheus) -> None:
    assert measure(server).capacities == pytest.approx({"gpu-1": 200, "gpu-2": 100}, rel=0.05)


def test_times_are_those_of_the_last_scrape(server: Prometheus) -> None:
    measured = measure(server)
    assert set(measured.host_at) == {"gpu-1", "gpu-2"} and set(measured.balancers_at) == {"lb-1"}
    assert all(abs(time.time() - at) < 10 for at in (*measured.host_at.values(), *measured.balancers_at.values()))


def test_a_host_that_is_not_scraped_has_no_figures(server: Prometheus, pages: dict[str, Page]) -> None:
    page = pages["gpu-2"]
    told, page.text = page.text, lambda: None
    try:
        until(lambda: "gpu-2" not in measure(server).host_at)
        assert measure(server).capacities.get("gpu-2") is None
    finally:
        page.text = told
    until(lambda: "gpu-2" in measure(server).capacities)


def test_what_prometheus_refuses_is_said(server: Prometheus) -> None:
    with pytest.raises(Failure, match=r"refuses 'sum\('.*parse error"):
        server.ask("sum(")


def test_a_server_that_is_away_is_said() -> None:
    with pytest.raises(Failure, match=r"Prometheus at http://127\.0\.0\.1:9 does not answer"):
        Prometheus("http://127.0.0.1:9").ask("up")


def measured(age: float = 0.0, **host_ages: float) -> Measured:
    now = time.time()
    hosts = {name.replace("_", "-"): now - old for name, old in host_ages.items()}
    return Measured(100.0, dict.fromkeys(hosts, 50.0), hosts, {"lb-1": now - age})


SEEN = {name: Seen(State.SERVING, True, True, "") for name in ("gpu-1", "gpu-2")}


def test_a_reading_is_as_old_as_the_oldest_balancers_figures() -> None:
    found = reading(measured(age=20.0, gpu_1=1.0, gpu_2=2.0), SEEN, {"gpu-2": 2}, 60.0)
    assert time.monotonic() - found.at == pytest.approx(20.0, abs=1)
    assert [(host.name, host.capacity, host.tier) for host in found.hosts] == [("gpu-1", 50.0, 0), ("gpu-2", 50.0, 2)]


def test_old_figures_of_a_host_are_none() -> None:
    found = reading(measured(gpu_1=61.0, gpu_2=2.0), SEEN, {}, 60.0)
    assert [host.capacity for host in found.hosts] == [None, 50.0]


def test_clocks_that_disagree_are_named() -> None:
    with pytest.raises(Failure, match="figures of gpu-2 are 3600 s ahead"):
        reading(measured(gpu_1=0.0, gpu_2=-3600.0), SEEN, {}, 60.0)


def test_without_balancers_nothing_is_known() -> None:
    with pytest.raises(Failure, match="no figures of the balancers"):
        reading(Measured(1.0, {}, {}, {}), SEEN, {}, 60.0)

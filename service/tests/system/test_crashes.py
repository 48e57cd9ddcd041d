"""Processes die under load; what was accepted is answered all the same."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import MakeModel
from support import asking
from support.colours import picture
from support.server import serving, until, write_config

pytestmark = pytest.mark.one_python


def test_a_killed_engines_requests_are_answered_by_its_successor(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, limits={"request_timeout_s": 100.0})
    with serving(config) as server, ThreadPoolExecutor(8) as pool:
        with server.paused_engine() as engine:
            answers = [pool.submit(server.predict, picture("blue")) for _ in range(8)]
            until(lambda: server.metric("hotpath_slots_in_use") == 8)
            os.kill(engine, signal.SIGKILL)
        responses = [answer.result() for answer in answers]
        assert [r.status_code for r in responses] == [200] * 8
        assert {r.json()["label"] for r in responses} == {"blue"}
        assert server.metric('hotpath_restarts_total{role="engine"}') == 1
        assert server.children("engine") != [engine]
        until(lambda: server.metric("hotpath_slots_in_use") == 0)


def test_several_engines_share_the_requests_and_one_that_dies_loses_none(
    fast_model: Path, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path / "hotpath.toml", fast_model, engines=2, limits={"request_timeout_s": 100.0}
    )
    with serving(config) as server, ThreadPoolExecutor(8) as pool:
        engines = server.children("engine")
        assert len(engines) == 2
        for engine in engines:
            os.kill(engine, signal.SIGSTOP)
        answers = [pool.submit(server.predict, picture("blue")) for _ in range(8)]
        until(lambda: server.metric("hotpath_slots_in_use") == 8)
        os.kill(engines[0], signal.SIGKILL)
        os.kill(engines[1], signal.SIGCONT)
        found = [answer.result() for answer in answers]
        assert [answer.status_code for answer in found] == [200] * 8
        assert {answer.json()["label"] for answer in found} == {"blue"}
        assert server.metric('hotpath_restarts_total{role="engine"}') == 1


def test_a_request_that_outlives_three_engines_is_given_up(slow_model: Path, tmp_path: Path) -> None:
    restarts = 'hotpath_restarts_total{role="engine"}'
    config = write_config(tmp_path / "hotpath.toml", slow_model, limits={"request_timeout_s": 100.0})
    with serving(config) as server, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.predict, picture("black"))
        for kills in range(3):
            until(lambda: server.metric('hotpath_engine_ready{engine="0/cpu"}') == 1)
            until(lambda: server.metric('hotpath_engine_images_in_flight{engine="0/cpu"}') == 1)
            (engine,) = server.children("engine")
            os.kill(engine, signal.SIGKILL)
            # Counted once the dead engine is ready no more, so that the next turn sees its successor.
            until(lambda past=kills: server.metric(restarts) > past)  # type: ignore[misc]
        response = answer.result()
        assert response.status_code == 500
        assert response.json()["error"]["code"] == "inference_failed"
        until(lambda: asking.get(f"{server.url}/readyz").status_code == 200)


def test_an_engine_that_hangs_is_followed_by_another(make_model: MakeModel, tmp_path: Path) -> None:
    """A black image takes it 1,000 s: it is ended when no request can be waiting for it any more."""
    config = write_config(tmp_path / "hotpath.toml", make_model(1000.0), limits={"request_timeout_s": 1.0})
    with serving(config) as server:
        hung = server.children("engine")
        assert server.predict(picture("black")).status_code == 504
        server.find("engine-0 has worked at one batch for 10 s: it hangs and is ended")
        until(lambda: server.children("engine") not in ([], hung))
        answers = []

        def answered() -> bool:
            answers.append(server.predict(picture("blue")))
            return answers[-1].status_code == 200

        until(answered)  # a busy machine may take longer than the limit of 1 s
        assert answers[-1].json()["label"] == "blue"
        assert server.metric('hotpath_restarts_total{role="engine"}') == 1


def test_a_service_whose_engine_stands_still_says_so_long_before_it_is_ended(
    fast_model: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, limits={"request_timeout_s": 9.0})
    with serving(config) as server, ThreadPoolExecutor(1) as pool:
        with server.paused_engine():
            answer = pool.submit(server.predict, picture("blue"))
            until(lambda: asking.get(f"{server.url}/readyz").status_code == 503)
            assert "The engines stand still for: colours." in asking.get(f"{server.url}/readyz").text
        assert answer.result().status_code == 200
        until(lambda: asking.get(f"{server.url}/readyz").status_code == 200)


def test_a_worker_that_hangs_is_followed_by_another_and_harms_nobody(
    fast_model: Path, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path / "hotpath.toml", fast_model, server={"workers": 2}, limits={"request_timeout_s": 10.0}
    )
    with serving(config) as server:
        workers = server.children("worker")
        os.kill(workers[0], signal.SIGSTOP)
        answers = [server.predict(picture("blue")) for _ in range(10)]
        assert [answer.status_code for answer in answers] == [200] * 10
        server.find("has not come back to its event loop for 10 s: it hangs and is ended")
        until(lambda: len(server.children("worker")) == 2 and workers[0] not in server.children("worker"))
        assert workers[1] in server.children("worker")
        until(lambda: server.metric("hotpath_workers_ready") == 2)
        assert server.metric('hotpath_restarts_total{role="worker"}') == 1


def test_a_killed_worker_takes_only_its_own_connections_and_its_places_come_back(
    fast_model: Path, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path / "hotpath.toml", fast_model, limits={"queue": 3, "request_timeout_s": 100.0}
    )
    with serving(config) as server, ThreadPoolExecutor(3) as pool:
        (worker,) = server.children("worker")
        with server.paused_engine():
            lost = [pool.submit(server.predict, picture("red")) for _ in range(3)]
            until(lambda: server.metric("hotpath_slots_in_use") == 3)
            os.kill(worker, signal.SIGKILL)
            assert all(isinstance(request.exception(), httpx.TransportError) for request in lost)
        until(lambda: server.children("worker") not in ([], [worker]))
        until(lambda: asking.get(f"{server.url}/readyz", timeout=100).status_code == 200)
        responses = list(pool.map(lambda _: server.predict(picture("blue")), range(3)))
        assert [(r.status_code, r.json()["label"]) for r in responses] == [(200, "blue")] * 3
        assert server.metric('hotpath_restarts_total{role="worker"}') == 1
        until(lambda: server.metric("hotpath_slots_in_use") == 0)


def test_children_do_not_outlive_a_killed_supervisor(fast_model: Path, tmp_path: Path) -> None:
    with serving(write_config(tmp_path / "hotpath.toml", fast_model)) as server:
        assert server.predict(picture("red")).status_code == 200
        children = server.children("engine") + server.children("worker")
        assert len(children) == 2
        server.process.kill()
        until(lambda: not any(_runs(child) for child in children))


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"

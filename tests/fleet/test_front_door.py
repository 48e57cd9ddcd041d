"""HAProxy, as the role load_balancer renders it, before three real services: clients see one that never goes away."""

from __future__ import annotations

import os
import re
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.front_door import Clients, Door
from support.refusing import refusing
from support.services import Service, free_port, until

HERE = "127.0.0.1"


def worker(door: Door) -> str:
    """Process id of the worker that takes new connections."""
    return str(re.findall(r"^Pid: (\d+)$", door.admin("show info"), re.MULTILINE)[0])


def test_every_host_answers_and_the_request_can_be_followed(
    door: Door, photograph: bytes, services: list[Service]
) -> None:
    with Clients(door, photograph) as clients:
        clients.more(60)
    assert set(clients.met) == {"200"}
    served = re.findall(
        r'haproxy_server_sessions_total\{proxy="gpu_hosts",server="(gpu-\d)"\} (\d+)', door.statistics()
    )
    assert {name for name, count in served if int(count) > 0} == {"gpu-1", "gpu-2", "gpu-3"}

    sent = {
        "Content_Type": "image/png",
        "X_Request_Id": "follow-me",
        "X_Forwarded_For": "192.0.2.66",
        "Forwarded": "for=x",
    }
    assert door.ask("POST", "/predict", photograph, **sent).headers["x-request-id"] == "follow-me"
    until(lambda: any("follow-me" in line for service in services for line in service.log))
    (line,) = [line for service in services for line in service.log if "follow-me" in line]
    assert '"client":"127.0.0.1"' in line, "a client told its own address and was believed"
    until(lambda: "follow-me" in (door.root / "log").read_text())
    # Without one, the front door makes it.
    assert len(door.ask("POST", "/predict", photograph, Content_Type="image/png").headers["x-request-id"]) == 36


def test_hosts_join_and_leave_without_a_reload(door: Door, photograph: bytes, services: list[Service]) -> None:
    before = worker(door)
    with Clients(door, photograph) as clients:
        clients.more(20)
        door.have(services[:2])
        door.apply()
        door.up(2)
        clients.more(20)
        door.have(services)
        door.apply()
        door.up(3)
        clients.more(20)
    assert set(clients.met) == {"200"}
    assert worker(door) == before


def test_a_reload_drops_nobody_and_keeps_who_is_drained(door: Door, photograph: bytes) -> None:
    before = worker(door)
    door.admin("set server gpu_hosts/gpu-2 state drain")
    with Clients(door, photograph) as clients:
        for answer_s in (20, 21):
            clients.more(20)
            door.variables["load_balancer_answer_s"] = answer_s
            door.apply()
        clients.more(20)
    assert set(clients.met) == {"200"}
    assert worker(door) != before
    door.up(2)


def test_a_host_that_dies_costs_what_it_had_and_comes_back_by_itself(
    door: Door, photograph: bytes, services: list[Service]
) -> None:
    with Clients(door, photograph) as clients:
        clients.more(20)
        services[0].kill()
        door.up(2)
        failed = sum(clients.met.values()) - clients.met["200"]
        clients.more(60)
        services[0].log.clear()
        services[0].start()
        door.up(3)
        clients.more(20)
    assert failed <= services[0].connections
    assert sum(clients.met.values()) - clients.met["200"] == failed, (
        "requests failed after the host was known to be gone"
    )


def test_what_nobody_has_room_for_is_told_to_come_again(
    tmp_path: Path, binary: Path, services: list[Service], photograph: bytes, port: int
) -> None:
    """One queue before all hosts, with a bound; the hosts themselves never get more than they have room for."""
    variables = {"load_balancer_queue": 3, "load_balancer_queue_s": 0.5}
    with Door(tmp_path, binary, services[:1], port, **variables).open() as door:
        door.up(1)
        services[0].signal(signal.SIGSTOP)
        try:
            with Clients(door, photograph, count=12) as clients:
                # Four are with the host; three wait, for half a second each time; the rest are refused at once.
                until(lambda: clients.met["429"] > 20)
                refused = door.ask("POST", "/predict", photograph, Content_Type="image/png")
                services[0].signal(signal.SIGCONT)
                clients.more(40)
        finally:
            services[0].signal(signal.SIGCONT)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json["error"]["code"] == "busy"
    assert set(clients.met) == {"200", "429"}


def test_uploads_that_stand_still_hold_no_place(
    tmp_path: Path, binary: Path, services: list[Service], photograph: bytes, port: int
) -> None:
    with Door(tmp_path, binary, services[:1], port).open() as door, ExitStack() as stalled:
        door.up(1)
        head = b"POST /predict HTTP/1.1\r\nHost: door\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n"
        for _ in range(2 * services[0].connections):
            link = stalled.enter_context(socket.create_connection((HERE, door.port)))
            link.sendall(head + bytes(90_000))
        until(
            lambda: (
                f'haproxy_frontend_current_sessions{{proxy="clients"}} {2 * services[0].connections}'
                in door.statistics()
            )
        )
        assert door.ask("POST", "/predict", photograph, Content_Type="image/png").status == 200


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_refuses_at_once_draws_no_traffic(
    tmp_path: Path, binary: Path, services: list[Service], photograph: bytes, status: int
) -> None:
    """It says that it is ready, and having nothing in flight it would always be the next to be asked."""
    with refusing(status) as refuser:
        refuser.connections = services[0].connections
        with Door(tmp_path, binary, [*services, refuser], free_port()).open() as door:
            door.up(4)
            with Clients(door, photograph, count=12) as clients:
                clients.more(200)
    assert set(clients.met) == {"200", str(status)}
    assert clients.met["200"] > 0.75 * sum(clients.met.values()), clients.met


def test_what_haproxy_1_8_understands_serves_as_well(
    tmp_path: Path, binary: Path, services: list[Service], photograph: bytes
) -> None:
    """By the bundled one, or the 1.8 that HOTPATH_HAPROXY_18 names. A changed list of hosts takes a reload."""
    own = Path(os.environ.get("HOTPATH_HAPROXY_18", binary))
    variables = {"load_balancer_haproxy": "system", "load_balancer_queue": 3, "load_balancer_queue_s": 0.5}
    with Door(tmp_path, own, services[:2], free_port(), **variables).open() as door:
        until(lambda: door.ask("GET", "/readyz").status == 200)
        assert [door.ask("GET", path).status for path in ("/livez", "/metrics")] == [200, 403]
        with Clients(door, photograph) as clients:
            clients.more(20)
            before = worker(door)
            door.have(services[:1])
            door.apply()
            clients.more(20)
        # At a reload 1.8 closes connections that clients keep, and now and then refuses what waits.
        lost = {"BrokenPipeError", "ConnectionResetError", "RemoteDisconnected"}
        assert set(clients.met) - {"200"} <= lost | ({"503"} if own != binary else set()) and worker(door) != before
        services[0].signal(signal.SIGSTOP)
        try:
            with Clients(door, photograph, count=12) as clients:
                until(lambda: clients.met["429"] > 20 and clients.met["503"] > 0)
                refused = door.ask("POST", "/predict", photograph, Content_Type="image/png")
        finally:
            services[0].signal(signal.SIGCONT)
    headers = {name.lower(): value for name, value in refused.headers.items()}
    assert headers["retry-after"] == "1" and refused.json["error"]["code"] == "busy"


def test_the_balancer_logs_no_keys_and_no_bodies(door: Door) -> None:
    secret, body = "q7" * 20, b"nothing that may be read" * 10
    sent = {"Content_Type": "image/png", "Authorization": f"Bearer {secret}", "X_Request_Id": "mine"}
    assert door.ask("POST", "/predict", body, **sent).status >= 400
    until(lambda: "mine" in (door.root / "log").read_text())
    log = (door.root / "log").read_text()
    assert secret not in log and body[:24].decode() not in log


def test_what_is_not_for_clients_is_not_served(door: Door, services: list[Service]) -> None:
    assert door.ask("GET", "/metrics").status == 404
    assert door.ask("GET", "/readyz").json == {"ready": True}
    assert "haproxy_server_current_queue" in door.statistics()
    door.have([])
    door.apply()
    answer = door.ask("GET", "/readyz")
    assert answer.status == 503
    assert answer.json["error"]["remedy"]

"""Starting and stopping: nothing accepted is dropped, and systemd is told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from support import asking
from support.colours import picture
from support.server import PATIENCE_S, Server, python_environment, serving, until, write_config


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_accepted_requests_are_finished_before_the_service_ends(
    fast_model: Path, tmp_path: Path, number: signal.Signals
) -> None:
    limits = {"request_timeout_s": 100.0}
    config = write_config(tmp_path / "hotpath.toml", fast_model, server={"workers": 2}, limits=limits)
    with serving(config) as server, ThreadPoolExecutor(6) as pool:
        with server.paused_engine():
            accepted = [pool.submit(server.predict, picture("red")) for _ in range(6)]
            until(lambda: server.metric("hotpath_slots_in_use") == 6)
            url = server.url
            server.process.send_signal(number)
            server.find("draining")
            until(lambda: _refuses(url))
        assert [request.result().status_code for request in accepted] == [200] * 6
        assert {request.result().headers.get("connection") for request in accepted} == {"close"}
        assert server.process.wait(PATIENCE_S) == 0
        with pytest.raises(httpx.ConnectError):
            asking.get(f"{url}/livez")


def test_readiness_goes_first_and_requests_are_taken_until_a_second_signal(
    fast_model: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, server={"shutdown_delay_s": 1000.0})
    with serving(config) as server, httpx.Client(base_url=server.url, timeout=PATIENCE_S) as kept:
        assert kept.get("/readyz").status_code == 200
        server.process.terminate()
        server.find("/readyz is 503, and requests are taken for 1000 s")
        until(lambda: "connection" in asking.get(f"{server.url}/livez").headers)
        for path in ("/readyz", "/v2/health/ready", "/v2/models/colours/ready"):
            answer = asking.get(server.url + path)
            assert answer.status_code == 503 and "shutting down" in answer.text
        assert server.metric("hotpath_draining") == 1
        (worker,) = server.children("worker")
        os.kill(worker, signal.SIGKILL)  # it is followed by another, which knows as well
        until(lambda: server.children("worker") not in ([], [worker]))
        answers = [kept.get("/livez"), server.predict(picture("red")), asking.get(f"{server.url}/readyz")]
        assert [answer.status_code for answer in answers] == [200, 200, 503]
        with _connect(server) as silent:
            until(lambda: server.metric("hotpath_connections") >= 2)
            server.process.terminate()
            assert server.process.wait(PATIENCE_S) == 0
            assert silent.recv(1) == b""


def test_after_the_delay_nothing_more_is_taken(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, server={"shutdown_delay_s": 0.5})
    with serving(config) as server:
        server.find("ready: listening")
        assert server.stop() == 0
        ready, drains = (
            next(index for index, line in enumerate(server.log) if text in line)
            for text in ("taken for 0.5 s", "draining: ")
        )
        assert ready < drains


def test_who_never_was_ready_ends_without_delay(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, server={"shutdown_delay_s": 1000.0})
    with serving(config) as server:
        server.find("hotpath .* starts with")
        assert server.stop() in (0, -signal.SIGTERM)  # that, where it came before there was a handler
        assert not [line for line in server.log if "requests are taken" in line]


def test_a_drain_outlives_the_death_of_its_engine(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, limits={"request_timeout_s": 100.0})
    with serving(config) as server, ThreadPoolExecutor(4) as pool:
        with server.paused_engine() as engine:
            accepted = [pool.submit(server.predict, picture("red")) for _ in range(4)]
            until(lambda: server.metric("hotpath_slots_in_use") == 4)
            server.process.terminate()
            server.find("draining")
            os.kill(engine, signal.SIGKILL)
        assert [request.result().status_code for request in accepted] == [200] * 4
        assert server.process.wait(PATIENCE_S) == 0


def test_a_worker_that_still_starts_when_the_drain_begins_does_not_hold_it_up(
    fast_model: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, server={"drain_timeout_s": 30.0})
    with serving(config) as server:
        (worker,) = server.children("worker")
        os.kill(worker, signal.SIGKILL)
        until(lambda: server.children("worker") not in ([], [worker]))
        assert server.stop() == 0
        assert not [line for line in server.log if "did not finish in time" in line]


def test_silent_connections_do_not_hold_up_a_drain(fast_model: Path, tmp_path: Path) -> None:
    with serving(write_config(tmp_path / "hotpath.toml", fast_model)) as server:
        silent = [_connect(server) for _ in range(5)]
        assert server.stop() == 0
        for client in silent:
            client.close()


def _refuses(url: str) -> bool:
    """Whether every worker has closed its listener; one alone may end a connection before it was asked."""
    try:
        asking.get(f"{url}/livez")
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        return False
    return False


def _connect(server: Server) -> socket.socket:
    host, _, port = server.url[len("http://") :].partition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def test_systemd_passes_the_socket_and_hears_of_readiness_watchdog_and_stop(
    fast_model: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, server={"port": 1})
    listener = socket.create_server(("127.0.0.1", 0))
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(PATIENCE_S)
    # As systemd does: the socket is descriptor 3, and LISTEN_PID is the id of the process that takes it.
    script = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid()); "
        "os.execv(sys.executable, [sys.executable, '-m', 'hotpath', 'serve', '--config', sys.argv[2]])"
    )
    environment = {"LISTEN_FDS": "1", "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(listener.fileno()), str(config)],
        env=python_environment(environment),
        pass_fds=[listener.fileno()],
    )
    try:
        heard = ""
        while "READY=1" not in heard or heard.count("WATCHDOG=1") < 3:
            heard += manager.recv(4096).decode() + "\n"
        port = listener.getsockname()[1]
        assert asking.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        process.terminate()
        while "STOPPING=1" not in heard:
            heard += manager.recv(4096).decode() + "\n"
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        listener.close()
        manager.close()

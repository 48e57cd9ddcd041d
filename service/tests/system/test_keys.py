"""A service with keys: what is open, what is not, and how it is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, Optional

import httpx
import pytest
import tritonclient.http as triton
from support import asking
from support.colours import picture
from support.server import PATIENCE_S, Server, python_environment, serving, until, write_config

CAMERA, PROMETHEUS, LATER = "camera-" + "c" * 32, "prometheus-" + "p" * 32, "later-" + "l" * 32
KEYS = f'[camera]\nkey = "{CAMERA}"\n[prometheus]\nkey = "{PROMETHEUS}"\nallow = ["metrics"]\n'


def write_keys(path: Path, text: str) -> Path:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o600)
    os.replace(new, path)
    return path


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def server(fast_model: Path, room: Path) -> Iterator[Server]:
    config = write_config(
        room / "hotpath.toml",
        fast_model,
        server={"workers": 2, "log_level": "debug"},
        auth={"keys": write_keys(room / "keys.toml", KEYS)},
        access_log={"sample": 1.0},
    )
    with serving(config) as running:
        yield running
        log = "\n".join(running.log)
        assert '"key":"camera"' in log
        assert not [key for key in (CAMERA, PROMETHEUS, LATER, "wrong-key") if key in log]


def ask(server: Server, method: str, path: str, key: Optional[str], **more: Any) -> httpx.Response:
    headers = {"content-type": "image/png", **({"authorization": f"Bearer {key}"} if key else {})}
    return asking.request(method, f"{server.url}{path}", headers=headers, timeout=PATIENCE_S, **more)


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/v2", "/v2/health/ready"]
)
def test_health_metrics_and_documentation_are_open(server: Server, path: str) -> None:
    assert ask(server, "GET", path, None).status_code == 200


PROTECTED = [
    ("POST", "/predict"),
    ("POST", "/models/colours/predict"),
    ("POST", "/v2/models/colours/infer"),
    ("GET", "/v2/models/colours"),
    ("GET", "/v2/models/colours/ready"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_predictions_and_models_need_a_key(server: Server, method: str, path: str) -> None:
    body = {"content": picture("red")} if method == "POST" else {}
    for key in (None, "wrong-key", CAMERA[:-1], CAMERA + "x"):
        refused = ask(server, method, path, key, **body)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="hotpath"'
        error = refused.json()["error"]
        assert isinstance(error, str) if path.startswith("/v2") else error["code"] == "unauthorized"
    forbidden = ask(server, method, path, PROMETHEUS, **body)
    assert forbidden.status_code == 403 and "'prometheus'" in forbidden.text
    assert ask(server, method, path, CAMERA, **body).status_code in (200, 400)  # no length header


@pytest.mark.parametrize(
    "header", ["", "Bearer", f"Basic {CAMERA}", CAMERA, f"Bearer: {CAMERA}", "Bearer \xff"]
)
def test_other_forms_of_the_header_are_no_key(server: Server, header: str) -> None:
    answer = asking.post(
        f"{server.url}/predict",
        content=picture("red"),
        headers=[(b"content-type", b"image/png"), (b"authorization", header.encode("latin-1"))],
    )
    assert answer.status_code == 401


def test_the_scheme_is_of_any_case(server: Server) -> None:
    assert server.predict(picture("red"), authorization=f"bEARER {CAMERA}").status_code == 200


def test_a_large_body_is_refused_by_its_key_and_not_by_its_size(server: Server) -> None:
    assert ask(server, "POST", "/predict", None, content=b"\0" * 30_000_000).status_code == 401


def test_tritons_client_sends_a_key_as_a_header(server: Server) -> None:
    client = triton.InferenceServerClient(server.url.replace("http://", ""))
    headers = {"Authorization": f"Bearer {CAMERA}"}
    assert client.is_server_ready() and client.is_model_ready("colours", headers=headers)
    assert not client.is_model_ready("colours")
    client.close()


def test_the_warm_up_has_a_key(server: Server, room: Path) -> None:
    command = [sys.executable, "-m", "hotpath", "warmup", "--config", str(room / "hotpath.toml")]
    done = subprocess.run(
        [*command, "--url", server.url], env=python_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert CAMERA not in done.stdout + done.stderr


def test_a_change_of_the_file_is_followed_by_every_worker(server: Server, room: Path) -> None:
    def statuses(key: str) -> set[int]:
        # A new connection each time, so that both workers are met.
        return {ask(server, "GET", "/v2/models/colours", key).status_code for _ in range(8)}

    assert statuses(LATER) == {401}
    write_keys(room / "keys.toml", KEYS + f'[later]\nkey = "{LATER}"\n')
    until(lambda: statuses(LATER) == {200})
    write_keys(room / "keys.toml", KEYS)
    until(lambda: statuses(LATER) == {401})
    write_keys(room / "keys.toml", "[broken\n")
    until(lambda: statuses(CAMERA) == {200} and any("stay in force" in line for line in server.log))
    write_keys(room / "keys.toml", KEYS)


def test_metrics_are_protected_when_asked(fast_model: Path, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys.toml", KEYS)
    auth = {"keys": keys, "protect_metrics": True}
    with serving(write_config(tmp_path / "hotpath.toml", fast_model, auth=auth)) as server:
        assert ask(server, "GET", "/metrics", None).status_code == 401
        assert ask(server, "GET", "/metrics", CAMERA).status_code == 403
        assert ask(server, "GET", "/metrics", PROMETHEUS).status_code == 200


def test_a_service_does_not_start_with_keys_that_can_not_be_used(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, auth={"keys": tmp_path / "keys.toml"})
    command = [sys.executable, "-m", "hotpath", "check", "--config", str(config)]
    done = subprocess.run(command, env=python_environment(), capture_output=True, text=True)
    assert done.returncode == 1 and "keys: The keys file" in done.stdout
    with serving(config) as server:
        server.find("The keys file .* can't be used: it can't be read")
        assert server.process.wait(PATIENCE_S) == 78

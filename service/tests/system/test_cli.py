"""The command line: what it prints, and what it refuses."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.colours import write_source
from support.server import python_environment, serving, write_config

from hotpath import __version__


def hotpath(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hotpath", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=python_environment(),
        check=False,
    )


def test_the_version_is_the_packages() -> None:
    assert hotpath("--version").stdout == f"hotpath {__version__}\n"


def test_build_reports_the_same_version_twice_and_that_it_was_there(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    reports = [
        json.loads(hotpath("build", source, "--output", tmp_path / "m", "--json").stdout) for _ in range(2)
    ]
    assert [report["changed"] for report in reports] == [True, False]
    assert reports[0]["path"] == reports[1]["path"] == str(tmp_path / "m" / "colours" / reports[0]["version"])


def test_check_finds_nothing_then_everything(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model)
    fine = hotpath("check", "--config", config, "--json")
    assert (fine.returncode, json.loads(fine.stdout)) == (0, {"problems": [], "notes": []})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = write_config(
            config, tmp_path / "no-model", server={"port": port}, placement={"plan": __file__}
        )
        bad = hotpath("check", "--config", config, "--json")
    problems = {item["part"]: item["problem"] for item in json.loads(bad.stdout)["problems"]}
    assert bad.returncode == 1
    assert set(problems) == {"models", "placement", "port"}
    assert f"Port {port}" in problems["port"] and "taken by" in problems["port"]
    assert "no-model" in problems["models"]


def test_check_calls_a_broken_configuration_unusable(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model, server={"wrokers": 2, "port": 99999})
    result = hotpath("check", "--config", config)
    assert result.returncode == 2
    assert "server.wrokers = 2: there is no such key; did you mean 'workers'?" in result.stdout
    assert "server.port = 99999" in result.stdout


@pytest.mark.parametrize(
    ("backend", "message"),
    [("eager", "was not built for the back end 'eager'"), ("magic", "backend = 'magic'")],
)
def test_serve_refuses_a_back_end_it_does_not_have(
    fast_model: Path, tmp_path: Path, backend: str, message: str
) -> None:
    result = hotpath("serve", "--config", write_config(tmp_path / "hotpath.toml", fast_model, backend))
    assert result.returncode != 0
    assert message in result.stderr


def test_serve_names_who_holds_the_port(fast_model: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = hotpath(
            "serve", "--config", write_config(tmp_path / "c.toml", fast_model, server={"port": port})
        )
    assert result.returncode == 78
    assert f"Port {port} on 127.0.0.1 is taken by" in result.stderr


def test_serve_refuses_a_truncated_model_by_the_files_name(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    model = Path(json.loads(hotpath("build", source, "--output", tmp_path / "m", "--json").stdout)["path"])
    weights = model / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-10])
    result = hotpath("serve", "--config", write_config(tmp_path / "hotpath.toml", model))
    assert result.returncode != 0
    assert "weights.npz has SHA-256" in result.stderr and "again" in result.stderr


def test_warmup_prints_every_probe_and_settles(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model)
    with serving(config) as server:
        before = server.metric('hotpath_requests_total{route="/predict",status="200"}')
        once = hotpath("warmup", "--once", "--config", config, "--url", server.url)
        assert once.returncode == 0 and "probes/blue.png" in once.stdout and "settle" not in once.stdout
        assert server.metric('hotpath_requests_total{route="/predict",status="200"}') == before + 2
        result = hotpath("warmup", "--config", config, "--url", server.url)
    assert result.returncode == 0, result.stderr
    assert "probes/red.png" in result.stdout and "probes/blue.png" in result.stdout
    assert "rounds; latency" in result.stdout


def test_warmup_fails_on_wrong_answers_and_on_silence(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model)
    with serving(config) as server:
        document = json.loads((fast_model / "model.json").read_text())
        document["probes"][0]["accept"] = ["green"]
        other = tmp_path / "other"
        (other / "probes").mkdir(parents=True)
        for name in document["files"]:
            (other / name).write_bytes((fast_model / name).read_bytes())
        (other / "model.json").write_text(json.dumps(document))
        wrong = hotpath("warmup", "--config", write_config(tmp_path / "w.toml", other), "--url", server.url)
        url = server.url
    silent = hotpath("warmup", "--config", config, "--url", url, "--timeout", 1)
    assert wrong.returncode == 1 and "takes probes/red.png for 'red'" in wrong.stderr
    assert silent.returncode == 1 and "did not become ready in time" in silent.stderr


def test_models_lists_what_is_configured(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "hotpath.toml", fast_model)
    header, row, service = hotpath("models", "--config", config).stdout.splitlines()
    assert header.split()[:5] == ["NAME", "VERSION", "BACKEND", "PRECISION", "DEVICES"]
    assert header.split()[5:] == ["STATE", "SHARE", "DIGEST"]
    assert row.split()[:6] == ["colours", fast_model.name, "numeric", "float64", "cpu", "configured"]
    assert "names no socket" in service


def test_models_tells_what_is_live_and_how_much_of_it(fast_model: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.toml", fast_model, server={"control": str(tmp_path / "control")})
    away = json.loads(hotpath("models", "--config", config, "--json").stdout)
    assert [model["state"] for model in away["models"]] == ["configured"]
    assert "No service answers at" in away["service"]
    with serving(config) as server:
        server.find("ready: listening")
        live = json.loads(hotpath("models", "--config", config, "--json").stdout)
    (model,) = live["models"]
    assert (live["service"], model["state"], model["share"], model["ready"]) == ("running", "live", 1.0, True)
    assert len(model["digest"]) == 64 and model["problems"] == []


def test_models_tells_of_a_damaged_one(fast_model: Path, tmp_path: Path) -> None:
    shutil.copytree(fast_model, tmp_path / "model")
    (tmp_path / "model" / "labels.txt").write_text("other\n")
    result = hotpath("models", "--config", write_config(tmp_path / "hotpath.toml", tmp_path / "model"))
    assert result.returncode == 1
    assert "labels.txt has SHA-256" in result.stdout

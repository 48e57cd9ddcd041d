"""The reader of the host: release, models, plan and the ends of certificates."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from support.programs import program

reader = program("node_metrics", "host-metrics")


def test_release_models_and_plan_are_told(tmp_path: Path) -> None:
    (tmp_path / "opt/hotpath").mkdir(parents=True)
    (tmp_path / "opt/hotpath/current").symlink_to("releases/1.2-abc")
    (tmp_path / "var/lib/hotpath/models/m").mkdir(parents=True)
    (tmp_path / "var/lib/hotpath/models/m/current").symlink_to("7f")
    (tmp_path / "var/lib/hotpath/models/half").mkdir()
    (tmp_path / "etc/hotpath").mkdir(parents=True)
    engines = [{"device": "cuda:0"}, {"device": "cuda:1"}]
    (tmp_path / "etc/hotpath/plan.json").write_text(json.dumps({"policy": "latency", "engines": engines}))
    lines = list(reader.readings(str(tmp_path), []))
    assert lines[:2] == [
        'hotpath_release_info{release="1.2-abc"} 1',
        'hotpath_model_info{model="m",version="7f"} 1',
    ]
    assert lines[2].startswith('hotpath_plan_info{policy="latency",digest="')
    assert lines[3:] == ["hotpath_plan_gpus{} 2"]


def test_each_cpu_is_told_with_what_it_is_for_and_its_node(tmp_path: Path) -> None:
    (tmp_path / "etc/hotpath").mkdir(parents=True)
    engines = [
        {"device": "cuda:0", "cpus": [2], "worker_cpus": [3]},
        {"device": "cuda:1", "cpus": [4], "worker_cpus": [3]},
    ]
    plan = {"policy": "latency", "engines": engines, "housekeeping_cpus": [0]}
    (tmp_path / "etc/hotpath/plan.json").write_text(json.dumps(plan))
    (tmp_path / "sys/devices/system/cpu/cpu4/node1").mkdir(parents=True)
    lines = [line for line in reader.readings(str(tmp_path), []) if line.startswith("hotpath_plan_cpu")]
    assert lines == [
        'hotpath_plan_cpu{cpu="2",duty="engine 0",node=""} 1',
        'hotpath_plan_cpu{cpu="4",duty="engine 1",node="1"} 1',
        'hotpath_plan_cpu{cpu="3",duty="workers",node=""} 1',
        'hotpath_plan_cpu{cpu="0",duty="housekeeping",node=""} 1',
    ]


def test_a_host_without_any_of_it_tells_nothing(tmp_path: Path) -> None:
    assert list(reader.readings(str(tmp_path), [])) == []


def test_a_certificates_end_is_told_and_a_missing_one_counts_as_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem = tmp_path / "c.pem"
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    command = f"openssl req -x509 {key} -days 30 -subj /CN=x -keyout {tmp_path}/k -out {pem}"
    subprocess.run(command.split(), check=True, capture_output=True)
    assert reader.expiry(str(pem)) == pytest.approx(time.time() + 30 * 86400, abs=60)
    assert reader.expiry(str(tmp_path / "none.pem")) == 0
    assert "none.pem" in capsys.readouterr().err


def test_a_label_may_hold_anything() -> None:
    assert reader.sample("m", 1, release='a"b\\c\n') == 'm{release="a\\"b\\\\c\\n"} 1'

"""`hotpath engines` with doubles in the place of GPUs and Torch-TensorRT; processes and store are real."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.server import python_environment, write_config

from hotpath.cli import EXIT_PROBLEM, EXIT_REFUSED, main
from hotpath.core import Refusal
from hotpath.engine import visible
from hotpath.engine.tensorrt import store
from hotpath.engine.tensorrt.key import EngineKey
from hotpath.models.built import BuiltModel

ADDRESSES = ["0000:17:00.0", "0000:65:00.0", "0000:b3:00.0"]
"""Of the driver's GPUs; the plan calls the last two cuda:0 and cuda:1."""


def make_missing(model: BuiltModel, device: str, max_batch: int) -> bool:
    """As Torch-TensorRT would, on a GPU that is called by the number which this process is left with."""
    assert device == "cuda:0", "a process sees its own GPU alone"
    os.write(1, b"what a library has to say\n")  # as one that is not Python does
    gpu = os.environ[visible.VARIABLE]
    if gpu == "2" and max_batch == 13:
        raise RuntimeError("out of memory")
    if gpu == "2" and max_batch == 14:
        os.kill(os.getpid(), signal.SIGKILL)
    key = EngineKey("", gpu, "", "", "", "", "", "float16", str(max_batch))
    try:
        store.find(model.directory, key)
    except Refusal:
        with store.replacing(model.directory, key) as directory:
            (directory / "batch-1.ts").write_bytes(b"engine")
            store.write_record(directory, key, {1: "batch-1.ts"}, {"captured": True}, {})
        return True
    return False


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three, of which no process has one yet."""
    monkeypatch.delenv(visible.VARIABLE, raising=False)
    monkeypatch.setattr(visible, "gpus_of_driver", lambda root: ADDRESSES)
    monkeypatch.setattr("hotpath.gpu_engines.make_missing", make_missing)


@pytest.fixture
def model(fast_model: Path, tmp_path: Path) -> Path:
    """One that has no engines yet, and whose engines no other test sees."""
    return Path(shutil.copytree(fast_model, tmp_path / "model"))


def configured(model: Path, max_batch: int = 8, **devices: List[str]) -> Path:
    """A configuration of these models of the back end tensorrt, and of one that has another."""
    numbered = enumerate(ADDRESSES[1:])
    places = [{"device": f"cuda:{number}", "pci": pci, "numa_node": 0} for number, pci in numbered]
    plan = model.parent / "plan.json"
    plan.write_text(json.dumps({"engines": [{**place, "cpus": [0], "worker_cpus": [0]} for place in places]}))
    return write_config(
        model.parent / "hotpath.toml",
        model,
        more=[
            {"name": name, "path": model, "backend": "tensorrt", "devices": on, "engines": 2}
            for name, on in devices.items()
        ],
        batching={"max_batch": max_batch},
        placement={"plan": str(plan)},
    )


def run(config: Path, capfd: pytest.CaptureFixture[str]) -> Dict[str, Any]:
    """What it says as JSON."""
    assert main(["engines", "--json", "--config", str(config)]) == 0
    said: Dict[str, Any] = json.loads(capfd.readouterr().out)
    return said


@pytest.mark.usefixtures("gpus")
def test_each_model_has_engines_on_each_of_its_gpus_and_what_is_there_is_not_made_again(
    model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = configured(model, one=["cuda:0"], both=["cuda:1", "cuda:0"])
    first = run(config, capfd)
    assert first["changed"] is True
    assert [(found["model"], found["device"], found["made"]) for found in first["engines"]] == [
        ("one", "cuda:0", True),
        ("both", "cuda:0", False),  # the same files
        ("both", "cuda:1", True),
    ]
    records = [json.loads(path.read_text()) for path in (model / store.ENGINES).glob(f"*/{store.RECORD}")]
    assert {record["key"]["gpu"] for record in records} == {"1", "2"}, "by the addresses of the plan"
    second = run(config, capfd)
    assert second["changed"] is False
    assert [found["made"] for found in second["engines"]] == [False] * 3
    assert run(configured(model, max_batch=4, one=["cuda:0"]), capfd)["changed"] is True
    assert visible.VARIABLE not in os.environ, "that is the child's alone"


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("max_batch", "words"), [(13, "RuntimeError: out of memory"), (14, "the process .* was killed")]
)
def test_a_failure_says_whose_engines_they_were_to_be(
    model: Path, capfd: pytest.CaptureFixture[str], max_batch: int, words: str
) -> None:
    config = configured(model, max_batch, one=["cuda:0", "cuda:1"])
    assert main(["engines", "--config", str(config)]) == EXIT_PROBLEM
    said = capfd.readouterr()
    assert re.search(f"^hotpath engines: one on cuda:1: .*{words}", said.err, re.MULTILINE)
    assert re.fullmatch(r"one \w+ on cuda:0: engines made and judged\n", said.out), "what was made before"


@pytest.mark.usefixtures("gpus")
def test_a_gpu_that_is_not_there_is_refused_by_name(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = configured(model, one=["cuda:0"])
    plan = model.parent / "plan.json"
    plan.write_text(plan.read_text().replace(ADDRESSES[1], "0000:99:00.0"))
    assert main(["engines", "--config", str(config)]) == EXIT_REFUSED
    assert re.search(
        "^hotpath engines: one on cuda:0: .*0000:99:00.0, which the driver does not have",
        capfd.readouterr().err,
    )


def test_without_such_a_model_there_is_nothing_to_do_and_torch_stays_out(model: Path) -> None:
    script = (
        "import sys; from hotpath.cli import main; sys.exit(main(sys.argv[1:]) or 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script, "engines", "--config", str(configured(model))]
    said = subprocess.run([*command, "--json"], check=True, stdout=subprocess.PIPE, env=python_environment())
    assert json.loads(said.stdout) == {"changed": False, "engines": []}

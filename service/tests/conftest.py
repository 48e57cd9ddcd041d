"""Built models and photographs, made once for all tests; and hypothesis without a clock."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from support.colours import write_source
from support.fuzzing import CASES
from support.variants import Variant, variants

from hotpath.building.build import build

# How long an example takes says nothing on a machine that is busy with other tests.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

ROOT = Path(__file__).parents[2]

MakeModel = Callable[..., Path]


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """Builds the colour model; batches with black images take so many seconds. More: see write_source."""

    def make(seconds: float, **more: Any) -> Path:
        room = tmp_path_factory.mktemp("colours")
        model, _ = build(write_source(room / "source", seconds, **more), room / "models")
        return model.directory

    return make


@pytest.fixture(scope="session")
def fast_model(make_model: MakeModel) -> Path:
    """The colour model as fast as it gets."""
    return make_model(0.0)


@pytest.fixture(scope="session")
def slow_model(make_model: MakeModel) -> Path:
    """The colour model with batches of black images slow enough to be caught at work."""
    return make_model(5.0)


@pytest.fixture(scope="session")
def photographs() -> Dict[str, bytes]:
    """The bodies of the model's probe photographs, by file name."""
    source = ROOT / ".cache/model-source/efficientnet_lite0"
    if not (source / "model.toml").exists():
        python = sys.executable if sys.version_info >= (3, 11) else "python3.11"
        script, model = ROOT / "scripts/model_source.py", ROOT / "service/models/efficientnet_lite0"
        subprocess.run([python, str(script), str(model), "--output", str(source)], check=True)
    return {path.name: path.read_bytes() for path in sorted((source / "probes").iterdir())}


@pytest.fixture(scope="session")
def corpus(photographs: Dict[str, bytes]) -> List[Variant]:
    """Odd and damaged files of one small photograph."""
    photograph = Image.open(io.BytesIO(photographs["china.jpg"])).convert("RGB")
    return list(variants(photograph.resize((240, 160))))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell how many fuzz cases were run, by target."""
    if CASES:
        terminalreporter.section("fuzz cases")
        for target, cases in sorted(CASES.items()):
            terminalreporter.line(f"{cases:>8}  {target}")
        terminalreporter.line(f"{sum(CASES.values()):>8}  in all")

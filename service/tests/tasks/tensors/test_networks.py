"""Networks of users' own in torch: traced, compared, and refused where a trace would lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from support.numbers import FOUR, MEAN_LINES, MEANS, NETWORK, torch_source

torch = pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")

from hotpath.building.build import build  # noqa: E402
from hotpath.core import EngineSpec, ModelError  # noqa: E402
from hotpath.engine.factory import create  # noqa: E402
from hotpath.models.built import BuiltModel  # noqa: E402


def run(model: BuiltModel, backend: str, *items: Any) -> Any:
    engine = create(backend)
    engine.load(model, EngineSpec(0, "m", model.directory, "cpu", backend, 1, 4, ()))
    return engine.finish(engine.launch(items))


@pytest.mark.parametrize("backend", ["eager", "torchscript"])
def test_a_network_of_ones_own_answers_in_every_form(tmp_path: Path, backend: str) -> None:
    model = build(torch_source(tmp_path / "source"), tmp_path / "models")[0]
    pair = (numpy.array([1, 2], "float32"), numpy.array([3, 1], "float32"))
    sums, above = run(model, backend, pair, pair[::-1], pair)
    assert sums.tolist() == [[8, 6]] * 3
    assert above.tolist() == [[False, True], [True, False], [False, True]]


@pytest.mark.parametrize("backend", ["eager", "torchscript"])
def test_items_of_any_length_go_together(tmp_path: Path, backend: str) -> None:
    model = build(
        torch_source(tmp_path / "s", MEANS, MEAN_LINES, body=FOUR, expect="{ outputs = { mean = 3.0 } }"),
        tmp_path,
    )[0]
    assert model.document["lengths"] == [16, 32]
    items = [(numpy.arange(count, dtype="float32"),) for count in (1, 5, 32, 17)]
    (means,) = run(model, backend, *items)
    assert means.tolist() == pytest.approx([0, 2, 15.5, 8])


def test_torchscript_of_ones_own_needs_no_code(tmp_path: Path) -> None:
    class Sums(torch.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, a: Any, b: Any) -> Any:
            return (a + b) * 2.0, a > b

    written = torch_source(tmp_path / "source")
    example = torch.zeros(2, 2)
    torch.jit.save(torch.jit.trace(Sums(), (example, example)), str(written / "net.pt"))
    toml = written / "model.toml"
    lines = toml.read_text().replace('"mine"', '"torchscript"').splitlines()
    import hashlib

    digest = hashlib.sha256((written / "net.pt").read_bytes()).hexdigest()
    kept = [line for line in lines if not line.startswith(("code", "weights"))]
    weights = f'weights = {{ file = "net.pt", sha256 = "{digest}" }}'
    toml.write_text("\n".join([weights, *kept]) + "\n")
    model = build(written, tmp_path / "models")[0]
    pair = (numpy.array([1, 2], "float32"), numpy.array([3, 1], "float32"))
    assert run(model, "torchscript", pair)[0].tolist() == [[8, 6]]


def test_a_network_that_decides_by_its_values_is_not_traced(tmp_path: Path) -> None:
    decides = NETWORK.replace("(a + b) * 2.0,", "(a + b) * (2.0 if bool(a.sum() > 0) else 3.0),")
    with pytest.raises(ModelError, match=r"torchscript .* differs from the eager model") as caught:
        build(torch_source(tmp_path / "source", decides), tmp_path / "models")
    assert 'forms = ["eager"]' in caught.value.remedy
    written = torch_source(tmp_path / "again", decides)
    toml = written / "model.toml"
    toml.write_text('forms = ["eager"]\n' + toml.read_text())
    assert set(build(written, tmp_path / "models")[0].artifacts) == {"eager"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (NETWORK.replace("return Network()", "return 5"), "returns a int"),
        (NETWORK.replace("return Network()", "return open(weights / 'x')"), r"network\(\) in .* fails"),
        (NETWORK.replace("(a + b)", "(a + b).view(7)"), "fails on a batch of two items of zeros"),
        (NETWORK.replace(", a > b", ""), "has 1 outputs"),
        (NETWORK.replace("* 2.0, a", "* 2.0 * torch.ones(2, 2, 2), a"), "has the shape"),
    ],
)
def test_a_network_that_is_none_of_these_tensors_is_refused(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        build(torch_source(tmp_path / "source", code), tmp_path / "models")

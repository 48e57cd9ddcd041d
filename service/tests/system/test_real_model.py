"""EfficientNet-Lite0 with its real weights, on its real photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, Tuple

import numpy
import pytest
import tritonclient.http as triton
from support.published import FORMS, built, served
from support.server import PATIENCE_S, Server, serving, write_config

from hotpath.codec import ImageLimits, ImageSpec, decode_into
from hotpath.models.built import BuiltModel

torch = pytest.importorskip(
    "torch", reason="this Python has no torch; the real model is tested on the other one"
)


@pytest.fixture(scope="session")
def real_model() -> BuiltModel:
    return built("efficientnet_lite0")


@pytest.fixture(scope="module", params=FORMS)
def server(
    request: pytest.FixtureRequest, real_model: BuiltModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("real"), real_model, request.param) as running:
        yield running


def test_every_photograph_gets_a_label_that_is_right_for_it(server: Server, real_model: BuiltModel) -> None:
    found = {
        probe["file"]: server.predict((real_model.directory / probe["file"]).read_bytes()).json()["label"]
        for probe in real_model.document["probes"]
    }
    assert len(found) == 6
    assert {file: found[file] for file in found} == {
        probe["file"]: next(
            (label for label in probe["accept"] if label == found[probe["file"]]), probe["accept"]
        )
        for probe in real_model.document["probes"]
    }


@pytest.mark.parametrize("kind", ["BYTES", "UINT8"])
def test_tritons_client_gets_the_same_labels(server: Server, real_model: BuiltModel, kind: str) -> None:
    bodies = [(real_model.directory / probe["file"]).read_bytes() for probe in real_model.document["probes"]]
    if kind == "BYTES":
        tensor = triton.InferInput("image", [len(bodies)], kind)
        tensor.set_data_from_numpy(numpy.array(bodies, dtype=numpy.object_))
    else:
        spec = ImageSpec.from_dict(real_model.document["preprocessing"])
        pixels = numpy.zeros((len(bodies), *spec.shape), dtype=numpy.uint8)
        for body, slot in zip(bodies, pixels):
            decode_into(body, spec, ImageLimits(), slot)
        tensor = triton.InferInput("image", list(pixels.shape), kind)
        tensor.set_data_from_numpy(pixels)
    with triton.InferenceServerClient(
        server.url.replace("http://", ""), network_timeout=PATIENCE_S
    ) as client:
        result = client.infer(real_model.identity.name, [tensor])
    expected = [server.predict(body).json()["top_k"] for body in bodies]
    assert [row[0].decode() for row in result.as_numpy("labels")] == [top[0]["label"] for top in expected]
    # A reduced precision may round otherwise in a batch than alone, as it does where a processor has AMX.
    close = 1e-3 if _form(server, real_model)[1] == "float32" else 2e-2
    for scores, top in zip(result.as_numpy("scores"), expected):
        assert scores == pytest.approx([item["score"] for item in top], abs=close)


def _form(server: Server, model: BuiltModel) -> Tuple[str, str]:
    """Back end and precision of the engine."""
    backend = server.find(r"back end (\w+) \(")
    return backend, model.document["precision"]["chosen"] if backend == "onednn" else "float32"


def test_the_build_compared_the_traced_form_with_the_eager_one(real_model: BuiltModel) -> None:
    check = real_model.document["check"]
    assert check["batch_sizes"] == [1, 2, 4, 8]
    assert set(check["largest_difference"]) >= {"eager", "torchscript"}
    assert 0 <= check["largest_difference"]["torchscript"] <= 1e-3


def test_the_engine_states_its_form(server: Server, real_model: BuiltModel) -> None:
    backend, precision = _form(server, real_model)
    labels = f'backend="{backend}",engine="0/cpu",precision="{precision}"'
    assert server.metric(f"hotpath_engine_info{{{labels}}}") == 1.0


def test_the_fastest_form_that_agrees_was_chosen(real_model: BuiltModel) -> None:
    report = real_model.document["precision"]
    accepted = [trial for trial in report["trials"] if trial["accepted"]]
    assert report["asked"] == "auto"
    assert [trial["precision"] for trial in report["trials"]] == ["float32", "bfloat16", "int8"]
    if not accepted:
        assert report["chosen"] is None
        assert "has no operator" in report["reason"]
        return
    fastest = min(accepted, key=lambda trial: trial["cpu_ms_per_item"])
    assert report["chosen"] == fastest["precision"]
    for trial in accepted:
        found = trial["agreement"]
        assert found["pictures"] == 144
        assert found["decided"] >= 72  # half of the crops at least
        assert found["decided_same_top1"] >= (1.0 if trial["precision"] == "float32" else 0.98)
    text = (real_model.directory / "report.txt").read_text()
    assert f"chosen: {report['chosen']}" in text


def test_a_device_that_is_not_there_is_refused(real_model: BuiltModel, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    config = write_config(
        tmp_path / "hotpath.toml", real_model.directory, "torchscript", real_model.identity.name
    )
    config.write_text(config.read_text() + 'devices = ["cuda:0"]\n')
    with serving(config) as refused:
        assert refused.process.wait() == 78
        assert "sees 0 GPUs" in refused.find("sees 0 GPUs")

"""NanoDet-g with its real weights, on its real photographs."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, List

import httpx
import numpy
import pytest
import tritonclient.http as triton
from PIL import Image
from support import asking
from support.published import FORMS, built, served
from support.server import PATIENCE_S, Server

from hotpath.building.build import build
from hotpath.core import ModelError
from hotpath.models.built import BuiltModel

torch = pytest.importorskip(
    "torch", reason="this Python has no torch; the real model is tested on the other one"
)

REFERENCE = {
    "probes/astronaut.png": ("person", 0.73, [15, 14, 364, 507]),
    "probes/coffee.png": ("cup", 0.52, [140, 11, 427, 398]),
    "probes/horse.png": ("horse", 0.56, [13, 6, 395, 318]),
    "probes/motorcycle.png": ("motorcycle", 0.78, [106, 77, 688, 454]),
}
"""What the published graph gives, run operation by operation, at its own preprocessing."""


@pytest.fixture(scope="session")
def detector() -> BuiltModel:
    return built("nanodet_g")


@pytest.fixture
def source(detector: BuiltModel) -> Path:
    """As it was assembled."""
    return detector.directory.parents[2] / "source"


@pytest.fixture(scope="module", params=FORMS)
def server(
    request: pytest.FixtureRequest, detector: BuiltModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("real"), detector, request.param) as running:
        yield running


def photograph(model: BuiltModel, file: str) -> bytes:
    return (model.directory / file).read_bytes()


def corners(found: Dict[str, Any]) -> List[float]:
    return [found["box"][name] for name in ("xmin", "ymin", "xmax", "ymax")]


@pytest.mark.parametrize("file", REFERENCE)
def test_what_the_published_graph_finds_is_found(file: str, server: Server, detector: BuiltModel) -> None:
    label, score, box = REFERENCE[file]
    found = server.predict(photograph(detector, file)).json()
    assert found["count"] == len(found["objects"]) == 1
    (one,) = found["objects"]
    assert one["label"] == label
    assert one["score"] == pytest.approx(score, abs=0.025)
    assert corners(one) == pytest.approx(box, abs=4)
    with Image.open(detector.directory / file) as image:
        assert (found["image"]["width"], found["image"]["height"]) == image.size


def test_a_photograph_that_lies_on_its_side_has_its_boxes_where_people_see_them(
    server: Server, detector: BuiltModel
) -> None:
    with Image.open(detector.directory / "probes/motorcycle.png") as image:
        stored = image.convert("RGB").transpose(Image.Transpose.ROTATE_90)
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    stored.save(buffer, "JPEG", quality=95, exif=exif)
    found = server.predict(buffer.getvalue()).json()
    assert found["image"] == {"width": 741, "height": 500}
    assert found["objects"][0]["label"] == "motorcycle"
    assert corners(found["objects"][0]) == pytest.approx(REFERENCE["probes/motorcycle.png"][2], abs=8)


def test_a_request_may_want_less_or_more(server: Server, detector: BuiltModel) -> None:
    def ask(query: str) -> Any:
        body = photograph(detector, "probes/motorcycle.png")
        url = f"{server.url}/predict?{query}"
        return asking.post(url, content=body, headers={"content-type": "image/png"}, timeout=PATIENCE_S)

    assert ask("threshold=0.9").json()["objects"] == []
    more = ask("threshold=0.1&iou=0.9").json()["objects"]
    assert len(more) > 1
    assert [one["score"] for one in more] == sorted((one["score"] for one in more), reverse=True)
    assert {one["label"] for one in ask("threshold=0.05&classes=person,car").json()["objects"]} <= {
        "person",
        "car",
    }
    wrong = ask("threshold=2")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_option")


@pytest.mark.parametrize("kind", ["BYTES", "UINT8"])
def test_tritons_client_gets_the_same_objects(server: Server, detector: BuiltModel, kind: str) -> None:
    bodies = [photograph(detector, file) for file in REFERENCE]
    if kind == "BYTES":
        tensor = triton.InferInput("image", [len(bodies)], kind)
        tensor.set_data_from_numpy(numpy.array(bodies, dtype=numpy.object_))
    else:
        images = [Image.open(io.BytesIO(body)).convert("RGB") for body in bodies]
        resized = [image.resize((416, 416), Image.Resampling.BILINEAR) for image in images]
        pixels = numpy.stack([numpy.asarray(image) for image in resized])
        tensor = triton.InferInput("image", list(pixels.shape), kind)
        tensor.set_data_from_numpy(pixels)
    with triton.InferenceServerClient(
        server.url.replace("http://", ""), network_timeout=PATIENCE_S
    ) as client:
        result = client.infer(detector.identity.name, [tensor])
    assert result.as_numpy("boxes").shape == (len(bodies), 100, 4)
    assert result.as_numpy("count").tolist() == [[1]] * len(bodies)
    for place, (file, (label, score, box)) in enumerate(REFERENCE.items()):
        with Image.open(detector.directory / file) as image:
            width, height = image.size if kind == "BYTES" else (416, 416)
            wanted = numpy.array(box) * numpy.array([width / image.width, height / image.height] * 2)
        assert result.as_numpy("labels")[place, 0].decode() == label
        assert result.as_numpy("scores")[place, 0] == pytest.approx(score, abs=0.025)
        assert result.as_numpy("boxes")[place, 0] == pytest.approx(wanted, abs=4)


def test_the_fastest_form_that_agrees_was_chosen(detector: BuiltModel) -> None:
    report = detector.document["precision"]
    text = (detector.directory / "report.txt").read_text()
    accepted = [trial for trial in report["trials"] if trial["accepted"]]
    if not accepted:
        assert report["chosen"] is None and report["reason"] in text
        return
    assert report["chosen"] == min(accepted, key=lambda trial: float(trial["cpu_ms_per_item"]))["precision"]
    for trial in accepted:
        found = trial["agreement"]
        assert found["objects"] >= 100
        assert found["matched"] >= found["objects"] * (1.0 if trial["precision"] == "float32" else 0.98)
        spent, matched = f"{trial['cpu_ms_per_item']:.2f}", f"{found['matched']} of {found['objects']}"
        assert re.search(rf"^{trial['precision']} +{spent} +{matched} ", text, re.MULTILINE)
    assert detector.document["check"]["largest_difference"]["torchscript"] <= 1e-3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "mean = [123.675, 116.28, 103.53] # in 0..255 units, applied inside the model\n"
            "std = [58.395, 57.12, 57.375]",
            "mean = [0.0, 0.0, 0.0]\nstd = [255.0, 255.0, 255.0]",
            r"On probes/\w+\.png the model nanodet_g finds .*; right would be: \w+",
        ),
        (
            'find = [{ label = "cup"',
            'find = [{ label = "Cup"',
            "there is 'Cup' to find, which is none of the labels",
        ),
        ("candidates = 100", "candidates = 151", "less than or equal to 150"),
        ("height = 416", "height = 400", "a multiple of 32"),
        ('architecture = "nanodet_g"', 'architecture = "nanodet_h"', "no architecture 'nanodet_h'"),
    ],
    ids=["x/255", "label", "candidates", "side", "architecture"],
)
def test_what_does_not_belong_together_is_refused(
    old: str, new: str, words: str, source: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "source"
    shutil.copytree(source, wrong)
    text = (wrong / "model.toml").read_text()
    assert old in text
    (wrong / "model.toml").write_text(text.replace(old, new))
    with pytest.raises(ModelError, match=words):
        build(wrong, tmp_path / "models", precision="float32")


@pytest.fixture(scope="module")
def pair(detector: BuiltModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    classifier = built("efficientnet_lite0")
    more = [{"name": classifier.identity.name, "path": classifier.directory, "backend": "torchscript"}]
    with served(tmp_path_factory.mktemp("pair"), detector, "torchscript", more) as running:
        yield running


def then(
    server: Server, body: bytes, second: str, first: str = "nanodet_g", **options: Any
) -> httpx.Response:
    return asking.post(
        f"{server.url}/models/{first}/predict",
        content=body,
        params={"then": second, **options},
        headers={"Content-Type": "image/png"},
        timeout=PATIENCE_S,
    )


def test_what_is_found_is_classified_as_if_it_had_been_cut_out(pair: Server, detector: BuiltModel) -> None:
    body = photograph(detector, "probes/coffee.png")
    found = then(pair, body, "efficientnet_lite0").json()
    assert found["then"]["name"] == "efficientnet_lite0"
    (cup,) = found["objects"]
    assert cup["label"] == "cup" and cup["then"]["label"] in ("espresso", "cup", "coffee mug")
    box = cup["box"]
    sides = (int(box["xmin"]), int(box["ymin"]), -int(-box["xmax"] // 1), -int(-box["ymax"] // 1))
    file = io.BytesIO()
    Image.open(io.BytesIO(body)).convert("RGB").crop(sides).save(file, "PNG")
    alone = asking.post(
        f"{pair.url}/models/efficientnet_lite0/predict",
        content=file.getvalue(),
        headers={"Content-Type": "image/png"},
        timeout=PATIENCE_S,
    ).json()
    assert alone["label"] == cup["then"]["label"]
    assert cup["then"]["score"] == pytest.approx(alone["score"], abs=0.03)


def test_many_objects_go_in_waves_and_none_is_no_error(pair: Server, detector: BuiltModel) -> None:
    many = then(
        pair, photograph(detector, "probes/motorcycle.png"), "efficientnet_lite0", threshold=0.02
    ).json()
    assert len(many["objects"]) > 8
    assert all(one["then"]["label"] for one in many["objects"])
    none = then(pair, photograph(detector, "probes/horse.png"), "efficientnet_lite0", threshold=0.99).json()
    assert none["objects"] == [] and none["then"]["name"] == "efficientnet_lite0"


def test_a_chain_that_can_not_be_is_explained(pair: Server, detector: BuiltModel) -> None:
    body = photograph(detector, "probes/horse.png")
    assert then(pair, body, "nothing").status_code == 404
    refused = then(pair, body, "nanodet_g", first="efficientnet_lite0")
    assert refused.status_code == 400
    assert "finds no parts" in refused.json()["error"]["message"]

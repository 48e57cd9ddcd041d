"""NanoDet-g with random weights: its weights' form, its candidates, and its forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy
import pytest

torch = pytest.importorskip("torch", reason="this Python has no torch; detectors are tested on the other one")

from support.detecting import SIDE, DescribedModel, described  # noqa: E402

from hotpath.core import ModelError  # noqa: E402
from hotpath.models.lowering.fused import unusable  # noqa: E402
from hotpath.models.lowering.maps import lower_maps  # noqa: E402
from hotpath.models.lowering.program import Lowered, load  # noqa: E402
from hotpath.models.tracing import freeze  # noqa: E402
from hotpath.tasks.detection import network  # noqa: E402
from hotpath.tasks.detection.nanodet import BINS, NanoDet  # noqa: E402
from hotpath.tasks.detection.source import STRIDES  # noqa: E402
from hotpath.tasks.detection.weights import fill  # noqa: E402

MEAN, STD = [10.0, 20.0, 30.0], [50.0, 60.0, 70.0]


def nanodet(classes: int = 3) -> Any:
    """The same weights every time, and answers that differ by position."""
    torch.manual_seed(3)
    made = NanoDet(classes).eval()
    for name, tensor in made.state_dict().items():
        if name.endswith("conv.weight"):
            tensor.mul_(2.0)
    return made


def pictures(count: int) -> Any:
    torch.manual_seed(5)
    smooth = torch.rand(count, 3, 8, 8) * 255
    large = torch.nn.functional.interpolate(smooth, (SIDE, SIDE), mode="bilinear")
    return large.permute(0, 2, 3, 1).to(torch.uint8).contiguous()


@pytest.fixture
def model(tmp_path: Path) -> DescribedModel:
    """With a state dict of these weights."""
    torch.save(nanodet().state_dict(), tmp_path / "weights.pth")
    plain = described(mean=MEAN, std=STD)
    return DescribedModel(
        tmp_path, plain.identity, plain.task, plain.architecture, {"eager": "weights.pth"}, plain.document
    )


def as_tensorflow_js(made: Any) -> Tuple[bytes, str]:
    """Weights and layout of a graph model, its tensors in no order, as their numbers say which is which."""
    from hotpath.tasks.detection.weights import _in_running_order

    kept: List[Tuple[str, Any]] = []
    for number, one in enumerate(_in_running_order(made)):
        name = f"PartitionedCall/split{f'_{number}' if number else ''}"
        kept.append((name, one.weight.detach().permute(2, 3, 1, 0).contiguous().numpy()))
        assert one.bias is not None
        kept.append((f"unknown_{2 * number}", one.bias.detach().numpy()))
    kept.append(("PartitionedCall/axis", numpy.array(1, numpy.int32)))
    numpy.random.default_rng(0).shuffle(kept)
    data, entries = b"", []
    for name, values in kept:
        entry: Dict[str, Any] = {"name": name, "shape": list(values.shape), "dtype": str(values.dtype)}
        if entry["dtype"] == "float32":
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            values = values.astype(numpy.float16)
        data += values.tobytes()
        entries.append(entry)
    return data, json.dumps({"weightsManifest": [{"paths": [], "weights": entries}]})


def test_weights_come_from_tensorflow_js(tmp_path: Path) -> None:
    file, layout = tmp_path / "net.bin", tmp_path / "net.json"
    data, described_by = as_tensorflow_js(nanodet())
    file.write_bytes(data)
    layout.write_text(described_by)
    found = fill(NanoDet(3), file, layout).state_dict()
    for name, tensor in nanodet().state_dict().items():
        assert torch.equal(found[name], tensor.half().float()), name
    with pytest.raises(ModelError, match="34 convolutions, and they hold 34, or some have other shapes"):
        fill(NanoDet(4), file, layout)
    file.write_bytes(data + b"more")
    with pytest.raises(ModelError, match=r"can't be read by .*: ValueError: it holds \d+ bytes"):
        fill(NanoDet(3), file, layout)
    file.write_bytes(data[:100])
    with pytest.raises(ModelError, match="can't be read by"):
        fill(NanoDet(3), file, layout)


def plain(maps: Any, most: int) -> Any:
    """The best candidates of one picture, position by position."""
    found = []
    for stride, one in zip(STRIDES, maps):
        for row in range(one.shape[1]):
            for column in range(one.shape[2]):
                values = one[:, row, column]
                score, number = values[: -4 * BINS].sigmoid().max(0)
                sides = values[-4 * BINS :].view(4, BINS).softmax(1) @ torch.arange(BINS).float() * stride
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                box = torch.stack([x - sides[0], y - sides[1], x + sides[2], y + sides[3]])
                found.append((float(score), int(number), box))
    found.sort(key=lambda one: -one[0])
    scores, numbers, boxes = zip(*found[:most])
    return torch.stack(boxes), torch.tensor(scores), torch.tensor(numbers)


def test_candidates_are_those_of_a_plain_reading(model: DescribedModel) -> None:
    detector = network.eager(model)
    pixels = pictures(3)
    with torch.no_grad():
        boxes, scores, classes = detector(pixels)
        images = (pixels.permute(0, 3, 1, 2).float() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(
            STD
        ).view(3, 1, 1)
        maps = nanodet()(images)
    assert boxes.dtype == scores.dtype == torch.float32 and classes.dtype == torch.int64
    for place in range(3):
        wanted = plain([one[place] for one in maps], boxes.shape[1])
        assert torch.allclose(scores[place], wanted[1], atol=1e-5)
        assert torch.allclose(boxes[place], wanted[0], atol=1e-2)
        assert torch.equal(classes[place], wanted[2])


def test_a_network_of_blue_green_red_sees_the_same_picture(model: DescribedModel) -> None:
    plain_model = network.eager(model)
    model.document["preprocessing"].update(channel_order="bgr", mean=MEAN[::-1], std=STD[::-1])
    reversed_model = network.eager(model)
    pixels = pictures(2)
    with torch.no_grad():
        for one, other in zip(plain_model(pixels), reversed_model(pixels.flip(3))):
            assert torch.allclose(one.float(), other.float(), atol=1e-3)
        assert not torch.allclose(plain_model(pixels)[1], reversed_model(pixels)[1], atol=1e-3)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_traced_form_takes_any_batch(batch: int, model: DescribedModel) -> None:
    detector = network.eager(model)
    traced = freeze(detector, pictures(2))
    with torch.no_grad():
        for one, other in zip(detector(pictures(batch)), traced(pictures(batch))):
            assert torch.allclose(one.float(), other.float(), atol=1e-3)
        alone = torch.cat([detector(one[None])[1] for one in pictures(batch)])
        assert torch.allclose(alone, detector(pictures(batch))[1], atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_lowered_form_finds_the_same(
    precision: str, batch: int, model: DescribedModel, tmp_path: Path
) -> None:
    if unusable(precision):
        pytest.skip(unusable(precision))
    program = lower_maps(freeze(network.network(model), torch.zeros(2, 3, SIDE, SIDE)))
    Lowered(program, precision, {}).save(tmp_path / "onednn.pt")
    form, pixels = network.fused(model, load(tmp_path / "onednn.pt")), pictures(batch)
    with torch.inference_mode():
        wanted, found = network.eager(model)(pixels), form(pixels)
    assert torch.allclose(wanted[1], found[1], atol=1e-4 if precision == "float32" else 0.05)
    if precision == "float32":
        assert torch.allclose(wanted[0], found[0], atol=1e-2)
        assert torch.equal(wanted[2], found[2])


def test_the_core_and_what_is_around_it_are_the_whole(model: DescribedModel) -> None:
    core = network.core(model)
    shape = network.core_shape(model)
    with torch.no_grad():
        assert core(torch.zeros(2, *shape)).shape == (2, 84, 3 + 4 * BINS)
        for one, other in zip(network.eager(model)(pictures(2)), network.around(model, core)(pictures(2))):
            assert torch.equal(one, other)


def test_another_architecture_is_refused(model: DescribedModel) -> None:
    object.__setattr__(model, "architecture", "yolo")
    with pytest.raises(ModelError, match=r"no architecture 'yolo'\. Use one of: nanodet_g, torchscript"):
        network.eager(model)

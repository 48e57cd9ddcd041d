"""The fused kernels compute what the network does: exactly in float32, nearly in less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="this Python has no torch; oneDNN is tested on the other one")

from support.networks import small  # noqa: E402

from hotpath.core import Refusal  # noqa: E402
from hotpath.models.lowering import fused  # noqa: E402
from hotpath.models.lowering.graph import lower  # noqa: E402
from hotpath.models.lowering.program import Lowered  # noqa: E402
from hotpath.models.lowering.ranges import look, pixel_range, quantise  # noqa: E402
from hotpath.models.tracing import freeze  # noqa: E402
from hotpath.tasks.classification.network import Classifier, FusedClassifier  # noqa: E402

CLASSES, SIDE = 7, 32
PIXELS_ARE_BYTES = ([127.0] * 3, [128.0] * 3)
IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
LIMIT = {"float32": 1e-4, "bfloat16": 0.1, "int8": 0.12}
needs_operators = pytest.mark.skipif(
    bool(fused.unusable("float32")), reason=f"torch {torch.__version__} lacks the operators"
)


def pictures(count: int, width: int = SIDE) -> Any:
    torch.manual_seed(5)
    smooth = torch.rand(count, 3, 4, 4) * 255
    large = torch.nn.functional.interpolate(smooth, (SIDE, width), mode="bilinear")
    return large.permute(0, 2, 3, 1).to(torch.uint8).contiguous()


def probabilities(found: Any) -> Any:
    scores, classes = found
    return torch.zeros_like(scores).scatter_(1, classes, scores)


@needs_operators
@pytest.mark.parametrize("normalisation", [PIXELS_ARE_BYTES, IMAGENET])
@pytest.mark.parametrize("precision", fused.PRECISIONS)
@pytest.mark.parametrize("batch", [1, 5, 8])
def test_it_answers_as_the_eager_model(precision: str, normalisation: Any, batch: int) -> None:
    reason = fused.unusable(precision)
    if reason:
        pytest.skip(reason)
    mean, std = normalisation
    eager = Classifier(small(CLASSES), mean, std, CLASSES).eval()
    program = lower(freeze(eager.network, torch.zeros(2, 3, SIDE, SIDE)))
    calibration = [eager.normalise(pictures(16))]
    form = (
        quantise(program, look(program, calibration))
        if precision == "int8"
        else Lowered(program, precision, {})
    )
    lowered = FusedClassifier(form, (SIDE, SIDE, 3), mean, std, CLASSES)
    images = pictures(batch)
    with torch.inference_mode():
        wanted, found = probabilities(eager(images)), probabilities(lowered(images))
        again = probabilities(lowered(images))
    assert (wanted - found).abs().max() <= LIMIT[precision]
    assert torch.equal(found, again)  # a kernel that adds writes over its operand: nothing of it may stay
    assert wanted.amax(1).min() > wanted.amin(1).max()  # the answers mean something


@needs_operators
def test_pictures_that_are_wider_than_high_are_normalised_alike() -> None:
    width = SIDE + 16
    eager = Classifier(small(CLASSES), *IMAGENET, CLASSES).eval()
    program = lower(freeze(eager.network, torch.zeros(2, 3, SIDE, width)))
    form = Lowered(program, "float32", {})
    lowered = FusedClassifier(form, (SIDE, width, 3), *IMAGENET, CLASSES)
    images = pictures(3, width)
    with torch.inference_mode():
        wanted, found = probabilities(eager(images)), probabilities(lowered(images))
    assert (wanted - found).abs().max() <= LIMIT["float32"]


@needs_operators
def test_a_processor_without_the_instructions_is_refused_by_name() -> None:
    none = frozenset({"avx2"})
    assert fused.unusable("float32", none) == ""
    assert fused.unusable("bfloat16", none) == "this processor has none of amx_bf16, avx512_bf16"
    assert fused.unusable("int8", none) == "this processor has none of amx_int8, avx512_vnni, avx_vnni"
    assert fused.unusable("int8", frozenset({"avx_vnni"})) == ""


def test_a_model_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "processor_flags", lambda: frozenset({"avx2"}))
    program = lower(freeze(small(CLASSES), torch.zeros(2, 3, SIDE, SIDE)))
    with pytest.raises(Refusal, match=r"built for bfloat16 on oneDNN, and .*Build it on this machine"):
        FusedClassifier(Lowered(program, "bfloat16", {}), (SIDE, SIDE, 3), *IMAGENET, CLASSES)


def test_pixels_stay_bytes_where_that_is_exact() -> None:
    assert pixel_range(*PIXELS_ARE_BYTES) == (1 / 128, 127)
    scale, zero = pixel_range(*IMAGENET)
    for mean, std in zip(*IMAGENET):
        for pixel in (0, 255):
            level = round((pixel - mean) / std / scale) + zero
            assert 0 <= level <= 255


def test_this_processor_has_instruction_sets() -> None:
    assert Path("/proc/cpuinfo").exists()
    assert "sse2" in fused.processor_flags()

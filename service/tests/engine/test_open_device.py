"""Opening a device for torch, as far as that can be shown without a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from hotpath.core import EngineSpec, Refusal
from hotpath.engine.visible import VARIABLE

torch = pytest.importorskip("torch", reason="this Python has no torch")

SPEC = EngineSpec(0, "colours", Path("/m"), "cuda:0", "torchscript", 1, 8, ())


@pytest.fixture
def rounding() -> Iterator[None]:
    """torch's own choice of precision, whatever it is, with rounding allowed."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.usefixtures("rounding")
def test_what_is_called_float32_is_computed_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from hotpath.engine.torch_backend import open_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert open_device(SPEC) == torch.device("cuda:0")
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


def test_a_gpu_that_is_not_there_is_refused_with_what_the_process_may_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hotpath.engine.torch_backend import open_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(VARIABLE, "7")
    with pytest.raises(Refusal, match=rf"run on cuda:0 of {VARIABLE}=7, but torch .* sees 0 GPUs"):
        open_device(SPEC)

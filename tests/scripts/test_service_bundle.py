"""The bundle is named after its content, complete or absent, and what cannot be built is explained."""

from __future__ import annotations

import hashlib
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from bundling import wheels
from bundling.archives import Archive, digest, pack
from bundling.build import Order, describe, record, recorded
from bundling.keys import BundleError, keys_of
from bundling.models import Wish, identity, pack_source, weights_bytes
from bundling.wheels import Source, cpu_constraint, explain, requirement, target_arguments


def declared(name: str, weights: bytes = b"weights") -> str:
    """A model.toml as short as can be."""
    return (
        f'name = "{name}"\ntask = "image-classification"\narchitecture = "numeric"\n[weights]\nfile = "weights"\n'
        f'sha256 = "{hashlib.sha256(weights).hexdigest()}"\n'
    )


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """A small service with a lock and a model."""
    service = tmp_path / "service"
    package = service / "src" / "hotpath"
    package.mkdir(parents=True)
    (service / "pyproject.toml").write_text("[project]\nname = 'hotpath'\n")
    (package / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (service / "locks").mkdir()
    (service / "locks" / "cpu-py311.txt").write_text("torch==2.13.0 --hash=sha256:00\n")
    model = service / "models" / "net"
    model.mkdir(parents=True)
    (model / "weights").write_bytes(b"weights")
    (model / "model.toml").write_text(declared("net"))
    return Order(
        name="cpu",
        python="3.11",
        service=service,
        lock=service / "locks" / "cpu-py311.txt",
        models=(Wish("net"),),
        output=tmp_path / "bundle",
        source=Source(sys.executable, None, ""),
    )


def keys(order: Order) -> tuple[str, str]:
    installer = order.lock.with_name("installer.txt")
    installer.write_text("pip==1 --hash=sha256:00\n")
    found = keys_of(order.service, order.lock, installer, order.python)
    return found.dependencies, found.release


def test_code_changes_the_release_and_not_the_dependencies(order: Order) -> None:
    before = keys(order)
    assert before == keys(order) and before[1].startswith("1.2.3-")
    (order.service / "src" / "hotpath" / "core.py").write_text("X = 1\n")
    (order.service / "src" / "hotpath" / "__pycache__").mkdir()
    (order.service / "src" / "hotpath" / "__pycache__" / "core.pyc").write_text("")
    after = keys(order)
    assert after[0] == before[0] and after[1] != before[1]
    (order.service / "src" / "hotpath" / "__pycache__" / "core.pyc").write_text("other")
    assert keys(order) == after


def test_a_lock_changes_both(order: Order) -> None:
    before = keys(order)
    order.lock.write_text("torch==2.13.1 --hash=sha256:00\n")
    after = keys(order)
    assert after[0] != before[0] and after[1] != before[1]


def test_a_missing_lock_names_those_that_exist(order: Order) -> None:
    with pytest.raises(BundleError, match=r"No lock file .*cuda99-py38.*There are: cpu-py311\.txt"):
        keys_of(order.service, order.lock.with_name("cuda99-py38.txt"), order.lock, "3.8")


def test_a_missing_model_is_named(order: Order) -> None:
    with pytest.raises(BundleError, match=r"'other' is no model of this release\. Choose among net"):
        identity(Wish("other"), order.bundled)


def members(archive: Archive) -> dict[str, bytes]:
    with tarfile.open(archive.path) as tar:
        found = {member.name: tar.extractfile(member) for member in tar}
        return {name: content.read() for name, content in found.items() if content}


def test_a_source_is_packed_with_the_files_that_it_names(order: Order, tmp_path: Path) -> None:
    (order.bundled / "net" / "notes").write_text("nobody reads them")
    archive = pack_source(Wish("net"), order.bundled, tmp_path / "a.tar", None)
    assert members(archive) == {"model.toml": declared("net").encode(), "weights": b"weights"}
    assert weights_bytes(Wish("net"), order.bundled, archive) == 7


def test_a_model_under_another_name_is_another_one(order: Order, tmp_path: Path) -> None:
    wish = Wish(str(order.bundled / "net"), "second")
    assert identity(wish, order.bundled)["name"] == "second"
    assert identity(wish, order.bundled)["key"] != identity(Wish("net"), order.bundled)["key"]
    archive = pack_source(wish, order.bundled, tmp_path / "a.tar", None)
    assert members(archive)["model.toml"] == declared("second").encode()


def test_an_archive_is_a_source_too(order: Order, tmp_path: Path) -> None:
    first = pack_source(Wish("net"), order.bundled, tmp_path / "first.tar", None)
    again = pack_source(Wish(first.path), order.bundled, tmp_path / "second.tar", None)
    assert again.sha256 == first.sha256


def test_a_file_of_another_digest_is_not_packed(order: Order, tmp_path: Path) -> None:
    (order.bundled / "net" / "weights").write_bytes(b"others")
    with pytest.raises(BundleError, match=r"weights has another sha256 than model\.toml says.*sha256sum"):
        pack_source(Wish("net"), order.bundled, tmp_path / "a.tar", None)


def test_what_hosts_have_in_common_is_packed_once() -> None:
    entries: list[dict[str, Any]] = [
        {"source": "net"},
        {"source": "net", "name": "b", "engines": 2},
        {"source": "net", "name": None},
    ]
    assert Wish.of(entries) == (Wish("net"), Wish("net", "b"))


def test_describing_writes_nothing(order: Order) -> None:
    answer = describe(order)
    assert answer["changed"] is True and answer["archives"] == {}
    assert not order.output.exists()


def test_equal_content_makes_equal_archives(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("two")
    (tmp_path / "a").write_text("one")
    first = pack({"x/a": tmp_path / "a", "x/b": tmp_path / "b"}, tmp_path / "first.tar")
    (tmp_path / "a").touch()
    second = pack({"x/b": tmp_path / "b", "x/a": tmp_path / "a"}, tmp_path / "second.tar")
    assert first.sha256 == second.sha256 == digest(tmp_path / "first.tar")
    assert first.installed_bytes == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "first.tar", "second.tar"]


def test_an_archive_that_lost_its_end_is_built_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    target = tmp_path / "archive.tar"
    made = record(pack({"a": tmp_path / "a"}, target))
    assert recorded(target) == made
    with target.open("r+b") as handle:
        handle.truncate(10)
    assert recorded(target) is None and not Archive.is_there(made)


def test_an_archive_without_its_description_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "archive.tar").write_text("whatever")
    assert recorded(tmp_path / "archive.tar") is None


def test_the_cpu_set_asks_for_torchs_cpu_build(order: Order, tmp_path: Path) -> None:
    option, constraint = cpu_constraint(order.lock, tmp_path)
    assert option == "--constraint"
    assert Path(constraint).read_text() == "torch==2.13.0+cpu\n"


def test_another_python_takes_its_own_wheels() -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert target_arguments(here) == []
    options = target_arguments("3.8")
    assert options[:2] == ["--python-version", "3.8"] and "cp38" in options and "manylinux_2_28_x86_64" in options


PIP_HASH = """ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.
    anyio==4.0 from file:///w/anyio-4.0-py3-none-any.whl (from -r lock.txt (line 1)):
        Expected sha256 1111111111111111111111111111111111111111111111111111111111111111
             Got        2222222222222222222222222222222222222222222222222222222222222222
"""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (PIP_HASH, ["anyio==4.0", "another sha256", "222222", "Replace it in /w", "make lock"]),
        (
            "ERROR: No matching distribution found for torch==2.13.0+cpu",
            ["no CPU build", "service_bundle_torch_wheels"],
        ),
        ("ERROR: Could not find a version\nERROR: No matching distribution found for x==1", ["x==1", "every wheel"]),
        ("", ["pip said nothing"]),
    ],
)
def test_pips_failures_are_explained(order: Order, said: str, words: list[str]) -> None:
    told = explain(said, order.lock, Source(sys.executable, Path("/w"), ""))
    assert [word for word in words if word not in told] == []


def test_a_requirement_names_exactly_one_file(tmp_path: Path) -> None:
    wheel = tmp_path / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"
    wheel.write_bytes(b"wheel")
    assert requirement(wheel) == f"torch==2.13.0+cpu --hash=sha256:{hashlib.sha256(b'wheel').hexdigest()}"


def test_a_directory_of_wheels_keeps_pip_from_its_index() -> None:
    assert Source("python", Path("/w"), "https://ignored").arguments() == ["--no-index", "--find-links", "/w"]
    assert Source("python", None, "/t").arguments() == ["--find-links", "/t"]
    assert Source("python", None, "").arguments() == []
    assert wheels.last_error("WARNING: x\nERROR: first\nERROR: last.\n") == "last"

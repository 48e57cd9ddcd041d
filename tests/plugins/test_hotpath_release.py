"""hotpath_release makes a virtual environment from wheels alone, and a half never counts."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.deployment_host import DeploymentError, exclusive, extract, require_digest
from hotpath_release import explain, is_complete
from support.python36 import ROOT, run_module


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    """A wheel with these files."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in content.items():
            archive.writestr(member, text)
    return path


# What the release is asked for at the end: that Python keeps bytecode of what it imports.
SERVICE = {
    "hotpath/__init__.py": "",
    "hotpath/bytecode.py": (ROOT / "service/src/hotpath/bytecode.py").read_text(),
    "hotpath/part.py": "import summer\n",
}


def pip_wheel(folder: Path) -> Path:
    """This environment's own pip as a wheel, so that no index is asked."""
    import pip

    root = Path(pip.__file__).parent
    path = folder / f"pip-{pip.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for source in root.rglob("*"):
            if source.is_file() and "__pycache__" not in source.parts:
                archive.write(source, f"pip/{source.relative_to(root)}")
    return path


def pack(target: Path, folder: Path) -> dict[str, str]:
    with tarfile.open(target, "w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                tar.add(path, str(path.relative_to(folder)))
    return {"path": str(target), "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}


@pytest.fixture
def archives(tmp_path: Path) -> list[dict[str, str]]:
    """One dependency, one release and a pip."""
    made = []
    for name, package in (("dependencies", "spring"), ("release", "summer")):
        folder = tmp_path / name / name
        folder.mkdir(parents=True)
        files = {f"{package}.py": f"NAME = '{package}'\n", **(SERVICE if name == "release" else {})}
        built = wheel(folder, package, files)
        digest = hashlib.sha256(built.read_bytes()).hexdigest()
        (folder / "requirements.txt").write_text(f"{package}==1.0 --hash=sha256:{digest}\n")
        if name == "dependencies":
            pip_wheel(folder)
        made.append(pack(tmp_path / f"{name}.tar", folder.parent))
    return made


def install(tmp_path: Path, archives: list[dict[str, str]], **options: Any) -> dict[str, Any]:
    arguments = {
        "path": str(tmp_path / "releases" / "one"),
        "python": sys.executable,
        "archives": archives,
        "lock": str(tmp_path / "lock"),
    }
    return run_module("hotpath_release", arguments, **options)


def test_a_release_is_installed_once_and_repaired_when_half(tmp_path: Path, archives: list[dict[str, str]]) -> None:
    release = tmp_path / "releases" / "one"
    planned = install(tmp_path, archives, check_mode=True)
    assert planned["changed"] is True and not release.exists()

    assert install(tmp_path, archives)["changed"] is True
    assert install(tmp_path, archives)["changed"] is False
    (site,) = release.glob("venv/lib/python*/site-packages")
    assert sorted(path.name for path in site.glob("*.py")) == ["spring.py", "summer.py"]
    # Of what the service imports there is bytecode; nobody has asked for spring.
    assert [path.name.split(".")[0] for path in site.glob("__pycache__/*.pyc")] == ["summer"]
    assert not (release / "wheels").exists() and not list(site.glob("pip*"))

    (release / ".complete").unlink()  # as an installation that was killed leaves it
    (site / "stray.py").touch()
    assert install(tmp_path, archives)["changed"] is True
    assert is_complete(str(release), archives) and not (site / "stray.py").exists()


def test_a_damaged_archive_is_refused_and_leaves_nothing(tmp_path: Path, archives: list[dict[str, str]]) -> None:
    with open(archives[1]["path"], "r+b") as handle:
        handle.truncate(100)
    answer = install(tmp_path, archives)
    assert answer["failed"] and "release.tar is damaged" in answer["msg"] and "bundle.yml" in answer["msg"]
    assert not (tmp_path / "releases").exists()


def test_a_wheel_that_is_not_the_locked_one_is_refused(tmp_path: Path, archives: list[dict[str, str]]) -> None:
    folder = tmp_path / "release"
    wheel(folder / "release", "summer", {"summer.py": "NAME = 'winter'\n"})
    archives[1] = pack(tmp_path / "release.tar", folder)
    answer = install(tmp_path, archives)
    assert answer["failed"] and "not the one that the controller locked" in answer["msg"]
    assert not (tmp_path / "releases" / "one").exists()


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"gone\.tar is not on this host"):
        require_digest(str(tmp_path / "gone.tar"), "00")


def test_an_archive_may_not_write_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.add(tmp_path / "x", "../outside")
    with pytest.raises(DeploymentError, match=r"holds \.\./outside"):
        extract(str(tmp_path / "evil.tar"), str(tmp_path / "inside"))
    assert not (tmp_path / "outside").exists()


def test_two_deployments_take_turns(tmp_path: Path) -> None:
    """A lock that is held is waited for, and its holder is asked for when that takes too long."""
    path = str(tmp_path / "lock")
    held = pytest.raises(DeploymentError, match="Another deployment has held")
    with exclusive(path), held, exclusive(path, timeout_s=0.0):
        pass
    with exclusive(path, timeout_s=0.0):
        assert os.path.exists(path)


def test_a_full_disk_is_said_to_be_one() -> None:
    said = explain(["python", "pip", "install"], 1, "OSError: [Errno 28] No space left on device")
    assert "No space left on device" in said and "Free space below /opt/hotpath" in said


def test_the_marker_holds_what_was_installed(tmp_path: Path) -> None:
    (tmp_path / ".complete").write_text(json.dumps({"archives": ["aa"]}))
    assert is_complete(str(tmp_path), [{"path": "x", "sha256": "aa"}])
    assert not is_complete(str(tmp_path), [{"path": "x", "sha256": "bb"}])

"""Files are written whole, with their directories and modes, and only when they differ."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hotpath_files import as_wanted
from support.python36 import run_module

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the module gives files to root, so it runs as root")


def run(path: Path, content: str, check: bool = False, **more: str) -> dict[str, Any]:
    return run_module("rendered_files", {"files": [{"path": str(path), "content": content, **more}]}, check_mode=check)


def test_file_and_directories_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "a/b/file"
    first = run(path, "text", mode="0755")
    assert first["changed"] is True and first["written"] == [str(path)]
    assert path.read_text() == "text\n"
    assert path.stat().st_mode & 0o7777 == 0o755
    assert path.parent.stat().st_mode & 0o7777 == 0o755
    assert run(path, "text", mode="0755")["changed"] is False


def test_a_wrong_mode_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "file"
    run(path, "text")
    path.chmod(0o600)
    assert run(path, "text")["changed"] is True
    assert path.stat().st_mode & 0o7777 == 0o644


def test_check_mode_writes_nothing_and_shows_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "none/file"
    answer = run(path, "new", check=True)
    assert answer["changed"] is True
    assert (answer["diff"][0]["before"], answer["diff"][0]["after"]) == ("", "new\n")
    assert not path.parent.exists()


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = run(tmp_path / "file/below", "text")
    assert answer["failed"] and str(tmp_path / "file/below") in answer["msg"]


def test_a_file_of_another_owner_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "file"
    run(path, "text")
    os.chown(path, 12345, 0)
    assert run(path, "text")["changed"] is True
    assert path.stat().st_uid == 0


def indexed(root: Path) -> dict[str, str]:
    answer = run_module("rendered_files", {"files": [], "index": True, "root": str(root)})
    found: dict[str, str] = answer["index"]
    return found


def test_the_index_tells_whether_a_file_is_as_wanted(tmp_path: Path) -> None:
    path = tmp_path / "etc/systemd/system/hotpath.service"
    run(path, "text")
    wanted = {"path": "/etc/systemd/system/hotpath.service", "content": "text"}
    assert as_wanted(wanted, indexed(tmp_path))
    for other in ({"content": "texts"}, {"mode": "0755"}, {"path": "/etc/hotpath/other"}):
        assert not as_wanted({**wanted, **other}, indexed(tmp_path))
    path.chmod(0o600)
    assert not as_wanted(wanted, indexed(tmp_path))
    path.chmod(0o644)
    os.chown(path, 0, 12345)
    assert not as_wanted(wanted, indexed(tmp_path))


def test_what_packages_write_too_is_not_in_the_index(tmp_path: Path) -> None:
    for path in ("etc/sysconfig/irqbalance", "etc/tuned/active_profile", "etc/selinux/config"):
        run(tmp_path / path, "text")
    assert indexed(tmp_path) == {}

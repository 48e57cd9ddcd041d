"""The linker's cache is made anew exactly when it is not what ldconfig would make; ldconfig is a stand-in here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.machines import write
from support.python36 import run_module

# Test double of ldconfig: a cache holds the names of the files in a folder. With -p it lists them as the real one does.
LDCONFIG = """#!/bin/sh
for last; do :; done
case "$1" in
-p) sed 's|.*|\t& (libc6,x86-64) => /lib/&|' "$last" ;;
*) ls "$LIBRARIES" > "$last" ;;
esac
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "bin/ldconfig", LDCONFIG)
    (tmp_path / "bin/ldconfig").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("LIBRARIES", str(tmp_path / "lib"))
    write(tmp_path / "lib/libcudart.so.11.0", "")
    return tmp_path / "ld.so.cache"


def run(cache: Path, *, check_mode: bool = False) -> dict[str, Any]:
    request = {"cache": str(cache), "configuration": str(cache.parent / "ld.so.conf")}
    return run_module("linker_cache", request, check_mode=check_mode)


def test_it_is_made_where_there_is_none_and_left_alone_then(cache: Path) -> None:
    answer = run(cache)
    assert (answer["changed"], answer["libraries"]["lacking"]) == (True, ["/lib/libcudart.so.11.0"])
    made = cache.stat().st_mtime_ns
    assert run(cache)["changed"] is False
    assert cache.stat().st_mtime_ns == made


def test_a_library_that_came_or_went_since_is_noticed_in_any_run(cache: Path) -> None:
    run(cache)
    (cache.parent / "lib/libcudart.so.11.0").unlink()
    write(cache.parent / "lib/libcudart.so.12", "")
    before = cache.read_text()
    answer = run(cache, check_mode=True)
    assert answer["changed"] and cache.read_text() == before
    assert answer["libraries"] == {"lacking": ["/lib/libcudart.so.12"], "superfluous": ["/lib/libcudart.so.11.0"]}
    assert run(cache)["changed"]
    assert run(cache)["changed"] is False


def test_a_configuration_that_was_never_read_is_noticed_in_any_run(cache: Path) -> None:
    """A play that was killed before ldconfig leaves it so, though there may be no library yet."""
    run(cache)
    written = cache.parent / "ld.so.conf.d/hotpath-cuda.conf"
    write(written, "/usr/local/cuda/lib64")
    os.utime(cache, (written.stat().st_mtime - 9,) * 2)
    answer = run(cache, check_mode=True)
    assert (answer["changed"], answer["unread"]) == (True, [str(written)])
    assert run(cache)["changed"]
    assert run(cache)["changed"] is False

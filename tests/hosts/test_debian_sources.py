"""Only Debian 12's own entries of the machine's apt sources go into the image."""

from __future__ import annotations

from pathlib import Path

import pytest
from throwaway import debian
from throwaway.cache import Failure

STANZAS = """\
Types: deb
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

# A vendor's repository
Types: deb
URIs: https://vendor.example.org/apt
Suites: nodistro
Components: main
"""
ONE_LINERS = """\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example.org/security bookworm-security main
deb-src http://mirror.example.org/debian bookworm main
deb https://vendor.example.org/apt vendor-bookworm main
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_stanzas_of_other_vendors_stay_out(apt: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(STANZAS)
    kept = debian.stanzas(apt)
    assert "mirror.example.org/debian" in kept
    assert "vendor" not in kept


def test_one_liners_of_other_vendors_and_source_packages_stay_out(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINERS)
    kept = debian.one_liners(apt)
    assert kept.splitlines() == ONE_LINERS.splitlines()[:1]


def test_a_machine_without_debian_12_is_told_what_to_do(apt: Path, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"name no Debian bookworm.*HOTPATH_HOST_IMAGE"):
        debian.write_sources(tmp_path, apt)

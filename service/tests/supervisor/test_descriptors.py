"""The limit of open files is raised, and judged against the links."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.server import python_environment, serving, until, write_config

pytestmark = pytest.mark.one_python

ROOM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, int(sys.argv[1])))
from hotpath.supervisor.descriptors import make_room
make_room(8, 16)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def made_room(hard: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ROOM, str(hard)]
    return subprocess.run(command, env=python_environment(), capture_output=True, text=True)


def test_the_limit_is_raised_to_what_the_system_allows() -> None:
    assert made_room(600).stdout == "600 600\n"


def test_too_few_files_for_the_links_are_refused_with_the_way_out() -> None:
    told = made_room(500).stderr
    assert "8 HTTP workers with links to 16 seats of engines need 544 open files" in told
    assert "may have 500" in told and "LimitNOFILE" in told


def test_the_service_starts_where_its_first_limit_would_be_too_low(fast_model: Path, tmp_path: Path) -> None:
    """Four workers with links to nine engines and their successors: 152 ends."""
    config = write_config(tmp_path / "hotpath.toml", fast_model, server={"workers": 4}, engines=9)
    with serving(config, under=("prlimit", "--nofile=128:")) as server:
        until(lambda: server.metric("hotpath_workers_ready") == 4)
        assert server.stop() == 0

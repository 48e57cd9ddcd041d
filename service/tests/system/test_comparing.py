"""Copies of requests go to another service, whose answers are compared; clients notice nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, Iterator

import pytest
from support import asking
from support.colours import COLOURS, picture, write_source
from support.operating import operate
from support.server import Server, serving, until, write_config

from hotpath.building.build import build

pytestmark = pytest.mark.one_python


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Right on the model's own references, and wrong on green."""
    folder = tmp_path_factory.mktemp("other")
    labels = {colour: colour for colour in COLOURS}
    labels.update(green="white", white="green")
    model, _ = build(write_source(folder / "source", labels=labels), folder / "models")
    with serving(write_config(folder / "hotpath.toml", model.directory)) as server:
        yield server


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, fast_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("one")
    return write_config(folder / "hotpath.toml", fast_model, server={"control": str(folder / "control")})


@pytest.fixture(scope="module")
def server(config: Path) -> Iterator[Server]:
    with serving(config) as running:
        yield running


def counts(config: Path) -> Dict[str, int]:
    done = operate("compare", config)
    assert done.returncode == 0, done.stderr
    found: Dict[str, int] = json.loads(done.stdout)
    return found


def ask(server: Server, config: Path, colour: str, form: bool = False) -> None:
    """One request, and its copy's end."""
    before = sum(counts(config).values())
    if form:
        answer = asking.post(f"{server.url}/predict", files={"file": picture(colour)})
    else:
        answer = asking.post(
            f"{server.url}/predict", content=picture(colour), headers={"Content-Type": "image/png"}
        )
    assert answer.json()["label"] == colour
    until(lambda: sum(counts(config).values()) > before)


def test_answers_are_compared_while_that_is_asked_for(server: Server, other: Server, config: Path) -> None:
    asking.post(f"{server.url}/predict", content=picture("red"), headers={"Content-Type": "image/png"})
    assert counts(config) == {"agree": 0, "differ": 0, "failed": 0}, "nobody has asked for it"
    place = other.url.partition("//")[2]
    assert operate("compare", config, "--to", place, "--seconds", "60", "--part", "100").returncode == 0
    ask(server, config, "red")
    ask(server, config, "red", form=True)
    ask(server, config, "green")
    assert counts(config) == {"agree": 2, "differ": 1, "failed": 0}
    assert 'hotpath_compared_total{result="differ"} 1' in asking.get(f"{server.url}/metrics").text


def test_a_service_that_is_gone_counts_as_failed_and_costs_nobody_anything(
    server: Server, config: Path
) -> None:
    before = counts(config)["failed"]
    assert (
        operate("compare", config, "--to", "127.0.0.1:1", "--seconds", "60", "--part", "100").returncode == 0
    )
    ask(server, config, "blue")
    assert counts(config)["failed"] == before + 1


def test_it_ends_by_itself(server: Server, other: Server, config: Path) -> None:
    place = other.url.partition("//")[2]
    assert operate("compare", config, "--to", place, "--seconds", "0.01", "--part", "100").returncode == 0
    before = counts(config)
    for _ in range(3):
        asking.post(f"{server.url}/predict", content=picture("red"), headers={"Content-Type": "image/png"})
    assert counts(config) == before


@pytest.mark.parametrize(
    ("option", "value", "word"), [("--to", "nowhere", "is no place"), ("--seconds", "1e9", "3600")]
)
def test_nonsense_is_refused_in_words(
    server: Server, config: Path, option: str, value: str, word: str
) -> None:
    wanted = {"--to": "127.0.0.1:1", "--seconds": "1", option: value}
    done = operate("compare", config, *(part for pair in wanted.items() for part in pair))
    assert done.returncode == 1 and word in done.stdout + done.stderr

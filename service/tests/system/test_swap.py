"""Another version comes in while requests go on: none is dropped, and each answer is its version's own."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import httpx
import pytest
from support import asking
from support.colours import picture, write_source
from support.operating import operate, rewritten
from support.server import PATIENCE_S, Server, serving, until, write_config

from hotpath.building.build import build

pytestmark = pytest.mark.one_python

Make = Callable[..., Path]

FRENCH = {"red": "rouge", "green": "vert", "blue": "bleu", "white": "blanc", "black": "noir", "grey": "gris"}
ASKED = ("red", "green", "blue", "grey")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Builds a version of the colour model; each one differs from all others in its labels or its size."""
    numbers = itertools.count()

    def built(labels: Dict[str, str], size: int = 16) -> Path:
        source = write_source(tmp_path / f"source{next(numbers)}", size=size, labels=labels)
        model, _ = build(source, tmp_path / "models")
        return model.directory

    return built


@pytest.fixture
def english(fast_model: Path) -> Path:
    return fast_model


@pytest.fixture
def french(make: Make) -> Path:
    return make(FRENCH)


def label(version: Path, colour: str) -> str:
    """What a version must answer."""
    names = (version / "labels.txt").read_text().split()
    return names[list(FRENCH).index(colour)]


def configure(tmp_path: Path, model: Path, workers: int = 2) -> Path:
    server = {"workers": workers, "control": str(tmp_path / "control")}
    limits = {"request_timeout_s": 100.0}
    return write_config(tmp_path / "hotpath.toml", model, server=server, limits=limits)


@contextlib.contextmanager
def ready(config: Path) -> Iterator[Server]:
    with serving(config) as server:
        server.find("ready: listening")
        yield server


def swap(config: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return operate("swap", config, "--model", "colours", *arguments)


class Load:
    """Clients that ask without pause, and what they were answered."""

    def __init__(self, server: Server, clients: int = 4) -> None:
        self.answers: List[Tuple[str, int, Any]] = []
        self._url = f"{server.url}/predict"
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(client,)) for client in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, client: int) -> None:
        headers = {"content-type": "image/png"}
        with httpx.Client(timeout=PATIENCE_S) as connection:
            for colour in itertools.cycle(ASKED[client % 4 :] + ASKED[: client % 4]):
                if self._over.is_set():
                    return
                answer = connection.post(self._url, content=picture(colour), headers=headers)
                self.answers.append((colour, answer.status_code, answer.json()))

    def more(self, count: int) -> None:
        """Wait for so many further answers."""
        wanted = len(self.answers) + count
        until(lambda: len(self.answers) >= wanted)

    def judged(self, *versions: Path) -> Counter[str]:
        """How many answers each version gave. Every one must be a right one of that version."""
        known = {version.name: version for version in versions}
        given: Counter[str] = Counter()
        for colour, status, answer in self.answers:
            assert status == 200, answer
            name = answer["model"]["version"]
            assert answer["label"] == label(known[name], colour), answer
            given[name] += 1
        return given


def test_ten_swaps_under_load_lose_nothing_and_mix_nothing(
    english: Path, french: Path, tmp_path: Path
) -> None:
    config = configure(tmp_path, english)
    with ready(config) as server, Load(server) as load:
        workers = server.children("worker")
        for number in range(10):
            load.more(20)
            result = swap(config, "--path", french if number % 2 == 0 else english)
            assert result.returncode == 0, result.stdout + result.stderr
        load.more(20)
        assert server.children("worker") == workers
        assert len(server.children("engine")) == 1
        assert server.metric('hotpath_swaps_total{result="done"}') == 10
        assert server.metric('hotpath_swaps_total{result="refused"}') == 0
    given = load.judged(english, french)
    assert min(given.values()) >= 20, given


def test_after_a_swap_only_the_new_version_answers_and_everybody_says_so(
    english: Path, french: Path, tmp_path: Path
) -> None:
    config = configure(tmp_path, english)
    with ready(config) as server:
        result = swap(config, "--path", french)
        assert f"colours: {french.name} is live" in result.stdout
        assert server.predict(picture("red")).json()["label"] == "rouge"
        assert asking.get(f"{server.url}/v2/models/colours").json()["versions"] == [french.name]
        gone = asking.get(f"{server.url}/v2/models/colours/versions/{english.name}")
        assert (gone.status_code, french.name in gone.text) == (404, True)
        shown = json.loads(operate("models", config, "--json").stdout)
        states = {item["version"]: (item["state"], item["share"]) for item in shown["models"]}
        assert states == {english.name: ("configured", None), french.name: ("live", 1.0)}
        # A crash brings back what was live, not what is configured.
        (engine,) = server.children("engine")
        os.kill(engine, signal.SIGKILL)
        until(lambda: server.children("engine") not in ([], [engine]))
        until(lambda: asking.get(f"{server.url}/readyz").status_code == 200)
        assert server.predict(picture("red")).json()["label"] == "rouge"


def damaged(version: Path, target: Path) -> Path:
    shutil.copytree(version, target)
    (target / "weights.npz").write_bytes(b"not what it was")
    return target


def wrong(version: Path, target: Path) -> Path:
    return rewritten(version, target, probes=[{"file": "probes/red.png", "accept": ["bleu"]}])


def crashing(version: Path, target: Path) -> Path:
    """A version that is whole, but that no engine can load."""
    files = json.loads((version / "model.json").read_text())["files"]
    text = b"no weights at all"
    rewritten(version, target, files={**files, "weights.npz": hashlib.sha256(text).hexdigest()})
    (target / "weights.npz").write_bytes(text)
    return target


def larger(version: Path, target: Path) -> Path:
    model, _ = build(write_source(target / "source", size=256), target)
    return model.directory


def other(version: Path, target: Path) -> Path:
    model, _ = build(write_source(target / "source", name="other"), target)
    return model.directory


def absent(version: Path, target: Path) -> Path:
    return target


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (damaged, "weights.npz has SHA-256"),
        (crashing, "ValueError"),
        (wrong, "takes probes/red.png for 'rouge'"),
        (larger, "Raise placement.slot_bytes"),
        (other, "holds the model 'other', not 'colours'"),
        (absent, "There is no readable model in"),
    ],
)
def test_a_version_that_fails_a_check_is_refused_with_the_reason_and_the_old_one_goes_on(
    english: Path, french: Path, tmp_path: Path, spoil: Callable[[Path, Path], Path], reason: str
) -> None:
    config = configure(tmp_path, english)
    with ready(config) as server, Load(server, 2) as load:
        result = swap(config, "--path", spoil(french, tmp_path / "spoilt"))
        load.more(10)
        assert result.returncode == 1
        assert reason in result.stdout, result.stdout + result.stderr
        if spoil not in (other, absent):
            model = asking.get(f"{server.url}/v2/models/colours").json()
            assert reason in model["parameters"]["last_swap"]
            assert server.metric('hotpath_swaps_total{result="refused"}') == 1
        assert swap(config, "--path", french).returncode == 0, "a refusal must leave the lane free"
        assert any(reason in line for line in server.log) or spoil in (other, absent)
    assert load.judged(english, french)[english.name] >= 10


def test_a_version_whose_engine_is_killed_while_it_comes_in_is_refused(
    english: Path, make: Make, tmp_path: Path
) -> None:
    slow = make(FRENCH, 16)
    config = configure(tmp_path, english)
    with ready(config) as server, Load(server, 2) as load:
        result = swap(config, "--path", slow, "--canary", 50)
        assert result.returncode == 0
        load.more(20)
        old, new = server.children("engine")
        os.kill(max(old, new), signal.SIGKILL)
        server.find("was killed by SIGKILL.*goes on")
        # Its successor answers what it had accepted, and goes.
        server.find("swap of colours ended: refused")
        assert len(server.children("engine")) == 1
        for _ in range(8):
            answer = server.predict(picture("red"))
            assert answer.json()["model"]["version"] == english.name
    load.judged(english, slow)


@contextlib.contextmanager
def canary(config: Path, version: Path, share: float) -> Iterator[None]:
    result = swap(config, "--path", version, "--canary", share)
    assert result.returncode == 0, result.stdout + result.stderr
    yield


def test_a_canary_answers_its_share_until_it_is_promoted(english: Path, french: Path, tmp_path: Path) -> None:
    config = configure(tmp_path, english, workers=1)
    with ready(config) as server, canary(config, french, 25):
        labels = Counter(server.predict(picture("red")).json()["label"] for _ in range(40))
        assert labels == {"red": 30, "rouge": 10}
        series = f'hotpath_share{{model="colours",version="{french.name}"}}'
        assert server.metric(series) == 0.25
        series = f'hotpath_predictions_total{{model="colours",result="ok",version="{french.name}"}}'
        assert server.metric(series) == 10
        assert asking.get(f"{server.url}/v2/models/colours").json()["versions"] == [english.name, french.name]
        busy = swap(config, "--path", english)
        assert busy.returncode == 1 and "is live already" in busy.stdout
        assert swap(config, "--canary", 50).returncode == 0
        labels = Counter(server.predict(picture("red")).json()["label"] for _ in range(40))
        assert labels == {"red": 20, "rouge": 20}
        assert swap(config, "--promote").returncode == 0
        assert {server.predict(picture("red")).json()["label"] for _ in range(10)} == {"rouge"}
        nothing = swap(config, "--promote")
        assert nothing.returncode == 1 and "There is no canary of colours" in nothing.stdout


def test_an_aborted_canary_leaves_everything_to_the_old_version(
    english: Path, french: Path, tmp_path: Path
) -> None:
    config = configure(tmp_path, english)
    with ready(config) as server, Load(server, 2) as load, canary(config, french, 50):
        load.more(20)
        result = swap(config, "--abort")
        assert result.returncode == 0 and "Aborted by the operator" in result.stdout
        load.answers.clear()
        load.more(20)
        assert server.metric('hotpath_swaps_total{result="refused"}') == 1
    assert load.judged(english).keys() == {english.name}


def test_a_shadow_that_agrees_comes_in_and_one_that_does_not_stays_out(
    english: Path, french: Path, make: Make, tmp_path: Path
) -> None:
    same = make({**{colour: colour for colour in FRENCH}, "black": "jet"})
    config = configure(tmp_path, english)
    with ready(config) as server, Load(server, 2) as load:
        result = swap(config, "--path", french, "--shadow", 20)
        assert result.returncode == 1
        assert "answers agreed" in result.stdout and "wanted is 0.98" in result.stdout
        assert load.judged(english).keys() == {english.name}, "a shadow answers no client"
        result = swap(config, "--path", same, "--shadow", 20)
        assert result.returncode == 0, result.stdout
        counts = re.search(r"(\d+) of (\d+) answers agreed, 0 came to nothing", result.stdout)
        assert counts and counts[1] == counts[2] and int(counts[1]) >= 20, result.stdout
        until(lambda: server.metric("hotpath_slots_in_use") <= 2)
    load.judged(english, same)


def test_a_reload_follows_the_links_of_the_configuration(
    english: Path, french: Path, make: Make, tmp_path: Path
) -> None:
    link = tmp_path / "current"
    link.symlink_to(english)
    config = configure(tmp_path, link)
    with ready(config) as server:
        assert operate("reload", config).stdout == "Every model is live as configured.\n"
        point(link, french)
        result = operate("reload", config)
        assert result.returncode == 0 and f"{french.name} is live" in result.stdout
        point(link, english)
        server.process.send_signal(signal.SIGHUP)
        server.find(f"swap of colours ended: {english.name} is live")
        point(link, damaged(french, tmp_path / "damaged"))
        result = operate("reload", config)
        assert result.returncode == 1 and "weights.npz has SHA-256" in result.stdout
        assert server.predict(picture("red")).json()["model"]["version"] == english.name
        text = config.read_text()
        config.write_text(text.replace("workers = 2", "workers = 3"))
        result = operate("reload", config)
        assert result.returncode == 1
        assert "server.workers" in result.stdout and "Restart the service" in result.stdout


def point(link: Path, target: Path) -> None:
    link.unlink()
    link.symlink_to(target)


def test_a_swap_without_a_control_socket_or_a_service_says_what_to_do(english: Path, tmp_path: Path) -> None:
    result = swap(write_config(tmp_path / "none.toml", english), "--path", english)
    assert result.returncode == 1 and "names no control socket" in result.stderr
    result = swap(configure(tmp_path, english), "--path", english)
    assert result.returncode == 1 and "No service answers at" in result.stderr

"""From an order to a bundle: the archives and a description that names them."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bundling import models, wheels
from bundling.archives import Archive, pack
from bundling.keys import BundleError, Keys, keys_of, service_sources

# pip for the hosts and setuptools for the service's wheel, locked: neither the host's nor the controller's own is used.
INSTALLER = Path(__file__).with_name("installer.txt")
BUILD_TOOLS = Path(__file__).with_name("build_tools.txt")


@dataclass(frozen=True)
class Order:
    """What is to be built, from what, and where to."""

    name: str
    python: str
    service: Path
    lock: Path
    models: tuple[models.Wish, ...]
    output: Path
    source: wheels.Source

    @property
    def bundled(self) -> Path:
        """Models that go with the service, each a folder."""
        return self.service / "models"

    @property
    def description(self) -> Path:
        return self.output / f"{self.name}.json"


@dataclass
class Progress:
    """Lines on standard error, each with the time since the start."""

    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:4.0f} s] {text}", file=sys.stderr, flush=True)


def describe(order: Order) -> dict[str, Any]:
    """The bundle by its names, and whether a build would change anything. Writes nothing."""
    keys = keys_of(order.service, order.lock, INSTALLER, order.python)
    names = {
        "schema": 2,
        "set": order.name,
        "python": order.python,
        "release": keys.release,
        "dependencies": keys.dependencies,
    }
    wanted = [models.identity(wish, order.bundled) for wish in order.models]
    kept = stored(order)
    if kept is not None and {name: kept.get(name) for name in names} == names and _same(kept["models"], wanted):
        return {**kept, "changed": False}
    return {**names, "models": wanted, "archives": {}, "changed": True}


def _same(kept: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> bool:
    """Whether a bundle's models are the wanted ones."""
    packed = {"archive", "weights_bytes"}
    return [{key: value for key, value in model.items() if key not in packed} for model in kept] == wanted


def stored(order: Order) -> dict[str, Any] | None:
    """The description of the last build, when its archives are all there."""
    if not order.description.is_file():
        return None
    kept: dict[str, Any] = json.loads(order.description.read_text())
    if "models" not in kept:
        return None  # of an earlier form
    values = [*kept["archives"].values(), *(model["archive"] for model in kept["models"])]
    archives = [Archive.from_dict(value) for value in values]
    return kept if archives and all(archive.is_there() for archive in archives) else None


def build(order: Order, progress: Progress) -> dict[str, Any]:
    """Make what is missing. Two builds at once take turns; one that was killed leaves nothing that looks complete.

    Raises BundleError with cause and remedy.
    """
    order.output.mkdir(parents=True, exist_ok=True)
    with locked(order.output / ".lock", progress):
        answer = describe(order)
        if not answer["changed"]:
            return answer
        keys = keys_of(order.service, order.lock, INSTALLER, order.python)
        dependencies = dependency_archive(order, keys, progress)
        release = release_archive(order, keys, dependencies, progress)
        archives = {"dependencies": asdict(dependencies), "release": asdict(release)}
        kept = {**answer, "models": packed_models(order, progress), "archives": archives}
        del kept["changed"]
        partial = order.description.with_suffix(".partial")
        partial.write_text(json.dumps(kept, indent=2) + "\n")
        partial.replace(order.description)
        progress.say(f"The bundle {kept['release']} for {order.name} is complete: {order.description}")
        return {**kept, "changed": True}


@contextmanager
def locked(path: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock on a bundle directory; the kernel frees it when the process ends, however it ends."""
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"Another build holds {path}: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def dependency_archive(order: Order, keys: Keys, progress: Progress) -> Archive:
    """The wheels of the lock and pip's own, with the requirements that name each by its digest."""
    target = order.output / f"dependencies-{keys.dependencies}.tar"
    if (found := recorded(target)) is not None:
        return found
    with tempfile.TemporaryDirectory(dir=order.output, prefix=".wheels-") as folder:
        wheelhouse = Path(folder) / "wheels"
        count = order.lock.read_text().count("==")
        progress.say(f"Getting the {count} wheels of {order.lock.name} from {order.source.place()}")
        options = wheels.cpu_constraint(order.lock, Path(folder)) if order.name == "cpu" else []
        wheels.download(order.source, order.lock, order.python, wheelhouse, options)
        got = sorted(wheelhouse.glob("*.whl"))
        (wheelhouse / "requirements.txt").write_text("".join(f"{wheels.requirement(path)}\n" for path in got))
        wheels.download(order.source, INSTALLER, order.python, wheelhouse)
        installed = sum(wheels.unpacked_bytes(path) for path in got)
        progress.say(f"Packing {target.name}: {sum(path.stat().st_size for path in got) / 2**20:.0f} MiB")
        return record(pack({f"dependencies/{p.name}": p for p in wheelhouse.iterdir()}, target, installed))


def release_archive(order: Order, keys: Keys, dependencies: Archive, progress: Progress) -> Archive:
    """The service's own wheel. It is built from a copy that holds what the key covers and nothing else."""
    target = order.output / f"release-{keys.release}.tar"
    if (found := recorded(target)) is not None:
        return found
    progress.say(f"Building the wheel of the service, release {keys.release}")
    with tempfile.TemporaryDirectory(dir=order.output, prefix=".release-") as folder:
        room = Path(folder)
        tools = room / "tools"
        done = order.source.pip(
            "install",
            "--no-deps",
            "--require-hashes",
            *order.source.arguments(),
            "--target",
            str(tools),
            "-r",
            str(BUILD_TOOLS),
        )
        if done.returncode != 0:
            raise BundleError(wheels.explain(done.stderr, BUILD_TOOLS, order.source))
        for path in service_sources(order.service):
            copy = room / "service" / path.relative_to(order.service)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        if keys_of(room / "service", order.lock, INSTALLER, order.python) != keys:
            raise BundleError(f"{order.service} was changed while its wheel was being built. Build again.")
        wheel = wheels.build(order.source, room / "service", tools, room)
        (room / "requirements.txt").write_text(f"{wheels.requirement(wheel)}\n")
        files = {f"release/{path.name}": path for path in (wheel, room / "requirements.txt")}
        return record(pack(files, target, wheels.unpacked_bytes(wheel)))


def packed_models(order: Order, progress: Progress) -> list[dict[str, Any]]:
    """What the bundle says of each model, with its archive."""
    found = []
    for wish in order.models:
        model = models.identity(wish, order.bundled)
        target = order.output / f"model-{model['name']}-{model['key']}.tar"
        archive = recorded(target)
        if archive is None:
            progress.say(f"Packing the source of the model {model['name']}")
            archive = record(models.pack_source(wish, order.bundled, target, order.source.directory))
        weights = models.weights_bytes(wish, order.bundled, archive)
        found.append({**model, "weights_bytes": weights, "archive": asdict(archive)})
    return found


def record(archive: Archive) -> Archive:
    """Keep an archive's description beside it; written after the archive, so it vouches for it."""
    Path(f"{archive.path}.json").write_text(json.dumps(asdict(archive)) + "\n")
    return archive


def recorded(target: Path) -> Archive | None:
    """The archive that an earlier build made and described, if it is whole."""
    try:
        archive = Archive.from_dict({**json.loads(Path(f"{target}.json").read_text()), "path": str(target)})
    except (FileNotFoundError, ValueError):
        return None
    return archive if archive.is_there() else None

"""`hotpath check`: judges configuration, models and machine without starting anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Iterable, List, Sequence

from hotpath import machine
from hotpath.config import Config, ConfigError, load
from hotpath.core import HotpathError
from hotpath.http.keys import token_for
from hotpath.machine import Finding
from hotpath.models.built import BuiltModel
from hotpath.supervisor import placement, ports
from hotpath.supervisor.serve import load_models

FINE, PROBLEMS, UNUSABLE = 0, 1, 2


def check(path: Path, as_json: bool) -> int:
    """Print everything found; the exit status."""
    try:
        config = load(path)
    except ConfigError as error:
        _print([Finding("configuration", text) for text in error.problems], as_json)
        return UNUSABLE
    findings = list(_judge(config))
    _print(findings, as_json)
    return PROBLEMS if any(finding.serious for finding in findings) else FINE


def _judge(config: Config) -> Iterable[Finding]:
    models: Sequence[BuiltModel] = []
    plan = placement.Placement({}, ())

    def read_models() -> Iterable[Finding]:
        nonlocal models
        models = load_models(config)
        return []

    def read_plan() -> Iterable[Finding]:
        nonlocal plan
        plan = placement.read(config.placement.plan)
        return machine.processors(config, plan)

    yield from _findings("models", read_models)
    yield from _findings("placement", read_plan)
    yield from _findings("keys", lambda: _check_keys(config))
    yield from _findings("port", lambda: _check_port(config))
    yield from _findings("agent", lambda: _check_agent(config))
    yield from _findings("grpc", lambda: _check_grpc(config))
    yield from machine.backends(config)
    yield from machine.gpus(config, plan)
    yield from machine.control(config)
    if models:
        yield from machine.versions(config, models)
        if not _runs(config):  # else it has the memory already
            yield from machine.memory(config, models, plan)
            yield from machine.hugepages(config, models)


def _findings(part: str, judge: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
    """What `judge` finds, and the error that ends it."""
    try:
        yield from judge()
    except HotpathError as error:
        yield Finding(part, str(error))


def _runs(config: Config) -> bool:
    """Whether this service holds its port, which systemd may hold with it."""
    return any(who.startswith("hotpath") for who in ports.holders(config.server.port))


def _check_keys(config: Config) -> Iterable[Finding]:
    """Some key of the file lets `hotpath warmup` ask. Raises HotpathError."""
    if config.auth.keys:
        token_for(Path(config.auth.keys), "predict")
    return []


def _check_port(config: Config) -> Iterable[Finding]:
    """The port is free, or held by this service or by systemd for it. Raises Refusal."""
    who = ports.holder(config.server.port)
    if who is None or who.split()[0] not in ("systemd", "hotpath"):
        ports.listen(config.server.host, config.server.port).close()
    return []


def _check_agent(config: Config) -> Iterable[Finding]:
    """The port is free or held by this service. Raises Refusal."""
    server = config.server
    if server.agent_port and not (ports.holder(server.agent_port) or "").startswith("hotpath"):
        ports.listen(server.host, server.agent_port, "server.agent_port").close()
    return []


def _check_grpc(config: Config) -> Iterable[Finding]:
    """The port is free or held by this service, and its library is there. Raises Refusal."""
    if config.server.grpc_port:
        ports.require_grpc()
        who = ports.holder(config.server.grpc_port) or ""
        if not (_runs(config) and who.startswith("worker")):
            with ports.grpc_reserved(config.server):
                pass
    return []


def _print(findings: List[Finding], as_json: bool) -> None:
    problems = [finding for finding in findings if finding.serious]
    notes = [finding for finding in findings if not finding.serious]
    if as_json:
        document = {
            "problems": [{"part": finding.part, "problem": finding.text} for finding in problems],
            "notes": [{"part": finding.part, "note": finding.text} for finding in notes],
        }
        print(json.dumps(document))
        return
    for finding in problems:
        print(f"{finding.part}: {finding.text}")
    for finding in notes:
        print(f"{finding.part} (note): {finding.text}")
    if not problems:
        print("No problems found.")

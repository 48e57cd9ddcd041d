"""From a configuration file to a running supervisor."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import List

from hotpath import __version__
from hotpath.config import Config, load
from hotpath.core import Refusal
from hotpath.logs import set_up
from hotpath.models.built import BuiltModel
from hotpath.models.built import load as load_model
from hotpath.supervisor import child, placement, ports, systemd
from hotpath.supervisor.generations import Generations
from hotpath.supervisor.supervisor import Supervisor
from hotpath.tasks import known

log = logging.getLogger(__name__)


def serve(path: Path) -> int:
    """Run the service; its exit status. Raises HotpathError where it can't start."""
    config = load(path)
    set_up(config.server.log_level)
    child.show_name("hotpath")
    log.info("hotpath %s starts with %s", __version__, path)
    models = load_models(config)
    plan = placement.read(config.placement.plan)
    placement.warn_of_gaps(config, plan)
    generations = Generations(config, models, plan)
    sockets = systemd.take_listening_sockets() or [ports.listen(config.server.host, config.server.port)]
    with ports.grpc_reserved(config.server):
        return Supervisor(path, config, generations, plan, sockets).run()


def load_models(config: Config) -> List[BuiltModel]:
    """The configured models, every file hashed. Raises ModelError or Refusal."""
    models = []
    for entry in config.models:
        model = load_model(entry.path)
        if model.identity.name != entry.name:
            raise Refusal(
                f"models.path = {str(entry.path)!r} holds {model.identity.name!r}, not {entry.name!r}.",
                "Correct models.name or models.path.",
            )
        known.outline(model)
        model.artifact(entry.backend)
        models.append(model)
    return models

"""The `hotpath` command. Each sub-command imports what it needs, so that the light ones stay light."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import List, Optional

from hotpath import __version__
from hotpath.core import HotpathError, Refusal
from hotpath.models import command as build_command

EXIT_PROBLEM = 1
EXIT_UNUSABLE = 2
EXIT_REFUSED = 78  # EX_CONFIG of sysexits.h: starting again would change nothing


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command; its exit status."""
    options = _parser().parse_args(arguments)
    # Threads of torch that wait by spinning starve the HTTP workers they share CPUs with, and each other: on
    # a busy machine of two CPUs a batch took ten times as long. OpenMP reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        status: int = options.run(options)
    except HotpathError as error:
        print(f"hotpath {options.command}: {error}", file=sys.stderr)
        return EXIT_REFUSED if options.command == "serve" or isinstance(error, Refusal) else EXIT_PROBLEM
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hotpath", description="A batched, observed image inference service."
    )
    parser.add_argument("--version", action="version", version=f"hotpath {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the service until SIGTERM")
    serve.set_defaults(run=_serve)
    warmup = commands.add_parser("warmup", help="send the models' probe images until latency settles")
    warmup.add_argument("--url", help="where the service answers; by default what the configuration says")
    warmup.add_argument(
        "--timeout", type=float, default=60.0, metavar="S", help="seconds in all (default: 60)"
    )
    warmup.set_defaults(run=_warmup)
    check = commands.add_parser(
        "check", help="judge configuration, models and port; exit 0 fine, 1 problems, 2 unusable"
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(run=_check)
    models = commands.add_parser("models", help="list the configured models")
    models.set_defaults(run=_models)
    for command in (serve, warmup, check, models):
        command.add_argument(
            "--config", type=Path, required=True, metavar="FILE", help="the configuration (TOML)"
        )

    build = commands.add_parser("build", help="make a deployable model from a model source and check it")
    build_command.add_arguments(build)
    build.set_defaults(run=build_command.run)
    return parser


def _serve(options: argparse.Namespace) -> int:
    from hotpath.supervisor.serve import serve

    return serve(options.config)


def _warmup(options: argparse.Namespace) -> int:
    from hotpath.warmup import warmup

    return warmup(options.config, options.url, options.timeout)


def _check(options: argparse.Namespace) -> int:
    from hotpath.check import check

    return check(options.config, options.json)


def _models(options: argparse.Namespace) -> int:
    from hotpath.config import load
    from hotpath.models.built import load as load_model

    for entry in load(options.config).models:
        model = load_model(entry.path, verify=False)
        devices = ", ".join(entry.devices)
        print(f"{entry.name}  {model.identity.version}  {entry.backend} on {devices}  {model.directory}")
    return 0

"""The `hotpath` command. Each sub-command imports what it needs, so that the light ones stay light."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import List, Optional

from hotpath import __version__
from hotpath.building import command as build_command
from hotpath.building import source_commands
from hotpath.cgroup import cpu_quota, usable_cpus
from hotpath.core import HotpathError, Refusal

EXIT_PROBLEM = 1
EXIT_UNUSABLE = 2
EXIT_REFUSED = 78  # EX_CONFIG of sysexits.h: starting again would change nothing


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command; its exit status."""
    options = _parser().parse_args(arguments)
    # Threads of torch that wait by spinning starve the HTTP workers they share CPUs with, and each other: on
    # a busy machine of two CPUs a batch took ten times as long. OpenMP reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if cpu_quota() is not None:  # more threads than it keeps busy all stand still while it is used up
        os.environ.setdefault("OMP_NUM_THREADS", str(usable_cpus()))
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
    warmup.add_argument(
        "--once",
        action="store_true",
        help="send each probe once, to see that it is answered rightly",
    )
    warmup.set_defaults(run=_warmup)
    check = commands.add_parser(
        "check", help="judge configuration, models and machine; exit 0 fine, 1 problems, 2 unusable"
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(run=_check)
    models = commands.add_parser(
        "models", help="list the configured models, and what a running service has live"
    )
    models.add_argument("--json", action="store_true", help="print JSON")
    models.set_defaults(run=_models)
    engines = commands.add_parser(
        "engines", help="make the TensorRT engines that the configured models lack on this host's GPUs"
    )
    engines.add_argument("--json", action="store_true", help="print JSON")
    engines.set_defaults(run=_engines)
    reload = commands.add_parser(
        "reload", help="let the running service bring in the versions that are configured"
    )
    reload.set_defaults(run=_reload)
    swap = commands.add_parser("swap", help="bring another version of a model into the running service")
    _describe_swap(swap)
    comparing = commands.add_parser(
        "compare", help="let another service answer copies of requests for a while; tells the counts as JSON"
    )
    comparing.set_defaults(run=_compare)
    comparing.add_argument(
        "--to", metavar="ADDRESS:PORT", help="the other service; without it only the counts are told"
    )
    comparing.add_argument(
        "--seconds", type=float, default=60.0, metavar="S", help="for how long (default: 60)"
    )
    comparing.add_argument(
        "--part",
        type=_percent,
        default=0.05,
        metavar="PERCENT",
        help="of the requests to /predict (default: 5)",
    )
    for command in (serve, warmup, check, models, engines, reload, swap, comparing):
        command.add_argument(
            "--config", type=Path, required=True, metavar="FILE", help="the configuration (TOML)"
        )

    build = commands.add_parser("build", help="make a deployable model from a model source and check it")
    build_command.add_arguments(build)
    build.set_defaults(run=build_command.run)
    source_commands.add_new(
        commands.add_parser("new", help="write a model source that builds, to begin with")
    )
    source_commands.add_digest(
        commands.add_parser("digest", help="write the SHA-256 of a source's files into its model.toml")
    )
    return parser


def _describe_swap(swap: argparse.ArgumentParser) -> None:
    swap.set_defaults(run=_swap)
    swap.add_argument("--model", required=True, metavar="NAME", help="which one")
    what = swap.add_mutually_exclusive_group()
    what.add_argument("--path", type=Path, metavar="DIR", help="the built version to bring in")
    what.add_argument("--promote", action="store_true", help="let the canary answer everything")
    what.add_argument("--abort", action="store_true", help="send the new version away")
    swap.add_argument(
        "--shadow", type=_count, default=0, metavar="N", help="first compare the answers to N requests"
    )
    swap.add_argument(
        "--agreement",
        type=_percent,
        default=0.98,
        metavar="PERCENT",
        help="of which so many must agree (default: 98)",
    )
    swap.add_argument(
        "--canary",
        type=_percent,
        metavar="PERCENT",
        help="let it answer so many of the requests, until --promote or --abort",
    )
    swap.add_argument(
        "--timeout", type=float, default=300.0, metavar="S", help="seconds for warming, and for comparing"
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("give a number from 1 on")
    return number


def _percent(text: str) -> float:
    number = float(text)
    if not 0.0 < number <= 100.0:
        raise argparse.ArgumentTypeError("give a percentage above 0 and up to 100")
    return number / 100.0


def _serve(options: argparse.Namespace) -> int:
    from hotpath.supervisor.serve import serve

    return serve(options.config)


def _warmup(options: argparse.Namespace) -> int:
    from hotpath.warmup import warmup

    return warmup(options.config, options.url, options.timeout, options.once)


def _check(options: argparse.Namespace) -> int:
    from hotpath.check import check

    return check(options.config, options.json)


def _models(options: argparse.Namespace) -> int:
    from hotpath.listing import show

    return show(options.config, options.json)


def _engines(options: argparse.Namespace) -> int:
    from hotpath.gpu_engines import engines

    return engines(options.config, options.json)


def _reload(options: argparse.Namespace) -> int:
    from hotpath.operate import command

    return command(options.config, {"command": "reload"})


def _compare(options: argparse.Namespace) -> int:
    from hotpath.operate import ask

    wanted = {"to": options.to, "seconds": options.seconds, "part": options.part}
    for answer in ask(options.config, {"command": "compare", **wanted}):
        print(answer["text"] or json.dumps(answer["compared"]), flush=True)
    return 0 if answer["ok"] else 1


def _swap(options: argparse.Namespace) -> int:
    from hotpath.operate import command

    question = {"model": options.model}
    if options.path is not None:
        wishes = {
            "shadow": options.shadow,
            "agreement": options.agreement,
            "canary": options.canary or 0.0,
            "timeout_s": options.timeout,
        }
        question.update(command="swap", path=str(options.path.absolute()), wishes=wishes)
    elif options.promote or options.abort:
        question.update(command="promote" if options.promote else "abort")
    elif options.canary is not None:
        question.update(command="share", canary=options.canary)
    else:
        raise HotpathError(
            "Nothing to do was named.", "Give --path DIR, --canary PERCENT, --promote or --abort."
        )
    return command(options.config, question)

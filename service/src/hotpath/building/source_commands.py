"""`hotpath new` and `hotpath digest` on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_new(parser: argparse.ArgumentParser) -> None:
    """The options of `hotpath new`."""
    from hotpath.tasks import known

    parser.add_argument("name", metavar="NAME", help="of the model")
    parser.add_argument(
        "--task", required=True, metavar="TASK", help=f"what it does: {', '.join(known.NAMES)}"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="the directory to make (default: NAME)")
    parser.add_argument(
        "--from",
        dest="checkpoint",
        type=Path,
        metavar="CHECKPOINT",
        help="of texts: a directory as Hugging Face's transformers saves it",
    )
    parser.set_defaults(run=_new)


def add_digest(parser: argparse.ArgumentParser) -> None:
    """The options of `hotpath digest`."""
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a directory with model.toml")
    parser.set_defaults(run=_digest)


def _new(options: argparse.Namespace) -> int:
    from hotpath.building.new import new

    directory = options.output or Path(options.name)
    new(options.name, options.task, directory, options.checkpoint)
    print(f"{directory} is a source that builds; put your own into it, as model.toml says.")
    print("Its tests, its model, and its digests after a change of any file:")
    print(f"  python -m pytest {directory}")
    print(f"  hotpath build {directory} --output models")
    print(f"  hotpath digest {directory}")
    return 0


def _digest(options: argparse.Namespace) -> int:
    from hotpath.building.digests import refresh

    changes = refresh(options.source)
    for change in changes:
        print(change)
    if not changes:
        print(f"every digest in {options.source / 'model.toml'} is right already")
    return 0

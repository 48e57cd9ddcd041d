"""Answers of programs that may not be there. Runs on the host's Python 3.6."""

from typing import Any, Callable, List

# Runs a command and gives its answer, "" where it fails.
Run = Callable[[List[str]], str]


def answers(module: Any) -> Run:
    def run(command: List[str]) -> str:
        path = module.get_bin_path(command[0])
        code, out, _ = module.run_command([path] + command[1:]) if path else (1, "", "")
        return str(out) if code == 0 else ""

    return run

"""Comparisons of the suites in tests/roles: what was looked at on a host, what its role wants there, what was found.

A test goes on after a difference, so that one look at a host names every drift; it fails at its end.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from testinfra.host import Host
from testinfra.modules.ansible import AnsibleException

# Enough to recognise a changed file; the whole difference is in `ansible-playbook --check --diff`.
SHOWN_LINES = 4


@dataclass(frozen=True)
class Comparison:
    """One thing that was looked at on a host."""

    what: str
    expected: str
    found: str
    drifted: bool

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


class Drifted(AssertionError):
    """A host is not what its roles make of it; the message names every difference that the test found."""

    def __init__(self, drifts: Iterable[Comparison]) -> None:
        super().__init__("\n".join(map(str, drifts)))


@dataclass(frozen=True)
class WrittenFile:
    """A file as a role writes it."""

    path: str
    content: str
    mode: str


class Checks:
    """What one test compared on one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.made: list[Comparison] = []

    def equal(self, what: str, *, expected: object, found: object) -> None:
        """Both are the same."""
        self._note(what, expected, found, expected != found)

    def contains(self, what: str, *, expected: Collection[str], found: Collection[str]) -> None:
        """Everything expected is among what was found."""
        missing = sorted(set(expected) - set(found))
        self._note(what, sorted(expected), f"{_text(missing)} missing" if missing else "all of them", bool(missing))

    def lacks(self, what: str, *, unwanted: Collection[str], found: Collection[str]) -> None:
        """Nothing unwanted is among what was found."""
        present = sorted(set(unwanted) & set(found))
        self._note(what, "none", present, bool(present))

    def succeeds(self, what: str, command: str, *arguments: str) -> None:
        """A command that judges something itself ends with 0."""
        done = self._host.run(command, *arguments)
        said = _shortened((done.stdout + done.stderr).splitlines())
        self._note(what, "no objection", said or f"exit code {done.rc}" if done.rc else "no objection", done.rc != 0)

    def in_effect(self, what: str, units: object) -> None:
        """A run would do nothing to these units: the role's own question, asked in check mode."""
        try:
            found = self._host.ansible("units_in_effect", json.dumps({"units": units}))["words"]
        except AnsibleException as refusal:
            found = [refusal.result.get("msg", str(refusal))]
        self.equal(f"what a run would do to {what}", expected=[], found=found)

    def answer(self, what: str, command: str, *arguments: str) -> str:
        """What a command writes; one that fails ends the test."""
        done = self._host.run(command, *arguments)
        if done.rc != 0:
            said = _shortened((done.stderr or done.stdout).splitlines())
            self._note(what, "an answer", f"exit code {done.rc} {said}", True)
            self.require()
        return str(done.stdout).strip()

    def text(self, path: str) -> str:
        """What a file holds; a missing one ends the test."""
        return self.answer(path, "cat %s", path)

    def files(self, files: Iterable[WrittenFile]) -> None:
        """Files have the content and mode that their role writes, and belong to root."""
        for file in files:
            done = self._host.run("stat -c '%%04a %%U' %s && cat %s", file.path, file.path)
            if done.rc != 0:
                self._note(file.path, "a file", _shortened(done.stderr.splitlines()), True)
                continue
            rights, _, content = done.stdout.partition("\n")
            self.equal(f"mode and owner of {file.path}", expected=f"{file.mode} root", found=rights)
            self._lines(file.path, file.content, content)

    def require(self) -> None:
        """End the test when anything differed."""
        drifts = [comparison for comparison in self.made if comparison.drifted]
        if drifts:
            raise Drifted(drifts)

    def _lines(self, path: str, expected: str, found: str) -> None:
        difference = list(difflib.ndiff(expected.rstrip("\n").splitlines(), found.rstrip("\n").splitlines()))
        lost = [line[2:].strip() for line in difference if line.startswith("- ")]
        new = [line[2:].strip() for line in difference if line.startswith("+ ")]
        drifted = bool(lost or new)
        self._note(
            path,
            _shortened(lost) or ("no further line" if drifted else "as rendered"),
            _shortened(new) or ("the line is missing" if drifted else "as rendered"),
            drifted,
        )

    def _note(self, what: str, expected: object, found: object, drifted: bool) -> None:
        self.made.append(Comparison(what, _text(expected), _text(found), drifted))


def _text(value: object) -> str:
    if isinstance(value, list | tuple | set):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != "" else "nothing"


def _shortened(lines: list[str]) -> str:
    more = [f"and {len(lines) - SHOWN_LINES} lines more"] if len(lines) > SHOWN_LINES else []
    return "; ".join([line.strip() for line in lines[:SHOWN_LINES] if line.strip()] + more)

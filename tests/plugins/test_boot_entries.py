"""Whatever was wanted in between, and wherever a run was killed, what everybody else set comes back."""

from __future__ import annotations

import pytest
from boot_entries import (
    Before,
    Entry,
    claimed,
    differs,
    foreign,
    parse_entries,
    released,
    settled,
    taken_over,
    torn,
)
from boot_line import missing, of_setting, settings_of, split
from hypothesis import given
from hypothesis import strategies as st

KEYS = ("isolcpus", "nohz_full", "hugepagesz", "hugepages", "earlycon")
SINGLE = st.builds("{}={}".format, st.sampled_from(KEYS), st.integers(1, 3))
CONSOLE = st.builds("console={}".format, st.sampled_from(["tty0", "ttyS0,9600", "ttyS1"]))
NAMES = st.lists(st.sampled_from(["ast", "nouveau", "floppy"]), min_size=1, max_size=3, unique=True)
MODULES = st.builds(lambda names: "modprobe.blacklist=" + ",".join(names), NAMES)
ABSENT = st.sampled_from(["!isolcpus", "!hugepages", "!modprobe.blacklist", "!console"])
LINES = st.lists(SINGLE | st.just("quiet"), max_size=4).flatmap(
    lambda line: st.builds(
        lambda consoles, modules: line + consoles + modules,
        st.lists(CONSOLE, max_size=2, unique=True),
        st.lists(MODULES, max_size=1),
    )
)
ENTRIES = st.dictionaries(st.sampled_from(("entry-1", "entry-2")), LINES, min_size=1)


def without_contradiction(tokens: list[str]) -> list[str]:
    gone = settings_of([token for token in tokens if token.startswith("!")])
    return [token for token in tokens if token.startswith("!") or not set(settings_of([token])) & set(gone)]


WANTED = st.lists(SINGLE | CONSOLE | MODULES | ABSENT, max_size=4, unique=True).map(without_contradiction)


class Host:
    """Boot entries by name, and what earlier runs left beside them."""

    def __init__(self, lines: dict[str, list[str]]) -> None:
        self.lines = {name: list(args) for name, args in lines.items()}
        self.before: Before = {}
        self.recorded: list[str] = []

    def run(self, wanted: list[str], steps: int = 4) -> bool:
        """Whether a run of the module and the record that its caller writes, killed after so many of its four writes,
        found anything to change."""
        entries = [Entry(str(number), "k", name, args) for number, (name, args) in enumerate(self.lines.items())]
        before = taken_over(self.before, entries, wanted, self.recorded)
        record = claimed(wanted, self.recorded)
        settings = released(wanted, self.recorded) + settings_of(wanted)
        after = {
            entry.name: foreign(entry.args, settings) + settled(before, entry, wanted, self.recorded)
            for entry in entries
        }
        changed = any(differs(entry.args, after[entry.name], settings) for entry in entries)
        if steps > 0:
            self.before = before
        if steps > 1:
            self.recorded = record
        if steps > 2 and changed:
            self.lines = after
        if steps > 3:
            self.recorded = wanted
        return changed


def alike(one: dict[str, list[str]], other: dict[str, list[str]]) -> bool:
    """Whether every setting of every entry has the same tokens in the same order."""
    return all(not differs(args, other[name], settings_of(args + other[name])) for name, args in one.items())


@given(ENTRIES, st.lists(st.tuples(WANTED, st.integers(0, 4)), max_size=6))
def test_a_host_gets_back_what_it_had(lines: dict[str, list[str]], runs: list[tuple[list[str], int]]) -> None:
    host = Host(lines)
    for wanted, steps in runs:
        host.run(wanted, steps)
    host.run([])
    assert alike(host.lines, lines), host.lines


@given(ENTRIES, WANTED, WANTED)
def test_a_second_run_finds_nothing_to_change(lines: dict[str, list[str]], first: list[str], second: list[str]) -> None:
    host = Host(lines)
    host.run(first)
    host.run(second)
    for args in host.lines.values():
        assert missing(second, args) == []
    assert not host.run(second)


LISTS = [
    # What stands there, what is wanted, and what that becomes.
    ("modprobe.blacklist=ast,mgag200", "modprobe.blacklist=nouveau", "modprobe.blacklist=ast,mgag200,nouveau"),
    ("rd.driver.blacklist=nouveau,qla", "rd.driver.blacklist=nouveau", "rd.driver.blacklist=nouveau,qla"),
    ("module_blacklist=ast", "module_blacklist=nvidia-drm", "module_blacklist=ast,nvidia-drm"),
    ("module_blacklist=nvidia_drm", "module_blacklist=nvidia-drm", "module_blacklist=nvidia-drm"),
    ("console=tty0 console=ttyS0,9600", "console=ttyS1", "console=tty0 console=ttyS0,9600 console=ttyS1"),
    ("console=ttyS0,9600 console=tty0", "console=ttyS0,115200", "console=tty0 console=ttyS0,115200"),
    ("console=ttyS0", "console=tty0 console=ttyS1", "console=ttyS0 console=tty0 console=ttyS1"),
]


@pytest.mark.parametrize(("stood", "wanted", "becomes"), LISTS)
def test_a_list_is_added_to_and_what_was_added_goes_again(stood: str, wanted: str, becomes: str) -> None:
    host = Host({"entry": stood.split()})
    assert host.run(wanted.split()) is (stood != becomes)
    assert host.lines == {"entry": becomes.split()}
    assert missing(wanted.split(), becomes.split()) == []
    assert not host.run(wanted.split())
    host.run([])
    assert host.lines == {"entry": stood.split()}


def test_what_others_add_to_a_list_later_stays() -> None:
    host = Host({"entry": ["modprobe.blacklist=ast"]})
    host.run(["modprobe.blacklist=nouveau"])
    host.lines = {"entry": ["modprobe.blacklist=ast,nouveau,floppy"]}
    assert not host.run(["modprobe.blacklist=nouveau"])
    host.run(["modprobe.blacklist=floppy"])
    assert host.lines == {"entry": ["modprobe.blacklist=ast,floppy"]}
    host.run([])
    assert host.lines == {"entry": ["modprobe.blacklist=ast", "modprobe.blacklist=floppy"]}


PAGES = ["hugepagesz=1G", "hugepages=4"]
MISCOUNTED = [
    "hugepages=4 hugepagesz=1G",
    "hugepagesz=2M hugepages=4 hugepagesz=1G hugepages=4",
    "hugepagesz=1G hugepages=4 hugepages=4",
    "hugepagesz=1G",
]


@pytest.mark.parametrize("stood", MISCOUNTED)
def test_pages_count_for_the_size_before_them(stood: str) -> None:
    host = Host({"entry": stood.split()})
    assert missing(PAGES, stood.split()) == PAGES
    assert host.run(PAGES)
    assert host.lines == {"entry": PAGES}
    host.run([])
    assert host.lines == {"entry": stood.split()}


def test_tokens_of_one_key_are_a_sequence() -> None:
    host = Host({"entry": ["earlycon=b", "earlycon=a"]})
    assert host.run(["earlycon=a", "earlycon=b"])
    assert host.lines == {"entry": ["earlycon=a", "earlycon=b"]}


def test_a_record_of_an_earlier_version_by_kernel_and_by_key_is_given_back() -> None:
    host = Host({"entry": list(PAGES)})
    host.recorded = list(PAGES)
    host.before = {"k": {"hugepages": ["hugepages=8"], "hugepagesz": ["hugepagesz=2M"]}}
    host.run([])
    assert host.lines == {"entry": ["hugepagesz=2M", "hugepages=8"]}


def test_a_list_that_was_forbidden_and_is_added_to_has_everybodys_elements() -> None:
    host = Host({"entry": ["modprobe.blacklist=ast"]})
    host.run(["!modprobe.blacklist"])
    assert host.lines == {"entry": []}
    host.run(["modprobe.blacklist=nouveau"])
    assert host.lines == {"entry": ["modprobe.blacklist=ast,nouveau"]}


def test_tokens_end_where_the_kernel_ends_them() -> None:
    line = """ro dyndbg="module nvme +p" note=it's "x=a b" end="open to the end"""
    tokens = ["ro", 'dyndbg="module nvme +p"', "note=it's", '"x=a b"', 'end="open to the end']
    assert split(line) == tokens
    assert of_setting(tokens, "x") == ['"x=a b"']
    assert torn(tokens, ["nvme"]) == ['dyndbg="module nvme +p"'] and torn(tokens, ["note"]) == []


INFO = """index=0
kernel="/boot/vmlinuz-4.18.0"
args="ro dyndbg="module nvme +p" note=it's"
root="/dev/mapper/cl-root"
title="CentOS Linux (4.18.0)"
id="abc-4.18.0"
index=1
kernel="/boot/vmlinuz-4.18.0"
args="ro $tuned_params"
id="abc-snapshot-4.18.0"
index=2
non linux entry
"""


def test_the_answer_of_grubby() -> None:
    assert parse_entries(INFO) == [
        Entry("0", "/boot/vmlinuz-4.18.0", "abc-4.18.0", ["ro", 'dyndbg="module nvme +p"', "note=it's"]),
        Entry("1", "/boot/vmlinuz-4.18.0", "abc-snapshot-4.18.0", ["ro", "$tuned_params"]),
    ]

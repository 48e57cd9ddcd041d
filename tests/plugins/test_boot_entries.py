"""Whatever was wanted in between, and wherever a run was killed, what everybody else set comes back."""

from __future__ import annotations

from boot_entries import Before, Entries, applied, claimed, given_back, key_of, taken_over
from hypothesis import given
from hypothesis import strategies as st

KEYS = ("isolcpus", "nohz_full", "quiet", "hugepages", "console")
TOKENS = st.builds(lambda key, value: f"{key}={value}", st.sampled_from(KEYS), st.integers(1, 3))
LINES = st.lists(TOKENS, max_size=4)
KERNELS = st.dictionaries(st.sampled_from(("vmlinuz-1", "vmlinuz-2")), LINES, min_size=1)
WANTED = st.lists(TOKENS, max_size=3, unique_by=key_of)


class Host:
    """Boot entries, and what earlier runs left beside them."""

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        self.before: Before = {}
        self.recorded: list[str] = []

    def run(self, wanted: list[str], steps: int = 4) -> None:
        """A run of the module and the record that its caller writes, killed after so many of its four writes."""
        released = sorted({key_of(token) for token in self.recorded} - {key_of(token) for token in wanted})
        before = taken_over(self.before, self.entries, wanted, self.recorded)
        record = claimed(wanted, self.recorded)
        if steps > 0:
            self.before = before
        if steps > 1:
            self.recorded = record
        if steps > 2:
            self.entries = {
                kernel: applied(args, wanted, released, given_back(before, kernel, released))
                for kernel, args in self.entries.items()
            }
        if steps > 3:
            self.recorded = wanted


@given(KERNELS, st.lists(st.tuples(WANTED, st.integers(0, 4)), max_size=6))
def test_a_host_gets_back_what_it_had(entries: Entries, runs: list[tuple[list[str], int]]) -> None:
    host = Host({kernel: list(args) for kernel, args in entries.items()})
    for wanted, steps in runs:
        host.run(wanted, steps)
    host.run([])
    assert {kernel: sorted(args) for kernel, args in host.entries.items()} == {
        kernel: sorted(args) for kernel, args in entries.items()
    }


@given(KERNELS, WANTED, WANTED)
def test_each_key_has_the_wanted_value_alone(entries: Entries, first: list[str], second: list[str]) -> None:
    host = Host(entries)
    host.run(first)
    host.run(second)
    for args in host.entries.values():
        for token in second:
            assert [arg for arg in args if key_of(arg) == key_of(token)] == [token]
    again = {kernel: list(args) for kernel, args in host.entries.items()}
    host.run(second)
    assert {kernel: sorted(args) for kernel, args in host.entries.items()} == {k: sorted(a) for k, a in again.items()}

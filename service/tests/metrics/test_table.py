"""Rows of several processes become one exposition."""

from __future__ import annotations

import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hotpath.metrics.exposition import render
from hotpath.metrics.layout import buckets_up_to
from hotpath.metrics.table import Table


def samples(table: Table) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(render(table, os.getpid()).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


@pytest.mark.parametrize(("largest", "sizes"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))])
def test_buckets_are_powers_of_two_and_the_largest_batch(largest: int, sizes: tuple[int, ...]) -> None:
    assert buckets_up_to(largest) == sizes


def test_counters_add_up_over_processes_that_have_ended() -> None:
    table = Table(2, ["0/cpu"], 8)
    for row in table.workers:
        pid = os.fork()
        if pid == 0:
            row.add("hotpath_requests", ("/predict", "200"), 3)
            os._exit(0)
        os.waitpid(pid, 0)
    assert samples(table)[("hotpath_requests_total", (("route", "/predict"), ("status", "200")))] == 6


def test_histograms_are_cumulative_and_keep_values_on_a_bound_below_it() -> None:
    table = Table(1, ["0/cpu"], 8)
    for seconds in (0.001, 0.002, 99.0):
        table.workers[0].observe("hotpath_decode_seconds", seconds)
    found = samples(table)
    assert found[("hotpath_decode_seconds_bucket", (("le", "0.001"),))] == 1
    assert found[("hotpath_decode_seconds_bucket", (("le", "10.0"),))] == 2
    assert found[("hotpath_decode_seconds_bucket", (("le", "+Inf"),))] == 3
    assert found[("hotpath_decode_seconds_count", ())] == 3
    assert found[("hotpath_decode_seconds_sum", ())] == pytest.approx(99.003)


def test_each_engine_is_a_series_of_its_own() -> None:
    table = Table(1, ["0/cuda:0", "1/cuda:1"], 2)
    table.engines[1].set("hotpath_engine_ready", 1)
    found = samples(table)
    assert found[("hotpath_engine_ready", (("engine", "0/cuda:0"),))] == 0
    assert found[("hotpath_engine_ready", (("engine", "1/cuda:1"),))] == 1


def test_the_table_of_the_warm_up_shows_the_lengths_that_an_engine_has_and_no_others() -> None:
    table = Table(1, ["0/cpu", "1/cpu"], 1)
    for engine, length in ((0, 1), (1, 64)):
        table.engines[engine].set("hotpath_warm_length_units", length, ("0",))
        table.engines[engine].set("hotpath_warm_batch_seconds", 0.5, ("0", "1"))
    shown = [labels for name, labels in samples(table) if name == "hotpath_warm_batch_seconds"]
    assert [dict(labels)["length"] for labels in shown] == ["1", "64"]

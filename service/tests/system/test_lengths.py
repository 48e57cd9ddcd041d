"""Items of several lengths through the whole service: from their decoding to the metrics of their batches."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import asking
from support.numbers import body, tensor, write_source
from support.server import PATIENCE_S, serving, until, write_config

pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")

from hotpath.building.build import build

SUMS = """
import torch


class Network(torch.nn.Module):
    def forward(self, numbers, lengths):
        inside = torch.arange(numbers.shape[1])[None, :] < lengths[:, None]
        return (numbers * inside).sum(dim=1)


def network(weights):
    return Network()
"""
LINES = (
    f"inputs = [{tensor('numbers', 'float32', 64)[:-2]}, varies = true }}]",
    f"outputs = [{tensor('sum', 'float32')}]",
)


def source(directory: Path) -> Path:
    expect = "{ outputs = { sum = 12.0 } }"
    written = write_source(
        directory, SUMS, body(numbers=[1, 2, 3, 6]), expect=expect, lines=LINES, name="varying"
    )
    toml = written / "model.toml"
    toml.write_text(toml.read_text().replace('"numeric"', '"mine"'))
    return written


def test_the_engine_knows_how_long_each_item_is(tmp_path: Path) -> None:
    model = build(source(tmp_path / "source"), tmp_path / "models")[0].directory
    with serving(write_config(tmp_path / "hotpath.toml", model, "torchscript", "varying")) as server:
        for count in (1, 16, 17, 64):
            found = asking.post(
                f"{server.url}/predict",
                content=body(numbers=[1] * count),
                headers={"Content-Type": "application/json"},
                timeout=PATIENCE_S,
            )
            assert found.json()["outputs"] == {"sum": float(count)}
        until(lambda: server.metric('hotpath_batch_units_total{engine="0/cpu",kind="real"}') == 98)
        padded = server.metric('hotpath_batch_units_total{engine="0/cpu",kind="padded"}')
        assert padded == (16 - 1) + (32 - 17)
        warm = [
            server.metric(
                f'hotpath_warm_batch_seconds{{batch_size="{size}",engine="0/cpu",length="{length}"}}'
            )
            for length in (16, 32, 64)
            for size in (1, 8)
        ]
        assert all(seconds > 0 for seconds in warm)

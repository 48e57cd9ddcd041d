"""Images/s of a host from its warm table, its pace and its decoding."""

from __future__ import annotations

import pytest
from autoscaler.capacity import Host, WarmBatch, capacity

TABLE = [WarmBatch("0/cuda:0", 1, 1, 0.004), WarmBatch("0/cuda:0", 1, 8, 0.010), WarmBatch("0/cuda:0", 1, 16, 0.025)]
HOST = Host(TABLE, {"0/cuda:0": 1.0}, {"0/cuda:0": "default"}, workers=4, decode_s=None)
ONE = {"default": 1.0}


def test_the_best_batch_size_counts() -> None:
    assert capacity(HOST, ONE, {}) == pytest.approx(800)


def test_a_slow_pace_is_less() -> None:
    assert capacity(HOST._replace(pace={"0/cuda:0": 2.0}), ONE, {}) == pytest.approx(400)


def test_no_more_than_is_decoded() -> None:
    assert capacity(HOST._replace(decode_s=0.008), ONE, {}) == pytest.approx(500)


def test_engines_of_a_model_add_up() -> None:
    second = [row._replace(engine="1/cuda:1") for row in TABLE]
    host = HOST._replace(
        batches=TABLE + second,
        pace=dict.fromkeys(("0/cuda:0", "1/cuda:1"), 1.0),
        models=dict.fromkeys(("0/cuda:0", "1/cuda:1"), "default"),
    )
    assert capacity(host, ONE, {}) == pytest.approx(1600)


def test_models_take_turns() -> None:
    texts = [WarmBatch("1/cuda:0", 64, 32, 0.016), WarmBatch("1/cuda:0", 256, 32, 0.064)]
    host = HOST._replace(
        batches=TABLE + texts, pace={"0/cuda:0": 1.0, "1/cuda:0": 1.0}, models={**HOST.models, "1/cuda:0": "texts"}
    )
    mixture = {"default": 0.5, "texts": 0.5}
    assert capacity(host, mixture, {"texts": 40.0}) == pytest.approx(1 / (0.5 / 800 + 0.5 / 2000))
    assert capacity(host, mixture, {"texts": 100.0}) == pytest.approx(1 / (0.5 / 800 + 0.5 / 500))
    assert capacity(host, mixture, {"texts": 900.0}) == pytest.approx(1 / (0.5 / 800 + 0.5 / 500))


@pytest.mark.parametrize(
    "host",
    [
        HOST._replace(batches=[]),
        HOST._replace(pace={}),
        HOST._replace(models={}),
        HOST._replace(models={"0/cuda:0": "other"}),
    ],
)
def test_what_is_not_told_is_not_guessed(host: Host) -> None:
    assert capacity(host, ONE, {}) is None


def test_no_demand_tells_nothing_of_the_mixture() -> None:
    assert capacity(HOST, {}, {}) is None

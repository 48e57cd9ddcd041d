"""What is logged of a request, and what is not."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List

import pytest

from hotpath.config import AccessLogConfig
from hotpath.observing.access_log import MOST_WAITING, AccessLog, describe
from hotpath.observing.record import Record, Stages


def record(status: int = 200, **attributes: Any) -> Record:
    found = Record("POST", "/predict", "/predict", "127.0.0.1")
    found.id, found.status = "r-1", status
    found.ended = found.started + 0.02
    for name, value in attributes.items():
        setattr(found, name, value)
    return found


def configured(path: Path, sample: float) -> AccessLogConfig:
    return AccessLogConfig.model_validate({"path": str(path), "sample": sample})


def lines(path: Path) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_tells_id_stages_model_and_batch() -> None:
    found = record(model="m", version="v", key="camera", body_bytes=12)
    found.received = found.started + 0.001
    found.images = [Stages(0.002, found.started + 0.003, 0.004, 0.005, 8)]
    line = describe(found, "worker-0")
    assert abs(time.time() - datetime.fromisoformat(line.pop("time")).timestamp()) < 60
    assert line == {
        "type": "access",
        "process": "worker-0",
        "request_id": "r-1",
        "client": "127.0.0.1",
        "scheme": "http",
        "key": "camera",
        "method": "POST",
        "path": "/predict",
        "route": "/predict",
        "status": 200,
        "body_bytes": 12,
        "model": "m",
        "version": "v",
        "images": 1,
        "batch_size": 8,
        "duration_ms": 20.0,
        "receive_ms": 1.0,
        "decode_ms": 2.0,
        "queue_ms": 4.0,
        "compute_ms": 5.0,
    }


def test_of_several_images_the_slowest_is_told() -> None:
    found = record()
    found.images = [Stages(0.002, found.started + offset, 0.001, 0.001, 2) for offset in (0.01, 0.09, 0.02)]
    assert found.slowest is found.images[1] and describe(found, "w")["images"] == 3


@pytest.mark.parametrize("status", [400, 401, 429, 499, 500, 503])
def test_failures_are_always_logged_and_successes_by_their_share(tmp_path: Path, status: int) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(configured(path, 0.0), "w", lambda: None)
    for _ in range(50):
        log.take(record(200))
        log.take(record(status, error="why"))
    log.close(60)
    assert [(line["status"], line["error"]) for line in lines(path)] == [(status, "why")] * 50


def test_a_share_of_one_logs_everything_in_order(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(configured(path, 1.0), "w", lambda: None)
    for index in range(500):
        log.take(record(id=f"r-{index}"))
    log.close(60)
    assert [line["request_id"] for line in lines(path)] == [f"r-{index}" for index in range(500)]


def test_whatever_a_path_holds_the_line_stays_one_line(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(configured(path, 1.0), "w", lambda: None)
    nasty = '/a"b\n{"status":200}\x00\u2028é' + "x" * 10_000
    log.take(record(404, path=nasty))
    log.close(60)
    (line,) = lines(path)
    assert line["path"] == nasty[:256] and path.read_text().count("\n") == 1


def test_a_file_that_was_moved_away_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(configured(path, 1.0), "w", lambda: None)
    log.take(record(id="before"))
    deadline = time.monotonic() + 60
    while not path.read_text():
        assert time.monotonic() < deadline
    path.rename(tmp_path / "access.log.1")
    log.take(record(id="after"))
    log.close(60)
    assert [line["request_id"] for line in lines(path)] == ["after"]
    assert [line["request_id"] for line in lines(tmp_path / "access.log.1")] == ["before"]


def test_a_target_that_hangs_costs_lines_and_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(
        "hotpath.observing.access_log.describe", lambda *_: release.wait(60) and {"type": "access"}
    )
    dropped: List[int] = []
    log = AccessLog(configured(tmp_path / "log", 1.0), "w", lambda: dropped.append(1))
    for _ in range(MOST_WAITING + 100):
        log.take(record())
    assert 99 <= len(dropped) <= 100  # one of them is with the thread
    release.set()
    log.close(60)


def test_a_file_that_can_not_be_opened_again_costs_lines_and_not_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    dropped = threading.Semaphore(0)
    log = AccessLog(configured(room / "access.log", 1.0), "w", dropped.release)
    room.rename(tmp_path / "away")
    for _ in range(3):
        log.take(record(id="lost"))
        assert dropped.acquire(timeout=60)
    (tmp_path / "away").rename(room)
    log.take(record(id="after"))
    log.close(60)
    assert [line["request_id"] for line in lines(room / "access.log")] == ["after"]
    assert caplog.text.count("can't be written") == 1

"""Where the warm-up finds the service."""

from __future__ import annotations

import pytest

from hotpath.config import Config
from hotpath.warmup import WarmupError, _address, _host_and_port


def config(host: str) -> Config:
    """A configuration that listens on `host`."""
    models = [{"name": "a", "path": "/models/a/1"}]
    return Config.model_validate({"server": {"host": host, "port": 8123}, "models": models})


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("10.1.2.3", "10.1.2.3"),
        ("::", "::1"),
        ("::1", "::1"),
        ("fd00::1", "fd00::1"),
        ("gpu-1.example", "gpu-1.example"),
    ],
)
def test_the_service_is_asked_where_it_listens(host: str, found: str) -> None:
    assert _host_and_port(_address(config(host))) == (found, 8123)


def test_a_port_may_be_left_out() -> None:
    assert _host_and_port("http://gpu-1.example/") == ("gpu-1.example", 80)


@pytest.mark.parametrize(
    "url", ["http://gpu-1:abc", "http://[::1", "https://gpu-1", "gpu-1:8000", "http://", "http://gpu-1:99999"]
)
def test_what_is_no_address_is_named(url: str) -> None:
    with pytest.raises(WarmupError) as caught:
        _host_and_port(url)
    assert repr(url) in caught.value.message

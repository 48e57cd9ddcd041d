"""Devices: what NVML says reaches the exposition; what it does not say is left out, with the reason told."""

from __future__ import annotations

import os
import sys
import types
from typing import Any, Dict

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hotpath.engine import device
from hotpath.engine.device import DeviceUnknown, pci_address, reader, watch
from hotpath.metrics.exposition import render
from hotpath.metrics.table import Table

ADDRESS = b"00000000:3B:00.0"


class NVMLError(Exception):
    """As the library's own."""


def nvml(**changes: Any) -> Any:
    """A stand-in for pynvml with one device: 24 GB, a quarter taken, three quarters busy."""

    def handle(address: bytes) -> str:
        if address != ADDRESS:
            raise NVMLError("Not Found")
        return "handle"

    functions: Dict[str, Any] = {
        "NVMLError": NVMLError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByPciBusId": handle,
        "nvmlDeviceGetMemoryInfo": lambda _: types.SimpleNamespace(used=6_000_000_000, total=24_000_000_000),
        "nvmlDeviceGetUtilizationRates": lambda _: types.SimpleNamespace(gpu=75, memory=40),
        **changes,
    }
    return types.SimpleNamespace(**functions)


def exposed(table: Table) -> Dict[str, Dict[str, float]]:
    """Device metrics by name and device."""
    found: Dict[str, Dict[str, float]] = {}
    for family in text_string_to_metric_families(render(table, os.getpid()).decode()):
        if family.name.startswith("hotpath_device_"):
            found[family.name] = {sample.labels["device"]: sample.value for sample in family.samples}
    return found


def test_values_stand_by_device_once_its_engine_is_warm() -> None:
    table = Table(1, ["0/cuda:0", "1/cuda:1", "2/cuda:0"], 8)
    for row in (table.engines[0], table.engines[2]):
        reader(ADDRESS, nvml())(row)
        row.set("hotpath_engine_ready", 1)
    assert exposed(table) == {
        "hotpath_device_utilisation_ratio": {"cuda:0": 0.75},
        "hotpath_device_memory_used_bytes": {"cuda:0": 6e9},
        "hotpath_device_memory_bytes": {"cuda:0": 24e9},
    }


def test_a_slice_tells_memory_alone() -> None:
    def refuse(_: object) -> None:
        raise NVMLError("Not Supported")

    table = Table(1, ["0/cuda:0"], 8)
    row = table.engines[0]
    row.set("hotpath_device_utilisation_ratio", -1)
    row.set("hotpath_engine_ready", 1)
    with pytest.raises(DeviceUnknown, match="Not Supported"):
        reader(ADDRESS, nvml(nvmlDeviceGetUtilizationRates=refuse))(row)
    assert exposed(table)["hotpath_device_utilisation_ratio"] == {}
    assert exposed(table)["hotpath_device_memory_bytes"] == {"cuda:0": 24e9}


def test_without_a_device_there_is_no_series() -> None:
    assert exposed(Table(1, ["0/cpu"], 8)) == {
        "hotpath_device_utilisation_ratio": {},
        "hotpath_device_memory_used_bytes": {},
        "hotpath_device_memory_bytes": {},
    }


def test_another_address_and_a_library_that_is_missing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceUnknown, match=r"00000000:AF:00.0 .*Not Found"):
        reader(b"00000000:AF:00.0", nvml())
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(DeviceUnknown, match="nvidia-ml-py is not installed"):
        reader(ADDRESS)


def test_the_real_library_has_what_is_used_and_its_errors_are_told() -> None:
    import pynvml

    for name in vars(nvml()):
        assert hasattr(pynvml, name)
    # Without a driver NVML itself is missing; with one, no bus has this address.
    with pytest.raises(DeviceUnknown, match=r"NVML finds no device at 00000000:FF:1F.7"):
        reader(b"00000000:FF:1F.7")


def test_a_service_without_a_gpu_does_not_ask_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "pci_address", lambda _: pytest.fail("asked"))
    assert watch("cpu", Table(1, ["0/cpu"], 8).engines[0]) is None


def test_a_missing_driver_is_logged_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(_: str) -> None:
        raise OSError("libcuda.so.1: cannot open shared object file")

    monkeypatch.setattr("hotpath.engine.device.ctypes.CDLL", missing)
    with pytest.raises(DeviceUnknown):
        pci_address(0)
    assert watch("cuda:0", Table(1, ["0/cuda:0"], 8).engines[0]) is None
    assert "no metrics of the device cuda:0: the driver's library can't be loaded" in caplog.text

"""How busy and how full an engine's device is, by NVIDIA's management library, read on a timer.

Scrapes read what was found last; so however many ask, the driver is asked once in a while and by one process.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import threading
from typing import Any, Callable, Optional, Sequence

from hotpath.metrics.devices import UNKNOWN
from hotpath.metrics.table import Row

log = logging.getLogger(__name__)

INTERVAL_S = 2.0


class DeviceUnknown(Exception):
    """The device's state can't be read; says why."""


def watch(device: str, row: Row) -> Optional[threading.Thread]:
    """Keep the device's metrics in `row` up to date; None where that can't be done, which is logged.

    `device` is what it is called in the configuration. In an engine's process it is the only GPU.
    """
    if not device.startswith("cuda"):
        return None
    try:
        read = reader(pci_address(0))
    except DeviceUnknown as error:
        log.warning("no metrics of the device %s: %s", device, error)
        return None
    row.set("hotpath_device_utilisation_ratio", UNKNOWN)
    thread = threading.Thread(target=_follow, args=(read, row, device), name="device", daemon=True)
    thread.start()
    return thread


def pci_address(ordinal: int) -> bytes:
    """Where CUDA's device of this number is on the bus. Raises DeviceUnknown.

    NVML counts devices in another order than CUDA, and knows nothing of CUDA_VISIBLE_DEVICES; the address is
    what both agree on.
    """
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise DeviceUnknown(f"the driver's library can't be loaded ({error})") from error
    device, address = ctypes.c_int(), ctypes.create_string_buffer(32)
    calls: Sequence[Callable[[], int]] = (
        lambda: cuda.cuInit(0),
        lambda: cuda.cuDeviceGet(ctypes.byref(device), ordinal),
        lambda: cuda.cuDeviceGetPCIBusId(address, len(address), device),
    )
    for call in calls:
        status = call()
        if status != 0:
            raise DeviceUnknown(f"CUDA tells no address of device {ordinal} (error {status})")
    return address.value


def reader(address: bytes, nvml: Any = None) -> Callable[[Row], None]:
    """What writes the state of the device at a PCI address into a row. Raises DeviceUnknown."""
    if nvml is None:
        try:
            nvml = importlib.import_module("pynvml")
        except ImportError as error:
            raise DeviceUnknown("nvidia-ml-py is not installed") from error
    try:
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByPciBusId(address)
    except nvml.NVMLError as error:
        raise DeviceUnknown(f"NVML finds no device at {address.decode()} ({error})") from error

    def read(row: Row) -> None:
        try:
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            row.set("hotpath_device_memory_used_bytes", memory.used)
            row.set("hotpath_device_memory_bytes", memory.total)
            # Last, because a slice of a device (MIG) has memory of its own and tells no utilisation.
            row.set("hotpath_device_utilisation_ratio", nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
        except nvml.NVMLError as error:
            raise DeviceUnknown(str(error)) from error

    return read


def _follow(read: Callable[[Row], None], row: Row, device: str) -> None:
    told = ""
    while True:
        try:
            read(row)
            told = ""
        except DeviceUnknown as error:
            if str(error) != told:  # once, and not every two seconds
                told = str(error)
                log.warning("metrics of the device %s: %s", device, error)
        threading.Event().wait(INTERVAL_S)

#!/usr/libexec/platform-python
"""Write the state of every GPU as metrics, for the node exporter's text files (Python 3.6, NVIDIA's libnvidia-ml.so.1).

Events are followed without a pause, so each Xid is counted by its code; a gauge of the last one would hide that it came
again. Counters begin with this process. NVML's numbers are those of nvml.h, which NVIDIA keeps stable.
"""

import argparse
import ctypes
import sys
import time
from ctypes import byref, c_char, c_int, c_uint, c_ulonglong, c_void_p
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from textfile import write

LIBRARY = "libnvidia-ml.so.1"
LOOK_MS = 1000
WRITE_S = 10.0
SUCCESS, TIMEOUT = 0, 10
LOST = 15  # fallen off the bus
XID_EVENT = 0x8
TEMPERATURE_GPU, THRESHOLD_SLOWDOWN = 0, 1
CORRECTED, UNCORRECTED, AGGREGATE = 0, 1, 1
CLOCK_REASONS = {  # nvmlClocksEventReason*; idleness and what somebody set are no throttling
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x20: "sw_thermal",
    0x40: "hw_thermal",
    0x80: "hw_power_brake",
}
PCIE = {0: "sent", 1: "received"}


class PciInfo(ctypes.Structure):
    """nvmlPciInfo_t of version 3."""

    _fields_ = [
        ("busIdLegacy", c_char * 16),
        ("domain", c_uint),
        ("bus", c_uint),
        ("device", c_uint),
        ("pciDeviceId", c_uint),
        ("pciSubSystemId", c_uint),
        ("busId", c_char * 32),
    ]


class Memory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = [("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong)]


class Utilization(ctypes.Structure):
    """nvmlUtilization_t."""

    _fields_ = [("gpu", c_uint), ("memory", c_uint)]


class EventData(ctypes.Structure):
    """nvmlEventData_t."""

    _fields_ = [
        ("device", c_void_p),
        ("eventType", c_ulonglong),
        ("eventData", c_ulonglong),
        ("gpuInstanceId", c_uint),
        ("computeInstanceId", c_uint),
    ]


class NoDriver(Exception):
    """NVML can't be used; says why."""


class Gpu:
    """One GPU and what was counted of it."""

    def __init__(self, address: str, handle: c_void_p) -> None:
        self.address, self.handle = address, handle
        self.xids: Dict[int, int] = {}
        self.throttled = {reason: 0.0 for reason in CLOCK_REASONS.values()}


class Reader:
    """All GPUs of the machine. Raises NoDriver where the library or the driver is missing."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._need("nvmlInit_v2")
        count = c_uint()
        self._need("nvmlDeviceGetCount_v2", byref(count))
        self._events = c_void_p()
        self._need("nvmlEventSetCreate", byref(self._events))
        self.gpus = [self._open(index) for index in range(count.value)]
        self._seen = time.monotonic()

    def _open(self, index: int) -> Gpu:
        handle, pci = c_void_p(), PciInfo()
        self._need("nvmlDeviceGetHandleByIndex_v2", c_uint(index), byref(handle))
        self._need("nvmlDeviceGetPciInfo_v3", handle, byref(pci))
        # As the kernel and the host's plan write it, with four digits of the domain.
        gpu = Gpu(pci.busId.decode().lower()[-12:], handle)
        refusal = self._call("nvmlDeviceRegisterEvents", handle, c_ulonglong(XID_EVENT), self._events)
        if refusal != SUCCESS:
            tell("%s reports no Xid events (NVML error %d)" % (gpu.address, refusal))
        return gpu

    def follow(self) -> None:
        """Wait for an event for a second at most, and count what it was and how the clocks are held down."""
        data = EventData()
        status = self._call("nvmlEventSetWait_v2", self._events, byref(data), c_uint(LOOK_MS))
        if status == SUCCESS and data.eventType & XID_EVENT:
            for gpu in self.gpus:
                if gpu.handle.value == data.device:
                    gpu.xids[data.eventData] = gpu.xids.get(data.eventData, 0) + 1
                    tell("%s: Xid %d" % (gpu.address, data.eventData))
        elif status not in (SUCCESS, TIMEOUT):
            raise NoDriver("NVML does not wait for events any more (error %d)" % status)
        now = time.monotonic()
        for gpu in self.gpus:
            reasons = self._number("nvmlDeviceGetCurrentClocksThrottleReasons", gpu, c_ulonglong) or 0
            for bit, reason in CLOCK_REASONS.items():
                if reasons & bit:
                    gpu.throttled[reason] += now - self._seen
        self._seen = now

    def lines(self) -> Iterator[str]:
        """Every metric; what a GPU does not tell is left out."""
        for gpu in self.gpus:
            names = {"name": self._text("nvmlDeviceGetName", gpu), "uuid": self._text("nvmlDeviceGetUUID", gpu)}
            if self._call("nvmlDeviceGetMemoryInfo", gpu.handle, byref(Memory())) != LOST:
                yield sample("hotpath_gpu_info", gpu, 1, **names)
            for xid, count in sorted(gpu.xids.items()):
                yield sample("hotpath_gpu_xid_errors_total", gpu, count, xid=str(xid))
            for reason, seconds in sorted(gpu.throttled.items()):
                yield sample("hotpath_gpu_throttle_seconds_total", gpu, seconds, reason=reason)
            for name, value, labels in self._values(gpu):
                if value is not None:
                    yield sample(name, gpu, value, **labels)

    def _values(self, gpu: Gpu) -> Iterator[Tuple[str, Optional[float], Dict[str, str]]]:
        for kind, number in (("corrected", CORRECTED), ("uncorrected", UNCORRECTED)):
            value = self._number("nvmlDeviceGetTotalEccErrors", gpu, c_ulonglong, c_int(number), c_int(AGGREGATE))
            yield "hotpath_gpu_ecc_errors_total", value, {"kind": kind}
        rows = [c_uint() for _ in range(4)]
        if self._call("nvmlDeviceGetRemappedRows", gpu.handle, *map(byref, rows)) == SUCCESS:
            corrected, uncorrected, pending, failed = (row.value for row in rows)
            yield "hotpath_gpu_remapped_rows", corrected, {"kind": "corrected"}
            yield "hotpath_gpu_remapped_rows", uncorrected, {"kind": "uncorrected"}
            yield "hotpath_gpu_remap_pending", pending, {}
            yield "hotpath_gpu_remap_failed", failed, {}
        value = self._number("nvmlDeviceGetTemperature", gpu, c_uint, c_int(TEMPERATURE_GPU))
        yield "hotpath_gpu_temperature_celsius", value, {}
        value = self._number("nvmlDeviceGetTemperatureThreshold", gpu, c_uint, c_int(THRESHOLD_SLOWDOWN))
        yield "hotpath_gpu_temperature_slowdown_celsius", value, {}
        for name, function, kind in (
            ("hotpath_gpu_power_watts", "nvmlDeviceGetPowerUsage", c_uint),
            ("hotpath_gpu_power_limit_watts", "nvmlDeviceGetEnforcedPowerLimit", c_uint),
            ("hotpath_gpu_energy_joules_total", "nvmlDeviceGetTotalEnergyConsumption", c_ulonglong),
        ):
            milli = self._number(function, gpu, kind)
            yield name, None if milli is None else milli / 1000, {}
        for number, direction in PCIE.items():
            value = self._number("nvmlDeviceGetPcieThroughput", gpu, c_uint, c_int(number))
            yield "hotpath_gpu_pcie_bytes_per_second", None if value is None else value * 1000, {"direction": direction}
        for name, function in (
            ("hotpath_gpu_pcie_replays_total", "nvmlDeviceGetPcieReplayCounter"),
            ("hotpath_gpu_pcie_lanes", "nvmlDeviceGetCurrPcieLinkWidth"),
            ("hotpath_gpu_pcie_generation", "nvmlDeviceGetCurrPcieLinkGeneration"),
        ):
            yield name, self._number(function, gpu, c_uint), {}
        memory, use = Memory(), Utilization()
        if self._call("nvmlDeviceGetMemoryInfo", gpu.handle, byref(memory)) == SUCCESS:
            yield "hotpath_gpu_memory_bytes", memory.total, {}
            yield "hotpath_gpu_memory_used_bytes", memory.used, {}
        if self._call("nvmlDeviceGetUtilizationRates", gpu.handle, byref(use)) == SUCCESS:
            yield "hotpath_gpu_utilisation_ratio", use.gpu / 100, {}

    def _call(self, function: str, *arguments: Any) -> int:
        try:
            called: Callable[..., int] = getattr(self._nvml, function)
        except AttributeError:  # a driver that is older than the function
            return -1
        return called(*arguments)

    def _need(self, function: str, *arguments: Any) -> None:
        status = self._call(function, *arguments)
        if status != SUCCESS:
            raise NoDriver("%s failed with NVML error %d" % (function, status))

    def _number(self, function: str, gpu: Gpu, kind: Any, *arguments: Any) -> Optional[float]:
        value = kind()
        known = self._call(function, gpu.handle, *arguments, byref(value)) == SUCCESS
        return value.value if known else None

    def _text(self, function: str, gpu: Gpu) -> str:
        value = ctypes.create_string_buffer(96)
        known = self._call(function, gpu.handle, value, c_uint(len(value))) == SUCCESS
        return value.value.decode() if known else ""


def sample(family: str, gpu: Gpu, value: float, **labels: str) -> str:
    """A line of Prometheus's text format."""
    written = "".join(',%s="%s"' % item for item in labels.items())
    return '%s{gpu="%s"%s} %.17g' % (family, gpu.address, written, value)


def tell(text: str) -> None:
    """To the journal."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, metavar="FILE.prom")
    parser.add_argument("--library", default=LIBRARY, help="default: %(default)s")
    given = parser.parse_args()
    try:
        reader = Reader(ctypes.CDLL(given.library))
        due = 0.0
        while True:
            reader.follow()
            if time.monotonic() >= due:
                write(given.output, list(reader.lines()))
                due = time.monotonic() + WRITE_S
    except (NoDriver, OSError) as error:
        tell("the GPUs can't be read: %s" % error)
        return 1


if __name__ == "__main__":
    sys.exit(main())

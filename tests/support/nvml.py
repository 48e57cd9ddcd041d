"""A stand-in for NVIDIA's management library, as ctypes would call it: GPUs with what a test gives them."""

from __future__ import annotations

from collections import deque
from typing import Any

SUCCESS, UNSUPPORTED, TIMEOUT = 0, 3, 10
XID_EVENT = 8


class Nvml:
    """Functions of the C library; `readings` maps one to what it answers for every GPU."""

    def __init__(self, addresses: list[str], **readings: int) -> None:
        self.addresses, self.readings = addresses, readings
        self.events: deque[tuple[int, int]] = deque()
        """Handle of a GPU (its number from 1 on) and the Xid that it reports next."""

    def nvmlInit_v2(self) -> int:
        return SUCCESS

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = len(self.addresses)
        return SUCCESS

    def nvmlEventSetCreate(self, events: Any) -> int:
        events._obj.value = 1
        return SUCCESS

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:
        handle._obj.value = index.value + 1
        return SUCCESS

    def nvmlDeviceGetPciInfo_v3(self, handle: Any, pci: Any) -> int:
        pci._obj.busId = self.addresses[handle.value - 1].encode()
        return SUCCESS

    def nvmlDeviceRegisterEvents(self, handle: Any, kinds: Any, events: Any) -> int:
        assert kinds.value == XID_EVENT
        return SUCCESS

    def nvmlEventSetWait_v2(self, events: Any, data: Any, patience_ms: Any) -> int:
        if not self.events:
            return TIMEOUT
        data._obj.device, data._obj.eventData = self.events.popleft()
        data._obj.eventType = XID_EVENT
        return SUCCESS

    def nvmlDeviceGetUUID(self, handle: Any, text: Any, length: Any) -> int:
        text.value = b"GPU-%d" % handle.value
        return SUCCESS

    def nvmlDeviceGetName(self, handle: Any, text: Any, length: Any) -> int:
        text.value = b"NVIDIA A10"
        return SUCCESS

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        memory._obj.total, memory._obj.used = 24_000_000_000, 6_000_000_000
        return SUCCESS

    def nvmlDeviceGetUtilizationRates(self, handle: Any, use: Any) -> int:
        use._obj.gpu = 75
        return SUCCESS

    def nvmlDeviceGetRemappedRows(self, handle: Any, *rows: Any) -> int:
        for row, value in zip(rows, (2, 1, 1, 0), strict=True):
            row._obj.value = value
        return SUCCESS

    def __getattr__(self, name: str) -> Any:
        """What answers one number. AttributeError, as of an older driver, where none is given."""
        if name not in self.readings:
            raise AttributeError(name)

        def answer(handle: Any, *arguments: Any) -> int:
            arguments[-1]._obj.value = self.readings[name]
            return SUCCESS

        return answer


EVERYTHING = {
    "nvmlDeviceGetCurrentClocksThrottleReasons": 0,
    "nvmlDeviceGetTotalEccErrors": 5,
    "nvmlDeviceGetTemperature": 61,
    "nvmlDeviceGetTemperatureThreshold": 92,
    "nvmlDeviceGetPowerUsage": 120_500,
    "nvmlDeviceGetEnforcedPowerLimit": 150_000,
    "nvmlDeviceGetTotalEnergyConsumption": 9_000,
    "nvmlDeviceGetPcieThroughput": 300,
    "nvmlDeviceGetPcieReplayCounter": 4,
    "nvmlDeviceGetCurrPcieLinkWidth": 16,
    "nvmlDeviceGetCurrPcieLinkGeneration": 4,
}

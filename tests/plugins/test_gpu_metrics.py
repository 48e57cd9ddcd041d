"""The reader of the GPUs: what NVML says becomes metrics, each Xid is counted, what is not said is left out."""

from __future__ import annotations

import ctypes
import json
import subprocess

import pytest
from support.nvml import EVERYTHING, Nvml
from support.programs import program
from support.services import PYTHON

reader = program("node_metrics", "gpu-metrics")
ADDRESSES = ["00000000:3B:00.0", "00000000:AF:00.0"]


def told(nvml: Nvml, looks: int = 1) -> dict[str, float]:
    """Value by series after so many looks."""
    made = reader.Reader(nvml)
    for _ in range(looks):
        made.follow()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in made.lines()}


def test_every_reading_stands_by_the_address_of_its_gpu() -> None:
    found = told(Nvml(ADDRESSES, **EVERYTHING))
    first = {series: value for series, value in found.items() if 'gpu="0000:3b:00.0"' in series}
    assert len(first) * 2 == len(found)
    assert first['hotpath_gpu_info{gpu="0000:3b:00.0",name="NVIDIA A10",uuid="GPU-1"}'] == 1
    numbers = {series.replace('gpu="0000:3b:00.0"', "").replace("{,", "{"): value for series, value in first.items()}
    assert numbers["hotpath_gpu_power_watts{}"] == 120.5
    assert numbers["hotpath_gpu_energy_joules_total{}"] == 9
    assert numbers["hotpath_gpu_temperature_celsius{}"] == 61
    assert numbers['hotpath_gpu_pcie_bytes_per_second{direction="sent"}'] == 300_000
    assert numbers['hotpath_gpu_ecc_errors_total{kind="uncorrected"}'] == 5
    assert numbers["hotpath_gpu_remap_pending{}"] == 1
    assert numbers["hotpath_gpu_memory_used_bytes{}"] == 6e9
    assert numbers["hotpath_gpu_utilisation_ratio{}"] == 0.75


def test_an_xid_that_comes_again_is_counted_again() -> None:
    nvml = Nvml(ADDRESSES, **EVERYTHING)
    nvml.events.extend([(2, 79), (1, 31), (2, 79)])
    found = {series: value for series, value in told(nvml, looks=4).items() if "xid" in series}
    assert found == {
        'hotpath_gpu_xid_errors_total{gpu="0000:3b:00.0",xid="31"}': 1,
        'hotpath_gpu_xid_errors_total{gpu="0000:af:00.0",xid="79"}': 2,
    }


def test_throttled_time_is_counted_by_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 100, 2))
    monkeypatch.setattr(reader.time, "monotonic", lambda: float(next(now)))
    # Idle (1) is no throttling; a driver may know bits that the reader does not.
    found = told(Nvml(ADDRESSES[:1], **{**EVERYTHING, "nvmlDeviceGetCurrentClocksThrottleReasons": 0x1041}), looks=3)
    throttled = {series.partition('reason="')[2][:-2]: value for series, value in found.items() if "throttle" in series}
    assert throttled == {"hw_thermal": 6, "hw_slowdown": 0, "hw_power_brake": 0, "sw_power_cap": 0, "sw_thermal": 0}


def test_what_an_old_driver_does_not_know_is_left_out() -> None:
    found = told(Nvml(ADDRESSES[:1]))
    assert not any("power" in series or "ecc" in series for series in found if "throttle" not in series)
    assert any(series.startswith("hotpath_gpu_memory_bytes") for series in found)


def test_a_gpu_that_fell_off_the_bus_is_not_told_as_there(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml(ADDRESSES)
    monkeypatch.setattr(nvml, "nvmlDeviceGetMemoryInfo", lambda handle, _: reader.LOST if handle.value == 2 else 0)
    assert {series.partition('"')[2][:12] for series in told(nvml) if "info" in series} == {"0000:3b:00.0"}


def test_a_driver_that_is_gone_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml(ADDRESSES)
    made = reader.Reader(nvml)
    monkeypatch.setattr(nvml, "nvmlEventSetWait_v2", lambda *_: 15)
    with pytest.raises(reader.NoDriver, match="error 15"):
        made.follow()
    monkeypatch.setattr("sys.argv", ["gpu-metrics", "--output", "x.prom", "--library", "no-such-library.so"])
    assert reader.main() == 1
    assert "the GPUs can't be read: no-such-library.so" in capsys.readouterr().err


def test_structures_and_numbers_are_those_of_nvidias_own_binding() -> None:
    """The binding is among the service's packages, not the controller's."""
    asked = {
        "PciInfo": "nvmlPciInfo_t",
        "Memory": "c_nvmlMemory_t",
        "Utilization": "c_nvmlUtilization_t",
        "EventData": "c_nvmlEventData_t",
    }
    numbers = {
        "XID_EVENT": "nvmlEventTypeXidCriticalError",
        "TIMEOUT": "NVML_ERROR_TIMEOUT",
        "LOST": "NVML_ERROR_GPU_IS_LOST",
        "THRESHOLD_SLOWDOWN": "NVML_TEMPERATURE_THRESHOLD_SLOWDOWN",
        "UNCORRECTED": "NVML_MEMORY_ERROR_TYPE_UNCORRECTED",
        "AGGREGATE": "NVML_AGGREGATE_ECC",
    }
    question = (
        "import ctypes, json, pynvml as n\n"
        "def layout(s): return [(f[0], getattr(s, f[0]).offset) for f in s._fields_]\n"
        f"layouts = {{k: layout(getattr(n, v)) for k, v in {asked}.items()}}\n"
        f"numbers = {{k: getattr(n, v) for k, v in {numbers}.items()}}\n"
        "reasons = {str(getattr(n, name)): name for name in vars(n) if name.startswith('nvmlClocksThrottleReason')}\n"
        "print(json.dumps([layouts, numbers, reasons]))"
    )
    answer = subprocess.run([str(PYTHON), "-c", question], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    layouts, known, reasons = json.loads(answer.stdout)
    for ours, theirs in layouts.items():
        structure = getattr(reader, ours)
        assert [getattr(structure, field[0]).offset for field in structure._fields_] == [offset for _, offset in theirs]
        assert ctypes.sizeof(structure) >= theirs[-1][1]
    assert {name: getattr(reader, name) for name in known} == known
    for bit, word in reader.CLOCK_REASONS.items():
        ours = word.replace("_", "")
        theirs = reasons[str(bit)].removeprefix("nvmlClocksThrottleReason").lower()
        assert ours.replace("hw", "").replace("sw", "") in theirs, (word, theirs)

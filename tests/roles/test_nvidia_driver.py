"""A host with the role nvidia_driver runs exactly the wanted driver, and keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def values(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    found = expected(host, "nvidia_driver")
    if found["nvidia_driver_state"] == "absent":
        pytest.skip("the host is to have no driver")
    if not found["nvidia_driver_version"]:
        pytest.skip(f"the stack {found['stack_name']} has no driver")
    return found


def test_a_driver_that_was_taken_away_left_nothing(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected]
) -> None:
    values = expected(host, "nvidia_driver")
    if values["nvidia_driver_state"] == "present":
        pytest.skip("the host is to have a driver")
    patterns = " ".join(f"'{pattern}'" for pattern in values["__nvidia_driver_family"])
    check.equal("packages of the driver", expected="", found=host.run(f"rpm -qa {patterns}").stdout.strip())
    blacklist = values["__nvidia_driver_blacklist"]["path"]
    check.equal(f"{blacklist} exists", expected=False, found=host.file(blacklist).exists)


def test_every_package_is_at_the_wanted_version(host: Host, check: Checks, values: Expected) -> None:
    # A package that is missing makes rpm's exit code 1, and is named below.
    query = "rpm -q --qf '%{NAME} %{VERSION}\\n' " + " ".join(values["nvidia_driver_packages"])
    words = [line.split() for line in host.run(query).stdout.splitlines()]
    found = {word[0]: word[1] for word in words if len(word) == 2}
    for name in values["nvidia_driver_packages"]:
        check.equal(
            f"version of {name}", expected=values["nvidia_driver_version"], found=found.get(name, "not installed")
        )


def test_the_kernel_module_is_of_the_same_version(check: Checks, values: Expected) -> None:
    providers = check.answer("package of the kernel module", "rpm -q --whatprovides nvidia-kmod --qf '%{VERSION}\\n'")
    check.equal("version of the kernel module's package", expected=values["nvidia_driver_version"], found=providers)


def test_the_wanted_stream_is_enabled(check: Checks, values: Expected) -> None:
    lines = check.text("/etc/dnf/modules.d/nvidia-driver.module").splitlines()
    wanted = ["state=enabled", f"stream={values['nvidia_driver_stream']}"]
    check.equal(
        "dnf's stream of nvidia-driver",
        expected=wanted,
        found=sorted(line.replace(" ", "") for line in lines if line.startswith(("state", "stream"))),
    )


def test_the_driver_answers_with_the_wanted_version(check: Checks, values: Expected) -> None:
    answers = check.answer("nvidia-smi", "nvidia-smi --query-gpu=driver_version --format=csv,noheader").split()
    check.equal("driver that nvidia-smi meets", expected=[values["nvidia_driver_version"]], found=sorted(set(answers)))


def test_an_update_of_the_host_leaves_the_driver(check: Checks, values: Expected) -> None:
    """dnf itself, with its own plugin, sees no update: newer drivers are on offer, but the locks hide them."""
    command = "dnf --quiet check-update 'nvidia-*' 'kmod-nvidia*'"
    check.succeeds("updates of the driver that no version lock hides", command)


def test_an_update_of_the_host_leaves_the_kernel(check: Checks, values: Expected) -> None:
    """A newer kernel would start without a driver."""
    if not values["nvidia_driver_kernel_guard"]:
        pytest.skip("the kernel is not guarded")
    command = "dnf --quiet check-update kernel kernel-core kernel-modules"
    check.succeeds("updates of the kernel that no version lock hides", command)


def test_the_fabric_manager_is_of_the_drivers_version(host: Host, check: Checks, values: Expected) -> None:
    wanted = {"always": True, "never": False}.get(values["nvidia_driver_fabric_manager"])
    if wanted is None:
        bridges = host.run("grep -l 0x0680 /sys/bus/pci/devices/*/class | xargs -r -n1 dirname").stdout.split()
        wanted = any(host.file(f"{bridge}/vendor").content_string.strip() == "0x10de" for bridge in bridges)
    if not wanted:
        pytest.skip("the host has no NVSwitch")
    found = host.run("rpm -q --qf '%%{VERSION}' nvidia-fabric-manager").stdout
    check.equal("version of nvidia-fabric-manager", expected=values["nvidia_driver_version"], found=found)
    check.equal("nvidia-fabricmanager runs", expected=True, found=host.service("nvidia-fabricmanager").is_running)


def test_headers_are_those_of_an_installed_kernel(check: Checks, values: Expected) -> None:
    """The module is compiled against them, and no package brought another kernel's along."""
    if not values["nvidia_driver_kernel_devel"]:
        pytest.skip("a precompiled module needs no headers")
    query = "rpm -q {} --qf '%{{VERSION}}-%{{RELEASE}}\\n'"
    kernels = check.answer("kernel-core", query.format("kernel-core")).split()
    headers = check.answer("kernel-devel", query.format("kernel-devel")).split()
    others = sorted(set(headers) - set(kernels))
    check.equal("headers of kernels that are not installed", expected=[], found=others)


def test_nouveau_stays_away(host: Host, check: Checks, values: Expected, in_container: Callable[[Host], bool]) -> None:
    check.files(values.written_files())
    if not in_container(host):
        check.equal("nouveau is loaded", expected=False, found=host.file("/sys/module/nouveau").exists)


def test_the_gpus_stay_initialised(host: Host, check: Checks, values: Expected) -> None:
    if values["nvidia_driver_persistence"]:
        daemon = host.service("nvidia-persistenced")
        check.equal("nvidia-persistenced starts at boot", expected=True, found=daemon.is_enabled)
        check.equal("nvidia-persistenced runs", expected=True, found=daemon.is_running)
        check.succeeds("every GPU stays initialised", values["__nvidia_driver_ask_persistence"])

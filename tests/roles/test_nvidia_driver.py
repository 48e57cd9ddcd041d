"""A host with the role nvidia_driver runs exactly the wanted driver, and keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def values(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    found = expected(host, "nvidia_driver")
    if not found["nvidia_driver_version"]:
        pytest.skip(f"the stack {found['stack_name']} has no driver")
    return found


def test_every_package_is_at_the_wanted_version(host: Host, values: Expected) -> None:
    names = " ".join(values["nvidia_driver_packages"])
    found = host.check_output(f"rpm -q --qf '%{{NAME}} %{{VERSION}}\\n' {names}").splitlines()
    assert dict(line.split() for line in found) == dict.fromkeys(
        values["nvidia_driver_packages"], values["nvidia_driver_version"]
    )


def test_the_kernel_module_is_of_the_same_version(host: Host, values: Expected) -> None:
    providers = host.check_output("rpm -q --whatprovides nvidia-kmod --qf '%{VERSION}\\n'").split()
    assert providers == [values["nvidia_driver_version"]]


def test_the_wanted_stream_is_enabled(host: Host, values: Expected) -> None:
    state = host.file("/etc/dnf/modules.d/nvidia-driver.module").content_string.split()
    assert {"state=enabled", f"stream={values['nvidia_driver_stream']}"} <= set(state)


def test_the_driver_answers_with_the_wanted_version(host: Host, values: Expected) -> None:
    answers = host.check_output("nvidia-smi --query-gpu=driver_version --format=csv,noheader").split()
    assert set(answers) == {values["nvidia_driver_version"]}


def test_an_update_of_the_host_leaves_the_driver(host: Host, values: Expected) -> None:
    """dnf itself, with its own plugin, sees no update: newer drivers are on offer, but the locks hide them."""
    update = host.run("dnf --quiet check-update 'nvidia-*' 'kmod-nvidia*'")
    assert update.rc == 0, update.stdout + update.stderr


def test_headers_are_those_of_an_installed_kernel(host: Host, values: Expected) -> None:
    """The module is compiled against them, and no package brought another kernel's along."""
    if not values["nvidia_driver_kernel_devel"]:
        pytest.skip("a precompiled module needs no headers")
    query = "rpm -q {} --qf '%{{VERSION}}-%{{RELEASE}}\\n'"
    kernels = set(host.check_output(query.format("kernel-core")).split())
    headers = set(host.check_output(query.format("kernel-devel")).split())
    assert headers and headers <= kernels


def test_nouveau_stays_away(host: Host, values: Expected, in_container: Callable[[Host], bool]) -> None:
    assert "blacklist nouveau" in host.file("/etc/modprobe.d/hotpath-nouveau.conf").content_string.splitlines()
    if not in_container(host):
        assert not host.file("/sys/module/nouveau").exists


def test_the_gpus_stay_initialised(host: Host, values: Expected) -> None:
    daemon = host.service("nvidia-persistenced")
    assert not values["nvidia_driver_persistence"] or (daemon.is_enabled and daemon.is_running)

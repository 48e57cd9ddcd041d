"""The values that will hold on a host: what the inventory says, else the default of the role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# A stack with nothing in it stands in for an unknown one, so that the other judgements can still be made.
NO_STACK = dict.fromkeys(
    ("driver_version", "driver_minimum", "driver_stream", "cuda_version", "cudnn_package", "cudnn_version"), ""
)


@dataclass(frozen=True)
class Values:
    """What one host shall become, as far as it is judged. Empty strings: not wanted there."""

    stack_name: str
    stack_service: str
    stacks: Mapping[str, Mapping[str, str]]
    driver_version: str
    driver_stream: str
    cuda_version: str
    cuda_packages: tuple[str, ...]
    cudnn_package: str
    cudnn_version: str
    port: int | None
    hugepages_mib: int
    service: Mapping[str, str]

    @classmethod
    def of(cls, variables: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> Values:
        """`variables` of the inventory, `options` of all roles by variable name."""

        def value(name: str, otherwise: Any = "") -> Any:
            default = options.get(name, {}).get("default", otherwise)
            found = variables.get(name, otherwise if is_template(default) else default)
            return otherwise if is_template(found) else found

        name = str(value("stack_name"))
        stacks = value("stack_table", {})
        stack = stacks.get(name, NO_STACK)
        service = str(value("stack_service", name))
        cuda = [str(item) for item in value("cuda_toolkit_versions", [stack["cuda_version"]]) if item]
        toolkits = [f"cuda-toolkit-{version.replace('.', '-')}" for version in cuda]
        return cls(
            stack_name=name,
            stack_service=service,
            stacks=stacks,
            driver_version=str(value("nvidia_driver_version", stack["driver_version"])),
            driver_stream=str(value("nvidia_driver_stream", stack["driver_stream"])),
            cuda_version=cuda[0] if cuda else "",
            cuda_packages=tuple(value("cuda_toolkit_packages", toolkits)),
            cudnn_package=str(value("cudnn_package", stack["cudnn_package"])),
            cudnn_version=str(value("cudnn_version", stack["cudnn_version"])),
            port=whole_number(value("inference_service_port", 8000)),
            hugepages_mib=whole_number(value("host_plan_hugepages_mib", 0)) or 0,
            service=stacks.get(service, {}),
        )


def is_template(value: Any) -> bool:
    """Whether a value still has to be rendered by Ansible, so that it tells nothing here."""
    return isinstance(value, str) and "{{" in value


def whole_number(value: Any) -> int | None:
    """The number, or None for what is none; the judgement of variables reports that."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def wanted_packages(values: Values, kernel: str) -> list[dict[str, str]]:
    """Packages to look for in the repositories, as the module host_survey takes them."""
    found = [{"name": name, "version": "", "repository": "hotpath-nvidia"} for name in values.cuda_packages]
    if values.cudnn_package:
        found.append({"name": values.cudnn_package, "version": values.cudnn_version, "repository": "hotpath-nvidia"})
    if values.driver_version and kernel:
        found.append({"name": "kernel-devel", "version": kernel, "repository": "hotpath-baseos"})
    if values.service.get("python_package"):
        package = values.service["python_package"]
        found.append({"name": package, "version": "", "repository": "hotpath-appstream"})
    return found

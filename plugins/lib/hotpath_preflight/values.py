"""The values that will hold on a host: what the inventory says, else the default of the role."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hotpath_models.entries import DEFAULT_SOURCE, Entry, parse

from .driver import compiled_on_host, headers_package, kernel_version, precompiled_package

# A stack with nothing in it stands in for an unknown one, so that the other judgements can still be made.
NO_STACK: dict[str, Any] = {
    **dict.fromkeys(("driver_version", "driver_minimum", "driver_stream", "cuda_version"), ""),
    **dict.fromkeys(("cudnn_package", "cudnn_version", "python_version", "glibc_minimum", "python_package"), ""),
    "gpu_capabilities": [],
    "backend": "",
}


@dataclass(frozen=True)
class Values:
    """What one host shall become, as far as it is judged. Empty strings: not wanted there."""

    stack_name: str
    stack_service: str
    stacks: Mapping[str, Mapping[str, Any]]
    driver_version: str
    driver_stream: str
    cuda_version: str
    cuda_versions: tuple[str, ...]
    cuda_packages: tuple[str, ...]
    cudnn_package: str
    cudnn_version: str
    listen: str
    port: int | None
    workers: int | None
    policy: str
    engines_on: str
    hugepages_mib: int
    overrides: Mapping[str, Any]
    gpus_excluded: tuple[str, ...]
    reboot_mode: str
    boot_arguments: Mapping[str, Any]
    firewall_enabled: bool
    firewall_ports: Sequence[str]
    firewall_closed_ports: Sequence[str]
    service: Mapping[str, Any]
    models: list[Entry] | None
    """None where the list is not of its type"""
    queue: int
    max_batch: int
    model_change: str

    @classmethod
    def of(cls, variables: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> Values:
        """`variables` of the inventory, `options` of all roles by variable name."""

        def value(name: str, otherwise: Any = "") -> Any:
            """What a role would get; `otherwise` for what it would refuse, which is reported elsewhere."""
            option = options.get(name, {})
            default = option.get("default", otherwise)
            default = otherwise if is_template(default) else default
            found = variables.get(name, default)
            return default if is_template(found) else typed(name, found, option, default)

        name = str(value("stack_name"))
        stacks = {key: stack for key, stack in value("stack_table", {}).items() if isinstance(stack, Mapping)}
        stack = {**NO_STACK, **stacks.get(name, {})}
        service = str(value("stack_service", name))
        cuda = [str(item) for item in value("cuda_toolkit_versions", [stack["cuda_version"]]) if item]
        toolkits = [f"cuda-toolkit-{version.replace('.', '-')}" for version in cuda]
        absent = value("nvidia_driver_state", "present") == "absent"
        return cls(
            stack_name=name,
            stack_service=service,
            stacks=stacks,
            driver_version="" if absent else str(value("nvidia_driver_version", stack["driver_version"])),
            driver_stream=str(value("nvidia_driver_stream", stack["driver_stream"])),
            cuda_version=cuda[0] if cuda else "",
            cuda_versions=tuple(cuda),
            cuda_packages=tuple(value("cuda_toolkit_packages", toolkits)),
            cudnn_package=str(value("cudnn_package", stack["cudnn_package"])),
            cudnn_version=str(value("cudnn_version", stack["cudnn_version"])),
            listen=str(value("inference_service_listen", "0.0.0.0")),
            port=value("inference_service_port", None),
            workers=value("inference_service_workers", None),
            policy=str(value("host_plan_policy", "throughput")),
            engines_on=str(value("host_plan_engines_on", "cpu" if service == "cpu" else "gpu")),
            hugepages_mib=value("host_plan_hugepages_mib", 0),
            overrides=plain(value("host_plan_overrides", {})),
            reboot_mode=str(value("reboot_mode", "auto")),
            gpus_excluded=tuple(map(str, value("host_plan_gpus_excluded", []))),
            boot_arguments=value("boot_arguments_extra", {}),
            firewall_enabled=value("firewall_enabled", True),
            firewall_ports=value("firewall_ports", []),
            firewall_closed_ports=value("firewall_closed_ports", []),
            service={**NO_STACK, **stacks.get(service, {})} if service in stacks else {},
            models=_models(variables, options),
            queue=value("inference_service_queue", 256),
            max_batch=value("inference_service_max_batch", 8),
            model_change=str(value("inference_service_model_change", "swap")),
        )

    @property
    def gpu_demands(self) -> dict[str, Any]:
        """What decides which GPUs can have an engine, as the role host_plan gives it to the planner."""
        return {
            "excluded": list(self.gpus_excluded),
            "driver_version": self.driver_version,
            "driver_stream": self.driver_stream,
            "capabilities": self.service.get("gpu_capabilities") or [],
        }


def _models(variables: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> list[Entry] | None:
    """The entries of the list of models; None where the role would refuse it, which is reported elsewhere."""
    name = "inference_service_models"
    found = plain(variables.get(name, options.get(name, {}).get("default", [{"source": DEFAULT_SOURCE}])))
    if name in options and ArgumentSpecValidator({name: dict(options[name])}).validate({name: found}).error_messages:
        return None
    return None if is_template(found) else parse(found)


def is_template(value: Any) -> bool:
    """Whether a value still has to be rendered by Ansible, so that it tells nothing here."""
    return isinstance(value, str) and "{{" in value


def typed(name: str, value: Any, option: Mapping[str, Any], default: Any) -> Any:
    """The value as the role gets it, converted to the option's type; the default where it cannot be."""
    if not option:
        return value
    shape = {key: part for key, part in option.items() if key in ("type", "elements", "choices")}
    result = ArgumentSpecValidator({name: shape}).validate({name: str(value) if isinstance(value, str) else value})
    return default if result.error_messages else result.validated_parameters[name]


def plain(value: Any) -> Any:
    """Ansible's own kinds of text as ordinary ones, as a module would get them."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def wanted_packages(values: Values, kernel: str) -> list[dict[str, str]]:
    """Packages to look for in the repositories, as the module host_survey takes them; `kernel` as uname says it."""
    found = [{"name": name, "version": "", "repository": "hotpath-nvidia"} for name in values.cuda_packages]
    if values.cudnn_package:
        found.append({"name": values.cudnn_package, "version": values.cudnn_version, "repository": "hotpath-nvidia"})
    if values.driver_version and kernel:
        if compiled_on_host(values.driver_stream):
            version = kernel_version(kernel)
            found.append({"name": headers_package(kernel), "version": version, "repository": "hotpath-baseos"})
        else:
            package = precompiled_package(values.driver_version, kernel_version(kernel))
            found.append({"name": package, "version": "", "repository": "hotpath-nvidia"})
    if values.service.get("python_package"):
        package = values.service["python_package"]
        found.append({"name": package, "version": "", "repository": "hotpath-appstream"})
    return found


def nvml_package(driver_version: str) -> str:
    """NVIDIA gave the package of NVML another name with branch 560."""
    branch = driver_version.split(".")[0]
    return "libnvidia-ml" if branch.isdigit() and int(branch) >= 560 else "nvidia-driver-NVML"


def installed_packages(
    variables: Mapping[str, Any], values: Values, options: Mapping[str, Mapping[str, Any]], kernels: Sequence[str]
) -> list[dict[str, str]]:
    """What the roles install on a host that runs one of these kernels, each with `name` and `version` ("" for any).

    `kernels`: as rpm writes their versions, or as uname says them.

    The fabric manager is among them wherever there is a driver: whether a host has an NVSwitch is seen on the host.
    """
    found = [(name, "") for name in values.cuda_packages]
    if values.cudnn_package:
        devel = re.sub(r"^(libcudnn\d+)", r"\1-devel", values.cudnn_package)
        found += [(name, values.cudnn_version) for name in (values.cudnn_package, devel)]
    if values.driver_version:
        driver = variables.get("nvidia_driver_packages", options["nvidia_driver_packages"]["default"])
        more = (nvml_package(values.driver_version), "nvidia-fabric-manager")
        found += [(str(name), values.driver_version) for name in (*driver, *more)]
        if compiled_on_host(values.driver_stream):
            kind = "open" if "open" in values.driver_stream else "latest"
            found.append((f"kmod-nvidia-{kind}-dkms", values.driver_version))
            found += [(headers_package(kernel), kernel_version(kernel)) for kernel in kernels]
        else:
            packages = (precompiled_package(values.driver_version, kernel_version(kernel)) for kernel in kernels)
            found += [(package, values.driver_version) for package in packages]
    if values.service.get("python_package"):
        found.append((values.service["python_package"], ""))
    return [{"name": name, "version": version} for name, version in found]


def wanted_transaction(
    variables: Mapping[str, Any],
    values: Values,
    options: Mapping[str, Mapping[str, Any]],
    survey: Mapping[str, Any],
) -> dict[str, Any]:
    """What the roles will ask of this host's dnf, all in one: `packages` and `stream`, for the module pinned_packages.

    In a container the kernel is that of the rpm database, if any, as it is for the role nvidia_driver.
    """
    installed = sorted(evr.split(":")[-1] for evr in survey["installed"].get("kernel-core", []))
    kernels = installed[-1:] if survey["container"] else [str(survey["kernel"])]
    packages = installed_packages(variables, values, options, kernels)
    fabric = value_of_choice(variables, options, "nvidia_driver_fabric_manager")
    if not (fabric == "always" or (fabric == "auto" and survey["nvswitches"])):
        packages = [package for package in packages if package["name"] != "nvidia-fabric-manager"]
    if survey.get("deployed"):  # the Python of a release that is there was installed with it
        packages = [package for package in packages if package["name"] != values.service.get("python_package")]
    packages += [{"name": name, "version": ""} for name in options["package_mirror_packages"]["default"]]
    return {"packages": packages, "stream": f"nvidia-driver:{values.driver_stream}" if values.driver_version else ""}


def value_of_choice(variables: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]], name: str) -> Any:
    """The value of an option that is one of some words, its default where it is none of them."""
    option = options[name]
    found = variables.get(name, option["default"])
    return found if found in option["choices"] else option["default"]

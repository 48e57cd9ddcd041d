"""The plan of a host, made beforehand: whether it can hold, and how it looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hotpath_boot import unwritable
from hotpath_planning import PlanError, plan_host
from hotpath_planning.text import plan_text

from .cpu_lists import parse_cpu_list
from .problem import Problem
from .values import Values

Survey = Mapping[str, Any]
ISOLATING = ("isolcpus", "nohz_full")
# The same part of a node that the planner allows by name; hugepages are taken out of the memory for good.
HUGEPAGE_MEMORY_PART = 0.5
SMALL_PAGE_KIB = 2048


def plan_of(survey: Survey, values: Values) -> dict[str, Any] | PlanError:
    """The plan as the role host_plan will make it, or why there is none."""
    try:
        return plan_host(
            survey["topology"],
            policy=values.policy,  # type: ignore[arg-type]  # a wrong one is reported as a variable
            engines_on=values.engines_on,
            hugepages_mib=values.hugepages_mib,
            overrides=values.overrides,
            gpus=values.gpu_demands,
        ).to_dict()
    except PlanError as error:
        return error


def plan_problems(survey: Survey, values: Values, gpus_blamed: bool) -> Iterator[Problem]:
    """`gpus_blamed`: that no GPU can serve was said already."""
    yield from _boot_arguments(survey, values)
    plan = plan_of(survey, values)
    if isinstance(plan, PlanError):
        found, _, remedy = str(plan).partition("; ")
        if not (gpus_blamed and values.engines_on == "gpu"):
            yield Problem(
                "plan",
                found,
                "Everything on the path of a request is placed by one plan, and no part of this one can be applied.",
                (remedy[:1].upper() + remedy[1:] if remedy else "Correct host_plan_overrides") + ".",
            )
        return
    yield from _memory(survey, plan, values)
    yield from _page_sizes(survey, plan)
    yield from _workers(plan, values)


def _memory(survey: Survey, plan: Mapping[str, Any], values: Values) -> Iterator[Problem]:
    if "hugepages" in values.overrides:
        return  # the planner has judged these
    for node in survey["topology"]["nodes"]:
        asked = values.hugepages_mib * sum(engine["numa_node"] == node["id"] for engine in plan["engines"])
        most = int(node["memory_kib"] * HUGEPAGE_MEMORY_PART) // 1024
        if asked > most:
            yield Problem(
                "memory",
                f"{asked} MiB of hugepages asked for on node {node['id']}, which has {node['memory_kib'] // 1024} MiB",
                "Hugepages are taken out of the memory for good; beyond half of it too little is left for the models.",
                f"Lower host_plan_hugepages_mib, which counts for each engine: all of this node may take {most} MiB.",
            )


def _page_sizes(survey: Survey, plan: Mapping[str, Any]) -> Iterator[Problem]:
    offered = {pool["size_kib"] for node in survey["topology"]["nodes"] for pool in node["hugepages"]}
    for size in sorted({pages["size_kib"] for pages in plan["hugepages"] if pages["count"]} - offered):
        if size == SMALL_PAGE_KIB and survey["container"]:
            continue  # the machine's kernel decides, and the container only renders the files
        sizes = ", ".join(f"{kib} KiB" for kib in sorted(offered)) or "none at all"
        yield Problem(
            "hugepages",
            f"pages of {size} KiB are wanted; the kernel offers: {sizes}",
            "The processor, or the hypervisor above it, has no pages of this size.",
            "Choose a size_kib that is offered in host_plan_overrides, or host_plan_hugepages_mib: 0 for none.",
        )


def _workers(plan: Mapping[str, Any], values: Values) -> Iterator[Problem]:
    cpus = {cpu for engine in plan["engines"] for cpu in engine["worker_cpus"]}
    if values.workers is not None and values.workers > len(cpus):
        yield Problem(
            "workers",
            f"{values.workers} HTTP workers for {len(cpus)} CPUs of the plan",
            "A worker decodes images all the time; more of them than CPUs only wait for each other.",
            f"Lower inference_service_workers to {len(cpus)} at most, or give them more worker_cpus in "
            "host_plan_overrides.",
        )


def _boot_arguments(survey: Survey, values: Values) -> Iterator[Problem]:
    """What was written by hand, past the plan: words that are not known any more, and isolation."""
    for problem in unwritable(values.boot_arguments):
        yield Problem("boot arguments", f"boot_arguments_extra: {problem.found}", problem.reason, problem.remedy)
    online = set(survey["topology"]["cpus"]["online"])
    for name in ISOLATING:
        text = values.boot_arguments.get(name)
        if not isinstance(text, str | int) or isinstance(text, bool) or text == "":
            continue
        try:
            isolated = parse_cpu_list(str(text))
        except ValueError as error:
            yield Problem(
                "boot arguments",
                f"{name}={text}: {error}",
                "The kernel ignores a list that it cannot read, so nothing would be isolated.",
                "Write CPUs as 2-5,8 in boot_arguments_extra, or leave them to host_plan_policy: latency.",
            )
            continue
        if online <= isolated:
            yield Problem(
                "boot arguments",
                f"{name}={text} isolates every CPU",
                "The kernel, ssh and every service that is not pinned would be left without a CPU.",
                f"Leave CPU 0 and its siblings out of {name} in boot_arguments_extra.",
            )


def plan_pictures(plans: Mapping[str, list[str]]) -> str:
    """The plans of all hosts as text; hosts of the same plan share one picture."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for host, lines in plans.items():
        alike.setdefault(tuple(lines), []).append(host)
    return "\n\n".join(
        "\n".join([f"PLAN of {', '.join(hosts)}", *(f"  {line}" for line in lines)]) for lines, hosts in alike.items()
    )


def picture(survey: Survey, values: Values) -> list[str]:
    """The lines of a host's plan, none where it cannot be made."""
    plan = plan_of(survey, values)
    return [] if isinstance(plan, PlanError) else plan_text(plan)

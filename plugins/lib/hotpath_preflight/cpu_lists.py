"""The kernel's notation of CPU sets, as people write it in boot arguments."""

from __future__ import annotations

import re

# isolcpus takes flags before the list: isolcpus=managed_irq,domain,2-5
_FLAGS = ("managed_irq", "domain", "nohz")


def parse_cpu_list(text: str) -> set[int]:
    """ "2-4,8" -> {2, 3, 4, 8}; ValueError names the part that is no CPU or range."""
    cpus: set[int] = set()
    for part in text.split(","):
        if part in _FLAGS:
            continue
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise ValueError(f"{part!r} is no CPU or range of CPUs")
        cpus |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    return cpus

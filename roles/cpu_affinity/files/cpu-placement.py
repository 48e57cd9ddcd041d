#!/usr/libexec/platform-python
"""Say where tuned, irqbalance or systemd itself runs by other settings than its files name (Python 3.6).

tuned verifies the profile that it has loaded, whatever has become of the files since, so `--remember` keeps the digest
of what it loads, right before it starts.
"""

import argparse
import glob
import hashlib
import os
import re
import subprocess
import sys
import time
from typing import Dict, List

PROFILE = "hotpath"
PROFILE_FILES = ("etc/tuned/hotpath/tuned.conf", "etc/tuned/cpu-partitioning-variables.conf")
LOADED = "run/hotpath/tuned-profile"
ENVIRONMENT = "etc/sysconfig/irqbalance"
MANAGER_SETTINGS = "etc/systemd/system.conf.d/hotpath.conf"
TUNED = ("busctl", "--timeout=120", "call", "com.redhat.tuned", "/Tuned", "com.redhat.tuned.control")
SETTLING_S = 60.0  # tuned is on the bus before it has applied its profile


def read(root: str, name: str) -> str:
    """A file's text, empty where there is none."""
    try:
        with open(os.path.join(root, name), "rb") as stream:
            return stream.read().decode(errors="replace")
    except OSError:
        return ""


def assignments(text: str, separator: str = "\n") -> Dict[str, str]:
    parts = (part.partition("=") for part in text.split(separator) if not part.startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in parts if equals}


def processes(root: str, name: str) -> List[str]:
    """Numbers of the processes that run a program."""
    found = [path.split("/")[-2] for path in glob.glob(os.path.join(root, "proc/[0-9]*/comm"))]
    return [number for number in found if read(root, f"proc/{number}/comm").strip() == name]


def age_s(root: str, process: str) -> float:
    """Seconds since a process started: the 22nd field of proc(5)'s stat, whose second may hold any character."""
    ticks = int(read(root, f"proc/{process}/stat").rpartition(")")[2].split()[19])
    return float(read(root, "proc/uptime").split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def digest(root: str) -> str:
    return hashlib.sha256("\0".join(read(root, name) for name in PROFILE_FILES).encode()).hexdigest()


def remember(root: str) -> None:
    path = os.path.join(root, LOADED)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as stream:
        stream.write(digest(root))


def ask_tuned(method: str) -> str:
    """What tuned answers, without the answer's type."""
    done = subprocess.run([*TUNED, method], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout.decode().strip().partition(" ")[2] or done.stderr.decode().strip()


def in_force(root: str) -> str:
    """What keeps the loaded profile from being the wanted one and in force; empty when nothing does."""
    active = ask_tuned("active_profile").strip('"')
    if active != PROFILE:
        return f"tuned's profile is {active or 'none'} instead of {PROFILE}"
    if not ask_tuned("verify_profile").startswith("true"):
        return (
            "tuned says that its profile did not take; /var/log/tuned/tuned.log names each setting that differs, "
            "and another tool may set it too"
        )
    return ""


def tuned(root: str) -> str:
    if read(root, LOADED) != digest(root):
        return "tuned has loaded another profile than the files hold"
    found = in_force(root)
    while found and any(age_s(root, number) < SETTLING_S for number in processes(root, "tuned")):
        time.sleep(1)
        found = in_force(root)
    return found


def irqbalance(root: str) -> str:
    """Of the daemons that run; whether there is one is systemd's to tell."""
    wanted = assignments(read(root, ENVIRONMENT))
    for process in processes(root, "irqbalance"):
        has = assignments(read(root, f"proc/{process}/environ"), separator="\0")
        for name, value in sorted(wanted.items()):
            if has.get(name, "") != value:
                return f"irqbalance runs with {name}={has.get(name, '')} instead of {name}={value}"
    return ""


def cpus(text: str) -> List[int]:
    """Numbers of a list as the kernel or systemd writes it: "0-2,8" or "0 1 2 8"."""
    found = set()
    for part in text.replace(",", " ").split():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def systemd(root: str) -> str:
    wanted = assignments(read(root, MANAGER_SETTINGS)).get("CPUAffinity", "")
    (has,) = re.findall(r"^Cpus_allowed_list:\s*(\S+)$", read(root, "proc/1/status"), re.MULTILINE)
    if cpus(has) != cpus(wanted):
        return f"systemd starts services on the CPUs {has} instead of {wanted or 'those of its settings'}"
    return ""


SUBJECTS = {"tuned": tuned, "irqbalance": irqbalance, "systemd": systemd}


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subject", nargs="?", choices=sorted(SUBJECTS))
    parser.add_argument("--remember", action="store_true", help="keep the digest of the profile that tuned loads next")
    parser.add_argument("--root", default="/", help="directory under which proc, etc and run are looked for")
    options = parser.parse_args(arguments)
    if options.remember:
        remember(options.root)
        return 0
    if not options.subject:
        parser.error("name a subject, or --remember")
    found: str = SUBJECTS[options.subject](options.root)
    if found:
        print(found, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

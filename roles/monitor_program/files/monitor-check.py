#!/usr/libexec/platform-python
"""Say what a program of the monitors does not have of what its role wrote (Python 3.6). Exit code 0: nothing."""

import argparse
import os
import subprocess
import sys
import time
import urllib.request

PATIENCE_S = 30.0  # a start reads what was measured before
LOOK_S = 0.25
TICKS_S = 0.05  # the kernel rounds a start and the uptime down to hundredths, so a start may seem earlier than it was


def command(unit: str) -> str:
    """Whether the unit's process was started by the command line that the unit has now, from its program as it is."""
    shown = subprocess.check_output(["systemctl", "show", "--property=MainPID,ExecStart", unit]).decode()
    properties = dict(line.split("=", 1) for line in shown.splitlines())
    process = "/proc/%s" % properties["MainPID"]
    wanted = properties["ExecStart"].partition("argv[]=")[2].partition(" ; ")[0].strip()
    program = wanted.split()[0]
    try:
        with open(process + "/cmdline") as handle:
            running = " ".join(handle.read().rstrip("\0").split("\0")).strip()
        changed = os.path.getmtime(program) > started(process) + TICKS_S
    except OSError as error:
        return "%s does not run (%s)" % (unit, error)
    # The kernel puts a script's interpreter before it.
    if running != wanted and not running.endswith(" " + wanted):
        return "it runs as %s" % running
    return "it was started before its program was changed" if changed else ""


def started(process: str) -> float:
    """When a process began, in seconds of the epoch, to a hundredth."""
    with open(process + "/stat") as handle:
        ticks = float(handle.read().rpartition(")")[2].split()[19])
    with open("/proc/uptime") as handle:
        uptime = float(handle.read().split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")


def loaded(address: str, digest: str) -> str:
    """Whether what it has loaded is the set of this name."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return (
                ""
                if digest in answer.read().decode()
                else "it has another configuration than the one that is installed"
            )
    except OSError as error:
        return "%s: %s" % (address, error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question", choices=["command", "loaded"])
    parser.add_argument("arguments", nargs="+", help="UNIT; or URL DIGEST")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, metavar="S", help="default: %(default)s")
    given = parser.parse_args()
    ask = {"command": command, "loaded": loaded}[given.question]
    deadline = time.monotonic() + given.patience
    objection = ask(*given.arguments)
    # It was just told to load another, or starts.
    while objection and given.question == "loaded" and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        objection = ask(*given.arguments)
    if objection:
        print(objection, file=sys.stderr)
    return 1 if objection else 0


if __name__ == "__main__":
    sys.exit(main())

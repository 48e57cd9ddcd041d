"""Look every few seconds, decide, act, and say so in the journal: one line of JSON for each decision."""

import argparse
import hashlib
import json
import os
import socket
import sys
import time
import urllib.request
from typing import Any, Dict, Optional, Sequence

from autoscaler import Failure
from autoscaler.acting import Hands, Tier
from autoscaler.figures import Figures, serve
from autoscaler.looking import reading
from autoscaler.measuring import measure
from autoscaler.policy import Decision, Policy, Reading, Settings
from autoscaler.prometheus import Prometheus
from autoscaler.rotation import Rotation

CONFIG = "/etc/hotpath/autoscaler.json"


class Autoscaler:
    """One fleet's. `config` is the file that the role writes; with `dry` nothing is ever asked of anybody."""

    def __init__(self, config: Dict[str, Any], dry: bool) -> None:
        self._settings = Settings(**config["settings"])
        self._hold = str(config["hold"])
        self._tiers: Dict[str, int] = config["tiers_of"]
        self._prometheus = Prometheus(config["prometheus"])
        self._rotation = Rotation(config["ssh"], config["balancers"])
        self._policy = Policy(self._settings)
        self._hands = Hands(
            self._rotation, [Tier(tier["wake"], tier.get("sleep", [])) for tier in config["tiers"]], self._say, dry
        )
        self._said: Optional[str] = None
        self.figures = Figures()

    def look(self) -> Decision:
        """Measure, decide, act once."""
        wall, now = time.time(), time.monotonic()
        seen_now: Optional[Reading] = None
        why = ""
        try:
            seen = self._rotation.look()
            measured = measure(self._prometheus)
            seen_now = reading(measured, seen.hosts, self._tiers, self._settings.stale_s)
        except Failure as error:
            why = str(error)
        held = self._switch() or ("" if seen_now is None else seen.held)
        decision = self._policy.decide(now, seen_now, held)
        if why:
            decision = decision._replace(reason="%s (%s)" % (decision.reason, why))
        self.figures.tell(seen_now, decision, len(self._policy.failed), bool(held or seen_now is None), wall)
        failed = seen_now is None
        if seen_now is not None and not held:
            self._hands.give_up(self._policy.failed)
            try:
                self._hands.carry_out(decision, seen_now.hosts, lambda name: seen.hosts[name].ready)
            except Failure as error:
                failed = True
                self._say(str(error))
        self.figures.count(decision, failed)
        self._tell(decision, seen_now)
        return decision

    def _switch(self) -> str:
        """The operator's word, from a file that need not hold any."""
        if not os.path.exists(self._hold):
            return ""
        with open(self._hold, encoding="utf-8") as stream:
            return "%s holds the fleet: %s" % (self._hold, stream.read(500).strip() or "no reason is given")

    def _tell(self, decision: Decision, seen: Optional[Reading]) -> None:
        """A line for every decision that changes something, and whenever the kind of reason does."""
        if decision.join or decision.leave or decision.kind != self._said:
            line: Dict[str, Any] = decision._asdict()
            if seen is not None:
                line["demand"] = round(seen.demand, 1)
                line["hosts"] = {
                    host.name: [host.state.value, None if host.capacity is None else round(host.capacity, 1)]
                    for host in seen.hosts
                }
            line["failed"] = self._policy.failed
            self._say(json.dumps(line))
        self._said = decision.kind

    def _say(self, words: str) -> None:
        print(words, flush=True)


def digest(path: str) -> str:
    """Of the configuration and the program as they lie on disk."""
    folder = os.path.dirname(os.path.abspath(__file__))
    files = [path] + [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".py")]
    found = hashlib.sha256()
    for name in files:
        with open(name, "rb") as stream:
            found.update(stream.read())
    return found.hexdigest()


def check(config: Dict[str, Any], wanted: str) -> int:
    """Whether the one that runs was started from what lies on disk; says what does not hold."""
    address = "http://%s:%d/metrics" % (config["listen"], config["port"])
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            held = 'digest="%s"' % wanted in answer.read().decode()
    except OSError as error:
        print("it does not answer at %s: %s" % (address, error))
        return 1
    if not held:
        print("it runs with another configuration or program than the files have")
    return 0 if held else 1


def notify_ready() -> None:
    """Tell systemd that the figures are served, as sd_notify(3) has it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(b"READY=1", address.replace("@", "\0", 1) if address.startswith("@") else address)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="autoscaler", description=__doc__)
    parser.add_argument("--config", default=CONFIG, help="the file that the role writes (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="decide and say so, and do nothing")
    parser.add_argument("--once", action="store_true", help="look once and end")
    parser.add_argument("--check", action="store_true", help="say whether the one that runs is of these files")
    options = parser.parse_args(arguments)
    with open(options.config, encoding="utf-8") as stream:
        config = json.load(stream)
    of_files = digest(options.config)
    if options.check:
        return check(config, of_files)
    scaler = Autoscaler(config, options.dry_run or config["dry_run"])
    if options.once:
        print(scaler.look().reason)
        return 0
    scaler.figures.digest = of_files
    serve(scaler.figures, config["listen"], config["port"])
    notify_ready()
    while True:
        begun = time.monotonic()
        scaler.look()
        time.sleep(max(0.0, config["look_s"] - (time.monotonic() - begun)))


if __name__ == "__main__":
    sys.exit(main())

"""A fleet on this machine: three hosts, two balancers, a monitor, site.yml on them, and what clients meet under load.

Photographs go through both balancers; a new version of the model comes to one host after the other, judged on the
first, while clients go on and a line a second tells what they meet; then two hosts become spares, and join and leave as
the load rises and falls, with a plot at the end. Run again it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Sequence
from typing import Any

import demo_scaling
from demo import MODEL, PHOTOGRAPHS, ROOT, Answer, Stopped, predict, run, say
from demo_clients import line, tell
from rich.console import Console
from rich.table import Table
from throwaway import hosts
from throwaway.cache import Failure
from throwaway.watching import watching

sys.path.insert(0, str(ROOT / "tests"))
from support.fleet import UNJUDGED, address
from support.load import Answer as Met
from support.load import Load

GPU_HOSTS = ("demo-1", "demo-2", "demo-3")
BALANCERS = ("balancer-1", "balancer-2")
MONITOR = "monitor-1"
STATISTICS = 8404
HOSTS = (*GPU_HOSTS, *BALANCERS, MONITOR)
FOLDER = ROOT / ".cache" / "demo-fleet"
INVENTORY = FOLDER / "inventory.json"
VERSIONS = FOLDER / "efficientnet_lite0"
PLOT = FOLDER / "scaling.png"
AGAIN = "What was finished is kept: mend the cause and run `make demo-fleet` again."
PLAY = ["ansible-playbook", "-i", "inventory/demo", "-i", str(INVENTORY)]
# As many requests as two cores carry beside three builds; so the canary needs fewer than a real fleet would ask for.
CLIENTS, REST_S = 4, 0.25
CALM = (2, 0.5)
JUDGED = {"rollout_share": 34, "rollout_requests": 100, "rollout_seconds": 15, "rollout_comparisons": 0}


def inventory(standby: Sequence[str] = ()) -> None:
    """What a user would write of such a fleet, some of whose hosts may be spares."""
    service = {
        "inference_service_models": [{"source": str(VERSIONS), "name": "efficientnet_lite0"}],
        "inference_service_workers": 1,
        "inference_service_max_batch": 4,
        # While the fleet is set up nobody asks anything, not on a later run either: there is nothing to judge by.
        **UNJUDGED,
    }
    balancing = {
        "load_balancer_port": hosts.SERVICE_PORT,  # the one that is reached from this machine
        "load_balancer_tls": False,
        "load_balancer_tell_host": True,
    }
    INVENTORY.write_text(
        json.dumps(
            {
                "gpu_hosts": {
                    "hosts": {name: {"inference_service_address": address(name)} for name in GPU_HOSTS},
                    "vars": service,
                },
                "balancers": {"hosts": {name: watched(name) for name in BALANCERS}, "vars": balancing},
                "standby_hosts": {"hosts": {name: {} for name in standby}},
                "monitors": {"hosts": {MONITOR: {"node_metrics_address": address(MONITOR)}}, "vars": watching_vars()},
            }
        )
    )


def watched(balancer: str) -> dict[str, str]:
    """Where the monitor reaches a balancer's metrics."""
    return {
        "node_metrics_address": address(balancer),
        "load_balancer_statistics": f"{address(balancer)}:{STATISTICS}",
    }


def watching_vars() -> dict[str, Any]:
    """How the monitor scales."""
    return {"autoscaler_balancers": {name: address(name) for name in BALANCERS}, **demo_scaling.SETTINGS}


def version(number: int) -> None:
    """The model's source; another tolerance to prove itself by makes it another version, which says the same."""
    shutil.rmtree(VERSIONS, ignore_errors=True)
    shutil.copytree(MODEL, VERSIONS)
    description = VERSIONS / "model.toml"
    text = description.read_text()
    assert text.count("absolute = 1e-3") == 1
    description.write_text(text.replace("absolute = 1e-3", f"absolute = 1.{number}e-3"))


def door(balancer: str) -> tuple[str, int]:
    """Where this machine reaches a balancer."""
    return "127.0.0.1", hosts.hosts()[balancer].port or 0


def photographs() -> list[tuple[str, Answer]]:
    """Each photograph through each balancer."""
    probes = tomllib.loads((MODEL / "model.toml").read_text())["probes"]
    found = []
    for balancer in BALANCERS:
        url = "http://{}:{}".format(*door(balancer))
        found += [(balancer, predict(url, PHOTOGRAPHS / one["file"], one["accept"])) for one in probes]
    return found


def show(answers: list[tuple[str, Answer]]) -> None:
    table = Table(title="Real photographs, answered by the fleet")
    for column in ("photograph", "through", "top-1 label", "probability", "ms", "expected"):
        table.add_column(column, justify="right" if column in {"probability", "ms"} else "left")
    for balancer, one in answers:
        right = "yes" if one.right else "NO"
        row = (one.photograph.name, balancer, one.label, f"{one.score:.3f}", f"{one.milliseconds:.1f}", right)
        table.add_row(*row)
    Console(width=110).print(table)


def roll(load: Load) -> tuple[int, str]:
    """Deploy under the eyes of the clients; the play's exit code and its last words."""
    extra = json.dumps(JUDGED)
    command = [*PLAY, "playbooks/bundle.yml", "playbooks/deploy.yml", "--extra-vars", extra]
    say(f"A new version, host by host: {' '.join(command)}")
    said: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None

        def read() -> None:
            assert process.stdout is not None
            said.extend(process.stdout)

        reader = threading.Thread(target=read)
        reader.start()
        while process.poll() is None:
            time.sleep(1.0)
            task = next((one for one in reversed(list(said)) if one.startswith("TASK [")), "").strip(" *\n")
            say(f"{line([load], 1.0, GPU_HOSTS)}; {task.removeprefix('TASK ')[:60]}")
        reader.join()
    return process.returncode, "".join(said[-30:])


def clients(number: int, rest_s: float) -> Load:
    """Clients of both balancers, who ask what is on the first of the model's photographs."""
    probe = tomllib.loads((MODEL / "model.toml").read_text())["probes"][0]
    photograph = PHOTOGRAPHS / probe["file"]
    url = "http://{}:{}".format(*door(BALANCERS[0]))
    label = predict(url, photograph, probe["accept"]).label
    return Load([door(one) for one in BALANCERS], photograph.read_bytes(), label, number, rest_s)


def deployed() -> tuple[list[Met], list[Met]]:
    """Another version under load: what clients met before and meanwhile. Raises Stopped where it did not come."""
    with clients(CLIENTS, REST_S) as load:
        load.more(100)
        before = list(load.answers)
        version(2)
        code, words = roll(load)
        load.more(30)
    during = load.answers[len(before) :]
    if code != 0:
        raise Stopped(f"the deployment ended with {code}:\n{words}\n{AGAIN}")
    same = {one.version for one in before} & {one.version for one in during[-10:]}
    if same:
        raise Stopped(f"after the deployment hosts still answer by version {', '.join(same)}")
    return before, during


def scaled() -> list[Met]:
    """What clients met while the load rose and fell. Raises Stopped where no host joined and left."""
    inventory(standby=GPU_HOSTS[1:])
    plays = ["playbooks/balance.yml", "playbooks/monitor.yml", "playbooks/autoscale.yml"]
    run("Two hosts become spares, and the monitor scales", [*PLAY, *plays], AGAIN)
    began = time.time()
    with watching(MONITOR) as prometheus:
        met = demo_scaling.scale(clients, prometheus, GPU_HOSTS, CALM)
        demo_scaling.plot(prometheus, began, PLOT)
    say(f"The plot of it: {PLOT.relative_to(ROOT)}")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    os.environ["HOTPATH_DEMO_HOSTS"] = " ".join(HOSTS)
    met: dict[str, list[Met]] = {}
    try:
        run("The throwaway hosts", [sys.executable, "scripts/hosts.py", "up", *HOSTS], AGAIN)
        FOLDER.mkdir(parents=True, exist_ok=True)
        version(1)
        inventory()
        run("The whole life of the hosts", [*PLAY, "site.yml"], AGAIN)
        source = [sys.executable, "scripts/model_source.py", str(MODEL), "--output", str(PHOTOGRAPHS)]
        run("The photographs", source, AGAIN)
        answers = photographs()
        show(answers)
        met["before"], met["while the new version came"] = deployed()
        met["while the load rose and fell"] = scaled()
    except (Stopped, Failure) as stopped:
        print(f"demo-fleet: {stopped}", file=sys.stderr)
        return 1
    finally:
        if met:
            tell(met)
    run("The fleet", [*PLAY, "playbooks/fleet.yml"], AGAIN)
    say("Done. `make hosts-down` removes the hosts.")
    wrong = [one.photograph.name for _, one in answers if not one.right]
    failed = [one for stretch in met.values() for one in stretch if not one.right or one.status not in ("200", "429")]
    return 1 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main())

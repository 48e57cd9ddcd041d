"""Draw the dashboards of roles/grafana from what a Prometheus has, and name the panels that are empty.

For docs/ and for machines without Grafana: the same panels, expressions, units and legends, drawn by matplotlib.
`ssh -L 9090:127.0.0.1:9090 MONITOR` makes a monitor's Prometheus reachable; --monitor does it for a throwaway one.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib import pyplot, ticker
from matplotlib.axes import Axes
from throwaway.cache import Failure
from throwaway.watching import Prometheus, watching

ROOT = Path(__file__).resolve().parents[1]
DASHBOARDS = ROOT / "roles" / "grafana" / "files" / "dashboards"
COLUMNS = 24  # of Grafana's grid
INCHES = 0.32  # of a row of it
SERIES = 12  # that are named in a legend
LETTERS = 110  # in a line of a legend
POINTS = 240
STEP_S = 5.0
RATE_INTERVAL = "1m"  # four scrapes, as Grafana has it
FORMATS: Mapping[str, ticker.Formatter] = {
    "percentunit": ticker.PercentFormatter(1.0, decimals=None),
    "s": ticker.EngFormatter("s"),
    "bytes": ticker.EngFormatter("B"),
    "Bps": ticker.EngFormatter("B/s"),
    "reqps": ticker.EngFormatter("req/s", sep=" "),
    "watt": ticker.EngFormatter("W"),
    "celsius": ticker.StrMethodFormatter("{x:.0f} °C"),
    "none": ticker.ScalarFormatter(useOffset=False),
}


def legend(template: str, labels: Mapping[str, str]) -> str:
    """A series' name, as Grafana makes it of a legendFormat."""
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), template).strip()


def filled(expression: str, instance: str) -> str:
    """An expression with the dashboard's variables in it."""
    return expression.replace("$__rate_interval", RATE_INTERVAL).replace("$instance", instance)


def panel(axes: Axes, content: Mapping[str, Any], prometheus: Prometheus, instance: str, minutes: float) -> bool:
    """Draw a panel; whether it shows anything."""
    axes.set_title(content["title"], fontsize=9, loc="left")
    end = time.time()
    span = {"start": str(end - 60 * minutes), "end": str(end), "step": str(max(60 * minutes / POINTS, STEP_S))}
    drawn = 0
    for target in content["targets"]:
        for series in prometheus.ask("query_range", query=filled(target["expr"], instance), **span)["result"]:
            at = [(float(second) - end) / 60 for second, _ in series["values"]]
            values = [float(value) for _, value in series["values"]]
            name = legend(target["legendFormat"], series["metric"]) if drawn < SERIES else None
            axes.plot(at, values, linewidth=1.1, marker="." if len(at) == 1 else "", label=name)
            drawn += 1
    if not drawn:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color="0.5")
        axes.set_xticks([])
        axes.set_yticks([])
        return False
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)
    axes.set_xlim(-minutes, 0)
    axes.yaxis.set_major_formatter(FORMATS[content["fieldConfig"]["defaults"]["unit"]])
    low, high = axes.dataLim.intervaly
    axes.set_ylim(min(0.0, low), 1.06 * high if high > 0 else 1.0)
    more = f"{drawn} series, of which {SERIES}:" if drawn > SERIES else None
    widest = max(len(name) for name in axes.get_legend_handles_labels()[1])
    columns = max(1, min(5, LETTERS // (widest + 8)))
    place = axes.legend(
        loc="upper left", bbox_to_anchor=(0, -0.09), ncols=columns, title=more, frameon=False, fontsize=6.5
    )
    place.get_title().set_fontsize(6.5)
    return True


def dashboard(path: Path, prometheus: Prometheus, instance: str, minutes: float, target: Path) -> list[str]:
    """Draw a dashboard into a file; the titles of its empty panels."""
    content = json.loads(path.read_text())
    places = [one["gridPos"] for one in content["panels"]]
    rows = max(place["y"] + place["h"] for place in places)
    figure = pyplot.figure(figsize=(13, rows * INCHES), layout="constrained")
    grid = figure.add_gridspec(rows, COLUMNS)
    empty = []
    for one, place in zip(content["panels"], places, strict=True):
        rectangle = grid[place["y"] : place["y"] + place["h"], place["x"] : place["x"] + place["w"]]
        if not panel(figure.add_subplot(rectangle), one, prometheus, instance, minutes):
            empty.append(one["title"])
    figure.suptitle(f"{content['title']}. Minutes until {datetime.now(UTC):%Y-%m-%d %H:%M} UTC", fontsize=11)
    figure.savefig(target, dpi=80)
    pyplot.close(figure)
    return empty


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="where a Prometheus answers, as http://127.0.0.1:9090")
    where.add_argument("--monitor", metavar="NAME", help="a throwaway monitor of this checkout")
    parser.add_argument("--minutes", type=float, default=30, help="that are shown, until now (default: %(default)s)")
    parser.add_argument("--instance", default=".+", metavar="REGEX", help="machines, as in the variable Host (all)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "dashboards", help="(default: docs/dashboards)")
    parser.add_argument("names", nargs="*", metavar="DASHBOARD", help="as fleet, host (all)")
    asked = parser.parse_args(arguments)
    known = {path.stem: path for path in sorted(DASHBOARDS.glob("*.json"))}
    if unknown := sorted(set(asked.names) - set(known)):
        parser.error(f"no dashboard is called {', '.join(unknown)}; there are {', '.join(known)}")
    asked.output.mkdir(parents=True, exist_ok=True)
    empty: dict[str, list[str]] = {}
    try:
        with ExitStack() as stack:
            prometheus = Prometheus(asked.url) if asked.url else stack.enter_context(watching(asked.monitor))
            for name in asked.names or known:
                target = asked.output / f"{name}.png"
                empty[name] = dashboard(known[name], prometheus, asked.instance, asked.minutes, target)
                print(f"{target}: {len(empty[name])} panels without data")
    except (Failure, OSError) as error:
        print(f"dashboard_pictures: {asked.url or asked.monitor} could not be asked: {error}", file=sys.stderr)
        return 1
    for name, titles in empty.items():
        for title in titles:
            print(f"No data: {name}: {title}")
    return 1 if any(empty.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Ask Prometheus what it knows at this moment."""

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from typing import Dict, List, NamedTuple, Tuple

from autoscaler import Failure

PATIENCE_S = 5.0


class Sample(NamedTuple):
    """One series' value."""

    labels: Dict[str, str]
    value: float


class Prometheus:
    """A server by its URL, such as http://127.0.0.1:9090."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, expression: str) -> List[Sample]:
        """The series of an expression; those without a number (0 / 0) are left out. Raises Failure."""
        address = "%s/api/v1/query?%s" % (self._url, urllib.parse.urlencode({"query": expression}))
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
                found = json.loads(answer.read().decode())["data"]["result"]
        except urllib.error.HTTPError as error:
            raise Failure("Prometheus refuses %r: %s" % (expression, error.read().decode()[:200])) from error
        except (OSError, ValueError, KeyError) as error:
            raise Failure("Prometheus at %s does not answer: %s" % (self._url, error)) from error
        samples = [Sample(series["metric"], float(series["value"][1])) for series in found]
        return [sample for sample in samples if not math.isnan(sample.value)]

    def by(self, expression: str, *names: str) -> Dict[Tuple[str, ...], float]:
        """The values of an expression by these labels, in their order."""
        return {tuple(one.labels.get(name, "") for name in names): one.value for one in self.ask(expression)}

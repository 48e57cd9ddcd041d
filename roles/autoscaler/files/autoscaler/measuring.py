"""What the load asks for and what every host carries, as Prometheus has it.

Hosts and balancers are known by their names in the inventory, which Prometheus keeps as `instance`.
"""

from typing import Dict, List, Mapping, NamedTuple, Optional

from autoscaler.capacity import Host, WarmBatch, capacity
from autoscaler.prometheus import Prometheus

ITEMS = 'irate(hotpath_predictions_total{result="ok"}[1m])'
# What balancers did not answer with success, less what hosts found wrong with requests: refused for want of room.
AT_BALANCERS = 'sum(irate(haproxy_frontend_http_responses_total{proxy="clients",code=~"4xx|5xx"}[1m]))'
WRONG = 'sum(irate(hotpath_requests_total{status=~"4..",status!="429"}[1m]))'
AT_HOSTS = 'sum(irate(hotpath_shed_total{reason=~"no_slot|no_memory|late|expired"}[1m]))'
ANSWERED = 'sum(irate(hotpath_requests_total{route=~"/predict|/v1|/v2/infer|grpc/infer",status="200"}[1m]))'
UNITS = 'rate(hotpath_batch_units_total{kind="real"}[5m])'
DECODING = "rate(hotpath_decode_seconds_sum[5m]) / rate(hotpath_decode_seconds_count[5m])"
ANSWERING = 'hotpath_engine_model{state=~"live|canary"}'
BALANCERS = "timestamp(haproxy_process_uptime_seconds)"
HOSTS = "timestamp(hotpath_slots)"


class Measured(NamedTuple):
    """`demand` in items/s with what was refused; `hosts` in items/s of the mixture asked for; `at` by the wall clock:
    the oldest of the balancers' figures, and each host's own.
    """

    demand: float
    capacities: Dict[str, Optional[float]]
    host_at: Dict[str, float]
    balancers_at: Dict[str, float]


def measure(prometheus: Prometheus) -> Measured:
    """Ask for everything that a decision needs. Raises Failure."""
    items = prometheus.by("sum by (model) (%s)" % ITEMS, "model")
    answered = sum(items.values())
    requests = _one(prometheus, ANSWERED)
    balancers = {name: at for (name,), at in prometheus.by(BALANCERS, "instance").items()}
    if balancers:
        refused = max(0.0, _one(prometheus, AT_BALANCERS) - _one(prometheus, WRONG))
    else:
        refused = _one(prometheus, AT_HOSTS)
    a_request = answered / requests if requests else 1.0  # items of it
    return Measured(
        demand=answered + refused * max(1.0, a_request),
        capacities=_capacities(prometheus, {model: rate for (model,), rate in items.items()}),
        host_at={name: at for (name,), at in prometheus.by(HOSTS, "instance").items()},
        balancers_at=balancers,
    )


def _one(prometheus: Prometheus, expression: str) -> float:
    return sum(prometheus.by(expression).values())


def _capacities(prometheus: Prometheus, items: Mapping[str, float]) -> Dict[str, Optional[float]]:
    models = prometheus.by(ANSWERING, "instance", "engine", "model")
    pace = prometheus.by("hotpath_engine_pace_ratio", "instance", "engine")
    workers = prometheus.by("hotpath_workers_ready", "instance")
    decoding = prometheus.by(DECODING, "instance")
    batches: Dict[str, List[WarmBatch]] = {}
    for labels, seconds in prometheus.ask("hotpath_warm_batch_seconds"):
        row = WarmBatch(labels["engine"], int(labels["length"]), int(labels["batch_size"]), seconds)
        batches.setdefault(labels["instance"], []).append(row)
    shares = _shares(items, [model for _, _, model in models])
    lengths = _lengths(prometheus)
    found = {}
    for name in batches:
        host = Host(
            batches[name],
            {engine: ratio for (at, engine), ratio in pace.items() if at == name},
            {engine: model for at, engine, model in models if at == name},
            int(workers.get((name,), 0)),
            decoding.get((name,)),
        )
        found[name] = capacity(host, shares, lengths)
    return found


def _shares(items: Mapping[str, float], served: List[str]) -> Dict[str, float]:
    """Each model's part of the items; equal parts while nobody asks for anything."""
    whole = sum(items.values())
    names = sorted(set(served))
    return {name: items.get(name, 0.0) / whole if whole else 1.0 / len(names) for name in names}


def _lengths(prometheus: Prometheus) -> Dict[str, float]:
    """Mean units of a model's item."""
    by_model = "sum by (model) (%s * on (instance, engine) group_left (model) %s)"
    units = prometheus.by(by_model % (UNITS, ANSWERING), "model")
    rates = prometheus.by('sum by (model) (rate(hotpath_predictions_total{result="ok"}[5m]))', "model")
    return {model: units[(model,)] / rate for (model,), rate in rates.items() if rate and (model,) in units}

"""How many images/s a host can carry, from what its service measured of itself: a pure function."""

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional


class WarmBatch(NamedTuple):
    """A row of the warm-up's table: a batch of `size` items of at most `length` units took `seconds`."""

    engine: str
    length: int
    size: int
    seconds: float


class Host(NamedTuple):
    """What a host's service tells. Engines are named as in its metrics; only those that answer are in `models`."""

    batches: List[WarmBatch]
    pace: Dict[str, float]  # engine -> how long batches take now, as a multiple of the table
    models: Dict[str, str]  # engine -> the model it runs
    workers: int  # that decode
    decode_s: Optional[float]  # mean of an item, None where nothing was decoded lately


def capacity(host: Host, shares: Mapping[str, float], lengths: Mapping[str, float]) -> Optional[float]:
    """Items/s that the host carries of this mixture, or None where what it needs is not told.

    `shares` is each model's part of the items asked for, `lengths` the mean units of a model's item. Every engine is
    taken at its best batch size, and models of one host as if they took turns, which is the least they carry.
    """
    seconds = 0.0
    for model, share in shares.items():
        if share > 0:
            rate = sum(_rate(host, engine, lengths.get(model, 1.0)) for engine in _engines(host, model))
            if rate <= 0:
                return None
            seconds += share / rate
    if not seconds:
        return None
    carried = 1 / seconds
    return min(carried, host.workers / host.decode_s) if host.decode_s else carried


def _engines(host: Host, model: str) -> Iterable[str]:
    return [engine for engine, runs in host.models.items() if runs == model]


def _rate(host: Host, engine: str, length: float) -> float:
    """Items/s of one engine; 0 where its table or its pace is not there."""
    rows = [row for row in host.batches if row.engine == engine and row.seconds > 0]
    lengths = sorted({row.length for row in rows})
    if not lengths or not host.pace.get(engine):
        return 0.0
    # What is longer than the longest is cut to it, so that one stands for all beyond.
    place = next((one for one in lengths if one >= length), lengths[-1])
    return max(row.size / row.seconds for row in rows if row.length == place) / host.pace[engine]

"""What the routes of one worker share, and the way of one prediction through it."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import Any, Dict, NoReturn, Optional, Sequence

from fastapi import Request
from starlette.requests import ClientDisconnect

from hotpath.codec import ImageLimits, ImageSpec
from hotpath.config import Config
from hotpath.core import EngineSpec, Outcome
from hotpath.http.body import read_image
from hotpath.http.decoding import Decoder
from hotpath.http.errors import Problem
from hotpath.http.waiting import ClientGone, DeadlinePassed, Patience
from hotpath.ipc.arena import Arena
from hotpath.ipc.client import EngineClient, NoEngine
from hotpath.ipc.messages import Status
from hotpath.ipc.slots import Lease, NoFreeSlot, SlotPool
from hotpath.metrics.layout import buckets_up_to
from hotpath.metrics.table import Row, Table
from hotpath.models.built import BuiltModel


@dataclass(frozen=True)
class Served:
    """A model on offer and how its images are prepared."""

    model: BuiltModel
    spec: ImageSpec


class Service:
    """One worker's slots, decoder and links."""

    def __init__(
        self,
        config: Config,
        models: Sequence[BuiltModel],
        engines: Sequence[EngineSpec],
        arena: Arena,
        slots: range,
        table: Table,
        row: Row,
        client: EngineClient,
    ) -> None:
        self.table = table
        self.client = client
        self.draining = False
        self._config = config
        self._engines = engines
        self._row = row
        self._served = {
            model.identity.name: Served(model, ImageSpec.from_dict(model.preprocessing)) for model in models
        }
        self._default = models[0].identity.name
        self._slots = SlotPool(slots, lambda in_use: row.set("hotpath_slots_in_use", in_use))
        self._decoder = Decoder(arena, ImageLimits(pixels=config.limits.pixels), row, config.server.workers)

    def unready(self) -> Optional[str]:
        """Why new requests should go elsewhere; None when they are welcome."""
        return "The service is shutting down." if self.draining else self._cold()

    def _cold(self) -> Optional[str]:
        cold = [name for name in self._served if not self.client.ready(name)]
        return f"No engine is warm yet for: {', '.join(cold)}." if cold else None

    async def predict(self, request: Request, name: Optional[str]) -> Dict[str, Any]:
        """The answer to one request. Raises Problem, ImageError or ClientGone."""
        started = time.monotonic()
        served = self._served.get(name or self._default)
        if served is None:
            known = ", ".join(sorted(self._served))
            raise Problem(404, "unknown_model", f"There is no model {name!r}.", f"Ask for one of: {known}.")
        reason = self._cold()  # while draining, what was accepted is still answered
        if reason is not None:
            self._shed("not_ready", 503, reason)
        try:
            with self._slots.lease() as lease:
                return await self._run(request, served, lease, started)
        except NoFreeSlot:
            self._shed("no_slot", 429, "Every place in the service is taken.")
        except NoEngine:
            self._shed("not_ready", 503, "No engine is warm.")
        except DeadlinePassed as error:
            raise self._late() from error
        except (ClientDisconnect, ClientGone) as error:
            self._row.add("hotpath_shed", ("client_gone",))
            raise ClientGone from error

    async def _run(self, request: Request, served: Served, lease: Lease, started: float) -> Dict[str, Any]:
        limits = self._config.limits
        deadline = started + limits.request_timeout_s
        model = served.model
        body = await read_image(request, limits.body_bytes, limits.request_timeout_s)
        async with Patience(request, deadline) as patience:
            decode_s = await patience.wait(self._decoder.start(body, served.spec, model.shape, lease))
            outcome = await patience.wait(self.client.submit(lease, model.identity.name, deadline))
        total_s = time.monotonic() - started
        if outcome.status == Status.EXPIRED:
            raise self._late()
        if outcome.status != Status.OK or outcome.ranking is None:
            self._shed("engine_failed", 503, "The engine failed while it worked on this request.")
        self._row.observe("hotpath_request_seconds", total_s)
        return _answer(model, outcome, decode_s, total_s)

    def _shed(self, reason: str, status: int, message: str) -> NoReturn:
        code = {"no_slot": "busy", "not_ready": "not_ready", "engine_failed": "engine_failed"}[reason]
        self._row.add("hotpath_shed", (reason,))
        seconds = self._retry_after()
        remedy = f"Try again in {seconds} s, or on another host."
        raise Problem(status, code, message, remedy, {"Retry-After": str(seconds)})

    def _late(self) -> Problem:
        timeout = self._config.limits.request_timeout_s
        return Problem(
            504,
            "request_timeout",
            f"The request could not be finished within {timeout:g} s.",
            "Try again later; the operators set this limit as limits.request_timeout_s.",
        )

    def _retry_after(self) -> int:
        """Whole seconds until what is inside now will be done, by the rates measured at warm-up."""
        rate = 0.0
        for row in self.table.engines:
            for size in buckets_up_to(self._config.batching.max_batch)[-1:]:
                seconds = row.get("hotpath_warm_batch_seconds", (str(size),))
                rate += size / seconds if seconds else 0.0
        inside = self.table.total("hotpath_slots_in_use")
        return max(1, math.ceil(inside / rate)) if rate else 1


def _answer(model: BuiltModel, outcome: Outcome, decode_s: float, total_s: float) -> Dict[str, Any]:
    assert outcome.ranking is not None
    top = [
        {"class": index, "label": model.labels[index], "score": round(score, 6)}
        for index, score in zip(outcome.ranking.classes, outcome.ranking.scores)
    ]
    seconds = {"decode": decode_s, "queue": outcome.queue_s, "compute": outcome.compute_s, "total": total_s}
    return {
        "pred_class": top[0]["class"],
        "label": top[0]["label"],
        "score": top[0]["score"],
        "top_k": top,
        "model": {"name": model.identity.name, "version": model.identity.version},
        "batch_size": outcome.batch_size,
        "timings_ms": {name: round(value * 1000, 3) for name, value in seconds.items()},
    }


def render(answer: Dict[str, Any]) -> bytes:
    """JSON as short as it gets."""
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()

"""FastAPI + batches of 8 as the article wrote it: a task wakes every 10 ms and runs 8 when 8 wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import torch
from fastapi import FastAPI, File, UploadFile
from picture import Model, prepare

BATCH = 8
POLL_S = 0.01
queue: list[tuple[torch.Tensor, asyncio.Future[int]]] = []
model = Model()


async def run_batches() -> None:
    while True:
        await asyncio.sleep(POLL_S)
        if len(queue) >= BATCH:
            batch = [queue.pop(0) for _ in range(BATCH)]
            for (_, answer), found in zip(batch, model(torch.stack([image for image, _ in batch]))):
                if not answer.done():
                    answer.set_result(found)


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(run_batches())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/ready")
async def ready() -> str:
    return "ready"


@app.post("/predict")
async def predict(file: Annotated[UploadFile, File()]) -> dict[str, int]:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    queue.append((prepare(await file.read()), answer))
    return {"pred_class": await answer}

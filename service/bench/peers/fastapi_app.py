"""FastAPI + PyTorch as the article wrote it: decoding and inference in the endpoint, for each image alone."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, File, UploadFile
from picture import Model, prepare

app = FastAPI()
model = Model()


@app.get("/ready")
async def ready() -> str:
    return "ready"


@app.post("/predict")
async def predict(file: Annotated[UploadFile, File()]) -> dict[str, int]:
    return {"pred_class": model(prepare(await file.read()).unsqueeze(0))[0]}

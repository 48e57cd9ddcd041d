"""FastAPI around a detector: the photograph is the body, looked at in a plain function."""

from __future__ import annotations

from typing import Annotated, Any

from detector import Detector, prepare
from fastapi import Body, FastAPI

app = FastAPI()
detector = Detector()


@app.post("/predict")
def predict(photograph: Annotated[bytes, Body(media_type="image/jpeg")]) -> dict[str, Any]:
    return detector([prepare(photograph)])[0]

"""Flask + PyTorch, the article's first version: one image at a time, under gunicorn's four workers."""

from __future__ import annotations

from flask import Flask, request
from picture import Model, prepare

app = Flask(__name__)
model = Model()


@app.get("/ready")
def ready() -> str:
    return "ready"


@app.post("/predict")
def predict() -> dict[str, int]:
    return {"pred_class": model(prepare(request.files["file"].read()).unsqueeze(0))[0]}

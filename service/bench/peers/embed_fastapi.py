"""FastAPI + sentence-transformers as its users write it: a plain function that encodes one request's text."""

from __future__ import annotations

import os

from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

app = FastAPI()
model = SentenceTransformer(os.environ["BENCH_MODEL"], device="cpu")


class Text(BaseModel):
    text: str


@app.post("/embed")
def embed(asked: Text) -> dict[str, list[float]]:
    return {"embedding": model.encode(asked.text, normalize_embeddings=True).tolist()}

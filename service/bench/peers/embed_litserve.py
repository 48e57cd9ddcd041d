"""LitServe by its guide on batching: the texts of a batch go to sentence-transformers together."""

from __future__ import annotations

import os
from typing import Any

import litserve
from sentence_transformers import SentenceTransformer


class Embedder(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = SentenceTransformer(os.environ["BENCH_MODEL"], device="cpu")

    def decode_request(self, request: dict[str, str]) -> str:
        return request["text"]

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, x: list[str]) -> Any:
        return self.model.encode(x, normalize_embeddings=True)

    def unbatch(self, output: Any) -> list[Any]:
        return list(output)

    def encode_response(self, output: Any) -> dict[str, list[float]]:
        return {"embedding": output.tolist()}


if __name__ == "__main__":
    api = Embedder(max_batch_size=32, batch_timeout=0.01)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=os.cpu_count() or 1)
    port = int(os.environ["BENCH_PORT"])
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="error")

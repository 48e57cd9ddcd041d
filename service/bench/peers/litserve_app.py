"""LitServe by its guide on speed: base64 in JSON, batches, a pool of threads for the images, two workers."""

from __future__ import annotations

import base64
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import litserve
import torch
from picture import PORT, Model, prepare


class Classifier(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.model = Model()

    def decode_request(self, request: dict[str, str]) -> str:
        return request["image_data"]

    def batch(self, inputs: list[str]) -> torch.Tensor:
        return torch.stack(list(self.pool.map(lambda text: prepare(base64.b64decode(text)), inputs)))

    def predict(self, x: torch.Tensor) -> list[int]:
        return self.model(x)

    def unbatch(self, output: list[int]) -> list[int]:
        return output

    def encode_response(self, output: int) -> dict[str, Any]:
        return {"pred_class": output}


if __name__ == "__main__":
    api = Classifier(max_batch_size=8, batch_timeout=0.01)
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=int(os.environ.get("BENCH_WORKERS", "2"))
    )
    server.run(host="127.0.0.1", port=PORT, num_api_servers=1, generate_client_file=False, log_level="error")

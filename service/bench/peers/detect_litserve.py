"""LitServe by its guide on speed: base64 in JSON, batches, a pool of threads for the photographs."""

from __future__ import annotations

import base64
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import litserve
from detector import PORT, Detector, Picture, prepare


class Objects(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.detector = Detector()

    def decode_request(self, request: dict[str, str]) -> str:
        return request["image_data"]

    def batch(self, inputs: list[str]) -> list[Picture]:
        return list(self.pool.map(lambda text: prepare(base64.b64decode(text)), inputs))

    def predict(self, x: list[Picture]) -> list[dict[str, Any]]:
        return self.detector(x)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    api = Objects(max_batch_size=8, batch_timeout=0.01)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=os.cpu_count() or 1)
    server.run(host="127.0.0.1", port=PORT, num_api_servers=1, generate_client_file=False, log_level="error")

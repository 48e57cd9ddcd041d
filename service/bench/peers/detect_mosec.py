"""mosec by its ResNet-50 example: processes for the photographs, then some that batch; raw bodies.

mosec reads host and port from its command line.
"""

from __future__ import annotations

import os
from typing import Any

from detector import Detector, Picture, prepare
from mosec import Server, Worker


class Preprocess(Worker):
    def deserialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: bytes) -> Picture:
        return prepare(data)


class Inference(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.detector = Detector()

    def forward(self, data: list[Picture]) -> list[dict[str, Any]]:
        return self.detector(data)


if __name__ == "__main__":
    server = Server()
    server.append_worker(Preprocess, num=os.cpu_count() or 1)
    server.append_worker(Inference, num=os.cpu_count() or 1, max_batch_size=8, max_wait_time=10)
    server.run()

"""mosec by its ResNet-50 example: processes for the images, then one that batches; the body is the image.

mosec reads host and port from its command line.
"""

from __future__ import annotations

import os

import torch
from mosec import Server, Worker
from picture import Model, prepare


class Preprocess(Worker):
    def deserialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: bytes) -> torch.Tensor:
        return prepare(data)


class Inference(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.model = Model()

    def forward(self, data: list[torch.Tensor]) -> list[dict[str, int]]:
        return [{"pred_class": found} for found in self.model(torch.stack(data))]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Preprocess, num=os.cpu_count() or 1)
    server.append_worker(Inference, num=1, max_batch_size=8, max_wait_time=10)
    server.run()

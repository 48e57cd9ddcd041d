"""Triton's Python path by PyTriton's multi-instance example: JPEG bytes in, an instance for each CPU."""

from __future__ import annotations

import os

import numpy
import torch
from picture import PORT, Model, prepare
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig


class Infer:
    """One instance."""

    def __init__(self) -> None:
        self.model = Model()

    @batch
    def __call__(self, image: numpy.ndarray) -> dict[str, numpy.ndarray]:
        classes = self.model(torch.stack([prepare(row[0]) for row in image]))
        return {"pred_class": numpy.array(classes, dtype=numpy.int32)[:, None]}


if __name__ == "__main__":
    config = TritonConfig(http_port=PORT, http_address="127.0.0.1", allow_grpc=False, allow_metrics=False)
    with Triton(config=config) as triton:
        triton.bind(
            model_name="classifier",
            infer_func=[Infer() for _ in range(os.cpu_count() or 1)],
            inputs=[Tensor(name="image", dtype=bytes, shape=(1,))],
            outputs=[Tensor(name="pred_class", dtype=numpy.int32, shape=(1,))],
            config=ModelConfig(max_batch_size=8, batcher=DynamicBatcher()),
            strict=False,
        )
        triton.serve()

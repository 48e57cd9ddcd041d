"""The model as Triton's Python back end loads it; lies in the repository as classifier/1/model.py."""

from __future__ import annotations

from typing import Any

import numpy
import torch
import triton_python_backend_utils as triton
from picture import Model, prepare


class TritonPythonModel:
    """One instance, in a process of its own."""

    def initialize(self, arguments: dict[str, str]) -> None:
        self.model = Model()

    def execute(self, requests: list[Any]) -> list[Any]:
        """One batch: every request's images together, then the answers apart."""
        bodies = [row for request in requests for row in triton.get_input_tensor_by_name(request, "image").as_numpy()]
        classes = numpy.array(self.model(torch.stack([prepare(row[0]) for row in bodies])), dtype=numpy.int32)
        answers = []
        for request in requests:
            count = len(triton.get_input_tensor_by_name(request, "image").as_numpy())
            mine, classes = classes[:count, None], classes[count:]
            answers.append(triton.InferenceResponse(output_tensors=[triton.Tensor("pred_class", mine)]))
        return answers

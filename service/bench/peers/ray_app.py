"""Ray Serve by its guides: a deployment of replicas for the images in front of one with @serve.batch."""

from __future__ import annotations

import os
import signal

import ray
import torch
from picture import PORT, Model, prepare
from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


@serve.deployment(max_ongoing_requests=128, ray_actor_options={"num_cpus": 0})
class Classifier:
    def __init__(self) -> None:
        self.model = Model()

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.01)
    async def __call__(self, images: list[torch.Tensor]) -> list[int]:
        return self.model(torch.stack(images))


@serve.deployment(num_replicas=os.cpu_count(), max_ongoing_requests=128, ray_actor_options={"num_cpus": 0})
class Ingress:
    def __init__(self, classifier: DeploymentHandle) -> None:
        self.classifier = classifier

    async def __call__(self, request: Request) -> Response:
        if request.method == "GET":
            return Response("ready")
        return JSONResponse({"pred_class": await self.classifier.remote(prepare(await request.body()))})


if __name__ == "__main__":
    ray.init(
        include_dashboard=False, log_to_driver=False, num_cpus=os.cpu_count(), _node_ip_address="127.0.0.1"
    )
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    serve.run(Ingress.bind(Classifier.bind()))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()

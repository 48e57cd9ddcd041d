"""mosec by its example of an embedding service: sentence-transformers in workers that batch; JSON.

mosec reads host and port from its command line.
"""

from __future__ import annotations

import os
from typing import Any

from mosec import Server, Worker
from sentence_transformers import SentenceTransformer


class Embedder(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.model = SentenceTransformer(os.environ["BENCH_MODEL"], device="cpu")

    def forward(self, data: list[dict[str, str]]) -> list[dict[str, Any]]:
        found = self.model.encode([one["text"] for one in data], normalize_embeddings=True)
        return [{"embedding": row.tolist()} for row in found]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Embedder, num=os.cpu_count() or 1, max_batch_size=32, max_wait_time=10)
    server.run()

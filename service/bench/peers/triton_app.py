"""Triton's Python back end by its documentation: JPEG bytes in, Triton's dynamic batcher, an instance for each CPU.

The server and its back end come from the package nvidia-pytriton. PyTriton's own way of binding a function is passed
over: it adds a process and a copy to what Triton's documentation recommends, and its helper fails on this Python.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from picture import PORT

CONFIG = """
name: "classifier"
backend: "python"
max_batch_size: 8
input [ {{ name: "image" data_type: TYPE_STRING dims: [ 1 ] }} ]
output [ {{ name: "pred_class" data_type: TYPE_INT32 dims: [ 1 ] }} ]
dynamic_batching {{ }}
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
"""


def lay_out(home: Path) -> list[str]:
    """The model repository and the back end in `home`; the server's command."""
    site = Path(sysconfig.get_path("purelib"))
    triton = site / "pytriton" / "tritonserver"
    shutil.rmtree(home, ignore_errors=True)
    (home / "models" / "classifier" / "1").mkdir(parents=True)
    (home / "models" / "classifier" / "config.pbtxt").write_text(CONFIG.format(instances=os.cpu_count()))
    shutil.copyfile(Path(__file__).with_name("triton_model.py"), home / "models/classifier/1/model.py")
    shutil.copytree(triton, home / "tritonserver", ignore=shutil.ignore_patterns("python_backend_stubs"))
    # The libraries are found beside the package, by a path relative to the binaries.
    (home / "nvidia_pytriton.libs").symlink_to(site / "nvidia_pytriton.libs")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = home / "tritonserver/backends/python/triton_python_backend_stub"
    shutil.copy(triton / "python_backend_stubs" / version / "triton_python_backend_stub", stub)
    return [
        str(home / "tritonserver/bin/tritonserver"),
        f"--model-repository={home / 'models'}",
        f"--backend-directory={home / 'tritonserver/backends'}",
        f"--http-port={PORT}",
        "--http-address=127.0.0.1",
        "--allow-grpc=false",
        "--allow-metrics=false",
    ]


if __name__ == "__main__":
    command = lay_out(Path.cwd() / "triton")
    packages = sysconfig.get_path("purelib")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{packages}:{os.environ['PYTHONPATH']}",
        "PYTHONHOME": sys.base_prefix,
    }
    sys.stdout.flush()
    os.execve(command[0], command, environment)

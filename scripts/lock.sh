#!/usr/bin/env bash
# Writes requirements/controller.txt, and service/locks/*.txt from the pins below, anew; versions already locked stay
# unless --upgrade is given.
#
#   scripts/lock.sh [--upgrade]
#
# Needs uv on the PATH (`make` installs it into .cache/venv/service). The locks name no index and hold the complete
# closure, so that pip installs them with --no-deps --require-hashes.
set -euo pipefail
cd "$(dirname "$0")/.."

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
locks=service/locks
compile() { # PYTHON OUTPUT ARGUMENT...: resolve from metadata alone, for glibc 2.28, EL8's
    local python=$1 output=$2
    shift 2
    uv pip compile --quiet --no-config --no-header --no-annotate --generate-hashes --only-binary :all: \
        --python-version "$python" --python-platform x86_64-manylinux_2_28 -o "$output" "$@" > /dev/null
    echo "$output: $(grep -c '^[a-z]' "$output") packages"
}

upgrade=("$@")
compile 3.11 requirements/controller.txt requirements/controller.in "${upgrade[@]}"
# What the service can do without, and every set holds: traces, the state of NVIDIA's devices, and gRPC.
extras=(--extra tracing --extra nvidia --extra grpc)

# torch without its CUDA libraries: a machine without a GPU has a CPU build of the same version, which has its own
# hash. pip takes the build that it finds; both are what was tested.
torch_cpu_build=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
printf '%s\n' filelock fsspec jinja2 networkx sympy typing-extensions 'setuptools<82' > "$room/torch-needs.in"
printf '%s\n' torch==2.13.0 efficientnet-lite-pytorch==0.1.0 > "$room/torch.in"
compile 3.11 $locks/cpu-py311.txt "${extras[@]}" "$room/torch-needs.in" service/pyproject.toml "${upgrade[@]}"
compile 3.11 "$room/torch.txt" --no-deps "$room/torch.in"
sed "s|^torch==2.13.0 .*|&\n    --hash=$torch_cpu_build \\\\|" "$room/torch.txt" >> $locks/cpu-py311.txt

# For models of texts, without what tokenizers asks for to fetch files from a hub: the service has them all.
texts() { # PYTHON LOCK PIN...: add them to a lock
    local python=$1 output=$2
    shift 2
    printf '%s\n' "$@" > "$room/texts.in"
    compile "$python" "$room/texts.txt" --no-deps "$room/texts.in"
    cat "$room/texts.txt" >> "$output"
}
texts 3.11 $locks/cpu-py311.txt tokenizers==0.23.3 safetensors==0.8.0

# CentOS 8 with driver 510: the last set that its Python and its driver both run.
cat > "$room/cuda11.6.in" << 'PINS'
torch==1.13.1
torch-tensorrt==1.3.0
tensorrt==8.5.3.1
efficientnet-lite-pytorch==0.1.0
PINS
cat > "$room/py38.in" << 'PINS'
cykooz.resizer==3.0.0
fastapi==0.124.4
grpcio==1.70.0
httptools==0.6.4
numpy==1.24.4
opentelemetry-exporter-otlp-proto-http==1.33.1
opentelemetry-sdk==1.33.1
pillow==10.4.0
prometheus-client==0.21.1
pydantic==2.10.6
python-multipart==0.0.20
simplejpeg==1.7.3
starlette==0.44.0
tomli==2.0.2
uvicorn==0.33.0
uvloop==0.21.0
PINS
compile 3.8 $locks/cuda11.6-py38.txt "${extras[@]}" "$room/cuda11.6.in" "$room/py38.in" service/pyproject.toml "${upgrade[@]}"

texts38=(tokenizers==0.20.3 safetensors==0.5.3) # the last ones with wheels for it
texts 3.8 $locks/cuda11.6-py38.txt "${texts38[@]}"

# Tools. On 3.11 they are installed beside cpu-py311.txt and hold only what that has not; on 3.8 they stand alone,
# without torch.
# Triton's client over gRPC is tested too; its extra for that would pin an older grpcio than the service's.
printf '%s\n' pytest hypothesis httpx 'tritonclient[http]' > "$room/test.in"
printf '%s\n' selenium schemathesis openai langchain-openai > "$room/running.in" # what asks a running service, on 3.11 alone
printf '%s\n' mypy ruff uv > "$room/lint.in"
skip=()
while read -r name; do skip+=(--no-emit-package "$name"); done < <(grep -oE '^[a-z0-9-]+' $locks/cpu-py311.txt)
compile 3.11 $locks/dev-py311.txt -c $locks/cpu-py311.txt "${skip[@]}" "$room/test.in" "$room/running.in" "$room/lint.in" "${upgrade[@]}"
compile 3.8 $locks/dev-py38.txt -c $locks/cuda11.6-py38.txt "${extras[@]}" "$room/test.in" "$room/py38.in" service/pyproject.toml "${upgrade[@]}"
texts 3.8 $locks/dev-py38.txt "${texts38[@]}"

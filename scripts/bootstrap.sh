#!/usr/bin/env bash
# Install what a part of the project needs. Safe to interrupt and to run again: what is complete is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'TXT'
usage: scripts/bootstrap.sh PART...

  system      the Debian packages of requirements/apt.txt (podman and the tools that build a throwaway host)
  vm          the Debian packages of requirements/apt-vm.txt (QEMU, for throwaway hosts that are virtual machines)
  browser     the Debian packages of requirements/apt-browser.txt (Chromium, for the tests of the service's page)
  clients     the Debian packages of requirements/apt-clients.txt (Java's HTTP clients and curl, for the service's tests)
  controller  .cache/venv/controller: Ansible, linters, molecule, testinfra    (Python 3.11 or 3.12)
  service     .cache/venv/service:    the service with torch (CPU) and its test tools          (Python 3.11)
  service38   .cache/venv/service38:  the service without torch and its test tools             (Python 3.8)
  el8         .cache/venv/el8:        the service with the whole set of CentOS 8 and its test tools: torch 1.13.1,
                                      Torch-TensorRT 1.3.0, TensorRT 8.5; 4 GB                 (Python 3.8)
  gpu         .cache/venv/gpu:        the service beside the torch with CUDA that is on this machine, for `make gpu`; where
                                      there is none, the environment `service`. .cache/gpu-python says which Python it is

Environment:
  GPU_PYTHON             the Python whose torch `make gpu` takes (default: the first on the PATH whose torch has CUDA)
  HOTPATH_PYTHON         the Python of the controller (default: the first of python3.11, python3.12)
  HOTPATH_TORCH_WHEELS   a directory or a page of wheels that holds torch's CPU build, if pip does not know one
TXT
}

started=$SECONDS
say() { printf '[%4ds] %s\n' "$((SECONDS - started))" "$*"; }
die() { printf 'bootstrap: %s\n' "$*" >&2; exit 1; }

# The first Python of the given minor versions that really starts (a version manager's shim may exist and fail).
find_python() {
    local minor
    for minor in "$@"; do
        for candidate in "python$minor" "$HOME/.pyenv/versions/$minor".*/bin/python; do
            if "$candidate" -c "import sys, ensurepip, venv; assert '%d.%d' % sys.version_info[:2] == '$minor'" \
                > /dev/null 2>&1; then
                command -v "$candidate"
                return
            fi
        done
    done
    return 1
}

# install_system LIST: the Debian packages that a file names.
install_system() {
    local list=$1 missing=() package
    while read -r package; do
        dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q '^install ok installed' || missing+=("$package")
    done < <(grep -v '^#' "$list")
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get > /dev/null || die "this is not Debian or Ubuntu. Install what corresponds to: ${missing[*]}"
    [ "$(id -u)" -eq 0 ] || die "not root. Run: sudo apt-get install --no-install-recommends ${missing[*]}"
    say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    mkdir -p .cache/logs
    export DEBIAN_FRONTEND=noninteractive
    # An interrupted installation leaves packages unpacked and not configured.
    { dpkg --configure -a && apt-get update -q && apt-get install -y -q --no-install-recommends "${missing[@]}"; } \
        < /dev/null > .cache/logs/apt.log 2>&1 ||
        die "apt-get failed (exit $?): $(tail -n 3 .cache/logs/apt.log). The whole log: .cache/logs/apt.log"
}

# install_venv NAME PYTHON LOCK...: a virtual environment that holds exactly what the lock files name.
install_venv() {
    local name=$1 python=$2 venv=.cache/venv/$1 key
    shift 2
    key=$({ "$python" -VV; cat "$@"; } | sha256sum | cut -c1-16)
    mkdir -p .cache/venv .cache/logs
    exec 9> ".cache/venv/$name.lock"
    flock 9 # a second run waits for the first and then finds its work done
    if [ "$(cat "$venv/.complete" 2> /dev/null)" != "$key" ]; then
        say "Making $venv with $("$python" -V) from $*"
        rm -rf "$venv"
        "$python" -m venv "$venv"
        local arguments=() lock
        for lock in "$@"; do arguments+=(-r "$lock"); done
        [ -z "${HOTPATH_TORCH_WHEELS:-}" ] || arguments+=(--find-links "$HOTPATH_TORCH_WHEELS")
        # The locks are complete, so pip resolves nothing; bytecode is made for what is used, at its first use.
        "$venv/bin/python" -m pip install --no-input --no-deps --require-hashes --no-compile --progress-bar off \
            "${arguments[@]}" < /dev/null > ".cache/logs/venv-$name.log" 2>&1 ||
            die "pip failed: $(grep -m 3 -E '^ *(ERROR|error|Expected|Got)' ".cache/logs/venv-$name.log"). The whole log: .cache/logs/venv-$name.log"
        echo "$key" > "$venv/.complete"
        say "$venv is complete"
    fi
    exec 9>&-
}

# The first Python whose torch is one for CUDA, from 3.9 on; nothing else that is on the machine is asked for.
find_cuda_python() {
    local candidate
    for candidate in ${GPU_PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 /opt/conda/bin/python}; do
        if "$candidate" -c 'import torch; assert torch.version.cuda' > /dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# What the service needs besides torch, into an environment that sees the Python's own packages behind its own.
install_beside_torch() {
    local python=$1 venv=.cache/venv/gpu list=.cache/venv/gpu.txt key
    mkdir -p .cache/venv .cache/logs
    # A package begins a line; its digests are indented. torch and what it brings stay as they are.
    awk '/^[a-zA-Z]/ { keep = !/^(torch|setuptools|sympy|networkx|jinja2|filelock|fsspec)==/ } keep' \
        service/locks/cpu-py311.txt > "$list"
    key=$({ "$python" -VV; cat "$list"; } | sha256sum | cut -c1-16)
    [ "$(cat "$venv/.complete" 2> /dev/null)" != "$key" ] || return 0
    say "Making $venv beside the torch of $python"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    # Not --system-site-packages, which would pass over those of an environment that the Python belongs to.
    "$python" -c 'import sys; print(*(path for path in sys.path if path.endswith("-packages")), sep="\n")' \
        > "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/beside.pth"
    if "$venv/bin/python" -m pip install --no-input --no-deps --require-hashes --no-compile --progress-bar off -r "$list" \
        < /dev/null > .cache/logs/venv-gpu.log 2>&1; then
        echo "$key" > "$venv/.complete"
    else
        say "pip failed, so what this Python has must do: $(grep -m 1 -E '^ *(ERROR|error)' .cache/logs/venv-gpu.log)"
    fi
}

# require_room GB: the wheels are downloaded, unpacked and installed, each in its own place.
require_room() {
    mkdir -p .cache/venv
    local free
    free=$(df --output=avail --block-size=1G .cache/venv/ | tail -n 1)
    [ "$free" -ge "$1" ] || die "$1 GB are needed for a moment, and .cache/venv has $((free)) GB free."
}

# Without a CPU build in reach pip takes the CUDA one from the index and then misses its libraries: say so before.
require_cpu_torch() {
    local python=$1 links=() chosen
    [ -f .cache/venv/service/.complete ] && return 0
    [ -z "${HOTPATH_TORCH_WHEELS:-}" ] || links=(--find-links "$HOTPATH_TORCH_WHEELS")
    chosen=$("$python" -m pip install -q --dry-run --no-deps --ignore-installed --report - "${links[@]}" \
        "$(grep -oE '^torch==[^ ]+' service/locks/cpu-py311.txt)" 2> /dev/null |
        "$python" -c 'import json, sys; print(json.load(sys.stdin)["install"][0]["metadata"]["version"])') ||
        die "pip finds no torch for $("$python" -V). Set HOTPATH_TORCH_WHEELS to a directory or a page of wheels with its CPU build."
    case $chosen in
        *+cpu) ;;
        *) die "pip would take torch $chosen, the CUDA build: gigabytes, and not what a machine without a GPU needs. Set HOTPATH_TORCH_WHEELS to a directory or a page of wheels with the CPU build (PyTorch publishes one at https://download.pytorch.org/whl/cpu/torch/)." ;;
    esac
}

# install PART
install() {
    local python
    case $1 in
        system) install_system requirements/apt.txt ;;
        browser)
            # Ubuntu's packages of these names are no such programs: there the owner brings them.
            if ! { command -v chromium && command -v chromedriver; } > /dev/null; then
                install_system requirements/apt-browser.txt
            fi
            ;;
        vm) install_system requirements/apt-vm.txt ;;
        clients) install_system requirements/apt-clients.txt ;;
        controller)
            python=${HOTPATH_PYTHON:-$(find_python 3.11 3.12)} ||
                die "no Python 3.11 or 3.12 with venv. Install one (Debian: apt-get install python3 python3-venv), or name it in HOTPATH_PYTHON."
            install_venv controller "$python" requirements/controller.txt
            ;;
        service)
            python=$(find_python 3.11) || die "no Python 3.11 with venv; the service's CPU lock is for 3.11."
            require_cpu_torch "$python"
            # pip prefers the index's CUDA build, because an index states digests and a directory of wheels does not.
            mkdir -p .cache/venv
            sed -n 's/^\(torch==[^ ]*\) .*/\1+cpu/p' service/locks/cpu-py311.txt > .cache/venv/torch-constraint.txt
            PIP_CONSTRAINT=$PWD/.cache/venv/torch-constraint.txt install_venv service "$python" service/locks/cpu-py311.txt service/locks/dev-py311.txt
            ;;
        service38)
            # The stack of CentOS 8. Not every machine has it, so its absence is said and shown in the results' table.
            if python=$(find_python 3.8); then
                install_venv service38 "$python" service/locks/dev-py38.txt
            else
                say "No Python 3.8 with venv on this machine: the service is not tested on it"
            fi
            ;;
        gpu)
            if python=$(find_cuda_python); then
                install_beside_torch "$python"
                echo "$PWD/.cache/venv/gpu/bin/python" > .cache/gpu-python
            else
                [ -z "${GPU_PYTHON:-}" ] || die "GPU_PYTHON=$GPU_PYTHON has no torch with CUDA."
                say "No Python on this machine has a torch with CUDA (GPU_PYTHON names one): the CPU's stands in"
                install service
                echo "$PWD/.cache/venv/service/bin/python" > .cache/gpu-python
            fi
            ;;
        el8)
            python=$(find_python 3.8) || die "no Python 3.8 with venv; the set of CentOS 8 is for 3.8."
            [ -e .cache/venv/el8/.complete ] || require_room 12
            install_venv el8 "$python" service/locks/cuda11.6-py38.txt service/locks/dev-py38.txt
            ;;
    esac
}

[ $# -gt 0 ] || { usage >&2; exit 2; }
packages=() venvs=()
for part in "$@"; do
    case $part in
        -h | --help) usage ;;
        system | browser | vm | clients) packages+=("$part") ;;
        controller | service | service38 | el8 | gpu) venvs+=("$part") ;;
        *) usage >&2; die "unknown part: $part" ;;
    esac
done

# pip downloads and unpacks on one CPU, so environments are made side by side; dpkg lets in one at a time.
install_packages() {
    local part
    for part in "${packages[@]}"; do install "$part"; done
}

running=()
install_packages &
running+=($!)
for part in "${venvs[@]}"; do
    install "$part" &
    running+=($!)
done
failed=0
for job in "${running[@]}"; do wait "$job" || failed=1; done
exit "$failed"

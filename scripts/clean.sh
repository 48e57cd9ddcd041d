#!/usr/bin/env bash
# Remove the images of the throwaway hosts and .cache. What another checkout or another project owns stays.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v podman > /dev/null; then
    podman images --quiet --filter 'reference=localhost/hotpath-*' | sort -u | while read -r image; do
        podman rmi "$image" > /dev/null 2>&1 || echo "kept image $image: a host of another checkout uses it"
    done
fi
rm -rf .cache

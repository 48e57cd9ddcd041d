"""The way into a throwaway host."""

from __future__ import annotations

from .cache import CACHE, run
from .engine import runtime_options

KEY = CACHE / "ssh" / "id_ed25519"


def ensure_ssh_key() -> None:
    """Make the key that opens every throwaway host of this checkout, once."""
    if not KEY.exists():
        KEY.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hotpath throwaway hosts", "-f", KEY])


def ssh_arguments(container: str) -> list[str]:
    """Options with which ssh reaches a container: no port and no network, sshd talks through the engine."""
    return proxy_options(" ".join(["podman", *runtime_options(), "exec", "-i", container, "/usr/sbin/sshd", "-i"]))


def proxy_options(proxy: str) -> list[str]:
    """Options with which ssh talks through a command: it stays on this machine, so there is no host key to check."""
    return [
        "-o", f"ProxyCommand={proxy}",
        "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null",
        "-o", "LogLevel=ERROR",
    ]  # fmt: skip

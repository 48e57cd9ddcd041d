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
    """Options with which ssh reaches a host: no port and no network, sshd talks through the engine.

    The engine's own channel can't be tapped, so there is no host key to know.
    """
    proxy = f"podman {' '.join(runtime_options())} exec -i {container} /usr/sbin/sshd -i".replace("  ", " ")
    return [
        "-o", f"ProxyCommand={proxy}",
        "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null",
        "-o", "LogLevel=ERROR",
    ]  # fmt: skip

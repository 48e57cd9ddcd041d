"""The keys that sign the offline mirror, generated once for a checkout."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .cache import CACHE, run

KEYRING = CACHE / "keyring"
FINGERPRINTS = "fingerprints.json"


@dataclass(frozen=True)
class Owner:
    """Who signs. `clock` (as 20190101T000000) dates key and signatures back."""

    name: str
    clock: str = ""
    expires: str = "never"


OWNERS = {
    "centos": Owner("CentOS (test double) <centos@example.test>"),
    "epel": Owner("Fedora EPEL 8 (test double) <epel@example.test>"),
    "nvidia": Owner("cudatools (test double) <cudatools@example.test>"),
    "stranger": Owner("Stranger (test double) <stranger@example.test>"),
    # Expired in 2020, and it signs as if it were 2019.
    "expired": Owner("cudatools 2019 (test double) <old@example.test>", clock="20190101T000000", expires="1y"),
}


@dataclass(frozen=True)
class Signer:
    """A signing key in an unlocked keyring."""

    home: Path
    fingerprint: str
    clock: str

    def public_key(self) -> str:
        """The armored public key."""
        return run(["gpg", "--armor", "--export", self.fingerprint], env={"GNUPGHOME": str(self.home)})

    def sign(self, rpms: Sequence[Path]) -> None:
        """Sign rpm files in place."""
        defines = [f"_gpg_name {self.fingerprint}", "__gpg /usr/bin/gpg", f"_gpg_path {self.home}"]
        if self.clock:
            defines.append(f"_gpg_sign_cmd_extra_args --faked-system-time {self.clock}")
        options = [word for define in defines for word in ("--define", define)]
        run(["rpmsign", *options, "--addsign", *rpms])


def known_fingerprints() -> dict[str, str]:
    """Fingerprints by owner, empty before any mirror was made."""
    path = KEYRING / FINGERPRINTS
    fingerprints: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return fingerprints


@contextmanager
def signers() -> Iterator[Mapping[str, Signer]]:
    """Unlock the keyring, made first when there is none, and give a signer for each owner."""
    # gpg-agent's socket lies in the keyring and its path may not be long, so a copy in the temporary folder is used.
    home = Path(tempfile.mkdtemp(prefix="hotpath-gpg-"))
    try:
        if known_fingerprints().keys() != OWNERS.keys():
            _generate(home)
        else:
            shutil.copytree(KEYRING, home, dirs_exist_ok=True)
        yield {owner: Signer(home, mark, OWNERS[owner].clock) for owner, mark in known_fingerprints().items()}
    finally:
        run(["gpgconf", "--homedir", home, "--kill", "all"])
        shutil.rmtree(home, ignore_errors=True)


def _generate(home: Path) -> None:
    fingerprints = {name: _new_key(home, owner) for name, owner in OWNERS.items()}
    (home / FINGERPRINTS).write_text(json.dumps(fingerprints))
    run(["gpgconf", "--homedir", home, "--kill", "all"])  # its sockets can't be copied
    partial = KEYRING.with_suffix(".partial")
    for leftover in (partial, KEYRING):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(home, partial, ignore=shutil.ignore_patterns("S.*"))
    partial.rename(KEYRING)


def _new_key(home: Path, owner: Owner) -> str:
    """Generate an RSA key, the kind that EL8's rpm can read, and return its fingerprint."""
    env = {"GNUPGHOME": str(home)}
    faked = ["--faked-system-time", owner.clock] if owner.clock else []
    generate = ["--quick-gen-key", owner.name, "rsa2048", "sign", owner.expires]
    run(["gpg", "--batch", "--quiet", "--passphrase", "", *faked, *generate], env=env)
    listing = run(["gpg", "--batch", "--with-colons", "--list-keys", owner.name], env=env)
    return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

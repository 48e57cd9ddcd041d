"""Public keys that sign packages: brought, described by gpg and judged. Runs on the host's Python 3.6."""

import os
from typing import Any, List, Mapping, Tuple

from ansible.module_utils.host_dnf import NoAnswer, download, without_credentials
from ansible.module_utils.openpgp import PublicKey, expiry_date, has_expired, parse_colons


class KeyProblem(Exception):
    """A key that cannot be trusted; the message names it, the reason and the way out."""


def fetch(source: str) -> bytes:
    """The key at file:// or http(s)://."""
    try:
        content: bytes = download(source, timeout=20)
    except NoAnswer as error:
        raise KeyProblem("{0} cannot be read: {1}".format(without_credentials(source), error)) from error
    return content


def describe(module: Any, content: bytes, source: str) -> List[PublicKey]:
    """The keys in a file, armored or not; at least one."""
    command = ["gpg", "--batch", "--quiet", "--no-options", "--homedir", module.tmpdir, "--with-colons"]
    command += ["--import-options", "show-only", "--import", _written(module, content)]
    code, out, err = module.run_command(command)
    keys: List[PublicKey] = parse_colons(out)
    if not keys:
        raise KeyProblem(
            "{0} holds no OpenPGP public key that gpg can read ({1}). Look at what lies there, and get the key from "
            "its vendor again".format(without_credentials(source), " ".join(err.split()) or code)
        )
    return keys


def judged_key(module: Any, entry: Mapping[str, str]) -> Tuple[PublicKey, bytes]:
    """The one key at `source`, with its file: of the expected `fingerprint` (empty trusts it), valid, known to rpm."""
    fingerprint = entry["fingerprint"].replace(" ", "").upper()
    source = without_credentials(entry["source"])
    content = fetch(entry["source"])
    keys = describe(module, content, source)
    if len(keys) > 1:
        raise KeyProblem(
            "{0} holds {1} keys ({2}), and rpm would trust them all. Put the wanted one alone into a file "
            "(gpg --armor --export FINGERPRINT)".format(source, len(keys), ", ".join(key.fingerprint for key in keys))
        )
    key = keys[0]
    if fingerprint and key.fingerprint != fingerprint:
        raise KeyProblem(
            "{0} holds the key {1} ({2}), expected {3}. Somebody may have replaced it, or the vendor changed "
            "keys: compare with the vendor's announcement before the fingerprint in el8_repositories_fingerprints "
            "is changed".format(source, key.fingerprint, key.user, fingerprint)
        )
    if has_expired(key):
        raise KeyProblem(
            "the key {0} ({1}) in {2} expired on {3}. Packages signed with it cannot be checked: get the "
            "vendor's renewed key, or a mirror that is up to date; a wrong clock of the host has the same "
            "effect".format(key.fingerprint, key.user, source, expiry_date(key))
        )
    _require_rpm(module, key, content, source)
    return key, content


def _require_rpm(module: Any, key: PublicKey, content: bytes, source: str) -> None:
    """See that rpm imports the key, into a database that is thrown away."""
    path = _written(module, content)
    command = ["rpmkeys", "--dbpath", os.path.join(module.tmpdir, "rpmdb"), "--import", path]
    code, out, err = module.run_command(command)
    if code != 0:
        raise KeyProblem(
            "{0} holds the key {1} ({2}), which the host's rpm cannot import ({3}). It wants one ASCII-armored key "
            "(gpg --armor --export {1}) of an algorithm that it knows, RSA for example: get the vendor's key in that "
            "form".format(
                source, key.fingerprint, key.user, " ".join((err or out).replace(path + ": ", "").split()) or code
            )
        )


def _written(module: Any, content: bytes) -> str:
    path = os.path.join(module.tmpdir, "signing-key")
    with open(path, "wb") as stream:
        stream.write(content)
    return path

"""Public keys that sign packages: brought, described by gpg and judged. Runs on the host's Python 3.6."""

from typing import Any, List, Mapping, Tuple

from ansible.module_utils.openpgp import PublicKey, expiry_date, has_expired, parse_colons
from ansible.module_utils.urls import fetch_url


class KeyProblem(Exception):
    """A key that cannot be trusted; the message names it, the reason and the way out."""


def fetch(module: Any, source: str) -> str:
    """The armored key at file:// or http(s)://."""
    if source.startswith("file://"):
        try:
            with open(source[len("file://") :]) as stream:
                return stream.read()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyProblem("{0} cannot be read: {1}".format(source, error)) from error
    response, info = fetch_url(module, source, timeout=20)
    if info["status"] != 200:
        raise KeyProblem("{0} cannot be fetched: {1}".format(source, info["msg"]))
    return str(response.read().decode("ascii"))


def describe(module: Any, text: str, source: str) -> List[PublicKey]:
    """The keys in an armored text."""
    command = ["gpg", "--batch", "--no-options", "--homedir", module.tmpdir, "--with-colons"]
    command += ["--import-options", "show-only", "--import"]
    code, out, err = module.run_command(command, data=text)
    keys: List[PublicKey] = parse_colons(out)
    if not keys:
        raise KeyProblem("{0} holds no OpenPGP public key ({1})".format(source, err.strip() or code))
    return keys


def judged_key(module: Any, entry: Mapping[str, str]) -> Tuple[PublicKey, str]:
    """The one key at `source`, with its text: of the expected `fingerprint` (empty trusts it), not expired."""
    fingerprint = entry["fingerprint"].replace(" ", "").upper()
    text = fetch(module, entry["source"])
    keys = describe(module, text, entry["source"])
    if len(keys) > 1:
        raise KeyProblem("{0} holds {1} keys, expected one".format(entry["source"], len(keys)))
    key = keys[0]
    if fingerprint and key.fingerprint != fingerprint:
        raise KeyProblem(
            "{0} holds the key {1} ({2}), expected {3}. Somebody may have replaced it, or the vendor changed "
            "keys: compare with the vendor's announcement before the fingerprint in el8_repositories_fingerprints "
            "is changed".format(entry["source"], key.fingerprint, key.user, fingerprint)
        )
    if has_expired(key):
        raise KeyProblem(
            "the key {0} ({1}) in {2} expired on {3}. Packages signed with it cannot be checked: get the "
            "vendor's renewed key, or a mirror that is up to date; a wrong clock of the host has the same "
            "effect".format(key.fingerprint, key.user, entry["source"], expiry_date(key))
        )
    return key, text

#!/usr/bin/python
"""Have rpm trust exactly the right signing keys."""

from __future__ import absolute_import, division, print_function

DOCUMENTATION = r"""
module: rpm_trusted_keys
short_description: Have rpm trust exactly the right signing keys
description:
  - A key is imported only when its fingerprint is the expected one and its lifetime is not over. An expired key is
    named with its date here, before a package's signature fails with a message that does not say so.
  - A key whose fingerprint is given and which is already trusted is not fetched again.
options:
  keys:
    description: Keys to trust.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Whose key it is; used in messages., type: str, required: true}
      source: {description: "Where it lies: file:// on the host, or http(s)://.", type: str, required: true}
      fingerprint: {description: Its fingerprint; empty trusts the source., type: str, default: ""}
  removed:
    description: Ids (last 8 digits of the fingerprint) of keys that must not be trusted any more.
    type: list
    elements: str
    default: []
"""

RETURN = r"""
imported: {description: Names of the imported keys., type: list, returned: always}
removed: {description: Names of rpm's entries that were removed., type: list, returned: always}
"""

import os
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openpgp import PublicKey, expiry_date, has_expired, parse_colons, rpm_name
from ansible.module_utils.urls import fetch_url


class KeyProblem(Exception):
    """A key that cannot be trusted; the message names it, the reason and the way out."""


class Keyring:
    """The keys of the rpm database, read through gpg."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.trusted: Dict[str, PublicKey] = {}
        for armor in self._armors():
            for key in self.describe(armor, "the rpm database"):
                self.trusted[key.fingerprint] = key

    @staticmethod
    def _armors() -> Iterator[str]:
        import rpm  # only on the host

        for header in rpm.TransactionSet().dbMatch("name", "gpg-pubkey"):
            text = header["description"]
            yield text.decode() if isinstance(text, bytes) else text

    def describe(self, text: str, source: str) -> List[PublicKey]:
        """The keys in an armored text."""
        command = [
            "gpg",
            "--batch",
            "--no-options",
            "--homedir",
            self.module.tmpdir,
            "--with-colons",
            "--import-options",
            "show-only",
            "--import",
        ]
        code, out, err = self.module.run_command(command, data=text)
        keys: List[PublicKey] = parse_colons(out)
        if not keys:
            raise KeyProblem("{0} holds no OpenPGP public key ({1})".format(source, err.strip() or code))
        return keys

    def add(self, key: PublicKey, text: str) -> None:
        path = os.path.join(self.module.tmpdir, "signing-key.asc")
        with open(path, "w") as stream:
            stream.write(text)
        if key.fingerprint in self.trusted:
            self.remove(self.trusted[key.fingerprint])  # rpm keeps the old lifetime otherwise
        self.module.run_command(["rpm", "--import", path], check_rc=True)

    def remove(self, key: PublicKey) -> None:
        self.module.run_command(["rpm", "-e", "--allmatches", rpm_name(key)], check_rc=True)


def fetch(module: Any, source: str) -> str:
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


def wanted_key(module: Any, keyring: Keyring, entry: Mapping[str, str]) -> Optional[Tuple[PublicKey, str]]:
    """(key, text) to import, or None when the right key is trusted already."""
    fingerprint = entry["fingerprint"].replace(" ", "").upper()
    known = keyring.trusted.get(fingerprint)
    if known and not has_expired(known):
        return None
    text = fetch(module, entry["source"])
    keys = keyring.describe(text, entry["source"])
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
    trusted = keyring.trusted.get(key.fingerprint)
    return None if trusted and trusted.expires == key.expires else (key, text)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "keys": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "no_log": False,
                "options": {
                    "name": {"type": "str", "required": True},
                    "source": {"type": "str", "required": True},
                    "fingerprint": {"type": "str", "default": ""},
                },
            },
            "removed": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    keyring = Keyring(module)
    stale = [
        key
        for key in keyring.trusted.values()
        if key.fingerprint[-8:].lower() in [item.lower() for item in module.params["removed"]]
    ]
    found, problems = [], []
    for entry in module.params["keys"]:
        try:
            found.append((entry["name"], wanted_key(module, keyring, entry)))
        except KeyProblem as problem:
            problems.append("{0}: {1}.".format(entry["name"], problem))
    if problems:
        module.fail_json(msg="No key was imported or removed. " + " ".join(problems))
    new = [(name, pair) for name, pair in found if pair]
    if not module.check_mode:
        for key in stale:
            keyring.remove(key)
        for _, (key, text) in new:
            keyring.add(key, text)
    module.exit_json(
        changed=bool(new or stale), imported=[name for name, _ in new], removed=[rpm_name(key) for key in stale]
    )


if __name__ == "__main__":
    main()

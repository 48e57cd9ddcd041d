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
problems: {description: "What is wrong with each key that cannot be trusted.", type: list, returned: failure}
"""

import os
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openpgp import PublicKey, has_expired, rpm_name
from ansible.module_utils.signing_keys import KeyProblem, describe, judged_key


class Keyring:
    """The keys of the rpm database, read through gpg."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.trusted: Dict[str, PublicKey] = {}
        for armor in self._armors():
            for key in describe(module, armor, "the rpm database"):
                self.trusted[key.fingerprint] = key

    @staticmethod
    def _armors() -> Iterator[str]:
        import rpm  # only on the host

        for header in rpm.TransactionSet().dbMatch("name", "gpg-pubkey"):
            text = header["description"]
            yield text.decode() if isinstance(text, bytes) else text

    def add(self, key: PublicKey, text: str) -> None:
        path = os.path.join(self.module.tmpdir, "signing-key.asc")
        with open(path, "w") as stream:
            stream.write(text)
        if key.fingerprint in self.trusted:
            self.remove(self.trusted[key.fingerprint])  # rpm keeps the old lifetime otherwise
        self.module.run_command(["rpm", "--import", path], check_rc=True)

    def remove(self, key: PublicKey) -> None:
        self.module.run_command(["rpm", "-e", "--allmatches", rpm_name(key)], check_rc=True)


def wanted_key(module: Any, keyring: Keyring, entry: Mapping[str, str]) -> Optional[Tuple[PublicKey, str]]:
    """(key, text) to import, or None when the right key is trusted already."""
    known = keyring.trusted.get(entry["fingerprint"].replace(" ", "").upper())
    if known and not has_expired(known):
        return None
    key, text = judged_key(module, entry)
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
        module.fail_json(msg="No key was imported or removed. " + " ".join(problems), problems=problems)
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

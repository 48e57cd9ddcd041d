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
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openpgp import PublicKey, has_expired, rpm_name
from ansible.module_utils.signing_keys import KeyProblem, describe, judged_key


class Keyring:
    """The keys of the rpm database. One that gpg cannot read is somebody else's, and left alone."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.trusted: Dict[str, PublicKey] = {}
        for armor in self._armors():
            try:
                for key in describe(module, armor, "the rpm database"):
                    self.trusted[key.fingerprint] = key
            except KeyProblem:
                continue

    @staticmethod
    def _armors() -> Iterator[bytes]:
        import rpm  # only on the host

        for header in rpm.TransactionSet().dbMatch("name", "gpg-pubkey"):
            text = header["description"] or b""
            yield text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")

    def entries(self, ids: Collection[str]) -> List[str]:
        """Names of rpm's entries for the keys with these ids, also of those that gpg cannot read."""
        query = ["rpm", "-q", "gpg-pubkey", "--queryformat", "%{VERSION} %{RELEASE}\\n"]
        _, out, _ = self.module.run_command(query)  # its exit code is 1 where no key is trusted at all
        pairs = [line.split() for line in out.splitlines()]
        return ["gpg-pubkey-" + "-".join(pair) for pair in pairs if len(pair) == 2 and pair[0] in ids]

    def add(self, key: PublicKey, content: bytes) -> None:
        path = os.path.join(self.module.tmpdir, "signing-key.asc")
        with open(path, "wb") as stream:
            stream.write(content)
        if key.fingerprint in self.trusted:
            self.remove(rpm_name(self.trusted[key.fingerprint]))  # rpm keeps the old lifetime otherwise
        self.module.run_command(["rpm", "--import", path], check_rc=True)

    def remove(self, name: str) -> None:
        self.module.run_command(["rpm", "-e", "--allmatches", name], check_rc=True)


def wanted_key(module: Any, keyring: Keyring, entry: Mapping[str, str]) -> Optional[Tuple[PublicKey, bytes]]:
    """(key, file) to import, or None when the right key is trusted already."""
    known = keyring.trusted.get(entry["fingerprint"].replace(" ", "").upper())
    if known and not has_expired(known):
        return None
    key, content = judged_key(module, entry)
    trusted = keyring.trusted.get(key.fingerprint)
    return None if trusted and trusted.expires == key.expires else (key, content)


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
    stale = keyring.entries([item.lower() for item in module.params["removed"]])
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
        for name in stale:
            keyring.remove(name)
        for _, (key, content) in new:
            keyring.add(key, content)
    module.exit_json(changed=bool(new or stale), imported=[name for name, _ in new], removed=stale)


if __name__ == "__main__":
    main()

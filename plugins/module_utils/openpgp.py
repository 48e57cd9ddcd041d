"""OpenPGP public keys as gpg describes them. Runs on the host's Python 3.6."""

import time
from typing import List, NamedTuple, Optional


class PublicKey(NamedTuple):
    """A primary key; times are seconds since the epoch, `expires` is 0 for never."""

    fingerprint: str
    created: int
    expires: int
    user: str


def parse_colons(text: str) -> List[PublicKey]:
    """The primary keys in the output of `gpg --with-colons --show-keys`; those that it cannot name are left out."""
    keys: List[PublicKey] = []
    for line in text.splitlines():
        fields = line.split(":") + [""] * 10  # gpg leaves out what it does not know of a strange key
        if fields[0] == "pub":
            keys.append(PublicKey("", _seconds(fields[5]), _seconds(fields[6]), ""))
        elif keys and fields[0] == "fpr" and not keys[-1].fingerprint:
            keys[-1] = keys[-1]._replace(fingerprint=fields[9])
        elif keys and fields[0] == "uid" and not keys[-1].user:
            keys[-1] = keys[-1]._replace(user=fields[9].replace("\\x3a", ":"))
    return [key for key in keys if key.fingerprint]


def _seconds(field: str) -> int:
    return int(field) if field.isdigit() else 0


def has_expired(key: PublicKey, now: Optional[float] = None) -> bool:
    """Whether the key's lifetime is over."""
    return bool(key.expires) and key.expires <= (time.time() if now is None else now)


def expiry_date(key: PublicKey) -> str:
    """The day on which the key expires, as YYYY-MM-DD."""
    return time.strftime("%Y-%m-%d", time.gmtime(key.expires))


def rpm_name(key: PublicKey) -> str:
    """The name under which the rpm database holds the key: id and time of creation, both in hexadecimal."""
    return "gpg-pubkey-{0}-{1:x}".format(key.fingerprint[-8:].lower(), key.created)

"""Bearer keys: read from a file, compared in constant time, followed when the file changes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional, Tuple

from hotpath.core import Refusal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

log = logging.getLogger(__name__)

SCOPES = ("predict", "metrics")
SHORTEST = 16
"""Characters of a key, at least; the comparison is of no use to keys that can be guessed."""
LOOK_EVERY_S = 1.0
"""How often a worker looks whether the file has changed, at most."""


class KeysError(Refusal):
    """The file of keys can't be used. Never holds a key."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"The keys file {str(path)!r} can't be used: {reason}.", remedy)


@dataclass(frozen=True)
class Key:
    """Who a key belongs to and what it opens."""

    name: str
    secret: bytes = field(repr=False)
    scopes: FrozenSet[str]

    @property
    def digest(self) -> bytes:
        """What is compared: as long for every key."""
        return hashlib.sha256(self.secret).digest()


def find(keys: Tuple[Key, ...], token: bytes) -> Optional[Key]:
    """The key that `token` is. Takes as long whichever it is, or none, and whatever its length."""
    digest = hashlib.sha256(token).digest()
    found: Optional[Key] = None
    for key in keys:  # to the end, always
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


def read(path: Path) -> Tuple[Key, ...]:
    """The keys in the file at `path`. Raises KeysError."""
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise KeysError(
                path, "every user of this machine can get at it", "Take that away: chmod o= on the file."
            )
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KeysError(
            path, f"it can't be read ({error.strerror})", "Check auth.keys and the file's permissions."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise KeysError(path, f"it is not valid TOML ({where})", "Correct it.") from None
    keys = tuple(_key(path, name, entry) for name, entry in document.items())
    if not keys:
        raise KeysError(
            path, "it holds no key", "Write at least one, or empty auth.keys to open the service."
        )
    secrets = [key.secret for key in keys]
    for key in keys:
        if secrets.count(key.secret) > 1:
            raise KeysError(path, f"[{key.name}] has the key of another name", "Give each name its own key.")
    return keys


def token_for(path: Path, scope: str) -> str:
    """A key that opens `scope`, for the service's own warm-up. Raises KeysError."""
    for key in read(path):
        if scope in key.scopes:
            return key.secret.decode()
    raise KeysError(path, f"no key in it allows {scope!r}, so nobody could use the service", "Add one.")


class KeyFile:
    """The keys of a file, as it is now."""

    def __init__(self, path: Path) -> None:
        """Raises KeysError."""
        self._path = path
        self._seen = self._state()
        self._looked = time.monotonic()
        self.keys = read(path)

    def current(self) -> Tuple[Key, ...]:
        """The keys; a file that has become unusable leaves the last usable ones in force, and is logged."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._read_again()
        return self.keys

    def _read_again(self) -> None:
        try:
            self.keys = read(self._path)
            log.info("read %d keys from %s", len(self.keys), self._path)
        except KeysError as error:
            log.error("%s The keys read before stay in force.", error)

    def _state(self) -> Optional[Tuple[int, int, int]]:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _key(path: Path, name: str, entry: Any) -> Key:
    allowed: Dict[str, Any] = dict(entry) if isinstance(entry, dict) else {}
    unknown: List[str] = sorted(set(allowed) - {"key", "allow"})
    secret, scopes = allowed.get("key"), allowed.get("allow", ["predict"])
    if not isinstance(entry, dict) or unknown:
        found = f"the unknown entry {unknown[0]!r}" if unknown else "no table"
        raise KeysError(
            path,
            f"[{name}] is {found}",
            'Write for each: [name], key = "…", and perhaps allow = ["predict"].',
        )
    if (
        not isinstance(secret, str)
        or len(secret) < SHORTEST
        or not secret.isascii()
        or not secret.isprintable()
    ):
        raise KeysError(
            path,
            f"[{name}] has no key of at least {SHORTEST} printable ASCII characters",
            "Make one with: openssl rand -hex 32",
        )
    if not isinstance(scopes, list) or not scopes or not all(scope in SCOPES for scope in scopes):
        raise KeysError(
            path, f"[{name}] has an 'allow' that is not a list of some of {', '.join(SCOPES)}", "Correct it."
        )
    return Key(name, secret.encode(), frozenset(scopes))

"""Keys as vendors, mirrors and old hosts have them, read by the real gpg and rpm."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rpm_trusted_keys
from signing_keys import KeyProblem, judged_key


def armored(packet: bytes) -> bytes:
    block = base64.b64encode(packet)
    return b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + block + b"\n-----END PGP PUBLIC KEY BLOCK-----\n"


def public_key_packet(version: int) -> bytes:
    """A packet of a key whose version says that it is of another age than gpg's."""
    body = bytes([version]) + bytes(20)
    return bytes([0xC6, len(body)]) + body


class Module:
    """What the key modules need of an AnsibleModule."""

    def __init__(self, folder: Path) -> None:
        self.tmpdir = str(folder)
        self.params: dict[str, Any] = {"keys": [], "removed": []}

    def run_command(self, command: list[str], check_rc: bool = False) -> tuple[int, str, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=check_rc)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def keys() -> Iterator[dict[str, bytes]]:
    """Two keys of a new keyring in the forms in which files come."""
    home = tempfile.mkdtemp(prefix="gpg-")  # the socket of gpg's agent lies in it, and may not have a long path
    gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]

    def export(*options: str) -> bytes:
        return subprocess.run([*gpg, *options], capture_output=True, check=True).stdout

    for user in ("first", "second"):
        export("--quick-gen-key", f"{user} <{user}@example.test>", "rsa2048", "sign", "never")
    yield {
        "one": export("--armor", "--export", "first"),
        "two in a file": export("--armor", "--export"),
        "not armored": export("--export", "first"),
        "secret": export("--armor", "--export-secret-keys", "first"),
        "cut off": export("--armor", "--export", "first")[:400],
        "of version 3": armored(public_key_packet(3)),
        "of version 6": armored(public_key_packet(6)),
        "of no kind": bytes(range(256)),
        "empty": b"",
    }
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
    shutil.rmtree(home)


def judge(tmp_path: Path, content: bytes) -> Any:
    path = tmp_path / "RPM-GPG-KEY"
    path.write_bytes(content)
    return judged_key(Module(tmp_path), {"source": f"file://{path}", "fingerprint": ""})


def test_a_sound_key_is_taken(tmp_path: Path, keys: dict[str, bytes]) -> None:
    key, content = judge(tmp_path, keys["one"])
    assert key.user == "first <first@example.test>" and content == keys["one"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("two in a file", "holds 2 keys"),
        ("not armored", "which the host's rpm cannot import"),
        ("secret", "no OpenPGP public key that gpg can read"),
        ("cut off", "no OpenPGP public key that gpg can read"),
        ("of version 3", "no OpenPGP public key that gpg can read"),
        ("of version 6", "no OpenPGP public key that gpg can read"),
        ("of no kind", "no OpenPGP public key that gpg can read"),
        ("empty", "no OpenPGP public key that gpg can read"),
    ],
)
def test_what_cannot_be_trusted_is_named(tmp_path: Path, keys: dict[str, bytes], kind: str, words: str) -> None:
    with pytest.raises(KeyProblem) as refused:
        judge(tmp_path, keys[kind])
    assert words in str(refused.value) and "RPM-GPG-KEY" in str(refused.value)


def test_strange_keys_of_the_rpm_database_are_left_alone(
    tmp_path: Path, keys: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their text is bytes with the rpm of EL8.0, text since, and none for an entry that was made by hand."""
    entries = [keys["of version 3"].decode(), keys["of version 6"], keys["one"].decode(), None, b"\xff\xfe"]
    database = types.SimpleNamespace(dbMatch=lambda *_: [{"description": entry} for entry in entries])
    monkeypatch.setitem(sys.modules, "rpm", types.SimpleNamespace(TransactionSet=lambda: database))
    trusted = rpm_trusted_keys.Keyring(Module(tmp_path)).trusted
    assert [key.user for key in trusted.values()] == ["first <first@example.test>"]


def test_a_key_that_gpg_cannot_read_is_found_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpm_trusted_keys.Keyring, "_armors", staticmethod(lambda: iter(())))
    keyring = rpm_trusted_keys.Keyring(Module(tmp_path))
    answer = (0, "7fa2af80 576db785\nd42d0685 62589a51\n", "")
    monkeypatch.setattr(Module, "run_command", lambda *_, **__: answer)
    assert keyring.entries(["7fa2af80"]) == ["gpg-pubkey-7fa2af80-576db785"]
    monkeypatch.setattr(Module, "run_command", lambda *_, **__: (1, "package gpg-pubkey is not installed\n", ""))
    assert keyring.entries(["7fa2af80"]) == []

"""The file of keys: what it may hold, what is said about it, and how it is followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hotpath.http import keys
from hotpath.http.keys import KeyFile, KeysError, find, read, token_for

CAMERA, PROMETHEUS = "c" * 32, "p" * 32
TWO = f'[camera]\nkey = "{CAMERA}"\n[prometheus]\nkey = "{PROMETHEUS}"\nallow = ["metrics"]\n'


def write(path: Path, text: str, mode: int = 0o640) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_keys_have_names_and_scopes(tmp_path: Path) -> None:
    found = read(write(tmp_path / "keys.toml", TWO))
    assert [(key.name, sorted(key.scopes)) for key in found] == [
        ("camera", ["predict"]),
        ("prometheus", ["metrics"]),
    ]
    for token, name in ((CAMERA, "camera"), (PROMETHEUS, "prometheus")):
        key = find(found, token.encode())
        assert key is not None and key.name == name
    for token in ("", "c", CAMERA[:-1], CAMERA + "c", CAMERA.upper(), "\xff"):
        assert find(found, token.encode("latin-1")) is None
    assert token_for(tmp_path / "keys.toml", "predict") == CAMERA


def test_nothing_that_is_printed_of_a_key_is_the_key(tmp_path: Path) -> None:
    assert CAMERA not in repr(read(write(tmp_path / "keys.toml", TWO)))


def test_every_key_is_compared_whatever_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(write(tmp_path / "keys.toml", TWO))
    compared = []
    real = keys.hmac.compare_digest  # type: ignore[attr-defined]

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return bool(real(one, other))

    monkeypatch.setattr("hotpath.http.keys.hmac.compare_digest", compare)
    for token in (CAMERA, PROMETHEUS, "", "x" * 1000):
        compared.clear()
        find(found, token.encode())
        assert compared == [(32, 32), (32, 32)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no key"),
        ("[", "not valid TOML"),
        ('camera = "c"', r"\[camera\] is no table"),
        (f'[camera]\nkey = "{CAMERA}"\nrole = 1', r"\[camera\] is the unknown entry 'role'"),
        ('[camera]\nkey = "ccccccc"', r"\[camera\] has no key of at least 16"),
        ("[camera]\nkey = 1234567890123456789", r"\[camera\] has no key of at least 16"),
        (f'[camera]\nkey = "{CAMERA}\\n"', r"\[camera\] has no key of at least 16"),
        ('[camera]\nallow = ["predict"]', r"\[camera\] has no key of at least 16"),
        (f'[camera]\nkey = "{CAMERA}"\nallow = ["all"]', r"\[camera\] has an 'allow'"),
        (f'[camera]\nkey = "{CAMERA}"\nallow = []', r"\[camera\] has an 'allow'"),
        (f'[a]\nkey = "{CAMERA}"\n[b]\nkey = "{CAMERA}"', r"\[a\] has the key of another name"),
    ],
)
def test_what_is_wrong_is_told_without_the_key(tmp_path: Path, text: str, reason: str) -> None:
    path = write(tmp_path / "keys.toml", text)
    with pytest.raises(KeysError, match=reason) as told:
        read(path)
    assert str(path) in str(told.value) and told.value.remedy
    assert "ccccccc" not in str(told.value)


def test_a_file_that_others_can_read_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=r"every user of this machine.*chmod o="):
        read(write(tmp_path / "keys.toml", TWO, 0o644))
    with pytest.raises(KeysError, match="No such file"):
        read(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xff")
    (tmp_path / "latin.toml").chmod(0o600)
    with pytest.raises(KeysError, match="not UTF-8"):
        read(tmp_path / "latin.toml")


def test_no_key_for_the_warm_up_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "keys.toml", f'[p]\nkey = "{PROMETHEUS}"\nallow = ["metrics"]')
    with pytest.raises(KeysError, match="no key in it allows 'predict'"):
        token_for(path, "predict")


def test_a_change_is_followed_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hotpath.http.keys.LOOK_EVERY_S", 0.0)
    path = write(tmp_path / "keys.toml", TWO)
    file = KeyFile(path)

    def names() -> list[str]:
        return [key.name for key in file.current()]

    assert names() == ["camera", "prometheus"]
    os.replace(write(tmp_path / "new", f'[door]\nkey = "{CAMERA}"\n'), path)
    assert names() == ["door"]
    write(path, "[broken\n")
    assert names() == ["door"] and "stay in force" in caplog.text
    path.unlink()
    assert names() == ["door"]
    write(path, TWO)
    assert names() == ["camera", "prometheus"]
    assert CAMERA not in caplog.text

"""Keys as gpg describes them."""

from __future__ import annotations

from openpgp import expiry_date, has_expired, parse_colons, rpm_name

# `gpg --with-colons --show-keys` of a key with a subkey, which has a fingerprint line of its own.
LISTING = """\
pub:e:2048:1:F2C1B714CC39B1B8:1546300800:1577836800::-:::sc::::::23::0:
fpr:::::::::0FFB420134E7F49BE233770AF2C1B714CC39B1B8:
uid:e::::1546300800::C47A30077024FE45ECAE19F755C902E820C5607E::cudatools 2019 <old@example.test>::::::::::0:
sub:e:2048:1:AAAAAAAAAAAAAAAA:1546300800:1577836800:::::e::::::23:
fpr:::::::::BBBBBBBBBBBBBBBBBBBBBBBBAAAAAAAAAAAAAAAA:
"""


def test_a_primary_key_keeps_its_own_fingerprint() -> None:
    (key,) = parse_colons(LISTING)
    assert key.fingerprint == "0FFB420134E7F49BE233770AF2C1B714CC39B1B8"
    assert key.user == "cudatools 2019 <old@example.test>"
    assert rpm_name(key) == "gpg-pubkey-cc39b1b8-5c2aad80"


def test_expiry() -> None:
    (key,) = parse_colons(LISTING)
    assert expiry_date(key) == "2020-01-01"
    assert has_expired(key) and not has_expired(key, now=1577836799)
    assert not has_expired(key._replace(expires=0))


def test_what_is_no_key_gives_none() -> None:
    assert parse_colons("gpg: no valid OpenPGP data found.\n") == []


def test_a_key_that_gpg_tells_next_to_nothing_of_is_left_out() -> None:
    assert parse_colons("pub:-:::::\n" + LISTING.replace("1577836800", "soon"))[0].expires == 0
    assert [key.user for key in parse_colons("pub:?\n" + LISTING)] == ["cudatools 2019 <old@example.test>"]

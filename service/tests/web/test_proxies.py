"""Whose word about a client's address and scheme counts."""

from __future__ import annotations

import functools
from typing import Any, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp
from support.application import application, ask

from hotpath.addresses import address
from hotpath.http.proxies import MOST_HOPS
from hotpath.observing.access_log import describe
from hotpath.observing.record import Record
from hotpath.observing.tracing import _attributes

PROXIES = ["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.9", "unix"]


@functools.lru_cache(maxsize=None)
def _running(*proxies: str) -> Tuple[ASGIApp, List[Record]]:
    records: List[Record] = []
    return application(observers=[records.append], server={"trusted_proxies": proxies}), records


def record_of(peer: Optional[str], headers: Any, proxies: List[str]) -> Record:
    app, records = _running(*proxies)
    assert ask(app, "GET", "/livez", headers, peer)[0] == 200
    return records.pop()


def told(peer: Optional[str], *headers: Tuple[str, str]) -> Tuple[str, str]:
    """Client and scheme of a request that comes from `peer` with these headers."""
    record = record_of(peer, headers, PROXIES)
    return record.client, record.scheme


def chain(value: str) -> Tuple[str, str]:
    return "X-Forwarded-For", value


HTTPS = ("X-Forwarded-Proto", "https")


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "192.0.2.1", None])
def test_without_the_setting_nobody_is_believed(peer: Optional[str]) -> None:
    record = record_of(peer, [chain("203.0.113.7"), HTTPS], [])
    assert (record.client, record.scheme) == (peer or "", "http")


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.1", "2001:db8:2::1", "11.0.0.1"])
def test_who_is_not_trusted_is_not_believed(peer: str) -> None:
    assert told(peer, chain("203.0.113.7"), HTTPS) == (peer, "http")


@pytest.mark.parametrize("peer", ["10.1.2.3", "192.0.2.9", "2001:db8:1::5", "::ffff:10.1.2.3", None])
def test_a_trusted_proxy_is_believed(peer: Optional[str]) -> None:
    assert told(peer, chain("203.0.113.7"), HTTPS) == ("203.0.113.7", "https")


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ([], "10.0.0.1"),
        ([chain("")], "10.0.0.1"),
        ([chain("203.0.113.7")], "203.0.113.7"),
        ([chain("6.6.6.6, 203.0.113.7")], "203.0.113.7"),  # who writes the first is the client itself
        ([chain("6.6.6.6"), chain("203.0.113.7")], "203.0.113.7"),  # in two fields
        ([chain("203.0.113.7"), chain("10.0.0.5")], "203.0.113.7"),
        ([chain("203.0.113.7, 10.0.0.5 ,10.0.0.6")], "203.0.113.7"),
        ([chain("6.6.6.6,203.0.113.7,2001:db8:1::9,10.0.0.6")], "203.0.113.7"),
        ([chain("10.0.0.4, 10.0.0.5")], "10.0.0.4"),  # a client within the trusted network
        ([chain("203.0.113.7,, ")], "203.0.113.7"),
        ([chain("203.0.113.7:4711")], "203.0.113.7"),
        ([chain("[2001:db8:2::1]:4711")], "2001:db8:2::1"),
        ([chain("[2001:db8:2::1]")], "2001:db8:2::1"),
        ([chain("2001:DB8:2:0::1")], "2001:db8:2::1"),
        ([chain("fe80::1%eth0")], "fe80::1"),
        ([chain("::ffff:203.0.113.7")], "203.0.113.7"),
        ([chain("unknown")], "10.0.0.1"),
        ([chain("203.0.113.7, unknown, 10.0.0.5")], "10.0.0.5"),  # what lies beyond nobody vouches for
        ([chain('{"client":"x"}')], "10.0.0.1"),
        ([chain("1.2.3.4\t\x00evil")], "10.0.0.1"),
        ([chain("256.0.0.1")], "10.0.0.1"),
        ([("Forwarded", "for=203.0.113.7;proto=https")], "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_trusted_proxy(
    headers: List[Tuple[str, str]], client: str
) -> None:
    assert told("10.0.0.1", *headers) == (client, "http")


@pytest.mark.parametrize(
    ("hops", "schemes", "scheme"),
    [
        ("203.0.113.7", ["HTTPS"], "https"),
        ("203.0.113.7", ["https", "http"], "http"),  # the first came with the client
        ("203.0.113.7, 10.0.0.5", ["https, http"], "https"),
        ("203.0.113.7, 10.0.0.5", ["https"], "https"),
        ("203.0.113.7", ["ftp"], "http"),
        ("203.0.113.7", ["javascript:alert(1)"], "http"),
        ("203.0.113.7", [""], "http"),
        ("", ["https"], "https"),
    ],
)
def test_the_scheme_is_that_of_the_same_hop(hops: str, schemes: List[str], scheme: str) -> None:
    headers = [chain(hops), *(("X-Forwarded-Proto", value) for value in schemes)]
    assert told("10.0.0.1", *headers)[1] == scheme


def test_no_more_hops_are_looked_at_than_there_can_be() -> None:
    own = ", ".join(["10.0.0.5"] * (MOST_HOPS - 1))
    assert told("10.0.0.1", chain("203.0.113.7, " + own))[0] == "203.0.113.7"
    assert told("10.0.0.1", chain("203.0.113.7, 10.0.0.4, " + own))[0] == "10.0.0.4"
    assert told("10.0.0.1", chain("203.0.113.7," * 5000 + own))[0] == "203.0.113.7"


@given(st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=40))
def test_whatever_a_proxy_tells_is_an_address_or_nothing(text: str) -> None:
    found = address(text)
    assert found is None or address(str(found)) == found


def test_log_and_spans_tell_both() -> None:
    record = record_of("10.0.0.1", [chain("203.0.113.7"), HTTPS], PROXIES)
    line, attributes = describe(record, "w"), _attributes(record)
    assert (line["client"], line["scheme"]) == ("203.0.113.7", "https")
    assert (attributes["client.address"], attributes["url.scheme"]) == ("203.0.113.7", "https")

"""TLS at the front door: what it agrees on, and another certificate under load."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from support.front_door import Door
from support.services import Service, free_port, until

HERE = "127.0.0.1"
TLS = {"load_balancer_tls": True, "load_balancer_redirect_port": 0}


def certify(folder: Path) -> Path:
    """A new self-signed certificate with its key, where HAProxy has it; the same in a file of the controller."""
    made = folder / "etc/hotpath/balancer.pem"
    made.parent.mkdir(parents=True, exist_ok=True)
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=door -keyout"
    subprocess.run([*command.split(), folder / "key", "-out", folder / "chain"], check=True, capture_output=True)
    made.write_text((folder / "key").read_text() + (folder / "chain").read_text())
    return made


def unverified(version: ssl.TLSVersion | None = None, ciphers: str = "ALL") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    return context


def test_tls_has_forward_secrecy_and_no_old_version(tmp_path: Path, binary: Path, services: list[Service]) -> None:
    certify(tmp_path)
    with Door(tmp_path, binary, services, free_port(), **TLS).open() as door:

        def met(ciphers: str, version: ssl.TLSVersion) -> str:
            context = unverified(version, ciphers)
            with socket.create_connection((HERE, door.port)) as link, context.wrap_socket(link) as secured:
                return str(secured.version())

        assert met("ALL", ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
        assert met("ALL", ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
        for ciphers, version in (("ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_1), ("kRSA", ssl.TLSVersion.TLSv1_2)):
            with pytest.raises(OSError):
                met(ciphers, version)


def test_another_certificate_is_taken_in_while_clients_come_and_go(
    tmp_path: Path, binary: Path, services: list[Service]
) -> None:
    certify(tmp_path)
    met: list[tuple[int, object]] = []
    ends = threading.Event()
    with Door(tmp_path, binary, services, free_port(), **TLS).open() as door:
        door.up(3)

        def come_and_go() -> None:
            while not ends.is_set():
                link = http.client.HTTPSConnection(HERE, door.port, timeout=60, context=unverified())
                link.connect()
                certificate = link.sock.getpeercert(binary_form=True)
                link.request("GET", "/v2/health/ready")
                met.append((link.getresponse().status, certificate))
                link.close()

        clients = [threading.Thread(target=come_and_go) for _ in range(3)]
        for client in clients:
            client.start()
        try:
            until(lambda: len(met) > 10)
            door.variables["load_balancer_certificate"] = str(certify(tmp_path))
            door.apply()
            taken_in = len(met)
            until(lambda: len(met) > taken_in + 10)
        finally:
            ends.set()
            for client in clients:
                client.join()
    assert {status for status, _ in met} == {200}
    assert len({certificate for _, certificate in met}) == 2

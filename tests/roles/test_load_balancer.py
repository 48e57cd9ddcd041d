"""A balancer runs HAProxy with what its role wrote, and serves clients and nobody else by what they may see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.checks import Checks, WrittenFile
from support.expected import Expected
from testinfra.host import Host

UNIT = "hotpath-balancer.service"


@pytest.fixture
def role(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    """The role's variables on this host."""
    return expected(host, "load_balancer")


def test_configuration_unit_and_program_are_as_rendered(check: Checks, role: Expected) -> None:
    check.files(role.written_files())
    if not role["__load_balancer_bundled"]:
        check.files(WrittenFile(file["path"], file["content"], "0644") for file in role["__load_balancer_answer_files"])


def test_haproxy_is_the_one_that_was_bundled(host: Host, check: Checks, role: Expected) -> None:
    if not role["__load_balancer_bundled"]:
        return
    installed = check.answer("HAProxy's version", "%s/haproxy -v", role["__load_balancer_current"])
    check.contains(
        "HAProxy's version", expected=[role["__load_balancer_version"]], found=installed.replace("-", " ").split()
    )
    writable = check.answer(
        "what others may change", "find -L %s -not -user root -o -perm /022", "/opt/hotpath/haproxy"
    )
    check.equal("what others may change of HAProxy", expected="", found=writable)


def test_it_runs_with_what_the_file_says(check: Checks, role: Expected) -> None:
    check.in_effect("HAProxy", role["__load_balancer_in_effect"])
    check.succeeds(
        "the configuration", "%s/haproxy -c -q -f %s", role["__load_balancer_current"], role["__load_balancer_config"]
    )


def test_it_runs_confined(host: Host, check: Checks, role: Expected) -> None:
    user = check.answer("user of HAProxy", "ps -o user:32= -p $(systemctl show --value -p MainPID %s)", UNIT)
    check.equal("user of HAProxy", expected=role["__load_balancer_user"], found=user)


def test_the_certificate_is_for_haproxy_alone(check: Checks, role: Expected) -> None:
    if not role["load_balancer_tls"]:
        return
    path = role["__load_balancer_certificate"]
    rights = check.answer(path, "stat -c '%%a %%U %%G' %s", path)
    check.equal(f"mode and owner of {path}", expected=f"640 root {role['__load_balancer_user']}", found=rights)
    check.succeeds("days that the certificate has left", "openssl x509 -in %s -noout -checkend 86400", path)


def test_clients_are_served_and_see_no_more_than_they_may(host: Host, check: Checks, role: Expected) -> None:
    scheme = "https" if role["load_balancer_tls"] else "http"
    door = f"{scheme}://127.0.0.1:{role['load_balancer_port']}"
    ask = "curl --silent --insecure --output /dev/null --write-out '%%{http_code} %%{http_version} %%{redirect_url}' %s"
    ready = "200" if role["load_balancer_hosts"] else "503"
    # What 1.8 answers by itself are files that it sends word for word, and they are of HTTP/1.0.
    version = "2" if role["load_balancer_tls"] else "1.1" if role["__load_balancer_bundled"] else "1"
    check.equal("/readyz", expected=f"{ready} {version} ", found=host.run(ask, f"{door}/readyz").stdout)
    refused = "404" if role["__load_balancer_bundled"] else "403"
    check.equal("/metrics", expected=f"{refused} {version} ", found=host.run(ask, f"{door}/metrics").stdout)
    if role["load_balancer_tls"] and role["load_balancer_redirect_port"]:
        plain = f"http://127.0.0.1:{role['load_balancer_redirect_port']}/predict"
        port = "" if role["load_balancer_port"] == 443 else f":{role['load_balancer_port']}"
        check.equal(
            "plain HTTP", expected=f"308 1.1 https://127.0.0.1{port}/predict", found=host.run(ask, plain).stdout
        )


def test_statistics_are_where_they_should_be_and_nowhere_else(check: Checks, role: Expected) -> None:
    place = role["load_balancer_statistics"]
    user = check.answer("number of HAProxy's user", "id -u %s", role["__load_balancer_user"])
    listening = check.answer("listeners", "ss --listening --tcp --numeric --no-header --extended").splitlines()
    ports = {line.split()[3] for line in listening if f"uid:{user}" in line.split()}
    wanted = {f"{role['load_balancer_listen']}:{role['load_balancer_port']}", place}
    if role["load_balancer_tls"] and role["load_balancer_redirect_port"]:
        wanted.add(f"{role['load_balancer_listen']}:{role['load_balancer_redirect_port']}")
    check.equal("what HAProxy listens on", expected=sorted(wanted), found=sorted(ports))
    told = "metrics" if role["__load_balancer_bundled"] else ""
    check.succeeds("HAProxy's statistics", "curl --silent --fail --output /dev/null http://%s/%s", place, told)

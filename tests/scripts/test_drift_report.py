"""The drift report keeps apart what drifted and what could not be looked at, and puts both into words."""

from __future__ import annotations

from pathlib import Path

import pytest
import verify
from support import report
from support.checks import Checks, Drifted, WrittenFile
from testinfra import get_host

SUITE = """
def test_a_plain_assertion(host):
    assert host.run("echo 7").stdout == "8", "seven is not eight"

def test_a_mistake_of_the_suite(host):
    {}["nothing"]

def test_a_connection_that_broke(host):
    host.check_output("echo gone >&2; exit 4")

def test_all_is_well(host):
    pass
"""


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> report.Report:
    """What becomes of a suite that fails in different ways, on this machine itself."""
    monkeypatch.setattr(report, "TRACE", ("/", "nothing"))
    suite = tmp_path / "test_some_role.py"
    suite.write_text(SUITE)
    found = report.Report(["local"], {"local": 0})
    collector = report.Collector(found, lambda host, role: None)
    options = [str(suite), f"--rootdir={tmp_path}", "--hosts=local://", "-pno:terminal", "-pno:cacheprovider"]
    pytest.main(options, plugins=[collector])
    return found


def test_an_assertion_is_a_drift_and_a_mistake_is_none(judged: report.Report) -> None:
    (drift,) = judged.drifts
    assert (drift.host, drift.role, drift.what) == ("local", "some_role", "a plain assertion")
    assert drift.found.startswith("seven is not eight")
    mistake, broken = judged.unknown
    assert mistake.reason == "a mistake of the suite: KeyError: 'nothing'"
    assert broken.reason.startswith("a connection that broke: AssertionError: ")
    assert judged.exit_code == 2


def test_exit_codes() -> None:
    drift = report.Drift("a", "role", "what", "x", "y")
    assert report.Report(["a"]).exit_code == 0
    assert report.Report(["a"], drifts=[drift]).exit_code == 1
    assert report.Report(["a"], drifts=[drift], unknown=[report.Unknown("b", "", "unreachable")]).exit_code == 2


def test_every_difference_of_a_test_is_said(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("kept\nnew\n")
    file.chmod(0o600)
    check = Checks(get_host("local://"))
    check.contains("ports", expected=["22/tcp", "8000/tcp"], found=["22/tcp"])
    check.lacks("keys", unwanted=["old"], found=["old", "good"])
    check.files([WrittenFile(str(file), "kept\nlost\n", "0644"), WrittenFile(f"{file}.gone", "", "0644")])
    with pytest.raises(Drifted) as raised:
        check.require()
    ports, keys, mode, content, gone = str(raised.value).splitlines()
    assert ports == "ports: expected 22/tcp, 8000/tcp, found 8000/tcp missing"
    assert keys == "keys: expected none, found old"
    assert mode == f"mode and owner of {file}: expected 0644 root, found 0600 root"
    assert content == f"{file}: expected lost, found new"
    assert gone.startswith(f"{file}.gone: expected a file, found ") and "No such file" in gone


def test_what_is_as_it_should_be_says_nothing() -> None:
    check = Checks(get_host("local://"))
    check.equal("value", expected=1, found=1)
    check.succeeds("truth", "true")
    assert check.answer("echo", "echo %s", "a b") == "a b"
    check.require()
    assert len(check.made) == 2


def test_a_command_that_fails_ends_the_test_with_its_words() -> None:
    check = Checks(get_host("local://"))
    with pytest.raises(Drifted, match="number: expected an answer, found exit code 3 no such thing"):
        check.answer("number", "sh -c %s", "echo no such thing >&2; exit 3")


def test_prometheus_is_told_of_every_host() -> None:
    drifts = [report.Drift("a", "firewall", "ports", "1", "2"), report.Drift("a", "firewall", "zone", "x", "y")]
    found = report.Report(["a", "b"], drifts=drifts, unknown=[report.Unknown("b", "", "unreachable")])
    assert verify.as_metrics(found, 1800000000.4).splitlines() == [
        'hotpath_drifts{host="a",role="firewall"} 2',
        'hotpath_verify_unknown{host="a"} 0',
        'hotpath_verified_time_seconds{host="a"} 1800000000',
        'hotpath_drifts{host="b",role=""} 0',
        'hotpath_verify_unknown{host="b"} 1',
        'hotpath_verified_time_seconds{host="b"} 1800000000',
    ]

"""What runs of a unit is compared with what the unit says now: its command line, its program, what it has loaded."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.programs import program

check = program("monitor_program", "monitor-check")


@contextmanager
def unit(folder: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, *running: str) -> Iterator[None]:
    """A process that runs, and a systemctl that tells of it what the unit wants."""
    process = subprocess.Popen(running, stdin=subprocess.PIPE)
    try:
        answer = f"MainPID={process.pid}\nExecStart={{ path={wanted.split()[0]} ; argv[]={wanted} ; ignore_errors=no }}"
        (folder / "systemctl").write_text(f"#!/bin/sh\necho '{answer}'\n")
        (folder / "systemctl").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        yield
    finally:
        process.kill()
        process.wait()


def test_a_program_that_runs_as_wanted_has_no_objection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = str(shutil.copy("/bin/sleep", tmp_path / "tool"))
    with unit(tmp_path, monkeypatch, f"{tool} 60", tool, "60"):
        assert check.command("x.service") == ""


def test_another_option_or_path_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = str(shutil.copy("/bin/sleep", tmp_path / "tool"))
    with unit(tmp_path, monkeypatch, f"{tool} 61", tool, "60"):
        assert check.command("x.service") == f"it runs as {tool} 60"


def test_a_script_is_known_behind_its_interpreter_and_by_its_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nread line\n")
    script.chmod(0o755)
    os.utime(script, (time.time() - 60,) * 2)
    with unit(tmp_path, monkeypatch, f"{script} --now", str(script), "--now"):
        time.sleep(0.1)  # until the kernel has put the interpreter there
        assert check.command("x.service") == ""
        os.utime(script, (time.time() + 60,) * 2)
        assert check.command("x.service") == "it was started before its program was changed"


def test_a_unit_that_does_not_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with unit(tmp_path, monkeypatch, "/bin/none 1", "/bin/sleep", "60"):
        pass
    assert check.command("x.service").startswith("x.service does not run")


def test_what_is_loaded_is_known_by_the_digest_in_it() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"rule_files: [/etc/hotpath/monitor/abc/rules/*.yml]")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}/"
        assert check.loaded(place, "abc") == ""
        assert check.loaded(place, "def").startswith("it has another configuration")
        server.shutdown()
    assert check.loaded(place, "abc").startswith(place)

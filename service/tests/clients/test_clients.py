"""Clients that people have, with their defaults: each keeps its connection, gets errors, and goes on."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple
from urllib.parse import urlsplit

import pytest
from support.colours import picture
from support.relay import Relay, relaying
from support.server import PATIENCE_S, serving, write_config

JAVA = Path(__file__).parent / "java"
JARS = Path("/usr/share/java")


class Step(NamedTuple):
    """One request of a client: the body is a file's."""

    method: str
    url: str
    kind: str
    file: str


Client = Callable[[List[Step]], List[int]]
"""Takes the steps one after the other, on one connection where it can; their statuses."""


@pytest.fixture(scope="module")
def relay(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    path = tmp_path_factory.mktemp("clients") / "hotpath.toml"
    with serving(write_config(path, fast_model, limits={"body_bytes": 200_000})) as service:
        address = urlsplit(service.url)
        with relaying((str(address.hostname), int(address.port or 0))) as running:
            yield running


@pytest.fixture(scope="module")
def steps(relay: Relay, tmp_path_factory: pytest.TempPathFactory) -> List[Tuple[Step, int]]:
    """Two predictions, and every kind of error with a prediction behind it."""
    room = tmp_path_factory.mktemp("bodies")
    image, large = room / "red.png", room / "large"
    image.write_bytes(picture("red"))
    large.write_bytes(b"\0" * 300_000)
    good = (Step("POST", f"{relay.url}/predict", "image/png", str(image)), 200)
    errors = [
        (Step("POST", f"{relay.url}/predict", "text/csv", str(image)), 415),
        (Step("POST", f"{relay.url}/predict", "image/png", str(large)), 413),
        (Step("GET", f"{relay.url}/nowhere", "-", str(image)), 404),
        (Step("PUT", f"{relay.url}/predict", "image/png", str(image)), 405),
    ]
    return [good, good, *(step for error in errors for step in (error, good))]


# --- programs ----------------------------------------------------------------------------------------------


def found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed: scripts/bootstrap.sh clients installs it")
    return path


def statuses(command: List[str]) -> List[int]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return [int(status) for status in done.stdout.split()]


def java(program: str, mode: str, *jars: str) -> Client:
    def client(steps: List[Step]) -> List[int]:
        # Each program takes a mode and, four by four, the fields of its steps.
        paths = [str(JARS / f"{jar}.jar") for jar in jars]
        missing = [path for path in paths if not Path(path).exists()]
        if missing:
            pytest.skip(f"{missing[0]} is not installed: scripts/bootstrap.sh clients installs it")
        arguments = [argument for step in steps for argument in step]
        source = str(JAVA / f"{program}.java")
        virtual_machine = [found("java"), "-XX:TieredStopAtLevel=1", "-cp", ":".join(paths) or "."]
        return statuses([*virtual_machine, source, mode, *arguments])

    return client


def curl(*options: str) -> Client:
    def client(steps: List[Step]) -> List[int]:
        command = [found("curl")]
        for number, (method, url, kind, file) in enumerate(steps):
            command += ["--next"] if number else []
            command += ["-sS", "-X", method, "-o", "/dev/null", "-w", "%{http_code} "]
            if method == "GET":
                command += [*(option for option in options if option.startswith("--")), url]
            elif options == ("-F",):
                command += ["-F", f"file=@{file};type={kind}", url]
            else:
                command += [*options, "-H", f"Content-Type: {kind}", "--data-binary", f"@{file}", url]
        return statuses(command)

    return client


def browser(room: Path) -> Client:
    def client(steps: List[Step]) -> List[int]:
        pytest.importorskip("selenium", reason="the browser's driver needs a newer Python")
        found("chromium"), found("chromedriver")
        from support.browser import browsing

        script = """
            const [steps, done] = arguments;
            const ask = async ([method, url, kind, body]) => {
                const bytes = Uint8Array.from(atob(body), (one) => one.charCodeAt(0));
                const more = method === "GET" ? {} : {body: bytes, headers: {"Content-Type": kind}};
                const answer = await fetch(url, {method, ...more});
                await answer.arrayBuffer();
                return answer.status;
            };
            (async () => {
                const statuses = [];
                for (const step of steps) statuses.push(await ask(step));
                return statuses;
            })().then(done, (error) => done(String(error)));
        """
        with browsing(room / "profile", (800, 600)) as driver:
            driver.set_script_timeout(PATIENCE_S)
            driver.get(steps[0].url.replace("/predict", "/livez"))  # fetch() asks the page's own origin
            sent = [[*step[:3], base64.b64encode(Path(step.file).read_bytes()).decode()] for step in steps]
            return list(driver.execute_async_script(script, sent))

    return client


# --- Python ------------------------------------------------------------------------------------------------


def content(step: Step) -> Dict[str, Any]:
    if step.method == "GET":
        return {}
    return {"data": Path(step.file).read_bytes(), "headers": {"Content-Type": step.kind}}


def with_requests(steps: List[Step]) -> List[int]:
    requests = pytest.importorskip("requests")
    with requests.Session() as client:
        return [client.request(step.method, step.url, **content(step)).status_code for step in steps]


def with_urllib3(steps: List[Step]) -> List[int]:
    urllib3 = pytest.importorskip("urllib3")
    found = []
    with urllib3.PoolManager() as client:
        for step in steps:
            sent = content(step)
            headers = sent.get("headers", {})
            answer = client.request(
                step.method, step.url, body=sent.get("data"), headers=headers, retries=False
            )
            found.append(answer.status)
    return found


def with_httpx(steps: List[Step]) -> List[int]:
    httpx = pytest.importorskip("httpx")
    with httpx.Client(timeout=PATIENCE_S) as client:
        found = []
        for step in steps:
            sent = content(step)
            headers = sent.get("headers", {})
            found.append(
                client.request(step.method, step.url, content=sent.get("data"), headers=headers).status_code
            )
    return found


def with_aiohttp(steps: List[Step]) -> List[int]:
    aiohttp = pytest.importorskip("aiohttp")

    async def ask() -> List[int]:
        found = []
        async with aiohttp.ClientSession() as client:
            for step in steps:
                async with client.request(step.method, step.url, **content(step)) as answer:
                    await answer.read()
                    found.append(answer.status)
        return found

    return asyncio.run(ask())


def with_http_client(steps: List[Step]) -> List[int]:
    address = urlsplit(steps[0].url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE_S)
    found = []
    with contextlib.closing(connection):
        for step in steps:
            sent = content(step)
            connection.request(
                step.method, urlsplit(step.url).path, sent.get("data"), sent.get("headers", {})
            )
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
    return found


APACHE_4 = ("httpclient", "httpcore", "commons-logging", "commons-codec")
APACHE_5 = ("httpclient5", "httpcore5", "httpcore5-h2", "slf4j-api", "slf4j-nop", "commons-codec")
OKHTTP = ("okhttp", "okio")
EXPECT = ("-H", "Expect: 100-continue")
ONE, REFUSED, EACH = 1, 4, 10
"""Connections: one for all; a new one behind each refused Expect; one for each request."""

CLIENTS: Dict[str, Tuple[Client, int]] = {
    "Java HttpClient": (java("Jdk", "plain"), ONE),
    "Java HttpClient, chunked": (java("Jdk", "stream"), ONE),
    "Apache HttpClient 4.5": (java("Apache4", "plain", *APACHE_4), ONE),
    "Apache HttpClient 4.5, chunked": (java("Apache4", "stream", *APACHE_4), ONE),
    "Apache HttpClient 4.5, Expect": (java("Apache4", "expect", *APACHE_4), REFUSED),
    "Apache HttpClient 5": (java("Apache5", "plain", *APACHE_5), ONE),
    "Apache HttpClient 5, Expect": (java("Apache5", "expect", *APACHE_5), REFUSED),
    "OkHttp 3": (java("OkHttp", "plain", *OKHTTP), ONE),
    "curl": (curl(), ONE),
    "curl --http2": (curl("--http2"), ONE),
    "curl --http1.0": (curl("--http1.0"), EACH),
    "curl, Expect": (curl(*EXPECT), REFUSED),
    "curl, chunked": (curl("-H", "Transfer-Encoding: chunked"), ONE),
    "Python requests": (with_requests, ONE),
    "Python urllib3": (with_urllib3, ONE),
    "Python httpx": (with_httpx, ONE),
    "Python aiohttp": (with_aiohttp, ONE),
    "Python http.client": (with_http_client, ONE),
}


def run(name: str, client: Client, relay: Relay, steps: List[Tuple[Step, int]], table: List[str]) -> int:
    """The connections that it took; every answer must be the right one."""
    before = relay.connections
    statuses = client([step for step, _ in steps])
    connections = relay.connections - before
    table.append(f"{name:<32} {' '.join(map(str, statuses))}   connections: {connections}")
    assert statuses == [status for _, status in steps]
    return connections


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_goes_on_after_every_error(
    relay: Relay, steps: List[Tuple[Step, int]], table: List[str], name: str
) -> None:
    client, connections = CLIENTS[name]
    assert run(name, client, relay, steps, table) == connections


def test_so_does_a_browser(
    relay: Relay, steps: List[Tuple[Step, int]], table: List[str], tmp_path: Path
) -> None:
    # It opens connections ahead of its needs, but no more than six to one place.
    assert run("Chromium, fetch()", browser(tmp_path), relay, steps, table) <= 6


def test_curl_sends_a_form(relay: Relay, steps: List[Tuple[Step, int]], table: List[str]) -> None:
    good = [step for step in steps if step[1] in (200, 413)]
    assert run("curl -F", curl("-F"), relay, good, table) == ONE


def test_java_is_told_to_go_on(relay: Relay, steps: List[Tuple[Step, int]], table: List[str]) -> None:
    # Refused, the client of Java 17 waits for ever, whatever server it asks.
    good = [step for step in steps if step[1] == 200]
    assert run("Java HttpClient, Expect", java("Jdk", "expect"), relay, good, table) == ONE

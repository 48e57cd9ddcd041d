"""A slash at a path's end, and a prefix that a proxy has taken off, or not."""

from __future__ import annotations

import json
import re
from typing import List
from urllib.parse import urljoin

import pytest
from starlette.types import ASGIApp
from support.application import INSIDE, application, ask

from hotpath.http.paths import plain

ROOT = "/team/vision"


@pytest.mark.parametrize(
    ("asked", "root", "meant"),
    [
        ("/predict", "", "/predict"),
        ("/predict/", "", "/predict"),
        ("/", "", "/"),
        ("//", "", "//"),
        ("/predict//", "", "/predict//"),
        ("//predict", "", "//predict"),
        ("", "", ""),
        ("/vision", "/vision", "/"),
        ("/vision/", "/vision", "/"),
        ("/vision/predict/", "/vision", "/predict"),
        ("/visions", "/vision", "/visions"),
        ("/predict", "/vision", "/predict"),
        ("/vision//predict", "/vision", "//predict"),
    ],
)
def test_the_path_that_is_meant(asked: str, root: str, meant: str) -> None:
    assert plain(asked, root) == meant


@pytest.mark.parametrize("root", ["", ROOT])
def test_a_slash_at_the_end_is_passed_over_and_nothing_redirects(root: str) -> None:
    app = application(server={"root_path": root})
    every = [
        ("GET", path, 200) for path in ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/v2")
    ]
    for method, path, status in [
        *every,
        ("GET", "/v2/health/live", 200),
        ("GET", "/page/page.js", 200),
        ("GET", "/v2/models/colours", INSIDE),
        ("POST", "/predict", INSIDE),
        ("POST", "/v2/models/colours/infer", INSIDE),
        ("GET", "/predict", 405),
        ("GET", "/nowhere", 404),
    ]:
        for asked in (path, f"{path}/", f"{root}{path}", f"{root}{path}/"):
            found, headers, _ = ask(app, method, asked, {"host": "elsewhere.example"})
            assert (found, headers.get("location")) == (status, None), asked


@pytest.mark.parametrize(
    "path", ["//predict", "/predict//", "//", "/v2//health/live", "//elsewhere.example/"]
)
def test_several_slashes_are_told(path: str) -> None:
    status, headers, body = ask(application(), "GET", path)
    assert status == 404 and "location" not in headers
    assert b"Write one slash where there are several." in body


def loaded(app: ASGIApp, address: str, sent: str) -> List[str]:
    """What a browser that shows `address` loads for it, where the service is sent `sent`."""
    text = ask(app, "GET", sent)[2].decode()
    base = re.search(r'<base href="([^"]+)"', text)
    at = urljoin(address, base.group(1)) if base else address
    names = re.findall(
        r"""(?:href|src|url)(?:=|: )["']([^"'#]+)["']""", text.replace(base.group() if base else "<base", "")
    )
    return [urljoin(at, name) for name in names]


@pytest.mark.parametrize("page", ["/", "/docs", "/docs/"])
@pytest.mark.parametrize("strips", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_pages_load_what_they_need_behind_a_prefix(page: str, strips: bool, known: bool) -> None:
    if not strips and not known:
        return  # nobody could tell what the prefix is
    app = application(server={"root_path": ROOT if known else ""})
    names = loaded(app, f"https://front.example{ROOT}{page}", page if strips else f"{ROOT}{page}")
    assert len(names) >= 4
    for name in names:
        assert name.startswith(f"https://front.example{ROOT}/"), name
        path = name.replace("https://front.example", "")
        assert ask(app, "GET", path.replace(ROOT, "", 1) if strips else path)[0] == 200, name


def test_the_prefix_itself_is_the_page() -> None:
    names = loaded(application(server={"root_path": ROOT}), f"https://front.example{ROOT}", ROOT)
    assert f"https://front.example{ROOT}/page/page.js" in names


def test_the_description_tells_the_prefix() -> None:
    app = application(server={"root_path": ROOT})
    assert json.loads(ask(app, "GET", "/openapi.json")[2])["servers"] == [{"url": ROOT}]
    assert "servers" not in json.loads(ask(application(), "GET", "/openapi.json")[2])

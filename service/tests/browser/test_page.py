"""The page at `/`, in a real browser."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select
from support import numbers
from support.browser import browsing
from support.colours import picture
from support.server import Server, serving, until, write_config

from hotpath.building.build import build

DESK, PHONE = (1280, 900), (390, 844)
KEY = "browser-" + "k" * 24


@pytest.fixture(scope="module")
def server(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = write_config(tmp_path_factory.mktemp("page") / "hotpath.toml", fast_model)
    with serving(config) as running:
        yield running


@pytest.fixture(scope="module")
def desk(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browsing(tmp_path_factory.mktemp("desk"), DESK) as driver:
        yield driver


@pytest.fixture
def page(server: Server, desk: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    desk.get(f"{server.url}/")
    yield desk
    shoot(desk, request.node.name)


def shoot(driver: Any, name: str) -> None:
    """Keep a picture for people to look at, where HOTPATH_SCREENSHOTS names a folder."""
    folder = os.environ.get("HOTPATH_SCREENSHOTS")
    if folder:
        driver.save_screenshot(f"{folder}/{name}.png")


def text(driver: Any, id: str) -> str:
    return str(driver.find_element(By.ID, id).text)


def settled(driver: Any) -> None:
    """Wait for the answer or the error."""
    until(
        lambda: (
            driver.find_element(By.ID, "result").get_attribute("aria-busy") == "false"
            and not driver.find_element(By.ID, "idle").is_displayed()
        )
    )


def give(driver: Any, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    driver.find_element(By.ID, "file").send_keys(str(path))
    settled(driver)


def rows(driver: Any) -> List[Tuple[str, float]]:
    found = []
    for row in driver.find_elements(By.CSS_SELECTOR, "#bars li"):
        value = row.find_element(By.CLASS_NAME, "value").text
        found.append((row.find_element(By.CLASS_NAME, "name").text, float(value.partition(" ")[0])))
    return found


def complaints(driver: Any) -> List[str]:
    """What the browser complained of, apart from the answers that are no success."""
    return [
        entry["message"]
        for entry in driver.get_log("browser")
        if "the server responded with a status of" not in entry["message"]
    ]


def requests(driver: Any) -> List[str]:
    """Every address that the page has asked for."""
    events: List[Dict[str, Any]] = [
        json.loads(entry["message"])["message"] for entry in driver.get_log("performance")
    ]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def test_an_image_is_answered_with_bars_timings_and_its_batch(page: Any, tmp_path: Path) -> None:
    give(page, tmp_path / "blue.png", picture("blue", size=(400, 300)))
    assert text(page, "label") == "blue"
    found = rows(page)
    assert len(found) == 5 and found[0][0] == "blue"
    assert [value for _, value in found] == sorted((value for _, value in found), reverse=True)
    fills = page.find_elements(By.CLASS_NAME, "fill")
    track = page.find_element(By.CLASS_NAME, "track").size["width"]
    assert fills[0].size["width"] == pytest.approx(track * found[0][1] / 100, abs=2)
    for stage in ("receive", "decode", "queue", "compute", "total"):
        assert stage in text(page, "timings")
    assert text(page, "batch") == "It rode alone, in a batch of 1."
    assert text(page, "model").startswith("colours, version ")
    preview = page.find_element(By.ID, "preview")
    until(preview.is_displayed)
    assert page.execute_script("return arguments[0].naturalWidth", preview) == 400


def test_the_photograph_comes_along(page: Any) -> None:
    page.find_element(By.ID, "sample").click()
    settled(page)
    assert text(page, "label") in ("grey", "black", "white", "red")  # a tabby cat, to a model of colours
    until(page.find_element(By.ID, "preview").is_displayed)


def test_many_at_once_share_batches(server: Server, page: Any, tmp_path: Path) -> None:
    give(page, tmp_path / "green.png", picture("green"))
    before = server.metric('hotpath_requests_total{route="/predict",status="200"}')
    page.find_element(By.ID, "many").click()
    until(lambda: text(page, "batch").startswith("16 requests at once rode in batches of "))
    assert server.metric('hotpath_requests_total{route="/predict",status="200"}') == before + 16


def test_an_image_can_be_dropped(page: Any) -> None:
    page.execute_script(
        """
        const bytes = Uint8Array.from(arguments[0]);
        const files = new DataTransfer();
        files.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
        for (const kind of ["dragenter", "dragover", "drop"])
            document.getElementById("drop").dispatchEvent(
                new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
        """,
        list(picture("red")),
    )
    settled(page)
    assert text(page, "label") == "red"


def test_a_file_that_is_no_image_is_explained_and_the_next_one_works(page: Any, tmp_path: Path) -> None:
    give(page, tmp_path / "notes.txt", b"Dear diary,\n" * 20)
    error = page.find_element(By.ID, "error")
    assert error.is_displayed() and error.get_attribute("role") == "alert"
    assert "plain text" in error.text and "send one of: jpeg" in error.text
    assert not page.find_element(By.ID, "answer").is_displayed()
    assert not page.find_element(By.ID, "preview").is_displayed()
    give(page, tmp_path / "red.png", picture("red"))
    assert text(page, "label") == "red" and not error.is_displayed()


def test_markup_in_a_file_name_or_an_answer_stays_text(page: Any) -> None:
    page.execute_script(
        """
        showAnswer({label: "<img src=x onerror=alert(1)>", batch_size: 1, model: {name: "<b>", version: "v"},
                    top_k: [{label: "<script>1</script>", score: 1}], stages: {total: 1}, around: 1}, [1]);
        """
    )
    assert not page.find_elements(By.CSS_SELECTOR, "#label img, #bars script, #model b")


def test_nothing_comes_from_elsewhere_and_nothing_is_complained_of(
    server: Server, page: Any, tmp_path: Path
) -> None:
    page.get_log("browser"), page.get_log("performance")
    page.get(f"{server.url}/")
    page.find_element(By.ID, "sample").click()
    settled(page)
    asked = requests(page)
    assert any(url.endswith("/predict") for url in asked)
    assert [url for url in asked if not url.startswith((server.url, f"blob:{server.url}"))] == []
    assert complaints(page) == []


def test_the_policy_stops_what_is_not_the_pages_own(page: Any) -> None:
    page.execute_script(
        """
        const script = document.createElement("script");
        script.textContent = "window.injected = true";
        document.body.append(script);
        """
    )
    assert page.execute_script("return window.injected") is None
    assert any("Content Security Policy" in message for message in complaints(page))


def test_it_can_be_used_by_keyboard_and_is_named_for_those_who_do_not_see_it(page: Any) -> None:
    reached = []
    for _ in range(6):
        page.execute_cdp_cmd(
            "Input.dispatchKeyEvent",
            {"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
        )
        reached.append(
            page.switch_to.active_element.get_attribute("id") or page.switch_to.active_element.text
        )
    assert reached[:4] == ["API", "Metrics", "file", "sample"]
    nodes = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")}
    assert ("heading", "What is in the picture?") in named and ("button", "Use a photograph") in named
    assert [role for role, name in named if role in ("button", "link", "textbox", "image") and not name] == []


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone(server: Server, tmp_path: Path, dark: bool) -> None:
    with browsing(tmp_path / "profile", PHONE, phone=True, dark=dark) as driver:
        driver.get(f"{server.url}/")
        give(driver, tmp_path / "blue.png", picture("blue", size=(900, 600)))
        shoot(driver, f"phone-{'dark' if dark else 'light'}")
        assert driver.execute_script("return document.documentElement.clientWidth") == PHONE[0]
        assert driver.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
        for button in driver.find_elements(By.TAG_NAME, "button"):
            assert not button.is_displayed() or button.size["height"] >= 44  # a finger's width
        assert text(driver, "label") == "blue"
        # Every text stands out from what is behind it: WCAG's 4.5.
        assert driver.execute_script(CONTRAST) >= 4.5


CONTRAST = """
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const behind = (node) => {
  for (; node; node = node.parentElement) {
    const colour = parse(getComputedStyle(node).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
let worst = 21;
for (const node of document.querySelectorAll("h1, h2, h3, a, p, span, strong, dt, dd, button:enabled")) {
  if (!node.textContent.trim() || !node.offsetParent) continue;
  const both = [luminance(parse(getComputedStyle(node).color)), luminance(behind(node))];
  const [a, b] = both.sort((x, y) => y - x);
  worst = Math.min(worst, (a + 0.05) / (b + 0.05));
}
return worst;
"""


ROOT = "/team/vision"


@pytest.fixture(scope="module")
def guarded(fast_model: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With keys, below a prefix, and open to pages of the other service."""
    room = tmp_path_factory.mktemp("guarded")
    keys = room / "keys.toml"
    keys.write_text(f'[browser]\nkey = "{KEY}"\n')
    keys.chmod(0o600)
    settings = {"root_path": ROOT, "cors_origins": [server.url]}
    with serving(
        write_config(room / "hotpath.toml", fast_model, auth={"keys": keys}, server=settings)
    ) as running:
        yield running


ASK = """
const [url, key, done] = arguments;
const headers = {"Content-Type": "image/png", ...(key ? {Authorization: `Bearer ${key}`} : {})};
fetch(url, {method: "POST", headers, body: "no image"})
  .then((answer) => [answer.status, answer.headers.get("X-Request-Id")], String).then(done);
"""


def test_a_page_of_another_origin_may_ask_where_it_is_let_in(
    server: Server, guarded: Server, desk: Any
) -> None:
    desk.get(f"{server.url}/docs")  # whose policy does not forbid it
    status, request_id = desk.execute_async_script(ASK, f"{guarded.url}{ROOT}/predict", KEY)
    assert status == 415 and request_id
    assert desk.execute_async_script(ASK, f"{guarded.url}/predict", "")[0] == 401
    desk.get(f"{guarded.url}/docs")
    assert "Failed to fetch" in desk.execute_async_script(ASK, f"{server.url}/predict", "")


@pytest.mark.parametrize("prefix", ["", ROOT])
def test_the_page_of_the_api_sends_its_requests_below_the_prefix(
    guarded: Server, desk: Any, prefix: str
) -> None:
    desk.get(f"{guarded.url}{prefix}/docs")
    until(lambda: bool(desk.find_elements(By.CSS_SELECTOR, ".opblock")))
    assert desk.find_elements(By.CSS_SELECTOR, ".btn.authorize")
    found = desk.find_elements(By.CSS_SELECTOR, ".opblock")
    block = next(item for item in found if "/livez" in item.text)
    for button in (".opblock-summary-control", ".try-out__btn", ".execute"):
        until(lambda button=button: bool(block.find_elements(By.CSS_SELECTOR, button)))  # type: ignore[misc]
        block.find_element(By.CSS_SELECTOR, button).click()
    until(lambda: "200" in block.find_element(By.CSS_SELECTOR, ".responses-wrapper").text)
    until(lambda: bool(block.find_elements(By.CSS_SELECTOR, ".request-url pre")))
    assert block.find_element(By.CSS_SELECTOR, ".request-url pre").text == f"{guarded.url}{ROOT}/livez"


def test_a_service_with_keys_asks_for_one(guarded: Server, desk: Any, tmp_path: Path) -> None:
    for path in (ROOT, f"{ROOT}/", "/"):
        desk.get(f"{guarded.url}{path}")
        give(desk, tmp_path / "red.png", picture("red"))
        assert "This path needs a key." in text(desk, "error")
        shoot(desk, "needs-key")
        desk.find_element(By.ID, "key").send_keys(KEY)
        desk.find_element(By.CSS_SELECTOR, "#gate button").click()
        until(lambda: text(desk, "label") == "red")
        assert not desk.find_element(By.ID, "gate").is_displayed()


def test_a_service_that_is_gone_is_told(fast_model: Path, desk: Any, tmp_path: Path) -> None:
    with serving(write_config(tmp_path / "hotpath.toml", fast_model)) as server:
        desk.get(f"{server.url}/")
        server.stop()
        give(desk, tmp_path / "red.png", picture("red"))
        assert "can't be reached" in text(desk, "error")


@pytest.fixture(scope="module")
def several(fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Pictures, boxes, a text and tensors."""
    directory = tmp_path_factory.mktemp("several")
    sources = (
        numbers.boxes(directory / "b"),
        numbers.letters(directory / "l"),
        numbers.write_source(directory / "s"),
    )
    built = [build(source, directory / "models")[0] for source in sources]
    more = [{"name": one.identity.name, "path": one.directory, "backend": "numeric"} for one in built]
    with serving(write_config(directory / "hotpath.toml", fast_model, more=more)) as running:
        yield running


def pick(driver: Any, model: str) -> None:
    until(driver.find_element(By.ID, "choice").is_displayed)
    Select(driver.find_element(By.ID, "models")).select_by_value(model)


def say(driver: Any, words: str) -> None:
    field = driver.find_element(By.ID, "text")
    until(field.is_displayed)
    field.send_keys(words)
    driver.find_element(By.ID, "send").click()
    settled(driver)


def test_boxes_lie_on_the_picture_where_the_objects_are(several: Server, desk: Any, tmp_path: Path) -> None:
    desk.get(f"{several.url}/")
    pick(desk, "boxes")
    give(desk, tmp_path / "blue.png", picture("blue", size=(400, 300)))
    assert text(desk, "label") == "2 objects"
    assert rows(desk) == [("cup", 90.0), ("cat", 90.0)]
    preview = desk.find_element(By.ID, "preview")
    until(preview.is_displayed)
    cup, cat = (box.rect for box in desk.find_elements(By.CLASS_NAME, "box"))
    frame = preview.rect
    assert (cup["x"], cup["y"]) == pytest.approx((frame["x"], frame["y"]), abs=2)
    assert (cup["width"], cup["height"]) == pytest.approx((frame["width"] / 2, frame["height"] / 2), abs=2)
    assert (cat["x"], cat["y"]) == pytest.approx((cup["x"] + cup["width"], cup["y"] + cup["height"]), abs=2)
    shoot(desk, "boxes")


def test_a_model_of_texts_is_told_one(several: Server, desk: Any) -> None:
    desk.get(f"{several.url}/")
    pick(desk, "letters")
    say(desk, "Mississippi")
    assert '"letter": "i"' in text(desk, "values")
    assert text(desk, "model").startswith("letters, version ")
    assert not desk.find_element(By.ID, "drop").is_displayed()
    shoot(desk, "a_text")


def test_a_model_of_tensors_is_told_json_and_what_is_wrong_is_explained(several: Server, desk: Any) -> None:
    desk.get(f"{several.url}/")
    pick(desk, "sums")
    say(desk, '{"inputs": {"a": [1, 2]}}')
    assert "'b' is missing" in text(desk, "error")
    desk.find_element(By.ID, "text").clear()
    say(desk, '{"inputs": {"a": [1, 2], "b": [3, 1]}}')
    until(desk.find_element(By.ID, "values").is_displayed)
    assert "above" in text(desk, "values")
    pick(desk, "colours")
    until(desk.find_element(By.ID, "drop").is_displayed)

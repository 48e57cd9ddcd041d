"""A real Chromium without a screen and without internet."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any, Iterator, Tuple

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless",
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",  # a bar is measured once it is as long as it will be
    # Whatever the page asks for beyond this machine fails, as on a host without internet.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def _found(name: str) -> str:
    path = shutil.which(name)
    assert path, f"{name} is not installed: scripts/bootstrap.sh browser installs it"
    return path


@contextlib.contextmanager
def browsing(profile: Path, size: Tuple[int, int], phone: bool = False, dark: bool = False) -> Iterator[Any]:
    """A browser with a new, empty profile; `size` in CSS pixels."""
    options = webdriver.ChromeOptions()
    options.binary_location = _found("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    if phone:
        metrics = {"width": size[0], "height": size[1], "pixelRatio": 3.0, "touch": True}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(executable_path=_found("chromedriver")))
    try:
        if dark:
            scheme = [{"name": "prefers-color-scheme", "value": "dark"}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        yield driver
    finally:
        driver.quit()

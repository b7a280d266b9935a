"""A headless browser for tests that need one, and what axe-core says of a page in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """A driver with a fresh profile. Skips the test where no Chromium and driver are installed."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no Chromium with its driver is installed (apt-get install chromium chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        chrome.set_window_size(1400, 900)
        yield chrome
    finally:
        chrome.quit()


AXE = (
    Path(__file__).parents[2] / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
)  # put there by `make axe`
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def show_as(chrome: Any, scheme: str, width: int) -> None:
    """Give the page a width in pixels (below 500 a phone's), and its reader a preference for light or dark."""
    preferred = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", preferred)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def barriers(chrome: Any) -> list[str]:
    """What keeps people out of the page, by the rules of WCAG 2.2 A and AA. Skips the test without axe-core."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make axe)")
    if not chrome.execute_script("return 'axe' in window"):
        chrome.execute_script(AXE.read_text(encoding="utf-8"))
    found = chrome.execute_async_script(
        "const [tags, done] = arguments;"
        "const options = {runOnly: {type: 'tag', values: tags}, preload: false, iframes: false};"
        "const say = (each) => `${each.id}: ${each.nodes[0].html}`;"
        "axe.run(document, options).then((all) => done(all.violations.map(say)), (error) => done([String(error)]))",
        WCAG,
    )
    return list(found)


def requested(chrome: Any) -> list[str]:
    """The addresses that the browser has asked for since the last call."""
    import json

    messages = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

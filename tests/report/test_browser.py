"""The page in a real browser: no error, no request, sorting and filtering by keyboard, charts drawn, names as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aiakit.experiment.document import document_of
from aiakit.report.html import report_page
from aiakit.report.page import render_page
from tests.report.browser import chromium, requested
from tests.report.conftest import Evaluated

HOSTILE = '<script>document.title="owned"</script><img src="http://localhost:9/x" onerror="document.title=1">'


@pytest.fixture(scope="module")
def chrome(evaluated: Evaluated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("page")
    with chromium(folder / "profile") as driver:
        run, evaluation = evaluated
        document = document_of(evaluation, {})
        document["rows"][-1]["defense"] = HOSTILE
        document["notes"] = [HOSTILE]
        page = folder / "report.html"
        page.write_text(render_page(report_page(run, evaluation, document, folder)), encoding="utf-8")
        requested(driver)
        driver.get(page.as_uri())
        driver.page_uri = page.as_uri()
        yield driver


def rows(chrome: Any, column: int = 0, table: str = "release-table") -> list[str]:
    """The texts of a column in the order shown, hidden rows left out."""
    return chrome.execute_script(  # type: ignore[no-any-return]
        "return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].filter(r => r.offsetHeight > 0)"
        ".map(r => r.cells[arguments[1]].textContent)",
        table,
        column,
    )


def test_loads_without_errors_and_without_network(chrome: Any) -> None:
    assert [entry for entry in chrome.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    asked = [url for url in requested(chrome) if not url.startswith("data:")]  # pixels that the page itself holds
    assert asked in ([], [chrome.page_uri])


def test_hostile_names_stay_text(chrome: Any) -> None:
    assert chrome.title.startswith("synthetic")
    assert HOSTILE in rows(chrome)
    assert chrome.execute_script("return document.querySelectorAll('script, img').length") == 1  # the page's own


def test_charts_are_drawn(chrome: Any) -> None:
    sizes = chrome.execute_script(
        "return [...document.querySelectorAll('figure svg')].map(s => [s.getBoundingClientRect().width,"
        " s.getBoundingClientRect().height, s.querySelectorAll('path, rect, line').length])"
    )
    assert len(sizes) >= 5
    for width, height, marks in sizes:
        assert width > 100
        assert height > 50
        assert marks > 5


def test_sorts_by_keyboard_and_says_so(chrome: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    headings = chrome.find_elements(By.CSS_SELECTOR, "#release-table thead th")
    button = headings[3].find_element(By.TAG_NAME, "button")
    button.send_keys(Keys.ENTER)
    assert headings[3].get_attribute("aria-sort") == "ascending"
    measured = [float(text.split()[0]) for text in rows(chrome, 3)]
    assert measured == sorted(measured)
    button.send_keys(Keys.SPACE)
    assert headings[3].get_attribute("aria-sort") == "descending"
    assert [float(text.split()[0]) for text in rows(chrome, 3)] == sorted(measured, reverse=True)
    headings[1].find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert headings[3].get_attribute("aria-sort") is None
    assert rows(chrome, 1)[-1] == "–"  # what was not claimed comes last …
    headings[1].find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert rows(chrome, 1)[-1] == "–"  # … either way


def test_filters(chrome: Any) -> None:
    from selenium.webdriver.common.by import By

    field = chrome.find_element(By.CSS_SELECTOR, "input[data-filter='attack-table']")
    everything = len(rows(chrome, table="attack-table"))
    field.send_keys("AIA logreg")
    assert rows(chrome, table="attack-table") == ["aia"]
    output = chrome.find_element(By.CSS_SELECTOR, "output[data-count='attack-table']")
    assert output.text == f"1 of {everything} rows"
    field.clear()
    field.send_keys(" ")
    assert len(rows(chrome, table="attack-table")) == everything


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_light_and_dark_wide_and_narrow(chrome: Any, scheme: str, width: int) -> None:
    chrome.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    ink, paper, axis = chrome.execute_script(
        "const b = getComputedStyle(document.body), t = document.querySelector('svg text');"
        "return [b.color, b.backgroundColor, getComputedStyle(t).fill]"
    )
    light = sum(int(part) for part in paper[4:-1].split(",")) > 380
    assert light == (scheme == "light")
    assert axis == ink != paper

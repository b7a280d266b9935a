"""The page in a real browser: no error, no request, sorting and filtering by keyboard, charts drawn, names as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.gather import gather
from aiakit.report.board import board_page
from aiakit.report.calibration import shipped_calibrations
from aiakit.report.html import report_page
from aiakit.report.page import Page, render_page
from aiakit.results.document import document_of
from tests.conftest import Evaluated
from tests.report.browser import barriers, chromium, requested, show_as

CLAIMED = {"report": 4, "board": 5}  # the columns of figures in the first table, after the names
MEASURED = 1
HOSTILE = '<script>document.title="owned"</script><img src="http://localhost:9/x" onerror="document.title=1">'


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


@pytest.fixture(scope="module")
def report(evaluated: Evaluated) -> Page:
    run, evaluation = evaluated
    document = document_of(evaluation, {})
    document["rows"][-1]["release"] = HOSTILE
    document["notes"] = [HOSTILE]
    return report_page(run, evaluation, document, run.folder)


@pytest.fixture(scope="module")
def board(tiny_run: Path) -> Page:
    found = make_board(gather([tiny_run]).submissions)
    found.places[-1].label = HOSTILE
    return board_page(found, shipped_calibrations(), tiny_run.parent)


@pytest.fixture(scope="module", params=["report", "board"])
def chrome(request: pytest.FixtureRequest, driver: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The browser with one page after the other. kind, page_uri : which, and its address."""
    page = tmp_path_factory.mktemp("page") / "index.html"
    page.write_text(render_page(request.getfixturevalue(request.param)), encoding="utf-8")
    requested(driver)
    driver.get(page.as_uri())
    driver.page_uri, driver.kind = page.as_uri(), request.param
    return driver


def rows(chrome: Any, column: int = 0, table: str = "") -> list[str]:
    """The texts of a column in the order shown, hidden rows left out; of the first table where none is named."""
    return chrome.execute_script(  # type: ignore[no-any-return]
        "return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].filter(r => r.offsetHeight > 0)"
        ".map(r => r.cells[arguments[1]].textContent)",
        table or first_table(chrome),
        column,
    )


def first_table(chrome: Any) -> str:
    return {"report": "release-table", "board": "board-table"}[chrome.kind]


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
    assert len(sizes) >= 6
    for width, height, marks in sizes:
        assert width > 100
        assert height > 50
        assert marks > 5


def test_sorts_by_keyboard_and_says_so(chrome: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    measured, claimed = MEASURED, CLAIMED[chrome.kind]
    headings = chrome.find_elements(By.CSS_SELECTOR, f"#{first_table(chrome)} thead th")
    button = headings[measured].find_element(By.TAG_NAME, "button")
    button.send_keys(Keys.ENTER)
    assert headings[measured].get_attribute("aria-sort") == "ascending"
    shown = [float(text.split()[0]) for text in rows(chrome, measured)]
    assert shown == sorted(shown)
    button.send_keys(Keys.SPACE)
    assert headings[measured].get_attribute("aria-sort") == "descending"
    assert [float(text.split()[0]) for text in rows(chrome, measured)] == sorted(shown, reverse=True)
    for _ in range(2):
        headings[claimed].find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
        assert headings[measured].get_attribute("aria-sort") is None
        assert rows(chrome, claimed)[-1] == "–"  # what was not claimed comes last either way


def test_filters(chrome: Any) -> None:
    from selenium.webdriver.common.by import By

    name = rows(chrome)[0]
    field = chrome.find_element(By.CSS_SELECTOR, f"input[data-filter='{first_table(chrome)}']")
    everything = len(rows(chrome))
    field.send_keys(name.upper())
    assert rows(chrome) == [name]
    output = chrome.find_element(By.CSS_SELECTOR, f"output[data-count='{first_table(chrome)}']")
    assert output.text == f"1 of {everything} rows"
    field.clear()
    field.send_keys(" ")
    assert len(rows(chrome)) == everything


def test_figures_lead_somewhere(chrome: Any) -> None:
    from urllib.parse import unquote, urlsplit

    links = chrome.execute_script("return [...document.querySelectorAll('main a')].map(a => a.getAttribute('href'))")
    assert len(links) > 10
    inside = {link[1:] for link in links if link.startswith("#")}
    assert inside
    assert inside <= set(chrome.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)"))
    assert all(not urlsplit(link).scheme and not unquote(link).startswith("/") for link in links)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_light_and_dark_wide_and_narrow(chrome: Any, scheme: str, width: int) -> None:
    show_as(chrome, scheme, width)
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    ink, paper, axis = chrome.execute_script(
        "const b = getComputedStyle(document.body), t = document.querySelector('svg text');"
        "return [b.color, b.backgroundColor, getComputedStyle(t).fill]"
    )
    light = sum(int(part) for part in paper[4:-1].split(",")) > 380
    assert light == (scheme == "light")
    assert axis == ink != paper


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_nobody_is_kept_out(chrome: Any, scheme: str, width: int) -> None:
    show_as(chrome, scheme, width)
    assert barriers(chrome) == []


def test_no_table_is_cut_on_a_wide_screen(chrome: Any) -> None:
    show_as(chrome, "light", 1400)
    cut = chrome.execute_script(
        "return [...document.querySelectorAll('table')].filter(t => t.offsetParent)"
        ".filter(t => t.parentElement.scrollWidth > t.parentElement.clientWidth + 1).map(t => t.id)"
    )
    assert cut == []


def test_on_a_phone_name_figure_and_verdict_are_seen_without_scrolling(chrome: Any) -> None:
    show_as(chrome, "light", 390)
    wanted = {"report": ["release", "measured [95 %]", "verdict"], "board": ["release", "strongest [95 %]", "verdict"]}
    headings, right = chrome.execute_script(
        "const cells = [...document.querySelector(`#${arguments[0]} thead tr`).cells];"
        "const shown = cells.slice(0, 3);"
        "return [shown.map(c => c.textContent.trim()), Math.max(...shown.map(c => c.getBoundingClientRect().right))]",
        first_table(chrome),
    )
    assert [heading.replace("\u00a0", " ") for heading in headings] == wanted[chrome.kind]
    assert right <= 390


def test_print_repeats_the_heads_of_tables(chrome: Any) -> None:
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        display, inside, overflow = chrome.execute_script(
            "const head = document.querySelector('thead'), style = getComputedStyle(head);"
            "return [style.display, style.breakInside, getComputedStyle(head.closest('.scroll')).overflowX]"
        )
    finally:
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert (display, inside, overflow) == ("table-header-group", "avoid", "visible")


def test_two_rows_of_a_board_are_paired(two_runs: Path, driver: Any, tmp_path: Path) -> None:
    page = tmp_path / "board.html"
    page.write_text(render_page(board_page(make_board(gather([two_runs]).submissions))), encoding="utf-8")
    driver.get(page.as_uri())
    shown = (
        "return [...document.querySelectorAll('#pair-table tbody tr')].filter(r => r.offsetHeight > 0)"
        ".map(r => [r.cells[0].textContent, r.cells[1].textContent].sort().join(' '))"
    )
    assert sorted(driver.execute_script(shown)) == ["inlp leace", "inlp original", "leace original"]
    first, second = driver.find_elements("css selector", "select[data-filter='pair-table']")
    first.send_keys("original")
    assert sorted(driver.execute_script(shown)) == ["inlp original", "leace original"]
    second.send_keys("leace")
    assert driver.execute_script(shown) == ["leace original"]

"""The site of stored boards: no dead link, no foreign host, rows filtered by keyboard, files that say the same."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from aiakit.cli.main import cli
from aiakit.leaderboard.schema import Entry
from aiakit.leaderboard.writing import write_entry
from benchmarks import site as module
from benchmarks.kept import pack
from benchmarks.site import COMMANDS, write_site
from docs.hooks.offline import foreign
from tests.docs.examples import ROOT, blocks
from tests.docs.test_examples import parse
from tests.report.browser import barriers, chromium, requested, show_as

STORED = ROOT / "tests" / "fixtures" / "entry-schema-5"
DOCS = ROOT / "build" / "site" / "docs"
WEB = ("http", "https", "ws", "wss")
NOISE = {"release": "noise", "stages": [{"name": "gaussian-noise"}], "accuracy_bound": 0.9}
VARIANTS: list[dict[str, Any]] = [{}, {"level": "insider"}, NOISE]


def store(folder: Path, variants: list[dict[str, Any]]) -> Path:
    """A board of a stored entry, and of others that say the same of other releases."""
    shutil.copytree(STORED, folder, ignore=shutil.ignore_patterns("*.json"))
    entry = json.loads(next(STORED.glob("*.json")).read_text("utf-8"))
    for number, changed in enumerate(variants):
        said = {**entry, "name": f"{entry['name']}-{number}", **changed}
        write_entry(Entry.model_validate(said), folder)
    return folder


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boards")
    store(folder / "several", VARIANTS)
    store(folder / "a lone one", VARIANTS[:1])
    (folder / "no-board").mkdir()
    return folder


@pytest.fixture(scope="module")
def site(boards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    assert [each.name for each in write_site(boards, folder)] == ["a lone one", "several"]
    return folder


class Page(HTMLParser):
    """The links and ids of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")


def test_no_link_is_dead(site: Path) -> None:
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    names = [str(path.relative_to(site.resolve())) for path in pages]
    assert [name for name in names if "entries" not in name] == [
        "board/a lone one/index.html",
        "board/several/index.html",
        "index.html",
    ]
    assert len([name for name in names if "/entries/" in name]) == len(VARIANTS) + 1
    followed = set()
    for path, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            assert not address.scheme
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            assert target.is_relative_to(site.resolve())  # a copy of the site is whole
            followed.add(target)
            if "docs" in target.relative_to(site.resolve()).parts:
                assert (ROOT / "docs" / target.name).with_suffix(".md").is_file()
            elif address.fragment:
                assert address.fragment in pages[target].ids
            else:
                assert target.is_file()
    assert {path.resolve() for path in site.rglob("*.*")} <= followed


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    assert list(foreign(site)) == []


def test_the_files_say_what_the_page_says(site: Path) -> None:
    folder = site / "board" / "several"
    document = json.loads((folder / "board.json").read_text("utf-8"))
    with (folder / "board.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    html = (folder / "index.html").read_text("utf-8")
    assert len(document["rows"]) == len(table) == len(VARIANTS)
    assert {row["level"] for row in document["rows"]} == {"informed", "insider"}
    for row, written in zip(document["rows"], table, strict=True):
        accuracy = row["strongest"]["balanced_accuracy"]
        assert row["release"] == written["release"]
        assert accuracy == float(written["strongest"])
        assert row["rank"] is not None, "entries are taken at their word"
        assert f'data-value="{accuracy}"' in html


def test_the_three_commands_can_be_given() -> None:
    words = [words for block in blocks(f"```\n{COMMANDS}```\n") for words, _ in block.commands()]
    assert [line[0] for line in words] == ["run", "audit", "leaderboard"]
    for line in words:
        parse(cli, "aiakit", line)


def test_without_a_board_it_still_leads_to_the_documentation(tmp_path: Path) -> None:
    assert write_site(tmp_path / "none", tmp_path / "site") == []
    html = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "No board is stored" in html
    assert 'href="docs/index.html"' in html
    assert "<svg" not in html


def test_what_is_no_longer_stored_goes_and_what_cannot_stand_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "BOARDS", tmp_path / "boards")
    monkeypatch.setattr("sys.argv", ["site", str(tmp_path / "site")])
    store(tmp_path / "boards" / "kept", VARIANTS[:1])
    (tmp_path / "site" / "board" / "gone").mkdir(parents=True)
    (tmp_path / "boards" / "kept" / "broken.json").write_text("{", "utf-8")
    assert module.main() == 1
    assert "kept: set aside: " in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "site" / "board").iterdir()] == ["kept"]
    next((tmp_path / "boards" / "kept").glob("truth.*")).unlink()
    assert module.main() == 2
    assert "benchmarks.site: " in capsys.readouterr().err


def test_pages_are_kept_for_whoever_has_not_the_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "BOARDS", tmp_path / "boards")
    monkeypatch.delenv("AIAKIT_DATA", raising=False)
    board = store(tmp_path / "boards" / "real", VARIANTS)

    def make(site: str, *options: str) -> int:
        monkeypatch.setattr("sys.argv", ["site", str(tmp_path / site), *options])
        return module.main()

    assert make("here", "--store", "real") == 0
    kept = board / "pages.zip"
    first = kept.read_bytes()
    assert make("here", "--store", "real") == 0
    assert kept.read_bytes() == first
    (truth,) = board.glob("truth.*")
    hidden = truth.rename(tmp_path / truth.name)
    assert make("elsewhere") == 0
    files = {path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*.*")}
    assert {path.relative_to(tmp_path / "elsewhere") for path in (tmp_path / "elsewhere").rglob("*.*")} == files
    for file in files:
        assert (tmp_path / "elsewhere" / file).read_bytes() == (tmp_path / "here" / file).read_bytes()
    hidden.rename(truth)
    forged = tmp_path / "here" / "board" / "real" / "board.json"
    document = json.loads(forged.read_text("utf-8"))
    document["rows"][0]["strongest"]["balanced_accuracy"] -= 0.01
    forged.write_text(json.dumps(document), "utf-8")
    pack(forged.parent, kept)
    capsys.readouterr()
    assert make("here") == 2
    assert "pages.zip is not of the entries beside it: board.json.rows.0.strongest." in capsys.readouterr().err


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def test_rows_are_filtered_by_keyboard(site: Path, chrome: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    page = site / "board" / "several" / "index.html"
    requested(chrome)
    chrome.get(page.as_uri())
    text, attacker, floor = chrome.find_elements("css selector", "[data-filter='board-table']")
    shown = "return [...document.querySelectorAll('#board-table tbody tr')].filter(r => r.offsetHeight > 0).length"
    said = chrome.find_element("css selector", "output[data-count='board-table']")
    text.click()
    chrome.switch_to.active_element.send_keys(Keys.TAB)
    assert chrome.switch_to.active_element == attacker
    attacker.send_keys("insider")
    assert (chrome.execute_script(shown), said.text) == (1, "1 of 3 rows")
    attacker.send_keys(Keys.HOME, Keys.TAB)
    assert chrome.switch_to.active_element == floor
    utility = json.loads((page.parent / "board.json").read_text("utf-8"))["rows"][0]["utility"]["random"]["accuracy"]
    floor.send_keys(f"{utility - 0.01:.3f}")
    assert (chrome.execute_script(shown), said.text) == (3, "3 of 3 rows")
    floor.clear()
    floor.send_keys(f"{utility + 0.01:.3f}")
    assert (chrome.execute_script(shown), said.text) == (0, "0 of 3 rows")
    floor.send_keys(Keys.CONTROL + "a" + Keys.NULL + Keys.BACKSPACE)
    text.send_keys("noise")
    assert (chrome.execute_script(shown), said.text) == (1, "1 of 3 rows")
    assert [url for url in requested(chrome) if urlsplit(url).scheme in WEB] == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
@pytest.mark.parametrize("place", ["first page", "documentation"])
def test_nobody_is_kept_out(place: str, scheme: str, width: int, site: Path, chrome: Any) -> None:
    page = site / "index.html" if place == "first page" else DOCS / "glossary.html"
    if not page.is_file():
        pytest.skip("the documentation is not built (make docs)")
    show_as(chrome, scheme, width)
    chrome.get(page.as_uri())
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    assert barriers(chrome) == []


def test_the_documentation_is_searched_without_a_server(chrome: Any) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    if not DOCS.is_dir():
        pytest.skip("the documentation is not built (make docs)")
    show_as(chrome, "light", 1280)
    requested(chrome)
    chrome.get((DOCS / "reference" / "cli.html").as_uri())
    field = chrome.find_element("css selector", ".md-search__input")
    field.click()
    field.send_keys("hypervolume")
    results = WebDriverWait(chrome, 20).until(
        lambda driver: driver.find_elements("css selector", ".md-search-result__link")
    )
    assert all((urlsplit(link.get_attribute("href")).path).endswith(".html") for link in results)
    assert [url for url in requested(chrome) if urlsplit(url).scheme in WEB] == []

"""The check that built pages load nothing from another host, on pages that do and pages that do not."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from docs.hooks import offline

HOST = "//example.org"


@pytest.mark.parametrize(
    "loads",
    [
        f'<script src="https:{HOST}/x.js"></script>',
        f"<script async src={HOST}/x.js></script>",
        f'<link rel="stylesheet" href="https:{HOST}/x.css">',
        f'<link href="https:{HOST}" rel="preconnect" crossorigin>',
        f'<link rel="shortcut icon" href="HTTPS:{HOST}/x.png"/>',
        f'<img alt="" src="http:{HOST}/x.png">',
        f'<img src="a.png" srcset="a.png 1x, https:{HOST}/b.png 2x">',
        f'<iframe src="https:{HOST}"></iframe>',
        f'<video poster="https:{HOST}/x.png"></video>',
        f'<object data="https:{HOST}/x.svg"></object>',
        f'<svg><use href="https:{HOST}/x.svg#a"/></svg>',
        f'<form action="https:{HOST}"></form>',
        f"<style>@import '{HOST}/x.css';</style>",
        f"<style>a {{ background: url( https:{HOST}/x.png ) }}</style>",
        f'<p style="background: url(https:{HOST}/x.png)">',
        '<pre class="mermaid"></pre>',
    ],
)
def test_what_would_be_loaded_is_found(loads: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f"<html><body>{loads}</body></html>", "utf-8")
    assert [path.name for path, _ in offline.foreign(tmp_path)] == ["page.html"]


def test_style_sheets_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text(f"@font-face {{ src: url('https:{HOST}/x.woff2') }}", "utf-8")
    (tmp_path / "b.css").write_text(
        "@font-face { src: url(../x.woff2) } a { background: url(data:image/png,x) }", "utf-8"
    )
    assert [path.name for path, _ in offline.foreign(tmp_path)] == ["a.css"]


@pytest.mark.parametrize(
    "follows",
    [
        f'<a href="https:{HOST}">a link to follow</a>',
        f'<link rel="canonical" href="https:{HOST}">',
        '<link rel="stylesheet" href="assets/x.css"><img src="../a.png"><script src="x.js"></script>',
        f"<pre>&lt;script src='https:{HOST}'&gt; @import '{HOST}'</pre>",
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>',
    ],
)
def test_what_is_only_followed_or_shown_is_not(follows: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f"<html><body>{follows}</body></html>", "utf-8")
    assert list(offline.foreign(tmp_path)) == []


def test_a_build_warns_of_it_and_of_an_empty_site(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = SimpleNamespace(site_dir=str(tmp_path))
    with caplog.at_level(logging.WARNING):
        offline.on_post_build(config)
        assert "no page was built" in caplog.text
        caplog.clear()
        (tmp_path / "index.html").write_text("<p>fine</p>", "utf-8")
        offline.on_post_build(config)
        assert not caplog.records
        (tmp_path / "index.html").write_text(f'<img src="https:{HOST}/x.png">', "utf-8")
        offline.on_post_build(config)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "index.html loads" in caplog.text

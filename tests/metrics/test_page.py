from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest

from data_versioning.errors import FormatError
from data_versioning.metrics import page
from data_versioning.metrics.page import Shown

HOSTILE = "\"><script>alert('x')</script>{plot_divs}\udcff"


class Tags(HTMLParser):
    """All tags of a page, with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_on_the_page_runs_or_comes_from_elsewhere() -> None:
    found = page.page(
        [
            page.chart(HOSTILE, f"<svg>{HOSTILE!a}</svg>"),
            page.images(HOSTILE, [Shown("static/a%20b.png", HOSTILE)]),
            page.failures([HOSTILE]),
        ]
    )
    parsed = Tags(found)
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert parsed.text.count("<script>alert('x')</script>{plot_divs}") == 3
    sources = [attributes["src"] for tag, attributes in parsed.tags if tag == "img"]
    assert [source and source.partition(",")[0] for source in sources] == [
        "data:image/svg+xml;base64",
        "static/a%20b.png",
    ]
    assert not re.search(r"https?://", found)
    found.encode()


def test_the_chart_is_the_image() -> None:
    encoded = Tags(page.chart("a", "<svg>é</svg>")).tags[1][1]["src"] or ""
    assert base64.b64decode(encoded.partition(",")[2]).decode() == "<svg>é</svg>"


def test_a_page_of_ones_own() -> None:
    found = page.page(["A", "B"], template="<p>{scripts}{refresh_tag}{plot_divs}</p>{plot_divs}")
    assert found == "<p>A\nB</p>A\nB"
    with pytest.raises(FormatError, match="plot_divs"):
        page.page([], template="<p></p>")

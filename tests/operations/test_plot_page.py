"""Plots as files: what is written where, and what is on the page."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from data_versioning.cli import main
from data_versioning.errors import ConfigError, DiskError, FormatError
from data_versioning.operations import plot_page, plots
from data_versioning.operations.plot_page import Written
from data_versioning.operations.plots import Request
from tests.operations.test_plots import DOT, ROWS
from tests.operations.work import Work
from tests.oracle import Tool

PIPELINE = """\
plots:
  - loss.csv
  - Second: {x: step, y: {loss.csv: loss}, template: simple}
  - images
"""


@pytest.fixture
def drawn(work: Work) -> Work:
    work.write("dvc.yaml", PIPELINE)
    work.write("loss.csv", ROWS)
    for number in (10, 9, 1):
        work.write(f"images/{number}.svg", DOT)
    work.write("images/note.png", b"\x89PNG")
    return work


def page(work: Work, **options: str) -> Written:
    return plot_page.write_page(work.repo(), plots.show(work.repo(), Request()), **options)


def text(written: Written) -> str:
    return Path(written.files[0]).read_text()


def test_the_page_and_its_images(drawn: Work) -> None:
    written = page(drawn)
    assert written == Written([str(drawn.root / "dvc_plots/index.html")], [])
    assert drawn.read("dvc_plots/static/workspace_images_10.svg") == DOT.encode()
    found = text(written)
    alternatives = re.findall(r'alt="([^"]+)"', found)
    images = [f"images/{name} (workspace)" for name in ("1.svg", "9.svg", "10.svg", "note.png")]
    assert alternatives == ["loss.csv", "Second", *images]
    assert not re.search("https?://|<script", found)
    assert sorted(os.listdir(drawn.root / "dvc_plots")) == ["index.html", "static"]


def test_every_revision_has_its_image(drawn: Work) -> None:
    drawn.save()
    drawn.write("images/1.svg", DOT.replace("4", "3"))
    found = plots.diff(drawn.repo(), [], Request(targets=["images"]))
    written = plot_page.write_page(drawn.repo(), found)
    assert drawn.read("dvc_plots/static/HEAD_images_1.svg") != drawn.read(
        "dvc_plots/static/workspace_images_1.svg"
    )
    assert text(written).count('class="rev"') == 8


def test_the_directory_is_chosen(drawn: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page(drawn, out="a/b").files == [str(drawn.root / "a/b/index.html")]
    (drawn.root / ".dvc/config").write_text("[plots]\n    out_dir = chosen\n")
    assert page(drawn).files == [str(drawn.root / "chosen/index.html")]
    (drawn.root / "sub").mkdir()
    monkeypatch.chdir(drawn.root / "sub")
    assert page(drawn).files == [str(drawn.root / "sub/chosen/index.html")]


@pytest.mark.parametrize("target", ["dvc_plots", "dvc_plots/static"])
def test_a_committed_link_leads_nowhere_outside(drawn: Work, target: str) -> None:
    outside = drawn.root.parent / "outside"
    outside.mkdir()
    (drawn.root / target).parent.mkdir(exist_ok=True)
    (drawn.root / target).symlink_to(outside)
    with pytest.raises(ConfigError, match="outside of the repository"):
        page(drawn)
    assert os.listdir(outside) == []
    if target == "dvc_plots":
        assert page(drawn, out="dvc_plots").failed == []  # the user's own choice


def test_a_committed_directory_lies_inside_but_the_user_may_choose_any(drawn: Work) -> None:
    outside = drawn.root.parent / "outside"
    (drawn.root / ".dvc/config").write_text(f"[plots]\n    out_dir = {outside}\n")
    with pytest.raises(ConfigError, match="outside of the repository"):
        page(drawn)
    (drawn.root / ".dvc/config.local").write_text(f"[plots]\n    out_dir = {outside}\n")
    assert page(drawn).files == [str(outside / "index.html")]


def test_a_link_in_place_of_a_file_is_replaced(drawn: Work) -> None:
    precious = drawn.write("precious", "precious")
    (drawn.root / "dvc_plots").mkdir()
    (drawn.root / "dvc_plots/index.html").symlink_to(precious)
    page(drawn)
    assert precious.read_text() == "precious"


def test_what_fails_is_on_the_page_and_the_rest_is_drawn(drawn: Work) -> None:
    drawn.write("dvc.yaml", PIPELINE + "  - gone.csv\n  - Bad: {y: {loss.csv: acc}, template: absent}\n")
    written = page(drawn)
    assert [failure.name for failure in written.failed] == ["Bad"]
    found = text(written)
    assert "gone.csv" in found and "absent" in found
    assert found.count("data:image/svg+xml") == 2


def test_a_page_of_ones_own(drawn: Work) -> None:
    drawn.write(".dvc/mine.html", "<h1>Mine</h1>{plot_divs}")
    (drawn.root / ".dvc/config").write_text("[plots]\n    html_template = mine.html\n")
    assert text(page(drawn)).startswith("<h1>Mine</h1><figure>")
    drawn.write("other.html", "<h1>Other</h1>")
    with pytest.raises(FormatError, match="plot_divs"):
        page(drawn, template="other.html")
    with pytest.raises(DiskError):
        page(drawn, template="absent.html")


def test_names_make_no_directories_and_never_collide(drawn: Work) -> None:
    drawn.write("dvc.yaml", "plots:\n  - images\n  - ../../x/y: {y: {loss.csv: acc}}\n")
    drawn.write("images/a/b.svg", "1")
    drawn.write("images/a_b.svg", "2")
    drawn.write(f"images/{'d' * 150}/{'e' * 150}.svg", "3")
    written = plot_page.write_pictures(drawn.repo(), plots.show(drawn.repo(), Request()), out="out")
    assert {Path(file).parent for file in written.files} == {drawn.root / "out"}
    assert {Path(file).read_bytes() for file in written.files} >= {b"1", b"2", b"3"}
    assert len(set(written.files)) == len(written.files) == 8
    assert (drawn.root / "out/.._.._x_y.svg").exists()


def test_without_plots_nothing_is_written(work: Work) -> None:
    assert page(work) == Written([], [])
    assert not (work.root / "dvc_plots").exists()


def test_without_vl_convert_only_pictures_are_missing(
    drawn: Work, dv: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.delitem(sys.modules, "data_versioning.metrics.drawing", raising=False)
    with pytest.raises(ConfigError, match="vl-convert") as caught:
        page(drawn)
    assert caught.value.hint == "pip install 'data-versioning[plots]'"
    assert not (drawn.root / "dvc_plots").exists()
    drawn.write("dvc.yaml", "plots: [images]\n")
    assert page(drawn).failed == []  # images need nothing


def test_a_declared_file_that_is_asked_for_is_shown_once(drawn: Work) -> None:
    found = plots.show(drawn.repo(), Request(targets=["loss.csv", "Second", "images/1.svg", "images"]))
    written = plot_page.write_pictures(drawn.repo(), found, out="out")
    assert len(written.files) == len(set(written.files)) == 1 + 1 + 4


def test_the_command_says_where_the_page_is(drawn: Work, dv: Tool) -> None:
    drawn.write("dvc.yaml", PIPELINE + "  - gone.csv\n")
    done = dv(drawn.root, "plots", "show").ok()
    assert done.out == f"file://{drawn.root}/dvc_plots/index.html\n"
    assert "'gone.csv' does not exist" in done.err
    assert dv(drawn.root, "plots", "show", "loss.csv", "-t", "absent").code == 255
    assert "no plots were found for absent" in dv(drawn.root, "plots", "show", "absent").ok().err


def test_the_command_writes_pictures(drawn: Work, dv: Tool) -> None:
    done = dv(drawn.root, "plots", "show", "Second", "--svg", "-o", "out").ok()
    assert done.out == f"{drawn.root}/out/Second.svg\n"
    assert drawn.read("out/Second.svg").startswith(b"<svg")


def test_the_browser_is_opened_for_the_user_only(drawn: Work, dv: Tool) -> None:
    seen = drawn.root.parent / "seen"
    browser = drawn.root.parent / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >>{seen}\n')
    browser.chmod(0o755)
    ours = {"BROWSER": f"{browser} %s"}
    (drawn.root / ".dvc/config").write_text("[plots]\n    auto_open = true\n")
    done = dv(drawn.root, "plots", "show", env=ours).ok()
    assert not seen.exists() and "not followed" in done.err
    dv(drawn.root, "plots", "show", "--open", env=ours).ok()
    (drawn.root / ".dvc/config.local").write_text("[plots]\n    auto_open = true\n")
    dv(drawn.root, "plots", "show", env=ours).ok()
    assert seen.read_text() == f"file://{drawn.root}/dvc_plots/index.html\n" * 2


def test_what_draws_can_be_interrupted(drawn: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def write_page(*_: object, **__: object) -> Written:
        seen.append((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))
        return Written([str(drawn.root / "page")], [])

    usual = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(plot_page, "write_page", write_page)
    assert main.main(["plots", "show"]) == 0
    assert seen == [(signal.SIG_DFL, signal.SIG_DFL)]
    assert signal.getsignal(signal.SIGINT) == usual


def test_images_of_json_are_written_where_dvc_writes_them(drawn: Work, dvc: Tool, dv: Tool) -> None:
    theirs, ours = (
        {
            name: one[0]["url"]
            for name, one in json.loads(
                tool(drawn.root, "plots", "show", "images", "--json", "-o", "o").ok().out
            )["data"].items()
        }
        for tool in (dvc, dv)
    )
    assert ours == theirs
    assert all(Path(path).is_file() for path in ours.values())

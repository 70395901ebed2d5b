"""The documentation tells the truth: links lead somewhere, and the commands shown print what is shown."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle import Sandbox
from tests.servers import seaweedfs

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"))
)
# Written by `make bench`, so absent until somebody measured.
GENERATED = {"docs/benchmarks.md"}

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
# Commands that a reader has carried out already; not shown on the page.
BEFORE = re.compile(r"<!-- before:\n(.*?)-->", re.DOTALL)
# A page that needs one of these uses the bucket `lab`, and is logged in.
SERVER = "<!-- server: s3 -->"
MARK = "\x01"
ANYTHING = "…"


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def runs(path: Path) -> bool:
    """Whether the commands of a page can be run from its top to its end in an empty directory."""
    return name(path) in {"README.md", "docs/tutorial/first-data-set.md"} or bool(
        BEFORE.search(path.read_text())
    )


def steps(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield what a page tells to run, as shell text, with the output it shows (None: any)."""
    if before := BEFORE.search(text):
        yield before[1], None
    for indent, language, block in FENCE.findall(text):
        lines = [line.removeprefix(indent) for line in block.splitlines()]
        if language == "python":
            yield "python - <<'END'\n" + "\n".join(lines) + "\nEND", None
        if language != "console":
            continue
        assert lines[0].startswith("$ "), lines[0]
        for part in re.split(r"^\$ ", "\n".join(lines), flags=re.MULTILINE)[1:]:
            command, *output = re.sub(r"\\\n> ?", "", part).splitlines()
            yield command, "\n".join(output)


def fits(shown: str, printed: str) -> bool:
    """Whether the output is what the page shows; `…` stands for anything within a line."""
    pattern = re.escape(shown.rstrip()).replace(re.escape(ANYTHING), ".*")
    return re.fullmatch(pattern, printed.rstrip()) is not None


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings, as web pages of Git hosts name them."""
    text = FENCE.sub("", path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


@pytest.fixture
def environment(page: Path, sandbox: Sandbox, request: pytest.FixtureRequest) -> dict[str, str]:
    """What the commands of a page find; the server that it needs runs."""
    found = sandbox.environment()
    if SERVER in page.read_text():
        server = request.getfixturevalue("s3_server")
        found |= server.environment
        seaweedfs.make_bucket(server, "lab")
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in target or target.startswith("mailto:"):
            continue
        place, _, anchor = target.partition("#")
        linked = (page.parent / place).resolve() if place else page
        if linked.is_relative_to(ROOT) and name(linked) in GENERATED:
            continue
        assert linked.exists(), f"{name(page)} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{name(page)} links to {target}"


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs/README.md"
    linked = {
        (index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(index.read_text())
    }
    single = {ROOT / "docs/reference/cli"}  # has an index of its own
    missing = [
        name(page)
        for page in (ROOT / "docs").rglob("*.md")
        if page != index and page not in linked and not single & set(page.parents)
    ]
    assert not missing
    assert ROOT / "docs/reference/cli/index.md" in linked


def test_glossary_headings_are_unique() -> None:
    headings = HEADING.findall((ROOT / "docs/glossary.md").read_text())
    assert len(headings) > 20
    assert len({heading.lower() for heading in headings}) == len(headings)


@pytest.mark.parametrize("page", [page for page in PAGES if runs(page)], ids=name)
def test_commands_print_what_is_shown(page: Path, place: Path, environment: dict[str, str]) -> None:
    """All commands of a page run in one shell, in an empty directory."""
    expected = list(steps(page.read_text()))
    assert any(re.search(r"\bdv ", command) for command, _ in expected)
    script = "".join(
        f"{command}\ncode=$?; printf '{MARK}%s{MARK}' $code\n[ $code = 0 ] || exit\n"
        for command, _ in expected
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    found = done.stdout.split(MARK)[:-1]
    for (command, shown), printed, code in zip(expected, found[::2], found[1::2], strict=False):
        assert code == "0", f"{name(page)}: $ {command}\n{printed}"
        if shown is not None:
            assert fits(shown, printed), f"{name(page)}: $ {command}\nshown:\n{shown}\nprinted:\n{printed}"
    assert len(found) == 2 * len(expected)

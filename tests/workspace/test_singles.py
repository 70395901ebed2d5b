"""Many single files at once: the answers of `scan.look`, and nothing is read twice."""

from __future__ import annotations

import os

import pytest

from data_versioning.localfs import batch
from data_versioning.workspace import scan, singles
from data_versioning.workspace.ignore import IgnoreRules
from tests.workspace.samples import Place, back_date, digest, overwrite

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names of all files that are read for hashing from now on."""
    names: list[bytes] = []
    hash_files = batch.hash_files

    def spy(root: str, blob: bytes, **options: object) -> batch.Batch:
        names.extend(blob.split(b"\0")[:-1])
        return hash_files(root, blob, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "hash_files", spy)
    return names


def test_what_is_known_is_not_read(here: Place, read: list[bytes]) -> None:
    files = {f"in/{number}": str(number).encode() for number in range(5)}
    for name, content in files.items():
        back_date(here.put(name, content))
    wanted = {name: bytes.fromhex(digest(content)) for name, content in files.items()}
    scanner = here.scanner()
    assert singles.look(scanner, list(files)) == wanted
    scanner.stats.save()
    overwrite(here.root / "in/3", b"x")
    read.clear()
    assert singles.look(here.scanner(), list(files)) == {**wanted, "in/3": bytes.fromhex(digest(b"x"))}
    assert read == [b"in/3"]
    found = scan.look(here.scanner(), "in/1")
    assert found and found.digests == wanted["in/1"]
    assert read == [b"in/3"]


def test_what_needs_a_closer_look_is_left_out(here: Place) -> None:
    here.put("file", b"1")
    here.put("directory/file", b"2")
    here.put("hidden", b"3")
    (here.root / "link").symlink_to("file")
    (here.root / "to-directory").symlink_to("directory")
    (here.root / "dangling").symlink_to("nowhere")
    os.mkfifo(here.root / "pipe")
    here.put(".dvcignore", b"hidden\n")
    scanner = here.scanner(ignore=IgnoreRules.load(str(here.root), [".dvcignore"]))
    names = ["file", "directory", "hidden", "link", "to-directory", "dangling", "pipe", "missing"]
    found = singles.look(scanner, names)
    assert found == dict.fromkeys(("file", "link"), bytes.fromhex(digest(b"1")))


def test_text_of_dvc_2_is_hashed_as_text(here: Place) -> None:
    here.put("file", b"a\r\n")
    legacy = here.scanner(legacy=True)
    assert singles.look(legacy, ["file"]) == {"file": bytes.fromhex(digest(b"a\n"))}
    assert singles.look(here.scanner(), ["file"]) == {"file": bytes.fromhex(digest(b"a\r\n"))}


def test_a_change_right_after_the_look_shows(here: Place, read: list[bytes]) -> None:
    path = here.put("file", b"1")
    for number in range(2, 12):
        scanner = here.scanner()
        singles.look(scanner, ["file"])
        scanner.stats.save()
        path.write_bytes(content := f"{number:09}".encode())
        assert singles.look(here.scanner(), ["file"]) == {"file": bytes.fromhex(digest(content))}

"""Files written by the real DVC: read, and written back to the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from data_versioning.formats import config, configtext, dirfile, dvcfile, lockfile

GOLDEN = sorted(Path(__file__).parent.parent.joinpath("golden").glob("dvc-*"))
POINTERS = [path for folder in GOLDEN for path in sorted(folder.glob("[0-9]*.dvc"))]


def test_there_are_golden_files() -> None:
    assert len(POINTERS) > 30


@pytest.mark.parametrize("path", POINTERS, ids=lambda path: path.name)
def test_pointer_file(path: Path) -> None:
    text = path.read_text()
    parsed = dvcfile.parse(text, file=path.name)
    assert dvcfile.dump(parsed) == text
    assert dvcfile.update(text, parsed) == text
    if parsed.deps:
        assert dvcfile.stage_checksum(parsed) == parsed.md5
    (out,) = parsed.outs
    assert out.digest and out.size is not None and not out.is_legacy
    assert out.is_dir == (out.nfiles is not None)


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda path: path.name)
def test_edited_pointer_file(folder: Path) -> None:
    before, after = ((folder / f"edited-{name}.dvc").read_text() for name in ("before", "after"))
    wanted = dvcfile.parse(after, file="after")
    assert dvcfile.update(before, wanted) == after
    (out,) = wanted.outs
    assert (out.type, out.labels, out.desc, out.isexec) == ("script", ("b", "a"), "folded text\n", True)
    assert wanted.meta == {"owner": "ada"}


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda path: path.name)
def test_lock_file(folder: Path) -> None:
    text = (folder / "dvc.lock").read_text()
    stages = lockfile.parse(text, file="dvc.lock")
    assert set(stages) == {"prepare", "train", "each@a", "each@b"}
    assert stages["train"].params["params.yaml"]["train"] == {
        "epochs": 10,
        "momentum": 0.5,
        "layers": [64, 32],
        "name": "on",
        "big": 1000,
        "none": None,
    }
    again: str | None = None
    for name, stage in stages.items():
        assert lockfile.update(text, name, stage) == text
        again = lockfile.update(again, name, stage)
    assert again == text


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda path: path.name)
def test_directory_objects(folder: Path) -> None:
    found = {path.name for path in (folder / "dir").iterdir()}
    assert "d751713988987e9331980363e24189ce.dir" in found
    for name in found:
        raw = (folder / "dir" / name).read_bytes()
        paths, digests = dirfile.load(raw, file=name)
        assert dirfile.dump(paths[::-1], digests[::-1]) == raw
        assert hashlib.md5(raw).hexdigest() + ".dir" == name


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda path: path.name)
def test_configuration(folder: Path) -> None:
    texts = {
        level: (folder / name).read_text() for level, name in (("repo", "config"), ("local", "config.local"))
    }
    levels = {level: config.read(text, file=level) for level, text in texts.items()}
    settings = config.merge(levels.items())
    assert settings.get("core", "remote") == "storage"
    assert settings.remotes()["cloud"] == {
        "url": "s3://bucket/prefix",
        "endpointurl": "http://localhost:9000/?a=b,c#d",
        "secret_access_key": "a b'c#d",
    }
    for level, text in texts.items():
        again = ""
        for section, options in levels[level].items():
            for key, value in options.items():
                assert configtext.edit(text, section, key, value) == text
                again = configtext.edit(again, section, key, value)
        assert again == text


def test_update_replaces_only_what_changed() -> None:
    text = POINTERS[0].read_text()
    parsed = dvcfile.parse(text, file="x")
    changed = replace(parsed, outs=(replace(parsed.outs[0], md5="0" * 32),))
    assert dvcfile.update("# mine\n" + text, changed) == "# mine\n" + text.replace(
        parsed.outs[0].md5 or "", f"'{'0' * 32}'"
    )

"""Checks of real caches: what is told, moved aside and restored."""

from __future__ import annotations

import json
import os
from hashlib import md5
from pathlib import Path

import pytest

from data_versioning import repo as repos
from data_versioning.localfs import disposable, walk
from data_versioning.operations import fsck
from data_versioning.operations.fsck import FsckResult, Options
from tests.oracle import Sandbox, Tool, copy_repository


@pytest.fixture(scope="module")
def tracked(sandbox: Sandbox, dvc: Tool, template: Path) -> Path:
    """A directory of three files and a file of its own."""
    path = copy_repository(template, sandbox.base / "fsck-tracked")
    (path / "data/deep").mkdir(parents=True)
    for name in ("one", "two", "deep/three"):
        (path / "data" / name).write_text(f"content of {name}")
    (path / "single").write_text("single")
    dvc(path, "add", "-q", "data", "single").ok()
    return path


@pytest.fixture
def repository(tracked: Path, place: Path) -> Path:
    return copy_repository(tracked, place / "repo")


def check(repository: Path, **options: object) -> FsckResult:
    return fsck.fsck(repos.open(str(repository)), Options(**options))  # type: ignore[arg-type]


def place_of(content: str) -> str:
    digest = md5(content.encode()).hexdigest()
    return f"files/md5/{digest[:2]}/{digest[2:]}"


def listing(repository: Path) -> str:
    digest = (repository / "data.dvc").read_text().partition("md5: ")[2].split()[0]
    return f"files/md5/{digest[:2]}/{digest[2:]}"


def damage(repository: Path, name: str) -> Path:
    """Change one byte of an object and keep its size, mode and time."""
    path = repository / ".dvc/cache" / name
    before = path.stat()
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path


TWO = place_of("content of two")


def test_a_sound_cache_is_clean_and_untouched(repository: Path) -> None:
    before = walk.walk(str(repository / ".dvc/cache"))
    result = check(repository)
    assert result.is_clean
    assert (result.sound, result.missing, result.unsealed, result.strays) == (5, (), 0, ())
    assert walk.walk(str(repository / ".dvc/cache")) == before


def test_damage_is_moved_aside_and_told_with_its_users(repository: Path) -> None:
    path = damage(repository, TWO)
    wrong = path.read_bytes()
    result = check(repository)
    (found,) = result.damaged
    assert not result.is_clean
    assert (found.path, found.used_by, found.targets) == (TWO, ("data/two",), ("data",))
    assert (found.intact, found.restored) == ("data/two", False)
    assert not path.exists()
    assert found.quarantine
    assert (repository / ".dvc/cache" / found.quarantine).read_bytes() == wrong
    assert found.quarantine.startswith("dv-quarantine/")


def test_unrestored_damage_is_told_again_until_it_is_restored(repository: Path) -> None:
    damage(repository, TWO)
    first = check(repository)
    again = check(repository)
    assert again.damaged == first.damaged
    assert check(repository, repair=True).damaged[0].restored
    assert check(repository).is_clean


def test_repair_restores_from_the_workspace(repository: Path, dvc: Tool) -> None:
    damage(repository, TWO)
    result = check(repository, repair=True)
    assert result.damaged[0].restored
    restored = repository / ".dvc/cache" / TWO
    assert (restored.read_text(), restored.stat().st_mode & 0o777) == ("content of two", 0o444)
    assert json.loads(dvc(repository, "data", "status", "--json").ok().out).keys() == {"committed"}


def test_repair_does_not_take_a_file_that_changed(repository: Path) -> None:
    damage(repository, TWO)
    (repository / "data/two").write_text("Content of two")
    (found,) = check(repository, repair=True).damaged
    assert (found.intact, found.restored) == (None, False)
    assert not (repository / ".dvc/cache" / TWO).exists()


def test_repair_rebuilds_a_listing_and_then_its_files(repository: Path) -> None:
    damage(repository, listing(repository))
    damage(repository, TWO)
    result = check(repository, repair=True)
    assert {found.path: found.restored for found in result.damaged} == {listing(repository): True, TWO: True}
    assert check(repository).is_clean


def test_a_workspace_linked_to_damage_is_no_source(repository: Path, dvc: Tool) -> None:
    dvc(repository, "config", "cache.type", "hardlink").ok()
    dvc(repository, "checkout", "-q", "--relink").ok()
    damage(repository, TWO)
    assert (repository / "data/two").read_bytes() != b"content of two"
    (found,) = check(repository, repair=True).damaged
    assert (found.used_by, found.intact) == (("data/two",), None)


def test_fetching_after_the_check_restores(repository: Path, dvc: Tool) -> None:
    dvc(repository, "remote", "add", "-q", "-d", "store", str(repository.parent / "store")).ok()
    dvc(repository, "push", "-q").ok()
    damage(repository, TWO)
    assert not check(repository).is_clean
    dvc(repository, "fetch", "-q", "data").ok()
    assert check(repository).is_clean


def test_missing_objects_are_told_by_output_and_are_no_damage(repository: Path) -> None:
    for name in (TWO, place_of("content of one"), place_of("single")):
        (repository / ".dvc/cache" / name).unlink()
    result = check(repository)
    assert [(missing.target, missing.objects) for missing in result.missing] == [("data", 2), ("single", 1)]
    assert result.is_clean
    restored = check(repository, repair=True)
    assert [missing.restored for missing in restored.missing] == [2, 1]
    assert check(repository).missing == ()


def test_sound_objects_become_read_only(repository: Path) -> None:
    path = repository / ".dvc/cache" / TWO
    path.chmod(0o644)
    assert check(repository, dry_run=True).unsealed == 1
    assert path.stat().st_mode & 0o777 == 0o644
    assert check(repository).unsealed == 1
    assert path.stat().st_mode & 0o777 == 0o444


def test_dry_run_changes_nothing(repository: Path) -> None:
    damage(repository, TWO)
    before = walk.walk(str(repository / ".dvc/cache"))
    result = check(repository, dry_run=True, repair=True)
    assert [(found.path, found.quarantine, found.restored) for found in result.damaged] == [
        (TWO, None, False)
    ]
    assert result.damaged[0].intact == "data/two"
    assert walk.walk(str(repository / ".dvc/cache")) == before


def test_leftovers_strays_and_nonsense_listings_are_told(repository: Path) -> None:
    cache = repository / ".dvc/cache/files/md5"
    directory = next(path for path in cache.iterdir())
    (directory / ".0123456789abcdefghijkl.tmp").write_text("half")
    (directory / "README").write_text("?")
    nonsense = b'[{"md5": "x", "relpath": "../out"}]'
    digest = md5(nonsense).hexdigest()
    (cache / digest[:2]).mkdir(exist_ok=True)
    (cache / digest[:2] / f"{digest[2:]}.dir").write_bytes(nonsense)
    result = check(repository)
    assert result.leftovers == (f"files/md5/{directory.name}/.0123456789abcdefghijkl.tmp",)
    assert result.strays == (f"files/md5/{directory.name}/README",)
    assert result.malformed == (f"files/md5/{digest[:2]}/{digest[2:]}.dir",)
    assert not result.is_clean


def test_legacy_objects_are_hashed_as_text(repository: Path) -> None:
    digest = md5(b"line\n").hexdigest()
    path = repository / f".dvc/cache/{digest[:2]}/{digest[2:]}"
    path.parent.mkdir()
    path.write_bytes(b"line\r\n")
    (repository / "old.dvc").write_text(f"outs:\n- md5: {digest}\n  size: 6\n  path: old\n")
    result = check(repository)
    assert (result.sound, result.is_clean, path.stat().st_mode & 0o777) == (6, True, 0o444)
    path.chmod(0o644)
    path.write_bytes(b"wrong\n")
    (found,) = check(repository).damaged
    assert (found.path, found.used_by) == (f"{digest[:2]}/{digest[2:]}", ("old",))


def test_an_interrupted_check_goes_on(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(repository, TWO)
    monkeypatch.setattr("data_versioning.objects.fsck._SHARE_COUNT", 1)

    class Impatient:
        shares = 0

        def start(self, label: str, *, files: int | None = None, size: int | None = None) -> None: ...

        def advance(self, files: int, size: int = 0) -> None:
            self.shares += 1
            if self.shares == 4:
                raise KeyboardInterrupt

        def finish(self) -> None: ...

    repo = repos.open(str(repository))
    with pytest.raises(KeyboardInterrupt):
        fsck.fsck(repo, Options(), progress=Impatient())
    state = repository / ".dvc/tmp/dv/fsck.state"
    assert len(json.loads(disposable.load(str(state)))["done"]) == 3
    second = Impatient()
    second.shares = 100
    result = fsck.fsck(repo, Options(), progress=second)
    assert second.shares == 102
    assert result.resumed is not None
    assert (result.sound, [found.path for found in result.damaged]) == (4, [TWO])
    assert not state.exists()


def test_restart_forgets_the_interrupted_check(repository: Path) -> None:
    state = repository / ".dvc/tmp/dv/fsck.state"
    base = str(repos.open(str(repository)).cache.base)
    done = [f"{number:02x}" for number in range(256)]
    found = fsck.objects.State(base=base, started=fsck.time.time(), done=done)
    disposable.keep(str(state), found.dump())
    assert check(repository, restart=True).sound == 5
    disposable.keep(str(state), found.dump())
    assert check(repository).sound == 0


def test_a_sample_checks_so_many(repository: Path) -> None:
    result = check(repository, sample="2")
    assert (result.sound, result.sampled) == (2, True)


def test_the_command_tells_and_ends_with_one(repository: Path, dv: Tool) -> None:
    assert dv(repository, "fsck").ok().out.startswith("5 sound objects")
    damage(repository, TWO)
    (repository / "data/two").unlink()
    found = dv(repository, "fsck")
    assert found.code == 1
    for text in (TWO, "used by data/two", "moved to dv-quarantine/", "dv fetch data", "1 damaged"):
        assert text in found.out
    told = dv(repository, "fsck", "--json")
    assert told.code == 1
    values = json.loads(told.out)
    assert values["damaged"][0]["used_by"] == ["data/two"]
    assert values["clean"] is False


def test_quarantine_is_outside_of_what_dvc_looks_at(repository: Path, dvc: Tool, dv: Tool) -> None:
    damage(repository, TWO)
    check(repository)
    dvc(repository, "gc", "-w", "-f").ok()
    dv(repository, "gc", "-w", "-f").ok()
    assert list((repository / ".dvc/cache/dv-quarantine").rglob(TWO.rpartition("/")[2]))


def test_a_hard_link_to_damage_is_replaced_after_a_fetch(repository: Path, dvc: Tool, dv: Tool) -> None:
    dvc(repository, "remote", "add", "-q", "-d", "store", str(repository.parent / "store")).ok()
    dvc(repository, "push", "-q").ok()
    dvc(repository, "config", "cache.type", "hardlink").ok()
    dvc(repository, "checkout", "-q", "--relink").ok()
    dv(repository, "status").ok()
    damage(repository, TWO)
    assert not check(repository).is_clean
    dv(repository, "fetch", "data").ok()
    dv(repository, "checkout", "--relink", "--force", "data").ok()
    assert (repository / "data/two").read_text() == "content of two"
    assert check(repository).is_clean


def test_a_repair_that_leaves_no_damage_ends_well(repository: Path, dv: Tool) -> None:
    damage(repository, TWO)
    single = damage(repository, place_of("single"))
    (repository / "single").write_text("changed")
    found = dv(repository, "fsck", "--repair")
    assert found.code == 1
    assert found.out.endswith("1 repaired, 1 damaged.\n")
    (repository / "single").write_text("single")
    found = dv(repository, "fsck", "--repair").ok()
    assert found.out.endswith("1 repaired, 0 damaged.\n")
    assert single.read_text() == "single"


def test_progress_that_a_stranger_wrote_does_not_count(repository: Path) -> None:
    """An unpacked archive cannot claim that its objects were checked."""
    state = repository / ".dvc/tmp/dv/fsck.state"
    state.parent.mkdir(parents=True, exist_ok=True)
    base = str(repos.open(str(repository)).cache.base)
    done = [f"{number:02x}" for number in range(256)]
    state.write_bytes(fsck.objects.State(base=base, started=fsck.time.time(), done=done).dump())
    assert check(repository).sound == 5

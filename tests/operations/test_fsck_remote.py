"""Checks of remotes: what is told, what is taken away, and what is pushed in its place."""

from __future__ import annotations

import json
import shutil
from hashlib import md5
from pathlib import Path

import pytest

from data_versioning import repo as repos
from data_versioning.errors import StorageError
from data_versioning.localfs import disposable
from data_versioning.operations import fsck_remote, push
from data_versioning.operations.fsck import Options
from data_versioning.operations.fsck_remote import RemoteFsckResult
from data_versioning.remotes.aside import Removal
from tests.operations.boxes import Shared, connect
from tests.oracle import Sandbox, Tool, copy_repository

CONTENTS = {"data/one": "one", "data/two": "two", "data/deep/three": "three", "single": "single"}


@pytest.fixture(scope="module")
def tracked(sandbox: Sandbox, dvc: Tool, template: Path) -> Path:
    """A directory of three files and a file of its own."""
    path = copy_repository(template, sandbox.base / "fsck-remote")
    for name, content in CONTENTS.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content)
    dvc(path, "add", "-q", "data", "single").ok()
    return path


@pytest.fixture(params=["local", "s3", "gcs", "azure", "ssh"])
def shared(
    request: pytest.FixtureRequest,
    tracked: Path,
    place: Path,
    dv: Tool,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Shared:
    """Its remote has everything."""
    root = copy_repository(tracked, place / "repo")
    found = connect(root, request.param, request, sandbox, monkeypatch)
    dv(root, "push").ok()
    return found


def check(shared: Shared, removal: Removal | None = None, **options: object) -> RemoteFsckResult:
    return fsck_remote.fsck_remote(
        repos.open(str(shared.root)),
        None,
        Options(**options),  # type: ignore[arg-type]
        removal=removal,
    )


def key_of(content: str) -> str:
    digest = md5(content.encode()).hexdigest()
    return f"files/md5/{digest[:2]}/{digest[2:]}"


def test_a_sound_remote_is_clean_and_untouched(shared: Shared) -> None:
    before = shared.listed()
    result = check(shared, Removal.DELETE, repair=True)
    assert result.is_clean
    assert (result.sound, result.size, result.damaged, result.incomplete) == (5, 213, (), ())
    assert shared.listed() == before
    # S3, Google and Azure took the digests when the content came; a disk has none.
    assert result.told == (5 if shared.tells else 0)


def test_damage_is_told_and_nothing_is_changed(shared: Shared) -> None:
    shared.write(key_of("two"), "tow")
    before = shared.listed()
    result = check(shared)
    (damage,) = result.damaged
    assert (damage.path, damage.used_by, damage.in_cache) == (key_of("two"), ("data/two",), True)
    assert (damage.quarantine, damage.deleted, damage.restored) == (None, False, False)
    assert not result.is_clean
    assert result.sound == 4
    assert shared.listed() == before
    assert shared.store.read(key_of("two")) == b"tow"


def test_damage_is_moved_aside(shared: Shared) -> None:
    shared.write(key_of("two"), "tow")
    assert check(shared, Removal.QUARANTINE, dry_run=True).damaged[0].quarantine is None
    result = check(shared, Removal.QUARANTINE)
    (damage,) = result.damaged
    assert damage.quarantine
    assert damage.quarantine.startswith(".dv-quarantine/")
    assert damage.quarantine.endswith(f"/{key_of('two')}")
    assert shared.store.read(damage.quarantine) == b"tow"
    assert key_of("two") not in shared.listed()
    # Now the listing promises a file that is not there.
    (incomplete,) = check(shared).incomplete
    assert (incomplete.used_by, incomplete.missing, incomplete.in_cache) == (("data",), 1, 1)


def test_repair_pushes_from_the_cache(shared: Shared) -> None:
    shared.write(key_of("two"), "tow")
    shared.write(key_of("single"), "")
    assert shared.store.delete([key_of("three")]) == {}
    result = check(shared, Removal.DELETE, repair=True)
    assert result.is_clean
    assert {damage.path: damage.restored for damage in result.damaged} == {
        key_of("two"): True,
        key_of("single"): True,
    }
    assert [(one.missing, one.restored) for one in result.incomplete] == [(1, 1)]
    assert [shared.store.read(key_of(name)) for name in ("two", "single", "three")] == [
        b"two",
        b"single",
        b"three",
    ]
    assert check(shared).is_clean


def test_what_no_cache_here_has_stays_damaged(shared: Shared) -> None:
    shared.write(key_of("two"), "tow")
    shutil.rmtree(shared.root / ".dvc/cache")
    result = check(shared, repair=True)
    assert [(damage.in_cache, damage.restored) for damage in result.damaged] == [(False, False)]
    assert result.damaged[0].used_by == ("data/two",)  # the listing on the remote says so
    assert not result.is_clean


def test_an_interrupted_check_goes_on(shared: Shared) -> None:
    shared.write(key_of("two"), "tow")
    path = shared.root / ".dvc/tmp/dv/fsck-remote.state"
    kept: list[bytes] = []
    real = disposable.keep

    def keep(where: str, content: object, **options: int) -> None:
        real(where, content, **options)
        kept.append(path.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fsck_remote.disposable, "keep", keep)
        assert check(shared).resumed is None
    assert not path.exists()
    path.write_bytes(kept[-1])
    # What was found before is told again, though nothing is read this time.
    shared.write(key_of("single"), "changed meanwhile")
    resumed = check(shared)
    assert resumed.resumed is not None
    assert [damage.path for damage in resumed.damaged] == [key_of("two")]
    path.write_bytes(kept[-1])
    assert len(check(shared, restart=True).damaged) == 2


def test_a_sample(shared: Shared) -> None:
    result = check(shared, sample="2")
    assert result.sampled
    assert result.sound == 2


def test_a_web_server_cannot_be_checked(tracked: Path, place: Path) -> None:
    root = copy_repository(tracked, place / "repo")
    (root / ".dvc/config").write_text("['remote \"web\"']\n    url = http://127.0.0.1:9/x\n")
    with pytest.raises(StorageError, match="cannot be listed"):
        fsck_remote.fsck_remote(repos.open(str(root)), "web", Options())


def test_the_command(tracked: Path, place: Path, dv: Tool) -> None:
    root = copy_repository(tracked, place / "repo")
    dv(root, "remote", "add", "-d", "box", str(place / "remote")).ok()
    dv(root, "push").ok()
    assert dv(root, "fsck", "-r").ok().out == (
        "5 sound objects on 'box' (0 by the store's own digest, 5 read), 0 damaged.\n"
    )
    damaged = place / "remote" / key_of("two")
    damaged.chmod(0o644)
    damaged.write_text("tow")
    (place / "remote" / key_of("three")).unlink()
    found = dv(root, "fsck", "--remote", "box")
    assert found.code == 1
    assert found.out == (
        f"damaged     {key_of('two')}: used by data/two\n"
        "            the cache here has it; to restore: dv fsck -r box --repair\n"
        f"incomplete  {listing(root)}: used by data; 1 file of it missing on the remote\n"
        "            the cache here has it; to restore: dv fsck -r box --repair\n"
        "3 sound objects on 'box' (0 by the store's own digest, 3 read), 2 damaged.\n"
    )
    told = dv(root, "fsck", "-r", "box", "--json", "--quarantine")
    assert json.loads(told.out)["damaged"][0]["quarantine"].startswith(".dv-quarantine/")
    assert dv(root, "fsck", "-r", "box", "--repair").code == 0
    assert damaged.read_text() == "two"
    assert dv(root, "fsck", "--quarantine").code == 254
    assert dv(root, "fsck", "--read").code == 254
    assert dv(root, "fsck", "-r", "--read").ok().out.startswith("5 sound objects")


def listing(root: Path) -> str:
    digest = (root / "data.dvc").read_text().partition("md5: ")[2].split()[0]
    return f"files/md5/{digest[:2]}/{digest[2:]}"


OLD = {"unix": b"a\nb\n", "dos": b"a\r\nc\r\n", "binary": b"\0\r\n"}


def text_key(content: bytes) -> str:
    """Where DVC 2 keeps an object: its name is the hash of text with the line ends of Unix."""
    digest = md5(content if b"\0" in content else content.replace(b"\r\n", b"\n")).hexdigest()
    return f"{digest[:2]}/{digest[2:]}"


@pytest.fixture
def old(shared: Shared) -> Shared:
    """The same, and a directory that DVC 2 has tracked; its listing is `old.dvc`'s."""
    cache = shared.root / ".dvc/cache"
    entries = []
    for name, content in OLD.items():
        key = text_key(content)
        entries.append({"md5": key.replace("/", ""), "relpath": name})
        (cache / key).parent.mkdir(parents=True, exist_ok=True)
        (cache / key).write_bytes(content)
    text = json.dumps(sorted(entries, key=lambda entry: entry["relpath"])).encode()
    key = text_key(text)
    (cache / f"{key}.dir").parent.mkdir(parents=True, exist_ok=True)
    (cache / f"{key}.dir").write_bytes(text)
    for path in cache.glob("??/*"):
        path.chmod(0o444)
    (shared.root / "old.dvc").write_text(
        f"outs:\n- md5: {key.replace('/', '')}.dir\n  size: {sum(map(len, OLD.values()))}\n"
        "  nfiles: 3\n  path: old\n"
    )
    push.push(repos.open(str(shared.root)))
    return shared


def test_objects_of_dvc_2_are_checked(old: Shared) -> None:
    assert {text_key(content) for content in OLD.values()} <= set(old.listed())
    result = check(old)
    assert result.is_clean
    assert result.sound == 9
    # The store's digest is that of the plain content, which is not what the name of such text says.
    assert result.told == (8 if old.tells else 0)
    old.write(text_key(OLD["dos"]), "wrong")
    old.write(text_key(OLD["unix"]), "a\r\nb\r\n")  # the same text
    assert old.store.delete([text_key(OLD["binary"])]) == {}
    result = check(old)
    (damage,) = result.damaged
    assert (damage.path, damage.used_by) == (text_key(OLD["dos"]), ("old/dos",))
    (incomplete,) = result.incomplete
    assert (incomplete.used_by, incomplete.missing, incomplete.in_cache) == (("old",), 1, 1)
    assert not list((old.root / ".dvc/tmp/dv").glob("*.tmp"))


def test_objects_of_dvc_2_are_repaired(old: Shared) -> None:
    old.write(text_key(OLD["dos"]), "wrong")
    assert old.store.delete([text_key(OLD["binary"])]) == {}
    result = check(old, Removal.QUARANTINE, repair=True)
    assert result.is_clean
    assert result.damaged[0].quarantine
    assert old.store.read(result.damaged[0].quarantine) == b"wrong"
    assert [old.store.read(text_key(content)) for content in OLD.values()] == list(OLD.values())


def test_every_byte_is_read_when_asked_for(shared: Shared) -> None:
    result = check(shared, read=True)
    assert (result.told, result.sound) == (0, 5)

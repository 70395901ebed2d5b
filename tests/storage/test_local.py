from __future__ import annotations

import os
import stat
import threading
from hashlib import md5
from pathlib import Path

import pytest

from data_versioning.errors import StorageError
from data_versioning.storage.base import FailureKind
from data_versioning.storage.local import LocalStore, open_store
from tests.conformance.store import CONTENTS, ConditionalStoreSuite, MovingStoreSuite, fill, items


class TestLocalStore(ConditionalStoreSuite, MovingStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(root=str(tmp_path / "remote"))


class TestSharedLocalStore(ConditionalStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(root=str(tmp_path / "remote"), shared=True)

    def test_modes(self, store: LocalStore, tmp_path: Path) -> None:
        fill(store, tmp_path / "source", CONTENTS)
        store.upload(items(tmp_path / "source", {"runs/cc/bb": b""}, digests=False))
        store.put_if("log/1", b"", None)
        root = Path(store.root)
        for directory in ("", "files", "files/md5", "files/md5/ab", "runs/cc", "log"):
            assert stat.S_IMODE(os.stat(root / directory).st_mode) == 0o2775, directory
        assert stat.S_IMODE(os.stat(root / "files/md5/ab/one").st_mode) == 0o444
        assert stat.S_IMODE(os.stat(root / "runs/cc/bb").st_mode) == 0o664
        assert stat.S_IMODE(os.stat(root / "log/1").st_mode) == 0o664


def test_verified_objects_become_read_only_and_others_do_not(tmp_path: Path) -> None:
    store = LocalStore(root=str(tmp_path / "remote"))
    fill(store, tmp_path / "source", CONTENTS)
    (tmp_path / "source" / "damaged").write_bytes(b"x")
    outcome = store.upload(
        items(tmp_path / "source", {"files/md5/ee/damaged": b"y", "files/md5/ee/one": b"one"})
    )
    assert list(outcome.failures) == [0]
    store.upload(items(tmp_path / "source", {"runs/aa/one": b""}, digests=False))
    modes = {info.key: info.mode for page in store.list("") for info in page}
    assert modes.pop("runs/aa/one") == stat.S_IFREG | 0o644
    assert set(modes.values()) == {stat.S_IFREG | 0o444}
    assert store.find(["top"]).modes == [stat.S_IFREG | 0o444]


def test_unfinished_writes_are_not_listed(tmp_path: Path) -> None:
    store = LocalStore(root=str(tmp_path))
    place = tmp_path / "files/md5/ab"
    place.mkdir(parents=True)
    (place / ".1234567890123456789012.tmp").write_bytes(b"half")
    (place / "whole.tmp").write_bytes(b"whole")
    assert [info.key for page in store.list("files/md5/") for info in page] == ["files/md5/ab/whole.tmp"]


def test_a_reader_never_sees_a_part_of_a_conditional_write(tmp_path: Path) -> None:
    store = LocalStore(root=str(tmp_path))
    (tmp_path / "log").mkdir()
    seen: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for name in os.listdir(tmp_path / "log"):
                if not name.startswith("."):
                    seen.add(os.stat(tmp_path / "log" / name).st_size)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(50):
        assert store.put_if(f"log/{number}", b"x" * 3_000_00, None)
    done.set()
    watcher.join()
    assert seen == {300000}
    assert not [name for name in os.listdir(tmp_path / "log") if name.startswith(".")]


def test_a_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "remote").write_text("")
    (tmp_path / "one").write_bytes(b"one")
    store = LocalStore(root=str(tmp_path / "remote"))
    with pytest.raises(StorageError, match="remote"):
        store.upload(items(tmp_path, {"k/one": b"one"}))
    with pytest.raises(StorageError, match="remote"):
        store.put_if("k/one", b"", None)
    assert store.download(items(tmp_path / "new", {"k/one": b"one"})).failures[0].kind is FailureKind.MISSING


@pytest.mark.skipif(os.geteuid() != 0, reason="dropping privileges needs root")
def test_a_root_without_permission(tmp_path: Path) -> None:
    store = LocalStore(root=str(tmp_path / "remote"))
    fill(store, tmp_path / "source", CONTENTS)
    os.chmod(tmp_path / "remote/files/md5/ab", 0o555)
    for path in (tmp_path, *tmp_path.parents):
        if path != Path("/") and path != Path("/tmp"):
            os.chmod(path, os.stat(path).st_mode | 0o055)
    code = _as_nobody(lambda: _upload_kinds(store, tmp_path / "source"))
    assert code == b"refused permission denied"


def _upload_kinds(store: LocalStore, source: Path) -> bytes:
    failure = store.upload(items(source, {"files/md5/ab/one": b"one"})).failures[0]
    return f"{failure.kind} {failure.reason}".encode()


def _as_nobody(work: object) -> bytes:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writer, work())  # type: ignore[operator]
        except BaseException as error:
            os.write(writer, repr(error).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def test_open_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store(str(tmp_path), {}) == LocalStore(root=str(tmp_path))
    assert open_store(f"file://{tmp_path}", {"shared": "group"}) == LocalStore(
        root=str(tmp_path), shared=True
    )
    assert open_store("~/data", {}).root == str(tmp_path / "data")


def test_put_if_answers_with_the_md5_of_the_content(tmp_path: Path) -> None:
    assert LocalStore(root=str(tmp_path)).put_if("a", b"abc", None) == md5(b"abc").hexdigest()

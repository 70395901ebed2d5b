from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry

from data_versioning import storage
from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.fsspec_store import _modified, knows, open_store
from tests.conformance.store import LargeObjectSuite, NetworkStoreSuite, StoreSuite, fill, items, joined
from tests.servers.ftp import FtpServer

NUMBERS = count()


class Oss(MemoryFileSystem):
    """An object store with the manners of `ossfs`; `given` are the arguments of the last one."""

    protocol = "oss"
    given: ClassVar[dict[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        Oss.given = options

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("oss://"))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        return bytes(super().cat_file(path, start=start, end=None if end is None else end + 1))

    def mv(self, *_: object, **__: object) -> None:
        raise AssertionError("objects are not written twice")


class Places(LocalFileSystem):
    """Files behind a server that does not rename to a name that is taken."""

    protocol = "places"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("places://")))

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        if self.exists(path2):
            raise FileExistsError(path2)
        super().mv(path1, path2, **options)


class Copying(MemoryFileSystem):
    """A place whose plug-in has no rename."""

    protocol = "copying"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("copying://"))


@pytest.fixture(autouse=True)
def plug_ins() -> None:
    for kind in (Oss, Places, Copying):
        fsspec.register_implementation(kind.protocol, kind, clobber=True)


class TestObjects(StoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self) -> ConcurrentStore:
        return open_store(f"oss://bucket/t{next(NUMBERS)}", {"oss_key_id": "id"})


class TestFiles(StoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ConcurrentStore:
        return open_store(f"places://{tmp_path}/new/root", {})


class TestFtp(StoreSuite, LargeObjectSuite):
    """A real plug-in and a real server, one request after the other."""

    @pytest.fixture
    def store(self, ftp_server: FtpServer) -> ConcurrentStore:
        return open_store(ftp_server.fresh(), {})


@pytest.mark.parametrize(
    "told",
    [
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 3, 1, 12),
        "2026-03-01T12:00:00Z",
        "20260301120000",
        "20260301120000.123",
        1772366400,
        1772366400.0,
    ],
)
def test_times_as_plug_ins_tell_them(told: object) -> None:
    assert _modified({"mtime": told}) == 1772366400


@pytest.mark.parametrize("told", [None, "yesterday", ""])
def test_what_has_no_time_is_young(told: object) -> None:
    assert abs(_modified({"mtime": told}) - time.time()) < 60


def test_the_password_of_a_url(ftp_server: FtpServer) -> None:
    with pytest.raises(StorageError) as caught:
        open_store(ftp_server.fresh("tr0ub4dor"), {}).find(["a"])
    assert "tr0ub4dor" not in f"{caught.value.message}{caught.value.hint}"


def test_what_is_there_is_not_remembered(tmp_path: Path) -> None:
    one, other = (open_store("oss://bucket/remembered", {}) for _ in range(2))
    assert joined(list(one.list("k/"))) == {}
    fill(other, tmp_path, {"k/one": b"one"})
    assert one.find(["k/one"]).keys == ["k/one"]
    assert joined(list(one.list("k/"))) == {"k/one": 3}


def test_no_partial_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"places://{tmp_path}/root", {})
    monkeypatch.setattr(Places, "mv", lambda *_, **__: (_ for _ in ()).throw(PermissionError("no")))
    (tmp_path / "one").write_bytes(b"one")
    with pytest.raises(StorageError, match="does not permit this: no"):
        store.upload(items(tmp_path, {"k/one": b"one"}))
    assert [path for path in (tmp_path / "root").rglob("*") if path.is_file()] == []


def test_a_plug_in_without_rename_is_only_read(tmp_path: Path) -> None:
    MemoryFileSystem().pipe_file("/shelf/k/one", b"one")
    store = open_store("copying://shelf", {})
    assert store.read("k/one") == b"one"
    (tmp_path / "two").write_bytes(b"two")
    with pytest.raises(StorageError, match="only read"):
        store.upload(items(tmp_path, {"k/two": b"two"}))
    assert store.find(["k/two"]).keys == []


def test_two_writers_are_not_told_apart() -> None:
    with pytest.raises(StorageError, match="which of two writers was first"):
        open_store("oss://bucket/x", {}).put_if("log/1", b"mine", None)


def test_settings_of_oss() -> None:
    settings = {"oss_key_id": "id", "oss_key_secret": "s3cret", "oss_endpoint": "http://127.0.0.1:1"}
    storage.open_store("oss://bucket/x", {**settings, "jobs": "4", "verify": "true"})
    assert {name: Oss.given[name] for name in ("key", "secret", "endpoint")} == {
        "key": "id",
        "secret": "s3cret",
        "endpoint": "http://127.0.0.1:1",
    }


def test_the_key_of_oss_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", "theirs")
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", "s3cret")
    open_store("oss://bucket/x", {"oss_key_id": "id"})
    assert (Oss.given["key"], Oss.given["secret"]) == ("id", "s3cret")


def test_a_setting_without_meaning() -> None:
    with pytest.raises(ConfigError, match="setting region has no meaning"):
        open_store("oss://bucket/x", {"region": "eu"})


def test_no_secret_in_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("signature of s3cret is wrong: https://host/x?Signature=abc")

    monkeypatch.setattr(Oss, "info", refuse)
    with pytest.raises(StorageError) as caught:
        open_store("oss://bucket/x", {"oss_key_secret": "s3cret"}).find(["a"])
    assert caught.value.message == "oss:// refuses this: signature of … is wrong: https://host/x"


@pytest.mark.parametrize("failures", [1, 2])
def test_what_may_pass_is_tried_again(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    monkeypatch.setattr("data_versioning.storage.moving._PAUSE", 0.01)
    left = [ConnectionResetError("reset")] * failures
    info = Oss.info
    monkeypatch.setattr(
        Oss, "info", lambda self, path, **options: _raise(left.pop()) if left else info(self, path)
    )
    assert open_store("oss://bucket/x", {}).find(["a"]).keys == []
    assert not left


def _raise(error: Exception) -> None:
    raise error


def test_a_missing_plug_in_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(_registry, "oss")
    monkeypatch.setitem(sys.modules, "ossfs", None)
    with pytest.raises(ConfigError, match=r"oss:// need a plug-in of fsspec that is not installed") as caught:
        storage.open_store("oss://bucket/x", {})
    assert caught.value.hint == "pip install ossfs"


@pytest.mark.parametrize(
    "scheme", ["gdrive", "memory", "zip", "simplecache", "dvc", "nonsense", "simplecache::s3"]
)
def test_what_is_no_place_is_not_ours(scheme: str) -> None:
    assert not knows(scheme) and not storage.is_native(f"{scheme}://x")


@pytest.mark.parametrize("scheme", ["ftp", "smb", "oss"])
def test_what_fsspec_knows_is_ours(scheme: str) -> None:
    assert storage.is_native(f"{scheme}://host/x")

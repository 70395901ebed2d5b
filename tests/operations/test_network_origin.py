"""Data of network stores on its way into the cache and to remotes: what must hold when things go wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from data_versioning import storage
from data_versioning.errors import FileChanged, PathError, StorageError, UsageError
from data_versioning.operations import add_to_remote, import_url, network_origin, update
from data_versioning.operations import loaded as loading
from data_versioning.operations.import_url import Extent, ImportOptions
from data_versioning.operations.network_origin import Arrived
from data_versioning.operations.update import UpdateOptions
from data_versioning.paths import RepoPath
from data_versioning.progress import SILENT
from data_versioning.remotes.origin import Origin
from data_versioning.remotes.remote import Remote
from data_versioning.storage.base import Advance, Items, Limits, Outcome, Page
from data_versioning.storage.concurrent import ConcurrentStore
from tests.conformance.store_memory import MemoryStore
from tests.operations.work import Work, digest
from tests.servers.seaweedfs import S3Server


@dataclass(slots=True)
class Watched(MemoryStore):
    """A store to which something happens before each download."""

    event: Callable[[], None] = lambda: None
    most: int = 0

    def download(
        self, items: Items, *, threads: int | None = None, advance: Advance | None = None
    ) -> Outcome:
        self.event()
        self.most = max(self.most, len(items))
        return MemoryStore.download(self, items, threads=threads, advance=advance)


def origin(store: MemoryStore, scheme: str = "ssh") -> Origin:
    return Origin(url=f"{scheme}://host/dir", scheme=scheme, shown="/dir", store=store, key="dir")


def put(work: Work, store: MemoryStore, scheme: str = "ssh") -> Arrived:
    repo = work.repo()
    return network_origin.put(
        loading.load(repo), origin(store, scheme), "url", RepoPath("out"), repo.cache, SILENT
    )


def leftovers(work: Work) -> Sequence[Path]:
    return [path for path in (work.root / ".dvc").rglob(".*") if path.name.endswith(".tmp")]


def test_what_arrives_becomes_the_object(work: Work) -> None:
    arrived = put(work, MemoryStore(objects={"dir/a": b"same", "dir/b": b"same", "dir/sub/c": b"other"}))
    assert arrived.dependency.md5 == arrived.stored.oid.value
    path = Path(work.cache.root()) / digest("same")[:2] / digest("same")[2:]
    assert path.read_bytes() == b"same"
    assert (path.stat().st_nlink, path.stat().st_mode & 0o777) == (1, 0o444)
    assert not leftovers(work)
    assert work.cache.read_tree(arrived.stored.oid)[0] == ["a", "b", "sub/c"]


def test_what_is_never_tracked_is_recorded_and_left_out(work: Work) -> None:
    arrived = put(work, MemoryStore(objects={"dir/a": b"a", "dir/.git/config": b"evil"}))
    assert arrived.stored.paths() == ["a"]
    assert arrived.dependency.nfiles == 2
    with pytest.raises(PathError, match="dvcignore"):
        put(work, MemoryStore(objects={"dir/.dvcignore": b"*"}))


def test_an_origin_that_changes_once_is_read_again(work: Work) -> None:
    store = Watched(objects={"dir/a": b"before"})
    changes = iter([b"afterwards"])

    def change() -> None:
        store.objects["dir/a"] = next(changes, store.objects["dir/a"])

    store.event = change
    arrived = put(work, store)
    assert arrived.dependency.size == arrived.stored.size == len(b"afterwards")


def test_an_origin_that_never_holds_still_is_not_recorded(work: Work) -> None:
    store = Watched(objects={"dir/a": b"x"})

    def grow() -> None:
        store.objects["dir/a"] += b"x"

    store.event = grow
    with pytest.raises(FileChanged, match="kept changing"):
        put(work, store)
    assert not leftovers(work)


def test_a_file_that_is_refused_leaves_nothing(work: Work) -> None:
    with pytest.raises(StorageError, match="no answer"):
        put(work, MemoryStore(objects={"dir/a": b"a", "dir/b": b"b"}, refused={"dir/b"}))
    assert not leftovers(work)


class Silent(Watched):
    """Tells no etags."""

    def list(self, prefix: str) -> Iterator[Page]:
        for page in Watched.list(self, prefix):
            yield replace(page, etags=None)


def test_what_cannot_be_recorded_is_not_read(work: Work) -> None:
    store = Silent(objects={"dir/a": b"a"})
    with pytest.raises(PathError, match="no ETag"):
        put(work, store, scheme="s3")
    assert store.most == 0


def test_portions_on_the_way_to_a_remote(work: Work) -> None:
    source = Watched(objects={f"dir/{number}": b"%d" % number for number in range(600)})
    target = MemoryStore()
    repo = work.repo()
    arrived = network_origin.relay(
        loading.load(repo), origin(source), "", Remote(name="box", store=target), SILENT
    )
    assert source.most == 256
    assert len(target.objects) == 601
    key = f"files/md5/{arrived.stored.oid.value[:2]}/{arrived.stored.oid.value[2:]}"
    assert md5(target.objects[key]).hexdigest() == arrived.stored.oid.value[:32]
    assert not leftovers(work)
    assert not os.path.exists(work.cache.root())


@pytest.fixture
def bucket(work: Work, s3_server: S3Server) -> str:
    """A place with the file "file", below the remote `box`."""
    url = s3_server.fresh()
    lines = "".join([f"    {key} = {value}\n" for key, value in s3_server.settings.items()])
    work.write(".dvc/config", f"[core]\n    remote = box\n['remote \"box\"']\n    url = {url}\n{lines}")
    store: Any = storage.open_store(url, s3_server.settings)
    assert store.put_if("file", bytes(6_000_000), None)
    return url


def watched(name: str, seen: list[tuple[str, int | None, Limits]]) -> Any:
    """A method of stores that notes its jobs and limits first."""
    real: Any = getattr(ConcurrentStore, name)

    def method(store: ConcurrentStore, *arguments: Any, **keywords: Any) -> Any:
        seen.append((name, keywords.get("threads"), store.limits))
        return real(store, *arguments, **keywords)

    return method


def test_jobs_and_limits_reach_both_stores(
    work: Work, bucket: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int | None, Limits]] = []
    for name in ("download", "upload"):
        monkeypatch.setattr(ConcurrentStore, name, watched(name, seen))
    monkeypatch.setenv("DV_DOWNLOAD_LIMIT", "50MB")
    monkeypatch.setenv("DV_UPLOAD_LIMIT", "60MB")
    limits = Limits(60e6, 50e6)
    import_url.import_url(work.repo(), f"{bucket}/file", options=ImportOptions(jobs=3))
    assert seen == [("download", 3, limits)]
    seen.clear()
    store: Any = storage.open_store(bucket, s3_server.settings)
    assert store.put_if("file", b"newer", store.find(["file"]).etags[0])
    update.update(work.repo(), ["file.dvc"], options=UpdateOptions(jobs=2))
    assert seen == [("download", 2, limits)]
    seen.clear()
    add_to_remote.add_to_remote(work.repo(), f"{bucket}/file", "sent", jobs=5)
    assert seen == [("download", 5, limits), ("upload", 5, limits)]
    seen.clear()
    options = ImportOptions(jobs=4, extent=Extent.REMOTE)
    import_url.import_url(work.repo(), f"{bucket}/file", "passed", options=options)
    assert seen[0] == ("download", 4, limits)
    for refused in (0, -1):
        with pytest.raises(UsageError, match="at least 1"):
            import_url.import_url(work.repo(), f"{bucket}/file", "x", options=ImportOptions(jobs=refused))


def test_a_limit_slows_down_what_comes_from_an_origin(
    work: Work, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DV_DOWNLOAD_LIMIT", "2MB")
    started = time.monotonic()
    import_url.import_url(work.repo(), f"{bucket}/file")
    assert time.monotonic() - started > 1

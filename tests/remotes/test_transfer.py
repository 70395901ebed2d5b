from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_versioning.objects.oid import ObjectId
from data_versioning.remotes import transfer, wanted
from data_versioning.remotes.transfer import Pace, Plan, Report
from data_versioning.remotes.wanted import Request, Wanted
from data_versioning.storage.base import FailureKind, Store
from data_versioning.storage.local import LocalStore
from tests.conformance.store_memory import MemoryStore
from tests.remotes.samples import (
    FILES,
    LONE,
    cache_at,
    digest,
    fill,
    modes,
    objects,
    put,
    requests,
)

BETA = digest(b"beta")


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore(root=str(tmp_path / "remote")) if request.param == "local" else MemoryStore()


def expand(asked: list[Request], cache: Path, store: Store) -> Wanted:
    (one,) = wanted.expand(asked, cache_at(cache), store)
    return one


def push(asked: list[Request], cache: Path, store: Store) -> tuple[Plan, Report]:
    plan = transfer.plan_push(expand(asked, cache, store), cache_at(cache), store)
    return plan, transfer.push(plan, cache_at(cache), store, pace=Pace())


def fetch(
    asked: list[Request], cache: Path, store: Store, *, allow_missing: bool = False
) -> tuple[Plan, Report]:
    plan = transfer.plan_fetch(expand(asked, cache, store), cache_at(cache))
    return plan, transfer.fetch(plan, cache_at(cache), store, pace=Pace(), allow_missing=allow_missing)


def keys(store: Store) -> set[str]:
    return {key for page in store.list("") for key in page.keys}


def key(value: str) -> str:
    return f"files/md5/{value[:2]}/{value[2:]}"


def remove(store: Store, value: str) -> None:
    store.delete([key(value)])


def test_push_then_again_then_fetch(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    plan, report = push(asked, tmp_path / "cache", store)
    assert len(plan) == 6
    assert (report.copied, report.problems, report.held) == (6, [], [])
    assert report.size == sum(map(len, objects(tmp_path / "cache").values()))
    assert keys(store) == set(objects(tmp_path / "cache"))
    again, report = push(asked, tmp_path / "cache", store)
    assert (len(again), report.copied, report.size) == (0, 0, 0)

    plan, report = fetch(asked, tmp_path / "new", store)
    assert (len(plan), report.copied, report.problems) == (6, 6, [])
    assert objects(tmp_path / "new") == objects(tmp_path / "cache")
    assert modes(tmp_path / "new") == {0o444}
    assert len(fetch(asked, tmp_path / "new", store)[0]) == 0


def test_objects_of_a_local_remote_are_read_only(tmp_path: Path) -> None:
    push(requests(tmp_path / "cache"), tmp_path / "cache", LocalStore(root=str(tmp_path / "remote")))
    assert modes(tmp_path / "remote") == {0o444}


def test_a_hole_on_the_remote_is_filled_although_the_listing_is_there(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    push(asked, tmp_path / "cache", store)
    remove(store, BETA)
    plan, _ = push(asked, tmp_path / "cache", store)
    assert (plan.files, plan.trees) == ([BETA], [])
    assert key(BETA) in keys(store)


def test_the_listing_stays_behind_when_a_file_is_nowhere(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    os.unlink(tmp_path / "cache" / key(BETA))
    plan, report = push(asked, tmp_path / "cache", store)
    assert [(problem.name, problem.kind) for problem in report.problems] == [
        ("data/sub/b", FailureKind.MISSING)
    ]
    assert plan.problems == report.problems
    assert report.held == ["data"]
    assert report.copied == 4
    assert not any(name.endswith(".dir") for name in keys(store))


def test_the_listing_stays_behind_when_an_upload_fails(tmp_path: Path) -> None:
    store = MemoryStore(refused={key(BETA)})
    asked = requests(tmp_path / "cache")
    _, report = push(asked, tmp_path / "cache", store)
    assert [(problem.name, problem.kind) for problem in report.problems] == [
        ("data/sub/b", FailureKind.REFUSED)
    ]
    assert report.held == ["data"]
    assert not any(name.endswith(".dir") for name in store.objects)
    store.refused.clear()
    plan, report = push(asked, tmp_path / "cache", store)
    assert (len(plan), report.problems) == (2, [])


@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_damage_in_the_cache_is_not_spread(tmp_path: Path, store: Store, mode: int) -> None:
    asked = requests(tmp_path / "cache")
    put(tmp_path / "cache", BETA, b"BETA", mode=mode)
    _, report = push(asked, tmp_path / "cache", store)
    kind = FailureKind.CORRUPT if mode == 0o444 else FailureKind.MISSING
    assert [(problem.name, problem.kind) for problem in report.problems] == [("data/sub/b", kind)]
    assert report.held == ["data"]
    assert key(BETA) not in keys(store)


def test_damage_on_the_remote_does_not_reach_the_cache(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    push(asked, tmp_path / "cache", store)
    if isinstance(store, MemoryStore):
        store.objects[key(BETA)] = b"BETA"
    else:
        put(tmp_path / "remote", BETA, b"BETA")
    _, report = fetch(asked, tmp_path / "new", store)
    assert [(problem.name, problem.kind) for problem in report.problems] == [
        ("data/sub/b", FailureKind.CORRUPT)
    ]
    assert report.held == ["data"]
    assert not any(name.endswith(".dir") or name == key(BETA) for name in objects(tmp_path / "new"))


def test_missing_on_the_remote(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    push(asked, tmp_path / "cache", store)
    remove(store, BETA)
    plan = transfer.plan_fetch(expand(asked, tmp_path / "new", store), cache_at(tmp_path / "new"))
    assert plan.problems == []
    checked = transfer.check(plan, store)
    assert [problem.name for problem in checked.problems] == ["data/sub/b"]
    assert len(checked) == 5
    _, report = fetch(asked, tmp_path / "new", store)
    assert [(problem.name, problem.kind) for problem in report.problems] == [
        ("data/sub/b", FailureKind.MISSING)
    ]
    assert report.held == ["data"]
    assert report.copied == 4


def test_missing_on_the_remote_can_be_allowed(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    push(asked, tmp_path / "cache", store)
    remove(store, BETA)
    _, report = fetch(asked, tmp_path / "new", store, allow_missing=True)
    assert [problem.name for problem in report.problems] == ["data/sub/b"]
    assert report.held == []
    assert report.copied == 5


def test_a_lost_listing(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    push(asked, tmp_path / "cache", store)
    remove(store, asked[0].oid.value)
    _, report = fetch(asked, tmp_path / "new", store)
    assert [(problem.name, problem.kind) for problem in report.problems] == [("data", FailureKind.MISSING)]
    assert report.copied == 1


def test_a_damaged_listing_in_the_cache_is_fetched_again(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    push(asked, tmp_path / "cache", store)
    whole = objects(tmp_path / "cache")
    put(tmp_path / "cache", asked[0].oid.value, b"[]")
    plan, report = fetch(asked, tmp_path / "cache", store)
    assert plan.trees == [asked[0].oid.value]
    assert report.problems == []
    assert objects(tmp_path / "cache") == whole


def test_a_listing_that_is_damaged_and_nowhere_else(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    put(tmp_path / "cache", asked[0].oid.value, b"[]")
    plan, report = push(asked, tmp_path / "cache", store)
    assert [(problem.name, problem.kind) for problem in report.problems] == [("data", FailureKind.CORRUPT)]
    assert (len(plan), report.copied) == (1, 1)


def test_part_of_a_directory(tmp_path: Path, store: Store) -> None:
    cache = tmp_path / "cache"
    part = requests(cache, inner="sub")
    plan, report = push(part, cache, store)
    assert sorted(plan.names[value] for value in plan.files) == ["data/sub/b", "data/sub/c"]
    assert (plan.trees, report.copied) == ([], 2), "the listing would promise files that are not there"
    _, report = push(requests(cache, inner="a") + requests(cache, inner="empty"), cache, store)
    assert report.copied == 3, "now all files are there, so the listing follows"
    plan, report = fetch(part, tmp_path / "new", store)
    assert (len(plan.files), len(plan.trees), report.problems) == (2, 1, [])
    rest, _ = fetch([request._replace(inner="") for request in part], tmp_path / "new", store)
    assert (len(rest.files), len(rest.trees)) == (2, 0)


def test_the_same_content_is_copied_once(tmp_path: Path, store: Store) -> None:
    asked = [Request(fill(tmp_path / "cache", {"x": b"same", "y": b"same"}), "twice")] * 2
    asked.append(Request(ObjectId(digest(b"same")), "also"))
    plan, report = push(asked, tmp_path / "cache", store)
    assert (len(plan), report.copied) == (2, 2)


def test_legacy_objects_both_ways(tmp_path: Path, store: Store) -> None:
    files = {"text": b"one\r\ntwo\r\n", "binary": b"\0\r\n"}
    values = {"text": digest(b"one\ntwo\n"), "binary": digest(b"\0\r\n")}
    for name, content in files.items():
        put(tmp_path / "cache", values[name], content, legacy=True)
    asked = [Request(ObjectId(value, True), name) for name, value in values.items()]
    _, report = push(asked, tmp_path / "cache", store)
    assert (report.copied, report.problems) == (2, [])
    assert keys(store) == set(objects(tmp_path / "cache"))
    assert len(push(asked, tmp_path / "cache", store)[0]) == 0
    _, report = fetch(asked, tmp_path / "new", store)
    assert (report.copied, report.problems) == (2, [])
    assert objects(tmp_path / "new") == objects(tmp_path / "cache")
    assert modes(tmp_path / "new") == {0o444}


def test_damaged_legacy_objects_go_nowhere(tmp_path: Path, store: Store) -> None:
    cache, new = tmp_path / "cache", tmp_path / "new"
    good, bad = digest(b"good\n"), digest(b"bad\n")
    put(cache, good, b"good\r\n", legacy=True)
    put(cache, bad, b"evil\r\n", legacy=True)
    asked = [Request(ObjectId(bad, True), "bad"), Request(ObjectId(good, True), "good")]
    _, report = push(asked, cache, store)
    assert [(problem.name, problem.kind) for problem in report.problems] == [("bad", FailureKind.CORRUPT)]
    assert keys(store) == {f"{good[:2]}/{good[2:]}"}
    if isinstance(store, MemoryStore):
        store.objects[f"{bad[:2]}/{bad[2:]}"] = b"evil\r\n"
    else:
        put(tmp_path / "remote", bad, b"evil\r\n", legacy=True)
    absent = Request(ObjectId("0" * 32, True), "absent")
    _, report = fetch([absent, *asked], new, store)
    assert {(problem.name, problem.kind) for problem in report.problems} == {
        ("bad", FailureKind.CORRUPT),
        ("absent", FailureKind.MISSING),
    }
    assert set(objects(new)) == {f"{good[:2]}/{good[2:]}"}


def test_both_kinds_at_once(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    put(tmp_path / "cache", digest(b"x\n"), b"x\r\n", legacy=True)
    asked.append(Request(ObjectId(digest(b"x\n"), True), "old"))
    kinds = wanted.expand(asked, cache_at(tmp_path / "cache"), store)
    assert [one.legacy for one in kinds] == [False, True]


def test_a_shared_cache_gets_group_directories(tmp_path: Path) -> None:
    store = MemoryStore()
    asked = requests(tmp_path / "cache")
    push(asked, tmp_path / "cache", store)
    shared = cache_at(tmp_path / "new", shared=True)
    (one,) = wanted.expand(asked, shared, store)
    transfer.fetch(transfer.plan_fetch(one, shared), shared, store, pace=Pace())
    directories = [path for path in (tmp_path / "new").rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o7777 for path in directories} == {0o2775}
    assert modes(tmp_path / "new") == {0o444}


def test_progress_counts_every_file(tmp_path: Path, store: Store) -> None:
    asked = requests(tmp_path / "cache")
    plan = transfer.plan_push(expand(asked, tmp_path / "cache", store), cache_at(tmp_path / "cache"), store)
    seen: list[tuple[int, int]] = []
    transfer.push(
        plan, cache_at(tmp_path / "cache"), store, pace=Pace(jobs=1, advance=lambda *step: seen.append(step))
    )
    assert sum(files for files, _ in seen) == len(plan) == len(FILES) + 2


def test_an_interrupted_fetch_is_completed(tmp_path: Path) -> None:
    store = LocalStore(root=str(tmp_path / "remote"))
    asked = requests(tmp_path / "cache")
    push(asked, tmp_path / "cache", store)

    def interrupt(_files: int, _size: int) -> None:
        raise KeyboardInterrupt

    new = cache_at(tmp_path / "new")
    (one,) = wanted.expand(asked, new, store)
    with pytest.raises(KeyboardInterrupt):
        transfer.fetch(transfer.plan_fetch(one, new), new, store, pace=Pace(advance=interrupt))
    assert not any(name.endswith((".dir", ".tmp")) for name in objects(tmp_path / "new"))
    assert 0o444 not in modes(tmp_path / "new")
    fetch(asked, tmp_path / "new", store)
    assert objects(tmp_path / "new") == objects(tmp_path / "cache")
    assert modes(tmp_path / "new") == {0o444}
    assert digest(LONE) in {name.replace("/", "")[-32:] for name in objects(tmp_path / "new")}

from __future__ import annotations

from pathlib import Path

from data_versioning.remotes import runs
from data_versioning.remotes.transfer import Pace
from data_versioning.storage.base import FailureKind
from tests.conformance.store_memory import MemoryStore
from tests.remotes.samples import cache_at, objects

KEYS = [f"runs/{first * 2}/{first * 64}/{'0' * 63}{number}" for first in "ab" for number in (1, 2)]


def fill(base: Path, keys: list[str]) -> None:
    for key in keys:
        (base / key).parent.mkdir(parents=True, exist_ok=True)
        (base / key).write_text(f"cmd: {key[-1]}\n")


def test_push_copies_what_the_remote_lacks(tmp_path: Path) -> None:
    fill(tmp_path, [*KEYS, "runs/aa/stranger", "runs/aa/" + "a" * 64 + "/.tmp"])
    store = MemoryStore({KEYS[0]: b"there already"})
    planned = runs.plan_push(cache_at(tmp_path), store)
    assert planned == KEYS[1:]
    report = runs.push(planned, cache_at(tmp_path), store, pace=Pace())
    assert (report.copied, report.problems) == (3, [])
    assert set(store.objects) == set(KEYS)
    assert store.objects[KEYS[0]] == b"there already"
    assert runs.plan_push(cache_at(tmp_path), store) == []


def test_fetch_takes_run_entries_only(tmp_path: Path) -> None:
    store = MemoryStore(dict.fromkeys([*KEYS, "runs/../evil", "runs/aa/short/" + "0" * 64], b"x"))
    fill(tmp_path, KEYS[:1])
    planned = runs.plan_fetch(cache_at(tmp_path), store)
    assert planned == KEYS[1:]
    assert runs.fetch(planned, cache_at(tmp_path), store, pace=Pace()).copied == 3
    assert set(objects(tmp_path)) == set(KEYS)
    assert (tmp_path / KEYS[1]).stat().st_mode & 0o7777 == 0o644


def test_a_shared_cache(tmp_path: Path) -> None:
    store = MemoryStore(dict.fromkeys(KEYS, b"x"))
    runs.fetch(KEYS, cache_at(tmp_path, shared=True), store, pace=Pace())
    assert (tmp_path / KEYS[1]).stat().st_mode & 0o7777 == 0o664


def test_failures_name_the_entry(tmp_path: Path) -> None:
    report = runs.fetch(
        KEYS,
        cache_at(tmp_path),
        MemoryStore(refused={KEYS[1]}, objects=dict.fromkeys(KEYS, b"")),
        pace=Pace(),
    )
    assert [(problem.value, problem.kind) for problem in report.problems] == [(KEYS[1], FailureKind.REFUSED)]
    assert report.copied == 3


def test_no_run_cache_at_all(tmp_path: Path) -> None:
    assert runs.plan_push(cache_at(tmp_path), MemoryStore()) == []
    assert runs.plan_fetch(cache_at(tmp_path), MemoryStore()) == []

"""Try out what a store permits, and measure it, with objects that no DVC object can be.

Their names are below `.dv-test/`, each with a token of this run. Whatever ends a run, even an interruption, they
are deleted at its end where the store deletes at all. Where it does not, one object of a fixed name is written,
again and again, and nothing large.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import md5
from typing import cast

from data_versioning.errors import CorruptObject, DataVersioningError, MissingObject, StorageError
from data_versioning.storage.base import ConditionalStore, Items, Outcome, Store, WritableStore
from data_versioning.storage.client import Unavailable
from data_versioning.storage.local import LocalStore

PREFIX = ".dv-test/"
_LASTING = f"{PREFIX}probe"
_CONTENT = b"dv remote test\n"
# Creators of one key at once, and how many keys.
_CREATORS, _ROUNDS = 8, 2
_LISTED = 5
_NO_REGISTRY = "a registry or shared log cannot live there"


class State(StrEnum):
    """What became of one check; `WRONG`: the store did it, but not as it has to."""

    OK = "ok"
    REFUSED = "refused"
    WRONG = "wrong"
    NOT_OFFERED = "not offered"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried; `is_needed`: push and pull need it."""

    name: str
    state: State
    is_needed: bool = False
    reason: str = ""
    hint: str | None = None


@dataclass(slots=True, kw_only=True)
class Probe:
    """One run on one store. Use it within `probing`, which deletes what it wrote.

    `is_lasting`: nothing that is written can be deleted, as far as is known.
    """

    store: WritableStore
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    written: list[str] = field(default_factory=list)
    is_lasting: bool = False

    @property
    def first(self) -> str:
        """The key of the object that is written first."""
        return self.written[0] if self.written else _LASTING

    def key(self, name: str) -> str:
        """Return a key of this run, to be deleted at its end."""
        key = f"{PREFIX}{self.token}-{name}"
        self.written.append(key)
        return key


@contextmanager
def probing(store: WritableStore) -> Iterator[Probe]:
    """Give a probe; at the end, also of an interrupted run, what it wrote is deleted as far as the store permits."""
    probe = Probe(store=store, is_lasting=not isinstance(store, Store))
    try:
        yield probe
    finally:
        _clean(probe)


def can_list(probe: Probe) -> Check:
    """Whether the store lists."""
    store = probe.store
    if not isinstance(store, Store):
        return Check(
            name="list",
            state=State.NOT_OFFERED,
            reason="files are asked for by name: no gc -c, no run cache, and no usage",
        )
    return _tried("list", lambda: _ok("list", _consume(store)), is_needed=True)


def can_answer(probe: Probe, sample: str | None) -> Check:
    """Whether content can be read, without writing any: that of `sample`, if there is a small object."""
    store = probe.store
    if isinstance(store, LocalStore) and not os.path.isdir(store.root):
        reason = f"there is no directory {store.root}"
        return Check(
            name="read",
            state=State.REFUSED,
            is_needed=True,
            reason=reason,
            hint="mount it, or make it: dv push does",
        )

    def ask() -> Check:
        if sample is not None:
            store.read(sample)
            return _ok("read")
        with suppress(MissingObject):
            store.read(f"{PREFIX}{probe.token}-absent")
        return _ok("read", "it answers; no small object was there to read")

    return _tried("read", ask, is_needed=True)


def can_write(probe: Probe) -> Check:
    """Whether an object can be written; without deletion it is one that later runs write again."""
    key = _LASTING if probe.is_lasting else probe.key("first")

    def write() -> Check:
        _put(probe, {key: _CONTENT})
        return _ok("write", f"{_LASTING} stays there: nothing can be deleted" if probe.is_lasting else "")

    return _tried("write", write, is_needed=True)


def can_read(probe: Probe) -> Check:
    """Whether what was written comes back as it was."""

    def read() -> Check:
        content = probe.store.read(probe.first)
        if content == _CONTENT:
            return _ok("read")
        reason = "other bytes come back than were written"
        return Check(
            name="read",
            state=State.WRONG,
            is_needed=True,
            reason=reason,
            hint="look for a proxy or cache on the way",
        )

    return _tried("read", read, is_needed=True)


def can_delete(probe: Probe) -> Check:
    """Whether an object can be deleted; when not, the run leaves it."""
    store = probe.store
    if not isinstance(store, Store):
        return Check(name="delete", state=State.NOT_OFFERED, reason="no gc -c")
    key = probe.first

    def delete() -> Check:
        try:
            refused = store.delete([key])
        except Unavailable as error:
            # It has answered until now: many at once, a store refuses as if it could not do it now.
            raise StorageError(error.message, hint=error.hint) from None
        if refused:
            raise StorageError(refused[0].reason)
        if len(store.find([key])):
            return Check(
                name="delete", state=State.WRONG, reason="what was deleted is still there", hint=None
            )
        return _ok("delete")

    found = _tried("delete", delete)
    if found.state is State.OK:
        return found
    probe.is_lasting = True
    return replace(found, reason=f"{found.reason}; {key} stays there")


def refuses_to_replace(probe: Probe) -> Check:
    """Whether creating an object fails when there is one, and replacing it when it is another than expected."""
    name, store = "overwrite refused", _conditional(probe.store)
    if store is None:
        return _unconditional(name)

    def create() -> Check:
        key = probe.key("once")
        first = store.put_if(key, _CONTENT, None)
        again = store.put_if(key, b"again", None)
        if first is None or again is not None or store.read(key) != _CONTENT:
            return _unenforced(name, "a second creation replaced the first")
        second = store.put_if(key, b"second", first)
        if second is None or store.put_if(key, b"stale", first) is not None or store.read(key) != b"second":
            return _unenforced(name, "a change of what had changed meanwhile went through")
        return _ok(name)

    return _or_not_offered(_tried(name, create))


def lets_one_create(probe: Probe) -> Check:
    """Whether of several creators of one key at the same time exactly one succeeds."""
    name, store = "one creator wins", _conditional(probe.store)
    if store is None:
        return _unconditional(name)

    def race() -> Check:
        with ThreadPoolExecutor(_CREATORS) as pool:
            for turn in range(_ROUNDS):
                key = probe.key(f"race{turn}")
                contents = [b"%d" % creator for creator in range(_CREATORS)]
                won = list(pool.map(lambda content, key=key: store.put_if(key, content, None), contents))
                winners = [content for content, etag in zip(contents, won, strict=True) if etag is not None]
                if len(winners) != 1 or store.read(key) != winners[0]:
                    return _unenforced(name, f"{len(winners)} of {_CREATORS} creators were told they won")
        return _ok(name, f"{_ROUNDS} races of {_CREATORS}")

    return _or_not_offered(_tried(name, race))


def lists_what_is_written(probe: Probe) -> Check:
    """Whether a listing shows an object as soon as it is written, and no more when it is deleted."""
    name, store = "listing is current", probe.store
    if not isinstance(store, Store):
        return Check(name=name, state=State.NOT_OFFERED, reason="it has no listing")

    def look() -> Check:
        keys = [probe.key(f"listed{number}") for number in range(_LISTED)]
        _put(probe, dict.fromkeys(keys, _CONTENT))
        absent = set(keys) - _listed(store)
        store.delete(keys)
        stale = set(keys) & _listed(store)
        if absent or stale:
            reason = f"{len(absent)} of {_LISTED} new objects not listed, {len(stale)} deleted ones still"
            return Check(name=name, state=State.WRONG, reason=reason, hint="wait between push and gc -c")
        return _ok(name)

    return _tried(name, look)


def upload(probe: Probe, directory: str, names: Sequence[str], keys: Sequence[str]) -> int:
    """Upload files of `directory`; returns their bytes, raises `StorageError` when one was refused."""
    return _all(probe.store.upload(_items(directory, names, keys), threads=len(keys)))


def download(probe: Probe, directory: str, names: Sequence[str], keys: Sequence[str]) -> int:
    """Download into `directory`; as `upload`."""
    return _all(probe.store.download(_items(directory, names, keys), threads=len(keys)))


def not_tried(name: str, *, is_needed: bool = False, reason: str = "") -> Check:
    """Return a check that did not take place."""
    return Check(name=name, state=State.NOT_TRIED, is_needed=is_needed, reason=reason)


def _tried(name: str, work: Callable[[], Check], *, is_needed: bool = False) -> Check:
    """Return what `work` finds; a refusal is a finding too. `Unavailable` ends the whole run."""
    try:
        return work()
    except Unavailable:
        raise
    except CorruptObject as error:
        state, reason, hint = State.WRONG, error.message, error.hint
    except DataVersioningError as error:
        state, reason, hint = State.REFUSED, error.message, error.hint
    return Check(name=name, state=state, is_needed=is_needed, reason=reason, hint=hint)


def _ok(name: str, reason: str = "") -> Check:
    return Check(name=name, state=State.OK, is_needed=name in ("list", "read", "write"), reason=reason)


def _conditional(store: WritableStore) -> ConditionalStore | None:
    return cast("ConditionalStore", store) if hasattr(store, "put_if") else None


def _or_not_offered(found: Check) -> Check:
    """Return what was found; a store that writes, but not on a condition, does not offer that."""
    if found.state is not State.REFUSED:
        return found
    return replace(found, state=State.NOT_OFFERED, reason=f"{found.reason}: {_NO_REGISTRY}", hint=None)


def _unconditional(name: str) -> Check:
    reason = f"it cannot say who was first: {_NO_REGISTRY}"
    return Check(name=name, state=State.NOT_OFFERED, reason=reason)


def _unenforced(name: str, what: str) -> Check:
    return Check(
        name=name,
        state=State.WRONG,
        reason=f"{what}: {_NO_REGISTRY}",
        hint="push and pull are safe; keep a registry on a store that enforces conditional writes",
    )


def _consume(store: Store) -> str:
    for _ in store.list(PREFIX):
        pass
    return ""


def _listed(store: Store) -> set[str]:
    return {key for page in store.list(PREFIX) for key in page.keys}


def _put(probe: Probe, contents: dict[str, bytes]) -> int:
    """Write small objects, each verified on its way."""
    with tempfile.TemporaryDirectory(prefix="dv-test-") as directory:
        names = [str(number) for number in range(len(contents))]
        for name, content in zip(names, contents.values(), strict=True):
            with open(os.path.join(directory, name), "wb") as file:
                file.write(content)
        digests = b"".join(md5(content, usedforsecurity=False).digest() for content in contents.values())
        return _all(probe.store.upload(_items(directory, names, list(contents), digests)))


def _items(directory: str, names: Sequence[str], keys: Sequence[str], digests: bytes = b"") -> Items:
    return Items(directory=directory, names=_blob(names), keys=_blob(keys), digests=digests)


def _blob(names: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def _all(outcome: Outcome) -> int:
    for failure in outcome.failures.values():
        raise StorageError(failure.reason)
    return outcome.size


def _clean(probe: Probe) -> None:
    """Delete what the run may have written; a failure here would hide how the run ended.

    Only what is there is deleted: some stores try for long before they refuse.
    """
    store, keys = probe.store, probe.written
    if not keys or probe.is_lasting or not isinstance(store, Store):
        return
    with suppress(DataVersioningError):
        keys = store.find(keys).keys
    if keys:
        with suppress(DataVersioningError):
            store.delete(keys)
    if isinstance(store, LocalStore):
        with suppress(OSError):
            os.rmdir(os.path.join(store.root, PREFIX))

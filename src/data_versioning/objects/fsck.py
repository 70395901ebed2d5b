"""Judge the content of a cache against the names in it. Pure: listings and digests in, verdicts out."""

from __future__ import annotations

import errno
import json
import random
import re
import stat as modes
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from data_versioning.errors import UsageError
from data_versioning.localfs.batch import Batch
from data_versioning.localfs.walk import Listing
from data_versioning.objects.gc import LEFTOVER_NAME, OBJECT_NAME

SEALED = modes.S_IFREG | 0o444

_SAMPLE = re.compile(r"(\d+(?:\.\d+)?)%|(\d+)")
_LEGACY = "legacy/"
# Seconds: what was checked longer ago than this is checked again.
_STATE_AGE = 7 * 24 * 3600
# The state is written after this many objects or bytes: often enough for Ctrl-C, and costs nothing.
_SHARE_COUNT = 4096
_SHARE_SIZE = 1 << 30
# A record of a `Listing` as ten 32-bit words, and as half as many 64-bit words.
_MODE_WORD, _SIZE_WORD, _WORDS = 8, 1, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What lies below one root."""

    objects: Listing
    # Unfinished writes.
    leftovers: list[str]
    # Neither object nor unfinished write: nobody knows what they are.
    strays: list[str]


def sort_out(listing: Listing) -> Contents:
    """Tell objects from everything else by their names."""
    objects: list[int] = []
    leftovers: list[int] = []
    strays: list[int] = []
    for index, name in enumerate(listing.raw_paths()):
        if OBJECT_NAME.fullmatch(name):
            objects.append(index)
        else:
            (leftovers if LEFTOVER_NAME.fullmatch(name) else strays).append(index)
    return Contents(
        objects=listing if len(objects) == len(listing) else listing.select(objects),
        leftovers=listing.select(leftovers).paths(),
        strays=listing.select(strays).paths(),
    )


def shares(objects: Listing, done: Collection[str]) -> Iterator[tuple[list[str], Listing]]:
    """Split `objects` into parts of whole two-digit directories, without those in `done`.

    Yields the directories' names and the objects in them.
    """
    prefixes: list[str] = []
    indices: list[int] = []
    size = 0
    sizes = memoryview(objects.stats).cast("q")[_SIZE_WORD :: _WORDS // 2]
    for index, name in enumerate(objects.raw_paths()):
        prefix = name[:2].decode()
        if prefix in done:
            continue
        if not prefixes or prefixes[-1] != prefix:
            if len(indices) >= _SHARE_COUNT or size >= _SHARE_SIZE:
                yield prefixes, objects.select(indices)
                prefixes, indices, size = [], [], 0
            prefixes.append(prefix)
        indices.append(index)
        size += sizes[index]
    if indices:
        yield prefixes, objects.select(indices)


def sample_size(text: str, total: int) -> int:
    """Return how many of `total` objects "5%" or "1000" asks for; at least one.

    >>> sample_size("5%", 1000), sample_size("30", 20), sample_size("0.1%", 10)
    (50, 20, 1)
    """
    found = _SAMPLE.fullmatch(text)
    if not found or not float(found[1] or found[2]) or float(found[1] or 0) > 100:
        raise UsageError(
            f"{text!r} is neither a percentage nor a number of objects", hint="dv fsck --sample 5%"
        )
    wanted = float(found[1]) * total / 100 if found[1] else int(found[2])
    return min(total, max(1, round(wanted)))


def sampled(roots: Sequence[Listing], text: str | None) -> list[Listing]:
    """Return the objects of each root to check: all, or a sample in which every object has the same chance."""
    total = sum(map(len, roots))
    if not text or not total:
        return list(roots)
    picked = sorted(random.SystemRandom().sample(range(total), sample_size(text, total)))
    found: list[Listing] = []
    start = 0
    for objects in roots:
        end = start + len(objects)
        found.append(objects.select([index - start for index in picked if start <= index < end]))
        start = end
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What hashing some objects told; the lists hold names below the root."""

    sound: int = 0
    size: int = 0  # of the sound ones, in bytes
    damaged: list[str] = field(default_factory=list)
    # Right content, but a mode that makes DVC hash them again and again.
    unsealed: list[str] = field(default_factory=list)
    # The disk refused: name, then why.
    unreadable: list[tuple[str, int]] = field(default_factory=list)


def judge(objects: Listing, hashed: Batch) -> Verdict:
    """Compare the digests with the names. Objects that vanished or changed meanwhile get no verdict."""
    names = objects.paths()
    expected = bytes.fromhex("".join([name[:2] + name[3:33] for name in names]))
    found = memoryview(hashed.stats).cast("I")[_MODE_WORD::_WORDS].tolist()
    open_questions = {*hashed.errors, *hashed.changed}
    if expected == hashed.digests and not open_questions:
        wrong: list[int] = []
    else:
        wrong = [
            index
            for index in range(len(names))
            if index not in open_questions
            and expected[index * 16 : index * 16 + 16] != hashed.digests[index * 16 : index * 16 + 16]
        ]
    unsettled = open_questions.union(wrong)
    sound = [index for index in range(len(names)) if index not in unsettled] if unsettled else None
    return Verdict(
        sound=len(names) - len(unsettled),
        size=(objects if sound is None else objects.select(sound)).sizes(),
        damaged=[names[index] for index in wrong],
        unsealed=[
            name for index, name in enumerate(names) if found[index] != SEALED and index not in unsettled
        ],
        unreadable=[
            (names[index], code) for index, code in sorted(hashed.errors.items()) if code != errno.ENOENT
        ],
    )


@dataclass(slots=True, kw_only=True)
class State:
    """How far an interrupted check came: what `.dvc/tmp/dv/fsck.state` holds.

    `done` names finished two-digit directories, those of DVC 2.x as "legacy/ab". Names of objects
    are relative to the cache's base.
    """

    base: str
    # Seconds since 1970.
    started: float
    done: list[str] = field(default_factory=list)
    sound: int = 0
    size: int = 0
    unsealed: int = 0
    damaged: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, int]] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    # Of a remote: how many the store's own digest vouched for, and what it refused to send, with the reason.
    told: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    def finish(self, prefixes: Iterable[str], *, legacy: bool = False) -> None:
        """Note that two-digit directories need no check any more."""
        self.done += [f"{_LEGACY}{prefix}" if legacy else prefix for prefix in prefixes]

    def finished(self, *, legacy: bool = False) -> set[str]:
        """Return the two-digit directories of one root that need no check any more."""
        mine = (label for label in self.done if label.startswith(_LEGACY) == legacy)
        return {label.removeprefix(_LEGACY) for label in mine}

    def left(self, objects: Listing, *, legacy: bool = False) -> int:
        """Return how many objects of one root need a check yet."""
        return sum(len(share) for _, share in shares(objects, self.finished(legacy=legacy)))

    def dump(self) -> bytes:
        """Return the text of the state file."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}).encode()

    @classmethod
    def load(cls, text: bytes, base: str, *, now: float) -> State:
        """Read a state file; a fresh state when it is old, of another cache, or cannot be understood."""
        try:
            state = cls(**json.loads(text))
            state.unreadable = [(str(name), int(code)) for name, code in state.unreadable]
            state.refused = [(str(name), str(reason)) for name, reason in state.refused]
            is_usable = state.base == base and 0 <= now - state.started < _STATE_AGE
        except (ValueError, TypeError):
            is_usable = False
        return state if is_usable else cls(base=base, started=now)

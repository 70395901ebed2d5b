"""What the cache believes, and what it makes of objects that it cannot believe."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from data_versioning.errors import CorruptObject, DiskError, FormatError, MissingObject
from data_versioning.formats import dirfile
from data_versioning.objects import cache as caches
from data_versioning.objects.cache import SEALED, ObjectCache
from data_versioning.objects.oid import ObjectId

EMPTY_TREE = "d751713988987e9331980363e24189ce.dir"


def digest(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def put(root: str, content: bytes, *, value: str = "", mode: int = SEALED) -> str:
    """An object below `root`, whatever its content and mode; its id."""
    value = value or digest(content)
    path = Path(root) / value[:2] / value[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return value


def mode(cache: ObjectCache, value: str) -> int:
    return stat.S_IMODE(os.stat(cache.path(ObjectId(value))).st_mode)


@pytest.fixture
def cache(place: Path) -> ObjectCache:
    return ObjectCache(base=str(place / "cache"), durable=False)


def many(count: int) -> list[str]:
    return [digest(b"absent %d" % number) for number in range(count)]


# Few objects are asked for one by one, many by listing the cache: both must say the same.
ways = pytest.mark.parametrize("others", [0, 2000], ids=["asked", "listed"])


@ways
def test_missing(cache: ObjectCache, others: int) -> None:
    there = put(cache.root(), b"there")
    tree = put(cache.root(), b"[]", value=EMPTY_TREE)
    absent = many(others + 1)
    values = [there, absent[0], tree, there, *absent[1:]]
    assert cache.missing(values) == [1, *range(4, len(values))]


@ways
def test_an_unsealed_object_is_read_and_sealed(cache: ObjectCache, others: int) -> None:
    for wrong_mode in (0o644, 0o555, 0o400, 0o664):
        value = put(cache.root(), b"mode %o" % wrong_mode, mode=wrong_mode)
        assert 0 not in cache.missing([value, *many(others)])
        assert mode(cache, value) == SEALED


@ways
def test_an_unsealed_object_with_wrong_content_counts_as_missing(cache: ObjectCache, others: int) -> None:
    value = put(cache.root(), b"wrong", value=digest(b"right"), mode=0o644)
    assert 0 in cache.missing([value, *many(others)])
    assert mode(cache, value) == 0o644
    assert Path(cache.path(ObjectId(value))).read_bytes() == b"wrong"


@ways
def test_a_sealed_object_is_believed(cache: ObjectCache, others: int) -> None:
    """DVC's rule: whoever set 0444 has checked the content."""
    value = put(cache.root(), b"wrong", value=digest(b"right"))
    assert 0 not in cache.missing([value, *many(others)])


@ways
def test_what_has_the_name_of_an_object_but_is_none(cache: ObjectCache, others: int) -> None:
    value = many(others + 5)[-1]
    Path(cache.path(ObjectId(value))).mkdir(parents=True)
    assert 0 in cache.missing([value, *many(others)])


@ways
def test_no_cache_at_all(cache: ObjectCache, others: int) -> None:
    values = many(others + 1)
    assert cache.missing(values) == list(range(len(values)))
    assert cache.missing([]) == []
    assert not Path(cache.base).exists()


def test_few_are_wanted_of_a_big_cache(cache: ObjectCache) -> None:
    for number in range(600):
        put(cache.root(), b"object %d" % number)
    wanted = [digest(b"object %d" % number) for number in range(590, 610)]
    assert cache.missing(wanted) == list(range(10, 20))


def test_objects_of_dvc_2(cache: ObjectCache) -> None:
    """Their hash takes CRLF for LF in text, and they lie at the base."""
    content = b"one\r\ntwo\r\n"
    value = put(cache.base, content, value=digest(b"one\ntwo\n"), mode=0o644)
    assert cache.missing([value]) == [0]
    assert cache.missing([value], legacy=True) == []
    assert cache.read(ObjectId(value, legacy=True)) == content
    assert cache.has(ObjectId(value, legacy=True))
    assert not cache.has(ObjectId(value))
    assert cache.holds_legacy
    assert cache.missing([put(cache.base, b"x", value=digest(b"y"), mode=0o644)], legacy=True) == [0]


def test_a_cache_of_today_holds_nothing_of_dvc_2(cache: ObjectCache) -> None:
    assert not cache.holds_legacy
    put(cache.root(), b"x")
    assert not cache.holds_legacy


def test_adopt(cache: ObjectCache) -> None:
    content = b"one\r\ntwo\r\n"
    old = put(cache.base, content, value=digest(b"one\ntwo\n"))
    binary = put(cache.base, b"\0\r\n")
    assert cache.adopt([old, binary]) == {old: digest(content), binary: binary}
    assert cache.missing([digest(content), binary]) == []
    assert mode(cache, binary) == mode(cache, digest(content)) == SEALED
    assert cache.missing([old, binary], legacy=True) == []
    with pytest.raises(MissingObject, match="ffff"):
        cache.adopt(["f" * 32])


def test_read(cache: ObjectCache) -> None:
    value = put(cache.root(), b"content", mode=0o644)
    assert cache.read(ObjectId(value)) == b"content"
    with pytest.raises(MissingObject, match="0000") as missing:
        cache.read(ObjectId("0" * 32))
    assert missing.value.hint == "dv fetch"


def test_read_checks_the_content(cache: ObjectCache) -> None:
    value = put(cache.root(), b"wrong", value=digest(b"right"))
    with pytest.raises(CorruptObject) as corrupt:
        cache.read(ObjectId(value))
    assert corrupt.value.hint == "dv fsck"
    listing = put(cache.base, b"[]", value="0" * 32 + ".dir")
    with pytest.raises(CorruptObject):
        cache.read(ObjectId(listing, legacy=True))


def test_read_of_a_directory(cache: ObjectCache) -> None:
    os.makedirs(cache.path(ObjectId("1" * 32)))
    with pytest.raises(DiskError):
        cache.read(ObjectId("1" * 32))


def test_read_tree(cache: ObjectCache) -> None:
    content = dirfile.dump(["b", "a/c"], ["0" * 32, "1" * 32])
    value = put(cache.root(), content, value=digest(content) + ".dir")
    assert cache.read_tree(ObjectId(value)) == (["a/c", "b"], ["1" * 32, "0" * 32])
    hostile = b'[{"md5": "%s", "relpath": "../x"}]' % (b"0" * 32)
    with pytest.raises(FormatError, match=r"\.\./x"):
        cache.read_tree(ObjectId(put(cache.root(), hostile, value=digest(hostile) + ".dir")))


def test_write_tree(cache: ObjectCache) -> None:
    written = cache.write_tree(b"[]")
    assert written == ObjectId(EMPTY_TREE)
    assert mode(cache, EMPTY_TREE) != SEALED
    assert Path(cache.path(written)).read_bytes() == b"[]"
    cache.seal([EMPTY_TREE])
    assert mode(cache, EMPTY_TREE) == SEALED


def test_write_tree_freshens_a_sealed_one(cache: ObjectCache) -> None:
    """So that a gc of a cache shared with others sees that it is used."""
    put(cache.root(), b"[]", value=EMPTY_TREE)
    path = cache.path(ObjectId(EMPTY_TREE))
    os.utime(path, (1, 1))
    inode = os.stat(path).st_ino
    cache.write_tree(b"[]")
    assert os.stat(path).st_mtime > time.time() - 60
    assert (os.stat(path).st_ino, mode(cache, EMPTY_TREE)) == (inode, SEALED)


def test_write_tree_replaces_what_is_not_to_be_believed(cache: ObjectCache) -> None:
    put(cache.root(), b"torn", value=EMPTY_TREE, mode=0o644)
    cache.write_tree(b"[]")
    assert cache.read_tree(ObjectId(EMPTY_TREE)) == ([], [])
    assert mode(cache, EMPTY_TREE) == 0o644


def test_a_shared_cache(place: Path) -> None:
    shared = ObjectCache(base=str(place / "shared"), shared=True, durable=False)
    shared.write_tree(b"[]")
    parent = os.path.dirname(shared.path(ObjectId(EMPTY_TREE)))
    while parent != str(place):
        assert stat.S_IMODE(os.stat(parent).st_mode) == 0o2775
        parent = os.path.dirname(parent)


def test_seal(cache: ObjectCache) -> None:
    cache.seal([])
    values = [put(cache.root(), content, mode=0o600) for content in (b"a", b"b")]
    cache.seal(values)
    assert {mode(cache, value) for value in values} == {SEALED}
    with pytest.raises(DiskError, match="seal"):
        cache.seal([*values, "0" * 32])


def settle() -> None:
    """Wait until the cache's clock has ticked."""
    time.sleep(2 * caches._TICK_NS / 1e9)


def test_signature(cache: ObjectCache) -> None:
    first = put(cache.root(), b"first")
    settle()
    before = cache.signature()
    assert before
    assert cache.signature() == before
    put(cache.root(), b"second")
    settle()
    more = cache.signature()
    assert more not in {before, b""}
    os.unlink(cache.path(ObjectId(first)))
    settle()
    assert cache.signature() not in {before, more, b""}


def test_signature_of_a_cache_that_changes_now(cache: ObjectCache) -> None:
    put(cache.root(), b"just now")
    assert cache.signature() == b""
    waited = caches.settled_signature(cache)
    assert waited == cache.signature() != b""


def test_signatures_of_two_caches_differ(place: Path) -> None:
    """An empty cache, and one that is somewhere else, are not the same."""
    one, two = (ObjectCache(base=str(place / name)) for name in ("one", "two"))
    assert one.signature() != two.signature()

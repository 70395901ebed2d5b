"""What a check of the cache concludes from names and digests."""

from __future__ import annotations

import errno
import stat
from hashlib import md5

import pytest

from data_versioning.errors import UsageError
from data_versioning.localfs.batch import Batch, hash_files
from data_versioning.localfs.walk import RECORD, Listing, walk
from data_versioning.objects import fsck


def cache(root: object, *contents: bytes, mode: int = 0o444) -> dict[bytes, str]:
    """Write objects below `root` and return their names."""
    names = {}
    for content in contents:
        digest = md5(content).hexdigest()
        path = root / digest[:2] / digest[2:]  # type: ignore[operator]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        names[content] = f"{digest[:2]}/{digest[2:]}"
    return names


def check(root: object) -> fsck.Verdict:
    objects = fsck.sort_out(walk(str(root))).objects
    return fsck.judge(objects, hash_files(str(root), objects.names))


def test_sort_out_tells_objects_from_the_rest(tmp_path):
    names = cache(tmp_path, b"one", b"two")
    (tmp_path / "ab").mkdir(exist_ok=True)
    (tmp_path / "ab/.0123456789abcdefghijkl.tmp").write_bytes(b"half")
    (tmp_path / "ab/notes.txt").write_bytes(b"?")
    found = fsck.sort_out(walk(str(tmp_path)))
    assert found.objects.paths() == sorted(names.values())
    assert (found.leftovers, found.strays) == (["ab/.0123456789abcdefghijkl.tmp"], ["ab/notes.txt"])


def test_right_content_is_sound_and_other_modes_are_told(tmp_path):
    names = cache(tmp_path, b"one", b"two")
    (tmp_path / names[b"two"]).chmod(0o644)
    verdict = check(tmp_path)
    assert (verdict.sound, verdict.damaged, verdict.unsealed) == (2, [], [names[b"two"]])


def test_one_wrong_byte_is_damage(tmp_path):
    names = cache(tmp_path, b"one", b"two", b"three", mode=0o644)
    (tmp_path / names[b"two"]).write_bytes(b"twO")
    verdict = check(tmp_path)
    assert (verdict.sound, verdict.size, verdict.damaged) == (2, len(b"onethree"), [names[b"two"]])
    assert names[b"two"] not in verdict.unsealed


def test_an_object_that_vanished_gets_no_verdict_and_one_that_cannot_be_read_is_told():
    digests = [md5(text).digest() for text in (b"1", b"2", b"3", b"4")]
    names = sorted(f"{d.hex()[:2]}/{d.hex()[2:]}" for d in digests)
    record = RECORD.pack(1, 1, 1, 1, stat.S_IFREG | 0o444, 0)
    objects = Listing.of("".join(name + "\0" for name in names).encode(), record * 4)
    hashed = Batch(
        digests=bytes.fromhex("".join(name.replace("/", "") for name in names[:1])) + bytes(48),
        stats=record * 4,
        errors={1: errno.ENOENT, 2: errno.EIO},
        changed=[3],
        written=b"",
    )
    verdict = fsck.judge(objects, hashed)
    assert (verdict.sound, verdict.damaged, verdict.unreadable) == (1, [], [(names[2], errno.EIO)])


def test_shares_cover_everything_once_without_what_is_done(tmp_path):
    names = cache(tmp_path, *(str(number).encode() for number in range(300)))
    objects = walk(str(tmp_path))
    whole = [path for _, share in fsck.shares(objects, ()) for path in share.paths()]
    assert whole == sorted(names.values())
    done = {name[:2] for name in whole[:100]}
    parts = list(fsck.shares(objects, done))
    assert [path for _, share in parts for path in share.paths()] == [n for n in whole if n[:2] not in done]
    assert not done.intersection(prefix for prefixes, _ in parts for prefix in prefixes)


def test_large_caches_are_split_between_directories():
    values = sorted(f"{number:04x}" + "0" * 28 for number in range(0, 65536, 5))
    names = b"".join(f"{value[:2]}/{value[2:]}\0".encode() for value in values)
    objects = Listing.of(names, bytes(RECORD.size * len(values)))
    parts = list(fsck.shares(objects, ()))
    assert len(parts) > 2
    prefixes = [prefix for group, _ in parts for prefix in group]
    assert prefixes == sorted(set(prefixes))
    assert sum(len(share) for _, share in parts) == len(values)


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "-5", "many", "5 %"])
def test_nonsense_samples_are_refused(text):
    with pytest.raises(UsageError):
        fsck.sample_size(text, 100)


def test_a_sample_has_the_size_asked_for(tmp_path):
    names = cache(tmp_path, *(str(number).encode() for number in range(40)))
    whole = walk(str(tmp_path))
    (chosen,) = fsck.sampled([whole], "7")
    assert len(set(chosen.paths())) == 7
    assert set(chosen.paths()) <= set(names.values())
    several = fsck.sampled([whole, whole.select([]), whole], "7")
    assert sum(map(len, several)) == 7
    assert fsck.sampled([whole, whole], None) == [whole, whole]


def test_state_survives_writing_and_reading():
    state = fsck.State(base="/cache", started=100.0, done=["ab"], sound=3, unreadable=[("ab/cd", errno.EIO)])
    assert fsck.State.load(state.dump(), "/cache", now=200.0) == state


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"base": "/cache"', b'{"base": "/cache", "x": 1}'])
def test_a_state_that_cannot_be_read_means_a_fresh_check(text):
    assert fsck.State.load(text, "/cache", now=5.0) == fsck.State(base="/cache", started=5.0)


def test_the_state_of_another_cache_or_an_old_one_is_not_used():
    state = fsck.State(base="/cache", started=100.0, done=["ab"])
    assert fsck.State.load(state.dump(), "/other", now=200.0).done == []
    assert fsck.State.load(state.dump(), "/cache", now=100.0 + 8 * 24 * 3600).done == []

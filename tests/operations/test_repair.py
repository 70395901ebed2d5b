"""Moving damage aside; restoring is tested with the whole check in test_fsck.py."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path

from data_versioning import repo as repos
from data_versioning.operations import repair
from data_versioning.progress import SILENT


def store(repository: Path, content: bytes, *, wrong: bytes | None = None) -> str:
    digest = md5(content).hexdigest()
    key = f"files/md5/{digest[:2]}/{digest[2:]}"
    path = repository / ".dvc/cache" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content if wrong is None else wrong)
    path.chmod(0o444)
    return key


def treat(repository: Path, *suspects: str) -> tuple[repair.Damage, ...]:
    repo = repos.open(str(repository))
    return repair.treat(repo, suspects, set(suspects), dry_run=False, restore=False, progress=SILENT)[0]


def test_the_same_object_damaged_twice_is_kept_twice(repository: Path) -> None:
    places = []
    for wrong in (b"first", b"second"):
        key = store(repository, b"right", wrong=wrong)
        (found,) = treat(repository, key)
        assert found.quarantine
        places.append(repository / ".dvc/cache" / found.quarantine)
    assert [path.read_bytes() for path in places] == [b"first", b"second"]


def test_a_suspect_that_turned_out_right_stays(repository: Path) -> None:
    key = store(repository, b"right")
    gone = "files/md5/00/" + "0" * 30
    assert treat(repository, key, gone) == ()
    assert (repository / ".dvc/cache" / key).read_bytes() == b"right"


def test_quarantined_objects_nobody_needs_are_not_told_again(repository: Path) -> None:
    key = store(repository, b"right", wrong=b"wrong")
    assert [found.path for found in treat(repository, key)] == [key]
    assert treat(repository) == ()

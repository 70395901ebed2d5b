"""What must hold at every moment, whoever was killed when."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path


def md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def objects(store: Path) -> dict[str, Path]:
    """Object id -> file, for everything below `store`/files/md5 under a final name."""
    return {
        path.parent.name + path.name: path
        for path in (store / "files/md5").glob("??/*")
        if not path.name.startswith(".") and path.is_file()
    }


def assert_cache_trustworthy(cache: Path) -> None:
    """Whatever DVC trusts without hashing (mode 0444) is what its name says."""
    for name, path in objects(cache).items():
        if stat.S_IMODE(path.stat().st_mode) == 0o444:
            assert md5(path) == name.removesuffix(".dir"), f"{path} is trusted and wrong"


def assert_remote_sound(store: Path) -> None:
    """No wrong or partial object under a final name, and no directory object without its files."""
    present = objects(store)
    for name, path in present.items():
        assert md5(path) == name.removesuffix(".dir"), f"{path} on the remote is wrong or partial"
        if name.endswith(".dir"):
            missing = [entry for entry in json.loads(path.read_bytes()) if entry["md5"] not in present]
            assert not missing, f"{path} is on the remote without {missing[:3]}"


def contents(top: Path) -> dict[str, bytes]:
    """Every file below `top` with its bytes, tools' and Git's own files aside."""
    found = {}
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in (".git", ".dvc")]
        for name in files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = Path(path).read_bytes()
    return found


def assert_nothing_lost(before: Mapping[str, bytes], top: Path) -> None:
    """Every file that was there is still there, unchanged."""
    after = contents(top)
    lost = sorted(name for name, content in before.items() if after.get(name) != content)
    assert not lost, f"lost or damaged: {lost[:5]} of {len(lost)}"


def assert_nothing_half_written(wanted: Mapping[str, bytes], top: Path) -> None:
    """Every file below `top` that has a final name is complete."""
    for name, content in contents(top).items():
        if name in wanted:
            assert content == wanted[name], f"{name} is half written"
        else:
            assert name.endswith(".tmp"), f"{name} came from nowhere"


def assert_clean_failure(code: int, err: str) -> None:
    """A refusal is a sentence with a hint, not a traceback."""
    assert code not in (0, 1 << 8), err
    assert "Traceback" not in err, err
    assert "unexpected error" not in err.lower(), err
    assert "ERROR" in err, err

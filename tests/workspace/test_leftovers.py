"""What killed commands leave beside outputs goes after a day; nothing else does."""

from __future__ import annotations

import os
import time
from pathlib import Path

from data_versioning.localfs import atomic
from data_versioning.workspace import leftovers

DAY = leftovers.AGE + 1


def left(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = Path(atomic.temporary_name(str(directory)))
    path.write_text("half")
    os.utime(path, (0, 0))  # the time of the object whose link it was: means nothing
    return path


def sweep(root: Path, *outputs: str, later: float = DAY) -> list[str]:
    return leftovers.sweep(str(root), outputs, now=time.time() + later)


def test_old_ones_go(place: Path) -> None:
    paths = [left(place), left(place / "sub/deep"), left(place / "sub/deep")]
    link = Path(atomic.temporary_name(str(place / "sub/deep")))
    link.symlink_to("/nowhere")
    found = sweep(place, "model.pt", "sub/deep/a", "sub/deep/b", "gone/c")
    assert sorted(found) == sorted(os.path.relpath(path, place) for path in (*paths, link))
    assert not any(os.path.lexists(path) for path in (*paths, link))


def test_young_ones_may_belong_to_somebody(place: Path) -> None:
    path = left(place)
    assert sweep(place, "model.pt", later=DAY - 60) == []
    assert path.exists()


def test_only_where_outputs_are(place: Path) -> None:
    paths = [left(place), left(place / "sub"), left(place / "sub/deep")]
    sweep(place, "sub/a")
    assert [path.exists() for path in paths] == [True, False, True]


def test_other_names_stay(place: Path) -> None:
    token = "0123456789abcdef012345"
    names = [
        f"{token}.tmp",
        f".{token}",
        f".{token}0.tmp",
        f".{token.upper()}.tmp",
        ".mzXKPQrstuvwxyzABCDEFG.tmp",
        "a.tmp",
    ]
    for name in names:
        (place / name).write_text("mine")
    (place / f".{token}.tmp").mkdir()
    assert sweep(place, "model.pt") == []
    assert sorted(os.listdir(place)) == sorted([*names, f".{token}.tmp"])


def test_not_behind_links(place: Path) -> None:
    path = left(place / "outside")
    (place / "repo").mkdir()
    (place / "repo/link").symlink_to(place / "outside")
    assert sweep(place / "repo", "link/a") == []
    assert path.exists()


def test_what_the_system_refuses(place: Path) -> None:
    (place / "file").write_text("x")
    assert sweep(place, "file/a", "a") == []

"""Generated directory trees and edits, applied identically to several repositories.

A tree is a tuple of `Change`s. Paths name their parts by bytes (`str` with surrogates); a change that does not fit
what is there (say, a file where it wants a directory) replaces it.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hypothesis import strategies as st

MOMENT = 1_600_000_000  # seconds; every change gets its own modification time, so neither tool has to guess


class Kind(StrEnum):
    WRITE = "write"
    EXECUTABLE = "executable"
    DELETE = "delete"
    EMPTY_DIRECTORY = "empty directory"
    LINK = "link"
    TOUCH = "touch"


@dataclass(frozen=True, slots=True)
class Change:
    """One edit below a target; `content` is the bytes, or the target of a link."""

    kind: Kind
    path: str
    content: bytes = b""

    def __repr__(self) -> str:
        return (
            f"Change({self.kind.name}, {self.path!r}, {self.content[:60]!r}{'…' * (len(self.content) > 60)})"
        )


ODD_NAMES = (
    "a", "b", "a-b", "a b", " lead", "trail ", "quo'te", 'dou"ble', "new\nline", "tab\t", "-dash", "--", "#hash",
    "!bang", "[x]", "*", "?", "back\\slash", "$HOME", "~", "%41", "a:b", "a.dvc~", ".hidden", "..dots", "...",
    "caf\u00e9", "cafe\u0301", "\U0001f600", "\u0444\u0430\u0439\u043b", "\u2028", "\x7f", "\x01", "A", "con",
    "files", "tmp", "cache", "x.tmp", "data.tar.gz", "{brace}", "`cmd`", "&amp;", "null", "true", "1e3", "0o17",
)  # fmt: skip
UNDECODABLE = tuple(os.fsdecode(raw) for raw in (b"\xff", b"caf\xe9", b"\xed\xa0\x80", b"a\x80b"))
SHARED = (b"", b"a", b"shared\n", b"\r\ntext\r\n", b"\x00" * 64, bytes(range(256)), b"x" * 4096)

names = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.sampled_from(ODD_NAMES[:4]),
    st.text("ab-.0 _é", min_size=1, max_size=6).filter(lambda name: name not in (".", "..")),
)
contents = st.one_of(
    st.sampled_from(SHARED),
    st.binary(max_size=40),
    st.integers(0, 3000).map(lambda size: (b"%d\n" % size) * (size % 700)),
)
inner_paths = st.lists(names, min_size=1, max_size=4).map("/".join)
link_targets = st.sampled_from([b"<outside>/file", b"<outside>/file", b"<outside>/folder", b"."])


def changes(*, links: bool = False, executables: bool = True, paths: st.SearchStrategy[str] = inner_paths):
    """One edit of a tree."""
    kinds = [Kind.WRITE, Kind.WRITE, Kind.WRITE, Kind.DELETE, Kind.EMPTY_DIRECTORY, Kind.TOUCH]
    kinds += [Kind.EXECUTABLE] * executables
    plain = st.builds(Change, st.sampled_from(kinds), paths, contents)
    return (
        st.one_of(*[plain] * 5, st.builds(Change, st.just(Kind.LINK), paths, link_targets))
        if links
        else plain
    )


def trees(*, links: bool = False, executables: bool = True, paths: st.SearchStrategy[str] = inner_paths):
    """A new tree: mostly files, some empty directories and links."""
    kinds = [Kind.WRITE] * 6 + [Kind.EMPTY_DIRECTORY] + [Kind.EXECUTABLE] * executables
    plain = st.builds(Change, st.sampled_from(kinds), paths, contents)
    every = st.one_of(*[plain] * 7, st.builds(Change, st.just(Kind.LINK), paths, link_targets))
    return st.lists(every if links else plain, max_size=8).map(tuple)


@dataclass(slots=True)
class Editor:
    """Applies changes below several roots at once, all with the same modification times.

    `<outside>` in a link stands for the directory `outside` beside the root.
    """

    roots: tuple[Path, ...]
    ticks: int = 0

    def apply(self, target: str, *changes: Change) -> None:
        for change in changes:
            self.ticks += 1
            for root in self.roots:
                self._apply(root / target, change, str(root.parent / "outside"))

    def _apply(self, top: Path, change: Change, outside: str) -> None:
        path = top / change.path if change.path else top
        match change.kind:
            case Kind.DELETE:
                remove(path)
            case Kind.EMPTY_DIRECTORY:
                make_room(top, path)
                path.mkdir()
            case Kind.TOUCH:
                if path.is_file():
                    self._stamp(path)
            case Kind.LINK:
                make_room(top, path)
                path.symlink_to(os.fsdecode(change.content).replace("<outside>", outside))
            case Kind.WRITE | Kind.EXECUTABLE:
                make_room(top, path)
                path.write_bytes(change.content)
                path.chmod(0o755 if change.kind is Kind.EXECUTABLE else 0o644)
                self._stamp(path)

    def _stamp(self, path: Path) -> None:
        moment = (MOMENT + self.ticks) * 10**9
        os.utime(path, ns=(moment, moment))


def remove(path: Path) -> None:
    """Delete whatever is at `path`, never following a link."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def make_room(top: Path, path: Path) -> None:
    """Make the parents of `path`, replacing files and links among them, and free the place itself."""
    inner = path.relative_to(top).parts[:-1]
    parent = top if path != top else top.parent
    for directory in [parent, *(top.joinpath(*inner[: depth + 1]) for depth in range(len(inner)))]:
        if directory.is_symlink() or not directory.is_dir():
            remove(directory)
            directory.mkdir(parents=True)
    remove(path)

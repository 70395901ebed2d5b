"""The C extension. `threads` is from 1 to 64; `advance` is called with numbers of files while the call runs.

`Answer`: digests (16 bytes a name), stats (`walk.RECORD`), errnos (native int), marks (a byte of 1 = written,
2 = changed). -1 stands for no mode, empty bytes for no digests, or for nothing known about the targets (`seen`).
"""

from collections.abc import Callable

Answer = tuple[bytes, bytes, bytes, bytes]
Advance = Callable[[int], object] | None

def walk(root: bytes, prune_nested: bool, threads: int, /) -> tuple[bytes, bytes]: ...
def hash_files(root: bytes, names: bytes, threads: int, advance: Advance, /) -> Answer: ...
def store_files(
    root: bytes,
    names: bytes,
    objects: bytes,
    method: int,
    umask: int,
    directory_mode: int,
    threads: int,
    advance: Advance,
    /,
) -> Answer: ...
def copy_files(
    source_root: bytes,
    source_names: bytes,
    target_root: bytes,
    target_names: bytes,
    digests: bytes,
    mode: int,
    replace: bool,
    seen: bytes,
    threads: int,
    advance: Advance,
    /,
) -> Answer: ...
def link_files(
    source_root: bytes,
    source_names: bytes,
    target_root: bytes,
    target_names: bytes,
    kind: int,
    replace: bool,
    seen: bytes,
    threads: int,
    advance: Advance,
    /,
) -> Answer: ...
def chmod_files(root: bytes, names: bytes, mode: int, threads: int, /) -> bytes: ...
def remove_files(root: bytes, names: bytes, seen: bytes, threads: int, /) -> bytes: ...
def stat_files(root: bytes, names: bytes, threads: int, /) -> bytes: ...
def sync(path: bytes, /) -> None: ...
def choose_lanes(variant: str | None, /) -> str | None:
    """Hash with one variant of the code, None the fastest; returns its name, None when it does not run here."""

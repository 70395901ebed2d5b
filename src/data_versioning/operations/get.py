"""Copy files and data of another repository to this machine, without tracking them.

Data comes straight from where the other repository keeps it, each byte verified on its way. Everything is put
together beside the target and appears under its name complete or not at all; what was interrupted goes on where it
ended when the command is run again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from data_versioning.errors import Conflict, DiskError, NotTracked, PathError, StorageError, UsageError
from data_versioning.git.tree import CommitTree
from data_versioning.localfs import atomic, batch
from data_versioning.objects import oid as oids
from data_versioning.operations import contents as found_contents
from data_versioning.operations import external, sharing
from data_versioning.operations.contents import Contents, Held
from data_versioning.operations.external import ASKING, Asking
from data_versioning.operations.origin import Origin
from data_versioning.pipeline.stage import is_pointer_file
from data_versioning.progress import SILENT, Progress
from data_versioning.remotes import layout
from data_versioning.remotes import remote as remotes
from data_versioning.storage.base import FailureKind, Items

# How many files of Git, and how many bytes, are in memory at once (one file in any case).
_BATCH = 1000
_BATCH_BYTES = 64 << 20
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True, kw_only=True)
class GetOptions:
    """`out`: where to put it (a directory that exists: into it); `force`: replace what is there."""

    out: str | None = None
    force: bool = False
    jobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetResult:
    """Where it is now, and how much that is; `commit` is None when a directory was read as it is."""

    path: str
    is_dir: bool
    files: int
    commit: str | None


def get(
    origin: Origin,
    path: str,
    *,
    options: GetOptions = GetOptions(),
    asking: Asking = ASKING,
    progress: Progress = SILENT,
) -> GetResult:
    """Copy `path` of another repository to `options.out`, by default to its own name in the current directory.

    Raises `Conflict` when something is there already, unless `force`; `PathError`, `MissingObject`, `CorruptObject`.
    Raises `ServedByDvc` before anything is done when only `dvc` reaches the data.
    """
    sharing.check_jobs(options.jobs)
    target = destination(path, options.out, force=options.force)
    plain = external.clean(path)
    found_contents.refuse_pointer(plain)
    opened = external.open(origin, asking=asking)
    contents = found_contents.find(opened, plain)
    staging = _staging(target, origin, contents)
    progress.start(f"Getting {plain or origin.url}", files=len(contents.held) + len(contents.files))
    try:
        _copy_files(contents, staging, progress)
        _download(contents, staging, options.jobs, progress)
    except BaseException:
        with contextlib.suppress(OSError):
            os.rmdir(staging)  # nothing to go on with
        raise
    finally:
        progress.finish()
    _put(staging, target, is_dir=contents.is_dir)
    return GetResult(
        path=target,
        is_dir=contents.is_dir,
        files=len(contents.held) + len(contents.files),
        commit=opened.commit,
    )


def url(origin: Origin, path: str, *, asking: Asking = ASKING) -> str:
    """Return where the data of `path` lies on the remote of its repository; nothing is asked of the remote.

    Raises `NotTracked` for what is no data.
    """
    opened = external.open(origin, asking=asking)
    plain = external.clean(path)
    part = opened.part(plain)
    tracked = part.project.tracked(part.below(plain)) if plain else None
    if tracked is None or not tracked.output.cache:
        error = NotTracked(
            f"'{path}' is no data of '{origin.url}'", hint=f"dv list --dvc-only -R {origin.url}"
        )
        error.exit_code = NotTracked.exit_code  # as DVC
        raise error
    oid = found_contents.object_of(part, tracked)
    if tracked.path != part.below(plain):
        held = found_contents.find(opened, plain).held
        if len(held) != 1 or held[0].name:
            raise NotTracked(f"'{path}' is only a part of '{tracked.path}'", hint="name a file, or the whole")
        oid = held[0].oid
    (key,) = layout.keys([oid.value], legacy=oid.legacy)
    if part.cache is not None and not (tracked.output.remote or part.settings.get("core", "remote")):
        return f"{part.cache}/{key}"
    return f"{remotes.locate(part.settings, tracked.output.remote).url.rstrip('/')}/{key}"


def destination(path: str, out: str | None, *, force: bool) -> str:
    """Return where `path` goes: `out`, in it if that is a directory, or its own name here.

    Raises `Conflict` when something is there, unless `force`; `UsageError` when it has no name.
    """
    name = os.path.basename(os.path.normpath(path))
    target = os.path.join(out, name) if out and os.path.isdir(out) else out or name
    if os.path.basename(os.path.normpath(target)) in {"", ".", ".."}:
        raise UsageError(f"'{path}' has no name of its own here", hint="-o NAME says what to call it")
    if is_pointer_file(target):
        raise PathError(f"'{target}' is the name of a pointer file, not of data", hint="-o NAME")
    if os.path.lexists(target) and not force:
        raise Conflict(f"'{target}' exists already", hint="--force replaces it, -o PATH puts it elsewhere")
    return os.path.normpath(target)


def refuse_lfs(contents: Contents, name: str, content: bytes) -> None:
    """Raise `ServedByDvc` for a file that only names its content, which Git-LFS keeps."""
    if content.startswith(_LFS):
        raise external.handed_over(contents.part, f"'{contents.place(name)}' is kept by Git-LFS")


def committed_files(contents: Contents) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files that Git holds, some at a time; raises `ServedByDvc` for Git-LFS."""
    tree = contents.external.tree
    assert isinstance(tree, CommitTree)
    for names in _in_batches(contents, tree):
        for name, content in zip(
            names, tree.read_many([contents.place(name) for name in names]), strict=True
        ):
            refuse_lfs(contents, name, content)
            yield name, content


def _in_batches(contents: Contents, tree: CommitTree) -> Iterator[list[str]]:
    """Cut the files of a tree into groups that fit into memory."""
    names, size = list[str](), 0
    for name in contents.files:
        item = tree.item(contents.place(name))
        names.append(name)
        size += item.size if item else 0
        if len(names) == _BATCH or size > _BATCH_BYTES:
            yield names
            names, size = [], 0
    if names:
        yield names


def _staging(target: str, origin: Origin, contents: Contents) -> str:
    """Make the private directory beside the target in which it is put together; one from before is continued."""
    parent, name = os.path.split(os.path.abspath(target))
    objects = sorted((one.name, one.oid.value) for one in contents.held)
    facts = repr((origin.url, contents.path, contents.external.commit, objects))
    token = sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    staging = f"{parent}/.{name[:100]}.{token}.dv"
    try:
        atomic.make_directory(parent)
        if contents.external.commit is None and contents.files:
            shutil.rmtree(staging, ignore_errors=True)  # files on a disk may have changed since
        try:
            os.mkdir(staging, 0o700)
        except FileExistsError:
            there = os.lstat(staging)
            if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.getuid():
                raise PathError(f"'{staging}' is in the way", hint=f"rm -r '{staging}'") from None
    except OSError as error:
        raise DiskError(f"cannot write to '{parent}': {error.strerror}", hint=f"ls -ld '{parent}'") from error
    return staging


def _inside(name: str) -> str:
    """Return the path in the staging directory of a file inside the target."""
    return f"it/{name}" if name else "it"


def _pack(names: Sequence[str]) -> bytes:
    return b"".join([os.fsencode(_inside(name)) + b"\0" for name in names])


def _copy_files(contents: Contents, staging: str, progress: Progress) -> None:
    """Copy what is in the tree, not in a cache."""
    if not contents.files:
        return
    if contents.external.commit is not None:
        for name, content in committed_files(contents):
            place = f"{staging}/{_inside(name)}"
            atomic.make_directory(os.path.dirname(place))
            atomic.write(place, content, durable=False)
            progress.advance(1, len(content))
        return
    names = b"".join([os.fsencode(contents.place(name)) + b"\0" for name in contents.files])
    done = batch.copy_files(
        contents.external.root or "",
        names,
        staging,
        _pack(contents.files),
        mode=None,
        replace=True,
        advance=progress.advance,
    )
    for index, code in done.errors.items():
        raise DiskError(f"cannot copy '{contents.place(contents.files[index])}': {os.strerror(code)}")


def _download(contents: Contents, staging: str, jobs: int | None, progress: Progress) -> None:
    """Copy objects from wherever the other repository has them; those that are there already are complete."""
    for tracked, held in found_contents.groups(contents.held):
        left = [one for one in held if not os.path.lexists(f"{staging}/{_inside(one.name)}")]
        is_damaged = False
        for store in external.stores(contents.external, contents.part, tracked.output.remote) if left else ():
            failures = store.download(_items(left, staging), threads=jobs, advance=progress.advance).failures
            for at, (kind, reason) in failures.items():
                if kind is FailureKind.REFUSED:
                    raise StorageError(
                        f"'{contents.place(left[at].name)}' {reason}",
                        hint="run the command again: it goes on",
                    )
                is_damaged = is_damaged or kind is FailureKind.CORRUPT
            arrived = [one for at, one in enumerate(left) if at not in failures]
            left = [left[at] for at in failures] + _wrong_text(staging, arrived)
            if not left:
                break
        if left and is_damaged:
            raise found_contents.damaged(contents.place(left[0].name))
        if left:
            raise found_contents.lost(contents.part, tracked)


def _items(held: Sequence[Held], staging: str) -> Items:
    values, legacy = [one.oid.value for one in held], held[0].oid.legacy
    return Items(
        directory=staging,
        names=_pack([one.name for one in held]),
        keys=layout.packed_keys(values, legacy=legacy),
        digests=b"" if legacy else bytes.fromhex("".join(values)),
    )


def _wrong_text(staging: str, held: Sequence[Held]) -> list[Held]:
    """Return, and remove, files of DVC 2.x whose text hash is wrong: it cannot be checked on the way."""
    if not held or not held[0].oid.legacy:
        return []
    digests = batch.hash_files(staging, _pack([one.name for one in held]), text_mode=True).digests
    pairs = zip(held, oids.hex_digests(digests), strict=True)
    wrong = [one for one, digest in pairs if digest != one.oid.value[:32]]
    for one in wrong:
        atomic.remove(f"{staging}/{_inside(one.name)}")
    return wrong


def _put(staging: str, target: str, *, is_dir: bool) -> None:
    """Give what was put together its name; what was there goes only then."""
    made = f"{staging}/it"
    try:
        if is_dir:
            os.makedirs(made, exist_ok=True)
        batch.sync(staging)
        if os.path.lexists(target) and (is_dir or os.path.isdir(target)):
            os.rename(target, f"{staging}/old")
        os.rename(made, target)
        shutil.rmtree(staging)
    except OSError as error:
        raise DiskError(
            f"cannot write '{target}': {error.strerror}", hint=f"it is complete in '{made}'"
        ) from error

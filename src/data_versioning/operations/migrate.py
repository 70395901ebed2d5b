"""Bring data of DVC 2 (hashed as text, objects at the base of the cache) into the form of DVC 3.

Old objects stay where they are, as further names of the new ones: other revisions and repositories may need them until
`gc`. Everything may be interrupted and run again: what is done already is recognised by the links.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from data_versioning.errors import CorruptObject, FormatError, MissingObject, PathError
from data_versioning.formats import dirfile, dvcfile, lockfile
from data_versioning.localfs import batch, walk
from data_versioning.localfs.walk import Listing
from data_versioning.objects import gc, hashing
from data_versioning.objects import oid as oids
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import linking, pointers
from data_versioning.operations import loaded as loading
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline.stage import LOCK_FILE, PIPELINE_FILE, Dependency, Output, Stage
from data_versioning.progress import SILENT, Progress
from data_versioning.repo import Repo
from data_versioning.transaction import Change, Transaction
from data_versioning.workspace import scan, store

_BATCH = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateResult:
    """How many objects are new in the cache, and the pointer files that were rewritten; with `dry`, would be.

    `damaged` are old objects with wrong content, `incomplete` directories of which not all files are in the cache, and
    `left` outputs whose pointer stays as it is, because their content is neither in the cache nor in the workspace.
    """

    migrated: int
    files: tuple[RepoPath, ...] = ()
    damaged: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    dry: bool


@dataclass(slots=True)
class _Objects:
    """Old objects: those already migrated, by old name, and those that are not."""

    cache: ObjectCache
    new: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    trees: list[str] = field(default_factory=list)
    present: frozenset[str] = frozenset()  # objects of today
    damaged: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)

    @classmethod
    def find(cls, cache: ObjectCache) -> _Objects:
        """List the cache."""
        roots = {legacy: listing for _, listing, legacy in gc.roots(cache.base)}
        names = {inode: value for value, inode in _objects(roots.get(False))}
        found = cls(cache, present=frozenset(names.values()))
        for value, inode in _objects(roots.get(True)):
            if value.endswith(oids.DIRECTORY_SUFFIX):
                found.trees.append(value)
            elif inode in names:
                found.new[value] = names[inode]
            else:
                found.files.append(value)
        return found

    def adopt(self, progress: Progress) -> int:
        """Make the new objects, files before the directories that list them; return how many did not exist."""
        wrong = {self.files[at] for at in self.cache.missing(self.files, legacy=True)}
        self.damaged += sorted(wrong)
        sound = [value for value in self.files if value not in wrong]
        progress.start("Migrating", files=len(sound) + len(self.trees))
        for start in range(0, len(sound), _BATCH):
            part = sound[start : start + _BATCH]
            self.new |= self.cache.adopt(part)
            progress.advance(len(part))
        written = [
            self.cache.write_tree(content).value for content in self.listings() if not self._is_there(content)
        ]
        self.cache.seal(written)
        made = {self.new[value] for value in sound} | set(written)
        return len(made - self.present)

    def unfinished(self) -> int:
        """Return how many objects `adopt` would migrate."""
        rest = [content for content in self.listings() if not self._is_there(content)]
        return len(self.files) + len(rest) + len(self.incomplete)

    def listings(self) -> Iterator[bytes]:
        """Go through the directories with their new content, and remember their new names."""
        for value in self.trees:
            try:
                paths, values = self.cache.read_tree(ObjectId(value, legacy=True))
                content = dirfile.dump(paths, [self.new[one] for one in values])
            except (CorruptObject, FormatError, MissingObject):
                self.damaged.append(value)
            except KeyError:
                self.incomplete.append(value)
            else:
                self.new[value] = hashing.md5(content) + oids.DIRECTORY_SUFFIX
                yield content

    def _is_there(self, content: bytes) -> bool:
        return self.cache.has(ObjectId(hashing.md5(content) + oids.DIRECTORY_SUFFIX))


def _objects(listing: Listing | None) -> Iterator[tuple[str, int]]:
    """Return id and inode of each object in a root of the cache."""
    if listing is None:
        return
    inodes = memoryview(listing.stats).cast("Q")[:: walk.RECORD.size // 8]
    for name, inode in zip(listing.raw_paths(), inodes, strict=True):
        if gc.OBJECT_NAME.fullmatch(name):
            yield name.replace(b"/", b"").decode(), inode


def migrate(
    repo: Repo, *, dvc_files: bool = False, dry: bool = False, progress: Progress = SILENT
) -> MigrateResult:
    """Migrate all old objects of the cache; with `dvc_files` also what pointer files record.

    A pointer file goes on naming the same content: what was changed in the workspace since is not recorded.
    """
    if dry:
        objects = _Objects.find(repo.cache)
        stages = _stages(loading.load(repo)) if dvc_files else []
        files = tuple(sorted({_pointer_of(stage) for stage in stages}))
        return MigrateResult(migrated=objects.unfinished(), files=files, dry=True)
    with repo.transaction("migrate") as transaction:
        objects = _Objects.find(repo.cache)
        try:
            migrated = objects.adopt(progress)
        finally:
            progress.finish()
        left: list[str] = []
        if dvc_files:
            loaded = loading.load(repo)
            try:
                left = _Pointers(loaded, transaction, objects.new, progress).rewrite()
            finally:
                loaded.stats.save()
        files = tuple(edit.path for edit in transaction.commit())
    return MigrateResult(
        migrated=migrated,
        files=files,
        damaged=tuple(objects.damaged),
        incomplete=tuple(objects.incomplete),
        left=tuple(sorted(left)),
        dry=False,
    )


def _stages(loaded: Loaded) -> list[Stage]:
    """Return the stages that record anything as DVC 2 did; where an import came from counts as it is."""
    return [
        stage
        for stage in loaded.project.stages
        if any(_is_old(stage, out) for out in stage.outs)
        or (stage.name and any(_is_old(stage, dep) for dep in stage.deps))
    ]


def _is_old(stage: Stage, entry: Output | Dependency) -> bool:
    is_legacy = entry.md5 is not None and entry.hash is None
    return is_legacy and not entry.external and stage.located(entry.path) is not None


def _pointer_of(stage: Stage) -> RepoPath:
    return RepoPath(stage.file.removesuffix(PIPELINE_FILE) + LOCK_FILE) if stage.name else stage.file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What an entry records."""

    md5: str
    size: int
    nfiles: int | None


@dataclass(frozen=True, slots=True)
class _Pointers:
    """Rewrites what pointer files record, by the new names of old objects."""

    loaded: Loaded
    transaction: Transaction
    new: Mapping[str, str]
    progress: Progress

    def rewrite(self) -> list[str]:
        """Queue the edits; return the paths of outputs that cannot be migrated."""
        left = []
        for stage in _stages(self.loaded):
            found = {out.path: self._content(stage, out) for out in stage.outs if _is_old(stage, out)}
            if None in found.values():
                left += [stage.located(path) or path for path, content in found.items() if content is None]
                continue
            outs = {path: content for path, content in found.items() if content}
            for out in stage.outs:
                self._relink(stage, out)
            file = _pointer_of(stage)
            if stage.name:
                known = {dep.path: self._content(stage, dep) for dep in stage.deps if _is_old(stage, dep)}
                deps = {path: content for path, content in known.items() if content}
                self.transaction.edit(file, _change_lock(stage.name, file, outs, deps))
            else:
                for path, content in outs.items():
                    self.transaction.edit(file, pointers.change_output(path, file, _recorder(content)))
        return left

    def _content(self, stage: Stage, entry: Output | Dependency) -> _Content | None:
        """Return the same content in today's terms; None when it is neither in the cache nor in the workspace."""
        path = stage.located(entry.path) or RepoPath("")
        value = self.new.get(entry.md5 or "")
        if value is not None:
            return self._in_cache(value)
        snapshot = self._unchanged(path, entry)
        if snapshot is None:
            return None
        scanner = self.loaded.scanner(progress=self.progress)
        if isinstance(entry, Output) and entry.cache:
            found = store.put(scanner, path, self.loaded.repo.cache, kind=loading.link_kind(self.loaded.repo))
        else:
            found = scan.look(scanner, path) or snapshot
        return _Content(
            md5=found.oid.value, size=found.size, nfiles=len(found.listing) if found.is_dir else None
        )

    def _in_cache(self, value: str) -> _Content:
        cache = self.loaded.repo.cache
        oid = ObjectId(value)
        if not oid.is_dir:
            return _Content(md5=value, size=os.stat(cache.path(oid)).st_size, nfiles=None)
        _, values = cache.read_tree(oid)
        names = oids.names(values)
        size = Listing.of(names, batch.stat_files(cache.root(), names)).sizes()
        return _Content(md5=value, size=size, nfiles=len(values))

    def _unchanged(self, path: RepoPath, entry: Output | Dependency) -> scan.Snapshot | None:
        """Return what the workspace holds if that is what is recorded."""
        try:
            found = scan.look(self.loaded.scanner(legacy=True, progress=self.progress), path)
        except PathError:
            return None
        return found if found and found.oid.value == entry.md5 else None

    def _relink(self, stage: Stage, out: Output) -> None:
        """Let symbolic links lead to the new objects: `gc` will remove the old ones."""
        path = stage.located(out.path) or RepoPath("")
        found = self._unchanged(path, out) if out.cache and _is_old(stage, out) else None
        if found is None or not any(
            found.listing.stat(at).flags & walk.SYMLINK for at in range(len(found.listing))
        ):
            return
        snapshot = scan.look(self.loaded.scanner(progress=self.progress), path)
        if snapshot is not None:
            linking.relink(self.loaded, path, snapshot, loading.link_kind(self.loaded.repo))


def _recorder(content: _Content) -> Callable[[dvcfile.Output], dvcfile.Output]:
    return lambda output: _recorded(output, content)


def _recorded(output: dvcfile.Output, content: _Content) -> dvcfile.Output:
    return replace(output, md5=content.md5, hash="md5", size=content.size, nfiles=content.nfiles)


def _change_lock(
    name: str, file: RepoPath, outs: Mapping[str, _Content], deps: Mapping[str, _Content]
) -> Change:
    def edit(before: bytes | None) -> bytes | None:
        if before is None:
            return None
        text = before.decode("utf-8", "surrogateescape")
        locked = lockfile.parse(text, file=file)[name]
        changed = replace(
            locked,
            outs=tuple(_recorded(out, outs[out.path]) if out.path in outs else out for out in locked.outs),
            deps=tuple(
                replace(dep, md5=found.md5, hash="md5", size=found.size, nfiles=found.nfiles)
                if (found := deps.get(dep.path))
                else dep
                for dep in locked.deps
            ),
        )
        return os.fsencode(lockfile.update(text, name, changed, file=file))

    return edit

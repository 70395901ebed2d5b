"""Files of the workspace or of a revision; what is not there, but tracked, is read from the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from data_versioning.errors import DataVersioningError, MissingObject, PathError
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.paths import RepoPath, parents
from data_versioning.source import Source


class Files(NamedTuple):
    """`below` lists all files in a directory of `source`; `tracked` are the objects of outputs by path."""

    source: Source
    below: Callable[[str], Iterable[str]]
    tracked: Mapping[str, ObjectId]
    cache: ObjectCache

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory, tracked or not."""
        return self.source.exists(RepoPath(path)) or self._output(path) is not None

    def expand(self, path: str) -> list[str]:
        """Return the files in a directory, sorted; `path` itself when it is a file, missing or unreadable."""
        found = set(self.below(path))
        if (output := self._output(path)) and self.tracked[output].is_dir:
            try:
                names = self.cache.read_tree(self.tracked[output])[0]
            except DataVersioningError:
                names = []
            inside = (f"{output}/{name}" for name in names)
            found.update(name for name in inside if name.startswith(f"{path}/"))
        return sorted(found) or [path]

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Raises `PathError` when there is none, `MissingObject` when it is tracked, but neither here nor in the cache.
        """
        try:
            return self.source.read(RepoPath(path))
        except FileNotFoundError:
            return self._cached(path)
        except IsADirectoryError:
            raise PathError(f"'{path}' is a directory, not a file", hint=f"ls {path}") from None

    def _output(self, path: str) -> str | None:
        return next((place for place in (path, *parents(path)) if place in self.tracked), None)

    def _cached(self, path: str) -> bytes:
        output = self._output(path)
        if output is None:
            raise PathError(f"'{path}' does not exist", hint="dv repro   runs what makes it")
        try:
            return self.cache.read(self._object(output, path))
        except MissingObject:
            raise MissingObject(
                f"'{path}' is tracked, but its content is not in the cache",
                hint=f"dv pull {output}   or, for other revisions: dv fetch --all-commits",
            ) from None

    def _object(self, output: str, path: str) -> ObjectId:
        oid = self.tracked[output]
        if path == output:
            if oid.is_dir:
                raise PathError(f"'{path}' is a directory, not a file", hint=f"dv list . {path}")
            return oid
        listing = dict(zip(*self.cache.read_tree(oid), strict=True)) if oid.is_dir else {}
        if (digest := listing.get(path[len(output) + 1 :])) is None:
            raise PathError(f"'{path}' does not exist", hint=f"dv list . {output}")
        return ObjectId(digest, oid.legacy)

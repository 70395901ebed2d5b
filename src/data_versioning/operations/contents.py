"""What a path of another repository holds: files in its tree, and data that it only names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from data_versioning.errors import CorruptObject, MissingObject, PathError
from data_versioning.objects.oid import ObjectId, parse
from data_versioning.operations import external as externals
from data_versioning.operations.external import External, Part
from data_versioning.pipeline.project import Tracked
from data_versioning.pipeline.stage import is_pointer_file
from data_versioning.remotes import wanted
from data_versioning.workspace import checkout


class Held(NamedTuple):
    """One file whose content is an object: its name inside the path ("" for the path itself)."""

    name: str
    oid: ObjectId
    tracked: Tracked


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All files at or below a path; `whole` is the output that the path is, if it is exactly one."""

    external: External
    part: Part
    path: str
    is_dir: bool
    held: tuple[Held, ...] = ()
    files: tuple[str, ...] = ()  # names, inside the path, of files in the tree
    whole: Tracked | None = None

    def place(self, name: str) -> str:
        """Return the path in the other repository of a file inside."""
        return "/".join(filter(None, (self.path, name)))


def find(external: External, path: str) -> Contents:
    """Return what `path` (see `external.clean`) holds; listings of directories are read from where the data is.

    Raises `PathError` when there is no such path, `MissingObject` without a listing, `ServedByDvc`.
    """
    part = external.part(path)
    tracked = _tracked(part, path)
    if tracked is not None:
        return _of_output(external, part, path, tracked)
    item = external.tree.item(path)
    below = [output for output in outputs_below(part, path) if output.output.md5 or output.output.digest]
    if item is None and not below:
        raise externals.missing(external, path)
    if item is not None and not item.is_dir:
        return Contents(external=external, part=part, path=path, is_dir=False, files=("",))
    cut = len(path) + 1 if path else 0
    held = [
        one._replace(name=f"{_at(part, output.path)[cut:]}/{one.name}".rstrip("/"))
        for output in below
        for one in _held(external, part, output)
    ]
    files = [name[cut:] for name in _files(external, part, path)]
    return Contents(
        external=external, part=part, path=path, is_dir=True, held=tuple(held), files=tuple(files)
    )


def outputs_below(part: Part, path: str) -> list[Tracked]:
    """Return the outputs that lie below a directory and are kept in the cache."""
    inside = part.below(path) if path else ""
    prefix = f"{inside}/" if inside else ""
    return [item for item in part.project.outputs() if item.output.cache and item.path.startswith(prefix)]


def read_tree(external: External, part: Part, tracked: Tracked) -> tuple[list[str], list[str]]:
    """Return the listing of a directory: the paths inside it and the digest of each file.

    Raises `MissingObject` when no store of the other repository has it, `ServedByDvc`, `FormatError` when hostile.
    """
    oid = object_of(part, tracked)
    for store in externals.stores(external, part, tracked.output.remote):
        try:
            return wanted.read_tree(oid, store)
        except (MissingObject, CorruptObject):
            continue
    raise lost(part, tracked)


def object_of(part: Part, tracked: Tracked) -> ObjectId:
    """Return the object of an output; raises `ServedByDvc` for what is kept in other ways."""
    output = tracked.output
    if output.is_versioned:
        raise externals.handed_over(part, f"'{tracked.path}' is kept on a remote with versions of its own")
    if output.md5 is None:
        raise lost(part, tracked)
    return parse(output.md5, legacy=output.is_legacy)


def lost(part: Part, tracked: Tracked) -> Exception:
    """Return the error for data that its repository names, but nobody has."""
    if tracked.stage.is_import:
        return externals.handed_over(part, f"'{tracked.path}' was itself imported from elsewhere")
    error = MissingObject(
        f"the data of '{tracked.path}' is neither in the cache nor on the remote of the other repository",
        hint="dv push, in the repository that has it",
    )
    error.exit_code = MissingObject.exit_code
    return error


def damaged(place: str) -> Exception:
    """Return the error for data whose content is wrong wherever it was found."""
    error = CorruptObject(
        f"'{place}' is damaged where the other repository keeps it", hint="dv fsck, in that repository"
    )
    error.exit_code = CorruptObject.exit_code
    return error


def _tracked(part: Part, path: str) -> Tracked | None:
    """Return the output that is, or as a directory contains, `path`."""
    inside = part.below(path)
    found = part.project.tracked(inside) if inside else None
    if found is None or not found.output.cache:
        return None
    return found if found.path == inside or found.output.is_dir else None


def _of_output(external: External, part: Part, path: str, tracked: Tracked) -> Contents:
    inside = part.below(path)
    held = _held(external, part, tracked)
    if inside == tracked.path:
        is_dir = object_of(part, tracked).is_dir
        return Contents(
            external=external, part=part, path=path, is_dir=is_dir, held=tuple(held), whole=tracked
        )
    inner = inside[len(tracked.path) + 1 :]
    names = set(checkout.within([one.name for one in held], inner))
    chosen = [one._replace(name=one.name[len(inner) + 1 :]) for one in held if one.name in names]
    if not chosen:
        raise externals.missing(external, path)
    return Contents(external=external, part=part, path=path, is_dir=bool(chosen[0].name), held=tuple(chosen))


def _held(external: External, part: Part, tracked: Tracked) -> list[Held]:
    oid = object_of(part, tracked)
    if not oid.is_dir:
        return [Held("", oid, tracked)]
    names, values = read_tree(external, part, tracked)
    return [
        Held(name, ObjectId(value, oid.legacy), tracked) for name, value in zip(names, values, strict=True)
    ]


def _at(part: Part, path: str) -> str:
    return "/".join(filter(None, (part.prefix, path)))


def _files(external: External, part: Part, path: str) -> Iterator[str]:
    """Yield the files of the tree below a directory, without pointer files and what is tracked data."""
    outputs = {_at(part, output.path) for output in part.project.outputs() if output.output.cache}
    pending = [path]
    while pending:
        directory = pending.pop()
        for name, item in external.tree.items(directory).items():
            place = f"{directory}/{name}" if directory else name
            if place in outputs or external.is_hidden(part, place, is_dir=item.is_dir):
                continue
            if item.is_dir:
                pending.append(place)
            elif not is_pointer_file(name) and name != ".dvcignore":
                yield place


def refuse_pointer(path: str) -> None:
    """Raise `PathError` for a pointer file, where its data is meant."""
    if is_pointer_file(path):
        raise PathError(
            f"'{path}' is a pointer file, not data", hint=f"name the data: {path.removesuffix('.dvc')}"
        )


def groups(held: Sequence[Held]) -> Iterator[tuple[Tracked, list[Held]]]:
    """Yield files that are to be looked for in the same places, with one of the outputs they belong to."""
    found: dict[tuple[bool, str | None, bool], list[Held]] = {}
    for one in held:
        key = (one.oid.legacy, one.tracked.output.remote, one.tracked.stage.is_import)
        found.setdefault(key, []).append(one)
    for members in found.values():
        yield members[0].tracked, members

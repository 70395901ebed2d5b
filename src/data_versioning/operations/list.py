"""List what another repository, or this one, holds: files in Git and data side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from data_versioning.operations import contents, external
from data_versioning.operations.external import ASKING, Asking, External, Part
from data_versioning.operations.origin import Origin
from data_versioning.paths import parents
from data_versioning.pipeline.project import Tracked
from data_versioning.source import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file or directory; `size` and `md5` are None where the repository does not tell."""

    path: str
    is_out: bool
    is_dir: bool
    is_executable: bool = False
    size: int | None = None
    md5: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A directory or file with what lies in it, as far as it was asked for, by name."""

    entry: Listed
    contents: Mapping[str, Branch] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """`level`: how many directories deep, None for all; `dvc_only`: leave out what only Git tracks."""

    recursive: bool = False
    dvc_only: bool = False
    level: int | None = None


@dataclass(slots=True)
class _View:
    """Tree and outputs of one project, seen together; listings are read once, when a directory is entered."""

    external: External
    part: Part
    dvc_only: bool
    listings: dict[str, dict[str, dict[str, str | None]]] = field(default_factory=dict)
    below: dict[str, dict[str, Tracked | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for item in self.part.project.outputs():
            if item.output.cache:
                place: Tracked | None = item
                for path in (item.path, *parents(item.path)):
                    directory, _, name = path.rpartition("/")
                    self.below.setdefault(directory, {}).setdefault(name, place)
                    place = None


def list_entries(
    origin: Origin, path: str = "", *, options: ListOptions = ListOptions(), asking: Asking = ASKING
) -> list[Listed]:
    """Return what lies in the directory `path` (below it, when recursive), or the file that it is, sorted.

    Raises `PathError` when there is no such path.
    """
    view, plain = _opened(origin, path, options, asking)
    top = _require(view, plain)
    level = options.level if options.recursive else None
    if not top.is_dir or level == 0:
        return [_named(top, plain.rpartition("/")[2] or ".")]
    depth = 1 if not options.recursive else level
    found: list[Listed] = []
    pending = [("", 1)]
    while pending:
        directory, at = pending.pop()
        for name, entry in _children(view, _joined(plain, directory)).items():
            inner = _joined(directory, name)
            if entry.is_dir and (depth is None or at < depth):
                pending.append((inner, at + 1))
            else:
                found.append(_named(entry, inner))
    return sorted(found, key=lambda entry: entry.path)


def list_tree(
    origin: Origin, path: str = "", *, options: ListOptions = ListOptions(), asking: Asking = ASKING
) -> Branch:
    """Return `path` with everything below it, `options.level` directories deep."""
    view, plain = _opened(origin, path, options, asking)
    return _branch(view, plain, _named(_require(view, plain), path or "."), options.level)


def _branch(view: _View, path: str, entry: Listed, level: int | None) -> Branch:
    if not entry.is_dir or level == 0:
        return Branch(entry=entry)
    deeper = None if level is None else level - 1
    inside = sorted(_children(view, path).items())
    return Branch(
        entry=entry,
        contents={name: _branch(view, _joined(path, name), inner, deeper) for name, inner in inside},
    )


def _opened(origin: Origin, path: str, options: ListOptions, asking: Asking) -> tuple[_View, str]:
    opened = external.open(origin, asking=asking)
    plain = external.clean(path)
    return _View(opened, opened.part(plain), options.dvc_only), plain


def _require(view: _View, path: str) -> Listed:
    found = _merged(view, path, view.external.tree.item(path))
    if found is None:
        error = external.missing(view.external, path)
        error.exit_code = 1
        raise error
    return found


def _children(view: _View, directory: str) -> dict[str, Listed]:
    inside = view.part.below(directory) if directory else ""
    names: dict[str, Item | None] = {}
    if not view.dvc_only:
        names |= {
            name: item
            for name, item in view.external.tree.items(directory).items()
            if not view.external.is_hidden(view.part, _joined(directory, name), is_dir=item.is_dir)
        }
    names |= {name: names.get(name) for name in view.below.get(inside, {})}
    names |= {name: names.get(name) for name in _recorded_names(view, inside)}
    found = {name: _merged(view, _joined(directory, name), item) for name, item in names.items()}
    return {name: entry for name, entry in found.items() if entry is not None}


def _merged(view: _View, path: str, item: Item | None) -> Listed | None:
    """Return what tree and outputs say of a path together; None when neither knows it."""
    inside = view.part.below(path)
    tracked = view.part.project.tracked(inside) if inside else None
    if tracked is not None and not tracked.output.cache:
        tracked = None
    recorded = _recorded(view, inside, tracked) if tracked else None
    if recorded is None and inside in view.below:
        recorded = Listed(path=path, is_out=False, is_dir=True)
    if item is None:
        return recorded
    return Listed(
        path=path,
        is_out=recorded is not None and recorded.is_out,
        is_dir=item.is_dir,
        is_executable=item.is_executable,
        size=item.size,
        md5=recorded.md5 if recorded else None,
    )


def _recorded(view: _View, inside: str, tracked: Tracked) -> Listed | None:
    """Return what an output says of a path at or in it."""
    output = tracked.output
    if tracked.path == inside:
        return Listed(path=inside, is_out=True, is_dir=output.is_dir, size=output.size, md5=output.md5)
    if not output.is_dir:
        return None
    directory, _, name = inside[len(tracked.path) + 1 :].rpartition("/")
    inner = _listing(view, tracked).get(directory, {})
    if name not in inner:
        return None
    return Listed(path=inside, is_out=True, is_dir=inner[name] is None, md5=inner[name])


def _recorded_names(view: _View, inside: str) -> Iterable[str]:
    """Return the names that lie directly in a directory which is, or is inside, an output."""
    tracked = view.part.project.tracked(inside) if inside else None
    if tracked is None or not tracked.output.cache or not tracked.output.is_dir:
        return ()
    return _listing(view, tracked).get(inside[len(tracked.path) + 1 :], {})


def _listing(view: _View, tracked: Tracked) -> dict[str, dict[str, str | None]]:
    """Return the directories of an output: what lies in each, by name, with the digests of files."""
    found = view.listings.get(tracked.path)
    if found is None:
        found = view.listings[tracked.path] = {}
        for path, value in zip(*contents.read_tree(view.external, view.part, tracked), strict=True):
            digest: str | None = value
            for place in (path, *parents(path)):
                directory, _, name = place.rpartition("/")
                found.setdefault(directory, {}).setdefault(name, digest)
                digest = None
    return found


def _named(entry: Listed, path: str) -> Listed:
    return replace(entry, path=path)


def _joined(directory: str, name: str) -> str:
    return "/".join(filter(None, (directory, name)))

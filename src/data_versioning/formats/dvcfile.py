"""`.dvc` files: one YAML document that names outputs and, for imports, where they came from.

Keys, their order and their defaults are DVC's; a key outside the format is an error, as it is for DVC.
`update` keeps comments, order and quoting of what did not change.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data_versioning import formats, paths
from data_versioning.formats import yamltext
from data_versioning.formats.fields import Fields
from data_versioning.formats.scalars import is_text

_CLOUD_KEYS = ("etag", "checksum", "version_id")
CONTENT_KEYS = frozenset({"md5", "etag", "checksum", "size", "nfiles", "isexec", "version_id"})
_FILE_KEYS = CONTENT_KEYS | {"relpath", "cloud"}
_ENTRY_KEYS = CONTENT_KEYS | {"path", "persist", "cloud", "hash", "files", "fs_config"}
_OUTPUT_KEYS = _ENTRY_KEYS | {"desc", "type", "labels", "meta", "cache", "remote", "push"}
_DEPENDENCY_KEYS = _ENTRY_KEYS | {"repo", "db"}
_TOP_KEYS = frozenset({"md5", "wdir", "deps", "outs", "locked", "frozen", "meta", "always_changed", "desc"})
_REPO_KEYS = ("url", "rev", "rev_lock", "config", "remote")
_DB_KEYS = ("query", "connection", "file_format", "table")
# What DVC writes for one file or directory that was added; anything else is left to the YAML reader.
_ADDED = re.compile(
    r"outs:\n- md5: ([0-9a-f]{32}(?:\.dir)?)\n  size: (0|[1-9][0-9]{0,17})\n(?:  nfiles: ([1-9][0-9]{0,17})\n)?"
    r"  hash: md5\n  path: ([A-Za-z0-9_][A-Za-z0-9_./@%+=,-]*)\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a stage makes; `path` is relative to the stage's working directory."""

    path: str
    md5: str | None = None  # ends in ".dir" for a directory
    etag: str | None = None
    checksum: str | None = None
    version_id: str | None = None
    size: int | None = None  # bytes, of all files together
    nfiles: int | None = None  # directories only
    isexec: bool = False  # single files only
    hash: str | None = "md5"  # None: written by DVC 2, md5 is taken with "\r\n" as "\n"
    cloud: str | None = None  # the remote under whose name etag, checksum and version_id are written
    files: tuple[Mapping[str, object], ...] | None = None  # stands in for md5, size and nfiles
    fs_config: Mapping[str, object] | None = None
    cache: bool = True
    persist: bool = False
    push: bool = True
    remote: str | None = None
    desc: str | None = None
    type: str | None = None
    labels: tuple[str, ...] = ()
    meta: object = None

    @property
    def digest(self) -> str | None:
        """What identifies the content: an md5, or the id that a cloud gave it."""
        return _digest(self)

    @property
    def is_dir(self) -> bool:
        """Whether the content is a directory."""
        return _is_dir(self)

    @property
    def is_legacy(self) -> bool:
        """Whether the content is named as DVC 2 did."""
        return self.md5 is not None and self.hash is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """What a stage reads: a path, a URL, a path in another repository (`repo`) or a query (`db`)."""

    path: str = ""  # empty only with `db`
    md5: str | None = None
    etag: str | None = None
    checksum: str | None = None
    version_id: str | None = None
    size: int | None = None
    nfiles: int | None = None
    isexec: bool = False
    hash: str | None = "md5"
    cloud: str | None = None
    files: tuple[Mapping[str, object], ...] | None = None
    fs_config: Mapping[str, object] | None = None
    repo: Mapping[str, object] | None = None
    db: Mapping[str, object] | None = None
    dataset: Mapping[str, object] | None = None  # in dvc.lock only: what `path`, "ds://name", was

    @property
    def digest(self) -> str | None:
        """What identifies the content: an md5, or the id that a cloud gave it."""
        return _digest(self)

    @property
    def is_dir(self) -> bool:
        """Whether the content is a directory."""
        return _is_dir(self)

    @property
    def is_legacy(self) -> bool:
        """Whether the content is named as DVC 2 did."""
        return self.md5 is not None and self.hash is None


@dataclass(frozen=True, slots=True, kw_only=True)
class DvcFile:
    """All of one `.dvc` file."""

    outs: tuple[Output, ...] = ()
    deps: tuple[Dependency, ...] = ()
    desc: str | None = None
    md5: str | None = None  # of the stage, imports only; see `stage_checksum`
    wdir: str = "."
    frozen: bool = False
    always_changed: bool = False
    meta: object = None


def _digest(entry: Output | Dependency) -> str | None:
    if entry.files and entry.md5 is None:
        return formats.checksums.tree_digest(entry.files)
    return entry.md5 or entry.etag or entry.checksum


def _is_dir(entry: Output | Dependency) -> bool:
    return bool(entry.files or entry.nfiles or (entry.md5 or "").endswith(".dir"))


def parse(text: str, *, file: str) -> DvcFile:
    """Read a `.dvc` file; `FormatError` names the line of what is wrong."""
    if (added := _ADDED.fullmatch(text)) and is_text(added[1]) and is_text(added[4]):
        md5, size, nfiles, path = added.groups()
        count = int(nfiles) if nfiles else None
        return DvcFile(outs=(Output(path=path, md5=md5, size=int(size), nfiles=count),))
    top = Fields(yamltext.read_mapping(text, file=file), _TOP_KEYS, text=text, file=file)
    return DvcFile(
        outs=tuple(_output(fields) for fields in top.items("outs", _OUTPUT_KEYS)),
        deps=tuple(_dependency(fields) for fields in top.items("deps", _DEPENDENCY_KEYS)),
        desc=top.string("desc"),
        md5=top.checksum("md5"),
        wdir="." if top.values.get("wdir") is None else posixpath.normpath(top.path("wdir")),
        frozen=top.flag("frozen", default=False) or top.flag("locked", default=False),
        always_changed=top.flag("always_changed", default=False),
        meta=top.values.get("meta"),
    )


def read_content(fields: Fields) -> dict[str, Any]:
    """Return the fields that outputs, dependencies and locked entries share, `cloud` merged in."""
    name, cloud = None, fields
    for name in fields.mapping("cloud") or ():
        place = (*fields.place, "cloud", name)
        if len(fields.mapping("cloud") or ()) > 1 or not isinstance(name, str):
            raise fields.wrong("one remote name is expected", "cloud")
        cloud = Fields(
            (fields.mapping("cloud") or {})[name],
            CONTENT_KEYS,
            text=fields.text,
            file=fields.file,
            place=place,
        )

    def holder(key: str) -> Fields:
        return cloud if key in cloud.values else fields

    return {
        "md5": holder("md5").checksum("md5"),
        "etag": holder("etag").checksum("etag", lower=False),
        "checksum": holder("checksum").checksum("checksum"),
        "version_id": holder("version_id").string("version_id"),
        "size": holder("size").number("size"),
        "nfiles": holder("nfiles").number("nfiles"),
        "isexec": holder("isexec").flag("isexec", default=False),
        "hash": fields.string("hash"),
        "cloud": name,
        "files": _files(fields) if "files" in fields.values else None,
    }


def _files(fields: Fields) -> tuple[Mapping[str, object], ...]:
    names, found = [], []
    for item in fields.items("files", _FILE_KEYS):
        names.append(item.path("relpath"))
        read_content(item)
        if not paths.is_possible(names[-1]):
            raise item.wrong("it cannot be the name of a file", "relpath")
        found.append(item.values)
    if (bad := paths.first_bad(names)) is not None:
        raise fields.wrong(f"{bad!r} is not a path inside the directory", "files")
    if len(set(names)) < len(names):
        raise fields.wrong("a file appears twice", "files")
    return tuple(found)


def _output(fields: Fields) -> Output:
    return Output(
        path=fields.path("path"),
        **read_content(fields),
        fs_config=fields.mapping("fs_config"),
        cache=fields.flag("cache", default=True),
        persist=fields.flag("persist", default=False),
        push=fields.flag("push", default=True),
        remote=fields.string("remote"),
        desc=fields.string("desc"),
        type=fields.string("type"),
        labels=fields.strings("labels"),
        meta=fields.values.get("meta"),
    )


def _dependency(fields: Fields) -> Dependency:
    repo, db = fields.mapping("repo"), fields.mapping("db")
    if repo is not None:
        inner = Fields(repo, _REPO_KEYS, text=fields.text, file=fields.file, place=(*fields.place, "repo"))
        inner.path("url")
        inner.string("rev"), inner.string("rev_lock")
    if db is not None:
        Fields(db, _DB_KEYS, text=fields.text, file=fields.file, place=(*fields.place, "db"))
    return Dependency(
        path="" if db is not None and "path" not in fields.values else fields.path("path"),
        **read_content(fields),
        fs_config=fields.mapping("fs_config"),
        repo=repo,
        db=db,
    )


def dump(dvcfile: DvcFile) -> str:
    """Return the text of a new file."""
    return yamltext.write(_mapping(dvcfile))


def update(text: str, dvcfile: DvcFile, *, file: str = "") -> str:
    """Return `text` changed so that it says the same as `dvcfile`."""
    return yamltext.edit(text, _mapping(dvcfile), file=file)


def stage_checksum(dvcfile: DvcFile) -> str:
    """Return the md5 that an import's file carries, by which DVC sees that the file was changed by hand."""
    return formats.checksums.stage_checksum(_mapping(dvcfile))


def output_entry(output: Output) -> dict[str, object]:
    """Return `output` as an item of `outs` in a `.dvc` file."""
    options = {
        **_filled(output, ("fs_config", "desc", "type")),
        **({"labels": list(output.labels)} if output.labels else {}),
        **_filled(output, ("meta",)),
        **({} if output.cache else {"cache": False}),
        **_filled(output, ("persist", "remote")),
        **({} if output.push else {"push": False}),
    }
    return _entry(output, options)


def lock_entry(entry: Output | Dependency) -> dict[str, object]:
    """Return `entry` as an item of `deps` or `outs` in `dvc.lock`, where `hash` comes before the checksum."""
    if isinstance(entry, Dependency) and entry.dataset is not None:
        return {"path": entry.path, "dataset": dict(entry.dataset)}
    files = entry.files is not None
    content = {"files": [dict(item) for item in entry.files or ()]} if files else _content(entry)
    return {"path": entry.path, **_filled(entry, ("hash",)), **content}


def _dependency_entry(entry: Dependency) -> dict[str, object]:
    if entry.db is not None:
        found = {key: entry.db[key] for key in _DB_KEYS if entry.db.get(key)}
        return {"db": found} if found else {}
    if entry.repo is not None:
        return {
            "path": entry.path,
            "repo": {key: entry.repo[key] for key in _REPO_KEYS if entry.repo.get(key)},
        }
    return _entry(entry, _filled(entry, ("fs_config",)))


def _entry(entry: Output | Dependency, options: Mapping[str, object]) -> dict[str, object]:
    head = {} if entry.files is not None else _content(entry)
    tail = {} if entry.files is None else {"files": [dict(item) for item in entry.files]}
    return {**head, **_filled(entry, ("hash",)), "path": entry.path, **options, **tail}


def _content(entry: Output | Dependency) -> dict[str, object]:
    leading = ("md5",) if isinstance(entry, Output) else ("md5", "etag", "checksum")
    first = next((key for key in leading if getattr(entry, key)), "md5")
    ids = _filled(entry, ("version_id", "etag", "checksum"))
    found = {} if entry.cloud and first != "md5" else _filled(entry, (first,))
    for key in ("size", "nfiles"):
        if getattr(entry, key) is not None:
            found[key] = getattr(entry, key)
    found |= _filled(entry, ("isexec",))
    if entry.cloud and ids:
        return found | {"cloud": {entry.cloud: _filled(entry, _CLOUD_KEYS)}}
    return found | ids


def _filled(entry: Output | Dependency, keys: Iterable[str]) -> dict[str, object]:
    return {key: value for key in keys if (value := getattr(entry, key))}


def _mapping(dvcfile: DvcFile) -> dict[str, object]:
    values = {
        "desc": dvcfile.desc,
        "md5": dvcfile.md5,
        "wdir": None if dvcfile.wdir == "." else dvcfile.wdir,
        "frozen": dvcfile.frozen,
        "deps": [_dependency_entry(entry) for entry in dvcfile.deps],
        "outs": [output_entry(entry) for entry in dvcfile.outs],
        "always_changed": dvcfile.always_changed,
        "meta": dvcfile.meta,
    }
    return {key: value for key, value in values.items() if value}

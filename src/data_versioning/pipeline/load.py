"""Read all `.dvc` files, dvc.yaml and dvc.lock of a source into a `Project`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from data_versioning import paths
from data_versioning.errors import FormatError
from data_versioning.formats import dvcfile, lockfile, pipelinefile
from data_versioning.paths import RepoPath
from data_versioning.pipeline import declared, resolve, templates
from data_versioning.pipeline.project import Project, Sections
from data_versioning.pipeline.stage import (
    LOCK_FILE,
    PIPELINE_FILE,
    POINTER_SUFFIX,
    Stage,
    is_pointer_file,
    plain,
)
from data_versioning.pipeline.templates import FlagStyle
from data_versioning.source import Source


def load(
    source: Source,
    files: Iterable[RepoPath] | None = None,
    *,
    flags: FlagStyle = templates.DVC_STYLE,
    known: Mapping[str, Stage] = {},
) -> Project:
    """Return the project of `source`, read from `files`: by default all of its `.dvc` files and dvc.yaml.

    A file inside an output of a file that lies above it is data, and is not read; neither is a `.dvc` file whose
    stage is `known`. Raises `FormatError`,
    `PathError` or `Overlap` before anything is touched.
    """
    found = (path for path in source.walk() if is_pointer_file(path)) if files is None else files
    stages: list[Stage] = []
    sections: list[Sections] = []
    outputs: set[str] = set()
    for file in sorted(found, key=_from_the_top):
        if not outputs.isdisjoint(paths.parents(file)):
            continue
        if file.endswith(POINTER_SUFFIX):
            here = [known.get(file) or _pointer(file, source)]
        else:
            here, section = pipeline(file, _text(file, source), source, flags=flags)
            sections.append(section)
        stages += here
        outputs.update(stage.located(out.path) or "" for stage in here for out in stage.outs)
    project = Project(stages, sections)
    project.check()
    return project


def _from_the_top(file: str) -> tuple[int, str]:
    return file.count("/"), file


def _pointer(file: RepoPath, source: Source) -> Stage:
    return declared.from_dvcfile(dvcfile.parse(_text(file, source), file=file), file=file)


def pipeline(
    file: RepoPath, text: str, source: Source, *, flags: FlagStyle = templates.DVC_STYLE
) -> tuple[list[Stage], Sections]:
    """Return what `text`, as the dvc.yaml `file`, means in `source`."""
    parsed = pipelinefile.parse(text, file=file)
    resolved = resolve.resolve(parsed, read=source.read, flags=flags)
    lock_file = RepoPath(file.removesuffix(PIPELINE_FILE) + LOCK_FILE)
    try:
        locked = lockfile.parse(_text(lock_file, source), file=lock_file)
    except FileNotFoundError:
        locked = {}
    stages = [declared.from_entry(parsed, stage, locked.get(stage.name)) for stage in resolved.stages]
    return stages, Sections(file, *plain(tuple(resolved[1:])))


def _text(file: RepoPath, source: Source) -> str:
    try:
        return source.read(file).decode()
    except IsADirectoryError:
        raise FormatError(
            "a directory, not a file", file=file, hint=f"move it away: mv {file} OTHER"
        ) from None
    except UnicodeDecodeError:
        hint = f"take it back from Git: git checkout -- {file}"
        raise FormatError("the file is not UTF-8 text", file=file, hint=hint) from None

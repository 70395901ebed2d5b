"""Write a stage into the dvc.yaml of the current directory."""

from __future__ import annotations

import os
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from data_versioning.errors import Conflict, FormatError, Overlap, PathError, UsageError
from data_versioning.formats import lockfile, pipelinefile, yamltext
from data_versioning.operations import loaded as loading
from data_versioning.operations import places, pointers, targets
from data_versioning.operations.loaded import Loaded
from data_versioning.paths import RepoPath
from data_versioning.pipeline import load
from data_versioning.pipeline.project import Project
from data_versioning.pipeline.stage import PIPELINE_FILE, Output, Stage
from data_versioning.pipeline.templates import FlagStyle
from data_versioning.repo import Repo
from data_versioning.transaction import Change
from data_versioning.workspace.source import Workspace

_FORBIDDEN = frozenset(string.punctuation) - {"-", "_"}


class NewOutput(NamedTuple):
    """An output as the user names it; `section` of dvc.yaml: "outs", "metrics" or "plots"."""

    path: str
    section: str = "outs"
    cache: bool = True
    persist: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStage:
    """What the user says of a stage; paths are relative to `wdir`, and that to the current directory.

    `params`: "key,key", "file:key,key", or "file:" for the whole file.
    """

    name: str
    cmd: str
    deps: Sequence[str] = ()
    params: Sequence[str] = ()
    outs: Sequence[NewOutput] = ()
    wdir: str | None = None
    desc: str | None = None
    always_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddStageResult:
    """The address of the stage, the files that were changed, and outputs that could not be put into `.gitignore`:
    their directory does not exist yet, and running the stage does it.
    """

    stage: str
    file: RepoPath
    edited: tuple[RepoPath, ...]
    not_ignored: tuple[RepoPath, ...] = field(default=())


def add_stage(repo: Repo, new: NewStage, *, force: bool = False) -> AddStageResult:
    """Write the stage, and ignore entries for its cached outputs; comments and the form of the file stay.

    With `force` a stage of that name is replaced; its description, `meta`, and what is said about outputs that stay is
    kept. The project is checked as it will be: raises `UsageError`, `Conflict`, `Overlap`, `PathError` or `FormatError`
    with nothing written.
    """
    _check_words(new)
    with repo.transaction("stage add") as transaction:
        loaded = loading.load(repo)
        base = targets.base(repo)
        file = RepoPath(f"{base}/{PIPELINE_FILE}" if base else PIPELINE_FILE)
        text = _text(repo, file)
        old = _existing(loaded, file, new.name, text, force=force)
        wdir = _working_directory(repo, new)
        entry = _entry(repo, new, wdir, base, old)
        stages = _planned(loaded, file, pipelinefile.update(text, new.name, entry, file=file))
        order = [out.path for out in new.outs]
        kept, waiting = _cached(repo, [stage for stage in stages if stage.name == new.name], order)
        places.refuse_new_stages(loaded, [stage for stage in stages if stage.name == new.name])
        transaction.edit(file, _put(file, new.name, entry))
        pointers.ignore(transaction, kept)
        edited = tuple(edit.path for edit in transaction.commit())
    return AddStageResult(stage=new.name, file=file, edited=edited, not_ignored=tuple(waiting))


def _put(file: RepoPath, name: str, entry: Mapping[str, object]) -> Change:
    def edit(before: bytes | None) -> bytes:
        text = None if before is None else yamltext.decode(before, file=file)
        return pipelinefile.update(text, name, entry, file=file).encode()

    return edit


def _check_words(new: NewStage) -> None:
    if not new.name or _FORBIDDEN.intersection(new.name):
        raise UsageError(
            f"'{new.name}' cannot be the name of a stage: only letters, digits, '-' and '_' can stand in it",
            hint="dv stage add -n NAME COMMAND",
        )
    words = [new.name, new.cmd, *new.deps, *new.params, *(out.path for out in new.outs), new.desc or ""]
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{word!r} is not UTF-8, so dvc.yaml cannot hold it", hint="locale") from None
    if not new.cmd:
        raise UsageError("which command is the stage to run?", hint=f"dv stage add -n {new.name} COMMAND")


def _text(repo: Repo, file: RepoPath) -> str | None:
    try:
        return yamltext.decode(Workspace(repo.root).read(file), file=file)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise FormatError("a directory, not a file", file=file, hint=f"mv {file} OTHER") from None


def _existing(loaded: Loaded, file: RepoPath, name: str, text: str | None, *, force: bool) -> Stage | None:
    found = [
        stage for stage in loaded.project.stages if stage.file == file and name in (stage.name, stage.group)
    ]
    declared = pipelinefile.parse(text, file=file).stages if text is not None else {}
    if (found or name in declared) and not force:
        raise Conflict(
            f"the stage '{name}' exists already in {loaded.repo.shown(file)}",
            hint=f"choose another name, or replace it: dv stage add --force -n {name} …",
        )
    return next((stage for stage in found if stage.name == name), None)


def _working_directory(repo: Repo, new: NewStage) -> RepoPath:
    path = repo.relative(new.wdir or ".")
    if path == ".." or path.startswith("../"):
        raise PathError(f"the working directory '{new.wdir}' lies outside of the repository", hint="dv root")
    if new.wdir and not os.path.isdir(new.wdir):
        raise PathError(f"there is no directory '{new.wdir}'", hint=f"mkdir -p '{new.wdir}'")
    return RepoPath("" if path == "." else path)


def _entry(repo: Repo, new: NewStage, wdir: RepoPath, base: str, old: Stage | None) -> dict[str, object]:
    deps = [_written(repo, path, wdir) for path in new.deps]
    outs = [out._replace(path=_written(repo, out.path, wdir)) for out in new.outs]
    params = _params(new.params)
    _refuse_repeated([*deps, *params, *(out.path for out in outs)])
    known = {out.path: out for out in old.outs} if old else {}
    sections: dict[str, dict[str, dict[str, object]]] = {}
    for out in outs:
        sections.setdefault(out.section, {})[out.path] = _options(out, known.get(out.path))
    shown_wdir = os.path.relpath("/" + wdir, "/" + base)
    return pipelinefile.entry(
        desc=new.desc or (old.desc if old else None),
        cmd=new.cmd,
        wdir=None if shown_wdir == "." else shown_wdir,
        deps=deps,
        params=params,
        outs=sections,
        always_changed=new.always_changed,
        meta=old.meta if old else None,
    )


def _written(repo: Repo, path: str, wdir: RepoPath) -> str:
    """Return a path as dvc.yaml has it: what is absolute and in the repository becomes relative."""
    if not path.startswith("/"):
        return path
    inside = repo.relative(path)
    outside = inside == ".." or inside.startswith("../")
    return path if outside else os.path.relpath("/" + inside, "/" + wdir)


def _params(given: Iterable[str]) -> dict[str, list[str] | None]:
    """Collect keys by file, each once; a file that is named without keys is tracked as a whole."""
    found: dict[str, list[str] | None] = {}
    for text in given:
        file, _, listed = text.rpartition(":")
        file = file or lockfile.DEFAULT_PARAMS_FILE
        keys = [key for key in listed.split(",") if key]
        known = found.setdefault(file, [])
        found[file] = None if not keys or known is None else list(dict.fromkeys([*known, *keys]))
    return found


def _refuse_repeated(paths: Iterable[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        place = os.path.normpath(path)
        if place in seen:
            raise Overlap(
                f"'{path}' is named more than once in this stage",
                hint="name every dependency and output once; a stage cannot depend on its own output",
            )
        seen.add(place)


def _options(out: NewOutput, old: Output | None) -> dict[str, object]:
    """Return the options in DVC's order; what was said about the output before stays."""
    kept: Mapping[str, object] = {}
    if old is not None:
        kept = {"desc": old.desc, "type": old.type, "labels": list(old.labels), "meta": old.meta}
    options = {
        **kept,
        **({} if out.cache else {"cache": False}),
        "persist": out.persist,
        "remote": old.remote if old else None,
    }
    filled = {key: value for key, value in options.items() if value or key == "cache"}
    return filled if old is None or old.push else {**filled, "push": False}


def _planned(loaded: Loaded, file: RepoPath, text: str) -> list[Stage]:
    """Return the stages of `file` when it has the new text; the whole project is checked with them."""
    settings = loaded.repo.settings
    flags = FlagStyle(
        settings.get("parsing", "bool") or "store_true", settings.get("parsing", "list") or "nargs"
    )
    others = [stage for stage in loaded.project.stages if stage.file != file]
    try:
        stages, sections = load.pipeline(file, text, Workspace(loaded.repo.root), flags=flags)
        Project([*others, *stages], [sections]).check()
    except (FormatError, PathError) as error:
        error.hint = f"nothing was written: correct what is to stand in {file}"
        raise
    except Overlap as error:
        error.hint = "give the new stage another output, or take that from the other one"
        raise
    return stages


def _cached(
    repo: Repo, stages: Iterable[Stage], order: Sequence[str]
) -> tuple[list[RepoPath], list[RepoPath]]:
    """Return where cached outputs will lie, in `order`, and those of them whose directory does not exist yet."""
    found = [
        (order.index(output.path) if output.path in order else len(order), path)
        for stage in stages
        for output in stage.outs
        if output.cache and not output.external and (path := stage.located(output.path))
    ]
    listed = [path for _, path in sorted(found)]
    there = [path for path in listed if os.path.isdir(os.path.dirname(f"{repo.root}/{path}"))]
    return there, [path for path in listed if path not in there]

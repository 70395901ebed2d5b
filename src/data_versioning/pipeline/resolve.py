"""Fill in the templates of one dvc.yaml: vars, `${…}`, foreach and matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from data_versioning.errors import FormatError
from data_versioning.formats import values
from data_versioning.formats.lockfile import DEFAULT_PARAMS_FILE
from data_versioning.formats.pipelinefile import PipelineFile
from data_versioning.paths import RepoPath
from data_versioning.pipeline import templates
from data_versioning.pipeline.stage import join
from data_versioning.pipeline.templates import (
    ANYTHING,
    COMMAND,
    SCALARS,
    Context,
    FlagStyle,
    Kinds,
    Unresolved,
)

_MOST_STAGES = 100_000  # that one entry may generate
_MOST_VARS = 10_000  # entries; each is merged into those before it

Read = Callable[[RepoPath], bytes]


class ResolvedStage(NamedTuple):
    """A stage as it would be written without templates; `group` is the entry it was generated from."""

    name: str
    group: str | None
    body: Mapping[str, Any]
    place: tuple[str, ...]  # of the body in the file, for messages


class Resolved(NamedTuple):
    """All of a dvc.yaml without templates."""

    stages: Sequence[ResolvedStage]
    params: Sequence[str]
    metrics: Sequence[str]
    plots: Sequence[Any]
    artifacts: Mapping[str, Any]
    datasets: Sequence[Any]


def resolve(pipeline: PipelineFile, *, read: Read, flags: FlagStyle = templates.DVC_STYLE) -> Resolved:
    """Return what `pipeline` means; `read` returns the params files it names.

    Raises `FormatError` with the line of a template that cannot be filled in.
    """
    resolver = _Resolver(pipeline, read, flags)
    context = resolver.top_context()
    return Resolved(
        stages=[
            stage
            for name, definition in pipeline.stages.items()
            for stage in resolver.stages(name, definition, context)
        ],
        params=resolver.filled(list(pipeline.params), context, "params"),
        metrics=resolver.filled(list(pipeline.metrics), context, "metrics"),
        plots=resolver.filled(list(pipeline.plots), context, "plots"),
        artifacts=resolver.filled(dict(pipeline.artifacts), context, "artifacts"),
        datasets=resolver.filled(list(pipeline.datasets), context, "datasets"),
    )


def used_values(pipeline: PipelineFile, *, read: Read) -> dict[str, dict[str, object]]:
    """Return the values in files that templates of stages name, by file and dotted key.

    Whole mappings and the items of a group are left out. `pipeline` is one that `resolve` understands.
    """
    resolver = _Resolver(pipeline, read, templates.DVC_STYLE)
    top = resolver.top_context()
    found: dict[str, dict[str, object]] = {}
    for name, definition in pipeline.stages.items():
        body = definition.get("do", definition)
        is_group = body is not definition or "matrix" in definition
        context = top if is_group else resolver.stage_context(body, top, ("stages", name), source=name)
        filled = {key: value for key, value in body.items() if key not in {"vars", "matrix"}}
        for expression in templates.expressions(filled):
            if origin := context.origin(expression):
                file, key, value = origin
                found.setdefault(file, {})[key] = value
    return found


class _Resolver:
    """What stays the same for all entries of one file."""

    def __init__(self, pipeline: PipelineFile, read: Read, flags: FlagStyle) -> None:
        self._pipeline = pipeline
        self._directory = pipeline.file.rpartition("/")[0]
        self._read = read
        self._flags = flags
        self._room = templates.Room()
        self._files: dict[RepoPath, Mapping[Any, object] | None] = {}

    def top_context(self) -> Context:
        """Return the params file beside dvc.yaml, if there is one, and `vars`."""
        context = Context()
        try:
            default = join(self._directory, DEFAULT_PARAMS_FILE)
            if default is not None and self._mapping_in(default) is not None:
                context = self._with_file(context, DEFAULT_PARAMS_FILE, self._directory)
        except Unresolved as problem:
            raise self._wrong(problem, "vars") from None
        return self._with_vars(context, self._pipeline.vars, self._directory, ("vars",))

    def filled(self, value: Any, context: Context, *place: str | int, kinds: Kinds = ANYTHING) -> Any:
        """Fill in a value with what is of one of `kinds`; a mistake in a list is told with the line of the item."""
        if isinstance(value, list):
            items = enumerate(value)
            return [self.filled(item, context, *place, index, kinds=kinds) for index, item in items]
        try:
            return templates.fill(value, context, kinds=kinds, flags=self._flags, room=self._room)
        except Unresolved as problem:
            raise self._wrong(problem, *place) from None

    def stages(self, name: str, definition: Mapping[str, Any], context: Context) -> Iterator[ResolvedStage]:
        """Return the stage `name`, or all that are generated from it."""
        place: tuple[str, ...] = ("stages", name)
        if "foreach" in definition:
            items = self._foreach_items(definition["foreach"], context, (*place, "foreach"))
            body, place_of_body = definition["do"], (*place, "do")
        elif "matrix" in definition:
            items = self._matrix_items(definition["matrix"], context, (*place, "matrix"))
            body, place_of_body = {key: value for key, value in definition.items() if key != "matrix"}, place
        elif "@" in name:
            raise self._pipeline.wrong("'@' is only for names of generated stages", *place)
        else:
            yield ResolvedStage(name, None, self._body(definition, context, place, source=name), place)
            return
        for key, given in items.items():
            if not key:
                raise self._pipeline.wrong("an item that is not empty is expected, to name the stage", *place)
            generated = f"{name}@{key}"
            inner = self._body(body, context.with_items(given), place_of_body, source=generated)
            yield ResolvedStage(generated, name, inner, place_of_body)

    def _body(
        self, body: Mapping[str, Any], context: Context, place: tuple[str, ...], *, source: str
    ) -> dict[str, Any]:
        context = self.stage_context(body, context, place, source=source)
        return {
            key: self.filled(value, context, *place, key, kinds=COMMAND if key == "cmd" else SCALARS)
            for key, value in body.items()
            if key != "vars"
        }

    def stage_context(
        self, body: Mapping[str, Any], context: Context, place: tuple[str, ...], *, source: str
    ) -> Context:
        """Return the context with the `vars` of one stage."""
        declared = body.get("vars")
        if not declared:
            return context
        wdir = body.get("wdir", "")
        filled = self.filled(wdir, context, *place, "wdir", kinds=SCALARS)
        directory = join(self._directory, templates.to_text(filled))
        if directory is None:
            raise self._pipeline.wrong(f"{wdir!r} lies outside of the repository", *place, "wdir")
        return self._with_vars(context, declared, directory, (*place, "vars"), source=f"{source}.")

    def _foreach_items(
        self, declared: Any, context: Context, place: tuple[str, ...]
    ) -> dict[str, dict[str, Any]]:
        """Return what `item` (and, for mappings, `key`) stand for, by the key in the stage's name."""
        found = self.filled(declared, context, *place)
        if isinstance(found, (dict, list)) and len(found) > _MOST_STAGES:
            raise self._pipeline.wrong(f"it stands for more than {_MOST_STAGES:,} stages", *place)
        if isinstance(found, dict):
            named = {templates.to_text(key): value for key, value in found.items()}
            return {key: {"item": value, "key": key} for key, value in named.items()}
        if not isinstance(found, list):
            raise self._pipeline.wrong(f"a list or a mapping is expected, not {found!r}", *place)
        if any(isinstance(item, (list, dict)) for item in found):
            return {str(index): {"item": item} for index, item in enumerate(found)}
        return {text: {"item": item} for text, item in zip(_texts(declared, found), found, strict=True)}

    def _matrix_items(
        self, declared: Mapping[str, Any], context: Context, place: tuple[str, ...]
    ) -> dict[str, dict[str, Any]]:
        """Return `item` and `key` of every combination, by the key in the stage's name."""
        axes: list[list[tuple[str, str, Any]]] = []
        for axis, given in self.filled(dict(declared), context, *place).items():
            if not isinstance(given, (list, dict)):
                raise self._pipeline.wrong(f"a list is expected, not {given!r}", *place, axis)
            chosen = list(given)
            marks = _texts(declared.get(axis), chosen, composite=axis)
            axes.append([(axis, mark, value) for mark, value in zip(marks, chosen, strict=True)])
        if prod(map(len, axes)) > _MOST_STAGES:
            raise self._pipeline.wrong(f"it stands for more than {_MOST_STAGES:,} stages", *place)
        combined = {}
        for combination in product(*axes):
            key = "-".join(mark for _, mark, _ in combination)
            combined[key] = {"key": key, "item": {axis: value for axis, _, value in combination}}
        return combined

    def _with_vars(
        self,
        context: Context,
        declared: Sequence[Any],
        directory: str,
        place: tuple[str, ...],
        *,
        source: str = "",
    ) -> Context:
        if len(declared) > _MOST_VARS:
            raise self._pipeline.wrong(f"more than {_MOST_VARS:,} entries", *place)
        for index, item in enumerate(declared):
            try:
                if list(templates.expressions(item)):
                    raise Unresolved("templates are not allowed in vars")
                if isinstance(item, str):
                    context = self._with_file(context, item, directory)
                else:
                    context = context.extended(item, f"{source}vars[{index}]")
            except Unresolved as problem:
                raise self._wrong(problem, *place, index) from None
        return context

    def _with_file(self, context: Context, item: str, directory: str) -> Context:
        """Add the file that `item` ("file" or "file:key,key") names; the same whole file twice is fine."""
        name, _, listed = item.partition(":")
        keys = tuple(key for key in listed.split(",") if key) or None
        path = join(directory, name)
        if path is None:
            raise Unresolved(f"'{name}' lies outside of the repository")
        before = context.loaded.get(path, ())
        if before is None and keys is None:
            return context
        if before is None or (before and (keys is None or set(keys) & set(before))):
            how = "already loaded" if before is None else "partly loaded already"
            raise Unresolved(f"cannot load '{item}', '{path}' is {how}")
        content = self._mapping_in(path)
        if content is None:
            raise Unresolved(f"'{path}' does not exist")
        if missing := [key for key in keys or () if key not in content]:
            raise Unresolved(f"could not find '{missing[0]}' in '{path}'")
        chosen = content if keys is None else {key: content[key] for key in keys}
        loaded = {**context.loaded, path: None if keys is None else (*before, *keys)}
        return context.extended(chosen, path)._replace(loaded=loaded)

    def _mapping_in(self, path: RepoPath) -> Mapping[Any, object] | None:
        if path not in self._files:
            self._files[path] = _read_mapping(path, self._read)
        return self._files[path]

    def _wrong(self, problem: Unresolved, *place: str | int) -> FormatError:
        return self._pipeline.wrong(str(problem), *place)


def _read_mapping(path: RepoPath, read: Read) -> Mapping[Any, object] | None:
    """Return what a params file holds; None when there is no such file."""
    try:
        text = read(path).decode()
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise Unresolved(f"'{path}' is a directory, not a params file") from None
    except UnicodeDecodeError:
        hint = f"save {path} as UTF-8"
        raise FormatError("the file is not UTF-8 text", file=path, hint=hint) from None
    content = values.parse(text, suffix=_suffix(path), file=path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Unresolved(f"'{path}' does not hold a mapping")
    return content


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def _texts(declared: object, found: Sequence[object], *, composite: str = "") -> list[str]:
    """Return how items look in a stage's name.

    As for DVC, a boolean out of a template is capitalised; lists and mappings are numbered.
    """
    written = declared if isinstance(declared, list) else [declared] * len(found)
    return [
        f"{composite}{index}" if isinstance(item, (list, dict)) else _text(item, source)
        for index, (source, item) in enumerate(zip(written, found, strict=True))
    ]


def _text(item: object, source: object) -> str:
    return str(item) if templates.is_whole(source) else templates.to_text(item)

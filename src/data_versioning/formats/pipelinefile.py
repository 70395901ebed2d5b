"""dvc.yaml as it is written: checked for shape, templates not filled in.

Which keys exist, and what may stand under them, follows DVC's own validation; what is accepted here needs no
further type checks except where a template can put another value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_versioning import formats
from data_versioning.errors import FormatError
from data_versioning.formats import yamltext
from data_versioning.formats.fields import Fields
from data_versioning.formats.lockfile import DEFAULT_PARAMS_FILE

_TOP_KEYS = frozenset({"stages", "vars", "params", "metrics", "plots", "artifacts", "datasets"})
_STAGE_KEYS = frozenset(
    {
        *("matrix", "cmd", "wdir", "deps", "params", "vars", "frozen", "meta", "desc", "always_changed"),
        *("outs", "metrics", "plots"),
    }
)
_GROUP_KEYS = frozenset({"foreach", "do"})
_ANNOTATIONS = frozenset({"desc", "type", "labels", "meta"})
_OUTPUT_OPTIONS = _ANNOTATIONS | {"cache", "persist", "checkpoint", "remote", "push"}
PLOT_OPTIONS = frozenset({"template", "x", "y", "x_label", "y_label", "title", "header"})
_TOP_PLOT_OPTIONS = PLOT_OPTIONS - {"header"}
_UNQUOTED = re.compile(r"[\[{,:]\s*[^'\"\s\[{,:]*\$\{")
_OPTION_FLAGS = ("cache", "persist", "checkpoint", "push", "header")
_OPTION_TEXTS = ("desc", "type", "remote", "template", "x", "y", "x_label", "y_label", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFile:
    """The sections of one dvc.yaml; `stages` maps names to bodies, or to `foreach` and `do`."""

    file: str
    text: str
    stages: Mapping[str, Mapping[str, Any]]
    vars: Sequence[str | Mapping[str, Any]]
    params: Sequence[str]
    metrics: Sequence[str]
    plots: Sequence[str | Mapping[str, Any]]
    artifacts: Mapping[str, Mapping[str, Any]]
    datasets: Sequence[Any]

    def wrong(self, message: str, *place: str | int) -> FormatError:
        """Return the error about the value at `place`, with its line."""
        return formats.explain.wrong_value(message, text=self.text, file=self.file, place=place)


def parse(text: str, *, file: str) -> PipelineFile:
    """Read a dvc.yaml; `FormatError` names the line of what is wrong."""
    try:
        top = Fields(yamltext.read_mapping(text, file=file), _TOP_KEYS, text=text, file=file)
    except FormatError as error:
        line = "".join(text.split("\n")[error.line - 1 : error.line]) if error.line else ""
        if _UNQUOTED.search(line):
            error.hint = "inside of [ ] and { } a template needs quotes: ['${…}']"
        elif line.startswith("\t"):
            error.hint = "indent with spaces: YAML has no tabs there"
        raise
    stages = _mapping(top, "stages")
    for name in stages.values:
        _check_stage_or_group(stages, name)
    _check_list(top, "vars", (str, dict), "a file name or a mapping")
    _check_top_plots(top)
    artifacts = _mapping(top, "artifacts")
    for name in artifacts.values:
        artifact = _inside(artifacts, name, _ANNOTATIONS | {"path"})
        _require(artifact, "path")
        artifact.string("path")
        _check_options(artifact)
    return PipelineFile(
        file=file,
        text=text,
        stages=stages.values,  # type: ignore[arg-type] # all of these were checked above
        vars=top.values.get("vars", ()),  # type: ignore[arg-type]
        params=top.strings("params"),
        metrics=top.strings("metrics"),
        plots=top.values.get("plots", ()),  # type: ignore[arg-type]
        artifacts=artifacts.values,  # type: ignore[arg-type]
        datasets=_check_list(top, "datasets", (object,), "a dataset"),
    )


def update(text: str | None, name: str, entry: Mapping[str, object], *, file: str = "") -> str:
    """Return `text` (None: a new file) with the stage `name` put in place, at the end if it is new."""

    def put(values: dict[str, Any]) -> None:
        stages = values.get("stages")
        if not isinstance(stages, dict):
            values["stages"] = {name: dict(entry)}
        elif isinstance(stages.get(name), dict):
            yamltext.settle(stages[name], entry)
        else:
            stages[name] = dict(entry)

    if text is None:
        return yamltext.write({"stages": {name: dict(entry)}})
    return yamltext.change(text, put, file=file)


def freeze(text: str, name: str, *, frozen: bool, file: str = "") -> str:
    """Return `text` with the stage `name`, or all that it generates, frozen or not; all else keeps its form."""

    def put(values: dict[str, Any]) -> None:
        stages = values.get("stages")
        entry = stages.get(name) if isinstance(stages, dict) else None
        if not isinstance(entry, dict):
            return  # removed by somebody else meanwhile
        body = entry.get("do", entry)
        if frozen:
            body["frozen"] = True
        else:
            body.pop("frozen", None)

    return yamltext.change(text, put, file=file)


def entry(
    *,
    cmd: object,
    desc: str | None = None,
    wdir: str | None = None,
    deps: Sequence[str] = (),
    params: Mapping[str, Sequence[str] | None] = {},
    outs: Mapping[str, Mapping[str, Mapping[str, object]]] = {},
    always_changed: bool = False,
    meta: object = None,
) -> dict[str, object]:
    """Return a stage in the order in which DVC writes it.

    `params`: file -> keys, none for all of it. `outs`: section ("outs", "metrics", "plots") -> path -> options.
    """
    sections = {
        section: [{path: dict(options)} if options else path for path, options in sorted(paths.items())]
        for section, paths in outs.items()
    }
    found = {
        "desc": desc,
        "cmd": cmd,
        "wdir": wdir,
        "deps": sorted(deps),
        "params": _params_entry(params),
        **{section: sections.get(section) for section in ("outs", "metrics", "plots")},
        "always_changed": always_changed,
        "meta": meta,
    }
    return {key: value for key, value in found.items() if value}


def _params_entry(params: Mapping[str, Sequence[str] | None]) -> list[object]:
    listed: list[object] = []
    for file, keys in sorted(params.items()):
        if keys and file == DEFAULT_PARAMS_FILE:
            listed = [*sorted(keys), *listed]
        else:
            listed.append({file: sorted(keys) if keys else None})
    return listed


def _check_stage_or_group(stages: Fields, name: str) -> None:
    stage = _mapping(stages, name)
    if stage.values.keys().isdisjoint(_GROUP_KEYS):
        _check_stage(_inside(stages, name, _STAGE_KEYS))
        return
    group = _inside(stages, name, _GROUP_KEYS)
    _require(group, "foreach", "do")
    _expect(group, "foreach", (list, dict, str), "a list, a mapping or a template")
    _check_stage(_inside(group, "do", _STAGE_KEYS))


def _check_stage(stage: Fields) -> None:
    _require(stage, "cmd")
    _expect(stage, "cmd", (str, list), "a command or a list of commands")
    matrix = _mapping(stage, "matrix")
    for axis in matrix.values:
        _expect(matrix, axis, (list, str), "a list or a template")
    for key in ("wdir", "desc"):
        stage.string(key)
    for key in ("frozen", "always_changed"):
        stage.flag(key, default=False)
    stage.strings("deps")
    _check_list(stage, "params", (str, dict), "a key, or a mapping of files to keys")
    _check_list(stage, "vars", (str, dict), "a file name or a mapping")
    for section in ("outs", "metrics", "plots"):
        known = _OUTPUT_OPTIONS | PLOT_OPTIONS if section == "plots" else _OUTPUT_OPTIONS
        for path, place in _named(stage, section):
            _check_options(_inside(place, path, known))


def _check_options(fields: Fields) -> None:
    for key in _OPTION_FLAGS:
        fields.flag(key, default=False)
    for key in _OPTION_TEXTS:
        fields.string(key)
    fields.strings("labels")


def _check_top_plots(top: Fields) -> None:
    for index, item in enumerate(_check_list(top, "plots", (str, dict), "a path or a mapping")):
        if not item and isinstance(item, dict):
            raise top.wrong("a plot is expected, not an empty mapping", "plots", index)
    for name, place in _named(top, "plots"):
        if place.values[name] is None:
            continue
        plot = _inside(place, name, _TOP_PLOT_OPTIONS)
        for key in ("template", "x_label", "y_label", "title"):
            plot.string(key)
        _check_axis(plot, "x", (str,))
        _check_axis(plot, "y", (str, list))


def _check_axis(plot: Fields, key: str, kinds: tuple[type, ...]) -> None:
    """A field name (or, where lists are allowed, several), bare or in a mapping of files to them."""
    value = plot.values.get(key, "")
    if not isinstance(value, kinds):
        files = _mapping(plot, key)
        for file in files.values:
            _expect(files, file, kinds, "a field name")
            if isinstance(files.values[file], list):
                files.strings(file)
    elif isinstance(value, list):
        plot.strings(key)


def _named(fields: Fields, section: str) -> Iterator[tuple[str, Fields]]:
    """Go through the names of a list of text and mappings; only those in mappings have something to check."""
    for index, item in enumerate(_check_list(fields, section, (str, dict), "a path or a mapping")):
        if isinstance(item, dict):
            entry = _open(fields, item, section, index)
            yield from ((path, entry) for path in entry.values)


def _check_list(fields: Fields, key: str, kinds: tuple[type, ...], expected: str) -> list[Any]:
    value = fields.values.get(key, [])
    if not isinstance(value, list):
        raise fields.wrong(f"a list is expected, not {yamltext.kind_of(value)}", key)
    for index, item in enumerate(value):
        if not isinstance(item, kinds):
            raise fields.wrong(f"{expected} is expected, not {yamltext.kind_of(item)}", key, index)
    return value


def _mapping(fields: Fields, key: str) -> Fields:
    return _open(fields, fields.values.get(key, {}), key)


def _inside(fields: Fields, key: str, known: frozenset[str]) -> Fields:
    return Fields(fields.values[key], known, text=fields.text, file=fields.file, place=(*fields.place, key))


def _open(fields: Fields, values: object, *below: str | int) -> Fields:
    """Return a mapping whose keys are free, but text."""
    known = values if isinstance(values, dict) else ()
    opened = Fields(values, known, text=fields.text, file=fields.file, place=(*fields.place, *below))
    for key in opened.values:
        if not isinstance(key, str):
            raise opened.wrong(f"the key {key!r} is not text")
    return opened


def _require(fields: Fields, *keys: str) -> None:
    for key in keys:
        if key not in fields.values:
            raise fields.wrong(f"the key {key!r} is missing")


def _expect(fields: Fields, key: str, kinds: tuple[type, ...], expected: str) -> None:
    if not isinstance(fields.values[key], kinds):
        raise fields.wrong(f"{expected} is expected, not {yamltext.kind_of(fields.values[key])}", key)

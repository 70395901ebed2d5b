"""`dvc.lock`: what every stage of a `dvc.yaml` was run with, and what it made.

Changing one stage leaves the others, their order and comments as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_versioning.errors import FormatError
from data_versioning.formats import dvcfile, yamltext
from data_versioning.formats.dvcfile import Dependency, Output
from data_versioning.formats.fields import Fields

DEFAULT_PARAMS_FILE = "params.yaml"
_SCHEMA = "2.0"
_TOP_KEYS = frozenset({"schema", "stages", "datasets"})
_STAGE_KEYS = frozenset({"cmd", "deps", "params", "outs"})
_ENTRY_KEYS = dvcfile.CONTENT_KEYS | {"path", "cloud", "hash", "files", "dataset"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedStage:
    """One stage of a lock file; paths are relative to the stage's working directory."""

    cmd: str | tuple[str, ...]  # with templates filled in
    deps: tuple[Dependency, ...] = ()
    params: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # file -> dotted key -> value
    outs: tuple[Output, ...] = ()


def parse(text: str, *, file: str) -> dict[str, LockedStage]:
    """Read a lock file; `FormatError` names the line of what is wrong."""
    top = Fields(yamltext.read_mapping(text, file=file), _TOP_KEYS, text=text, file=file)
    if top.values.get("schema") != _SCHEMA:
        raise _wrong_schema(file)
    stages = top.mapping("stages") or {}
    return {
        name: _stage(Fields(body, _STAGE_KEYS, **_at(top, "stages", name))) for name, body in stages.items()
    }


def parse_stage(text: str, *, file: str) -> LockedStage:
    """Read one stage by itself, as the run cache keeps it."""
    return _stage(Fields(yamltext.read_mapping(text, file=file), _STAGE_KEYS, text=text, file=file))


def _wrong_schema(file: str) -> FormatError:
    hint = f"remove {file} and run: dv repro"
    return FormatError(
        f"the key schema must be '{_SCHEMA}', as DVC 2 and later write it", file=file, line=1, hint=hint
    )


def _at(fields: Fields, *below: str) -> dict[str, Any]:
    return {"text": fields.text, "file": fields.file, "place": (*fields.place, *below)}


def _stage(fields: Fields) -> LockedStage:
    return LockedStage(
        cmd=_cmd(fields),
        deps=tuple(_dependency(entry) for entry in fields.items("deps", _ENTRY_KEYS)),
        params=_params(fields),
        outs=tuple(
            Output(path=entry.path("path"), **dvcfile.read_content(entry))
            for entry in fields.items("outs", _ENTRY_KEYS)
        ),
    )


def _cmd(fields: Fields) -> str | tuple[str, ...]:
    cmd = fields.values.get("cmd")
    if isinstance(cmd, list):
        return fields.strings("cmd")
    if not isinstance(cmd, str):
        raise fields.wrong("a command is expected: text, or a list of text")
    return cmd


def _dependency(entry: Fields) -> Dependency:
    content = dvcfile.read_content(entry)
    return Dependency(path=entry.path("path"), **content, dataset=entry.mapping("dataset"))


def _params(fields: Fields) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for file, values in (fields.mapping("params") or {}).items():
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in (file, *values)):
            raise fields.wrong("a mapping of keys to values is expected", "params", file)
        found[file] = values
    return found


def entry(stage: LockedStage) -> dict[str, object]:
    """Return `stage` as it is written, also into the run cache: everything sorted, empty parts left out."""
    files = sorted(stage.params, key=lambda file: (file != DEFAULT_PARAMS_FILE, file))
    values = {
        "cmd": stage.cmd if isinstance(stage.cmd, str) else list(stage.cmd),
        "deps": [dvcfile.lock_entry(dep) for dep in sorted(stage.deps, key=lambda dep: dep.path)],
        "params": {file: dict(sorted(stage.params[file].items())) for file in files},
        "outs": [dvcfile.lock_entry(out) for out in sorted(stage.outs, key=lambda out: out.path)],
    }
    return {key: value for key, value in values.items() if value}


def update(text: str | None, name: str, stage: LockedStage, *, file: str = "") -> str:
    """Return the lock file with one stage replaced or added; None is a file that does not exist."""
    return update_all(text, {name: stage}, file=file)


def update_all(
    text: str | None, stages: Mapping[str, LockedStage], *, last: Collection[str] = (), file: str = ""
) -> str:
    """Return the lock file with stages replaced, or added in their order; those in `last` go to the end in any case."""

    def apply(values: dict[str, Any]) -> None:
        if not values:
            values["schema"] = _SCHEMA
        if not values.get("stages"):
            values["stages"] = {}
        for name, stage in stages.items():
            if name in last:
                values["stages"].pop(name, None)
            values["stages"][name] = entry(stage)

    return yamltext.change(text or "", apply, file=file)


def remove(text: str, name: str, *, file: str = "") -> str | None:
    """Return the lock file without a stage, or None when no stage is left."""
    stages = yamltext.read_mapping(text, file=file).get("stages")
    if not isinstance(stages, dict) or name not in stages:
        return text
    if len(stages) == 1:
        return None
    return yamltext.change(text, lambda values: values["stages"].pop(name), file=file)

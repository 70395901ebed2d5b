"""The run cache: which outputs a command once made of which inputs, shared with DVC byte by byte.

`<cache>/runs/KEY[:2]/KEY/VALUE` holds a stage as dvc.lock has it. KEY is the SHA-256 of the same as canonical JSON
with the outputs' paths alone, VALUE that of all of it, both without `size` and `nfiles` at any depth (DVC 3,
dvc/stage/cache.py). For that reason parameters of these names are in neither, and are compared before use.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from data_versioning.errors import DiskError, FormatError
from data_versioning.formats import lockfile, yamltext
from data_versioning.formats.lockfile import LockedStage
from data_versioning.localfs import atomic, regular
from data_versioning.objects.cache import ObjectCache
from data_versioning.pipeline.stage import Stage, join

_NOT_IN_KEY = frozenset({"size", "nfiles"})
_SHARED_FILE = 0o664


def is_suitable(stage: Stage) -> bool:
    """Whether what `stage` does depends on what it declares, and on nothing else."""
    return bool(
        stage.cmd
        and (stage.deps or stage.params)
        and stage.outs
        and not stage.always_changed
        and not any(dep.external or dep.is_dataset or dep.repo or dep.db for dep in stage.deps)
        and not any(out.external or out.persist or join(stage.wdir, out.path) is None for out in stage.outs)
    )


def key(inputs: LockedStage) -> str:
    """Return what a run is found by; of `inputs.outs` only the paths count."""
    entry = lockfile.entry(inputs)
    entry["outs"] = sorted(out.path for out in inputs.outs)
    return _digest(entry)


def value(done: LockedStage) -> str:
    """Return the name of the file that tells of a run."""
    return _digest(lockfile.entry(done))


def save(cache: ObjectCache, done: LockedStage) -> str:
    """Keep what a run made and return the entry's path; one that is there already stays as it is.

    Raises `DiskError`.
    """
    path = f"{_directory(cache, key(done))}/{value(done)}"
    if os.path.exists(path):
        return path
    try:
        atomic.make_directory(os.path.dirname(path), cache.directory_mode)
        # No sync: an entry that a power cut took away costs one run.
        atomic.write(path, os.fsencode(yamltext.write(lockfile.entry(done))), durable=False)
        if cache.shared:
            os.chmod(path, _SHARED_FILE)
    except OSError as error:
        raise DiskError(f"cannot write '{path}': {error.strerror}", hint=f"ls -ld {cache.base}") from error
    return path


def find(cache: ObjectCache, inputs: LockedStage) -> LockedStage | None:
    """Return the newest run with the same command and `inputs`, if any; of `inputs.outs` only the paths count."""
    for path in _newest_first(_directory(cache, key(inputs))):
        with contextlib.suppress(OSError, FormatError):
            text = yamltext.decode(regular.read(path), file=path)
            found = lockfile.parse_stage(text, file=path)
            if found.params == inputs.params:
                return found
    return None


def _directory(cache: ObjectCache, name: str) -> str:
    return f"{cache.base}/runs/{name[:2]}/{name}"


def _newest_first(directory: str) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            found = [(entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.is_file()]
    except OSError:
        return
    for _, path in sorted(found, reverse=True):
        # Anything else is a file that is being written.
        if len(os.path.basename(path)) == len(sha256().hexdigest()):
            yield path


def _digest(entry: Mapping[str, object]) -> str:
    return sha256(json.dumps(_counted(entry), sort_keys=True, default=str).encode()).hexdigest()


def _counted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _counted(item) for name, item in value.items() if name not in _NOT_IN_KEY}
    return [_counted(item) for item in value] if isinstance(value, list | tuple) else value

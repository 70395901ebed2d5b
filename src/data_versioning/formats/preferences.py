"""`dv.toml`: what can be set about `dv` itself. DVC never reads it; what it knows stands in `.dvc/config`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from data_versioning import formats
from data_versioning.errors import ConfigError, FormatError

Values: TypeAlias = dict[str, str | float]


def read(text: str, *, file: str) -> Values:
    """Return the settings in `text`.

    Raises `ConfigError` for an unknown setting or a value that makes no sense.
    """
    hint = f"correct {file}"
    try:
        found = formats.paramfiles.read_toml(text, file=file)
    except FormatError as error:
        raise ConfigError(str(error), hint=hint) from error
    assert isinstance(found, dict)
    for key, value in found.items():
        if key not in _SETTINGS:
            raise ConfigError(
                f"{file}: unknown setting {key!r}" + formats.suggest.nearest(key, _SETTINGS),
                hint=f"the settings are {', '.join(_SETTINGS)}; {hint}",
            )
        fits, expected = _SETTINGS[key]
        if not fits(value):
            raise ConfigError(f"{file}: {key} must be {expected}, not {value!r}", hint=hint)
    return found


def read_committed(text: str, *, file: str) -> Values:
    """Return the settings that came with a repository: they bind everybody who clones it, so they promise no less.

    Raises as `read`, and when durability is lowered.
    """
    found = read(text, file=file)
    if found.get("durability") == "process":
        raise ConfigError(
            f"{file}: durability cannot be lowered for everybody who clones the repository",
            hint=f"remove it from {file}; for yourself alone: export DV_DURABILITY=process",
        )
    return found


def _is_durability(value: object) -> bool:
    return value in ("power", "process")


def rate(text: object) -> float | None:
    """Return the bytes a second that a limit means, infinity for "none"; None when it is not one.

    >>> rate("20MB"), rate("1.5 MiB"), rate("none"), rate("fast")
    (20000000.0, 1572864.0, inf, None)
    """
    if text == "none":
        return float("inf")
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None or not float(found[1]):
        return None
    return float(found[1]) * _UNITS[found[2] or "B"]


def _is_rate(value: object) -> bool:
    return rate(value) is not None


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1e9


_UNITS: Final = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
_RATE: Final = re.compile(rf"([0-9]{{1,12}}(?:\.[0-9]{{1,6}})?) ?({'|'.join(_UNITS)})?")
RATE: Final = "bytes a second such as '20MB' or '5 MiB', or 'none'"
"""How to say what `rate` takes."""
_SETTINGS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "durability": (_is_durability, "'power' or 'process'"),
    "lock_timeout": (_is_seconds, "a number of seconds from 0 to 1e9"),
    "upload_limit": (_is_rate, RATE),
    "download_limit": (_is_rate, RATE),
}
"""What each setting must be: a check, and how to say it."""

"""What a `dv.toml` may say."""

from __future__ import annotations

import pytest

from data_versioning.errors import ConfigError
from data_versioning.formats import preferences


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("# nothing\n", {}),
        ('durability = "power"\n', {"durability": "power"}),
        ('lock_timeout = 5\ndurability = "process"\n', {"durability": "process", "lock_timeout": 5.0}),
        ("lock_timeout = 0\n", {"lock_timeout": 0.0}),
        ("lock_timeout = 2.5\n", {"lock_timeout": 2.5}),
        (
            "upload_limit = '20MB'\ndownload_limit = 'none'",
            {"upload_limit": "20MB", "download_limit": "none"},
        ),
    ],
)
def test_settings(text: str, values: dict[str, object]) -> None:
    assert preferences.read(text, file="dv.toml") == values


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "durabilty = 'power'",
            "dv.toml: unknown setting 'durabilty'; did you mean 'durability'?",
            "the settings are",
        ),
        (
            "[remote]\nurl = 'x'",
            "dv.toml: unknown setting 'remote'",
            "the settings are durability, lock_timeout",
        ),
        ("durability = 'none'", "dv.toml: durability must be 'power' or 'process', not 'none'", "dv.toml"),
        ("durability = true", "dv.toml: durability must be 'power' or 'process', not True", "dv.toml"),
        (
            "lock_timeout = '5'",
            "dv.toml: lock_timeout must be a number of seconds from 0 to 1e9, not '5'",
            "dv.toml",
        ),
        ("lock_timeout = true", "lock_timeout must be a number", "dv.toml"),
        ("lock_timeout = -1", "lock_timeout must be a number", "dv.toml"),
        ("lock_timeout = nan", "lock_timeout must be a number", "dv.toml"),
        ("lock_timeout = inf", "lock_timeout must be a number", "dv.toml"),
        (f"lock_timeout = 1{'0' * 400}", "lock_timeout must be a number", "dv.toml"),
        ("upload_limit = 5", "upload_limit must be bytes a second", "dv.toml"),
        ("download_limit = '0MB'", "download_limit must be bytes a second", "dv.toml"),
        ("upload_limit = '-1MB'", "not '-1MB'", "dv.toml"),
        ("upload_limit = '5 mb'", "not '5 mb'", "dv.toml"),
        ("\nlock_timeout 5", "dv.toml:2: ", "dv.toml"),
    ],
)
def test_mistakes(text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        preferences.read(text, file="dv.toml")
    assert message in str(wrong.value)
    assert hint in (wrong.value.hint or "")


def test_what_was_committed_cannot_lower_durability() -> None:
    with pytest.raises(ConfigError, match="durability") as refused:
        preferences.read_committed('durability = "process"', file="dv.toml")
    assert "DV_DURABILITY=process" in (refused.value.hint or "")
    assert preferences.read_committed('durability = "power"', file="dv.toml") == {"durability": "power"}


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1000", 1000.0),
        ("2kB", 2000.0),
        ("1.5 MiB", 1.5 * 2**20),
        ("3GiB", 3.0 * 2**30),
        ("none", float("inf")),
        ("1e9", None),
        ("MB", None),
        (20, None),
    ],
)
def test_rates(text: object, rate: float | None) -> None:
    assert preferences.rate(text) == rate

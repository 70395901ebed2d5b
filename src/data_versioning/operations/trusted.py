"""What came with a repository may not start a program: its configuration is checked before a remote is used."""

from __future__ import annotations

from collections.abc import Container

from data_versioning.errors import ConfigError
from data_versioning.workspace import config_levels


def refuse_programs(root: str, options: Container[str] | None = None) -> None:
    """Raise `ConfigError` when the committed configuration would start a program; through `options` only, if given."""
    for name, option in config_levels.untrusted_programs(root):
        if options is None or option in options:
            raise ConfigError(
                f"remote {name!r} in .dvc/config sets {option!r}, which starts a program; what comes with a"
                " repository may not do that: if you trust it, set it in your own configuration",
                hint=f"dv remote modify --local {name} {option} VALUE",
            )

"""Where the configuration files lie; looks at the environment only."""

from __future__ import annotations

import os
import sys

LEVELS = ("system", "global", "repo", "local")
"""Each level overrides the ones before it."""


def level_paths(root: str | None) -> dict[str, str]:
    """Return the file of each level, in the order of `LEVELS`; without a repository only the first two."""
    paths = {
        "system": os.path.join(os.environ.get("DVC_SYSTEM_CONFIG_DIR") or _system_directory(), "config"),
        "global": os.path.join(os.environ.get("DVC_GLOBAL_CONFIG_DIR") or _user_directory(), "config"),
    }
    if root is not None:
        paths |= {
            "repo": os.path.join(root, ".dvc", "config"),
            "local": os.path.join(root, ".dvc", "config.local"),
        }
    return paths


def preference_paths(root: str) -> dict[str, str]:
    """Return the `dv.toml` files, the stronger one last: the user's own, and the committed one."""
    return {
        "user": os.path.join(os.path.dirname(level_paths(None)["global"]), "dv.toml"),
        "repo": os.path.join(root, ".dvc", "dv.toml"),
    }


def _system_directory() -> str:
    given = [path for path in os.environ.get("XDG_CONFIG_DIRS", "").split(os.pathsep) if os.path.isabs(path)]
    if given:
        return os.path.join(given[0], "dvc")
    return "/Library/Application Support/dvc" if sys.platform == "darwin" else "/etc/xdg/dvc"


def _user_directory() -> str:
    given = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(given):
        return os.path.join(given, "dvc")
    home = os.path.expanduser("~")
    return os.path.join(home, "Library/Application Support" if sys.platform == "darwin" else ".config", "dvc")

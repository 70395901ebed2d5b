"""A directory of this machine as a `Tree`: every file that is there now, looked at when asked for."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from data_versioning.source import Item
from data_versioning.workspace.source import Workspace


class DiskTree(Workspace):
    """The files below `root`. A link is what it leads to, but nothing inside a directory is entered through one."""

    def item(self, path: str) -> Item | None:
        """See `Tree.item`; a link that leads nowhere is nothing."""
        try:
            return _item(os.stat(f"{self.root}/{path}"))
        except OSError:
            return None

    def items(self, path: str) -> Mapping[str, Item]:
        """See `Tree.items`."""
        found = {}
        try:
            with os.scandir(f"{self.root}/{path}") as entries:
                for entry in entries:
                    try:
                        item = _item(entry.stat())
                    except OSError:
                        continue
                    if entry.is_symlink():
                        item = item._replace(is_dir=False, is_executable=False)
                    found[entry.name] = item
        except OSError:
            return {}
        return found


def _item(found: os.stat_result) -> Item:
    is_dir = stat.S_ISDIR(found.st_mode)
    return Item(is_dir=is_dir, size=found.st_size, is_executable=not is_dir and bool(found.st_mode & 0o111))

"""A repository whose default remote is a directory or on a real server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.storage.base import Items, Store
from tests.oracle import Sandbox

TELLS = frozenset({"s3", "gcs", "azure"})
"""Servers that tell the MD5 of what they have."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A repository, and its default remote `box`; `tells` whether that tells the MD5 of what it has."""

    root: Path
    store: Store
    tells: bool

    def write(self, key: str, content: str) -> None:
        place = self.root.parent / "put"
        place.write_text(content)
        items = Items(directory=str(self.root.parent), names=b"put\0", keys=f"{key}\0".encode())
        assert not self.store.upload(items).failures

    def listed(self) -> list[str]:
        return sorted(key for page in self.store.list("") for key in page.keys)


def connect(
    root: Path,
    kind: str,
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Shared:
    """Give the repository `root` an empty default remote of a kind: "local", or the name of a server's fixture."""
    url, settings = str(root.parent / "remote"), dict[str, str]()
    if kind != "local":
        server = request.getfixturevalue(f"{kind}_server")
        url, settings = server.fresh(), server.settings
        if kind == "ssh":
            server.introduce(sandbox.base / "home")
            monkeypatch.setenv("HOME", str(sandbox.base / "home"))
    lines = "".join([f"    {name} = {value}\n" for name, value in settings.items()])
    (root / ".dvc/config").write_text(
        f"[core]\n    remote = box\n['remote \"box\"']\n    url = {url}\n{lines}"
    )
    store = storage.open_store(url, settings)
    assert isinstance(store, Store)
    return Shared(root, store, tells=kind in TELLS)

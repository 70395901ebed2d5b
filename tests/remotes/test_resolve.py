"""Urls that lie below a remote."""

from __future__ import annotations

import pytest

from data_versioning.errors import ConfigError
from data_versioning.formats import config
from data_versioning.remotes import remote as remotes

SECTIONS = {
    'remote "store"': {"url": "/mnt/store", "jobs": "4"},
    'remote "part"': {"url": "remote://store/a/b"},
    'remote "loop"': {"url": "remote://loop/x"},
}


def test_places() -> None:
    settings = config.merge([("repo", SECTIONS)])
    for url, path in (
        ("remote://store/x", "/mnt/store/x"),
        ("remote://STORE", "/mnt/store"),
        ("remote://part/c", "/mnt/store/a/b/c"),
        ("/plain", "/plain"),
        ("file:///plain", "file:///plain"),
    ):
        assert remotes.resolve(settings, url).url == path
    assert remotes.resolve(settings, "remote://part").options == {"jobs": "4"}
    assert remotes.locate(settings, "part").name == "part"
    for url in ("remote://loop/y", "remote://unknown/y"):
        with pytest.raises(ConfigError):
            remotes.resolve(settings, url)

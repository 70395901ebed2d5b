from __future__ import annotations

import pytest

from data_versioning.errors import ConfigError
from data_versioning.formats import config
from data_versioning.formats.config import Settings
from data_versioning.remotes import remote
from data_versioning.storage.local import LocalStore


def settings(text: str) -> Settings:
    return config.merge([("repo", config.read(text, file="config"))])


TWO = settings(
    """
[core]
    remote = main
['remote "main"']
    url = /mnt/data
    jobs = 3
['remote "below"']
    url = remote://main/models
    jobs = 5
['remote "cloud"']
    url = s3://bucket/x
    access_key_id = AKIA
    secret_access_key = hunter2
['remote "cloudpart"']
    url = remote://cloud/y
    region = here
['remote "versions"']
    url = /mnt/versions
    version_aware = true
['remote "other"']
    url = gdrive://root/x
"""
)


def test_the_default_and_a_named_one() -> None:
    opened = remote.open(TWO)
    assert (opened.name, opened.store, opened.jobs) == ("main", LocalStore(root="/mnt/data"), 3)
    assert remote.open(TWO, "MAIN") == opened


def test_below_another_remote() -> None:
    opened = remote.open(TWO, "below")
    assert (opened.store, opened.jobs) == (LocalStore(root="/mnt/data/models"), 5)
    found = remote.locate(TWO, "cloudpart")
    assert found.url == "s3://bucket/x/y"
    assert found.options == {"access_key_id": "AKIA", "secret_access_key": "hunter2", "region": "here"}


def test_shared_group() -> None:
    shared = settings("['remote \"a\"']\n    url = /mnt/a\n    shared = group\n")
    assert remote.open(shared, "a").store == LocalStore(root="/mnt/a", shared=True)


def test_whose_remote_it_is() -> None:
    ours = {name: remote.is_ours(TWO, name) for name in ("main", "below", "cloudpart", "versions", "other")}
    assert ours == {"main": True, "below": True, "cloudpart": True, "versions": False, "other": False}


def test_secrets_are_not_shown() -> None:
    assert "hunter2" not in repr(remote.locate(TWO, "cloud"))
    assert "AKIA" not in repr(remote.locate(TWO, "cloud"))


@pytest.mark.parametrize(
    ("text", "name", "message", "hint"),
    [
        ("", None, "no remote is configured", "dv remote add -d"),
        (
            "['remote \"b\"']\n  url = /b\n['remote \"a\"']\n  url = /a\n",
            None,
            "there are: a, b",
            "dv remote default a",
        ),
        ("['remote \"storage\"']\n  url = /b\n", "storge", "did you mean 'storage'", "dv remote list"),
        ("['remote \"a\"']\n  jobs = 1\n", "a", "has no url", "dv remote modify a url"),
        ("['remote \"a\"']\n  url = remote://b/x\n", "a", "no remote 'b'", "dv remote list"),
        (
            "['remote \"a\"']\n  url = remote://b/x\n['remote \"b\"']\n  url = remote://a\n",
            "a",
            "a -> b -> a",
            "dv remote list",
        ),
    ],
)
def test_configuration_errors(text: str, name: str | None, message: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        remote.open(settings(text), name)
    assert hint in (raised.value.hint or "")

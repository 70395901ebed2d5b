"""Which repository is meant, and with which settings it is read."""

from __future__ import annotations

import pytest

from data_versioning.errors import ConfigError, UsageError
from data_versioning.operations import origin
from data_versioning.operations.origin import Origin
from tests.operations.registry import Registry
from tests.operations.work import Work

EVIL = {"bearer_token_command": "touch pwned"}


@pytest.fixture(autouse=True)
def _home(private_home: None) -> None:
    """Settings of the user are those of the sandbox."""


def test_what_the_options_say() -> None:
    assert origin.typed("x", rev="v1", remote="store") == Origin(url="x", rev="v1", remote="store")
    assert origin.typed("x", remote_config={"url": "y"}).remote == {"url": "y"}
    both = origin.typed("x", remote="store", remote_config={"url": "y"})
    assert (both.remote, both.config) == (
        None,
        {"core": {"remote": "store"}, "remote": {"store": {"url": "y"}}},
    )
    with pytest.raises(UsageError):
        origin.typed("x", config="file", remote="store", remote_config={"url": "y"})


def test_settings(registry: Registry, work: Work) -> None:
    root = str(registry.root)
    assert origin.settings(Origin(url="x"), root=root).get("core", "remote") == "store"
    committed = {"core": {"remote": "there"}, 'remote "there"': {"url": "/there"}}
    found = origin.settings(Origin(url="x", remote={"jobs": 3}), committed=committed)
    assert found.remotes()["there"] == {"url": "/there", "jobs": "3"}
    with pytest.raises(ConfigError, match="no default remote"):
        origin.settings(Origin(url="x", remote={"url": "y"}))
    with pytest.raises(ConfigError, match="nothing"):
        origin.settings(Origin(url="x", remote="nothing"), root=root)


@pytest.mark.parametrize(
    "changed",
    [
        Origin(url="x", remote=EVIL),
        Origin(url="x", config={"remote": {"default": EVIL}}),
        Origin(url="x", config={"remote": {"default": EVIL}}, remote={"jobs": "3"}),
    ],
)
def test_programs_of_strangers(changed: Origin) -> None:
    assert list(origin.programs(Origin(url="x"))) == []
    assert list(origin.programs(changed)) == [("default", "bearer_token_command")]


def test_programs_of_a_repository(changing: Registry) -> None:
    committed = {'remote "r"': EVIL}
    assert list(origin.programs(Origin(url="x"), committed=committed)) == [("r", "bearer_token_command")]
    config = changing.root / ".dvc/config"
    config.write_text(config.read_text() + "    bearer_token_command = touch pwned\n")
    assert list(origin.programs(Origin(url="x"), root=str(changing.root))) == [
        ("store", "bearer_token_command")
    ]

"""Where configuration files lie, compared with what DVC's own dependency says."""

from __future__ import annotations

import platformdirs
import pytest

from data_versioning.workspace.config_paths import LEVELS, level_paths


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DVC_SYSTEM_CONFIG_DIR", "DVC_GLOBAL_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"XDG_CONFIG_HOME": "/x/home", "XDG_CONFIG_DIRS": "/x/one:/x/two"},
        {"XDG_CONFIG_HOME": "relative", "XDG_CONFIG_DIRS": "relative:/x/two"},
        {"XDG_CONFIG_HOME": "", "XDG_CONFIG_DIRS": ":"},
        {"HOME": "/home/somebody"},
    ],
)
def test_as_platformdirs_says(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    paths = level_paths(None)
    assert paths == {
        "system": platformdirs.site_config_dir("dvc", "iterative") + "/config",
        "global": platformdirs.user_config_dir("dvc", "iterative") + "/config",
    }


def test_dvcs_own_variables_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/x")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", "/user")
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", "/machine")
    assert level_paths("/repo") == {
        "system": "/machine/config",
        "global": "/user/config",
        "repo": "/repo/.dvc/config",
        "local": "/repo/.dvc/config.local",
    }
    assert tuple(level_paths("/repo")) == LEVELS

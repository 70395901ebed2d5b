"""Fixtures shared by the differential, property and fault tests; hypothesis profiles."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.oracle import OFFLINE, RAM_DISK, Sandbox, Tool, copy_repository, make_repository

pytest_plugins = (
    "tests.servers.answering",
    "tests.servers.apache",
    "tests.servers.azurite",
    "tests.servers.fake_gcs",
    "tests.servers.ftp",
    "tests.servers.nginx",
    "tests.servers.hadoop",
    "tests.servers.seaweedfs",
    "tests.servers.sshd",
)

# Tests speak to this machine only.
os.environ |= OFFLINE

hypothesis.settings.register_profile(
    "default",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)
hypothesis.settings.register_profile(
    "shrink", parent=hypothesis.settings.get_profile("default"), phases=tuple(hypothesis.Phase)
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# A run started in the background ignores Ctrl-C, and so would every program that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long campaigns run only when `-m` asks for them."""
    if config.getoption("-m"):
        return
    campaigns = [item for item in items if item.get_closest_marker("soak")]
    if campaigns:
        config.hook.pytest_deselected(items=campaigns)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A private home on the RAM disk; repositories of the tests go below it."""
    where = RAM_DISK if os.access(RAM_DISK, os.W_OK) else None
    base = Path(tempfile.mkdtemp(prefix="dv-tests-", dir=where))
    base.chmod(0o755)  # some tests run as another user
    yield Sandbox.make(base)
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def dvc(sandbox: Sandbox) -> Iterator[Tool]:
    """The real DVC."""
    tool = Tool("dvc", sandbox)
    yield tool
    tool.close()


@pytest.fixture(scope="session")
def dv(sandbox: Sandbox) -> Iterator[Tool]:
    """Our command. `DV_ORACLE_SELF_TEST=1` puts the real DVC in its place, which checks the harness itself."""
    tool = Tool("dvc" if os.environ.get("DV_ORACLE_SELF_TEST") else "dv", sandbox)
    yield tool
    tool.close()


@pytest.fixture(scope="session")
def template(sandbox: Sandbox, dvc: Tool) -> Path:
    """A fresh repository to copy from."""
    return make_repository(sandbox, dvc, sandbox.base / "template")


@pytest.fixture
def place(sandbox: Sandbox) -> Iterator[Path]:
    """An empty directory on the RAM disk, gone after the test."""
    path = Path(tempfile.mkdtemp(prefix="t", dir=sandbox.base))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def repository(place: Path, template: Path) -> Path:
    """A fresh repository of one test."""
    return copy_repository(template, place / "repo")


@pytest.fixture
def private_home(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox's environment for code that runs in the tests' own process."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "DVC_"))]:
        monkeypatch.delenv(name)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)

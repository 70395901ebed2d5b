"""A repository of the real DVC to compare with, reused by all tests of a module."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo

from tests.oracle import Sandbox

pytest.register_assert_rewrite("tests.pipeline.oracle")


@pytest.fixture(scope="module")
def dvc_root(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty repository, which is the current directory."""
    root = tmp_path_factory.mktemp("repository").resolve()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.environment().items():
            patch.setenv(name, value)
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        patch.chdir(root)
        subprocess.run(["git", "init", "--quiet"], check=True)
        Repo.init(str(root)).close()
        yield root

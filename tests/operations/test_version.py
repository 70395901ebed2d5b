"""`dv version`: facts about the installation and the place."""

from __future__ import annotations

import platform
from pathlib import Path

from data_versioning import __version__
from data_versioning.operations import version
from tests.operations.twins import Twins
from tests.oracle import Sandbox, Tool


def test_the_facts_in_a_repository(dv: Tool, twins: Twins, sandbox: Sandbox) -> None:
    root = twins.roots()[1]
    (root / ".dvc/cache").mkdir()
    dv(root, "remote", "add", "s", "s3://bucket").ok()
    facts = dv(root, "version", "--json").json
    assert facts["version"] == __version__
    assert facts["python"] == platform.python_version()
    assert facts["dvc"] == "3.67.1"
    assert facts["native"] in (True, False)
    assert facts["config_dirs"]["system"] == str(sandbox.base / "system")
    here = facts["repository"]
    assert here["cache_dir"] == f"{root}/.dvc/cache"
    assert {"hardlink", "symlink"} <= set(here["cache_types"])
    assert here["remotes"] == ["s3"]
    assert here["scm"] == "git"
    assert " on " in here["workspace_file_system"]


def test_the_text_names_the_same_file_systems_as_dvc(dvc: Tool, dv: Tool, twins: Twins) -> None:
    theirs, ours = (
        tool(root, "doctor").ok().out for tool, root in zip((dvc, dv), twins.roots(), strict=True)
    )
    kind = next(line for line in theirs.splitlines() if line.startswith("Workspace directory:")).partition(
        ": "
    )[2]
    assert kind in ours
    assert "Repo: dvc, git" in ours


def test_outside_a_repository(dv: Tool, place: Path) -> None:
    result = dv(place, "version").ok()
    assert f"data-versioning version: {__version__}" in result.out
    assert "Repo:" not in result.out


def test_the_last_mount_on_a_place_counts(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\n/dev/b {tmp_path} xfs rw 0 0\n/dev/c {tmp_path} btrfs rw 0 0\n")
    assert version.file_system(str(tmp_path / "x"), str(mounts)) == "btrfs on /dev/c"
    assert version.file_system("/", str(mounts)) == "ext4 on /dev/a"
    assert version.file_system("/", str(tmp_path / "none")) == "unknown"

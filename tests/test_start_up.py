"""What the fast paths import. Every module costs time; a new one here is a decision."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool
from tests.tracking import with_remote, write


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Not even one of them: each costs more than our whole start.
SLOW = words(
    """
    asyncio configobj ctypes dataclasses inspect logging pathlib pathspec random rich ruamel ruamel.yaml shtab shutil
    socket ssl subprocess tempfile tomlkit traceback urllib.parse uuid yaml
    """
)
# Of this package, relative to it.
STATUS = words(
    """
    data_versioning _native cli cli.arguments cli.harmless cli.main cli.render cli.session cli.status errors formats
    formats.config
    formats.config_schema formats.dirfile localfs localfs.atomic localfs.batch localfs.disposable localfs.engine
    localfs.links localfs.reflink localfs.regular localfs.walk objects objects.cache objects.hashing objects.oid
    operations operations.loaded operations.looking operations.status operations.targets paths pipeline
    pipeline.compiled pipeline.graph pipeline.project pipeline.stage pipeline.staleness progress repo workspace
    workspace.config_paths workspace.scan workspace.singles workspace.stat_cache
    """
)
# Of the standard library, what a bare interpreter (`-S`) has not.
BARE = words(
    """
    __future__ _collections_abc _stat gc genericpath importlib importlib._bootstrap importlib._bootstrap_external os
    os.path posixpath stat warnings
    """
)
STANDARD = BARE | words(
    """
    _bisect _blake2 _collections _functools _hashlib _json _locale _operator _sre _struct _typing _weakrefset argparse
    bisect collections collections.abc contextlib copyreg enum errno fcntl functools gettext hashlib itertools json
    json.decoder json.encoder json.scanner keyword locale operator re re._casefix re._compiler re._constants
    re._parser reprlib signal struct threading types typing typing.io typing.re zlib
    """
)

SCRIPT = """
import sys
before = set(sys.modules)
from data_versioning.cli.main import main
code = main(sys.argv[1:])
sys.stdout.flush()
print("\\n" + str(code), *sorted(set(sys.modules) - before))
"""


def imported(sandbox: Sandbox, cwd: Path, *args: str) -> set[str]:
    """The modules that a command loads beyond an interpreter, as a process of its own; it must succeed.

    Nothing of others can be imported at all.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT, *args],
        cwd=cwd, capture_output=True, text=True, check=True,
        env=sandbox.environment() | {"PYTHONPATH": str(Path(__file__).parents[1] / "src"), "DV_NATIVE": ""},
    )  # fmt: skip
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0", done
    return set(modules)


@pytest.fixture
def project(repository: Path, sandbox: Sandbox, dvc: Tool) -> Path:
    """Tracked data, a stage, a remote, preferences."""
    with_remote(repository, sandbox, dvc)
    write(repository, "data/a", "1")
    write(repository, "data.csv", "2")
    write(
        repository,
        "dvc.yaml",
        "stages:\n  train:\n    cmd: cp data.csv model && echo '{}' > metrics.json\n    deps: [data.csv]\n"
        "    outs: [model]\n    metrics:\n    - metrics.json:\n        cache: false\n",
    )
    write(repository, ".dvc/dv.toml", "lock_timeout = 30\n")
    dvc(repository, "add", "-q", "data", "data.csv").ok()
    dvc(repository, "repro", "-q").ok()
    sandbox.git(repository, "add", "-A")
    sandbox.git(repository, "commit", "-qm", "project")
    return repository


def ours(modules: set[str]) -> set[str]:
    return {
        name.removeprefix("data_versioning.") for name in modules if name.split(".")[0] == "data_versioning"
    }


def test_status_that_finds_nothing(sandbox: Sandbox, project: Path, dv: Tool) -> None:
    """The second run: the first one compiled settings and pipeline."""
    assert "up to date" in dv.real(project, "status").ok().out
    found = imported(sandbox, project, "status")
    assert ours(found) == STATUS
    assert not found & SLOW
    assert found - {f"data_versioning.{name}" for name in STATUS} - {"data_versioning"} <= STANDARD


PARAMETER_FILES = {
    "params.yaml": "lr: 0.1\n",
    "params.json": '{"epochs": 3}',
    "params.toml": "seed = 1\n",
    "params.py": "layers = (1, 2)\n",
}


def test_parameters_cost_nothing_once_they_are_known(sandbox: Sandbox, project: Path, dv: Tool) -> None:
    for name, content in PARAMETER_FILES.items():
        write(project, name, content)
    text = (project / "dvc.yaml").read_text()
    text += (
        "    params:\n    - lr\n    - params.json: [epochs]\n    - params.toml:\n    - params.py: [layers]\n"
    )
    (project / "dvc.yaml").write_text(text)
    dv(project, "commit", "-f", "train").ok()
    assert "up to date" in dv.real(project, "status").ok().out
    found = imported(sandbox, project, "status")
    assert ours(found) == STATUS
    assert not found & SLOW


def test_help(sandbox: Sandbox, place: Path) -> None:
    found = imported(sandbox, place, "--help")
    assert ours(found) == {"data_versioning", "cli", "cli.main"}
    assert found - {"data_versioning", "data_versioning.cli", "data_versioning.cli.main"} <= BARE

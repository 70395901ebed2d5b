"""`dv` and `dvc` exchange data through a machine that is reached by SSH."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool, copy_repository
from tests.servers.sshd import SshServer


@pytest.mark.parametrize(("pusher", "puller"), [("dv", "dvc"), ("dvc", "dv")])
def test_what_one_pushed_the_other_pulls(
    pusher: str,
    puller: str,
    request: pytest.FixtureRequest,
    ssh_server: SshServer,
    sandbox: Sandbox,
    repository: Path,
) -> None:
    push: Tool = request.getfixturevalue(pusher)
    pull: Tool = request.getfixturevalue(puller)
    ssh_server.introduce(sandbox.base / "home")
    push(repository, "remote", "add", "-d", "box", ssh_server.fresh()).ok()
    for name, value in ssh_server.settings.items():
        push(repository, "remote", "modify", "box", name, value).ok()
    for name in ("a", "b", "inner/c"):
        (repository / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / "data" / name).write_text(f"content of {name}\n")
    (repository / "model.bin").write_bytes(b"\x00model" * 300_000)
    push(repository, "add", "data", "model.bin").ok()
    push(repository, "push").ok()
    clone = copy_repository(repository, repository.parent / "clone")
    shutil.rmtree(clone / ".dvc/cache")
    shutil.rmtree(clone / "data")
    (clone / "model.bin").unlink()
    pull(clone, "pull").ok()
    assert (clone / "data/inner/c").read_text() == "content of inner/c\n"
    assert (clone / "model.bin").read_bytes() == (repository / "model.bin").read_bytes()
    assert push(clone, "status", "-c", "--json").json == {}
    assert pull(clone, "status", "-c", "--json").json == {}

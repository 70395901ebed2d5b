"""`dv` and `dvc` exchange data through servers that keep files: SSH, WebDAV, HDFS; and through S3 with permissions.

`dvc` needs a Java library for HDFS; there it comes by WebHDFS to the same directory.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.oracle import Sandbox, Tool, copy_repository

KINDS = ("ssh", "webdav", "webhdfs", "hdfs", "s3")
Where = Mapping[str, tuple[str, Mapping[str, str]]]


@pytest.fixture(params=KINDS)
def where(request: pytest.FixtureRequest, sandbox: Sandbox) -> Where:
    """Url and settings of the same new place for each of the two."""
    fixture = {"ssh": "ssh_server", "webdav": "web_server", "s3": "s3_server"}.get(
        request.param, "hdfs_server"
    )
    server = request.getfixturevalue(fixture)
    url, settings = server.fresh(), {"user": "ada"}
    match request.param:
        case "ssh":
            server.introduce(sandbox.base / "home")
            settings = server.settings
        case "webdav":
            url, settings = url.replace("http://", "webdav://"), {}
        case "s3":
            settings = server.settings | {"acl": "bucket-owner-full-control"}
        case "webhdfs":
            url = server.by_http(url)
        case "hdfs":
            return {"dv": (url, settings), "dvc": (server.by_http(url), settings)}
    return dict.fromkeys(("dv", "dvc"), (url, settings))


def use(root: Path, url: str, settings: Mapping[str, str]) -> None:
    lines = "".join(f"    {key} = {value}\n" for key, value in {"url": url, **settings}.items())
    (root / ".dvc/config").write_text(f"[core]\n    remote = box\n['remote \"box\"']\n{lines}")


@pytest.mark.parametrize(("pusher", "puller"), [("dv", "dvc"), ("dvc", "dv")])
def test_what_one_pushed_the_other_pulls(
    pusher: str, puller: str, request: pytest.FixtureRequest, where: Where, repository: Path
) -> None:
    push: Tool = request.getfixturevalue(pusher)
    pull: Tool = request.getfixturevalue(puller)
    use(repository, *where[pusher])
    for name in ("a", "b", "inner/c"):
        (repository / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / "data" / name).write_text(f"content of {name}\n")
    (repository / "model.bin").write_bytes(b"\x00model" * 1_500_000)
    push(repository, "add", "data", "model.bin").ok()
    push(repository, "push").ok()
    assert push(repository, "status", "-c", "--json").json == {}
    clone = copy_repository(repository, repository.parent / "clone")
    shutil.rmtree(clone / ".dvc/cache")
    shutil.rmtree(clone / "data")
    (clone / "model.bin").unlink()
    use(clone, *where[puller])
    pull(clone, "pull").ok()
    assert (clone / "data/inner/c").read_text() == "content of inner/c\n"
    assert (clone / "model.bin").read_bytes() == (repository / "model.bin").read_bytes()
    assert pull(clone, "status", "-c", "--json").json == {}


@pytest.mark.parametrize(
    ("fixture", "below"),
    [
        ("s3_server", "sub dir?x#y"),
        ("gcs_server", "a?x"),
        ("azure_server", "a?x+"),
        ("ssh_server", "sub dir?x#y"),
        ("nginx_server", "sub dir+ü%20"),
        ("webhdfs", "a b#c"),
    ],
)
def test_urls_with_unusual_characters(
    fixture: str,
    below: str,
    request: pytest.FixtureRequest,
    repository: Path,
    sandbox: Sandbox,
    dvc: Tool,
    dv: Tool,
) -> None:
    """Both mean the same place."""
    server = request.getfixturevalue("hdfs_server" if fixture == "webhdfs" else fixture)
    url, settings = server.fresh(), {"user": "ada"} if fixture == "webhdfs" else server.settings
    if fixture == "ssh_server":
        server.introduce(sandbox.base / "home")
    if fixture == "webhdfs":
        url = server.by_http(url)
    use(repository, f'"{url}/{below}/"', settings)
    (repository / "one").write_text(f"{url}\n")
    dv(repository, "add", "one").ok()
    dv(repository, "push").ok()
    assert dvc(repository, "status", "-c", "--json").json == {}
    (repository / "two").write_text(f"{url} {below}\n")
    dvc(repository, "add", "two").ok()
    dvc(repository, "push").ok()
    assert dv(repository, "status", "-c", "--json").json == {}

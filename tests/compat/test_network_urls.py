"""Imports from network stores: pointer files as DVC writes them, byte for byte, and the same data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.storage.base import Items
from tests.compat.twins import Twins
from tests.oracle import Sandbox
from tests.servers.apache import WebServer
from tests.servers.seaweedfs import S3Server

NAMES = ("file.txt", "dir/a", "dir/b c", "dir/sub/c", "dir/sub/deep/ü")
Settings = Mapping[str, str]


def upload(
    url: str, settings: Settings, source: Path, names: tuple[str, ...] = NAMES, tail: str = ""
) -> None:
    """Put files with these names below `url`."""
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(f"content of {name}\n{tail}")
    packed = "".join([f"{name}\0" for name in names]).encode()
    outcome = storage.open_store(url, settings).upload(
        Items(directory=str(source), names=packed, keys=packed)
    )
    assert not outcome.failures


def located(request: pytest.FixtureRequest) -> tuple[str, Settings]:
    """The url of an empty place on a server, and a remote's settings."""
    if request.param == "webhdfs":
        hdfs = request.getfixturevalue("hdfs_server")
        return hdfs.by_http(hdfs.fresh()), {"user": "ada"}
    found = request.getfixturevalue(f"{'nginx' if request.param == 'http' else request.param}_server")
    return found.fresh(), found.settings


@pytest.fixture(params=["s3", "azure", "gcs", "http", "ssh", "webhdfs"])
def server(
    request: pytest.FixtureRequest, sandbox: Sandbox, twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Settings]:
    """A place with NAMES, which is the remote `cloud` of both repositories."""
    url, settings = located(request)
    if request.param == "ssh":
        request.getfixturevalue("ssh_server").introduce(sandbox.base / "home")
        monkeypatch.setenv("HOME", str(sandbox.base / "home"))
    upload(url, settings, twins.ours.root.parent / "source")
    for player in twins.players:
        lines = "".join([f"    {key} = {value}\n" for key, value in settings.items()])
        config = player.root / ".dvc/config"
        config.write_text(f"{config.read_text()}['remote \"cloud\"']\n    url = {url}\n{lines}")
    return url, settings


def pointers(root: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in root.iterdir() if path.suffix == ".dvc" and path.is_file()
    }


def same_pointers(twins: Twins) -> dict[str, bytes]:
    theirs, ours = (pointers(player.root) for player in twins.players)
    assert ours == theirs != {}
    return ours


def test_imports_are_recorded_as_dvc_does(twins: Twins, server: tuple[str, Settings]) -> None:
    url, settings = server
    twins.each("import-url", "remote://cloud/file.txt", "file")
    twins.each("import-url", "--no-download", "remote://cloud/file.txt", "later")
    twins.each("import-url", "--no-exec", "remote://cloud/file.txt", "unseen")
    if not url.startswith("http"):
        twins.each("import-url", "remote://cloud/dir")
        twins.each("import-url", "--no-download", "remote://cloud/dir", "dir2")
    before = same_pointers(twins)
    for player in twins.players:
        assert (player.root / "file").read_text() == "content of file.txt\n"
        if "dir.dvc" in before:
            assert (player.root / "dir/sub/deep/ü").read_text() == "content of dir/sub/deep/ü\n"
    # Nothing changed there, then something did.
    twins.each("update", "file.dvc")
    assert same_pointers(twins) == before
    upload(url, settings, twins.ours.root.parent / "source", ("file.txt", "dir/a"), tail="more\n")
    twins.each("update", *(name for name in ("file.dvc", "dir.dvc") if name in before))
    after = same_pointers(twins)
    assert after["file.dvc"] != before["file.dvc"]
    assert after.get("dir.dvc") != before.get("dir.dvc") or url.startswith("http")
    twins.each("update", "--no-download", "later.dvc")
    same_pointers(twins)
    for player in twins.players:
        assert (player.root / "file").read_text() == "content of file.txt\nmore\n"


def test_what_was_not_downloaded_comes_with_pull(twins: Twins, server: tuple[str, Settings]) -> None:
    url, settings = server
    ours = twins.ours
    ours.run("import-url", "--no-download", "remote://cloud/file.txt", "later").ok()
    before = pointers(ours.root)
    ours.run("pull", "later").ok()
    assert (ours.root / "later").read_text() == "content of file.txt\n"
    assert pointers(ours.root) == before
    (ours.root / "later").unlink()
    upload(url, settings, ours.root.parent / "source", ("file.txt",), tail="changed\n")
    failed = ours.run("pull", "later")
    assert failed.code == 1
    assert "no longer what was imported" in failed.err


def test_get_and_list(twins: Twins, server: tuple[str, Settings]) -> None:
    url, _ = server
    twins.each("get-url", "remote://cloud/file.txt", "got")
    assert (twins.ours.root / "got").read_bytes() == (twins.theirs.root / "got").read_bytes()
    listings: list[tuple[str, ...]] = [("remote://cloud/file.txt",)]
    if not url.startswith("http"):
        twins.each("get-url", "remote://cloud/dir", "folder")
        theirs, ours = (
            {path.relative_to(player.root): path.read_bytes() for path in files(player.root / "folder")}
            for player in twins.players
        )
        assert ours == theirs != {}
        listings += [
            ("remote://cloud",),
            ("-R", "--size", "remote://cloud/dir"),
            ("-R", "-L", "2", "remote://cloud/dir"),
        ]
        # DVC shows the size of directories, where they have one.
        listings += [] if url.startswith("ssh") else [("-T", "--size", "remote://cloud/dir")]
    for arguments in listings:
        theirs_out, ours_out = (
            sorted(player.run("list-url", *arguments).ok().out.splitlines()) for player in twins.players
        )
        assert ours_out == theirs_out, arguments
    for command in ("get-url", "import-url"):
        assert twins.ours.run(command, "remote://cloud/none", "x").code == 1
    assert twins.ours.run("list-url", "remote://cloud/none").code == 255


def files(top: Path) -> list[Path]:
    return [path for path in top.rglob("*") if path.is_file()]


@pytest.mark.parametrize("target", ["network", "here"])
def test_straight_to_a_remote(twins: Twins, server: tuple[str, Settings], target: str) -> None:
    """What is sent past the cache is recorded as DVC does, and DVC pulls it."""
    url, settings = server
    place = twins.ours.root.parent
    if target == "here":
        destination = f"{place}/plain"
        extra: Settings = {}
    else:
        destination, extra = f"{url}/objects", settings
    for player in twins.players:
        for name, value in {"url": destination, **extra}.items():
            arguments = ["add", "-f", "target", value] if name == "url" else ["modify", "target", name, value]
            player.run("remote", *arguments).ok()
    (place / "local/inner").mkdir(parents=True)
    (place / "local/inner/x").write_text("x\n")
    ours = twins.ours
    ours.run("add", "--to-remote", "-r", "target", f"{place}/local", "-o", "sent").ok()
    ours.run("import-url", "--to-remote", "-r", "target", "remote://cloud/file.txt", "passed").ok()
    if not url.startswith("http"):
        ours.run("import-url", "--to-remote", "-r", "target", "remote://cloud/dir", "tree").ok()
    assert not list((ours.root / ".dvc/cache").rglob("??/*"))
    assert not list((ours.root / ".dvc").rglob(".*.tmp"))
    theirs = twins.theirs
    for name, content in pointers(ours.root).items():
        (theirs.root / name).write_bytes(content)
    names = [name for name in ("sent.dvc", "passed.dvc", "tree.dvc") if name in pointers(ours.root)]
    theirs.run("pull", "-r", "target", *names).ok()
    assert (theirs.root / "sent/inner/x").read_text() == "x\n"
    assert (theirs.root / "passed").read_text() == "content of file.txt\n"


def test_a_url_below_a_remote_has_its_settings(twins: Twins, server: tuple[str, Settings]) -> None:
    url, _ = server
    twins.ours.run("get-url", f"{url}/file.txt", "got").ok()
    assert (twins.ours.root / "got").read_text() == "content of file.txt\n"


def test_a_signed_url(twins: Twins, s3_server: S3Server) -> None:
    """Its signature is for GET, and for nothing else."""
    url, settings = s3_server.fresh(), s3_server.settings
    upload(url, settings, twins.ours.root.parent / "source", ("file.txt",))
    place = {"Bucket": s3_server.bucket, "Key": f"{url.rpartition('/')[2]}/file.txt"}
    signed = s3_server.client().generate_presigned_url("get_object", Params=place)
    twins.each("import-url", signed)
    same_pointers(twins)
    assert (twins.ours.root / "file.txt").read_text() == "content of file.txt\n"


@pytest.fixture
def files_of_apache(web_server: WebServer) -> str:
    """The url of an empty directory with NAMES, old enough for Apache to have made up its mind about their etags."""
    url = web_server.fresh()
    root = web_server.root / url.rpartition("/")[2]
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}\n")
        os.utime(root / name, (1_700_000_000, 1_700_000_000))
    return url


def test_webdav_is_recorded_as_dvc_does(twins: Twins, files_of_apache: str) -> None:
    url = files_of_apache.replace("http://", "webdav://")
    for player in twins.players:
        config = player.root / ".dvc/config"
        config.write_text(f"{config.read_text()}['remote \"cloud\"']\n    url = {url}\n")
    twins.each("import-url", "remote://cloud/dir", "below")
    twins.each("import-url", f"{url}/dir")
    twins.each("import-url", "--no-download", f"{url}/dir", "later")
    twins.each("import-url", "--no-download", f"{url}/file.txt", "file")
    before = same_pointers(twins)
    assert b"etag: '\"" in before["file.dvc"]
    twins.each("update", "dir.dvc")
    assert same_pointers(twins) == before
    # Of single files DVC can only record what they are.
    ours = twins.ours
    ours.run("pull", "file").ok()
    assert (ours.root / "file").read_text() == "content of file.txt\n"
    assert (ours.root / "dir/sub/deep/ü").read_text() == "content of dir/sub/deep/ü\n"


def test_a_query_is_recorded_as_dvc_does(twins: Twins, files_of_apache: str) -> None:
    """As it was written, and the name is what stands before it."""
    url = f"{files_of_apache}/file.txt"
    twins.each("import-url", f"{url}?sig=a%2Fb%2B&x=1/2")
    twins.each("import-url", "--no-download", f"{url}?q", "later")
    twins.each("get-url", f"{url}?q=a/b", "got")
    before = same_pointers(twins)
    assert b"?sig=a%2Fb%2B&x=1/2\n" in before["file.txt.dvc"]
    twins.each("update", "file.txt.dvc")
    assert same_pointers(twins) == before
    for player in twins.players:
        assert (player.root / "file.txt").read_text() == (player.root / "got").read_text()
    gone = twins.ours.run("import-url", f"{url}none?sig=hunter2", "x")
    assert gone.code == 1 and "hunter2" not in gone.err

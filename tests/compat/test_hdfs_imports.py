"""Imports from HDFS are recorded as DVC does, byte for byte.

DVC needs Java, Hadoop's programs and a library in C for that; what it wrote (3.67.1, with dvc-hdfs 3.0.0 and Hadoop
2.7.3) is in `golden/hdfs`: before and after the origin changed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.storage.base import Items
from tests.oracle import Result, Tool
from tests.servers import process
from tests.servers.hadoop import HdfsServer, xml

GOLDEN = Path(__file__).parent.parent / "golden/hdfs"
NAMES = ("file.txt", "dir/a", "dir/sub/c", "dir/sub/deep/d")
Run = Callable[..., Result]


def upload(url: str, source: Path, names: tuple[str, ...] = NAMES, tail: str = "") -> None:
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(f"content of {name}\n{tail}")
    packed = "".join([f"{name}\0" for name in names]).encode()
    outcome = storage.open_store(url, {"user": "ada"}).upload(
        Items(directory=str(source), names=packed, keys=packed)
    )
    assert not outcome.failures


@pytest.fixture
def url(hdfs_server: HdfsServer, place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A directory with NAMES."""
    monkeypatch.setenv("HADOOP_USER_NAME", "nobody")
    url = hdfs_server.fresh()
    upload(url, place / "source")
    return url


@pytest.fixture
def run(dv: Tool, repository: Path, url: str, hdfs_server: HdfsServer) -> Run:
    """`dv` in a repository with that directory as the remote `cloud`, and an empty one as `target`."""
    config = repository / ".dvc/config"
    config.write_text(
        f"{config.read_text()}['remote \"cloud\"']\n    url = {url}\n    user = ada\n"
        f"['remote \"target\"']\n    url = {repository.parent}/target\n"
    )
    usual = {"HADOOP_CONF_DIR": str(hdfs_server.configuration)}

    def run(*words: str, **environment: str) -> Result:
        return dv(repository, *words, env=usual | environment)

    return run


def assert_recorded(repository: Path, when: str, *names: str) -> None:
    for name in names:
        expected = (GOLDEN / when / f"{name}.dvc").read_text()
        assert (repository / f"{name}.dvc").read_text() == expected, name


def test_all_of_an_imports_life(run: Run, repository: Path, url: str) -> None:
    file, directory = "remote://cloud/file.txt", "remote://cloud/dir"
    run("import-url", file, "file").ok()
    run("import-url", directory).ok()
    run("import-url", "--no-download", file, "later").ok()
    run("import-url", "--no-download", directory, "dir2").ok()
    run("import-url", "--to-remote", "-r", "target", file, "passed").ok()
    run("import-url", "--to-remote", "-r", "target", directory, "tree").ok()
    assert_recorded(repository, "before", "file", "dir", "later", "dir2", "passed", "tree")
    assert (repository / "dir/sub/deep/d").read_text() == "content of dir/sub/deep/d\n"
    assert not (repository / "later").exists()
    assert "up to date: file.dvc" in run("update", "file.dvc", "dir.dvc").ok().out
    assert_recorded(repository, "before", "file", "dir")
    run("pull", "dir2").ok()
    assert (repository / "dir2/a").read_text() == "content of dir/a\n"
    # Then something changes there.
    upload(url, repository.parent / "source", ("file.txt", "dir/a"), tail="more\n")
    gone = run("pull", "later")
    assert gone.code == 1 and "no longer what was imported" in gone.err
    run("update", "file.dvc", "dir.dvc").ok()
    run("update", "--no-download", "later.dvc").ok()
    run("update", "--to-remote", "-r", "target", "passed.dvc").ok()
    assert_recorded(repository, "after", "file", "dir", "later", "passed")
    assert (repository / "file").read_text() == "content of file.txt\nmore\n"
    assert set(run("status", "--json").ok().json) == {"dir2.dvc", "later.dvc", "passed.dvc", "tree.dvc"}


def test_a_name_that_dvc_cannot_ask_for(run: Run, repository: Path, url: str) -> None:
    """It gives names to a shell, unquoted."""
    name = "b c; touch x"
    upload(url, repository.parent / "source", (name,))
    run("import-url", f"{url}/{name}", "y").ok()
    assert f"path: {url}/{name}\n" in (repository / "y.dvc").read_text()


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_closed_door(run: Run, repository: Path, url: str, tmp_path: Path, flags: tuple[str, ...]) -> None:
    """`dvc` may know another way; the user is told why it is asked. Nothing is recorded."""
    (closed,) = process.free_ports(1)
    web = {"dfs.namenode.http-address": f"127.0.0.1:{closed}"}
    (tmp_path / "hdfs-site.xml").write_text(xml(web))
    result = run("import-url", *flags, f"{url}/file.txt", "x", HADOOP_CONF_DIR=str(tmp_path))
    assert result.code != 0
    said = result.out if flags else result.err
    assert f"http://127.0.0.1:{closed}/webhdfs/v1 does not answer: connection refused" in said
    assert "dfs.namenode.http-address" in said
    assert ("dvc is asked instead" in result.err, "dvc-hdfs" in result.err) == (not flags, not flags)
    assert not list(repository.glob("x*"))


def test_what_cannot_be_read(run: Run, repository: Path, url: str, hdfs_server: HdfsServer) -> None:
    run("remote", "modify", "cloud", "user", "eve").ok()
    denied = run("import-url", "remote://cloud/file.txt", "x")
    assert denied.code == 1 and "does not permit this: Permission denied: user=eve" in denied.err
    gone = run("import-url", f"hdfs://127.0.0.1:{process.free_ports(1)[0]}/x", "x")
    assert gone.code == 1 and "does not answer: connection refused" in gone.err
    none = run("import-url", f"hdfs://127.0.0.1:{hdfs_server.port}/ada/none", "x", HADOOP_USER_NAME="ada")
    assert none.code == 1 and "does not exist" in none.err
    assert not list(repository.glob("x*"))

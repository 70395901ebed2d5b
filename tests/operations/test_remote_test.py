"""`dv remote test`: what remotes permit, enforce and cost, on real servers."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.errors import ConfigError
from data_versioning.operations import remote_test
from data_versioning.operations.remote_test import RemoteTest, RemoteTestOptions
from data_versioning.remotes import probe
from data_versioning.remotes.probe import State
from data_versioning.storage.base import Failure, Store
from data_versioning.storage.client import Unavailable
from data_versioning.storage.local import LocalStore
from tests.conformance.store import fill
from tests.faults import as_user
from tests.operations.work import Work
from tests.oracle import Tool
from tests.servers import nginx, process, seaweedfs
from tests.servers.apache import WebServer
from tests.servers.azurite import AzureServer
from tests.servers.fake_gcs import GcsServer
from tests.servers.nginx import NginxServer
from tests.servers.seaweedfs import S3Server
from tests.servers.sshd import SshServer

SECRET = "dG9wLXNlY3JldC1rZXktb2YtYWxs"
SMALL = RemoteTestOptions(size=64 << 10)
LOOK = RemoteTestOptions(read_only=True)
CONDITIONAL = ("overwrite refused", "one creator wins")


def configure(work: Work, url: str, settings: Mapping[str, str] | None = None) -> None:
    options = "".join(f"    {name} = {value}\n" for name, value in (settings or {}).items())
    work.write(".dvc/config", f"[core]\n    remote = r\n['remote \"r\"']\n    url = {url}\n{options}")


def states(found: RemoteTest) -> dict[str, str]:
    return {check.name: str(check.state) for check in found.checks}


def check(found: RemoteTest, name: str) -> probe.Check:
    (one,) = [check for check in found.checks if check.name == name]
    return one


def left(url: str, settings: Mapping[str, str] | None = None) -> list[str]:
    """What lies below the prefix of the probes."""
    store = storage.open_store(url, settings or {})
    assert isinstance(store, Store)
    return [key for page in store.list(probe.PREFIX) for key in page.keys]


def everything_works(work: Work, url: str, settings: Mapping[str, str]) -> RemoteTest:
    configure(work, url, settings)
    found = remote_test.remote_test(None, SMALL)
    assert set(states(found).values()) == {"ok"}, found.checks
    assert found.works and found.speed and found.speed.up and found.speed.down
    assert 0 < found.speed.median <= found.speed.p95
    assert left(url, settings) == []
    return found


def test_a_directory(work: Work, place: Path) -> None:
    found = everything_works(work, str(place / "store"), {})
    assert list((place / "store").iterdir()) == []
    assert found.usage and (found.usage.objects, found.usage.monthly) == (0, None)


def test_s3(work: Work, s3_server: S3Server) -> None:
    everything_works(work, s3_server.fresh(), s3_server.settings)


def test_azure(work: Work, azure_server: AzureServer) -> None:
    everything_works(work, azure_server.fresh(), azure_server.settings)


def test_gcs(work: Work, gcs_server: GcsServer) -> None:
    everything_works(work, gcs_server.fresh(), gcs_server.settings)


def test_ssh(work: Work, ssh_server: SshServer) -> None:
    ssh_server.introduce(Path(os.environ["HOME"]))
    everything_works(work, ssh_server.fresh(), ssh_server.settings)


def test_webdav_cannot_say_who_was_first(work: Work, web_server: WebServer) -> None:
    url = web_server.fresh().replace("http://", "webdav://")
    configure(work, url)
    found = remote_test.remote_test(None, SMALL)
    assert found.works
    for name in CONDITIONAL:
        assert check(found, name).state is State.NOT_OFFERED
        assert "a registry or shared log cannot live there" in check(found, name).reason
    assert left(url) == []


def test_a_web_server_has_no_listing(work: Work, nginx_server: NginxServer) -> None:
    url = nginx_server.fresh()
    configure(work, url, nginx_server.settings)
    for _ in range(2):
        found = remote_test.remote_test(None, SMALL)
        assert states(found) == {"list": "not offered", "write": "ok", "read": "ok", "delete": "not offered"}
        assert found.works and found.usage is None and found.speed and found.speed.up is None
    assert ".dv-test/probe stays there" in check(found, "write").reason
    directory = nginx_server.root / url.rpartition("/")[2] / ".dv-test"
    assert [path.name for path in directory.iterdir()] == ["probe"]


def test_a_web_server_with_the_wrong_password(work: Work, nginx_server: NginxServer) -> None:
    login = {"auth": "basic", "user": nginx.USER, "password": SECRET, "method": "PUT"}
    configure(work, f"{nginx_server.url}/basic/t", login)
    found = remote_test.remote_test(None, SMALL)
    assert not found.works
    assert check(found, "write").state is check(found, "read").state is State.REFUSED
    assert SECRET not in repr(found)


def test_wrong_credentials(work: Work, s3_server: S3Server, dv: Tool) -> None:
    configure(work, s3_server.fresh(), {**s3_server.settings, "secret_access_key": SECRET})
    for arguments in ((), ("--json",), ("--read-only",)):
        said = dv(work.root, "remote", "test", *arguments)
        assert said.code == 1
        assert "does not accept the credentials" in said.out and "secret_access_key" in said.out
        assert SECRET not in said.out + said.err
    assert "push or pull will not work" in said.out


def test_a_bucket_that_may_only_be_read(work: Work, s3_server: S3Server, tmp_path: Path) -> None:
    url = s3_server.fresh()
    fill(storage.open_store(url, s3_server.settings), tmp_path, {"files/one": b"1"})
    settings = {**s3_server.settings, "access_key_id": seaweedfs.READER}
    configure(work, url, settings)
    found = remote_test.remote_test(None, SMALL)
    assert not found.works
    assert states(found) == {"list": "ok", "write": "refused", "read": "ok", "delete": "not tried"}
    assert "s3:PutObject" in (check(found, "write").hint or "")
    looked = remote_test.remote_test(None, LOOK)
    assert looked.works and looked.usage and (looked.usage.objects, looked.usage.size) == (1, 1)


def test_a_directory_that_may_only_be_read(work: Work, place: Path, dv: Tool) -> None:
    store = place / "store"
    (store / "files").mkdir(parents=True)
    (store / "files/one").write_bytes(b"1")
    for path in (store, store / "files"):
        path.chmod(0o555)
    configure(work, str(store))
    said = as_user.run(dv, work.root, "remote", "test")
    assert said.code == 1, said.err
    assert "permission denied" in said.out and "w and x on the directories" in said.out
    looked = as_user.run(dv, work.root, "remote", "test", "--read-only")
    assert looked.code == 0 and "1 object, 1 B" in looked.out and "push was not tried" in looked.out
    assert sorted(path.name for path in store.rglob("*")) == ["files", "one"]


def test_a_part_that_cannot_be_listed(work: Work, place: Path, dv: Tool) -> None:
    (place / "store/closed").mkdir(parents=True)
    (place / "store/closed").chmod(0o700)
    (place / "store").chmod(0o777)
    configure(work, str(place / "store"))
    said = as_user.run(dv, work.root, "remote", "test", "--size", "64K")
    assert "usage               refused" in said.out and "closed" in said.out, said.out + said.err
    assert said.code == 0 and "push and pull work." in said.out


@pytest.mark.parametrize("options", [SMALL, LOOK])
def test_nobody_answers(work: Work, options: RemoteTestOptions) -> None:
    (port,) = process.free_ports(1)
    settings = {"endpointurl": f"http://127.0.0.1:{port}", "access_key_id": "a", "secret_access_key": SECRET}
    configure(work, "s3://bucket/x", {**settings, "region": "us-east-1"})
    found = remote_test.remote_test(None, options)
    assert states(found) == {"reach": "refused"} and not found.works
    assert "connection refused" in check(found, "reach").reason and check(found, "reach").hint


def test_reading_only_writes_nothing(work: Work, place: Path) -> None:
    store = place / "store"
    configure(work, str(store))
    missing = remote_test.remote_test(None, LOOK)
    assert not missing.works and "there is no directory" in check(missing, "read").reason
    assert not store.exists()
    store.mkdir()
    before = store.stat().st_mtime_ns
    found = remote_test.remote_test(None, LOOK)
    assert states(found) == {"list": "ok", "read": "ok", "write": "not tried", "delete": "not tried"}
    assert found.works and store.stat().st_mtime_ns == before


def test_what_is_stored_and_what_it_costs(work: Work, place: Path, dv: Tool) -> None:
    store = place / "store/files/md5/ab"
    store.mkdir(parents=True)
    for name in ("one", "two"):
        with (store / name).open("wb") as file:
            file.truncate(1 << 30)
    configure(work, str(place / "store"))
    usage = remote_test.remote_test(None, RemoteTestOptions(read_only=True, price_per_gb=0.5)).usage
    assert usage and (usage.objects, usage.size, usage.monthly) == (2, 2 << 30, 1.0)
    assert remote_test.remote_test(None, RemoteTestOptions(read_only=True, usage=False)).usage is None
    said = dv(work.root, "remote", "test", "--read-only", "--price-per-gb", "0.5").ok()
    assert "about $1.00 a month: an estimate" in said.out
    assert "no list price" in dv(work.root, "remote", "test", "--read-only").ok().out


def test_options_without_sense(work: Work, dv: Tool) -> None:
    for words in (
        ("--size", "0"),
        ("--size", "2G"),
        ("--size", "x"),
        ("--price-per-gb", "nan"),
        ("--price-per-gb", "-1"),
    ):
        assert dv(work.root, "remote", "test", *words).code == 254
    with pytest.raises(ConfigError, match="no remote"):
        remote_test.remote_test("nowhere")


class Forgetful(LocalStore):
    """Lets every creator believe that it was the first."""

    def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        (Path(self.root) / probe.PREFIX).mkdir(parents=True, exist_ok=True)
        (Path(self.root) / key).write_bytes(content)
        return "etag"


class Racy(LocalStore):
    """Looks, then writes: correct for one writer after the other."""

    def put_if(self, key: str, content: bytes, expected: str | None) -> str | None:
        path = Path(self.root) / key
        if path.exists():
            return None
        time.sleep(0.05)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return "etag"


def test_stores_that_do_not_enforce_conditions(place: Path) -> None:
    with probe.probing(Forgetful(root=str(place))) as run:
        found = probe.refuses_to_replace(run)
    assert found.state is State.WRONG and "replaced the first" in found.reason
    with probe.probing(Racy(root=str(place))) as run:
        found = probe.lets_one_create(run)
    assert found.state is State.WRONG and "creators were told they won" in found.reason
    assert "registry" in (found.hint or "") and not found.is_needed
    assert list(place.iterdir()) == []


class Keeping(LocalStore):
    """Deletes nothing, and says so as S3 does to many at once: as if it could not now."""

    def delete(self, keys: Sequence[str]) -> dict[int, Failure]:
        raise Unavailable("AccessDenied")


def test_without_the_right_to_delete_one_small_object_stays(
    work: Work, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(work, str(place / "store"))
    monkeypatch.setattr(storage, "open_store", lambda url, options: Keeping(root=url))
    found = remote_test.remote_test(None, SMALL)
    assert found.works
    assert states(found) == {"list": "ok", "write": "ok", "read": "ok", "delete": "refused"}
    (kept,) = (place / "store/.dv-test").iterdir()
    assert f".dv-test/{kept.name} stays there" in check(found, "delete").reason
    assert kept.stat().st_size < 100


def test_an_interruption_leaves_nothing(work: Work, place: Path, dv: Tool) -> None:
    store = place / "store"
    configure(work, str(store))
    running = subprocess.Popen(
        dv.argv("remote", "test", "--size", "256M"),
        cwd=work.root,
        env=dv.sandbox.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    seen = threading.Event()
    end = time.monotonic() + 60
    while not seen.is_set() and time.monotonic() < end and running.poll() is None:
        if any("large" in path.name or path.name.endswith(".tmp") for path in store.glob(".dv-test/*")):
            seen.set()
        time.sleep(0.005)
    assert seen.is_set(), "the test ended before it could be interrupted"
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode != 0
    assert list(store.iterdir()) == []


def test_nothing_is_recorded(work: Work, place: Path) -> None:
    configure(work, str(place / "store"))
    before = work.everything()
    remote_test.remote_test(None, SMALL)
    assert work.everything() == before

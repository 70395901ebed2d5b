from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.sftp import open_store
from data_versioning.storage.ssh_login import Server
from tests.conformance.store import ConditionalStoreSuite, NetworkStoreSuite, fill, items, joined
from tests.servers import process
from tests.servers.sshd import SshServer, serving

# What `nc HOST PORT` does; it leaves a trace.
_RELAY = """
import os, pathlib, socket, sys, threading
pathlib.Path(__file__).with_name("relayed").touch()
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536):
        line.sendall(data)
    os._exit(0)
threading.Thread(target=up, daemon=True).start()
while data := line.recv(65536):
    os.write(1, data)
"""


@pytest.fixture
def home(tmp_path: Path, ssh_server: SshServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory whose user knows the server."""
    path = tmp_path / "home"
    path.mkdir()
    ssh_server.introduce(path)
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return path


class TestSftp(ConditionalStoreSuite, NetworkStoreSuite):
    @pytest.fixture
    def store(self, ssh_server: SshServer, home: Path) -> ConcurrentStore:
        return open_store(ssh_server.fresh(), ssh_server.settings)


def opened(server: SshServer, **settings: str) -> ConcurrentStore:
    return open_store(server.fresh(), server.settings | settings)


def problem(store: ConcurrentStore) -> StorageError:
    with pytest.raises(StorageError) as caught:
        store.find(["a", "b", "c"])
    return caught.value


def new_key(directory: Path, *, passphrase: str = "") -> str:
    path = directory / "another_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    return str(path)


class TestHostKeys:
    def test_an_unknown_host_is_refused(self, ssh_server: SshServer, home: Path) -> None:
        (home / ".ssh/known_hosts").unlink()
        found = problem(opened(ssh_server))
        assert "host key" in found.message and "not known" in found.message
        assert f"ssh -p {ssh_server.port} 127.0.0.1" in (found.hint or "")
        assert "ssh-keyscan" in (found.hint or "")

    def test_a_changed_key_is_refused(self, ssh_server: SshServer, home: Path) -> None:
        another = Path(new_key(home) + ".pub").read_text()
        (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{ssh_server.port} {another}")
        found = problem(opened(ssh_server))
        assert "another host key" in found.message
        assert "ssh-keygen -R" in (found.hint or "")

    def test_no_configuration_turns_the_check_off(self, ssh_server: SshServer, home: Path) -> None:
        (home / ".ssh/known_hosts").unlink()
        (home / ".ssh/config").write_text("UserKnownHostsFile none\nStrictHostKeyChecking no\n")
        assert "not known" in problem(opened(ssh_server)).message

    def test_hashed_names(self, ssh_server: SshServer, home: Path) -> None:
        subprocess.run(["ssh-keygen", "-H", "-f", home / ".ssh/known_hosts"], check=True, capture_output=True)
        assert opened(ssh_server).find(["a"]).keys == []


class TestLogin:
    def test_a_key_that_is_not_accepted(self, ssh_server: SshServer, home: Path) -> None:
        found = problem(opened(ssh_server, keyfile=new_key(home)))
        assert "does not accept the login" in found.message
        assert "keyfile" in (found.hint or "")

    def test_a_wrong_password(self, ssh_server: SshServer, home: Path) -> None:
        settings = {**ssh_server.settings, "password": "tr0ub4dor"}
        del settings["keyfile"]
        found = problem(open_store(ssh_server.fresh(), settings))
        assert "does not accept the login" in found.message
        assert "tr0ub4dor" not in f"{found.message}{found.hint}"

    def test_a_refusal_is_not_tried_again(self, ssh_server: SshServer, home: Path) -> None:
        store = opened(ssh_server, keyfile=new_key(home))
        assert problem(store) is problem(store)

    def test_a_key_with_a_passphrase(self, ssh_server: SshServer, home: Path) -> None:
        key = new_key(home, passphrase="open sesame")
        with pytest.raises(ConfigError, match="protected by a passphrase") as caught:
            opened(ssh_server, keyfile=key)
        assert "ask_passphrase" in (caught.value.hint or "")
        with pytest.raises(ConfigError, match="cannot use the key") as caught:
            opened(ssh_server, keyfile=key, passphrase="wrong word")
        assert "wrong word" not in f"{caught.value.message}{caught.value.hint}"
        with (ssh_server.place / "key.pub").open("a") as keys:
            keys.write(Path(key + ".pub").read_text())
        assert opened(ssh_server, keyfile=key, passphrase="open sesame").find(["a"]).keys == []

    def test_a_key_of_the_agent(
        self, ssh_server: SshServer, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agent = home / "agent"
        with process.running(["ssh-agent", "-D", "-a", agent], directory=home, ready=agent.is_socket):
            monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
            subprocess.run(["ssh-add", "-q", ssh_server.place / "key"], check=True, capture_output=True)
            settings = {"port": str(ssh_server.port)}
            assert open_store(ssh_server.fresh(), settings).find(["a"]).keys == []
            assert (
                "does not accept"
                in problem(open_store(ssh_server.fresh(), {**settings, "allow_agent": "false"})).message
            )

    def test_an_alias_of_the_users_configuration(self, ssh_server: SshServer, home: Path) -> None:
        (home / ".ssh/config").write_text(
            f"Host Storage\n  HostName 127.0.0.1\n  Port {ssh_server.port}\n  User {ssh_server.user}\n"
            f"  IdentityFile {ssh_server.place}/key\n"
        )
        url = ssh_server.fresh().replace("127.0.0.1", "Storage")
        assert open_store(url, {}).find(["a"]).keys == []

    def test_a_key_of_the_configuration_that_is_not_there(self, ssh_server: SshServer, home: Path) -> None:
        """OpenSSH goes on to the next one; so does it with a command, where a terminal is wanted."""
        login = f"Host box\n  HostName 127.0.0.1\n  Port {ssh_server.port}\n  User {ssh_server.user}\n"
        url = ssh_server.fresh().replace("127.0.0.1", "box")
        keys = f"  IdentityFile ~/.ssh/none\n  IdentityFile {ssh_server.place}/key\n  RemoteCommand false\n"
        (home / ".ssh/config").write_text(login + keys)
        assert open_store(url, {}).find(["a"]).keys == []
        (home / ".ssh/config").write_text(f"{login}  IdentityFile ~/.ssh/none\n")
        assert "does not accept the login" in problem(open_store(url, {})).message

    @pytest.mark.parametrize("jump", ["first", "first,second", "{user}@127.0.0.1:{port}"])
    def test_through_other_machines(self, ssh_server: SshServer, home: Path, jump: str) -> None:
        login = f"  HostName 127.0.0.1\n  Port {ssh_server.port}\n  User {ssh_server.user}\n"
        way = jump.format(user=ssh_server.user, port=ssh_server.port)
        (home / ".ssh/config").write_text(
            f"Host first second storage\n{login}Host *\n  IdentityFile {ssh_server.place}/key\n"
            f"Host storage\n  ProxyJump {way}\n"
        )
        store = open_store(ssh_server.fresh().replace("127.0.0.1", "storage"), {})
        before = {*ssh_server.connections()}
        fill(store, home / "source", {"x/a": b"content"})
        assert store.read("x/a") == b"content"
        assert len({*ssh_server.connections()} - before) >= 2 + jump.count(",")

    def test_a_machine_in_between_that_is_not_known(self, ssh_server: SshServer, home: Path) -> None:
        known = (home / ".ssh/known_hosts").read_text()
        (home / ".ssh/known_hosts").write_text(known.replace(f"[127.0.0.1]:{ssh_server.port}", "storage"))
        (home / ".ssh/config").write_text(
            f"Host first storage\n  HostName 127.0.0.1\n  Port {ssh_server.port}\n  User {ssh_server.user}\n"
            f"  StrictHostKeyChecking no\n  IdentityFile {ssh_server.place}/key\n"
            "Host storage\n  HostKeyAlias storage\n  ProxyJump first\n"
        )
        found = problem(open_store(ssh_server.fresh().replace("127.0.0.1", "storage"), {}))
        assert found.message == (
            f"the host key of ssh://{ssh_server.user}@127.0.0.1:{ssh_server.port} is not known"
        )

    def test_through_another_program(self, ssh_server: SshServer, home: Path) -> None:
        relay = home / "relay.py"
        relay.write_text(_RELAY)
        (home / ".ssh/config").write_text(f"Host *\n  ProxyCommand {sys.executable} {relay} %h %p\n")
        store = opened(ssh_server)
        fill(store, home / "source", {"x/a": b"content"})
        assert store.read("x/a") == b"content"
        assert (home / "relayed").exists()

    def test_no_terminal_to_ask_on(self, ssh_server: SshServer, home: Path) -> None:
        with pytest.raises(ConfigError, match="no terminal"):
            opened(ssh_server, ask_password="true")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("port", "ssh"),
            ("timeout", "soon"),
            ("max_sessions", "0"),
            ("allow_agent", "perhaps"),
            ("keyfile", "/none/at/all"),
        ],
    )
    def test_settings_that_make_no_sense(
        self, ssh_server: SshServer, home: Path, name: str, value: str
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            opened(ssh_server, **{name: value})
        assert name in f"{caught.value.message}{caught.value.hint}"

    def test_kerberos_without_its_library(
        self, ssh_server: SshServer, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "gssapi", None)
        with pytest.raises(ConfigError, match="gssapi"):
            opened(ssh_server, gss_auth="true")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ssh://box/data", Server(host="box", path="/data")),
        ("ssh://ada@box:2222/", Server(host="box", path="/", user="ada", port=2222)),
        (
            "sftp://ada:p%40ss@[::1]:22/a/b/",
            Server(host="::1", path="/a/b", user="ada", port=22, password="p@ss"),
        ),
    ],
)
def test_urls(url: str, expected: Server) -> None:
    assert Server.parse(url) == expected
    assert "p@ss" not in repr(Server.parse(url))


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "h;touch x", "$(x)", "a b", "h:99999", "h:x"])
def test_a_url_without_sense(host: str) -> None:
    """What is told of a host is pasted into a shell."""
    with pytest.raises(ConfigError) as refused:
        Server.parse(f"ssh://{host}/data")
    assert "`" not in str(refused.value.hint) and host not in str(refused.value.hint)


def test_a_url_without_a_host() -> None:
    with pytest.raises(ConfigError, match="host"):
        Server.parse("ssh:///data")


class TestFailure:
    def test_nobody_listens(self, ssh_server: SshServer, home: Path) -> None:
        (port,) = process.free_ports(1)
        found = problem(opened(ssh_server, port=str(port)))
        assert "does not answer" in found.message and "refused" in found.message
        assert "port PORT" in (found.hint or "")

    def test_no_permission(self, ssh_server: SshServer, home: Path, tmp_path: Path) -> None:
        store = open_store("ssh://127.0.0.1/proc/dv", ssh_server.settings)
        (tmp_path / "one").write_bytes(b"one")
        with pytest.raises(StorageError) as caught:
            store.upload(items(tmp_path, {"k/one": b"one"}))
        assert "/proc/dv" in caught.value.message

    def test_a_lost_connection_is_opened_again(self, home: Path, tmp_path: Path) -> None:
        """Every connection of the server is cut again and again while files go up and down."""
        contents = {f"x/{i}": os.urandom(200_000) for i in range(150)}
        with process.workplace("sshd") as place, serving(place) as server:
            server.introduce(home)
            store = opened(server)
            with cutting(server):
                fill(store, tmp_path / "source", contents)
                outcome = store.download(items(tmp_path / "back", contents))
            assert not outcome.failures
            assert all((tmp_path / "back" / key[2:]).read_bytes() == contents[key] for key in contents)
            assert joined(list(store.list(""))) == dict.fromkeys(contents, 200_000)

    def test_a_large_file_goes_on_where_it_stopped(self, home: Path, tmp_path: Path) -> None:
        content = os.urandom(1 << 20) * 48
        with process.workplace("sshd") as place, serving(place) as server:
            server.introduce(home)
            store = opened(server)
            fill(store, tmp_path / "source", {"x/large": content})
            with cutting(server) as cuts:
                outcome = store.download(items(tmp_path / "back", {"x/large": content}))
            assert not outcome.failures and cuts
            assert (tmp_path / "back/large").read_bytes() == content


@contextmanager
def cutting(server: SshServer) -> Iterator[list[int]]:
    """End the processes that serve connections, a few times, soon after one another; gives those ended."""
    ended: list[int] = []
    stop = threading.Event()

    def cut() -> None:
        for pause in (0.05, 0.1, 0.2):
            if stop.wait(pause):
                return
            for child in server.connections():
                os.kill(child, signal.SIGKILL)
                ended.append(child)

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join()


def test_a_dead_writers_lock_is_taken(ssh_server: SshServer, home: Path) -> None:
    store = opened(ssh_server)
    etag = store.put_if("state", b"1", None)
    root = Path(store.client.root)  # type: ignore[attr-defined]
    lock = root / ".state.lock.tmp"
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)
    assert store.put_if("state", b"2", etag)
    assert sorted(os.listdir(root)) == ["state"]


def test_links_on_the_other_side_are_followed(ssh_server: SshServer, home: Path, tmp_path: Path) -> None:
    store = opened(ssh_server)
    fill(store, tmp_path / "source", {"files/md5/ab/one": b"one"})
    root = Path(store.client.root)  # type: ignore[attr-defined]
    (root / "files/md5/ab").rename(root / "elsewhere")
    (root / "files/md5/ab").symlink_to(root / "elsewhere")
    (root / "files/md5/nowhere").symlink_to(root / "gone")
    assert joined(list(store.list("files/"))) == {"files/md5/ab/one": 3}
    assert store.read("files/md5/ab/one") == b"one"

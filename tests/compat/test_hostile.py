"""Hostile repositories: refused, nothing written outside of the workspace, nothing run.

A cloned repository, its cache and its remote are other people's input.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.oracle import Entry, Result, Tool, snapshot

SECRET = b"a file outside of the repository\n"


def put_object(repo: Path, content: bytes, suffix: str = "") -> str:
    """Put `content` into the cache under its own hash, sealed as DVC does, and return the id."""
    name = hashlib.md5(content).hexdigest() + suffix
    path = repo / ".dvc/cache/files/md5" / name[:2] / name[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return name


def put_tree(repo: Path, entries: object) -> str:
    content = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return put_object(repo, content, ".dir")


def point(repo: Path, oid: str, path: str = "data", file: str = "data.dvc") -> None:
    (repo / file).write_text(
        f"outs:\n- md5: {oid}\n  size: 1\n  nfiles: 1\n  hash: md5\n  path: {json.dumps(path)}\n"
    )


@pytest.fixture
def victim(repository: Path, place: Path) -> Path:
    """The repository, beside a file and a folder that nobody may touch."""
    (place / "outside").mkdir()
    (place / "outside/secret").write_bytes(SECRET)
    (repository / "mine.txt").write_text("mine")
    return repository


def outside(repo: Path) -> dict[str, Entry]:
    """Everything beside the repository, and what the user owns inside."""
    place = repo.parent
    found = {name: entry for name, entry in snapshot(place).items() if not name.startswith("repo/")}
    return found | {"mine": Entry("file", 0, (repo / "mine.txt").read_bytes())}


def assert_refused(result: Result, repo: Path, before: dict[str, Entry]) -> None:
    assert result.code not in (0, 70), result
    assert "Traceback" not in result.err, result
    assert "unexpected" not in result.err.lower(), result
    assert outside(repo) == before


CONTENT = b"evil\n"
GOOD = hashlib.md5(CONTENT).hexdigest()


def entry(relpath: str, md5: str = GOOD) -> dict[str, str]:
    return {"md5": md5, "relpath": relpath}


TREES = {
    "parent": [entry("../outside/new")],
    "deep parent": [entry("a/../../outside/new")],
    "absolute": [entry("/dev/shm/dv-hostile-escaped")],
    "dot": [entry(".")],
    "empty": [entry("")],
    "empty part": [entry("a//b")],
    "trailing slash": [entry("a/")],
    "dot part": [entry("a/./b")],
    "only parent": [entry("..")],
    "nul": [entry("a\0b")],
    "dot dvc": [entry(".dvc/config")],
    "nested dot dvc": [entry("a/.dvc/config")],
    "dot git": [entry(".git/hooks/post-checkout")],
    "nested dot git": [entry("a/.git/config")],
    "file that names a Git directory": [entry("a/.git")],
    "dot git of other disks": [entry("a/.GIT/config")],
    "file of the same": [entry("a/.Git")],
    "duplicate": [entry("a"), entry("a")],
    "duplicate, other content": [entry("a"), entry("a", hashlib.md5(b"").hexdigest())],
    "file and directory": [entry("a"), entry("a/b")],
    "directory and file": [entry("a/b"), entry("a")],
    "file and directory apart": [entry("a"), entry("a-b"), entry("a/b")],
    "not a list": {"md5": GOOD, "relpath": "a"},
    "not objects": ["a", "b"],
    "number": 5,
    "null": None,
    "no md5": [{"relpath": "a"}],
    "no relpath": [{"md5": GOOD}],
    "md5 is a path": [entry("a", "../../../../outside/secret")],
    "md5 too short": [entry("a", "abc")],
    "md5 not hex": [entry("a", "z" * 32)],
    "md5 upper case": [entry("a", GOOD.upper())],
    "md5 of a directory": [entry("a", GOOD + ".dir")],
    "md5 is a number": [{"md5": 5, "relpath": "a"}],
    "relpath is a list": [{"md5": GOOD, "relpath": ["a"]}],
    "broken JSON": b'[{"md5": "' + GOOD.encode() + b'", "relpath": "a"',
    "not UTF-8": b'[{"md5": "' + GOOD.encode() + b'", "relpath": "\xff"}]',
    "no bytes": b"",
    "deep nesting": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("command", ["checkout", "pull", "fetch"])
@pytest.mark.parametrize("kind", TREES)
def test_hostile_listing(victim: Path, dv: Tool, kind: str, command: str) -> None:
    """From the cache for checkout, from the remote for pull and fetch; the good object lies there, too."""
    put_object(victim, CONTENT)
    point(victim, put_tree(victim, TREES[kind]))
    if command != "checkout":
        os.rename(victim / ".dvc/cache", victim.parent / "store")
        dv(victim, "remote", "add", "-d", "store", str(victim.parent / "store")).ok()
    before = outside(victim)
    result = dv(victim, command)
    if kind == "md5 upper case" and result.code == 0:
        return
    assert_refused(result, victim, before)
    assert not (victim / "data").exists() or not any((victim / "data").iterdir())
    assert not Path("/dev/shm/dv-hostile-escaped").exists()


def test_hostile_listing_is_never_half_applied(victim: Path, dv: Tool) -> None:
    put_object(victim, CONTENT)
    point(victim, put_tree(victim, [entry("good"), entry("../../outside/secret")]))
    before = outside(victim)
    assert_refused(dv(victim, "checkout"), victim, before)
    assert not (victim / "data/good").exists()


@pytest.mark.parametrize(
    "command", [("status",), ("data", "status", "--granular"), ("gc", "-w", "-f"), ("push",), ("fsck",)]
)
def test_other_commands_survive_a_hostile_listing(victim: Path, dv: Tool, command: tuple[str, ...]) -> None:
    put_object(victim, CONTENT)
    point(victim, put_tree(victim, TREES["parent"]))
    (victim.parent / "store").mkdir()
    dv(victim, "remote", "add", "-d", "store", str(victim.parent / "store")).ok()
    before = outside(victim)
    result = dv(victim, *command)
    assert "Traceback" not in result.err, result
    assert "unexpected" not in result.err.lower(), result
    store_after = {name for name in outside(victim) if name not in before}
    assert all(name.startswith("store") for name in store_after)
    assert b"secret" not in (victim.parent / "outside/secret").read_bytes().replace(SECRET, b"")


@pytest.mark.parametrize("where", ["data", "data/a"])
@pytest.mark.parametrize("cache_type", ["copy", "hardlink", "symlink"])
def test_symlinked_parent(victim: Path, dv: Tool, where: str, cache_type: str) -> None:
    """A directory of the workspace was replaced by a link that leads outside: nothing is written through it."""
    (victim / ".dvc/config").write_text(f"[cache]\n    type = {cache_type}\n")
    put_object(victim, CONTENT)
    point(victim, put_tree(victim, [entry("a/b/c"), entry("z")]))
    (victim / where).parent.mkdir(exist_ok=True)
    (victim / where).symlink_to(victim.parent / "outside")
    before = outside(victim)
    dv(victim, "checkout")
    assert outside(victim) == before
    dv(victim, "checkout", "--force")
    assert outside(victim) == before


def test_symlinked_parent_of_a_pointer(victim: Path, dv: Tool) -> None:
    put_object(victim, CONTENT)
    (victim / "sub").symlink_to(victim.parent / "outside")
    point(victim, GOOD, path="sub/new", file="x.dvc")
    before = outside(victim)
    dv(victim, "checkout", "--force")
    assert outside(victim) == before


@pytest.mark.parametrize(
    "path",
    ["../outside/new", "../outside/secret", "/dev/shm/dv-hostile-escaped", "a/../../outside/new", ".dvc/config",
     ".git/hooks/x", ".", "..", "", "sub/../.git/config", "~/x", "a\0b", ".git", ".dvc", "x.dvc"],
)  # fmt: skip
@pytest.mark.parametrize(
    "command", [("checkout", "--force"), ("pull", "--force"), ("commit", "--force"), ("status",)]
)
def test_pointer_with_a_hostile_path(victim: Path, dv: Tool, path: str, command: tuple[str, ...]) -> None:
    put_object(victim, CONTENT)
    point(victim, GOOD, path=path, file="x.dvc")
    before, config = outside(victim), (victim / ".dvc/config").read_bytes()
    result = dv(victim, *command)
    assert "Traceback" not in result.err, result
    assert "unexpected" not in result.err.lower(), result
    assert outside(victim) == before
    assert (victim / ".dvc/config").read_bytes() == config
    assert not (victim / ".git/hooks/x").exists()
    assert not Path("/dev/shm/dv-hostile-escaped").exists()
    if path != "~/x" and command[0] != "status":
        assert result.code != 0, result


@pytest.mark.parametrize("wdir", ["..", "../outside", "/tmp", ".git", "a/../.."])
def test_pointer_with_a_hostile_wdir(victim: Path, dv: Tool, wdir: str) -> None:
    put_object(victim, CONTENT)
    (victim / "x.dvc").write_text(
        f"wdir: {wdir}\nouts:\n- md5: {GOOD}\n  size: 5\n  hash: md5\n  path: new\n"
    )
    before = outside(victim)
    assert_refused(dv(victim, "checkout", "--force"), victim, before)


@pytest.mark.parametrize(
    "digest",
    ["../../../../../outside/secret", "ab/../../../../../outside/secret", "a", "", "0" * 31, "x" * 32],
)
def test_pointer_with_a_hostile_digest(victim: Path, dv: Tool, digest: str) -> None:
    """A digest becomes part of a path in the cache and on the remote."""
    point(victim, digest, file="data.dvc")
    before = outside(victim)
    (victim.parent / "store").mkdir()
    for command in (("checkout", "--force"), ("pull", "--force"), ("push",), ("gc", "-w", "-f"), ("status",)):
        result = dv(victim, *command)
        assert "Traceback" not in result.err, result
        assert "unexpected" not in result.err.lower(), result
        data = victim / "data"
        assert not data.exists() or data.read_bytes() != SECRET, command
    (victim.parent / "store").rmdir()
    assert outside(victim) == before


PROGRAMS = {
    "bearer_token_command": "['remote \"evil\"']\n    url = webdavs://127.0.0.1:9/x\n"
    "    bearer_token_command = touch {mark}\n[core]\n    remote = evil\n",
    "credential_process": "['remote \"evil\"']\n    url = s3://bucket/x\n    endpointurl = http://127.0.0.1:9\n"
    "    configpath = ../aws\n[core]\n    remote = evil\n",
    "unknown key": "[core]\n    remote = evil\n    pager = touch {mark}\n['remote \"evil\"']\n    url = ../store\n",
}


@pytest.mark.parametrize("kind", PROGRAMS)
@pytest.mark.parametrize("command", [("pull",), ("push",), ("fetch",), ("status", "-c")])
def test_committed_configuration_runs_nothing(
    victim: Path, dv: Tool, place: Path, kind: str, command: tuple[str, ...]
) -> None:
    """Only the local and global levels may name a program to run."""
    mark = place / "ran"
    put_object(victim, CONTENT)
    (victim / "data").write_bytes(CONTENT)
    (victim / "data.dvc").write_text(f"outs:\n- md5: {GOOD}\n  size: 5\n  hash: md5\n  path: data\n")
    (victim / ".dvc/config").write_text(PROGRAMS[kind].format(mark=mark))
    (victim / "aws").write_text(f"[default]\ncredential_process = touch {mark}\n")
    before = outside(victim)
    assert_refused(dv(victim, *command), victim, before)
    assert not mark.exists()


@pytest.mark.parametrize("cache", ["/dev/shm/dv-hostile-cache", "../../outside/cache"])
def test_committed_cache_elsewhere_is_only_a_place(victim: Path, dv: Tool, cache: str) -> None:
    """`cache.dir` of the repository may lie anywhere, as in DVC; nothing but objects is put there."""
    (victim / ".dvc/config").write_text(f"[cache]\n    dir = {cache}\n    type = copy\n")
    (victim / "data").write_bytes(CONTENT)
    dv(victim, "add", "data").ok()
    top = Path(cache) if cache.startswith("/") else victim / ".dvc" / cache
    try:
        assert [path.name for path in top.rglob("*") if path.is_file()] == [GOOD[2:]]
    finally:
        shutil.rmtree(top, ignore_errors=True)


def test_config_that_is_no_config(victim: Path, dv: Tool) -> None:
    for text in (b"\xff\xfe", b"[core\n", b"x" * 1_000_000, b"[core]\nremote\n", b"\0", b"[[[a]]]"):
        (victim / ".dvc/config").write_bytes(text)
        result = dv(victim, "status")
        assert result.code != 0, (text[:20], result)
        assert "Traceback" not in result.err


def test_a_huge_listing_costs_bounded_time(victim: Path, dv: Tool) -> None:
    """A million entries that all are the same content: read in seconds, refused or not; no file is written."""
    entries = ", ".join(
        f'{{"md5": "{number:032x}", "relpath": "{number:07d}"}}' for number in range(1_000_000)
    )
    point(victim, put_tree(victim, f"[{entries}]".encode()))
    result = dv(victim, "checkout")
    assert result.code not in (0, 70)
    assert "Traceback" not in result.err
    assert not (victim / "data").exists() or not any((victim / "data").iterdir())


def test_yaml_bombs(victim: Path, dv: Tool) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
    )
    for text in (
        bomb,
        "outs: " + "[" * 5_000,
        "outs: !!python/object/apply:os.system ['touch ran']\n",
        "- a\n",
        "x",
        "\t",
        "outs:\n- path: a\n- path: a\n",
    ):
        (victim / "x.dvc").write_text(text)
        result = dv(victim, "status")
        assert result.code != 0, (text[:30], result)
        assert "Traceback" not in result.err, result
    assert not (victim / "ran").exists()


def test_object_that_is_not_what_its_name_says(victim: Path, dv: Tool, dvc: Tool) -> None:
    """A wrong object, even one of mode 0444, does not reach the workspace without being noticed as damaged."""
    name = put_object(victim, CONTENT)
    path = victim / ".dvc/cache/files/md5" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"other")
    (victim / "data.dvc").write_text(f"outs:\n- md5: {name}\n  size: 5\n  hash: md5\n  path: data\n")
    before = outside(victim)
    assert_refused(dv(victim, "checkout"), victim, before)
    assert not (victim / "data").exists()
    assert not path.exists() or path.stat().st_mode & 0o777 != 0o444


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_special_files(victim: Path, dv: Tool, kind: str) -> None:
    """A pipe would be read forever; a device is not data."""
    import socket

    (victim / "data").mkdir()
    (victim / "data/file").write_text("x")
    special = victim / "data/special"
    if kind == "fifo":
        os.mkfifo(special)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(victim / "data")
            server.bind("special")
            os.chdir("/")
    else:
        os.mknod(special, 0o600 | 0o020000, os.makedev(1, 5))
    result = dv(victim, "add", "data")
    assert result.code not in (0, 70), result
    assert "special" in result.err


@pytest.mark.parametrize("name", [".gitignore", "data.dvc", ".dvc/config", ".dvc/config.local"])
@pytest.mark.parametrize("target", ["outside/secret", "outside/new"])
def test_nothing_is_written_through_a_committed_link(victim: Path, dv: Tool, name: str, target: str) -> None:
    """Git checks out whatever links were committed, also one to ~/.bashrc."""
    (victim / "data").write_text("mine")
    (victim / name).unlink(missing_ok=True)
    os.symlink(victim.parent / target, victim / name)
    before = outside(victim)
    for command in (
        ("add", "data"),
        ("config", "core.autostage", "true"),
        ("config", "--local", "core.remote", "x"),
    ):
        result = dv(victim, *command)
        assert "Traceback" not in result.err, result
        assert "unexpected" not in result.err.lower(), result
        assert outside(victim) == before, command


@pytest.mark.parametrize(
    "name", ["lock", "rwlock", "dv/pointers.lock", "dv/config.lock", "dv/settings", "dv/key", "dv/fsck.state"]
)
def test_nothing_is_written_through_a_link_in_tmp(victim: Path, dv: Tool, name: str) -> None:
    """`.dvc/tmp` is ignored by Git, and yet it can be committed, or come with an archive."""
    (victim / "data").write_text("mine")
    path = victim / ".dvc/tmp" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for target in ("outside/secret", "outside/new"):
        path.unlink(missing_ok=True)
        os.symlink(victim.parent / target, path)
        before = outside(victim)
        for command in (
            ("status",),
            ("add", "data"),
            ("gc", "-w", "-f"),
            ("config", "core.remote", "x"),
            ("fsck",),
        ):
            assert "Traceback" not in dv(victim, *command).err
            assert outside(victim) == before, command


def test_an_object_is_not_written_through_a_link(victim: Path, dv: Tool) -> None:
    (victim / "data").mkdir()
    (victim / "data/a").write_text("1")
    dv(victim, "add", "data").ok()
    (listing,) = (victim / ".dvc/cache/files/md5").rglob("*.dir")
    listing.unlink()
    os.symlink(victim.parent / "outside/new", listing)
    before = outside(victim)
    dv(victim, "add", "data")
    assert outside(victim) == before


def test_a_secret_in_a_broken_configuration_is_not_shown(victim: Path, dv: Tool) -> None:
    (victim / ".dvc/config").write_text("[core]\n    remote = x\n    password hunter2\n")
    for command in (("status",), ("status", "-v"), ("config", "--list")):
        result = dv(victim, *command)
        assert result.code == 251
        assert "at line 3" in result.err
        assert "hunter2" not in result.err + result.out


def test_a_configuration_that_is_too_big_is_not_cut_off(victim: Path, dv: Tool) -> None:
    text = "[core]\n    remote = x\n" + "# long\n" * 200_000
    (victim / ".dvc/config").write_text(text)
    assert dv(victim, "config", "core.remote", "y").code == 251
    assert (victim / ".dvc/config").read_text() == text

"""The harness of the differential tests: the real `dvc` and our `dv`, run side by side and compared.

`Tool` runs commands of one program in a fork server (tests/tool_server.py), about 50 ms each; `Sandbox` is a
private home with its own site cache and Git identity; `snapshot` is everything on disk that both must agree on.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

RAM_DISK = Path("/dev/shm")
# Clients of cloud storage must not ask the network for credentials.
OFFLINE = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
    "GCE_METADATA_HOST": "127.0.0.1:9",
    "NO_GCE_CHECK": "true",
}
MODULES = {"dvc": "dvc", "dv": "data_versioning"}
TIMEOUT = 120.0  # seconds a command may take before its server is ended


@dataclass(frozen=True, slots=True)
class Result:
    """What one command did: exit code (negative: ended by that signal), standard output and error."""

    tool: str
    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self
        return json.loads(self.out or "{}")

    def ok(self) -> Self:
        assert self.code == 0, str(self)
        return self

    def __str__(self) -> str:
        return f"{self.tool} {' '.join(map(repr, self.args))} -> {self.code}\n{self.out}\n{self.err}"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A private world below `base`: home, DVC's site cache and configuration, Git identity."""

    base: Path

    @classmethod
    def make(cls, base: Path) -> Self:
        for name in ("home", "site", "global", "system", "tmp"):
            (base / name).mkdir(parents=True, exist_ok=True)
        base.joinpath("home/.gitconfig").write_text(
            "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
            "[safe]\n\tdirectory = *\n[core]\n\tquotepath = false\n[gc]\n\tauto = 0\n"
        )
        return cls(base)

    def environment(self) -> dict[str, str]:
        kept = {
            name: os.environ[name]
            for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "DV_NATIVE")
            if name in os.environ
        }
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.pop("PATH", os.defpath)])
        return (
            kept
            | OFFLINE
            | {
                "PATH": path,
                "HOME": str(self.base / "home"),
                "TMPDIR": str(self.base / "tmp"),
                "XDG_CONFIG_HOME": str(self.base / "home/.config"),
                "DVC_SITE_CACHE_DIR": str(self.base / "site"),
                "DVC_GLOBAL_CONFIG_DIR": str(self.base / "global"),
                "DVC_SYSTEM_CONFIG_DIR": str(self.base / "system"),
                "DVC_NO_ANALYTICS": "1",
                "DVC_TEST": "1",
                "CI": "1",
                "LC_ALL": "C.UTF-8",
                "COLUMNS": "400",
                "PYTHONDONTWRITEBYTECODE": "1",
            }
        )

    def git(self, cwd: Path | str, *args: str) -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=cwd,
            env=self.environment(),
            capture_output=True,
            check=False,
            errors="surrogateescape",
        )
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout


@dataclass(slots=True)
class Tool:
    """One program behind a fork server; also started for real, as its own process, by `start`."""

    name: str
    sandbox: Sandbox
    _server: subprocess.Popen[str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(
        self, cwd: Path | str, *args: str, env: Mapping[str, str] | None = None, umask: int = 0o022
    ) -> Result:
        """Run one command in `cwd` and wait for it."""
        out, err = (self.sandbox.base / f"{self.name}.{stream}" for stream in ("out", "err"))
        request = {
            "tool": self.name, "cwd": str(cwd), "args": args, "env": dict(env or {}),
            "umask": umask, "out": str(out), "err": str(err),
        }  # fmt: skip
        with self._lock:
            code = self._ask(json.dumps(request))
            texts = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in (out, err)]
        return Result(self.name, args, code, *texts)

    def _ask(self, request: str) -> int:
        server = self._server or self._launch()
        assert server.stdin and server.stdout
        server.stdin.write(request + "\n")
        server.stdin.flush()
        watchdog = threading.Timer(TIMEOUT, server.kill)
        watchdog.start()
        try:
            answer = server.stdout.readline()
        finally:
            watchdog.cancel()
        if not answer:
            self.close()
            raise AssertionError(f"{self.name} gave no answer within {TIMEOUT:.0f} s to {request}")
        return int(json.loads(answer)["code"])

    def _launch(self) -> subprocess.Popen[str]:
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("tool_server.py")), self.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.sandbox.environment(),
        )  # fmt: skip
        assert self._server.stdout
        assert json.loads(self._server.stdout.readline() or "{}") == {"ready": self.name}, (
            f"{self.name} cannot start"
        )
        return self._server

    def argv(self, *args: str) -> list[str]:
        return [sys.executable, "-m", MODULES[self.name], *args]

    def start(
        self, cwd: Path | str, *args: str, env: Mapping[str, str] | None = None, umask: int = 0o022
    ) -> subprocess.Popen[str]:
        """A real process of the tool, its own session leader, output captured."""
        return subprocess.Popen(
            self.argv(*args), cwd=cwd, env=self.sandbox.environment() | dict(env or {}), text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, umask=umask,
        )  # fmt: skip

    def real(
        self,
        cwd: Path | str,
        *args: str,
        env: Mapping[str, str] | None = None,
        umask: int = 0o022,
        timeout: float = TIMEOUT,
    ) -> Result:
        """Run one command as a real process and wait for it."""
        process = self.start(cwd, *args, env=env, umask=umask)
        out, err = process.communicate(timeout=timeout)
        return Result(self.name, args, process.returncode, out, err)

    def close(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.communicate()
            self._server = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One path as both tools must leave it; `same` are the other paths with the same inode."""

    kind: str
    mode: int
    content: bytes | str = b""
    same: tuple[str, ...] = ()

    def __repr__(self) -> str:
        content = self.content if len(self.content) < 400 else f"{self.content[:400]!r}… {len(self.content)}"
        return f"{self.kind} {self.mode:04o} {content!r}" + (f" = {self.same}" if self.same else "")


PRIVATE = (".git", ".dvc/tmp", ".dvc/dv", ".dvc/dv.toml")


def snapshot(*roots: Path | str, private: tuple[str, ...] = PRIVATE) -> dict[str, Entry]:
    """Everything below the roots but Git's and the tools' private files: bytes, modes, links, inode identity.

    Paths are relative to their root (the second root's start with `1:`, and so on); symlink targets below a root
    are written relative to it, so trees in different places compare equal.
    """
    places = [str(root) for root in roots]
    stats: dict[str, tuple[str, os.stat_result]] = {}
    inodes: dict[tuple[int, int], list[str]] = {}
    for number, place in enumerate(places):
        for relative in _walk(place, "", frozenset(private)):
            name = f"{number}:{relative}" if number else relative
            path = os.path.join(place, relative)
            stats[name] = (path, os.lstat(path))
            if stat.S_ISREG(stats[name][1].st_mode):
                inodes.setdefault((stats[name][1].st_dev, stats[name][1].st_ino), []).append(name)
    return {name: _entry(name, path, info, inodes, places) for name, (path, info) in sorted(stats.items())}


def _walk(root: str, relative: str, private: frozenset[str]) -> Iterator[str]:
    with os.scandir(os.path.join(root, relative)) as entries:
        for entry in entries:
            path = f"{relative}/{entry.name}" if relative else entry.name
            if path in private:
                continue
            yield path
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path, private)


def _entry(
    name: str, path: str, info: os.stat_result, inodes: dict[tuple[int, int], list[str]], places: list[str]
) -> Entry:
    mode = stat.S_IMODE(info.st_mode)
    if stat.S_ISLNK(info.st_mode):
        target = os.readlink(path)
        for number, place in enumerate(places):
            if target.startswith(place + "/"):
                target = f"<{number}>" + target.removeprefix(place)
        return Entry("link", 0, target)
    if stat.S_ISDIR(info.st_mode):
        return Entry("dir", mode)
    same = tuple(sorted(set(inodes[info.st_dev, info.st_ino]) - {name})) if info.st_nlink > 1 else ()
    return Entry("file", mode, Path(path).read_bytes(), same)


def difference(
    left: Mapping[str, Entry], right: Mapping[str, Entry]
) -> dict[str, tuple[Entry | None, Entry | None]]:
    """The paths on which two snapshots disagree."""
    return {
        name: (left.get(name), right.get(name))
        for name in sorted(left.keys() | right.keys())
        if left.get(name) != right.get(name)
    }


def make_repository(sandbox: Sandbox, dvc: Tool, path: Path, *options: str, git: bool = True) -> Path:
    """A fresh Git + DVC repository at `path`, made by the real `dvc init`."""
    path.mkdir(parents=True)
    if git:
        sandbox.git(path, "init", "-q")
        dvc(path, "init", "-q", *options).ok()
        sandbox.git(path, "commit", "-qm", "dvc init")
    else:
        dvc(path, "init", "-q", "--no-scm", *options).ok()
    shutil.rmtree(path / ".dvc/tmp", ignore_errors=True)
    return path


def copy_repository(template: Path, target: Path) -> Path:
    """A copy of a template repository, as if made there."""
    shutil.copytree(template, target, symlinks=True)
    return target

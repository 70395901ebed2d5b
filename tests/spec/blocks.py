"""Runs the examples of the specification as they stand, with `dvc` meaning our `dv`.

The examples are in `blocks/`, word for word. What they presume is made here: a repository, small real files, and one
substitution: the remote `storage`, a bucket in the specification, is a directory wherever an example transfers data.
Examples that only configure a bucket keep its URL.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.oracle import Sandbox, Tool

BLOCKS = Path(__file__).parent / "blocks"
STORAGE = "storage"
# What an example in Python stands after.
TRACKER = "from data_versioning import DVCTracker\ntracker = DVCTracker()\n"


def text(name: str) -> str:
    """The whole example."""
    return (BLOCKS / name).read_text()


def parts(name: str, *marks: str) -> list[str]:
    """The example, cut before each line that starts with one of the marks."""
    found = [""]
    for line in text(name).splitlines(keepends=True):
        if line.startswith(marks):
            found.append("")
        found[-1] += line
    return found


@dataclass(frozen=True, slots=True)
class World:
    """A directory for the repositories of one test, and the programs they need."""

    base: Path
    sandbox: Sandbox
    dvc: Tool

    @property
    def storage(self) -> Path:
        return self.base / STORAGE

    def shell(self, cwd: Path, script: str, *, answer: str | None = None) -> str:
        """Run commands as typed, stopping at the first that fails; `answer` is typed on a terminal."""
        return self._run(cwd, ["bash", "-ec", script], answer)

    def python(self, cwd: Path, script: str) -> str:
        return self._run(cwd, [sys.executable, "-c", script], None)

    def git(self, cwd: Path, *args: str) -> str:
        return self.sandbox.git(cwd, *args).strip()

    def repository(self, name: str = "project") -> Path:
        """A repository with `storage` as its default remote, all committed."""
        root = self.base / name
        root.mkdir()
        self.shell(root, f"git init -q && dvc init -q && dvc remote add -q -d {STORAGE} {self.storage}")
        self.commit(root, "start")
        return root

    def commit(self, root: Path, message: str) -> str:
        self.git(root, "add", "-A")
        self.git(root, "commit", "-qm", message)
        return self.git(root, "rev-parse", "HEAD")

    def messages(self, root: Path) -> list[str]:
        """The subjects of all commits, the newest first."""
        return self.git(root, "log", "--format=%s").splitlines()

    def verbs(self, root: Path) -> list[str]:
        """What the operation log holds: the shim was really used."""
        lines = (root / ".git/dv/log/events.jsonl").read_text().splitlines()
        return [json.loads(line)["verb"] for line in lines]

    def is_pushed(self, content: str) -> bool:
        """Whether the remote holds an object with this content under its name."""
        digest = subprocess.run(["md5sum"], input=content.encode(), capture_output=True, check=True)
        value = digest.stdout.decode().split()[0]
        path = self.storage / "files/md5" / value[:2] / value[2:]
        return path.exists() and path.read_text() == content

    def assert_clean(self, root: Path) -> None:
        """Git and the real DVC have nothing to say."""
        assert self.git(root, "status", "--porcelain") == ""
        status: Any = self.dvc(root, "status", "--json").json
        assert status == {}

    def _run(self, cwd: Path, command: list[str], answer: str | None) -> str:
        environment = self.sandbox.environment()
        environment["PATH"] = f"{self._shim()}{os.pathsep}{environment['PATH']}"
        ours, theirs = pty.openpty()
        try:
            if answer is not None:
                os.write(ours, f"{answer}\n".encode())
            done = subprocess.run(
                command, cwd=cwd, env=environment, text=True, timeout=60, check=False,
                stdin=subprocess.DEVNULL if answer is None else theirs,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        finally:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}"
        return done.stdout

    def _shim(self) -> Path:
        """A directory with a program `dvc` that is our `dv`."""
        program = self.base / "bin/dvc"
        if not program.exists():
            program.parent.mkdir()
            program.write_text(f'#!/bin/sh\nexec {sys.executable} -m data_versioning "$@"\n')
            program.chmod(0o755)
        return program.parent


def write(root: Path, name: str, content: str) -> Path:
    """A file of the example."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def table(rows: int, *, wrong: int = 0) -> str:
    """A CSV of samples; the first `wrong` labels are."""
    lines = (f"{number},{(number + (number < wrong)) % 2}\n" for number in range(rows))
    return "sample,label\n" + "".join(lines)

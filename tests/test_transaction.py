"""Every change is recorded exactly once; a change of pointer files happens whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from data_versioning import repo as repos
from data_versioning.errors import DiskError
from data_versioning.eventlog.local_log import Log
from data_versioning.paths import RepoPath
from data_versioning.repo import Repo
from tests.oracle import Sandbox, Tool, copy_repository
from tests.tracking import everything, head, records, write

pytestmark = pytest.mark.usefixtures("private_home")


def digest(path: Path) -> str | None:
    return md5(path.read_bytes()).hexdigest() if path.exists() else None


def changes(root: Path, *names: str) -> dict[str, str | None]:
    return {name: digest(root / name) for name in names}


def expected(before: dict[str, str | None], after: dict[str, str | None]) -> dict[str, list[str | None]]:
    return {name: [before[name], after[name]] for name in before if before[name] != after[name]}


def pointers(record: dict[str, Any]) -> dict[str, list[str | None]]:
    return {path: [before, after] for path, before, after in record["pointers"]}


@pytest.fixture
def tracked(repository: Path, sandbox: Sandbox, dv: Tool) -> Path:
    """A repository with a data set, a remote and a clean workspace."""
    write(repository, "data/a", "1")
    dv(repository, "remote", "add", "-q", "-d", "storage", str(repository.parent / "remote")).ok()
    dv(repository, "add", "data").ok()
    sandbox.git(repository, "add", "-A")
    sandbox.git(repository, "commit", "-qm", "data")
    write(repository, "lone", "2")
    return repository


def edit(root: Path) -> None:
    write(root, "data/a", "other")


def lose(root: Path) -> None:
    (root / "data/a").unlink()


def nothing(_root: Path) -> None:
    """Change nothing first."""


STAGE = "stages:\n  one:\n    cmd: echo 1 > one.csv\n    plots: [one.csv]\n"


def pipeline(root: Path) -> None:
    write(root, "dvc.yaml", STAGE)


COMMANDS: dict[str, tuple[Callable[[Path], None], list[str], str, set[str]]] = {
    # name: what is done before, the command, the verb, the pointer files that change
    "add": (nothing, ["add", "lone"], "add", {"lone.dvc", ".gitignore"}),
    "add again": (edit, ["add", "data"], "add", {"data.dvc"}),
    "add unchanged": (nothing, ["add", "data"], "add", set()),
    "commit": (edit, ["commit", "-f"], "commit", {"data.dvc"}),
    "remove": (nothing, ["remove", "data.dvc"], "remove", {"data.dvc", ".gitignore"}),
    "checkout": (lose, ["checkout"], "checkout", set()),
    "gc": (nothing, ["gc", "-w", "-f"], "gc", set()),
    "push": (nothing, ["push"], "push", set()),
    "config": (nothing, ["config", "core.autostage", "true"], "config", {".dvc/config"}),
    "remote add": (nothing, ["remote", "add", "two", "/x"], "remote add", {".dvc/config"}),
    "handed over": (pipeline, ["plots", "modify", "one.csv", "-x", "a"], "plots", {"dvc.yaml"}),
}
WATCHED = (".dvc/config", "data.dvc", "lone.dvc", ".gitignore", ".dvcignore", "dvc.yaml", "dvc.lock")


@pytest.mark.parametrize("name", COMMANDS)
def test_one_record_with_the_pointers_before_and_after(
    tracked: Path, sandbox: Sandbox, dv: Tool, name: str
) -> None:
    prepare, command, verb, files = COMMANDS[name]
    prepare(tracked)
    old, before = len(records(tracked)), changes(tracked, *WATCHED)
    dv(tracked, *command).ok()
    (record,) = records(tracked)[old:]
    assert (record["verb"], record["outcome"], record["error"]) == (verb, "ok", None)
    assert record["argv"] == [record["argv"][0], *command]
    assert (record["head"], record["branch"]) == (head(tracked, sandbox), "main")
    assert pointers(record) == expected(before, changes(tracked, *WATCHED))
    assert set(pointers(record)) == files
    assert Log(directory=str(tracked / ".git/dv/log")).verify() == []


def test_init_is_the_first_record(place: Path, sandbox: Sandbox, dv: Tool) -> None:
    sandbox.git(place, "init", "-q")
    dv(place, "init").ok()
    (record,) = records(place)
    assert (record["verb"], record["seq"], record["head"]) == ("init", 1, None)


@pytest.mark.parametrize(
    "command", [["status"], ["data", "status"], ["config", "-l"], ["remote", "list"], ["root"]]
)
def test_reading_leaves_no_record(tracked: Path, dv: Tool, command: list[str]) -> None:
    before = records(tracked)
    dv(tracked, *command).ok()
    assert records(tracked) == before


def lose_objects(root: Path) -> None:
    (root / ".dvc/cache").rename(root / "cache")


def unsaved(root: Path) -> None:
    write(root, "data/a", "saved nowhere")


def special(root: Path) -> None:
    os.mkfifo(root / "data/pipe")


FAILURES = {
    "add": (special, ["add", "data"]),
    "checkout": (unsaved, ["checkout", "data"]),
    "commit": (special, ["commit", "-f"]),
    "fetch": (lose_objects, ["fetch"]),
    "push": (lose_objects, ["push"]),
}


@pytest.mark.parametrize("verb", FAILURES)
def test_a_failure_is_recorded(tracked: Path, dv: Tool, verb: str) -> None:
    spoil, command = FAILURES[verb]
    spoil(tracked)
    old, before = len(records(tracked)), changes(tracked, *WATCHED)
    assert dv(tracked, *command).code not in (0, 252)
    assert changes(tracked, *WATCHED) == before
    (record,) = records(tracked)[old:]
    assert (record["verb"], record["outcome"], record["pointers"]) == (verb, "failed", [])
    assert record["error"]


def test_a_handed_over_failure_is_recorded(tracked: Path, dv: Tool) -> None:
    old = len(records(tracked))
    assert dv(tracked, "plots", "modify", "nothing", "-x", "a").code != 0
    (record,) = records(tracked)[old:]
    assert (record["verb"], record["outcome"], record["pointers"]) == ("plots", "failed", [])


HOLD = """
import sys, time
from data_versioning.localfs import locks
with locks.exclusive(sys.argv[1], timeout=5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_an_interrupt_is_recorded(tracked: Path, dv: Tool) -> None:
    """Interrupted while it waits for another process: nothing was changed."""
    old = len(records(tracked))
    write(tracked, "lone", "2")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tracked / ".dvc/tmp/lock")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waiting = dv.start(tracked, "add", "lone")
        assert waiting.stderr is not None
        assert waiting.stderr.readline()  # it says that it waits
        waiting.send_signal(signal.SIGINT)
        said = waiting.communicate(timeout=30)
    finally:
        holder.kill()
        holder.communicate()
    assert waiting.returncode == 252, said
    (record,) = records(tracked)[old:]
    assert (record["verb"], record["outcome"], record["pointers"]) == ("add", "interrupted", [])
    assert not (tracked / "lone.dvc").exists()


def test_secrets_are_masked(tracked: Path, dv: Tool) -> None:
    dv(tracked, "remote", "add", "web", "https://ada:hunter2@example.org/x").ok()
    dv(tracked, "remote", "modify", "--local", "web", "password", "hunter2").ok()
    dv(tracked, "config", "--local", "remote.web.password", "hunter2").ok()
    text = (tracked / ".git/dv/log/events.jsonl").read_text()
    assert "hunter2" not in text
    assert text.count("***") == 3


def repo_of(root: Path) -> Repo:
    return repos.open(str(root), argv=("test",))


def test_a_failed_edit_takes_the_earlier_ones_back(tracked: Path) -> None:
    """The second pointer cannot be written: a directory stands in its place."""
    (tracked / "second.dvc").mkdir()
    before = everything(tracked)
    with pytest.raises(DiskError), repo_of(tracked).transaction("test") as transaction:
        transaction.write(RepoPath("first.dvc"), b"first")
        transaction.write(RepoPath("data.dvc"), b"changed")
        transaction.write(RepoPath("second.dvc"), b"second")
    assert everything(tracked) == before
    record = records(tracked)[-1]
    assert (record["outcome"], record["pointers"]) == ("failed", [])


def test_an_edit_that_raises_takes_the_earlier_ones_back(tracked: Path) -> None:
    before = everything(tracked)

    def fail(_before: bytes | None) -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), repo_of(tracked).transaction("test") as transaction:
        transaction.write(RepoPath("data.dvc"), b"changed")
        transaction.write(RepoPath("data.dvc"), b"changed again")
        transaction.edit(RepoPath("first.dvc"), fail)
    assert everything(tracked) == before
    assert records(tracked)[-1]["outcome"] == "interrupted"


def test_a_block_that_raises_changes_nothing(tracked: Path) -> None:
    before = everything(tracked)
    with pytest.raises(ValueError, match="no"), repo_of(tracked).transaction("test") as transaction:
        transaction.write(RepoPath("data.dvc"), b"changed")
        raise ValueError("no")
    assert everything(tracked) == before
    assert (records(tracked)[-1]["outcome"], records(tracked)[-1]["error"]) == ("failed", "no")


def test_two_edits_of_one_file_are_one_change(tracked: Path) -> None:
    before = digest(tracked / "data.dvc")
    with repo_of(tracked).transaction("test") as transaction:
        transaction.edit(RepoPath("data.dvc"), lambda content: (content or b"") + b"# one\n")
        transaction.edit(RepoPath("data.dvc"), lambda content: (content or b"") + b"# two\n")
    assert (tracked / "data.dvc").read_text().endswith("# one\n# two\n")
    assert pointers(records(tracked)[-1]) == {"data.dvc": [before, digest(tracked / "data.dvc")]}


def test_a_removal(tracked: Path) -> None:
    before = digest(tracked / "data.dvc")
    with repo_of(tracked).transaction("test") as transaction:
        transaction.edit(RepoPath("data.dvc"), lambda _: None)
    assert not (tracked / "data.dvc").exists()
    assert pointers(records(tracked)[-1]) == {"data.dvc": [before, None]}


def test_autostage(tracked: Path, sandbox: Sandbox, dv: Tool) -> None:
    dv(tracked, "config", "core.autostage", "true").ok()
    with repo_of(tracked).transaction("test") as transaction:
        transaction.write(RepoPath("new.dvc"), b"outs: []\n")
    assert "new.dvc" in sandbox.git(tracked, "diff", "--cached", "--name-only")


COUNT = """
import sys, time
from data_versioning import repo as repos
go = sys.argv[2]
import os
while not os.path.exists(go):
    time.sleep(0.001)
for number in range(10):
    with repos.open(sys.argv[1], argv=("count",)).transaction("count") as transaction:
        transaction.edit("count.dvc", lambda before: (before or b"") + sys.argv[3].encode() + b"\\n")
"""


def test_two_processes_change_one_pointer(tracked: Path, sandbox: Sandbox) -> None:
    """Each edit sees the other's: none is lost, and the log is one chain."""
    go = tracked.parent / "go"
    old = len(records(tracked))
    both = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT, str(tracked), str(go), name], env=sandbox.environment()
        )
        for name in ("a", "b")
    ]
    time.sleep(0.1)
    go.touch()
    assert [process.wait(60) for process in both] == [0, 0]
    lines = (tracked / "count.dvc").read_text().split()
    assert sorted(lines) == ["a"] * 10 + ["b"] * 10
    found = [record for record in records(tracked)[old:] if record["verb"] == "count"]
    assert len(found) == 20
    steps = {before: after for record in found for _, before, after in record["pointers"]}
    state: str | None = None
    for _ in range(20):
        state = steps[state]
    assert state == digest(tracked / "count.dvc")
    assert Log(directory=str(tracked / ".git/dv/log")).verify() == []


def test_two_commands_add_beside_each_other(tracked: Path, dv: Tool) -> None:
    """Both write entries of the same ignore file."""
    for name in ("one", "two"):
        write(tracked, f"sub/{name}", name)
    both = [dv.start(tracked, "add", f"sub/{name}") for name in ("one", "two")]
    for process in both:
        said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert sorted((tracked / "sub/.gitignore").read_text().split()) == ["/one", "/two"]
    assert {path.name for path in (tracked / "sub").glob("*.dvc")} == {"one.dvc", "two.dvc"}


def test_without_git_the_log_is_in_the_dvc_directory(place: Path, dv: Tool) -> None:
    dv(place, "init", "--no-scm").ok()
    write(place, "data", "1")
    dv(place, "add", "data").ok()
    lines = (place / ".dvc/dv/log/events.jsonl").read_text().splitlines()
    assert [json.loads(line)["verb"] for line in lines] == ["init", "add"]


def test_linked_worktrees_share_one_log(tracked: Path, sandbox: Sandbox, dv: Tool) -> None:
    other = tracked.parent / "linked"
    sandbox.git(tracked, "worktree", "add", "-q", "-b", "side", str(other))
    old = len(records(tracked))
    write(other, "more", "3")
    dv(other, "add", "more").ok()
    (record,) = records(tracked)[old:]
    assert (record["verb"], record["branch"]) == ("add", "side")


def test_a_copy_has_a_log_of_its_own(tracked: Path, dv: Tool) -> None:
    copy = copy_repository(tracked, tracked.parent / "copy")
    old = len(records(tracked))
    dv(copy, "add", "lone").ok()
    assert len(records(tracked)) == old
    assert len(records(copy)) == old + 1

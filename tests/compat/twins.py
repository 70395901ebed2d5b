"""Two repositories that must stay equal: one is worked on by `dvc`, the other by `dv`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.compat.steps import GIT_COMMIT, Step
from tests.compat.trees import Change, Editor, Kind, remove
from tests.oracle import Entry, Result, Sandbox, Tool, copy_repository, difference, snapshot

STORE = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../store\n"


@contextmanager
def fresh(sandbox: Sandbox) -> Iterator[Path]:
    """A directory for one example."""
    path = Path(tempfile.mkdtemp(prefix="e", dir=sandbox.base))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(slots=True)
class Player:
    """One repository, and the tool that works in it."""

    tool: Tool
    sandbox: Sandbox
    root: Path

    @classmethod
    def make(cls, tool: Tool, sandbox: Sandbox, template: Path, home: Path, config: str) -> Player:
        """A copy of the template in `home`/repo, an empty remote in `home`/store, some files in `home`/outside."""
        root = copy_repository(template, home / "repo")
        root.joinpath(".dvc/config").write_text(config)
        (home / "store").mkdir()
        (home / "outside/folder").mkdir(parents=True)
        (home / "outside/file").write_bytes(b"outside\n")
        (home / "outside/folder/inner").write_bytes(b"inner\n")
        return cls(tool, sandbox, root)

    def run(self, *command: str) -> Result:
        if command[0] != "git":
            return self.tool(self.root, *command)
        if command == GIT_COMMIT:
            self.sandbox.git(self.root, "add", "-A")
            command = ("git", "commit", "-qm", "step", "--allow-empty")
        return Result("git", command, 0, self.sandbox.git(self.root, *command[1:]), "")

    def disk(self) -> dict[str, Entry]:
        return disk(self.root, self.root.parent / "store", self.root.parent / "outside")


def status(tool: Tool, root: Path) -> dict[str, Any]:
    """What `status` and `data status` say, order of lists aside; what they print where they fail."""
    answers = {}
    for command in (("status", "--json"), ("data", "status", "--json", "--granular", "--unchanged")):
        result = tool(root, *command)
        answers[command[0]] = ordered(result.json) if result.code == 0 else str(result)
    return answers


def assert_same_status(dvc: Tool, theirs: Path, dv: Tool, ours: Path, context: object) -> None:
    """Both say the same; about the files of a directory whose listing is lost, each what it remembers."""
    expected, actual = status(dvc, theirs), status(dv, ours)
    if expected != actual and not isinstance(expected["data"], str) and not isinstance(actual["data"], str):
        lost = lost_directories(expected["data"]) | lost_directories(actual["data"])
        for answer in (expected, actual):
            answer["data"] = without_files_of(answer["data"], lost)
    assert actual == expected, f"after {context}:\n   dvc {expected}\n   dv  {actual}"


def lost_directories(answer: dict[str, Any]) -> set[str]:
    """The tracked directories, each with a slash at its end, whose directory object is in no cache."""
    unknown = [
        path for group in ("committed", "uncommitted") for path in answer.get(group, {}).get("unknown", [])
    ]
    named = {path for path in paths_in(answer) if path.endswith("/")}
    return {
        path
        for path in named
        if path in answer.get("not_in_cache", []) or any(inner.startswith(path) for inner in unknown)
    }


def paths_in(answer: Any) -> Iterator[str]:
    if isinstance(answer, str):
        yield answer
    else:
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from paths_in(part)


def without_files_of(answer: Any, lost: set[str]) -> Any:
    """The same answer without what it says about paths below the lost directories, and without empty groups."""
    if isinstance(answer, dict):
        kept = {name: without_files_of(part, lost) for name, part in answer.items()}
        return {name: part for name, part in kept.items() if part}
    if isinstance(answer, list):
        return [path for path in answer if not any(path != top and str(path).startswith(top) for top in lost)]
    return answer


def ordered(value: Any) -> Any:
    """The same JSON value with every list sorted."""
    if isinstance(value, dict):
        return {key: ordered(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted(map(ordered, value), key=repr)
    return value


def disk(*roots: Path) -> dict[str, Entry]:
    """A snapshot without empty directories of caches and remotes: neither tool promises to keep or remove those."""
    return prune(snapshot(*roots), lambda name: "cache" in name.split("/") or name.startswith("1:"))


def prune(entries: dict[str, Entry], wanted: Callable[[str], bool] = lambda name: True) -> dict[str, Entry]:
    """The entries without directories that are empty, or hold only such directories."""
    while True:
        parents = {name.rpartition("/")[0] for name in entries}
        hollow = {
            name
            for name, entry in entries.items()
            if entry.kind == "dir" and name not in parents and wanted(name)
        }
        if not hollow:
            return entries
        entries = {name: entry for name, entry in entries.items() if name not in hollow}


def assert_same_disk(expected: dict[str, Entry], actual: dict[str, Entry], context: object) -> None:
    differing = difference(expected, actual)
    lines = [f"{name!r}\n   dvc {theirs!r}\n   dv  {ours!r}" for name, (theirs, ours) in differing.items()]
    assert not differing, "\n".join([f"after {context}:", *lines])


def assert_data_kept(before: dict[str, Entry], after: dict[str, Entry], context: object) -> None:
    """The content of every file of the user is what it was."""
    contents = {name: entry.content for name, entry in after.items()}
    lost = {
        name: entry
        for name, entry in before.items()
        if not name.startswith((".dvc/", "1:")) and not name.endswith((".dvc", ".gitignore"))
        if contents.get(name) != entry.content
    }
    assert not lost, (context, lost)


@dataclass(slots=True)
class Twins:
    """`theirs` is worked on by dvc, `ours` by dv; every command is run in both and compared."""

    theirs: Player
    ours: Player
    editor: Editor

    @classmethod
    def make(
        cls,
        tools: tuple[Tool, Tool],
        sandbox: Sandbox,
        template: Path,
        place: Path,
        *,
        cache_type: str = "copy",
    ) -> Twins:
        config = f"{STORE}[cache]\n    type = {cache_type}\n"
        theirs, ours = (
            Player.make(tool, sandbox, template, place / side, config)
            for side, tool in zip(("theirs", "ours"), tools, strict=True)
        )
        return cls(theirs, ours, Editor((theirs.root, ours.root)))

    @property
    def players(self) -> tuple[Player, Player]:
        return self.theirs, self.ours

    def write(self, path: str, content: bytes | str = b"", *, executable: bool = False) -> None:
        content = content.encode() if isinstance(content, str) else content
        parent, _, name = path.rpartition("/")
        self.editor.apply(parent, Change(Kind.EXECUTABLE if executable else Kind.WRITE, name, content))

    def edit(self, target: str, *changes: Change) -> None:
        self.editor.apply(target, *changes)

    def delete(self, path: str) -> None:
        self.editor.apply(path, Change(Kind.DELETE, ""))

    def run(self, *command: str) -> Result:
        """Run in both; both must succeed and agree on everything. Our result."""
        expected, actual = self._both(*command)
        assert (expected.code, actual.code) == (0, 0), f"{expected}\n{actual}"
        self.compare(command)
        return actual

    def refuse(self, *command: str) -> Result:
        """Run in both; both must refuse with the same exit code, and ours changes nothing. Our result."""
        before = self.ours.disk()
        expected, actual = self._both(*command)
        assert actual.code == expected.code != 0, f"{expected}\n{actual}"
        assert_same_disk(before, self.ours.disk(), command)
        return actual

    def play(self, step: Step) -> bool:
        """One step of a generated history; False when both refused, which ends it.

        Empty directories of the user are left aside: test_empty_directories compares them.
        """
        if not step.command:
            self.editor.apply(step.target, *step.changes)
            return True
        before = self.ours.disk()
        expected, actual = self._both(*step.command)
        if actual.code and "do not exist neither locally nor on remote" in expected.err:
            return False  # DVC warns and reports success, although data was not transferred
        assert (expected.code == 0) == (actual.code == 0), f"{expected}\n{actual}"
        if expected.code:
            assert_data_kept(before, self.ours.disk(), step)
            return False
        if step.command[0] == "remove":
            self._restore_executables(before)
        assert_same_disk(prune(self.theirs.disk()), prune(self.ours.disk()), step)
        self.compare_status(step)
        return True

    def same_json(self, *command: str) -> Any:
        """Run in both; both must succeed and print the same JSON value."""
        expected, actual = self._both(*command)
        assert ordered(actual.json) == ordered(expected.json), f"{expected}\n{actual}"
        return actual.json

    def each(self, *command: str) -> None:
        """Run in both, without comparing anything but success."""
        for result in self._both(*command):
            result.ok()

    def forget(self, *paths: str) -> None:
        """Delete files and directories in both."""
        for player in self.players:
            for path in paths:
                remove(player.root / path)

    def configure(self, section: str, **values: str) -> None:
        """Set values of one section of `.dvc/config` in both."""
        for player in self.players:
            config = player.root / ".dvc/config"
            lines = "".join(f"    {name} = {value}\n" for name, value in values.items())
            names = tuple(f"{name} =" for name in values)
            kept = [
                line for line in config.read_text().splitlines(True) if not line.strip().startswith(names)
            ]
            if f"[{section}]\n" not in kept:
                kept.append(f"[{section}]\n")
            kept.insert(kept.index(f"[{section}]\n") + 1, lines)
            config.write_text("".join(kept))

    def compare(self, context: object = None) -> None:
        assert_same_disk(self.theirs.disk(), self.ours.disk(), context)
        self.compare_status(context)

    def compare_status(self, context: object = None) -> None:
        theirs, ours = self.players
        assert_same_status(theirs.tool, theirs.root, ours.tool, ours.root, context)

    def _restore_executables(self, before: dict[str, Entry]) -> None:
        """Undo what only DVC does to the files of a directory that it stops tracking; test_remove holds that."""
        for name, entry in before.items():
            path = self.theirs.root / name
            if entry.kind == "file" and entry.mode & 0o111 and path.is_file() and not path.is_symlink():
                path.chmod(entry.mode)

    def _both(self, *command: str) -> tuple[Result, Result]:
        return self.theirs.run(*command), self.ours.run(*command)

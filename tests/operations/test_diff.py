"""What changed between revisions, or since one; compared with the real DVC, output for output."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data_versioning.cli import main
from data_versioning.errors import GitError, MissingObject, NotTracked, UsageError
from data_versioning.formats import dirfile
from data_versioning.git import process
from data_versioning.localfs import batch
from data_versioning.operations import diff
from data_versioning.operations.diff import Diff, Entry, Modified, Renamed
from tests.operations.work import Work, digest
from tests.oracle import Sandbox, Tool, copy_repository

FORMATS: tuple[tuple[str, ...], ...] = ((), ("--show-hash",), ("--json",), ("--md",), ("--md", "--show-hash"))


@pytest.fixture
def data(work: Work) -> Work:
    """`data` and `lone`, tracked and committed as the tag v1."""
    for name in ("a", "in/b", "in/deep/c"):
        work.write(f"data/{name}", name)
    work.write("lone", "lone")
    work.add("data", "lone")
    work.save()
    work.git("tag", "v1")
    return work


@pytest.fixture
def changed(data: Work) -> Work:
    """A second commit, v2, with something of every kind."""
    data.write("data/a", "changed")
    data.write("data/in/new", "new")
    (data.root / "data/in/deep/c").rename(data.root / "data/moved")
    data.write("other", "lone")
    data.delete("lone")
    data.delete("lone.dvc")
    data.add("data", "other")
    data.save()
    data.git("tag", "-a", "-m", "second", "v2")
    return data


def same(work: Work, tools: tuple[Tool, Tool], *args: str, below: str = ".") -> Any:
    """Both print the same and end with the same code; what they found."""
    theirs, ours = (tool(work.root / below, "diff", "--json", "--show-hash", *args) for tool in tools)
    assert (ours.code, json.loads(ours.out or "0")) == (theirs.code, json.loads(theirs.out or "0")), ours
    return json.loads(ours.out)


def same_in_all_formats(work: Work, tools: tuple[Tool, Tool], *args: str) -> None:
    for options in FORMATS:
        theirs, ours = (tool(work.root, "diff", *options, *args) for tool in tools)
        assert (ours.code, ours.out) == (0, theirs.out), f"{theirs}\n{ours}"


@pytest.fixture
def tools(dvc: Tool, dv: Tool) -> tuple[Tool, Tool]:
    return dvc, dv


def test_two_revisions(changed: Work, tools: tuple[Tool, Tool]) -> None:
    trees = {name: changed.git("show", f"{name}:data.dvc").split()[3] for name in ("v1", "v2")}
    assert diff.diff(changed.repo(), "v1", "v2") == Diff(
        added=(Entry("data/in/new", digest("new")),),
        modified=(
            Modified("data/", trees["v1"], trees["v2"]),
            Modified("data/a", digest("a"), digest("changed")),
        ),
        renamed=(
            Renamed("data/in/deep/c", "data/moved", digest("in/deep/c")),
            Renamed("lone", "other", digest("lone")),
        ),
        growth=len("changed" + "new") - len("a"),
    )
    same_in_all_formats(changed, tools, "v1", "v2")


def test_sizes_for_people(
    changed: Work, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal; where sizes are not recorded, or only parts are compared, nothing is told."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert main.main(["diff", "v1", "v2"]) == 0
    assert capsys.readouterr().out.endswith("modified\nsize of the data: +9 B\n")
    changed.write("data/a", "")
    assert main.main(["diff"]) == 0
    assert capsys.readouterr().out.endswith("size of the data: -7 B\n")
    assert main.main(["diff", "--targets", "data/a"]) == 0
    assert "size" not in capsys.readouterr().out
    changed.write("other.dvc", f"outs:\n- md5: {digest('lone')}\n  hash: md5\n  path: other\n")
    changed.save()
    assert diff.diff(changed.repo(), "v1", "HEAD").growth is None


def test_names_of_revisions(changed: Work, tools: tuple[Tool, Tool]) -> None:
    changed.git("branch", "side", "v1")
    short = changed.git("rev-parse", "--short", "v1").strip()
    expected = diff.diff(changed.repo(), "v1", "v2")
    for old, new in (("HEAD~1", "HEAD"), ("side", "main"), (short, "refs/tags/v2"), ("HEAD^", "@")):
        assert diff.diff(changed.repo(), old, new) == expected
    assert same(changed, tools, "v2", "side")["deleted"]
    base = changed.git("rev-parse", "v2").strip()
    changed.git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/tiny-bird", "v1")
    assert diff.diff(changed.repo(), "tiny-bird", "HEAD") == expected
    assert same(changed, tools, "tiny-bird")["added"]
    assert same(changed, tools, "v2", "HEAD") == {}


def test_since_a_revision(changed: Work, tools: tuple[Tool, Tool]) -> None:
    assert diff.diff(changed.repo()) == Diff()
    changed.write("data/in/b", "changed")
    changed.delete("other")
    changed.write("more", "more")
    changed.add("more")
    found = diff.diff(changed.repo())
    assert [entry.path for entry in found.added] == ["more"]
    assert [entry.path for entry in found.deleted] == ["other"]
    assert [entry.path for entry in found.modified] == ["data/", "data/in/b"]
    same_in_all_formats(changed, tools)
    same_in_all_formats(changed, tools, "v1")
    assert diff.diff(changed.repo(), "HEAD", "workspace") == found
    same(changed, tools, "v1", "workspace")


def test_nothing_is_hashed_again(changed: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    changed.settle()
    changed.data_status()
    monkeypatch.setattr(batch, "hash_files", lambda *_, **__: pytest.fail("hashed again"))
    assert diff.diff(changed.repo()) == Diff()


def test_git_runs_as_often_for_many_pointer_files(data: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[str, ...]] = []
    attempt = process.attempt

    def counted(directory: str, *arguments: str, **options: Any) -> tuple[int, bytes, bytes]:
        runs.append(arguments)
        return attempt(directory, *arguments, **options)

    def processes(count: int) -> int:
        names = [f"many/{at}" for at in range(count)]
        for name in names:
            data.write(name, name)
            data.write(f"stages/{name}/dvc.yaml", "stages:\n  s:\n    cmd: make\n")
            data.write(f"stages/{name}/dvc.lock", "schema: '2.0'\nstages: {}\n")
        data.add(*names)
        data.save()
        runs.clear()
        assert len(diff.diff(data.repo(), "v1", "HEAD").added) == count
        return len(runs)

    monkeypatch.setattr(process, "attempt", counted)
    assert processes(1) == processes(6) == 8


def test_equal_directories_are_not_read(changed: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    changed.write("other", "other")
    changed.add("other")
    changed.save()
    shutil.rmtree(changed.cache.root())
    shutil.rmtree(changed.root / ".dvc/tmp")
    told: list[str] = []
    found = diff.diff(changed.repo()._replace(notify=told.append), "v2", "HEAD")
    assert [entry.path for entry in found.modified] == ["other"]
    assert told == []


@pytest.mark.parametrize(
    "targets",
    [
        ["data"], ["data/"], ["data/in"], ["data/in/deep"], ["data/a"], ["data/in/new"], ["data/none"], ["lone"],
        ["lone.dvc"], ["other", "lone", "data/moved"], ["data.dvc"], ["data/a/below"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_targets(changed: Work, tools: tuple[Tool, Tool], targets: list[str]) -> None:
    same(changed, tools, "v1", "v2", "--targets", *targets)
    changed.write("data/a", "again")
    changed.write("data/in/deep/d", "d")
    same(changed, tools, "v1", "--targets", *targets)


def test_a_target_may_be_gone_on_one_side(changed: Work) -> None:
    def found(*names: str) -> Diff:
        return diff.diff(changed.repo(), "v1", "v2", names)

    assert found("lone").deleted == (Entry("lone", digest("lone")),)
    assert found("other").added == (Entry("other", digest("lone")),)
    assert [entry.path for entry in found("data/in").added] == ["data/in/new"]
    # Named twice, told once.
    assert found("data", "data/a") == replace(found("data"), growth=None)
    with pytest.raises(NotTracked, match="nowhere"):
        found("lone", "nowhere")


def test_targets_count_from_here(changed: Work, tools: tuple[Tool, Tool]) -> None:
    changed.write("data/a", "again")
    for below, target in (("data", "a"), ("data/in", "../a"), ("data/in", "b")):
        same(changed, tools, "v1", "--targets", target, below=below)
    moved = tools[1](changed.root, "--cd", "data", "diff", "--json", "--targets", "a").json
    assert moved["modified"] == [{"path": "data/a"}]
    absolute = tools[1](changed.root, "diff", "--json", "--targets", f"{changed.root}/data/a")
    assert absolute.json == moved


def test_files_and_directories_in_each_others_place(data: Work, tools: tuple[Tool, Tool]) -> None:
    """Of a file in whose place is a directory, and the other way round, only the files inside are told."""
    data.delete("data/a")
    data.write("data/a/x", "x")
    data.delete("data/in")
    data.write("data/in", "in")
    data.delete("lone")
    data.write("lone/y", "y")
    found = diff.diff(data.repo())
    assert [entry.path for entry in found.added] == ["data/a/x", "lone/y"]
    assert [entry.path for entry in found.deleted] == ["data/in/b", "data/in/deep/c"]
    assert [entry.path for entry in found.modified] == ["data/", "lone"]
    same(data, tools)
    data.add("data", "lone")
    data.save()
    same(data, tools, "v1", "HEAD")
    same(data, tools, "HEAD", "v1")
    same(data, tools, "HEAD", "v1", "--targets", "data/in", "lone")


def test_a_directory_whose_files_are_tracked_one_by_one(data: Work, tools: tuple[Tool, Tool]) -> None:
    data.delete("data.dvc")
    data.write(".gitignore", "/lone\n")
    data.write("data/a", "changed")
    data.add("data/a", "data/in")
    data.save()
    ours = same_but_told_once(data, tools, "v1", "HEAD")
    assert [entry["path"] for entry in ours["modified"]] == ["data/a"]
    same_but_told_once(data, tools, "HEAD", "v1")


def same_but_told_once(work: Work, tools: tuple[Tool, Tool], *args: str) -> Any:
    """DVC repeats what two outputs, one inside the other at another revision, both hold."""
    theirs, ours = (tool(work.root, "diff", "--json", *args).json for tool in tools)
    once = {
        group: [entry for at, entry in enumerate(found) if entry not in found[:at]]
        for group, found in theirs.items()
    }
    assert ours == once
    return ours


def test_not_in_cache(data: Work, tools: tuple[Tool, Tool]) -> None:
    data.write("data/in/b", "changed")
    data.delete("lone")
    for content in ("a", "in/b", "lone"):
        data.object(content).unlink()
    found = diff.diff(data.repo())
    assert [entry.path for entry in found.not_in_cache] == ["data/a", "data/in/b", "lone"]
    same_in_all_formats(data, tools)
    same_in_all_formats(data, tools, "--hide-missing")
    same_in_all_formats(data, tools, "--targets", "data/in")
    data.write("data/in/b", "in/b")
    data.write("lone", "lone")
    same_in_all_formats(data, tools)
    same_in_all_formats(data, tools, "--hide-missing")
    assert diff.diff(data.repo(), "HEAD", "workspace").not_in_cache == ()


def lose_listing(work: Work, sandbox: Sandbox, revision: str) -> None:
    """From the cache, and from what both programs remember."""
    work.named(work.git("show", f"{revision}:data.dvc").split()[3]).unlink()
    shutil.rmtree(work.root / ".dvc/tmp", ignore_errors=True)
    shutil.rmtree(sandbox.base / "site", ignore_errors=True)


def test_a_lost_listing(changed: Work, tools: tuple[Tool, Tool], sandbox: Sandbox) -> None:
    lose_listing(changed, sandbox, "v1")
    told: list[str] = []
    repo = changed.repo()._replace(notify=told.append)
    assert [entry.path for entry in diff.diff(repo, "v1", "v2").modified] == ["data/"]
    assert len(told) == 1
    assert "data/" in told[0]
    for args in (("v1", "v2"), ("v2", "v1"), ("v1",)):
        same(changed, tools, *args)
    with pytest.raises(MissingObject, match="data") as refused:
        diff.diff(changed.repo(), "v1", "v2", ["data/in"])
    assert refused.value.hint
    theirs, ours = (tool(changed.root, "diff", "v1", "v2", "--targets", "data/in") for tool in tools)
    assert ours.code == theirs.code == 255


def test_a_listing_that_only_the_remote_has(
    changed: Work, tools: tuple[Tool, Tool], sandbox: Sandbox
) -> None:
    """As DVC reads it from a bucket; directories it looks for in the wrong place when it looks at a commit."""
    _, dv = tools
    dv(changed.root, "remote", "add", "-d", "store", "../store").ok()
    dv(changed.root, "push", "-T").ok()
    expected = diff.diff(changed.repo(), "v1", "v2")
    lose_listing(changed, sandbox, "v1")
    assert diff.diff(changed.repo(), "v1", "v2") == expected
    assert [entry.path for entry in diff.diff(changed.repo(), "v1", "v2", ["data/in"]).added] == [
        "data/in/new"
    ]
    assert not changed.named(expected.modified[0].old or "").exists()
    path = (
        changed.root.parent
        / "store/files/md5"
        / os.path.relpath(changed.named(expected.modified[0].old or ""), changed.cache.root())
    )
    path.chmod(0o644)
    path.write_text('[{"md5": "' + "0" * 32 + '", "relpath": "../../escaped"}]')
    assert diff.diff(changed.repo(), "v1", "v2").added == ()


def test_outputs_of_stages(work: Work, tools: tuple[Tool, Tool]) -> None:
    work.write("in", "1")
    work.write(
        "dvc.yaml",
        "stages:\n  s:\n    cmd: mkdir -p dir && cp in out && cp in dir/x && cp in metrics.json\n    deps: [in]\n"
        "    outs: [out, dir]\n    metrics:\n    - metrics.json:\n        cache: false\n",
    )
    work.save()
    work.git("tag", "never-run")
    assert same(work, tools)["deleted"] == [{"path": "dir", "hash": None}, {"path": "out", "hash": None}]
    tools[0](work.root, "repro", "-q").ok()
    assert [entry["path"] for entry in same(work, tools)["modified"]] == ["dir", "out"]
    work.save()
    work.write("in", "2")
    tools[0](work.root, "repro", "-q").ok()
    same_in_all_formats(work, tools)
    same(work, tools, "--targets", "s")
    same(work, tools, "--targets", "dvc.yaml:s")
    same(work, tools, "--targets", "dir/x")
    work.save()
    for args in (("HEAD~1", "HEAD"), ("never-run", "HEAD"), ("HEAD", "never-run")):
        same(work, tools, *args)
    # DVC ends with a traceback where a hash is not there to show.
    shown = tools[1](work.root, "diff", "--show-hash", "never-run").ok().out
    assert f"    ..{digest('2')[:8]}  out\n" in shown


def test_imports(work: Work, tools: tuple[Tool, Tool], template: Path) -> None:
    dvc, _ = tools
    source = Work(copy_repository(template, work.root.parent / "source"), work.sandbox)
    source.write("dir/x", "x")
    source.write("file", "file")
    source.add("dir", "file")
    source.save()
    outside = source.root.parent / "outside"
    (outside / "dir").mkdir(parents=True)
    (outside / "dir/y").write_text("y")
    (outside / "file").write_text("outside")
    for args in (
        ("import", "../source", "dir"),
        ("import", "--no-download", "../source", "file", "-o", "later"),
        ("import-url", "../outside/dir", "here"),
        ("import-url", "--no-download", "../outside/file", "later.txt"),
        ("import-url", "--no-download", "../outside/dir", "later.dir"),
    ):
        dvc(work.root, "-q", *args).ok()
    work.save()
    assert [entry["path"] for entry in same(work, tools)["not in cache"]] == ["later.dir/", "later.txt"]
    same(work, tools, "HEAD~1", "HEAD")
    work.write("here/y", "changed")
    work.delete("dir")
    same(work, tools)


def test_data_of_dvc_2(work: Work, tools: tuple[Tool, Tool]) -> None:
    """A hash of then and one of today never mean the same."""
    binary = work.put_legacy(b"\0", digest(b"\0"))
    tree = dirfile.dump(["bin"], [binary])
    work.put_legacy(tree, value := digest(tree) + ".dir")
    work.write("old.dvc", f"outs:\n- md5: {value}\n  size: 1\n  nfiles: 1\n  path: old\n")
    work.write("old/bin", b"\0")
    work.write(".gitignore", "/old\n")
    work.save()
    assert diff.diff(work.repo()) == Diff()
    work.write("old/new", "new")
    assert [entry["path"] for entry in same(work, tools)["modified"]] == ["old/"]
    work.add("old")
    assert [entry["path"] for entry in same(work, tools)["modified"]] == ["old/", "old/bin"]


def test_files_that_a_pointer_file_lists(work: Work, tools: tuple[Tool, Tool]) -> None:
    """As for remotes that keep versions themselves."""
    listed = "outs:\n- hash: md5\n  path: data\n  files:\n"
    for at, name in enumerate("ab"):
        listed += f"  - size: 1\n    md5: {digest(name)}\n    relpath: {name}\n"
        work.write("data.dvc", listed)
        work.save(name)
        assert at == 0 or diff.diff(work.repo(), "HEAD~1", "HEAD").added == (Entry("data/b", digest("b")),)
    same(work, tools, "HEAD~1", "HEAD")


def test_before_the_first_commit(work: Work, tools: tuple[Tool, Tool]) -> None:
    work.delete(".git")
    work.git("init", "-q")
    work.write("lone", "lone")
    work.add("lone")
    same_in_all_formats(work, tools)
    same_in_all_formats(work, tools, "nonsense")


def test_without_git(work: Work, tools: tuple[Tool, Tool]) -> None:
    (work.root / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    with pytest.raises(GitError, match="not in Git") as refused:
        diff.diff(work.repo())
    assert refused.value.hint
    theirs, ours = (tool(work.root, "diff") for tool in tools)
    assert ours.code == theirs.code == 1


@pytest.mark.parametrize(
    "args", [("nonsense",), ("HEAD", "nonsense"), ("HEAD~9",), ("workspace",)], ids=" ".join
)
def test_bad_revisions(data: Work, tools: tuple[Tool, Tool], args: tuple[str, ...]) -> None:
    with pytest.raises((GitError, UsageError)) as refused:
        diff.diff(data.repo(), *args)
    assert refused.value.hint
    theirs, ours = (tool(data.root, "diff", *args) for tool in tools)
    assert ours.code == theirs.code == 1


@pytest.mark.parametrize("revision", ["v1:data.dvc", "v1^{tree}", "", "--output=x"])
def test_what_is_no_revision(data: Work, revision: str) -> None:
    """A file, a directory, nothing, and what Git would take for an option."""
    with pytest.raises((GitError, UsageError)):
        diff.diff(data.repo(), revision)


@pytest.mark.parametrize("target", ["nowhere", "..", "../outside", ".", "\x1b[31m", "-"])
def test_bad_targets(data: Work, tools: tuple[Tool, Tool], target: str) -> None:
    theirs, ours = (tool(data.root, "diff", "v1", "--targets", target) for tool in tools)
    assert ours.code == theirs.code == 255


def test_a_repository_in_a_subdirectory(place: Path, sandbox: Sandbox, tools: tuple[Tool, Tool]) -> None:
    top = place / "top"
    top.mkdir()
    sandbox.git(top, "init", "-q")
    sandbox.git(top, "commit", "-q", "--allow-empty", "-m", "before there is a repository")
    (top / "sub").mkdir()
    tools[0](top / "sub", "init", "-q", "--subdir").ok()
    work = Work(top / "sub", sandbox)
    work.write("data/a", "a")
    tools[1](work.root, "add", "data").ok()
    work.save()
    work.write("data/b", "b")
    work.write("deep/er/x")
    assert [entry["path"] for entry in same(work, tools)["added"]] == ["data/b"]
    same(work, tools, "--targets", "../../data/b", below="deep/er")
    assert same(work, tools, "HEAD~1") == {}
    assert "does not hold" in tools[1](work.root, "diff", "HEAD~1").err


def test_pointer_files_that_do_not_count(data: Work, tools: tuple[Tool, Tool], template: Path) -> None:
    """In an ignored directory, or of another repository below."""
    data.write("hidden/x.dvc", f"outs:\n- md5: {digest('x')}\n  hash: md5\n  path: x\n")
    data.write(".dvcignore", "hidden\n")
    copy_repository(template, data.root / "nested")
    data.delete("nested/.git")
    data.write("nested/y.dvc", f"outs:\n- md5: {digest('y')}\n  hash: md5\n  path: y\n")
    data.save()
    assert same(data, tools, "v1", "HEAD") == same(data, tools) == {}
    assert data.data_status().committed.deleted == ()


def test_odd_names(work: Work, tools: tuple[Tool, Tool]) -> None:
    work.write("data/x", "x")
    work.add("data")
    work.save()
    for name in (
        "with space",
        "ümlaut",
        "e\u0301",
        "quo'te",
        'dou"ble',
        "new\nline",
        "pi|pe",
        "-dash",
        "a -> b",
    ):
        work.write(f"data/{name}", name)
    same(work, tools)
    table = tools[1](work.root, "diff", "--md").out
    assert "data/pi\\|pe " in table
    assert len(table.splitlines()) == 2 + 10 + 1


def test_hostile_pointer_files(data: Work, tools: tuple[Tool, Tool]) -> None:
    outside = data.root.parent / "secret"
    outside.write_text("secret")
    for text in (
        f"outs:\n- md5: {digest('x')}\n  hash: md5\n  path: ../secret\n",
        "outs:\n- md5: ../../../secret\n  hash: md5\n  path: x\n",
        "outs: [",
        "\xff",
    ):
        data.write("evil.dvc", text.encode("latin-1"))
        data.save()
        ours = tools[1](data.root, "diff", "v1", "HEAD")
        assert "Traceback" not in ours.err
        assert "secret\n" not in ours.out
        assert ours.code in (0, 1)
    assert outside.read_text() == "secret"


def test_a_hostile_listing(data: Work, tools: tuple[Tool, Tool]) -> None:
    content = b'[{"md5": "' + b"0" * 32 + b'", "relpath": "../../escaped"}]'
    path = data.named(f"{digest(content)}.dir")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    data.write("evil.dvc", f"outs:\n- md5: {digest(content)}.dir\n  hash: md5\n  path: evil\n")
    data.save()
    found = diff.diff(data.repo(), "v1", "HEAD")
    assert [entry.path for entry in found.added] == ["evil/"]
    ours = tools[1](data.root, "diff", "v1", "HEAD").ok()
    assert "escaped" not in ours.out + ours.err


def test_it_changes_nothing(changed: Work) -> None:
    changed.write("data/a", "changed")
    before = changed.everything()
    diff.diff(changed.repo(), "v1", "v2")
    diff.diff(changed.repo())
    assert changed.everything() == before
    assert not (changed.root / ".git/dv/log").exists() or not any(
        '"diff"' in line for line in logged(changed)
    )


def logged(work: Work) -> Iterator[str]:
    yield from (work.root / ".git/dv/log/events.jsonl").read_text().splitlines()

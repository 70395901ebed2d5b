from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from data_versioning import repo as repos
from data_versioning.operations import push
from data_versioning.operations.sharing import ServedByDvc, TransferFailed, TransferOptions
from data_versioning.storage.base import FailureKind
from tests.operations.sharing import clone, commit, damage, object_of, objects, tracked, write
from tests.oracle import Sandbox, Tool
from tests.storage.test_refusals import answering


def test_same_remote_as_dvc(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    assert dv(repository, "push").ok().out == "6 files pushed\n"
    ours = objects(remote)
    assert dvc(repository, "push").ok().out == "Everything is up to date.\n"
    shutil.rmtree(remote)
    dvc(repository, "push").ok()
    assert ours == objects(remote)
    assert dv(repository, "push").ok().out == "Everything is up to date.\n"
    assert "in sync" in dvc(repository, "status", "-c").ok().out


def test_json_and_dry_run(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    planned = dv(repository, "push", "--dry-run", "--json").json
    assert sorted(planned["planned"]) == ["data", "data/a", "data/empty", "data/sub/b", "data/sub/c", "lone"]
    assert (planned["pushed"], planned["dry_run"]) == (6, True)
    assert not remote.exists()
    assert dv(repository, "push", "--dry-run").ok().out.endswith("\n6 files would be pushed\n")
    done = dv(repository, "push", "--json").json
    assert (done["remotes"], done["pushed"], done["planned"]) == (["up"], 6, [])
    assert done["size"] == sum(len(content) for _, content in objects(remote).values())
    assert dv(repository, "push", "--json").json["pushed"] == 0


def test_targets(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    assert dv(repository, "push", "lone.dvc").ok().out == "1 file pushed\n"
    assert dv(repository / "data", "push", "sub").ok().out == "2 files pushed\n"
    assert not [name for name in objects(remote) if name.endswith(".dir")]
    assert dv(repository, "push", "--glob", "da*a").ok().out == "3 files pushed\n"
    unknown = dv(repository, "push", "lonely")
    assert unknown.code == 1 and "'lone'" in unknown.err


def test_missing_everywhere(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    object_of(repository / ".dvc/cache", "beta").unlink()
    for again in range(2):
        result = dv(repository, "push")
        assert result.code == 1
        assert "'data/sub/b' (md5 987bcab01b929eb2c07877b224215c92) is neither in the cache nor" in result.err
        assert "ERROR: 1 file could not be pushed" in result.err
        assert not [name for name in objects(remote) if name.endswith(".dir")], again
        assert len(objects(remote)) == 4
    failed = dv(repository, "push", "--json")
    assert failed.code == 1
    assert '"missing": [{"path": "data/sub/b"' in failed.out


def test_missing_in_the_cache_but_on_the_remote_is_fine(
    repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool
) -> None:
    tracked(repository, sandbox, dvc)
    dv(repository, "push").ok()
    shutil.rmtree(repository / ".dvc/cache")
    assert dv(repository, "push").ok().out == "Everything is up to date.\n"


def test_damage_is_not_spread(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    damage(object_of(repository / ".dvc/cache", "beta"))
    result = dv(repository, "push")
    assert result.code == 1
    assert "'data/sub/b' (md5 987bcab01b929eb2c07877b224215c92) is damaged" in result.err
    assert "dv fsck" in result.err
    assert sorted(content for _, content in objects(remote).values()) == [b"", b"alpha", b"gamma", b"lone"]


def test_a_failure_is_in_the_operation_log(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    tracked(repository, sandbox, dvc)
    dv(repository, "push").ok()
    object_of(repository / ".dvc/cache", "beta").unlink()
    object_of(repository.parent / "remote", "beta").unlink()
    assert dv(repository, "push").code == 1
    log = "".join(
        path.read_text() for path in sorted((repository / ".git/dv/log").rglob("*")) if path.is_file()
    )
    lines = [line for line in log.splitlines() if '"verb":"push"' in line.replace(" ", "")]
    assert len(lines) == 2
    assert '"ok"' in lines[0] and '"failed"' in lines[1]


def test_all_branches_tags_and_commits(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    sandbox.git(repository, "tag", "first")
    for number, branch in enumerate(("one", "two")):
        sandbox.git(repository, "switch", "-qc", branch)
        write(repository, {"lone": f"version {number}"})
        dvc(repository, "add", "-q", "lone").ok()
        commit(repository, sandbox, branch)
    write(repository, {"lone": "now"})
    dvc(repository, "add", "-q", "lone").ok()
    expected = {"-T": {b"lone", b"now"}, "-a": {b"lone", b"version 0", b"version 1", b"now"}}
    for flag, contents in expected.items():
        dv(repository, "push", flag, "lone").ok()
        assert {content for _, content in objects(remote).values()} == contents
        shutil.rmtree(remote)
        dvc(repository, "push", "-q", flag, "lone").ok()
        assert {content for _, content in objects(remote).values()} == contents
        shutil.rmtree(remote)
    assert dv(repository, "push", "-A").ok().out == "9 files pushed\n"
    assert "in sync" in dvc(repository, "status", "-c", "-A").ok().out


def test_outputs_that_stay_here(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    write(repository, {"p1": "p1", "p2": "p2", "p3": "p3"})
    (repository / "dvc.yaml").write_text(
        "stages:\n  s:\n    cmd: 'true'\n    outs:\n    - p1:\n        push: false\n        persist: true\n"
        "    - p2:\n        cache: false\n        persist: true\n    - p3:\n        persist: true\n"
    )
    dvc(repository, "repro", "-q").ok()
    dv(repository, "push", "s").ok()
    assert [content for _, content in objects(remote).values()] == [b"p3"]


def test_remotes_of_single_outputs(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    other = repository.parent / "other"
    dvc(repository, "remote", "add", "-q", "other", "../other").ok()
    dvc(repository, "remote", "add", "-q", "below", "remote://other/deep").ok()
    text = (repository / "lone.dvc").read_text()
    (repository / "lone.dvc").write_text(text + "  remote: below\n")
    assert dv(repository, "push", "--json").json["remotes"] == ["up", "below"]
    assert [content for _, content in objects(other / "deep").values()] == [b"lone"]
    assert len(objects(remote)) == 5
    assert dv(repository, "push", "-r", "up").ok().out == "Everything is up to date.\n"
    assert dvc(repository, "push").ok().out == "Everything is up to date.\n"
    assert dv(repository, "status", "-c").ok().out == "Cache and remotes 'up' and 'below' are in sync.\n"


def test_run_cache(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    (repository / "dvc.yaml").write_text(
        "stages:\n  s:\n    cmd: cp lone out\n    deps: [lone]\n    outs: [out]\n"
    )
    dvc(repository, "repro", "-q").ok()
    assert dv(repository, "push").ok().out == "6 files pushed\n"
    assert not (remote / "runs").exists()
    assert dv(repository, "push", "--run-cache").ok().out == "1 file pushed\n"
    ours = objects(remote)
    shutil.rmtree(remote / "runs")
    dvc(repository, "push", "-q", "--run-cache").ok()
    assert objects(remote) == ours
    assert dv(repository, "push", "--run-cache").ok().out == "Everything is up to date.\n"


def test_legacy_objects(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    cache = repository / ".dvc/cache"
    value = "764efa883dda1e11db47671c4a3bbd9e"  # MD5 of b"hi\n"
    legacy = cache / value[:2] / value[2:]
    legacy.parent.mkdir()
    legacy.write_bytes(b"hi\r\n")
    os.chmod(legacy, 0o444)
    (repository / "old.dvc").write_text(f"outs:\n- md5: {value}\n  path: old\n")
    assert dv(repository, "push", "old").ok().out == "1 file pushed\n"
    assert objects(remote) == {f"{value[:2]}/{value[2:]}": (0o444, b"hi\r\n")}
    assert dvc(repository, "push", "old").ok().out == "Everything is up to date.\n"


def test_two_push_at_once(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    remote = tracked(repository, sandbox, dvc)
    other = clone(repository, sandbox)
    shutil.copytree(repository / ".dvc/cache", other / ".dvc/cache")
    running = [dv.start(place, "push") for place in (repository, other, repository, other)]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert objects(remote) == objects(repository / ".dvc/cache")


def test_remotes_for_dvc_are_handed_over(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    tracked(repository, sandbox, dvc)
    dvc(repository, "remote", "add", "-q", "web", "gdrive://root/data").ok()
    dry = dv.real(repository, "push", "-r", "web", "--dry-run")
    assert dry.code == 1
    assert "gdrive:// remotes ('web' is one) are served by the program dvc for now" in dry.err
    assert "without --dry-run and --json, dv push hands over to dvc" in dry.err
    assert dv.real(repository, "push", "-r", "web").code not in {0, 254}
    log = "".join(path.read_text() for path in (repository / ".git/dv/log").rglob("*") if path.is_file())
    assert '["dvc","push","-r","web"]' in log.replace(", ", ",")
    with pytest.raises(ServedByDvc, match="web"):
        push.push(repos.open(str(repository)), options=TransferOptions(remote="web"))


def test_no_remote(repository: Path, dvc: Tool, dv: Tool) -> None:
    """That is an error when anything is tracked, also if none of it would go there."""
    assert dv(repository, "push").ok().out == "Everything is up to date.\n"
    write(repository, {"../other": "other"})
    dvc(repository, "import-url", "-q", "../other").ok()
    assert dv(repository, "push").code == dvc(repository, "push").code == 1
    write(repository, {"lone": "lone"})
    dvc(repository, "add", "-q", "lone").ok()
    result = dv(repository, "push")
    assert result.code == 1 and "dv remote add -d" in result.err
    assert dv(repository, "push", "-j", "0").code == 1


def test_the_function_raises_and_carries_the_result(
    repository: Path, sandbox: Sandbox, dvc: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked(repository, sandbox, dvc)
    object_of(repository / ".dvc/cache", "lone").unlink()
    monkeypatch.chdir(repository)
    with pytest.raises(TransferFailed) as raised:
        push.push(repos.open())
    result = raised.value.result
    assert [(problem.name, problem.kind) for problem in result.problems] == [("lone", FailureKind.MISSING)]
    assert (result.copied, result.held) == (5, ())


def test_dependencies_and_directories_of_pointer_files(
    repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool
) -> None:
    remote = tracked(repository, sandbox, dvc)
    (repository / "dvc.yaml").write_text(
        "stages:\n  s:\n    cmd: cp lone out && printf x >> out\n    deps: [lone]\n    outs: [out]\n"
    )
    dvc(repository, "repro", "-q").ok()
    write(repository, {"below/one": "one", "below/deep/two": "two"})
    dvc(repository, "add", "-q", "below/one", "below/deep/two").ok()
    assert dv(repository, "push", "s").ok().out == "1 file pushed\n"
    assert dv(repository, "push", "--with-deps", "s").ok().out == "1 file pushed\n"
    assert dv(repository, "push", "-R", "below").ok().out == "2 files pushed\n"
    contents = {content for _, content in objects(remote).values()}
    assert contents == {b"lonex", b"lone", b"one", b"two"}


def test_nothing_slow_is_imported(repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool) -> None:
    tracked(repository, sandbox, dvc)
    time.sleep(0.05)  # what was written just now is not kept compiled: its time stamps may not tell a change
    dv(repository, "push").ok()
    result = dv.real(repository, "push", env={"PYTHONPROFILEIMPORTTIME": "1"})
    imported = {line.rsplit("|", 1)[-1].strip() for line in result.err.splitlines() if "|" in line}
    assert "data_versioning.remotes.transfer" in imported
    packages = {name.partition(".")[0] for name in imported}
    assert not packages & {"yaml", "ruamel", "configobj", "pathspec", "rich", "subprocess", "tomlkit"}


@pytest.mark.parametrize("verb", ["push", "fetch", "pull"])
def test_a_remote_that_refuses_everything(
    repository: Path, sandbox: Sandbox, dvc: Tool, dv: Tool, verb: str
) -> None:
    """The other remote gets and gives its objects; then what is left out is listed, with the way on."""
    remote = tracked(repository, sandbox, dvc)
    (repository / "tree").mkdir()
    (repository / "tree/file").write_text("in a tree")
    dvc(repository, "add", "-q", "tree").ok()
    if verb != "push":
        dvc(repository, "push", "-q").ok()
        shutil.rmtree(repository / ".dvc/cache")
        (repository / "lone").unlink()
    pointer = repository / "tree.dvc"
    pointer.write_text(pointer.read_text() + "  remote: wall\n")
    with answering(403, body=b"<Error><Code>AccessDenied</Code></Error>") as server:
        settings = {
            "endpointurl": server,
            "access_key_id": "k",
            "secret_access_key": "s",
            "region": "us-east-1",
        }
        lines = "".join([f"    {name} = {value}\n" for name, value in settings.items()])
        config = repository / ".dvc/config"
        config.write_text(f"{config.read_text()}['remote \"wall\"']\n    url = s3://box\n{lines}")
        found = dv(repository, verb)
        alone = dv(repository, verb, "tree")
        told = json.loads(dv(repository, verb, "--json").out)
    refusal = "s3://box does not permit this ("
    assert found.code == 1
    assert f"'tree' (md5 {oid_of(pointer)}) was left out: {refusal}" in found.err
    word = "pushed" if verb == "push" else "fetched"
    assert f"ERROR: 1 file could not be {word}" in found.err
    assert f"to continue: dv {verb}" in found.err and "access_key_id" in found.err
    # Of one output there is no list to make.
    assert alone.code == 1
    assert f"ERROR: {refusal}" in alone.err
    assert [row["path"] for row in told["failed"]] == ["tree"]
    place = remote if verb == "push" else repository / ".dvc/cache"
    assert object_of(place, "lone")
    assert (repository / "lone").exists() is (verb != "fetch")
    assert (repository / "tree/file").read_text() == "in a tree"


def oid_of(pointer: Path) -> str:
    return pointer.read_text().partition("md5: ")[2].split()[0]

"""Running pipelines: what goes wrong, what is shown, what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_versioning.errors import NotTracked, Overlap, PathError, UsageError
from data_versioning.localfs import batch, rwlock
from data_versioning.operations import log, push, repro
from data_versioning.operations.repro import OnError, ReproOptions, ReproResult
from data_versioning.operations.sharing import TransferOptions
from data_versioning.pipeline import graph
from data_versioning.pipeline.outcome import Outcome, StageBegun, StageResult
from tests.faults.stages import kill_all, members, wait_for, wait_for_end
from tests.operations.work import Work
from tests.oracle import Tool


def pipeline(work: Work, **stages: dict[str, Any]) -> None:
    work.write("dvc.yaml", yaml.safe_dump({"stages": stages}, sort_keys=False))


def run(work: Work, *names: str, **options: Any) -> ReproResult:
    return repro.repro(work.repo(), work.targets(names), options=ReproOptions(**options))


def outcomes(result: ReproResult) -> dict[str, str]:
    return {one.stage: one.outcome.value for one in result.stages}


def only(result: ReproResult) -> StageResult:
    (stage,) = result.stages
    return stage


def lock(work: Work) -> dict[str, Any]:
    stages: dict[str, Any] = yaml.safe_load(work.read("dvc.lock"))["stages"]
    return stages


def test_run_cached_restored(work: Work) -> None:
    work.write("in", "1")
    pipeline(work, a={"cmd": "cp in out; echo x >> ran", "deps": ["in"], "outs": ["out"]})
    assert only(run(work)).reasons == ("it never ran",)
    assert outcomes(run(work)) == {"a": "cached"}
    work.write("in", "2")
    assert only(run(work)).reasons == ("in modified",)
    work.write("in", "1")
    assert outcomes(run(work)) == {"a": "restored"}
    assert work.read("out") == b"1"
    assert work.read("ran") == b"x\nx\n"
    work.delete("out")
    assert outcomes(run(work)) == {"a": "restored"}
    assert outcomes(run(work, run_cache=False, force=True)) == {"a": "run"}


def test_what_many_stages_need_is_hashed_once(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        work.write(f"data/{number}", f"{number}")
    stages = {name: {"cmd": f"cat data/* > {name}", "deps": ["data"], "outs": [name]} for name in "abcd"}
    pipeline(work, **stages)
    run(work)
    work.write("data/7", "changed")
    work.settle()
    hashed: list[str] = []
    hash_files = batch.hash_files

    def noted(root: str, names: bytes, **options: Any) -> batch.Batch:
        hashed.extend(os.path.join(root, os.fsdecode(name)) for name in names.split(b"\0")[:-1])
        return hash_files(root, names, **options)

    monkeypatch.setattr(batch, "hash_files", noted)
    assert outcomes(run(work)) == dict.fromkeys("abcd", "run")
    assert [path for path in hashed if "/data/" in path] == [str(work.root / "data/7")]


def test_a_command_that_fails_leaves_the_old_outputs(work: Work) -> None:
    work.write("in", "1")
    pipeline(work, a={"cmd": "cp in out; test $(cat in) = 1", "deps": ["in"], "outs": ["out"]})
    run(work)
    before = lock(work)
    work.write("in", "2")
    failed = only(run(work))
    assert failed.outcome is Outcome.FAILED
    assert failed.exit_code == 1
    assert "exit code 1" in failed.message
    assert work.read("out") == b"1"
    assert lock(work) == before
    assert ".dvc/tmp/dv/failed/dvc.yaml_a" in failed.message
    assert work.read(".dvc/tmp/dv/failed/dvc.yaml_a/out") == b"2"
    assert failed.log
    assert Path(failed.log).read_text().startswith("> cp in out")


def test_an_output_that_was_not_made(work: Work) -> None:
    pipeline(work, a={"cmd": "touch one", "outs": ["one", "two"]})
    failed = only(run(work))
    assert failed.outcome is Outcome.FAILED
    assert "'two' does not exist" in failed.message
    assert not (work.root / "dvc.lock").exists()
    assert not (work.root / "one").exists()


@pytest.mark.parametrize(
    ("on_error", "c", "d"),
    [
        (OnError.STOP, "skipped", "skipped"),
        (OnError.KEEP_GOING, "skipped", "run"),
        (OnError.IGNORE, "failed", "run"),
    ],
)
def test_the_rest_after_a_failure(work: Work, on_error: OnError, c: str, d: str) -> None:
    pipeline(
        work,
        a={"cmd": "echo 1 > a", "outs": ["a"]},
        b={"cmd": "exit 4", "deps": ["a"], "outs": ["b"]},
        c={"cmd": "cp b c", "deps": ["b"], "outs": ["c"]},
        d={"cmd": "echo 1 > d", "outs": ["d"]},
    )
    result = run(work, on_error=on_error)
    assert outcomes(result) == {"a": "run", "b": "failed", "c": c, "d": d}
    assert set(lock(work)) == {"a"} | ({"d"} if d == "run" else set())


def test_a_missing_dependency(work: Work) -> None:
    pipeline(work, a={"cmd": "touch out", "deps": ["absent"], "outs": ["out"]})
    failed = only(run(work))
    assert failed.outcome is Outcome.FAILED
    assert "'absent' does not exist" in failed.message


def test_a_missing_parameter(work: Work) -> None:
    work.write("params.yaml", "lr: 1\n")
    pipeline(work, a={"cmd": "touch out", "params": ["rate"], "outs": ["out"]})
    assert "'rate'" in only(run(work)).message


def test_a_dependency_that_changes_while_the_command_runs(work: Work) -> None:
    work.write("in", "1")
    pipeline(work, a={"cmd": "cp in out; echo 2 > in", "deps": ["in"], "outs": ["out"]})
    done = only(run(work))
    assert done.outcome is Outcome.RUN
    assert "in changed while the command ran" in done.message
    assert not (work.root / "dvc.lock").exists()
    assert not (work.root / ".dvc/cache/runs").exists()
    assert work.read("out") == b"1"


def test_a_command_that_deletes_its_input(work: Work) -> None:
    work.write("in", "1")
    pipeline(work, a={"cmd": "mv in out", "deps": ["in"], "outs": ["out"]})
    assert "in changed" in only(run(work)).message
    assert work.read("out") == b"1"


def test_retries(work: Work) -> None:
    pipeline(work, a={"cmd": "echo x >> tries; test $(wc -l < tries) -ge 3 && cp tries out", "outs": ["out"]})
    assert outcomes(run(work, retries=1)) == {"a": "failed"}
    assert outcomes(run(work, retries=1)) == {"a": "run"}


@pytest.mark.parametrize(
    ("rules", "file", "message"),
    [
        (".dvcignore", "out", "'out' is ignored by .dvcignore"),
        (".gitignore", "dvc.lock", "Git ignores 'dvc.lock'"),
        (".gitignore", "dvc.yaml", "Git ignores 'dvc.yaml'"),
        ("out", "", "'out' is already tracked by Git"),
    ],
)
def test_what_dvc_could_not_work_with_is_not_run(work: Work, rules: str, file: str, message: str) -> None:
    work.write(rules, f"{file}\n")
    work.save()
    pipeline(work, a={"cmd": "touch ran out", "outs": ["out"]})
    before = work.everything()
    with pytest.raises(PathError, match=message):
        run(work)
    assert work.everything() == before


def test_an_output_behind_a_link_is_not_made_in_vain(work: Work) -> None:
    work.write("real/in", "1")
    os.symlink("real", "data")
    pipeline(work, a={"cmd": "touch ran data/out", "outs": ["data/out"]})
    assert "symbolic link" in only(run(work)).message
    assert not Path("ran").exists()


def test_attempts_are_told(work: Work) -> None:
    pipeline(work, a={"cmd": "echo x >> ran; test $(wc -l < ran) = 2 && touch out", "outs": ["out"]})
    assert only(run(work, retries=5)).reasons == ("it never ran", "attempt 1: it ended with exit code 1")


def test_a_time_limit(work: Work) -> None:
    pipeline(work, a={"cmd": "echo half > out; sleep 60", "outs": ["out"]})
    failed = only(run(work, timeout=0.3))
    assert "longer than allowed" in failed.message
    assert not (work.root / "out").exists()


def test_persistent_outputs_are_there(work: Work) -> None:
    work.configure(type="hardlink,copy")
    pipeline(work, a={"cmd": "echo x >> log", "outs": [{"log": {"persist": True}}]})
    run(work)
    run(work, force=True)
    assert work.read("log") == b"x\nx\n"


def test_the_order_in_the_lock_file_is_that_of_the_plan(work: Work) -> None:
    names = ["slow", "fast", "last"]
    pause = {"slow": 0.6, "fast": 0.0, "last": 0.2}
    pipeline(work, **{name: {"cmd": f"sleep {pause[name]}; touch {name}", "outs": [name]} for name in names})
    run(work, jobs=3)
    assert list(lock(work)) == names
    assert work.read(".gitignore").decode().split() == ["/slow", "/fast", "/last"]


def test_missing_data_is_downloaded(work: Work, place: Path) -> None:
    work.write("source", "1")
    work.add("source")
    pipeline(
        work,
        a={
            "cmd": "cp source a; echo 1 > m",
            "deps": ["source"],
            "outs": ["a"],
            "metrics": [{"m": {"cache": False}}],
        },
        b={"cmd": "cp a b", "deps": ["a"], "outs": ["b"]},
    )
    run(work)
    with (work.root / ".dvc/config").open("a") as file:
        file.write(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {place}/store\n")
    push.push(work.repo(), options=TransferOptions(run_cache=True))
    for name in (".dvc/cache", "source", "a", "b"):
        work.delete(name)
    failed = run(work)
    assert [one.outcome.value for one in failed.stages] == ["failed", "skipped", "skipped"]
    assert outcomes(run(work, pull=True)) == {"source.dvc": "restored", "a": "restored", "b": "restored"}
    assert work.read("b") == b"1"
    work.delete(".dvc/cache")
    work.delete("b")
    work.write("dvc.yaml", work.read("dvc.yaml").replace(b"cp a b", b"cp a  b"))
    assert outcomes(run(work, "b", single_item=True, pull=True)) == {"b": "run"}
    assert outcomes(run(work, pull=True)) == {"source.dvc": "cached", "a": "cached", "b": "cached"}


def test_equal_outputs_that_are_restored_stay_links(work: Work) -> None:
    work.configure(type="hardlink,copy")
    pipeline(work, a={"cmd": "cp in one; mkdir d; cp in d/x", "deps": ["in"], "outs": ["one", "d"]})
    for content in ("1", "2", "1"):
        work.write("in", content)
        result = run(work)
    assert only(result).outcome is Outcome.RESTORED
    found = [os.stat(path) for path in ("one", "d/x", work.object("1"))]
    assert len({one.st_ino for one in found}) == 1
    assert {one.st_mode & 0o777 for one in found} == {0o444}


def test_nothing_to_download_from(work: Work) -> None:
    work.write("in", "1")
    pipeline(work, a={"cmd": "cp in out", "deps": ["in"], "outs": ["out"]})
    assert outcomes(run(work, pull=True)) == {"a": "run"}


def test_a_frozen_stage_that_never_ran(work: Work) -> None:
    pipeline(work, a={"cmd": "touch out", "outs": ["out"], "frozen": True})
    assert "dv unfreeze a" in only(run(work)).message


def test_frozen_stages_keep_the_order(work: Work) -> None:
    pipeline(
        work,
        first={"cmd": "touch first", "outs": ["first"]},
        ice={"cmd": "touch ice", "outs": ["ice"], "frozen": True},
        last={"cmd": "touch last", "outs": ["last"]},
    )
    work.write("ice", "")
    run(work)
    assert list(lock(work)) == ["first", "ice", "last"]
    assert work.read(".gitignore").decode().split() == ["/first", "/ice", "/last"]


def test_events(work: Work) -> None:
    work.write("in", "1")
    pipeline(
        work,
        a={"cmd": ["cp in a", "true"], "deps": ["in"], "outs": ["a"]},
        b={"cmd": "false", "deps": ["a"]},
    )
    seen: list[StageBegun | StageResult] = []
    result = repro.repro(work.repo(), watch=seen.append)
    assert seen[0] == StageBegun("a", ("cp in a", "true"), ("it never ran",))
    assert [one for one in seen if isinstance(one, StageResult)] == list(result.stages)


def test_preview_changes_nothing(work: Work) -> None:
    work.write("in", "1")
    pipeline(
        work,
        a={"cmd": "cp in a", "deps": ["in"], "outs": ["a"]},
        b={"cmd": "cp a b", "deps": ["a"], "outs": ["b"]},
    )
    run(work)
    work.write("in", "2")
    before = work.everything()
    result = run(work, dry_run=True)
    assert [one.reasons for one in result.stages] == [("in modified",), ("a would run before",)]
    assert work.everything() == before


def test_another_executor(work: Work) -> None:
    pipeline(work, a={"cmd": "echo $PPID > out", "outs": ["out"]})
    with ProcessPoolExecutor(1) as processes:
        result = repro.repro(work.repo(), executor=processes)
    assert outcomes(result) == {"a": "run"}
    assert int(work.read("out")) != os.getpid()


def test_the_operation_log(work: Work) -> None:
    pipeline(work, a={"cmd": "touch a", "outs": ["a"]}, b={"cmd": "exit 3", "deps": ["a"]})
    run(work)
    record: Any = log.log(work.repo())[0].record
    assert (record["verb"], record["outcome"], record["error"]) == ("repro", "failed", "failed: b")
    assert {path for path, *_ in record["pointers"]} == {"dvc.lock", ".gitignore"}


def test_an_empty_place(work: Work) -> None:
    with pytest.raises(NotTracked, match=r"no dvc\.yaml"):
        run(work)


@pytest.mark.parametrize("text", ["", "stages: {}\n", "metrics: [m.json]\n"])
def test_a_file_without_stages(work: Work, text: str) -> None:
    work.write("dvc.yaml", text)
    assert run(work).is_unchanged and run(work, "dvc.yaml").stages == ()


@pytest.mark.parametrize("options", [{"jobs": 0}, {"timeout": 0.0}, {"retries": -1}])
def test_options_without_sense(work: Work, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        run(work, **options)


@pytest.mark.parametrize(
    ("targets", "options"),
    [(["wrong"], {}), (["wrong*"], {"glob": True}), (["train@3"], {}), (["a"], {"jobs": 0})],
)
def test_a_wrong_target_sets_no_parameters(work: Work, targets: list[str], options: dict[str, Any]) -> None:
    each = {"foreach": "${all}", "do": {"cmd": "touch o${item}", "outs": ["o${item}"]}}
    work.write("params.yaml", "lr: 1\nall: [1, 2]\n")
    pipeline(work, a={"cmd": "touch a", "outs": ["a"], "params": ["lr"]}, train=each)
    before = work.everything()
    with pytest.raises((NotTracked, UsageError)):
        repro.repro(work.repo(), targets, options=ReproOptions(**options), settings=["lr=2"])
    assert work.everything() == before


def test_parameters_that_spoil_the_pipeline_are_not_set(work: Work) -> None:
    work.write("params.yaml", "name: a\n")
    pipeline(work, a={"cmd": "touch ${name}", "outs": ["${name}"]}, b={"cmd": "touch b", "outs": ["b"]})
    with pytest.raises(Overlap):
        repro.repro(work.repo(), settings=["name=b"])
    assert work.read("params.yaml") == b"name: a\n"


@pytest.mark.parametrize("file", ["params.yaml", "params.json", "params.toml"])
def test_a_value_that_is_no_yaml_is_not_taken_for_a_damaged_file(work: Work, file: str) -> None:
    content = {"params.yaml": "lr: 1\n", "params.json": '{"lr": 1}', "params.toml": "lr = 1\n"}[file]
    work.write(file, content)
    pipeline(work, a={"cmd": "touch a", "outs": ["a"]})
    with pytest.raises(UsageError, match="value of 'lr'") as caught:
        repro.repro(work.repo(), settings=[f"{file}:lr=[1"])
    assert "git" not in str(caught.value.hint)
    assert work.read(file) == content.encode()


def test_a_target_that_the_parameters_make(work: Work) -> None:
    work.write("params.yaml", "all: [1]\n")
    pipeline(work, train={"foreach": "${all}", "do": {"cmd": "touch o${item}", "outs": ["o${item}"]}})
    result = repro.repro(work.repo(), ["train@3"], settings=["all=[1,2]", "all=[1,3]"])
    assert outcomes(result) == {"train@3": "run"}


def test_the_lock_is_free_while_a_command_runs(work: Work, dvc: Tool) -> None:
    """The real program may be called by a stage, and beside it."""
    work.write("data", "1")
    dvc(work.root, "add", "data").ok()
    program = Path(sys.executable).with_name("dvc")
    pipeline(
        work,
        a={"cmd": f"{program} checkout -q data.dvc && cp data out", "deps": ["data"], "outs": ["out"]},
    )
    assert outcomes(run(work, "dvc.yaml")) == {"data.dvc": "cached", "a": "run"}
    assert dvc(work.root, "status", "--json").json == {}


def started(work: Work, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "data_versioning", "repro", *words],
        cwd=work.root, env=work.sandbox.environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


SLOW: Sequence[tuple[str, dict[str, Any]]] = (
    ("first", {"cmd": "echo 1 > first", "outs": ["first"]}),
    (
        "slow",
        {
            "cmd": "echo half > slow; touch up; sleep 600; echo whole > slow",
            "deps": ["first"],
            "outs": ["slow"],
        },
    ),
)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt(work: Work, jobs: str) -> None:
    pipeline(work, **dict(SLOW))
    process = started(work, "-j", jobs)
    wait_for(work.root / "up")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 252, out
    assert set(lock(work)) == {"first"}
    assert not (work.root / "slow").exists()
    for pid in members(process.pid):
        wait_for_end(pid)


def test_a_killed_run(work: Work, dvc: Tool) -> None:
    work.write("old", "")
    pipeline(work, **dict(SLOW))
    process = started(work)
    wait_for(work.root / "up")
    kill_all(process.pid)
    process.communicate()
    stages = dict(SLOW)
    stages["slow"] = {"cmd": "echo quick > slow", "deps": ["first"], "outs": ["slow"]}
    pipeline(work, **stages)
    assert outcomes(run(work)) == {"first": "cached", "slow": "run"}
    assert work.read(".dvc/tmp/dv/failed/dvc.yaml_slow/slow") == b"half\n"
    assert dvc(work.root, "status", "--json").json == {}


def held(work: Work, *names: str) -> AbstractContextManager[None]:
    """Paths that another command writes."""
    return rwlock.hold(
        f"{work.root}/.dvc/tmp",
        command="dvc repro other",
        write=[f"{work.root}/{name}" for name in names],
        timeout=0,
    )


THREE: Mapping[str, dict[str, Any]] = {
    "a": {"cmd": "touch a", "outs": ["a"]},
    "b": {"cmd": "cp a b", "deps": ["a"], "outs": ["b"]},
    "c": {"cmd": "touch c", "outs": ["c"]},
}


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_path_that_another_command_uses_keeps_no_other_stage_back(work: Work, jobs: int) -> None:
    pipeline(work, **THREE)
    ended = []
    with ExitStack() as stack:
        stack.enter_context(held(work, "a"))

        def watch(event: StageBegun | StageResult) -> None:
            if isinstance(event, StageResult):
                ended.append(event.stage)
                stack.close()

        result = repro.repro(work.repo(), options=ReproOptions(jobs=jobs), watch=watch)
    assert ended == ["c", "a", "b"]
    assert outcomes(result) == {"a": "run", "b": "run", "c": "run"}
    assert rwlock.entries(f"{work.root}/.dvc/tmp") == []


def test_a_path_that_another_command_uses_too_long(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DV_LOCK_TIMEOUT", "0.4")
    pipeline(work, **THREE)
    with held(work, "a"):
        result = run(work, on_error=OnError.KEEP_GOING)
    assert outcomes(result) == {"a": "failed", "b": "skipped", "c": "run"}
    assert "used by `dvc repro other`" in result.stages[0].message


def test_an_interrupt_while_another_command_uses_a_path(work: Work) -> None:
    pipeline(work, **THREE)
    with held(work, "a"):
        process = started(work)
        wait_for(work.root / "dvc.lock")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 252, out
    assert set(lock(work)) == {"c"}
    assert not (work.root / "a").exists()


def test_the_graph_is_built_once(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """For many stages that takes a while."""
    pipeline(work, **THREE)
    work.settle()
    run(work, dry_run=True)  # the project is checked, and kept
    build, built = graph.build, []
    monkeypatch.setattr(graph, "build", lambda stages: built.append(stages) or build(stages))
    assert len(run(work, "b", single_item=True).stages) == 1
    assert len(built) == 1


def test_two_at_once(work: Work) -> None:
    work.write("in", "1")
    pipeline(work, a={"cmd": "sleep 0.5; cp in out; echo x >> ran", "deps": ["in"], "outs": ["out"]})
    processes = [started(work) for _ in range(2)]
    ends = [(process.communicate(timeout=60)[0], process.returncode) for process in processes]
    assert [code for _, code in ends] == [0, 0], ends
    assert work.read("ran") == b"x\n"
    assert set(lock(work)) == {"a"}

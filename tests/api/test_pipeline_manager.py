"""`PipelineManager`, as a script or notebook uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_versioning import DataVersioningError, DVCTracker, PipelineFailed, PipelineManager
from data_versioning.errors import GitError, NotInRepository, NotTracked, PathError
from data_versioning.pipeline.outcome import Outcome
from tests.faults.stages import kill_all, wait_for
from tests.oracle import Sandbox, Tool, make_repository

pytestmark = pytest.mark.usefixtures("private_home")

STAGES: dict[str, Any] = {
    "prepare": {"cmd": "tr a-z A-Z < data/raw > features", "deps": ["data/raw"], "outs": ["features"]},
    "train": {
        "cmd": "cat features params.yaml > model; date +%N > noise",
        "deps": ["features"],
        "params": ["lr"],
        "outs": ["model", "noise"],
    },
    "report": {
        "cmd": "wc -c < model > m.json",
        "deps": ["model"],
        "metrics": [{"m.json": {"cache": False}}],
    },
}


@pytest.fixture
def root(sandbox: Sandbox, dvc: Tool, place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A pipeline that never ran, in the current directory."""
    root = make_repository(sandbox, dvc, place / "repo")
    (root / "data").mkdir()
    (root / "data/raw").write_text("abc\n")
    (root / "params.yaml").write_text("lr: 1\n")
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}, sort_keys=False))
    monkeypatch.chdir(root)
    DVCTracker().track_data("data/raw")
    yield root


def save(sandbox: Sandbox, root: Path, tag: str) -> None:
    sandbox.git(root, "add", "-A")
    sandbox.git(root, "commit", "-qm", tag)
    sandbox.git(root, "tag", tag)


def outcomes(result: Any) -> dict[str, str]:
    return {one.stage: one.outcome.value for one in result.stages}


def test_run(root: Path, dvc: Tool) -> None:
    pipeline = PipelineManager()
    first = pipeline.run(jobs=2)
    assert outcomes(first) == {"data/raw.dvc": "cached", "prepare": "run", "train": "run", "report": "run"}
    train = next(one for one in first.stages if one.stage == "train")
    assert train.exit_code == 0
    assert train.reasons == ("it never ran",)
    assert train.log
    assert Path(train.log).is_file()
    assert train.seconds >= 0
    assert pipeline.run().is_unchanged
    assert pipeline.reproduce().is_unchanged
    assert pipeline.status().changes == {}
    assert dvc(root, "status", "--json").json == {}


def test_from_anywhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project is found from the file, not from where the script runs."""
    monkeypatch.chdir("/")
    assert outcomes(PipelineManager(root / "dvc.yaml").run())["report"] == "run"
    assert (root / "dvc.lock").exists()


def test_one_stage(root: Path) -> None:
    pipeline = PipelineManager()
    assert outcomes(pipeline.run_stage("prepare")) == {"data/raw.dvc": "cached", "prepare": "run"}
    (root / "data/raw").write_text("xyz\n")
    with pytest.raises(PipelineFailed, match="model"):
        pipeline.run_stage("report", single=True)
    assert outcomes(pipeline.run_stage("train", single=True)) == {"train": "run"}
    assert (root / "features").read_text() == "ABC\n"
    with pytest.raises(NotTracked) as caught:
        pipeline.run_stage("trian")
    assert caught.value.hint


def test_nothing_is_printed(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    PipelineManager().run()
    assert capfd.readouterr().out == ""


def test_a_stage_fails(root: Path) -> None:
    stages = {**STAGES, "train": {**STAGES["train"], "cmd": "echo the reason; exit 7"}}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    with pytest.raises(PipelineFailed, match="exit code 7") as caught:
        PipelineManager().run()
    assert isinstance(caught.value, DataVersioningError)
    failed = {one.stage: one for one in caught.value.result.stages}
    assert failed["train"].outcome is Outcome.FAILED
    assert failed["train"].exit_code == 7
    assert failed["report"].outcome is Outcome.SKIPPED
    assert caught.value.hint
    assert failed["train"].log
    assert failed["train"].log in caught.value.hint
    assert "the reason" in Path(failed["train"].log).read_text()
    assert "prepare" in (root / "dvc.lock").read_text()


def test_results_do_not_change(root: Path) -> None:
    result = PipelineManager().run()
    with pytest.raises(AttributeError):
        result.stages[0].outcome = Outcome.FAILED  # type: ignore[misc]


def test_another_executor(root: Path) -> None:
    with ProcessPoolExecutor(2) as processes:
        assert outcomes(PipelineManager().run(executor=processes, jobs=2))["report"] == "run"
    assert PipelineManager().run().is_unchanged


def test_dag(root: Path) -> None:
    assert PipelineManager().dag() == {
        "data/raw.dvc": (),
        "prepare": ("data/raw.dvc",),
        "train": ("prepare",),
        "report": ("train",),
    }


def test_status(root: Path) -> None:
    pipeline = PipelineManager()
    pipeline.run()
    (root / "params.yaml").write_text("lr: 2\n")
    assert list(pipeline.status().changes) == ["train"]


def test_a_revision_is_run_again(root: Path, sandbox: Sandbox) -> None:
    """Apart from the workspace; an output that is another one each time is told."""
    pipeline = PipelineManager()
    pipeline.run()
    save(sandbox, root, "v1.0")
    (root / "params.yaml").write_text("lr: 2\n")
    pipeline.run()
    before = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
    found = pipeline.reproduce(rev="v1.0")
    assert {one.path: one.is_same for one in found.outputs} == {
        "features": True,
        "model": True,
        "noise": False,
        "m.json": True,
    }
    assert not found.is_same
    assert found.commit == sandbox.git(root, "rev-parse", "v1.0").strip()
    assert outcomes(found)["train"] == "run"
    for one in found.stages:
        assert one.log is None or Path(one.log).is_file()
    assert {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()} == before
    assert len(sandbox.git(root, "worktree", "list").splitlines()) == 1
    assert os.listdir(root / ".dvc/tmp/dv/worktrees") == []
    assert pipeline.status().changes == {}


def test_a_revision_whose_stage_fails(root: Path, sandbox: Sandbox) -> None:
    pipeline = PipelineManager()
    pipeline.run()
    (root / "dvc.yaml").write_text((root / "dvc.yaml").read_text().replace("date +%N > noise", "exit 1"))
    save(sandbox, root, "bad")
    with pytest.raises(PipelineFailed, match="exit code 1"):
        pipeline.reproduce(rev="bad")
    assert len(sandbox.git(root, "worktree", "list").splitlines()) == 1
    with pytest.raises(GitError) as caught:
        pipeline.reproduce(rev="v9")
    assert caught.value.hint


def test_a_killed_run_of_a_revision_is_swept(root: Path, sandbox: Sandbox) -> None:
    """By the next one, once its command has ended, too; a work tree that is only not there now stays known to Git."""
    stage = {"cmd": f"cd {root} && if mkdir up; then sleep 60; fi", "always_changed": True}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"slow": stage}}))
    save(sandbox, root, "v1.0")
    sandbox.git(root, "worktree", "add", "-q", "--detach", "../absent")
    (root.parent / "absent").rename(root.parent / "away")
    script = "from data_versioning import PipelineManager; PipelineManager().reproduce(rev='v1.0')"
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, env=sandbox.environment(), start_new_session=True
    )
    wait_for(root / "up")
    places = root / ".dvc/tmp/dv/worktrees"
    (tree,) = places.glob("*/tree")
    PipelineManager().reproduce(rev="v1.0")
    assert tree.is_dir(), "it runs"
    process.kill()
    process.wait()
    PipelineManager().reproduce(rev="v1.0")
    assert tree.is_dir(), "its command runs"
    kill_all(process.pid)
    PipelineManager().reproduce(rev="v1.0")
    assert list(places.iterdir()) == []
    assert [line.split()[0] for line in sandbox.git(root, "worktree", "list").splitlines()] == [
        str(root),
        str(root.parent / "absent"),
    ]


def test_wrong_files(root: Path, place: Path) -> None:
    for wrong in ("absent/dvc.yaml", "params.yaml", "data"):
        with pytest.raises(PathError) as caught:
            PipelineManager(wrong)
        assert caught.value.hint
    (place / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(NotInRepository):
        PipelineManager(place / "dvc.yaml").run()

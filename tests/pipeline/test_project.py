"""What a target on the command line means."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning.errors import NotTracked, UsageError
from data_versioning.pipeline.project import Project
from tests.pipeline.oracle import project


@pytest.fixture(scope="module")
def loaded() -> Project:
    return project(
        data_dvc="outs:\n- path: data\n",
        sub__x_dvc="outs:\n- path: x\n",
        sub__deep__y_dvc="wdir: ../..\nouts:\n- path: other/y\n",
        dvc_yaml="""
stages:
  first: {cmd: a, deps: [data/raw], outs: [one, plots/a.csv: {cache: false}]}
  second: {cmd: b, deps: [one/part], outs: [two]}
  group: {foreach: [p, 'q/r:s'], do: {cmd: c, deps: [two], outs: ['g/${item}']}}
  alone: {cmd: d}
""",
        sub__dvc_yaml="stages: {first: {cmd: e, deps: [../two], outs: [z, 's3://b/k': {cache: false}]}}",
    )


@pytest.mark.parametrize(
    ("targets", "places"),
    [
        (["data"], ["data.dvc"]),
        (["data.dvc"], ["data.dvc"]),
        (["./data/"], ["data.dvc"]),
        (["first"], ["dvc.yaml:first"]),
        (["dvc.yaml:first"], ["dvc.yaml:first"]),
        ([":first"], ["dvc.yaml:first"]),
        (["sub/dvc.yaml:first"], ["sub/dvc.yaml:first"]),
        (["sub/dvc.yaml"], ["sub/dvc.yaml:first"]),
        (["group"], ["dvc.yaml:group@p", "dvc.yaml:group@q/r:s"]),
        (["group@p"], ["dvc.yaml:group@p"]),
        (["dvc.yaml:group@q/r:s"], ["dvc.yaml:group@q/r:s"]),
        (["group@q/r:s"], ["dvc.yaml:group@q/r:s"]),
        (["g/q/r:s"], ["dvc.yaml:group@q/r:s"]),
        (["alone"], ["dvc.yaml:alone"]),
        (["second", "two", "second"], ["dvc.yaml:second", "dvc.yaml:second"]),
        (["other/y"], ["sub/deep/y.dvc"]),
    ],
)
def test_stages_of_targets(loaded: Project, targets: list[str], places: list[str]) -> None:
    assert [item.stage.place for item in loaded.select_stages(targets)] == places


@pytest.mark.parametrize(
    ("targets", "options", "chosen"),
    [
        (["data/a/b"], {}, [("data", "a/b")]),
        (["data/a", "data"], {}, [("data", None)]),
        (["data/a", "data/b"], {}, [("data", "a"), ("data", "b")]),
        (["first"], {}, [("one", None), ("plots/a.csv", None)]),
        (["one"], {}, [("one", None)]),
        (["sub"], {"recursive": True}, [("sub/z", None), ("sub/x", None), ("other/y", None)]),
        (["data"], {"recursive": True}, [("data", None)]),
        (
            ["second"],
            {"with_deps": True},
            [("data", None), ("one", None), ("plots/a.csv", None), ("two", None)],
        ),
        (["two"], {"with_deps": True}, [("data", None), ("one", None), ("plots/a.csv", None), ("two", None)]),
        (["alone"], {}, []),
        (["sub/dvc.yaml:first"], {}, [("sub/z", None)]),
        (["first"], {"base": "sub"}, [("sub/z", None)]),
        (["../first"], {"base": "sub"}, None),
        (
            ["x", "../data/q", "deep/y.dvc"],
            {"base": "sub"},
            [("sub/x", None), ("other/y", None), ("data", "q")],
        ),
        (["."], {"base": "sub/deep", "recursive": True}, [("other/y", None)]),
    ],
)
def test_outputs_of_targets(
    loaded: Project, targets: list[str], options: dict[str, str], chosen: list[tuple[str, str | None]] | None
) -> None:
    if chosen is None:
        with pytest.raises(NotTracked):
            loaded.select(targets, **options)
        return
    assert [(item.tracked.path, item.inner) for item in loaded.select(targets, **options)] == chosen


def test_no_targets_mean_everything(loaded: Project) -> None:
    assert {item.tracked.path for item in loaded.select([])} == {item.path for item in loaded.outputs()}
    assert len(loaded.select_stages([])) == len(loaded.stages)


@pytest.mark.parametrize(
    ("target", "meant", "hint"),
    [
        ("dat", "'data'", ""),
        ("here", "", "dv add here"),
        ("here.dvc", "", "dv add here"),
        ("frist", "'first'", ""),
        ("sub/dvc.yaml:fist", "'sub/dvc.yaml:first'", ""),
        ("dvc.yaml:frist", "'dvc.yaml:first'", ""),
        ("quite/different", "", ""),
    ],
)
def test_unknown_target_is_refused_with_a_hint(
    loaded: Project, target: str, meant: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is there is to be tracked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").touch()
    with pytest.raises(NotTracked, match="neither a tracked path") as caught:
        loaded.select([target])
    assert meant in caught.value.message
    assert ("did you mean" in caught.value.message) is bool(meant)
    stages = "the stages: dv stage list --all"
    assert caught.value.hint == (f"to track it: {hint}; {stages}" if hint else stages)


def test_a_pipeline_file(loaded: Project) -> None:
    with pytest.raises(NotTracked, match=r"there is no 'other/dvc\.yaml'"):
        loaded.select(["other/dvc.yaml"])
    assert project(dvc_yaml="metrics: [m.json]\n").select_stages(["dvc.yaml"]) == []
    assert project().select_stages(["."], recursive=True) == []


def test_lock_file_is_no_target(loaded: Project) -> None:
    with pytest.raises(UsageError) as caught:
        loaded.select(["sub/dvc.lock:first"])
    assert caught.value.hint == "did you mean sub/dvc.yaml:first?"


def test_outputs_are_sorted_and_found_by_path(loaded: Project) -> None:
    paths = [item.path for item in loaded.outputs()]
    assert paths == sorted(paths)
    assert (found := loaded.tracked("data/a/b")) and found.path == "data"
    assert loaded.tracked("dat") is None


def test_conflicts_of_a_new_output(loaded: Project) -> None:
    def owner(path: str, file: str = "new.dvc") -> str | None:
        found = loaded.conflict(path, file=file)
        return found and found.stage.place

    assert owner("data") == owner("data/x") == "data.dvc"
    assert owner("data", "data.dvc") is None
    assert owner("plots") == "dvc.yaml:first"
    assert owner("sub") in {"sub/x.dvc", "sub/dvc.yaml:first"}
    assert owner("fresh") is None

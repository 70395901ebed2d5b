"""Plots of the workspace and of revisions; their JSON and Vega-Lite compared with the real DVC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import FormatError, GitError, MetricNotFound, PathError
from data_versioning.metrics import charts
from data_versioning.operations import plots
from data_versioning.operations.plots import DataPlot, Pictures, Request
from tests.operations.test_metrics import write
from tests.operations.work import Work
from tests.oracle import Tool

DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4" cx="4" cy="4"/></svg>'
PIPELINE = """\
plots:
  - loss.csv
  - Losses:
      x: step
      y: {loss.csv: loss, other.csv: loss}
      title: Both files
  - Fields:
      x: {loss.csv: step}
      y: {loss.csv: [loss, acc]}
      x_label: epoch
  - All:
      x: step
      y: {loss.csv: [loss, acc], other.csv: [loss, acc]}
      y_label: value
      template: simple
  - Every x:
      x: {loss.csv: step, other.csv: acc}
      y: {loss.csv: loss, other.csv: loss}
      template: scatter
  - classes.csv: {template: confusion, x: actual, y: predicted}
  - Jitter: {x: actual, y: {classes.csv: predicted}, template: scatter_jitter}
  - Normalized: {x: actual, y: {classes.csv: predicted, more.csv: predicted}, template: confusion_normalized}
  - Bars: {x: weight, y: {weights.yaml: name}, template: bar_horizontal}
  - Sorted: {x: weight, y: {weights.yaml: name}, template: bar_horizontal_sorted}
  - Own: {x: step, y: {loss.csv: acc}, template: own}
  - folder: {x: a, y: b}
  - folder/inner: {x: b, y: a}
  - images
  - nested.json: {x: epoch, y: [loss, acc]}
  - broken.json
  - gone.csv
  - Gone field: {x: step, y: {loss.csv: nothing}}
  - Lengths: {x: {loss.csv: step}, y: {short.csv: a}}
  - odd.csv
stages:
  train:
    cmd: echo
    plots:
      - out.csv: {cache: false, x: step, y: acc, template: smooth, title: Of a stage}
      - bare.csv: {cache: false, header: false}
      - kept.json
      - directory: {cache: false, y: loss}
"""
BELOW = """\
plots:
  - own.yaml
  - loss.csv
  - Losses: {y: {../loss.csv: acc}}
stages:
  test: {cmd: echo, wdir: .., plots: [wdir.tsv: {cache: false}]}
"""
ROWS = "step,loss,acc\n0,1.0,0.5\n1,0.5,0.7\n2,0.25,0.8\n"
FIRST = {
    "dvc.yaml": PIPELINE,
    "sub/dvc.yaml": BELOW,
    "sub/own.yaml": "- {a: 1, b: 2}\n- {a: 2, b: 3.5}\n",
    "wdir.tsv": "a\tb\n1\t2\n2\t3\n",
    "loss.csv": ROWS,
    "other.csv": ROWS.replace("0.5", "0.6"),
    "out.csv": ROWS,
    "directory/deep/log.csv": ROWS,
    "bare.csv": "1,2\n3,4\n",
    "classes.csv": "actual,predicted\na,a\na,b\nb,b\n",
    "more.csv": "actual,predicted\nb,a\na,b\nb,b\n",
    "weights.yaml": "weights:\n- {name: one, weight: 0.2}\n- {name: two, weight: 0.8}\n",
    "folder/first.csv": "a,b\n1,2\n2,3\n",
    "folder/inner/second.csv": "a,b\n1,5\n2,6\n",
    "images/1.svg": DOT,
    "images/deep/two.svg": DOT,
    "nested.json": '{"history": [{"epoch": 0, "loss": NaN, "acc": 1}, {"epoch": 1, "loss": 0.5, "acc": 1}], "n": 2}',
    "kept.json": '[{"kept": 1}, {"kept": 2}]',
    "broken.json": "{",
    "short.csv": "a\n1\n",
    "odd.csv": "a,b\n1,2,3\n4\n5,6\n",
    ".dvc/plots/own.json": json.dumps(
        {
            "data": {"values": "<DVC_METRIC_DATA>"},
            "title": "<DVC_METRIC_TITLE> of <DVC_METRIC_Y>",
            "mark": "bar",
            "encoding": {"x": {"field": "<DVC_METRIC_X>"}, "y": {"field": "<DVC_METRIC_Y>"}},
        }
    ),
}  # fmt: skip
SECOND = {
    "dvc.yaml": PIPELINE.replace("title: Both files", "title: Renamed").replace(
        "  - odd.csv\n", "  - new.csv\n"
    ),
    "loss.csv": ROWS + "3,0.1,0.9\n",
    "new.csv": ROWS,
    "images/1.svg": DOT.replace("4", "3"),
    "images/deep/two.svg": None,
    "kept.json": '[{"kept": 3}, {"kept": 4}, {"kept": 5}]',
    "classes.csv": "actual,predicted\nb,a\nb,b\nc,c\n",
}


@pytest.fixture
def two(work: Work, dvc: Tool) -> Work:
    """Two commits, v1 and v2, and one more point in the workspace; `kept.json` is in the cache."""
    for number, files in enumerate((FIRST, SECOND), 1):
        write(work, files)
        dvc(work.root, "commit", "-q", "-f", "train").ok()
        work.save()
        work.git("tag", "-a", "-m", "", f"v{number}")
    work.write("loss.csv", ROWS + "3,0.05,0.95\n")
    return work


@pytest.fixture
def tools(dvc: Tool, dv: Tool) -> tuple[Tool, Tool]:
    return dvc, dv


def neutral(found: Any) -> Any:
    """JSON with NaN equal to itself; of errors only what they are about."""
    if isinstance(found, dict):
        return {
            key: neutral(value)
            for key, value in found.items()
            if key not in {"msg", "type"} or "content" in found
        }
    return [neutral(item) for item in found] if isinstance(found, list) else repr(found)


def same(work: Work, tools: tuple[Tool, Tool], *args: str, below: str = ".") -> Any:
    """Both print the same JSON and end with the same code; what they found."""
    theirs, ours = (tool(work.root / below, "plots", *args) for tool in tools)
    assert ours.code == theirs.code, f"{theirs}\n{ours}"
    if ours.code or not theirs.out.strip():
        assert not ours.out.strip() or "error" in json.loads(ours.out)
        return None
    found, expected = json.loads(ours.out), json.loads(theirs.out)
    for name, plot in expected.get("data", {}).items():
        assert neutral(found["data"].get(name)) == neutral(plot), name
    assert by_text(found) == by_text(expected)
    return found


def by_text(found: Any) -> Any:
    """All but the order of errors."""
    errors = found.get("errors", [])
    return sorted(map(repr, neutral(errors))), {
        key: neutral(value) for key, value in found.items() if key != "errors"
    }


def test_show(two: Work, tools: tuple[Tool, Tool]) -> None:
    found = same(two, tools, "show", "--json")
    assert len(found["data"]) > 25
    assert found["data"]["kept.json"][0]["content"]["data"]["values"][0]["kept"] == 3
    kinds = {(error["name"], error["type"]) for error in found["errors"]}
    assert kinds >= {
        ("broken.json", "JSONFileCorruptedError"),
        ("gone.csv", "FileNotFoundError"),
        ("Gone field", "FieldNotFoundError"),
        ("Lengths", "DvcException"),
    }
    found = same(two, tools, "show", "--json", "--split")
    assert found["data"]["loss.csv"][0]["anchor_definitions"]["<DVC_METRIC_TITLE>"] == "loss.csv"


def test_show_of_a_subdirectory_names_files_as_seen_from_there(two: Work, tools: tuple[Tool, Tool]) -> None:
    two.write("bare.csv", "a,b\n1,2\n")
    two.write("dvc.yaml", (two.root / "dvc.yaml").read_text().replace("header: false", "header: true"))
    found = same(two, tools, "show", "--json", below="sub")
    assert {"../loss.csv", "own.yaml", "../images/1.svg"} <= found["data"].keys()


def test_show_of_targets(two: Work, tools: tuple[Tool, Tool]) -> None:
    for args in (
        ["loss.csv"],
        ["Losses"],
        ["out.csv", "--title", "T"],
        ["sub/dvc.yaml::Losses"],
        ["folder"],
        ["more.csv", "-x", "actual", "-y", "predicted", "-t", "confusion"],
        ["bare.csv", "--no-header", "-x", "0", "--title", "T", "--x-label", "X", "--y-label", "Y"],
        ["absent"],
        ["loss.csv", "-x", "absent"],
    ):
        same(two, tools, "show", "--json", *args)


def test_diff(two: Work, tools: tuple[Tool, Tool]) -> None:
    for revisions in ([], ["v1"], ["v1", "v2"], ["v1", "HEAD", "workspace"]):
        found = same(two, tools, "diff", "--json", *revisions)
        assert found["data"]["loss.csv"][0]["revisions"]
    assert [one["revisions"] for one in found["data"]["images/1.svg"]] == [["workspace"], ["v1"], ["HEAD"]]
    same(two, tools, "diff", "--json", "v1", "--targets", "Losses", "kept.json")


def test_vega(two: Work, tools: tuple[Tool, Tool]) -> None:
    for target in ("Own", "Normalized", "images", "broken.json"):
        same(two, tools, "show", "--show-vega", target)
    for args in (["--show-vega"], ["--show-vega", "Own", "folder"], ["--show-vega", "Own", "--json"]):
        same(two, tools, "show", *args)


def test_refusals_have_the_codes_of_dvc(two: Work, tools: tuple[Tool, Tool]) -> None:
    two.write(".dvc/plots/damaged.json", "{")
    two.write(".dvc/plots/pointless.json", '{"mark": "bar"}')
    for args in (
        ["show", "loss.csv", "--json", "-t", "absent"],
        ["show", "loss.csv", "--json", "-t", "damaged"],
        ["show", "loss.csv", "--json", "-t", "pointless"],
        ["diff", "absent", "--json"],
        ["templates", "absent"],
    ):
        same(two, tools, *args)


def test_templates(work: Work, tools: tuple[Tool, Tool]) -> None:
    theirs, ours = (tool(work.root, "plots", "templates").ok().out for tool in tools)
    assert ours == theirs
    for name in charts.TEMPLATES:
        same(work, tools, "templates", name)


def test_before_the_first_commit_there_is_no_difference(work: Work) -> None:
    work.git("update-ref", "-d", "HEAD")
    assert plots.diff(work.repo(), [], Request()).plots == []


def test_an_unknown_revision_is_refused(two: Work) -> None:
    with pytest.raises(GitError):
        plots.diff(two.repo(), ["absent"], Request())


def test_without_the_cache_one_plot_fails_alone(two: Work) -> None:
    found = plots.diff(two.repo(), ["v1"], Request())
    kept = next(plot for plot in found.plots if plot.name == "kept.json")
    assert isinstance(kept, DataPlot) and kept.chart and kept.chart.revisions == ["workspace", "v1"]
    for file in (two.root / ".dvc/cache/files").rglob("*"):
        if file.is_file():
            file.unlink()
    found = plots.diff(two.repo(), ["v1"], Request())
    kept = next(plot for plot in found.plots if plot.name == "kept.json")
    assert isinstance(kept, DataPlot) and kept.chart and kept.chart.revisions == ["workspace"]
    assert [failure.revision for failure in kept.failures] == ["v1"]
    assert len(found.plots) > 25


def test_a_revision_that_cannot_be_understood_is_told_and_the_others_are_shown(two: Work) -> None:
    two.write("dvc.yaml", "stages: [\n")
    found = plots.diff(two.repo(), ["v1"], Request(targets=["loss.csv"]))
    assert isinstance(found.errors["workspace"], FormatError)
    assert [plot.name for plot in found.plots]


def test_what_is_no_field_of_any_file_is_told(two: Work) -> None:
    found = plots.show(two.repo(), Request(targets=["Gone field"]))
    assert [type(failure.error) for failure in found.plots[0].failures] == [MetricNotFound]


def test_files_outside_are_not_read(work: Work) -> None:
    outside = work.root.parent / "secret.csv"
    outside.write_text("a\n1\n")
    work.write("below/dvc.yaml", f"plots: [../../secret.csv, {outside}, y: {{y: {{../../secret.csv: a}}}}]\n")
    found = plots.show(work.repo(), Request())
    assert len(found.plots) == 2  # the first two are the same file
    for plot in found.plots:
        assert isinstance(plot, DataPlot) and plot.chart is None
        assert [type(failure.error) for failure in plot.failures] == [PathError]
    with pytest.raises(PathError):
        plots.show(work.repo(), Request(targets=["../secret.csv"]))


def test_from_below_no_name_leads_to_another_file(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.write("x.csv", "a\n1\n")
    work.write("sub/dvc.yaml", "plots: [x.csv]\n")
    work.write("dvc.yaml", "plots: [../x.csv]\n")
    monkeypatch.chdir(work.root / "sub")
    found = plots.show(work.repo(), Request())
    assert {plot.name: len(plot.failures) for plot in found.plots} == {"../../x.csv": 1, "x.csv": 1}


def test_a_target_that_is_no_regular_expression_is_taken_as_it_is(work: Work) -> None:
    work.write("dvc.yaml", "plots: ['a(b': {y: {'a(b.csv': c}}]\n")
    work.write("a(b.csv", "c\n1\n")
    assert [plot.name for plot in plots.show(work.repo(), Request(targets=["a(b"])).plots] == ["a(b"]


def test_pictures_have_the_bytes_of_their_revision(two: Work) -> None:
    found = plots.diff(two.repo(), ["v1", "v2"], Request(targets=["images"]))
    pictures = {plot.name: plot.pictures for plot in found.plots if isinstance(plot, Pictures)}
    shown = {one.revision: one.content for one in pictures["images/1.svg"]}
    assert shown == {"v1": DOT.encode(), "v2": DOT.replace("4", "3").encode()}
    assert [one.revision for one in pictures["images/deep/two.svg"]] == ["v1"]


def test_what_templates_put_in_is_text_or_left_out(work: Work) -> None:
    work.write("params.yaml", "number: 0\nmapping: {a: 1}\nlisted: [a, {b: 1}]\n")
    work.write("x.csv", "0,a\n1,2\n")
    work.write(
        "dvc.yaml",
        "vars: [params.yaml]\n"
        "plots:\n"
        "  - A: {x: '${number}', y: {x.csv: '${listed}'}, title: '${number}', x_label: '${number}'}\n"
        "  - B: {y: {x.csv: '${mapping}'}, template: '${number}'}\n"
        "  - '${mapping}'\n"
        "stages: {s: {cmd: echo, plots: [x.csv: {cache: false, x: '${number}', template: '${number}'}]}}\n",
    )
    found = {plot.name: plot for plot in plots.show(work.repo(), Request()).plots}
    assert isinstance(found["A"], DataPlot) and found["A"].chart
    assert (found["A"].chart.x, found["A"].chart.y, found["A"].chart.title) == ("0", "a", "0")
    assert isinstance(found["B"], DataPlot) and found["B"].chart is None


def test_a_table_has_the_header_that_its_stage_says_in_every_plot(
    two: Work, tools: tuple[Tool, Tool]
) -> None:
    two.write("sub/dvc.yaml", "plots: [Bare: {x: '0', y: {../bare.csv: '1'}}]\n")
    found = same(two, tools, "show", "--json", "Bare")
    assert found["data"]["Bare"][0]["content"]["data"]["values"][0]["1"] == "2"


def test_the_whole_repository_is_a_directory(work: Work) -> None:
    work.write("dvc.yaml", "plots: [.]\n")
    work.write("a/x.csv", "a\n1\n")
    work.save()
    for found in (plots.show(work.repo(), Request()), plots.diff(work.repo(), ["HEAD", "HEAD"], Request())):
        assert "a/x.csv" in {plot.name for plot in found.plots if isinstance(plot, DataPlot) and plot.chart}


def test_what_looks_like_an_image_but_is_a_table_is_not_shown(work: Work) -> None:
    work.write("dvc.yaml", "plots:\n  - a.png: {y: {x.csv: a}}\n  - B: {y: {a.png: a}}\n")
    work.write("x.csv", "a\n1\n")
    work.write("a.png", b"\x89PNG")
    image, chart = plots.show(work.repo(), Request()).plots
    assert isinstance(image, Pictures) and not image.pictures
    assert isinstance(chart, DataPlot) and chart.chart is None and chart.failures


def test_a_problem_of_several_plots_is_told_once(work: Work, dv: Tool) -> None:
    work.write("dvc.yaml", "plots: [loss.csv]\n")
    work.write("loss.csv", ROWS)
    told = dv(work.root, "plots", "show", "loss.csv", "-x", "gone", "--svg").ok()
    assert told.err.count("has no field 'gone'") == 1
    assert told.out == ""


def test_modify_is_handed_over_and_recorded(two: Work, dv: Tool) -> None:
    dv(two.root, "plots", "modify", "kept.json", "-x", "kept", "--title", "Kept").ok()
    kept = next(plot for plot in plots.show(two.repo(), Request()).plots if plot.name == "kept.json")
    assert isinstance(kept, DataPlot) and kept.chart
    assert (kept.chart.x, kept.chart.title) == ("kept", "Kept")
    assert json.loads(dv(two.root, "log", "--json").ok().out)[0]["verb"] == "plots"


@pytest.mark.parametrize("git", [True, False])
def test_outside_of_any_repository(place: Path, tools: tuple[Tool, Tool], git: bool) -> None:
    """Plain files are drawn as in DVC, and the place does not become a repository."""
    work = Work(root=place / "plain", sandbox=tools[0].sandbox)
    write(work, {"loss.csv": "step,loss\n0,3\n1,2\n", "dvc.yaml": "plots: [loss.csv]\n"})
    if git:
        work.git("init", "-q")
        work.save()
        work.write("loss.csv", "step,loss\n0,3\n1,1\n")
    before = work.everything()
    for args in (["show"], ["show", "loss.csv", "-x", "step"], ["diff"]):
        same(work, tools, *args, "--json")
    assert work.everything() == before
    page = tools[1](work.root, "plots", "show", "-o", "drawn").ok().out
    assert page.strip() == (work.root / "drawn/index.html").as_uri()

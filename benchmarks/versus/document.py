"""Turn results into docs/benchmarks.md and its charts."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import chart
import results
import suite_table
from results import RESULTS, Result, slug
from shapes import SHAPES

# Measured by remotes.py.
REMOTE_SHAPES = ("s3-small", "s3-many", "s3-large", "ssh-small", "hdfs")

DOCS = Path(__file__).parents[2] / "docs"
_CP, _MD5SUM, _LINK = ("cp", "`cp -r`"), ("md5sum", "`md5sum`"), ("cp -l", "`cp -rl`")
# What the machine itself has to do for the same job: steps whose medians are added.
LIMITS: Mapping[str, Sequence[tuple[str, str]]] = {
    "add": [_CP, _MD5SUM],
    "push": [_CP],
    "checkout": [_CP],
    "fetch": [_CP],
    "pull": [_CP, _CP],
    "add, hard links": [_MD5SUM, _LINK],
    "checkout, hard links": [_LINK],
}
_START: Sequence[tuple[str, str]] = [("python", "`python -c pass`")]
_COLUMNS = (
    "step",
    "dv",
    "dvc",
    "x faster",
    "git-lfs",
    "git",
    "machine",
    "x machine",
    "dv memory",
    "dvc memory",
)
HEAD = """# Benchmarks

`make bench` measures `dv` against `dvc`, Git LFS, Git, and what the machine itself needs for the same job, in one run:
all programs take turns, step by step, so that a slow minute hits all of them. Before each step, everything that
earlier ones left to be written is written. Figures are medians of whole processes; the time that `dv` spends on
syncing to disk is included. Memory is the peak, summed over the process tree. **x faster** is `dvc`'s time divided by
`dv`'s, paired round by round; **x machine** is `dv`'s time divided by the machine's, lower is better. Git LFS takes
part in the first round only.

The cache holds copies unless the step says "hard links"; the remote is a local directory; `pull` is into a clone
without a cache. "1 changed": one file has new content. `git` keeps the data in its own history. A plain client (boto3,
hdfs-native) sends and receives without a check; what it received it copies once, as a pull does, cache to workspace.

`dv` computes the MD5 of everything that it pushes, fetches and pulls; `dvc` does not. For many files that costs next to
nothing, because cores and vector units share the work. One large file is bound by it: MD5 runs on one core.
"""


def write() -> None:
    """Write the document and the charts from all results."""
    parts = [HEAD]
    for place in results.places(RESULTS, [*SHAPES, *REMOTE_SHAPES]):
        name = place[0].place
        path = DOCS / "benchmarks" / f"{slug(name)}.svg"
        path.parent.mkdir(exist_ok=True)
        if ratios := speeds(place):
            path.write_text(chart.draw(f"{name}: how many times faster than dvc", ratios))
        parts.append(section(place, f"benchmarks/{path.name}"))
    if (RESULTS / "dvc-suite.json").exists():
        parts.append(suite_table.section(json.loads((RESULTS / "dvc-suite.json").read_text())))
    (DOCS / "benchmarks.md").write_text("\n".join(parts).rstrip() + "\n")


def speeds(place: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Return step -> shape -> how many times faster than `dvc`."""
    found: dict[str, dict[str, float]] = {}
    for result in place:
        for step in result.steps:
            if (faster := result.faster(step, "dvc")) is not None:
                found.setdefault(step, {})[result.title.replace("`", "")] = faster
    return found


def section(place: Sequence[Result], image: str) -> str:
    """Return everything about one place."""
    name, machine = place[0].place, place[0].machine
    every = [ratio for shapes in speeds(place).values() for ratio in shapes.values()]
    programs = machine["programs"]
    assert isinstance(programs, dict)
    lines = [
        f"## {name[0].upper()}{name[1:]} ({machine['file_system']})",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB memory, {machine['system']}, "
        f"Python {machine['python']}; {', '.join(f'{tool} {version}' for tool, version in programs.items())}.",
        "",
    ]
    if every:  # where dvc takes part
        lines += [
            f"Faster than `dvc` in {sum(ratio > 1 for ratio in every)} of {len(every)} steps; "
            f"geometric mean {statistics.geometric_mean(every):.1f}x, least {min(every):.1f}x.",
            "",
            f"![{name}: times faster than dvc, by step and shape]({image})",
            "",
        ]
    for result in place:
        lines += table(result)
    return "\n".join(lines)


def table(result: Result) -> list[str]:
    """Return the table of one shape; columns that nobody is in are left out."""
    rows = [_row(result, step) for step, tools in result.steps.items() if "dv" in tools]
    used = [index for index in range(len(_COLUMNS)) if any(row[index] for row in rows)]
    count = max(len(series.seconds) for tools in result.steps.values() for series in tools.values())
    runs = f"{count} rounds" if count > 1 else "1 round"
    lines = [
        f"### {result.title}",
        "",
        f"{result.data['files']:,} files, {result.data['bytes'] / 1e6:,.1f} MB, {runs}, {result.measured}.",
        "",
        "| " + " | ".join(_COLUMNS[index] for index in used) + " |",
        "|---" + "|---:" * (len(used) - 1) + "|",
    ]
    return [*lines, *("| " + " | ".join(row[index] for index in used) + " |" for row in rows), ""]


def _row(result: Result, step: str) -> list[str]:
    tools = result.steps[step]
    ours = tools["dv"]
    words, over = "", ""
    parts = _START if "python" in result.steps else LIMITS.get(step, [])
    limit = sum(result.seconds(part, "machine") or 0 for part, _ in parts)
    names = " + ".join(name for _, name in parts)
    if "machine" in tools:
        names, limit = "plain client", tools["machine"].median
    if limit:
        words = f"{names} {limit:.3f} s"
        over = f"{ours.median / limit:.2f}"
    faster = result.faster(step, "dvc")
    return [
        step,
        f"{ours.median:.3f} s",
        *(_seconds(result, step, "dvc"), f"{faster:.1f}" if faster else ""),
        *(_seconds(result, step, tool) for tool in ("git-lfs", "git")),
        *(words, over),
        *(f"{tools[tool].peak / 1e6:.0f} MB" if tool in tools else "" for tool in ("dv", "dvc")),
    ]


def _seconds(result: Result, step: str, tool: str) -> str:
    found = result.seconds(step, tool)
    return "" if found is None else f"{found:.2f} s"


if __name__ == "__main__":
    write()

"""The results of DVC's own benchmark suite as a section of the document."""

from __future__ import annotations

import statistics
from collections.abc import Collection
from typing import Any

_HEAD = """## DVC's own benchmark suite

The tests of `dvc.testing.benchmarks`, unchanged, with `dv` in the place of `dvc` (`make bench-suite`).
The two take turns, file by file. Rows in italics are commands that `dv` hands to `dvc`. A small local project stands in
for the one that the suite downloads.
"""


def section(result: dict[str, Any]) -> str:
    """Return the section."""
    handed, machine = result["handed_over"], result["machine"]
    rows = result["timings"]
    lines = [
        _HEAD,
        f"{machine['processor']}, {machine['cores']} cores, {machine['file_system']}, {result['measured']}; data sets: "
        + ", ".join(
            f"{name} ({data['files']:,} files, {data['bytes'] / 1e6:.1f} MB)"
            for name, data in result["data"].items()
        )
        + ".",
        "",
        summary(rows, handed),
        "",
        "| data set | test | dv | dvc | x faster |",
        "|---|---|---:|---:|---:|",
    ]
    for row in sorted(rows, key=lambda row: (list(result["data"]).index(row["data"]), row["name"])):
        mark = "*" if row["command"] in handed else ""
        cells = [row["data"], f"{mark}{row['name']}{mark}"]
        cells += [f"{row['dv']:.3f} s", f"{row['dvc']:.3f} s", f"{row['faster']:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary(rows: list[dict[str, Any]], handed: Collection[str]) -> str:
    """Return one sentence about the commands that are ours."""
    ours = [row["faster"] for row in rows if row["command"] not in handed]
    if not ours:
        return "Nothing of our own was measured."
    return (
        f"Our commands: faster than `dvc` in {sum(ratio > 1 for ratio in ours)} of {len(ours)} timings, geometric mean "
        f"{statistics.geometric_mean(ours):.1f}x, least {min(ours):.1f}x."
    )

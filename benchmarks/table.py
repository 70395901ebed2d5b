"""Turn benchmarks/results/*.json into docs/benchmarks.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
# What the machine itself needs for the same job: step -> (words, tools whose medians are added or maximised).
LIMITS = {
    ("start", "status"): ("`python3 -c pass`", "sum", [("start", "status", "python")]),
    ("start", "--help"): ("`python3 -c pass`", "sum", [("start", "--help", "python")]),
    ("files", "add"): (
        "`cp -r` + `md5sum`",
        "sum",
        [("files", "copy", "cp -r"), ("files", "hash", "md5sum")],
    ),
    ("files", "status"): ("`git status`", "sum", [("files", "status", "git")]),
    ("files", "push"): ("`cp -r`", "sum", [("files", "copy", "cp -r")]),
    ("files", "checkout"): ("`cp -r`", "sum", [("files", "copy", "cp -r")]),
    ("files", "pull"): ("`cp -r`", "sum", [("files", "copy", "cp -r")]),
    ("3 GiB", "add"): ("max(`cp`, `md5sum`)", "max", [("3 GiB", "copy", "cp"), ("3 GiB", "hash", "md5sum")]),
}
TITLES = {
    "start": "Start: nothing to do, 20 `.dvc` files, 5 stages, 1 remote",
    "files": "100,000 files of 1 KiB, copy cache, local remote",
    "3 GiB": "One file of 3 GiB, copy cache",
}
HEAD = """# Benchmarks

`make bench` measures `dv` against `dvc` and against what the machine itself needs for the same job, in one run:
all commands take turns, so that a slow minute hits all of them. Figures are medians of whole processes; sync and
atomic creation are included; memory is the peak over the process tree. "x limit" is our time divided by the
machine's: lower is better. "x faster" is DVC's time divided by ours, taken round by round.
"""


def main() -> None:
    """Write the document."""
    results = sorted((HERE / "results").glob("*.json"))
    parts = [HEAD, *(section(json.loads(path.read_text())) for path in results)]
    DOCUMENT.write_text("\n".join(parts))


def section(result: dict[str, Any]) -> str:
    """Return one place's tables."""
    machine = result["machine"]
    lines = [
        f"## {result['name']} ({machine['file_system']})\n",
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}.\n",
    ]
    rows = {(row["case"], row["step"], row["tool"]): row for row in result["rows"]}
    for case, title in TITLES.items():
        steps = [step for (found, step, tool) in rows if found == case and tool == "dv"]
        if not steps:
            continue
        lines += [
            f"### {title}\n",
            "| step | dv | dvc | x faster | limit | x limit | dv memory | dvc memory |",
        ]
        lines.append("|---|---:|---:|---:|---|---:|---:|---:|")
        lines += [line(rows, case, step) for step in steps]
        lines.append("")
    return "\n".join(lines)


def line(rows: dict[tuple[str, str, str], dict[str, Any]], case: str, step: str) -> str:
    """Return one row of a table."""
    ours, theirs = rows[case, step, "dv"], rows.get((case, step, "dvc"))
    words, over = "", ""
    if (case, step) in LIMITS:
        name, how, parts = LIMITS[case, step]
        found = [rows[part]["seconds"] for part in parts]
        limit = sum(found) if how == "sum" else max(found)
        words, over = f"{name} {limit:.3f} s", f"{ours['seconds'] / limit:.2f}"
    dvc = f"{theirs['seconds']:.2f} s" if theirs else ""
    memory = f"{theirs['peak_mb']:.0f} MB" if theirs else ""
    faster = f"{ours['faster_than_dvc']:.1f}" if ours["faster_than_dvc"] else ""
    cells = [step, f"{ours['seconds']:.3f} s", dvc, faster, words, over, f"{ours['peak_mb']:.0f} MB", memory]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

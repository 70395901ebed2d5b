"""`dv doctor`."""

from __future__ import annotations

import argparse
import dataclasses

from data_versioning import operations
from data_versioning.cli import main, render

EPILOG = """examples:
  dv doctor             versions, settings, locks, and what was found
  dv doctor --json      for a program

Exit code: 1 if something is broken. Secrets in settings are not shown.
"""
_COLOURS = {"problem": "red", "slow": "yellow", "note": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --json."""
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Examine and print; 1 when something is broken."""
    found = operations.doctor.doctor()
    if args.json:
        shown = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
        render.print_json(shown | {"healthy": found.is_healthy})
    else:
        print("\n".join([*main.load("version").lines(found.version), *_lines(found)]))
    return 0 if found.is_healthy else 1


def _lines(found: operations.doctor.Diagnosis) -> list[str]:
    here = found.version.repository
    lines = []
    if here is not None:
        lines = ["Locks:", *(f"\theld by {who}" for who in found.lock), *(f"\t{use}" for use in found.in_use)]
        lines += [] if len(lines) > 1 else ["\tnobody works here now"]
        lines.append("Settings:")
        lines += [
            f"\t{one.name} = {one.value}   ({': '.join(filter(None, (one.level, one.file)))})"
            for one in found.settings
        ] or ["\tnone, so the defaults count"]
    lines.append("")
    for finding in found.findings:
        lines.append(f"{render.colour(finding.severity, _COLOURS[finding.severity])}: {finding.what}")
        lines += [f"  {finding.hint}"] if finding.hint else []
    if not found.findings:
        lines.append("Nothing found that is broken or slow.")
    return lines

"""`dv log`: what was done to the repository, by whom, and whether that record is whole."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from data_versioning import operations
from data_versioning.cli import render, session

if TYPE_CHECKING:
    from data_versioning.eventlog.chain import Event

EPILOG = """Changed pointer files are marked A (added), M (modified) or D (deleted).
Times are UTC.

examples:
  dv log -n 10      the last ten operations
  dv log -v         with command lines and errors
  dv log --verify   check that nobody changed the log
"""
_FLAWED = 1
_SHOWN = 3
_HEADERS = ("#", "time", "user", "verb", "outcome", "changed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-n", "--number", type=int, metavar="N", help="only the newest N operations")
    parser.add_argument("--verify", action="store_true", help="check the log; exit code 1 if it was changed")
    parser.add_argument("--json", action="store_true", help="print whole records as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the operations, newest first, or check them."""
    repo = session.open_repo(args)
    if args.verify:
        return _verify(operations.log.verify(repo), args)
    events = operations.log.log(repo, limit=args.number)
    if args.json:
        render.print_json([{"seq": event.seq, **event.record, "hash": event.hash} for event in events])
    elif not events:
        print("Nothing was recorded yet.")
    else:
        _print(events, repo.shown, is_verbose=bool(args.verbose))
    return 0


def _verify(found: operations.log.LogCheck, args: argparse.Namespace) -> int:
    if args.json:
        render.print_json(found)
    else:
        for flaw in found.flaws:
            print(f"event {flaw.seq}: {flaw.what}")
        print(f"{render.plural(found.events, 'event')}, {render.plural(len(found.flaws), 'flaw')}.")
    return _FLAWED if found.flaws else 0


def _print(events: Sequence[Event], shown: Callable[[str], str], *, is_verbose: bool) -> None:
    lines = render.table(_HEADERS, [_row(event, shown, is_verbose=is_verbose) for event in events]).split(
        "\n"
    )
    print(lines[0])
    for event, line in zip(events, lines[1:], strict=True):
        print(line)
        if is_verbose:
            _print_details(event.record)


def _row(event: Event, shown: Callable[[str], str], *, is_verbose: bool) -> tuple[object, ...]:
    record: Any = event.record
    time = str(record.get("time", ""))[:19].replace("T", " ")
    first: dict[str, str | None] = {}
    last: dict[str, str | None] = {}
    for path, before, after in record.get("pointers", ()):  # an operation may write a file twice
        first.setdefault(path, before)
        last[path] = after
    changes = [_change(shown(path), before, last[path]) for path, before in first.items()]
    few = changes if is_verbose else changes[:_SHOWN]
    more = [f"and {len(changes) - len(few)} more"] if len(few) < len(changes) else []
    return (
        event.seq,
        time,
        record.get("user", ""),
        record.get("verb", ""),
        record.get("outcome", ""),
        " ".join([", ".join(few), *more]),
    )


def _change(path: str, before: str | None, after: str | None) -> str:
    kind = "A" if before is None else "D" if after is None else "M"
    return f"{kind} {render.quote(path)}"


def _print_details(record: Any) -> None:
    """Print what is known of an operation beyond its row; the report of a repair has neither."""
    if record.get("argv"):
        print("    " + " ".join(render.quote(word) for word in record["argv"]))
    if record.get("error"):
        print(f"    {record['error']}")

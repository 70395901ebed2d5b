"""What `dv push`, `dv fetch` and `dv pull` share: options, the way to `dvc`, and how results look."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from data_versioning import operations
from data_versioning.cli import harmless, main, render
from data_versioning.storage.base import FailureKind

if TYPE_CHECKING:
    from data_versioning.operations.checkout import CheckoutResult
    from data_versioning.remotes.transfer import Problem

Result = TypeVar("Result")
# Problems that are printed one by one; all of them with -v or --json.
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser, *, verb: str) -> None:
    """Declare the options that all three have; `verb` is push, fetch or pull."""
    add = parser.add_argument
    add("targets", nargs="*", help="tracked paths, parts of tracked directories, .dvc files or stages")
    add("-j", "--jobs", type=int, metavar="N", help="how many files to transfer at once")
    add("-r", "--remote", metavar="NAME", help="the remote, instead of the default one")
    add("-a", "--all-branches", action="store_true", help=f"{verb} what the tips of all branches need")
    add("-T", "--all-tags", action="store_true", help=f"{verb} what all tags need")
    add("-A", "--all-commits", action="store_true", help=f"{verb} what all commits need")
    add("-d", "--with-deps", action="store_true", help="also what the targets depend on")
    add("-R", "--recursive", action="store_true", help="also everything below a directory")
    add(
        "--run-cache",
        action=argparse.BooleanOptionalAction,
        default=False,
        help=f"also {verb} the history of stage runs",
    )
    add("--glob", action="store_true", help="targets contain shell wildcards")
    add("--dry-run", action="store_true", help="only print what would be done")
    add("--json", action="store_true", help="print the result as JSON")


def options(args: argparse.Namespace) -> operations.sharing.TransferOptions:
    """Return what the arguments say."""
    return operations.sharing.TransferOptions(
        remote=args.remote,
        jobs=args.jobs,
        all_branches=args.all_branches,
        all_tags=args.all_tags,
        all_commits=args.all_commits,
        with_deps=args.with_deps,
        recursive=args.recursive,
        glob=args.glob,
        run_cache=args.run_cache,
        dry_run=args.dry_run,
        allow_missing=getattr(args, "allow_missing", False),
        max_size=getattr(args, "max_size", None),
        types=frozenset(getattr(args, "types", None) or ()),
        force=getattr(args, "force", False),
    )


def carry_out(
    args: argparse.Namespace, work: Callable[[], Result], show: Callable[[Result], int], *, word: str
) -> int:
    """Do the work and show its result, or what failed; or leave the whole command to `dvc`.

    `dvc` does not know --json and --dry-run: with these the refusal is an error.
    """
    try:
        return show(work())
    except operations.sharing.ServedByDvc as refused:
        if args.json or args.dry_run:
            verb = args.argv[main.options_before_command(args.argv)]
            refused.hint = f"without --dry-run and --json, dv {verb} hands over to dvc"
            raise
        handoff = main.load("handoff")
        handoff.tell(args, refused)
        return int(handoff.run(args.argv))
    except operations.sharing.TransferFailed as failed:
        if not args.json:
            if failed.checkout is not None and (failed.result.copied or any(failed.checkout.counts)):
                show_pulled(failed.result, failed.checkout)
            _tell(failed.result.problems, is_verbose=bool(args.verbose))
            if failed.checkout is not None and failed.checkout.failed:
                sys.stderr.write(f"not in the workspace: {', '.join(failed.checkout.failed)}\n")
            raise
        error = {"type": "TransferFailed", "message": failed.message, "hint": failed.hint}
        render.print_json({**as_json(failed.result, failed.checkout, word=word), "error": error})
        return failed.exit_code


def show(result: operations.sharing.TransferResult, args: argparse.Namespace, *, word: str) -> int:
    """Print what was copied; `word` is "pushed" or "fetched"."""
    if args.json:
        render.print_json(as_json(result, word=word))
    elif result.dry_run:
        print_planned(result, word=word)
    else:
        tell_tolerated(result)
        print(summary({word: result.copied}))
    return 0


def show_pulled(fetched: operations.sharing.TransferResult, changed: CheckoutResult) -> None:
    """Print what changed in the workspace, and counts."""
    main.load("checkout").show(changed)
    words = ("fetched", "added", "modified", "deleted")
    print(summary(dict(zip(words, (fetched.copied, *changed.counts), strict=True))))


def print_planned(result: operations.sharing.TransferResult, *, word: str) -> None:
    """Print what a dry run found."""
    for name in result.planned:
        print(harmless.name(name))
    print(f"{render.plural(result.copied, 'file')} would be {word}" if result.copied else summary({}))


def summary(counts: Mapping[str, int]) -> str:
    """Return counts of files in one line.

    >>> summary({"fetched": 1, "added": 2}), summary({"pushed": 0})
    ('1 file fetched and 2 files added', 'Everything is up to date.')
    """
    words = [f"{render.plural(count, 'file')} {word}" for word, count in counts.items() if count]
    if not words:
        return "Everything is up to date."
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def as_json(
    result: operations.sharing.TransferResult, changed: CheckoutResult | None = None, *, word: str
) -> dict[str, object]:
    """Return a result as JSON values, for `pull` with what changed in the workspace."""
    values: dict[str, object] = {
        "remotes": result.remotes,
        "dry_run": result.dry_run,
        word: result.copied,
        "size": result.size,
        "planned": result.planned,
        "missing": [_row(item) for item in result.problems if item.kind is FailureKind.MISSING],
        "failed": [_row(item) for item in result.problems if item.kind is not FailureKind.MISSING],
        "incomplete": result.held,
    }
    if changed is not None:
        values["checkout"] = {
            "added": changed.added,
            "modified": changed.modified,
            "deleted": changed.deleted,
            "failed": changed.failed,
            "stats": dict(zip(("added", "modified", "deleted"), changed.counts, strict=True)),
        }
    return values


def tell_tolerated(result: operations.sharing.TransferResult) -> None:
    """Tell on stderr what is missing although that is allowed."""
    if result.problems:
        _tell(result.problems, is_verbose=False)


def _row(problem: Problem) -> dict[str, str]:
    return {"path": problem.name, "oid": problem.value, "reason": problem.reason}


def _tell(problems: tuple[Problem, ...], *, is_verbose: bool) -> None:
    shown = problems if is_verbose else problems[:_SHOWN]
    for problem in shown:
        known = f" (md5 {problem.value})" if problem.value else ""
        sys.stderr.write(f"'{harmless.name(problem.name)}'{known} {problem.reason}\n")
    if len(shown) < len(problems):
        sys.stderr.write(f"... and {len(problems) - len(shown):,} more; -v lists all\n")

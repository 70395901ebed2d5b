"""`dv repro`."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Sequence

from data_versioning import operations
from data_versioning.cli import main, question, render, session
from data_versioning.errors import UsageError

EPILOG = """examples:
  dv repro                        bring everything in dvc.yaml up to date
  dv repro -j 4                   run up to four stages at once
  dv repro train                  only this stage, and what it needs
  dv repro -s train               only this stage
  dv repro --dry --explain        what would run, and why
  dv repro -P train.epochs=200    set a parameter in its file first
  dv repro -k --retries 2 --timeout 2h   go on after failures

next: git add dvc.yaml dvc.lock, commit, then dv push
"""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
FAILURE = 255  # as DVC ends


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options and ours."""
    flag = parser.add_argument
    flag("targets", nargs="*", help="stages, dvc.yaml or .dvc files; the dvc.yaml here without")
    flag("-j", "--jobs", type=int, default=1, metavar="N", help="stages to run at once (1)")
    flag("-f", "--force", action="store_true", help="run stages that did not change, too")
    flag("-s", "--single-item", action="store_true", help="leave out what the targets need")
    flag("-p", "--pipeline", action="store_true", help="all that is connected with the targets")
    flag(
        "-P",
        "--all-pipelines",
        action="append",
        nargs="?",
        const="",
        metavar="KEY=VALUE",
        help="all pipelines of the repository; with KEY=VALUE: as --set-param",
    )
    flag(
        "-S",
        "--set-param",
        action="append",
        default=[],
        metavar="[FILE:]KEY=VALUE",
        help="set a parameter in its file first",
    )
    flag("-R", "--recursive", action="store_true", help="all stages below a directory")
    flag("--downstream", action="store_true", help="start with the targets: they, and what needs them")
    flag("--force-downstream", action="store_true", help="run what needs a stage that ran, changed or not")
    flag("-i", "--interactive", action="store_true", help="ask before each stage")
    flag("--dry", action="store_true", help="only tell what would run")
    flag("--explain", action="store_true", help="tell why each stage runs")
    flag("-k", "--keep-going", action="store_true", help="after a failure run what does not need it")
    flag("--ignore-errors", action="store_true", help="after a failure run everything else, and end with 0")
    flag(
        "--retries", type=int, default=0, metavar="N", help="attempts after the first, for a stage that fails"
    )
    flag("--timeout", metavar="TIME", help="end a stage after this time: 90, 30m, 2h")
    flag("--pull", action="store_true", help="download what is missing")
    flag("--allow-missing", action="store_true", help="leave stages alone whose data is only not here")
    flag("--glob", action="store_true", help="targets may hold wildcards")
    flag("--no-commit", action="store_true", help="store no outputs in the cache")
    flag("--no-run-cache", action="store_true", help="run stages that were run before with the same inputs")
    flag(
        "--json",
        action="store_true",
        help="print the result as JSON; what commands print is in .dvc/tmp/dv/logs",
    )


def run(args: argparse.Namespace) -> int:
    """Reproduce, and say how each stage ended."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # unless nohup keeps it away
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
    settings = _settings(args)
    repo = session.open_repo(args)
    options = _options(args)
    result = operations.repro.repro(
        repo,
        args.targets,
        options=options,
        settings=settings,
        confirm=_confirm if args.interactive or repo.settings.flag("core", "interactive") else _yes,
        watch=_silent if args.json else _Teller(explain=args.explain or args.dry).tell,
        progress=render.progress(args),
    )
    if result.needs_dvc:
        return _hand_over(args, result.needs_dvc)
    if args.json:
        render.print_json({"stages": [one._asdict() for one in result.stages]})
    elif not args.dry:
        _tell_end(result)
    return FAILURE if result.failed and not args.ignore_errors else 0


def _hand_over(args: argparse.Namespace, stages: Sequence[str]) -> int:
    refused = UsageError(
        f"these depend on data that only the program dvc can look at: {', '.join(stages)}", hint="dvc repro"
    )
    return int(main.load("handoff").instead(args, refused))


def _settings(args: argparse.Namespace) -> list[str]:
    """Return the parameters to set; a word after -P that sets none is a target, as for DVC."""
    given = [word for word in args.all_pipelines or () if word]
    args.targets += [word for word in given if "=" not in word]
    settings: list[str] = [word for word in given if "=" in word]
    # -P KEY=VALUE alone means what `-S` means; bare, or before a target, all pipelines.
    args.all_pipelines = args.all_pipelines is not None and len(settings) < len(args.all_pipelines)
    return [*settings, *args.set_param]


def _options(args: argparse.Namespace) -> operations.repro.ReproOptions:
    if args.keep_going and args.ignore_errors:
        raise UsageError("--keep-going and --ignore-errors are two different things", hint="dv repro -k")
    on_error = operations.repro.OnError
    echo = operations.repro.Echo
    return operations.repro.ReproOptions(
        force=args.force,
        force_downstream=args.force_downstream,
        single_item=args.single_item and not (args.pipeline or args.all_pipelines),
        downstream=args.downstream and not (args.pipeline or args.all_pipelines),
        pipeline=args.pipeline,
        all_pipelines=args.all_pipelines,
        recursive=args.recursive,
        glob=args.glob,
        allow_missing=args.allow_missing,
        dry_run=args.dry,
        store=not args.no_commit,
        run_cache=not args.no_run_cache,
        pull=args.pull,
        on_error=on_error.KEEP_GOING
        if args.keep_going
        else on_error.IGNORE
        if args.ignore_errors
        else on_error.STOP,
        jobs=args.jobs,
        retries=args.retries,
        timeout=_seconds(args.timeout),
        echo=echo.NOTHING if args.json or args.quiet else echo.PLAIN if args.jobs == 1 else echo.PREFIXED,
    )


def _seconds(text: str | None) -> float | None:
    """Return a time as seconds.

    >>> _seconds("90"), _seconds("1.5h")
    (90.0, 5400.0)
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", text)
    if not found:
        raise UsageError(f"'{text}' is not a time", hint="dv repro --timeout 30m")
    return float(found[1]) * _UNITS[found[2]]


def _yes(_stage: str) -> bool:
    return True


def _confirm(stage: str) -> bool:
    return question.confirmed(f"Run stage '{stage}'?", hint="dv repro   without --interactive")


def _silent(_event: object) -> None:
    """Say nothing."""


class _Teller:
    """Tells what happens, in the words of DVC."""

    def __init__(self, *, explain: bool) -> None:
        self._explain = explain
        self._is_first = True

    def tell(self, event: operations.repro.StageBegun | operations.repro.StageResult) -> None:
        """Tell one event."""
        outcomes = operations.repro.Outcome
        if isinstance(event, operations.repro.StageBegun):
            self._begin(event)
        elif event.outcome is outcomes.FAILED:
            _warn("red", f"ERROR: stage '{event.stage}': {event.message}")
        elif event.outcome is outcomes.CACHED:
            kind = "" if event.stage.endswith(".dvc") else "Stage "
            print(f"{kind}'{event.stage}' didn't change, skipping")
        elif event.outcome is outcomes.RESTORED:
            print(f"Stage '{event.stage}' is cached - skipping run, checking out outputs")
            self._reasons(event.reasons)
        elif event.outcome is outcomes.SKIPPED:
            print(f"Stage '{event.stage}' was skipped")
        elif event.message:
            _warn("yellow", f"warning: stage '{event.stage}': {event.message}")
        sys.stdout.flush()

    def _begin(self, event: operations.repro.StageBegun) -> None:
        if not self._is_first:
            print()
        self._is_first = False
        print(f"Running stage '{event.stage}':")
        self._reasons(event.reasons)
        for command in event.commands:
            print(f"> {command}")

    def _reasons(self, reasons: Sequence[str]) -> None:
        if self._explain:
            for reason in reasons:
                print(f"  because {reason}")


def _warn(colour: str, text: str) -> None:
    sys.stdout.flush()
    print(render.colour(text, colour, stream=sys.stderr), file=sys.stderr)


def _tell_end(result: operations.repro.ReproResult) -> None:
    if result.failed:
        for one in result.stages:
            if one.log and one.stage in result.failed:
                print(f"what '{one.stage}' printed: {one.log}", file=sys.stderr)
    elif result.is_unchanged:
        print("Data and pipelines are up to date.")
    else:
        print("Use `dv push` to send your updates to remote storage.")

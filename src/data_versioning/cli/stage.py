"""`dv stage add` and `dv stage list`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from data_versioning import operations
from data_versioning.cli import harmless, main, render, session
from data_versioning.errors import UsageError

FAILURE = 255  # as DVC ends, also for a name that cannot be
EPILOG = """examples:
  dv stage add -n train -d train.py -d data -o model.pkl python train.py
  dv stage list
"""
_ADD_EPILOG = """Paths are relative to the current directory, or to --wdir.

examples:
  dv stage add -n train -d train.py -d data -p lr -o model.pkl python train.py
  dv stage add -n test -d model.pkl -M scores.json 'python test.py | tee log'
  dv stage add -f -n train -d train.py -o model.pkl python train.py --fast
"""
_LIST_EPILOG = """examples:
  dv stage list                      stages of the dvc.yaml here
  dv stage list sub/dvc.yaml train   stages of another file, and one of here
  dv stage list --all --name-only    all of the repository
"""
# Option -> (section of dvc.yaml, kept in the cache, kept before a run), in the order of DVC.
_OUTPUTS = {
    "outs_persist": ("outs", True, True),
    "outs_persist_no_cache": ("outs", False, True),
    "metrics": ("metrics", True, False),
    "metrics_no_cache": ("metrics", False, False),
    "plots": ("plots", True, False),
    "plots_no_cache": ("plots", False, False),
    "outs_no_cache": ("outs", False, False),
    "outs": ("outs", True, False),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-commands."""
    choices = parser.add_subparsers()
    _declare_add(choices.add_parser("add", help="write a stage into dvc.yaml", epilog=_ADD_EPILOG))
    _declare_list(choices.add_parser("list", help="list stages", epilog=_LIST_EPILOG))


def _declare_add(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument

    def paths(*names: str, text: str) -> None:
        flag(*names, action="append", default=[], metavar="PATH", help=text)

    flag("-n", "--name", required=True, help="name of the stage")
    flag("-f", "--force", action="store_true", help="replace a stage of this name")
    paths("-d", "--deps", text="file or directory that the command reads")
    flag("-p", "--params", action="append", default=[], metavar="[FILE:]KEYS", help="params that it reads")
    paths("-o", "--outs", text="file or directory that it writes")
    paths("-O", "--outs-no-cache", text="the same, not kept in the cache")
    paths("--outs-persist", text="the same, not removed before a run")
    paths("--outs-persist-no-cache", text="the same, neither kept in the cache nor removed")
    paths("-m", "--metrics", text="metrics file that it writes")
    paths("-M", "--metrics-no-cache", text="the same, not kept in the cache")
    paths("--plots", text="plot that it writes")
    paths("--plots-no-cache", text="the same, not kept in the cache")
    flag("-w", "--wdir", metavar="PATH", help="directory in which the command runs")
    flag("--always-changed", action="store_true", help="run it every time")
    flag("--desc", metavar="TEXT", help="what it is for")
    flag("--run", action="store_true", help="run the stage, too")
    flag("--json", action="store_true", help="print the result as JSON")
    flag("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="what it runs, in one or more words")


def _declare_list(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument
    flag("targets", nargs="*", help="dvc.yaml, .dvc files, stages or directories; by default dvc.yaml")
    flag("--all", action="store_true", help="all stages of the repository")
    flag("--fail", action="store_true", help="fail when any file cannot be read")
    flag("-R", "--recursive", action="store_true", help="everything below a directory")
    flag("--name-only", "--names-only", action="store_true", help="print only names")
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Add or list."""
    return _add(args) if args.subcommand == "add" else _list(args)


def _add(args: argparse.Namespace) -> int:
    if args.run and args.json:
        raise UsageError("--run prints what the command prints, which is no JSON", hint="leave one out")
    add_stage = operations.add_stage
    new = add_stage.NewStage(
        name=args.name,
        cmd=_command(args.command),
        deps=args.deps,
        params=args.params,
        outs=[
            add_stage.NewOutput(path, *kind)
            for option, kind in _OUTPUTS.items()
            for path in getattr(args, option)
        ],
        wdir=args.wdir,
        desc=args.desc,
        always_changed=args.always_changed,
    )
    repo = session.open_repo(args)
    result = add_stage.add_stage(repo, new, force=args.force)
    if args.json:
        render.print_json(result)
        return 0
    print(f"Added stage '{result.stage}' in '{harmless.name(repo.shown(result.file))}'")
    if result.not_ignored and not args.quiet:
        listed = " ".join(harmless.name(repo.shown(path)) for path in result.not_ignored)
        sys.stderr.write(f"not yet in .gitignore, for want of their directory: {listed}\n")
    if args.run:
        return main.main(["repro", "--single-item", "--force", result.stage])
    session.tell_edited(repo, result.edited)
    return 0


def _command(words: Sequence[str]) -> str:
    """Return the command line, as DVC joins it: words that hold spaces are quoted again.

    >>> _command(["python", "a b.py", ""]), _command(["one | two"])
    ('python "a b.py" ""', 'one | two')
    """
    if len(words) == 1:
        return words[0]
    return " ".join(f'"{word}"' if not word or (" " in word and '"' not in word) else word for word in words)


def _list(args: argparse.Namespace) -> int:
    repo = session.open_repo(args)
    found = (
        operations.list_stages.all_stages(repo)
        if args.all
        else operations.list_stages.list_stages(repo, args.targets, recursive=args.recursive)
    )
    if found.skipped and args.fail:
        raise found.skipped[0]
    if args.json:
        render.print_json([stage._asdict() for stage in found.stages])
    elif args.name_only:
        print("\n".join(stage.stage for stage in found.stages))
    elif found.stages:
        width = max(len(stage.stage) for stage in found.stages)
        print("\n".join(f"{stage.stage:<{width}}  {stage.desc}" for stage in found.stages))
    if not args.quiet:
        for problem in found.skipped:
            sys.stderr.write(f"skipped: {problem.message}\n")
    return 0

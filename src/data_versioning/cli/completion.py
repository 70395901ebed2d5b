"""`dv completion`: a script that completes commands, options and paths in a shell."""

from __future__ import annotations

import argparse
import importlib
import os

import shtab

from data_versioning.cli import arguments, main
from data_versioning.errors import UsageError

EPILOG = """examples:
  dv completion bash > ~/.local/share/bash-completion/completions/dv
  dv completion zsh > "${fpath[1]}/_dv"
  dv completion fish > ~/.config/fish/completions/dv.fish
  dv completion tcsh > ~/.dv.csh      then, in ~/.cshrc: source ~/.dv.csh
"""
_SHELLS = ("bash", "zsh", "tcsh", "fish")
# Positional arguments that are paths, in whatever command they occur.
_PATHS = {"targets", "target", "path", "directory"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the shell as an argument, or as DVC's option."""
    parser.add_argument("shell", nargs="?", choices=_SHELLS, help="which shell (default: the one of $SHELL)")
    parser.add_argument("-s", "--shell", dest="option", choices=_SHELLS, help="the same")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    print(shtab.complete(whole_parser(), shell=args.option or args.shell or _own_shell()))
    return 0


def _own_shell() -> str:
    """Return the shell that the user logs in with; bash when nothing says which."""
    name = os.path.basename(os.environ.get("SHELL", ""))
    if not name or name in _SHELLS:
        return name or "bash"
    raise UsageError(f"there is no completion for the shell {name!r} of $SHELL", hint="dv completion bash")


def whole_parser() -> argparse.ArgumentParser:
    """Return one parser that knows every command and sub-command."""
    whole = arguments.Parser(prog="dv", description="Data versioning for ordinary DVC repositories.")
    choices = whole.add_subparsers(dest="command", parser_class=arguments.Parser)
    for name, (summary, module_name) in main.commands().items():
        parser = choices.add_parser(name, help=summary, description=summary)
        try:
            module = importlib.import_module(f"data_versioning.cli.{module_name}")
        except ModuleNotFoundError:
            continue
        module.add_arguments(parser)
        _complete_paths(parser)
    for name in main.HANDED_OVER:
        choices.add_parser(name, help="handed to the program dvc")
    return whole


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if action.dest in _PATHS and not action.option_strings:
            action.complete = shtab.FILE  # type: ignore[attr-defined]

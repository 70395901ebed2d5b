"""Parses one command's arguments as DVC does: abbreviations and intermixed options are allowed."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from data_versioning.cli import main
from data_versioning.errors import DataVersioningError, NotInRepository, UsageError

# Options that DVC's commands do not have everywhere: they never make one of its abbreviations ambiguous.
_ADDED = {"--cd", "--json", "--wait-for-lock"}


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Wraps what is told in sentences; a paragraph with indented lines, such as examples, stays as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            paragraph
            if "\n " in paragraph
            else argparse.HelpFormatter._fill_text(self, paragraph, width, indent)
            for paragraph in text.strip("\n").split("\n\n")
        )


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Format help as wide as the terminal; argparse itself would import shutil to learn the width."""
    try:
        columns = os.get_terminal_size().columns
    except OSError:
        columns = 80
    return _Formatter(prog, width=int(os.environ.get("COLUMNS") or columns) - 2)


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg] # generic for mypy only
    """Sub-commands whose help begins with what the list of them says."""

    def add_parser(self, name: str, **keywords: Any) -> argparse.ArgumentParser:
        if summary := keywords.get("help"):
            keywords.setdefault("description", f"{summary[0].upper()}{summary[1:]}.")
        added: argparse.ArgumentParser = super().add_parser(name, **keywords)
        return added


class Parser(argparse.ArgumentParser):
    """Knows the options that every command has; reports mistakes as `UsageError`."""

    def __init__(self, **keywords: Any) -> None:
        keywords.setdefault("formatter_class", _formatter)
        super().__init__(**keywords | {"conflict_handler": "resolve", "add_help": False})
        # Without defaults, so that a sub-command does not take back what was set before its name.
        common = self.add_argument_group("options of every command")
        add = common.add_argument
        add("-h", "--help", action="help", default=argparse.SUPPRESS, help="show this help and exit")
        add("-q", "--quiet", action="count", default=argparse.SUPPRESS, help="print only errors")
        add("-v", "--verbose", action="count", default=argparse.SUPPRESS, help="say more")
        add("--cd", metavar="PATH", default=argparse.SUPPRESS, help="go to PATH first")
        add(
            "--wait-for-lock",
            action="store_true",
            default=argparse.SUPPRESS,
            help="wait for as long as it takes",
        )

    def add_subparsers(self, **keywords: Any) -> Any:
        """Sub-commands: one of them has to be given."""
        keywords.setdefault("required", True)
        keywords.setdefault("title", "commands")
        keywords.setdefault("dest", "subcommand")
        keywords.setdefault("metavar", "COMMAND")
        keywords.setdefault("action", _Commands)
        return super().add_subparsers(**keywords)

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` after the usage line, with what there is to choose from."""
        if self._subparsers and message.endswith(": COMMAND"):
            message = f"which command? One of {', '.join(self._commands())}"
        self.print_usage(sys.stderr)
        raise UsageError(message, hint=f"{self.prog} --help")

    def _commands(self) -> list[str]:
        choices = [action.choices for action in self._actions if action.nargs == argparse.PARSER]
        return [str(name) for names in choices for name in names or ()]

    def _get_option_tuples(self, option_string: str) -> list[Any]:
        found = super()._get_option_tuples(option_string)
        return [match for match in found if match[1] not in _ADDED] or found if len(found) > 1 else found


def build(name: str, module: Any, **keywords: Any) -> Parser:
    """Return the parser of the command `name`."""
    summary, _ = main.commands()[name]
    parser = Parser(
        prog=f"dv {name}", description=summary, epilog=getattr(module, "EPILOG", None), **keywords
    )
    module.add_arguments(parser)
    return parser


def run(name: str, module_name: str, rest: Sequence[str], argv: list[str]) -> int:
    """Parse `rest` for the command `name` and run it; `argv` is the whole command line."""
    signal.signal(signal.SIGTERM, _interrupt)
    module = _import(name, module_name)
    defaults = argparse.Namespace(argv=argv, quiet=0, verbose=0, cd=None, wait_for_lock=False)
    args = build(name, module).parse_args(rest, defaults)
    if args.cd is not None:
        _change_directory(args.cd)
    try:
        return _run(module, args)
    except DataVersioningError as error:
        # An error that was given its own code keeps it.
        if not isinstance(error, NotInRepository) and "exit_code" not in vars(error):
            error.exit_code = getattr(module, "FAILURE", error.exit_code)
        raise


def _run(module: Any, args: argparse.Namespace) -> int:
    if args.quiet and not getattr(args, "json", False):
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            return _run_into(nowhere, module, args)
    return int(module.run(args))


def _run_into(stream: Any, module: Any, args: argparse.Namespace) -> int:
    usual, sys.stdout = sys.stdout, stream
    try:
        return int(module.run(args))
    finally:
        sys.stdout = usual


def _import(name: str, module_name: str) -> Any:
    path = f"data_versioning.cli.{module_name}"
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as missing:
        if missing.name != path:
            raise
        raise DataVersioningError(
            f"the command {name!r} is not part of this installation", hint="dv version"
        ) from missing


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does: with everything cleaned up."""
    raise KeyboardInterrupt


def _change_directory(path: str) -> None:
    try:
        os.chdir(path)
    except OSError as error:
        raise UsageError(f"cannot go to {path!r}: {error.strerror}", hint="dv --cd PATH COMMAND") from error

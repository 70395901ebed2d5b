"""`dv completion`: a script that completes commands, options, and what stands in the repository.

The script calls `dv completion --list KIND`; words are compared, never evaluated: a name may come from a stranger.
"""

from __future__ import annotations

import argparse
import importlib
import os

import shtab

from data_versioning import operations
from data_versioning.cli import arguments, main, session
from data_versioning.errors import UsageError

EPILOG = """examples:
  dv completion bash > ~/.local/share/bash-completion/completions/dv
  dv completion zsh > "${fpath[1]}/_dv"
  dv completion fish > ~/.config/fish/completions/dv.fish
  dv completion tcsh > ~/.dv.csh      then, in ~/.cshrc: source ~/.dv.csh

Completed are commands, options and paths, and what is in the repository: tracked data, whether it is
here or not, stages, remotes, branches and tags.
"""
_OF_PROGRAMS = {"git-hook"}
_SHELLS = ("bash", "zsh", "tcsh", "fish")
_TARGETS, _STAGES, _REMOTES, _REVISIONS = operations.complete.Kind
_ON_DATA = ("checkout", "commit", "data", "diff", "fetch", "pull", "push", "status", "unprotect")
_ON_STAGES = ("freeze", "remove", "repro", "unfreeze", "update")
# What an argument names, by command; files where nothing is said.
_NAMED = {
    **{name: {"targets": _TARGETS} for name in _ON_DATA},
    **{name: {"targets": _STAGES} for name in _ON_STAGES},
    "dag": {"target": _STAGES},
    "gc": {"rev": _REVISIONS},
    "move": {"src": _TARGETS},
    "remote": {"name": _REMOTES},
}
_EVERYWHERE = {"a_rev": _REVISIONS, "b_rev": _REVISIONS, "remote": _REMOTES, "revisions": _REVISIONS}
# The remotes and revisions that these commands take are those of another repository.
_OF_OTHERS = {"artifacts", "get", "import", "list"}
_FILES = {"cd", "directory", "dst", "out", "path", "src", "target", "targets", "url"}
# `compgen -W` would carry out a command in a name. Readline quotes what a function with "file" in its name finds.
_BASH = """
_dv_words() {
  local word
  while IFS= read -r word; do
    [[ $word == "$2"* ]] && printf '%s\\n' "$word"
  done < <(dv completion --list "$1" 2>/dev/null)
}
_dv_files_of() {
  local found
  found=$(_dv_words "$1" "$2")
  if [[ -n $found ]]; then printf '%s\\n' "$found"; else compgen -f -- "$2"; fi
}
_dv_files_targets() { _dv_files_of targets "$1"; }
_dv_files_stages() { _dv_files_of stages "$1"; }
_dv_list_remotes() { _dv_words remotes "$1"; }
_dv_list_revisions() { _dv_words revisions "$1"; }
"""
_ZSH = """
_dv_words() {
  local kind=$1
  shift
  local -a words=(${(f)"$(dv completion --list $kind 2>/dev/null)"})
  compadd "$@" -a words
}
_dv_files_targets() { _dv_words targets "$@" || _files "$@" }
_dv_files_stages() { _dv_words stages "$@" || _files "$@" }
_dv_list_remotes() { _dv_words remotes "$@" }
_dv_list_revisions() { _dv_words revisions "$@" }
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the shell as an argument, or as DVC's option."""
    parser.add_argument("shell", nargs="?", choices=_SHELLS, help="which shell (default: the one of $SHELL)")
    parser.add_argument("-s", "--shell", dest="option", choices=_SHELLS, help="the same")
    kinds = [kind.value for kind in operations.complete.Kind]
    parser.add_argument("--list", choices=kinds, help="print what can be named here; the script asks for it")


def run(args: argparse.Namespace) -> int:
    """Print the script, or the words that it asks for."""
    if args.list:
        for word in operations.complete.words(session.open_repo(args), operations.complete.Kind(args.list)):
            print(word)
        return 0
    print(shtab.complete(whole_parser(), shell=args.option or args.shell or _own_shell()))
    return 0


def _own_shell() -> str:
    """Return the shell that the user logs in with; bash when nothing says which."""
    name = os.path.basename(os.environ.get("SHELL", ""))
    if not name or name in _SHELLS:
        return name or "bash"
    raise UsageError(f"there is no completion for the shell {name!r} of $SHELL", hint="dv completion bash")


def whole_parser() -> argparse.ArgumentParser:
    """Return one parser that knows every command and sub-command that somebody may type."""
    whole = arguments.Parser(prog="dv", description="Data versioning for ordinary DVC repositories.")
    _tell_words("dv", whole)
    choices = whole.add_subparsers(dest="command", parser_class=arguments.Parser)
    for name, (summary, module_name) in main.commands().items():
        if name in _OF_PROGRAMS:
            continue
        parser = choices.add_parser(name, help=summary, description=summary)
        try:
            module = importlib.import_module(f"data_versioning.cli.{module_name}")
        except ModuleNotFoundError:
            continue
        module.add_arguments(parser)
        _tell_words(name, parser)
    for name in main.HANDED_OVER:
        if name in main.UNLISTED:
            continue
        choices.add_parser(name, help="handed to the program dvc")
    return whole


def _tell_words(command: str, parser: argparse.ArgumentParser) -> None:
    """Tell what each argument of a command and of its sub-commands names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                _tell_words(command, below)
        elif words := _words(command, action.dest):
            action.complete = words  # type: ignore[attr-defined]


def _words(command: str, dest: str) -> str | dict[str, str | dict[str, str]] | None:
    """Return how each shell finds the words for an argument; None when it finds none."""
    named = {} if command in _OF_OTHERS else _EVERYWHERE | _NAMED.get(command, {})
    if (kind := named.get(dest)) is None:
        return shtab.FILE if dest in _FILES else None
    function = f"_dv_{'files' if kind in (_TARGETS, _STAGES) else 'list'}_{kind}"
    asked = f"dv completion --list {kind}"
    return {
        "bash": function,
        "zsh": function,
        "fish": f"({asked} 2>/dev/null)",
        "tcsh": f"`{asked}`",
        "preamble": {"bash": _BASH, "zsh": _ZSH},
    }

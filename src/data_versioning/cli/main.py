"""`dv`: choose the command, load only its module, and end with its exit code.

A command's module has `add_arguments(parser)`, `run(args) -> int`, and may have `EPILOG` (examples) and
`FAILURE` (its exit code for an error of any kind). Besides its own arguments, `args` carries `argv`
(everything typed after `dv`), `quiet`, `verbose` and `wait_for_lock`.
Exit codes are DVC's: 1 failure reported by the command, 251 config, 252 interrupted, 253 not in a repository,
254 wrong arguments, 255 anything else, 141 broken pipe.
"""

from __future__ import annotations

import codecs
import gc
import importlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import NoReturn

# Group -> name -> (what it does, module that is loaded when it is chosen).
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Data": {
        "init": ("Make a repository here.", "init"),
        "add": ("Track data files or directories.", "add"),
        "commit": ("Record changed data and store it in the cache.", "commit"),
        "status": ("Show what changed: stages, data, or cache against remote.", "status"),
        "data": ("Show data changes between commit, index and workspace.", "data"),
        "diff": ("Show what changed in data between revisions, or since one.", "diff"),
        "checkout": ("Bring data files from the cache into the workspace.", "checkout"),
        "move": ("Rename tracked data together with its pointer file.", "move"),
        "unprotect": ("Make links into the cache files of your own, which may be edited.", "unprotect"),
        "remove": ("Stop tracking data, or remove stages.", "remove"),
        "undo": ("Undo the last operation.", "undo"),
    },
    "Sharing": {
        "push": ("Upload data to a remote.", "push"),
        "pull": ("Download data from a remote into cache and workspace.", "pull"),
        "fetch": ("Download data from a remote into the cache.", "fetch"),
        "list": ("List files and data of a repository.", "list"),
        "get": ("Download from another repository.", "get"),
        "artifacts": ("Download a version of a model or data set.", "artifacts"),
        "import": ("Download from another repository and track it.", "import_data"),
        "import-url": ("Copy data from a URL and track it.", "import_url"),
        "get-url": ("Copy data from a URL, without tracking it.", "get_url"),
        "list-url": ("List what a URL holds.", "list_url"),
        "update": ("Bring imported data up to date with its origin.", "update"),
        "remote": ("Set up and change remotes.", "remote"),
    },
    "Pipelines": {
        "repro": ("Run the stages of a pipeline whose inputs changed.", "repro"),
        "stage": ("Add stages to dvc.yaml, and list them.", "stage"),
        "freeze": ("Keep stages from running, imports from changing.", "freeze"),
        "unfreeze": ("Let frozen stages and imports follow changes again.", "unfreeze"),
        "dag": ("Draw which stage needs which.", "dag"),
        "metrics": ("Show and compare metrics.", "metrics"),
        "params": ("Compare parameters.", "params"),
        "plots": ("Draw plots, and compare them between revisions.", "plots"),
    },
    "Maintenance": {
        "gc": ("Delete data that nothing refers to.", "gc"),
        "fsck": ("Check that stored data is what its name says.", "fsck"),
        "check-ignore": ("Tell which paths .dvcignore hides, and by which rule.", "check_ignore"),
        "cache": ("Show, move or migrate the cache.", "cache"),
        "log": ("Show what was done to the repository, and by whom.", "log"),
        "config": ("Get or set options.", "config"),
        "root": ("Print the path to the top of the repository.", "root"),
        "install": ("Make Git call dv: hooks, and merging of .dvc files.", "install"),
        "git-hook": ("What Git calls after `dv install`.", "git_hook"),
        "destroy": ("Remove the repository; the data stays.", "destroy"),
        "doctor": ("Find what is broken or slow here, and say what to do.", "doctor"),
        "version": ("Show versions and what this system can do.", "version"),
        "completion": ("Print tab completion for a shell.", "completion"),
    },
}
ALIASES = {"ls": "list", "ls-url": "list-url", "mv": "move", "rm": "remove"}
# Commands of DVC that are passed to the program `dvc`.
HANDED_OVER = (
    "daemon", "dataset", "ds", "du", "exp",
    "experiments", "import-db",
    "queue",
    "studio", "test-db",
)  # fmt: skip
UNLISTED = {"daemon", "dataset", "ds", "experiments", "test-db"}
"""Left out of the help and of completion because they are other names, or meant for programs."""

_USAGE = "usage: dv [-q | -v] [--cd PATH] COMMAND [ARGUMENTS]"
_HELP = "help"
_BROKEN_PIPE = 141
# So many new objects before Python looks for unreachable ones; a command that does little makes fewer.
_GC_THRESHOLD = 100_000


def start() -> NoReturn:
    """Be the program `dv`: run the command line and end the process, without the search for unreachable objects.

    That search would be a tenth of a command that has nothing to do.
    """
    gc.set_threshold(_GC_THRESHOLD)
    code = main()
    gc.freeze()
    sys.exit(code)


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code; nothing is raised, and no traceback shown unasked."""
    arguments = sys.argv[1:] if argv is None else argv
    # Very many values are made and kept: to look for cycles among them as often as usual takes a fifth of the time.
    gc.set_threshold(20_000, 50, 100)
    codecs.register_error("names", _as_bytes)
    for stream in (sys.stdout, sys.stderr):
        # File names are bytes: print them as they are.
        getattr(stream, "reconfigure", lambda **_: None)(errors="names")
    try:
        code = _choose(arguments)
        sys.stdout.flush()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BrokenPipeError:
        # Python flushes once more at exit: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _BROKEN_PIPE
    except BaseException as error:
        code = int(load("failure").report(error, arguments))
    return code


def _as_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what stands for a byte as that byte, anything else as an escape: printing never fails."""
    assert isinstance(error, UnicodeEncodeError)
    code = ord(error.object[error.start])
    return (bytes((code - 0xDC00,)) if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"), error.start + 1


def load(module: str) -> ModuleType:
    """Import a module of this package when it is needed, not before."""
    return importlib.import_module(f"data_versioning.cli.{module}")


def commands() -> dict[str, tuple[str, str]]:
    """All commands of ours, of all groups."""
    return {name: entry for group in GROUPS.values() for name, entry in group.items()}


def help_text() -> str:
    """Return what `dv --help` prints."""
    lines = [_USAGE, "", "Data versioning for ordinary DVC repositories.", ""]
    for group, entries in GROUPS.items():
        lines += [f"{group}:", *(f"  {name:<13}{summary}" for name, (summary, _) in entries.items()), ""]
    lines.append("Handed to the program dvc:")
    line = ""
    for name in HANDED_OVER:
        if name in UNLISTED:
            continue
        if len(line) + len(name) > 76:
            lines.append(f" {line}")
            line = ""
        line += f" {name}"
    lines += [f" {line}", "", "Options, for every command:"]
    lines += [
        f"  {option:<18}{summary}"
        for option, summary in (
            ("-h, --help", "show help; `dv help COMMAND` shows a command's"),
            ("-q, --quiet", "print no results and no progress, only errors"),
            ("-v, --verbose", "say more; with an error, where it comes from"),
            ("--cd PATH", "go to PATH first"),
            ("-V, --version", "print the version"),
        )
    ]
    return "\n".join(lines) + "\n"


def _choose(arguments: list[str]) -> int:
    count = options_before_command(arguments)
    leading, name, rest = arguments[:count], "".join(arguments[count : count + 1]), arguments[count + 1 :]
    if {"-h", "--help"} & set(leading):
        sys.stdout.write(help_text())
        return 0
    if {"-V", "--version"} & set(leading):
        package = importlib.import_module("data_versioning")
        sys.stdout.write(f"{package.__version__}\n")
        return 0
    name = ALIASES.get(name, name)
    if name == _HELP:
        if rest:
            return _choose([*leading, *rest, "--help"])
        sys.stdout.write(help_text())
        return 0
    if name in HANDED_OVER:
        return int(load("handoff").run(arguments))
    own = commands()
    if name not in own:
        sys.stderr.write(f"{_USAGE}\n")
        load("failure").unknown_command(name, [*own, *ALIASES, *HANDED_OVER, _HELP])
    with load("harmless").streams():
        return int(load("arguments").run(name, own[name][1], [*leading, *rest], arguments))


def options_before_command(arguments: Sequence[str]) -> int:
    """Return how many of the arguments stand before the command's name.

    >>> options_before_command(["-q", "--cd", "x", "add", "-R"])
    3
    """
    position = 0
    while position < len(arguments) and arguments[position].startswith("-"):
        position += 2 if arguments[position] == "--cd" else 1
    return position

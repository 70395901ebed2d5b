"""A fork server for command-line tools, started by `oracle.Tool`: imports once, forks for every command.

Reads one JSON request a line from stdin, runs it in a forked child (so nothing that a command leaves in memory
reaches the next one), and answers with one JSON line, {"code": int}. Modules that a command imported are imported
into the server too, so later children start warm.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

ENTRY = {"dvc": "dvc.cli", "dv": "data_versioning.cli.main"}


def serve(name: str) -> None:
    main = importlib.import_module(ENTRY[name]).main
    if name == "dvc":
        _build_parser_once()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"ready": name}), file=answers, flush=True)
    for line in sys.stdin:
        gc.freeze()
        code, modules = _fork(main, json.loads(line))
        print(json.dumps({"code": code}), file=answers, flush=True)
        for module in modules:
            if module not in sys.modules:
                with contextlib.suppress(Exception):
                    importlib.import_module(module)


def _build_parser_once() -> None:
    parser = importlib.import_module("dvc.cli.parser")
    parser.get_main_parser = functools.cache(parser.get_main_parser)
    parser.get_main_parser()


def _fork(main: Callable[[list[str]], int], request: dict[str, Any]) -> tuple[int, list[str]]:
    """Run one command in a child; its exit code (negative: the signal) and the modules it imported."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run(main, request, writer)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader) as report:
        return os.waitstatus_to_exitcode(status), report.read().split()


def _run(main: Callable[[list[str]], int], request: dict[str, Any], writer: int) -> None:
    known = set(sys.modules)
    code = 70
    try:
        _enter(request)
        try:
            code = main(request["args"]) or 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
            modules = [name for name in sys.modules if name not in known]
            os.set_blocking(writer, False)
            os.write(writer, "\n".join(modules).encode())
        os._exit(code & 0xFF)


def _enter(request: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    os.environ["PWD"] = request["cwd"]
    os.umask(request["umask"])
    for target, path in ((1, request["out"]), (2, request["err"])):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, target)
        os.close(file)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.argv = [request["tool"], *request["args"]]


if __name__ == "__main__":
    serve(sys.argv[1])

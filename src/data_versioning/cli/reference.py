"""Writes the reference of the command line: `python -m data_versioning.cli.reference [DIRECTORY]`."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Iterator

from data_versioning.cli import arguments, main

_WIDTH = "100"
_DEFAULT = "docs/reference/cli"


def pages() -> dict[str, str]:
    """Return the text of every page by file name."""
    os.environ["COLUMNS"] = _WIDTH
    found = {"index.md": _page("dv", main.help_text())}
    for name, (_, module_name) in main.commands().items():
        path = f"data_versioning.cli.{module_name}"
        if importlib.util.find_spec(path) is None:
            continue
        parser = arguments.build(name, importlib.import_module(path))
        parts = [_page(parser.prog, parser.format_help())]
        parts += [_page(sub.prog, sub.format_help(), level=2) for sub in _subparsers(parser)]
        found[f"{name}.md"] = "\n".join(parts)
    return found


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from dict.fromkeys(action.choices.values())


def _page(title: str, text: str, *, level: int = 1) -> str:
    return f"{'#' * level} {title}\n\n```text\n{text.rstrip()}\n```\n"


def write(directory: str) -> None:
    """Write the pages and remove those of commands that are gone."""
    os.makedirs(directory, exist_ok=True)
    current = pages()
    for name in set(os.listdir(directory)) - current.keys():
        os.remove(os.path.join(directory, name))
    for name, text in current.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else _DEFAULT)

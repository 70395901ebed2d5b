"""What a user says about data on the command line: `--desc`, `--type`, `--label`, `--meta`."""

from __future__ import annotations

import argparse

from data_versioning import formats, operations
from data_versioning.errors import FormatError, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    flag = parser.add_argument
    flag("--desc", metavar="TEXT", help="description, kept in the pointer file")
    flag("--type", metavar="NAME", help="what kind of data it is, kept in the pointer file")
    flag("--label", "--labels", action="append", metavar="NAME", dest="labels", help="label; may be repeated")
    flag("--meta", action="append", metavar="KEY=VALUE", help="metadata of your own; may be repeated")


def given(args: argparse.Namespace) -> operations.pointers.Annotations:
    """Return what the arguments say; `UsageError` for metadata that cannot be understood."""
    return operations.pointers.Annotations(
        desc=args.desc,
        type=args.type,
        labels=tuple(args.labels) if args.labels else None,
        meta=_meta(args.meta),
    )


def _meta(pairs: list[str] | None) -> dict[str, object] | None:
    if not pairs:
        return None
    found: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(f"--meta wants KEY=VALUE, not {pair!r}", hint="--meta owner=ana")
        try:
            found[key] = formats.yamltext.read(value, file="")
        except FormatError as error:
            raise UsageError(f"--meta {pair!r}: {error.message}", hint="--meta owner=ana") from error
    return found

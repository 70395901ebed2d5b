"""`dv remote test`."""

from __future__ import annotations

import argparse
import math
import re

from data_versioning import operations
from data_versioning.cli import render

EPILOG = """examples:
  dv remote test                 the default remote
  dv remote test store           list, read, write, delete, races, speed, cost
  dv remote test --read-only     writes nothing
  dv remote test --size 64M      larger files, for a fast line
  dv remote test --no-usage      does not list what is stored

Exit code: 1 if push or pull will not work. Its own objects, below .dv-test/,
are deleted at the end, also after Ctrl-C. The cost is an estimate by list price.
"""
_COLOURS = {"ok": "green", "refused": "red", "wrong": "red", "not offered": "yellow", "not tried": "dim"}
_SIZE = re.compile(r"(\d{1,6})([KMG]?)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_LARGEST = 1 << 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to test, and how."""
    parser.add_argument("name", nargs="?", help="the remote; without it, the default one")
    parser.add_argument("--read-only", action="store_true", help="write nothing")
    parser.add_argument("--no-usage", action="store_true", help="do not list what is stored")
    parser.add_argument(
        "--size",
        type=_size,
        default=8 << 20,
        metavar="SIZE",
        help="bytes of each of the four files that speed is measured with, at most 1G (default: 8M)",
    )
    parser.add_argument(
        "--price-per-gb",
        type=_price,
        metavar="USD",
        help="what a GB costs you a month, instead of the list price",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Test and print; 1 when push or pull will not work."""
    options = operations.remote_test.RemoteTestOptions(
        read_only=args.read_only, usage=not args.no_usage, size=args.size, price_per_gb=args.price_per_gb
    )
    found = operations.remote_test.remote_test(args.name, options, render.progress(args))
    if args.json:
        shown = {name: getattr(found, name) for name in ("name", "url", "checks", "speed", "usage")}
        render.print_json(shown | {"works": found.works})
    else:
        print("\n".join([f"{found.name}: {found.url}", "", *_checks(found), *_measures(found)]))
        print(_verdict(found))
    return 0 if found.works else 1


def _checks(found: operations.remote_test.RemoteTest) -> list[str]:
    lines = render.table(
        ["check", "result", "reason"], [[check.name, check.state, check.reason] for check in found.checks]
    ).split("\n")
    shown = lines[:1]
    for check, line in zip(found.checks, lines[1:], strict=True):
        # Coloured after it was aligned: colours have no width.
        start = len(line[: lines[0].index("result")])
        word = str(check.state)
        shown.append(line[:start] + render.colour(word, _COLOURS[word]) + line[start + len(word) :])
        shown += [f"  hint: {check.hint}"] if check.hint else []
    return [*shown, ""]


def _measures(found: operations.remote_test.RemoteTest) -> list[str]:
    rows: list[list[object]] = []
    if speed := found.speed:
        rows.append(["latency", f"{_seconds(speed.median)} median, {_seconds(speed.p95)} p95"])
        if speed.up is not None and speed.down is not None:
            of = f"{speed.files} files of {render.size(speed.size)}"
            rows += [
                ["upload", f"{render.size(speed.up)}/s, {of}"],
                ["download", f"{render.size(speed.down)}/s, {of}"],
            ]
    if usage := found.usage:
        rows.append(["stored", f"{render.plural(usage.objects, 'object')}, {render.size(usage.size)}"])
        rows.append(["cost", _cost(usage)])
        if usage.price and usage.price.source:
            price = usage.price
            rows.append(["", f"{price.product}, {price.region}: ${price.per_gb_month:g} per GB and month;"])
            rows.append(
                ["", f"${price.per_1000_put:g} per 1,000 PUT, ${price.per_1000_get:g} per 1,000 GET,"]
            )
            rows.append(["", f"${price.per_gb_egress:g} per GB of egress"])
            rows.append(["", f"recorded {price.recorded} from {price.basis};"])
            rows.append(["", f"today's: {price.source}"])
    return [*render.table(["measured", ""], rows).split("\n"), ""] if rows else []


def _cost(usage: operations.remote_test.Usage) -> str:
    if usage.monthly is None:
        return "own machine or server: no list price (--price-per-gb names one)"
    # Rounded up to a cent, so that little does not look like nothing.
    return f"about ${math.ceil(usage.monthly * 100) / 100:,.2f} a month: an estimate, storage only"


def _verdict(found: operations.remote_test.RemoteTest) -> str:
    if not found.works:
        return "push or pull will not work: see the hints."
    tried = {check.name for check in found.checks if check.state == "ok"}
    return "push and pull work." if "write" in tried else "pull works; push was not tried."


def _seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.1f} s"


def _size(text: str) -> int:
    """Return a number of bytes.

    >>> _size("8M"), _size("512")
    (8388608, 512)
    """
    found = _SIZE.fullmatch(text.upper())
    size = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < size <= _LARGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no size from 1 to 1G: write 512K, 8M or 1G")
    return size


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no price: write dollars, as in 0.023")
    return price

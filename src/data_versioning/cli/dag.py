"""`dv dag`."""

from __future__ import annotations

import argparse
import sys

from data_versioning import operations
from data_versioning.cli import render, session

EPILOG = """examples:
  dv dag                      draw all stages and tracked data
  dv dag train                only what train needs
  dv dag --outs model.pkl     outputs instead of stages
  dv dag --svg pipeline.svg   an image
  dv dag --md                 for a README: GitHub draws it
  dv dag --dot >pipeline.gv   for Graphviz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's options, and an image."""
    parser.add_argument("target", nargs="?", help="stage or output; by default everything")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--dot", action="store_true", help="print it for Graphviz")
    form.add_argument("--mermaid", action="store_true", help="print it for Mermaid")
    form.add_argument("--md", action="store_true", help="print it for Mermaid, as a block of Markdown")
    form.add_argument("--svg", metavar="FILE", help="write an image; - for standard output")
    form.add_argument("--json", action="store_true", help="print nodes and edges as JSON")
    nodes = parser.add_mutually_exclusive_group()
    nodes.add_argument("-o", "--outs", action="store_true", help="show outputs instead of stages")
    nodes.add_argument(
        "--collapse-foreach-matrix",
        action="store_true",
        help="show one node for all stages of a foreach or matrix",
    )
    parser.add_argument(
        "--full", action="store_true", help="everything the target is connected with, not only what it needs"
    )


def run(args: argparse.Namespace) -> int:
    """Draw the graph in the form that was asked for."""
    kinds = operations.dag.Nodes
    nodes = kinds.OUTPUTS if args.outs else kinds.GROUPS if args.collapse_foreach_matrix else kinds.STAGES
    found = operations.dag.dag(session.open_repo(args), args.target, nodes=nodes, full=args.full)
    if args.json:
        edges = [{"from": need, "to": name} for name, needed in found.needs.items() for need in needed]
        render.print_json({"nodes": list(found.needs), "edges": edges})
    elif args.svg == "-":
        sys.stdout.write(found.svg())
    elif args.svg:
        operations.dag.write_svg(found, args.svg)
    else:
        print(_text(args, found))
    return 0


def _text(args: argparse.Namespace, found: operations.dag.Dag) -> str:
    if args.dot:
        return found.dot()
    if args.mermaid:
        return found.mermaid()
    return f"```mermaid\n{found.mermaid()}\n```" if args.md else found.boxes(plain=not _prints_lines())


def _prints_lines() -> bool:
    """Whether the terminal, file or pipe takes more than ASCII."""
    try:
        "┌▼".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True

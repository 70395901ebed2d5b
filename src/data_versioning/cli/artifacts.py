"""`dv artifacts get`."""

from __future__ import annotations

import argparse

from data_versioning import operations
from data_versioning.cli import origins, render

FAILURE = 1  # as DVC ends
EPILOG = """examples:
  dv artifacts get https://example.org/registry.git resnet
  dv artifacts get --rev v1.2.0 ../registry resnet
"""
_GET_EPILOG = """Without --rev and --stage it is the highest version.

examples:
  dv artifacts get https://example.org/registry.git resnet
  dv artifacts get --rev v1.2.0 ../registry models:resnet   in models/dvc.yaml
  dv artifacts get --stage production -o best.pt ../registry resnet
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-command."""
    choices = parser.add_subparsers()
    get = choices.add_parser("get", help="download an artifact of another repository", epilog=_GET_EPILOG)
    flag = get.add_argument
    flag("url", help="path or Git URL of a repository")
    flag("name", help="the artifact: NAME, or DIRECTORY:NAME")
    flag("-o", "--out", nargs="?", metavar="PATH", help="where to put it (default: here)")
    flag("--show-url", action="store_true", help="print where the data is stored, and download nothing")
    flag("-j", "--jobs", type=int, metavar="N", help="how many files to transfer at once")
    flag("-f", "--force", action="store_true", help="replace what is there")
    origins.add_arguments(get)
    flag("--rev", nargs="?", metavar="VERSION", help="which version: v1.0.0 (default: the highest)")
    flag("--stage", nargs="?", metavar="STAGE", help="which stage: production")
    flag("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Download, or print where it is."""
    wanted = operations.artifact_get.Wanted(
        name=args.name, version=args.rev or None, stage=args.stage or None
    )
    args.rev = None  # a version, not a revision of the repository
    where = origins.origin(args)
    asking = origins.asking(args)
    options = operations.get.GetOptions(out=args.out, force=args.force, jobs=args.jobs)

    def show() -> int:
        found = operations.artifact_get.find(where, wanted, asking=asking)
        url = operations.get.url(found.origin, found.path, asking=asking)
        if args.json:
            render.print_json({"url": url})
        else:
            print(url)
        return 0

    def download() -> int:
        result = operations.artifact_get.artifact_get(
            where, wanted, options=options, asking=asking, progress=render.progress(args)
        )
        if args.json:
            render.print_json(result)
        else:
            print(f"Downloaded {result.files} file(s) to '{result.path}'")
        return 0

    return origins.or_hand_over(args, show if args.show_url else download)

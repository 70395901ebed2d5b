"""`dv plots`."""

from __future__ import annotations

import argparse
import importlib
import pathlib
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from data_versioning import operations
from data_versioning.cli import changes, main, session
from data_versioning.cli.render import print_json
from data_versioning.errors import (
    DataVersioningError,
    FormatError,
    GitError,
    MetricNotFound,
    PathError,
    UsageError,
)

if TYPE_CHECKING:
    from data_versioning.repo import Repo

EPILOG = """examples:
  dv plots show          a page with all plots: dvc_plots/index.html
  dv plots diff          the last commit and the workspace over each other
  dv plots templates     what they can look like
"""
_SHOW_EPILOG = """examples:
  dv plots show                            all that dvc.yaml declares, on a page
  dv plots show loss.csv -x step -y loss   of this file, declared or not
  dv plots show preds.csv -t confusion -x actual -y predicted
  dv plots show --svg -o pictures          SVG images instead of a page
"""
_DIFF_EPILOG = """examples:
  dv plots diff                              the last commit and the workspace
  dv plots diff v1.0 v2.0 HEAD               three revisions
  dv plots diff v1.0 --targets loss.csv      of this file only
"""
_MODIFY_EPILOG = """examples:
  dv plots modify loss.csv -x step           say in dvc.yaml what x is
  dv plots modify loss.csv --unset x         and take it back
"""
_TEMPLATES_EPILOG = """examples:
  dv plots templates                                    their names
  dv plots templates linear >.dvc/plots/mine.json       begin your own
"""
_AUTO_OPEN = "auto_open"
_PROPERTIES = ("template", "x", "y", "x_label", "y_label", "title", "header")
_REFUSED = 1
_FAILED = 255


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare DVC's sub-commands, and images."""
    choices = parser.add_subparsers()
    shown = choices.add_parser("show", help="draw plots of the workspace", epilog=_SHOW_EPILOG)
    shown.add_argument(
        "targets", nargs="*", metavar="TARGET", help="only these: files, directories, names of dvc.yaml"
    )
    compared = choices.add_parser(
        "diff", help="draw plots of several revisions over each other", epilog=_DIFF_EPILOG
    )
    compared.add_argument(
        "revisions",
        nargs="*",
        metavar="REV",
        help="Git revisions; with one, or none, the workspace too (default: HEAD, if anything changed)",
    )
    compared.add_argument(
        "--targets", nargs="*", default=[], metavar="TARGET", help="only these: files, directories, names"
    )
    compared.add_argument("-e", "--experiment", action="store_true", help=argparse.SUPPRESS)
    modified = choices.add_parser(
        "modify", help="change how dvc.yaml says a stage's plot is drawn", epilog=_MODIFY_EPILOG
    )
    modified.add_argument("target", metavar="PATH", help="a plot of a stage")
    modified.add_argument("--unset", nargs="*", metavar="PROPERTY", help="take properties back")
    for drawn in (shown, compared, modified):
        _add_properties(drawn)
    for drawn in (shown, compared):
        _add_output(drawn)
    listed = choices.add_parser(
        "templates", help="list the built-in templates, or print one", epilog=_TEMPLATES_EPILOG
    )
    listed.add_argument("template", nargs="?", metavar="NAME", help="print this one as JSON")


def _add_properties(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument
    flag(
        "-t",
        "--template",
        nargs="?",
        metavar="NAME",
        help="a built-in template, one of .dvc/plots, or a path",
    )
    flag("-x", metavar="FIELD", help="what is x (default: the number of the point)")
    flag("-y", metavar="FIELD", help="what is y (default: the last field)")
    flag("--no-header", action="store_false", dest="header", default=None, help="tables begin with data")
    flag("--title", metavar="TEXT", help="title (default: the name)")
    flag("--x-label", metavar="TEXT", help="text at the x axis (default: the field)")
    flag("--y-label", metavar="TEXT", help="text at the y axis (default: the field)")


def _add_output(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument
    flag("-o", "--out", metavar="DIRECTORY", help="where to write (default: plots.out_dir, or dvc_plots)")
    flag("--svg", action="store_true", help="write an SVG image of each plot instead of a page")
    flag("--html-template", metavar="PATH", help="an HTML page of your own, with {plot_divs} where plots go")
    flag("--open", action="store_true", help="open the page in the browser")
    flag("--show-vega", action="store_true", help="print the Vega-Lite of one plot, draw nothing")
    flag("--json", action="store_true", help="print data and Vega-Lite of all plots as JSON, draw nothing")
    flag("--split", action="store_true", help="with --json: data and labels apart from the Vega-Lite")


def run(args: argparse.Namespace) -> int:
    """Draw; what could not be read is told on stderr, and the exit code is 0, as in DVC."""
    if args.subcommand == "templates":
        return _templates(args.template)
    if args.subcommand == "modify" or getattr(args, "experiment", False):
        return int(main.load("handoff").run(args.argv))
    if args.show_vega:
        _check_show_vega(args)
    repo = session.open_anywhere(args)
    found = _found(repo, args)
    if args.json:
        _print_json(repo, found, args)
        return 0
    changes.tell(_errors(found))
    if args.show_vega:
        _print_vega(repo, found)
        return 0
    return _write(repo, found, args)


def _templates(name: str | None) -> int:
    if name is None:
        print("\n".join(operations.plot_template.NAMES))
        return 0
    try:
        print_json(operations.plot_template.built_in(name))
    except PathError as error:
        error.exit_code = _REFUSED
        raise
    return 0


def _check_show_vega(args: argparse.Namespace) -> None:
    problem = (
        "--show-vega and --json exclude each other"
        if args.json
        else "--show-vega needs a target"
        if not args.targets
        else "--show-vega prints one target only"
        if len(args.targets) > 1
        else None
    )
    if problem:
        error = UsageError(problem, hint=f"dv plots {args.subcommand} --help")
        error.exit_code = _REFUSED
        raise error


def _found(repo: Repo, args: argparse.Namespace) -> operations.plots.Found:
    request = operations.plots.Request(
        targets=args.targets,
        properties={name: value for name in _PROPERTIES if (value := getattr(args, name)) is not None},
    )
    if args.subcommand == "show":
        return operations.plots.show(repo, request)
    try:
        return operations.plots.diff(repo, args.revisions, request)
    except GitError as error:
        error.exit_code = _REFUSED
        raise


def _errors(found: operations.plots.Found) -> Iterable[tuple[str, DataVersioningError]]:
    """Return what could not be read of which revision; what several plots met in the same way once."""
    failures = [(failure.revision, failure.error) for plot in found.plots for failure in plot.failures]
    return {
        (name, error.message): (name, error) for name, error in [*found.errors.items(), *failures]
    }.values()


def _write(repo: Repo, found: operations.plots.Found, args: argparse.Namespace) -> int:
    if not found.plots:
        wanted = f" for {', '.join(args.targets)}" if args.targets else ""
        sys.stderr.write(f"no plots were found{wanted}, so nothing was drawn\n")
        return 0
    with _ended_at_once():
        if args.svg:
            written = operations.plot_page.write_pictures(repo, found, out=args.out)
        else:
            written = operations.plot_page.write_page(repo, found, out=args.out, template=args.html_template)
    shown = written.files if args.svg else [pathlib.Path(page).as_uri() for page in written.files]
    for line in shown:
        print(line)
    changes.tell(written.failed)
    wants_browser = not args.svg and (args.open or _opens_always(repo))
    if wants_browser and not _open(shown[0]):
        return _REFUSED
    return _FAILED if written.failed else 0


@contextmanager
def _ended_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process: vl-convert holds Python's lock while it draws, so that no handler would run.

    Every file is written in one step, so that nothing is half done.
    """
    usual = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def _opens_always(repo: Repo) -> bool:
    """Whether the user's own configuration says so; what came with the repository may not start a program."""
    wanted = repo.settings.flag("plots", _AUTO_OPEN)
    if wanted and repo.settings.origins["plots"][_AUTO_OPEN] == "repo":
        sys.stderr.write(
            "plots.auto_open of .dvc/config came with the repository and is not followed;"
            " yours would be: dv config --local plots.auto_open true\n"
        )
        return False
    return wanted


def _open(page: str) -> bool:
    if importlib.import_module("webbrowser").open(page):
        return True
    sys.stderr.write("no browser could be opened\n")
    return False


def _print_vega(repo: Repo, found: operations.plots.Found) -> None:
    for plot in found.plots:
        if isinstance(plot, operations.plots.DataPlot):
            print_json(operations.plot_template.specification(repo, plot))
            return


def _print_json(repo: Repo, found: operations.plots.Found, args: argparse.Namespace) -> None:
    errors: list[dict[str, Any]] = []
    data: dict[str, list[dict[str, Any]]] = {}
    for plot in found.plots:
        data[plot.name] = _in_json(repo, plot, args)
        errors += [
            {"name": plot.name, "rev": failure.revision}
            | ({} if failure.file is None else {"source": failure.file})
            | _error_in_json(failure.error, failure.file)
            for failure in plot.failures
        ]
    errors += [{"rev": revision} | _error_in_json(error) for revision, error in found.errors.items()]
    print_json(({"errors": errors} if errors else {}) | ({"data": data} if data else {}))


def _in_json(repo: Repo, plot: operations.plots.Plot, args: argparse.Namespace) -> list[dict[str, Any]]:
    if isinstance(plot, operations.plots.Pictures):
        return [
            {"type": "image", "revisions": [picture.revision], "url": path}
            for picture, path in operations.plot_page.save_images(repo, plot.pictures, out=args.out)
        ]
    if plot.chart is None:
        return []
    found = {"type": "vega", "revisions": list(plot.chart.revisions)}
    if args.split:
        content, values = operations.plot_template.split(repo, plot)
        return [found | {"content": content, "anchor_definitions": values}]
    return [found | {"content": operations.plot_template.specification(repo, plot)}]


def _error_in_json(error: DataVersioningError, file: str | None = None) -> dict[str, str]:
    """Return an error with DVC's name for its kind."""
    if isinstance(error, operations.plots.UnknownKind):
        kind = "PlotMetricTypeError"
    elif isinstance(error, MetricNotFound):
        kind = "FieldNotFoundError"
    elif isinstance(error, FormatError) and file is None:
        kind = "DvcException"
    else:
        return {"type": changes.kind(error, file or ""), "msg": error.message}
    return {"type": kind, "msg": error.message}

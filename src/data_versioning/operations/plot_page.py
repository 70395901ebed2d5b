"""Plots as files: a page with all of them, or one picture each. Writes the disk, outside of any transaction."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from data_versioning import paths
from data_versioning.errors import ConfigError, DataVersioningError, DiskError
from data_versioning.formats import yamltext
from data_versioning.localfs import atomic, regular
from data_versioning.metrics import page, plots
from data_versioning.metrics.plots import DataPlot, Picture, Pictures, Plot
from data_versioning.objects.hashing import md5
from data_versioning.operations import plot_template
from data_versioning.operations.plot_drawings import Drawings
from data_versioning.operations.plots import Found
from data_versioning.repo import Repo

_DIRECTORY = "dvc_plots"
_PAGE = "index.html"
_IMAGES = "static"
_LONGEST = 200  # bytes of a file's name; file systems take 255


class Failed(NamedTuple):
    """A plot that could not be drawn."""

    name: str
    error: DataVersioningError


class Written(NamedTuple):
    """The files that the user looks at, and the plots that are not in them."""

    files: Sequence[str]
    failed: Sequence[Failed]


def write_page(repo: Repo, found: Found, *, out: str | None = None, template: str | None = None) -> Written:
    """Write `index.html` with all plots, and the images that it shows beside it; nothing when there are no plots.

    `out` is the directory (by default `plots.out_dir`, or `dvc_plots` here), `template` an HTML page to fill. What is
    not shown, and why, stands on the page, too. Raises `ConfigError` when vl-convert is not installed, `FormatError`
    for a template without a place for plots, `DiskError`.
    """
    folder = _Folder.choose(repo, out)
    shape = _html_template(repo, template)
    wanted = _distinct(found.plots)
    drawn, failed = _draw(repo, wanted)
    if not wanted:
        return Written([], failed)
    images = folder.inside(_IMAGES)
    figures = []
    for plot in sorted(wanted, key=_place):
        if isinstance(plot, DataPlot):
            figures += [page.chart(plot.name, drawn[plot.name])] if plot.name in drawn else []
        elif plot.pictures:
            shown = [
                page.Shown(quote(os.fsencode(os.path.relpath(file, folder.path))), picture.revision)
                for picture, file in images.save(plot.pictures)
            ]
            figures.append(page.images(plot.name, shown))
    told = [f"{name}: {error.message}" for name, error in (*_unread(found), *failed)]
    text = page.page([*figures, *([page.failures(told)] if told else [])], template=shape)
    return Written([folder.write(_PAGE, text.encode("utf-8", "backslashreplace"))], failed)


def write_pictures(repo: Repo, found: Found, *, out: str | None = None) -> Written:
    """Write an SVG image of every plot, and the images as they are, into a directory; see `write_page`."""
    folder = _Folder.choose(repo, out)
    wanted = _distinct(found.plots)
    drawn, failed = _draw(repo, wanted)
    files = [folder.write(f"{name}.svg", text.encode()) for name, text in drawn.items()]
    for plot in wanted:
        if isinstance(plot, Pictures):
            files += [file for _, file in folder.save(plot.pictures)]
    return Written(files, failed)


def save_images(
    repo: Repo, pictures: Sequence[Picture], *, out: str | None = None
) -> list[tuple[Picture, str]]:
    """Write images into a directory, and return the path of each; see `write_page`."""
    return list(_Folder.choose(repo, out).save(pictures))


def _distinct(found: Iterable[Plot]) -> list[Plot]:
    """Leave out what would be shown twice: a file that was asked for is a plot of its own, also if it is declared."""
    kept: dict[tuple[str, str], list[Plot]] = {}
    for plot in found:
        same = kept.setdefault((type(plot).__name__, plot.name.rpartition("::")[2]), [])
        if not any(_shown(plot) == _shown(other) for other in same):
            same.append(plot)
    return [plot for same in kept.values() for plot in same]


def _shown(plot: Plot) -> object:
    if isinstance(plot, Pictures):
        return plot.pictures
    return plot.template, plot.chart and plot.chart._replace(title="")


def _draw(repo: Repo, wanted: Iterable[Plot]) -> tuple[dict[str, str], list[Failed]]:
    """Return the SVG of every plot that has points, by name, and what failed."""
    drawn: dict[str, str] = {}
    failed: list[Failed] = []
    charted = [plot for plot in wanted if isinstance(plot, DataPlot) and plot.chart]
    if not charted:
        return drawn, failed  # images need no vl-convert
    drawings = Drawings(repo)
    for plot in charted:
        try:
            drawn[plot.name] = drawings.svg(plot_template.specification(repo, plot))
        except DataVersioningError as error:
            failed.append(Failed(plot.name, error))
    drawings.keep()
    return drawn, failed


def _unread(found: Found) -> Iterator[Failed]:
    for revision, error in found.errors.items():
        yield Failed(revision, error)
    for plot in found.plots:
        for failure in plot.failures:
            yield Failed(f"{plot.name} ({failure.revision})", failure.error)


class _Folder(NamedTuple):
    """A directory that files are written into; `used` are the names that are taken, by what for."""

    path: str
    within: str | None  # the directory that it must not lead out of
    used: dict[str, str]

    @classmethod
    def choose(cls, repo: Repo, out: str | None) -> _Folder:
        """Return what the user chose; a choice that came with the repository must not lead out of it."""
        setting = repo.settings.get("plots", "out_dir")
        committed = repo.settings.origins.get("plots", {}).get("out_dir", "repo") == "repo"
        path = os.path.abspath(out or setting or _DIRECTORY)
        return cls(path, os.path.realpath(repo.root) if not out and committed else None, {})

    def inside(self, name: str) -> _Folder:
        """Return a directory in this one."""
        return _Folder(os.path.join(self.path, name), self.within, {})

    def save(self, pictures: Iterable[Picture]) -> Iterator[tuple[Picture, str]]:
        """Write images, named after revision and path as DVC does, and yield where they are."""
        for picture in pictures:
            yield picture, self.write(f"{picture.revision}_{picture.file}", picture.content)

    def write(self, name: str, content: bytes) -> str:
        """Write a file whose name is made of any text, and return its path."""
        file = os.path.join(self.path, self._free(name))
        if self.within and not f"{os.path.realpath(self.path)}/".startswith(f"{self.within}/"):
            raise ConfigError(
                f"plots would be written to '{os.path.realpath(self.path)}', outside of the repository,"
                " and that was chosen by what came with it",
                hint="dv plots show --out DIRECTORY",
            )
        try:
            atomic.make_directory(self.path)
            atomic.replace(file, content, durable=False)
        except OSError as error:
            raise DiskError(
                f"cannot write '{file}': {error.strerror}", hint="dv plots show --out DIRECTORY"
            ) from error
        return file

    def _free(self, name: str) -> str:
        """Return a name for one file: no separators, not too long, and no other file's."""
        flat = name.replace("/", "_").replace("\0", "_")
        is_usable = paths.is_possible(flat) and len(os.fsencode(flat)) <= _LONGEST
        if is_usable and self.used.setdefault(flat, name) == name:
            return flat
        suffix = os.path.splitext(flat)[1]
        return md5(name.encode("utf-8", "surrogatepass")) + (suffix if suffix in plots.PICTURES else "")


def _html_template(repo: Repo, given: str | None) -> str:
    """Return the page that is filled; one that the configuration names lies in `.dvc`."""
    setting = repo.settings.get("plots", "html_template")
    path = given or (setting and os.path.join(repo.dvc_dir, setting))
    if not path:
        return page.PAGE
    try:
        return yamltext.decode(regular.read(path), file=path)
    except OSError as error:
        raise DiskError(f"cannot read '{path}': {error.strerror}", hint=f"ls -l {path}") from error


def _place(plot: Plot) -> tuple[bool, str, bool, int, str]:
    """Charts come first, as they were found; then images by directory, numbered ones by number."""
    if isinstance(plot, DataPlot):
        return (False, "", False, 0, "")
    directory, name = os.path.split(plot.name)
    number = os.path.splitext(name)[0]
    is_number = number.isascii() and number.isdecimal() and len(number) < 20
    return (True, directory, not is_number, int(number) if is_number else 0, name)

"""Templates of plots, built in or the user's own, and charts filled into them."""

from __future__ import annotations

import os
from typing import Any

from data_versioning.errors import DiskError, FormatError, PathError
from data_versioning.formats import values, yamltext
from data_versioning.localfs import regular
from data_versioning.metrics import charts, vega
from data_versioning.metrics.charts import Template
from data_versioning.metrics.plots import DataPlot
from data_versioning.metrics.vega import Specification
from data_versioning.repo import Repo

NAMES = tuple(charts.TEMPLATES)
"""The built-in ones."""
_SUFFIX = ".json"


def specification(repo: Repo, plot: DataPlot) -> Specification:
    """Return a plot's Vega-Lite, nothing without points.

    Raises `PathError` for an unknown template, `FormatError` for one that is none, `MetricNotFound` for an axis that
    no point has.
    """
    return vega.specification(find(repo, plot.template), plot.chart) if plot.chart else {}


def split(repo: Repo, plot: DataPlot) -> tuple[Specification, dict[str, Any]]:
    """Return it with some anchors left, and their values; see `specification`."""
    return vega.split(find(repo, plot.template), plot.chart) if plot.chart else ({}, {})


def find(repo: Repo, name: str | None) -> Template:
    """Return a template: a file of `.dvc/plots`, a path, or one that is built in."""
    wanted = name or charts.DEFAULT
    own = os.path.join(repo.dvc_dir, "plots", wanted)
    for path in (own, os.path.splitext(own)[0] + _SUFFIX, os.path.abspath(wanted)):
        if os.path.isfile(path):
            return _read(path)
    return built_in(wanted)


def built_in(name: str) -> Template:
    """Return a built-in template. Raises `PathError` for another name."""
    if name not in charts.TEMPLATES:
        raise PathError(f"there is no template '{name}'", hint="dv plots templates   lists those built in")
    return charts.TEMPLATES[name]()


def _read(path: str) -> Template:
    try:
        text = yamltext.decode(regular.read(path), file=path)
    except OSError as error:
        raise DiskError(f"cannot read '{path}': {error.strerror}", hint=f"ls -l {path}") from error
    found = values.parse(text, suffix=_SUFFIX, file=path)
    if not isinstance(found, dict):
        raise FormatError("a template is expected: Vega-Lite in JSON", file=path)
    return found

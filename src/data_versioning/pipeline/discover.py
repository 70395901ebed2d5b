"""Read the project of the workspace from its files; `pipeline.compiled` remembers the result."""

from __future__ import annotations

import os
from collections.abc import Mapping

from data_versioning.git import index
from data_versioning.git.repository import Git
from data_versioning.localfs import walk
from data_versioning.paths import RepoPath
from data_versioning.pipeline.load import load
from data_versioning.pipeline.project import Discovered, Options
from data_versioning.pipeline.stage import Stage
from data_versioning.pipeline.templates import FlagStyle
from data_versioning.workspace.ignore import IgnoreRules
from data_versioning.workspace.source import Workspace


def discover(
    root: str, options: Options, known: Mapping[str, Stage] = {}, *, planned: Mapping[RepoPath, bytes] = {}
) -> Discovered:
    """Find all pointer files and pipelines below `root`, leaving out what Git or .dvcignore ignores.

    `.dvc` files whose stage is `known` are not read; params files may be `planned`, as in `Workspace`.
    """
    git = None if options.no_scm else Git.find(root)
    skip = frozenset(index.ignored_directories(root)) if git else frozenset()
    directories, names = walk.walk_project(root, skip=skip)
    ignore_files = [name for name in names if name.rpartition("/")[2] == ".dvcignore"]
    rules = IgnoreRules.load(root, ignore_files)
    source = Workspace(root, skip=skip, planned=planned)
    declared = [name for name in names if name.endswith((".dvc", "dvc.yaml"))]
    if not rules.is_trivial:
        declared = [declared[i] for i in rules.filter(declared)]
    flags = FlagStyle(options.flag_bool, options.flag_list)
    project = load(source, files=[RepoPath(name) for name in declared], flags=flags, known=known)
    inside_outputs = {item.path for item in project.outputs() if item.output.is_dir or not item.output.digest}
    return Discovered(
        project=project,
        ignore_files=[] if rules.is_trivial else ignore_files,
        directories=[path for path, *_ in directories if not _below(path, inside_outputs)],
        files=sorted({*names, *source.asked, *(_ignore_files_above(git, root) if git else ())}),
    )


def _ignore_files_above(git: Git, root: str) -> list[str]:
    """Return the files outside of the project that tell Git what to ignore inside, relative to `root`."""
    found = [os.path.relpath(f"{git.common_dir}/info/exclude", root)]
    above = os.path.relpath(root, git.root)
    if above != ".":
        found += ["/".join([".."] * depth) + "/.gitignore" for depth in range(1, above.count("/") + 2)]
    return found


def _below(path: str, outputs: set[RepoPath]) -> bool:
    place = path
    while place:
        if place in outputs:
            return True
        place = place.rpartition("/")[0]
    return False

"""Which paths `.dvcignore` files hide, and by which rule. Only reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from data_versioning.paths import parents
from data_versioning.repo import Repo
from data_versioning.workspace.ignore import IgnoreRules

_IGNORE_FILE = ".dvcignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`rule` is the line that decides, "FILE:LINE:TEXT"; one that brings a path back decides that it is not ignored.

    A rule without a file is one that every repository has; "in sub_repo:NAME" is a repository in this one.
    """

    path: str
    ignored: bool
    rule: str | None


def check_ignore(repo: Repo, targets: Iterable[str]) -> Iterator[Checked]:
    """Look at one path after the other; none has to exist, and outside of the repository nothing is ignored."""
    known: dict[str, IgnoreRules] = {}  # by directory: many paths lie in few
    for target in targets:
        path = repo.relative(target)
        if path in {".", ".."} or path.startswith("../"):
            yield Checked(path=target, ignored=False, rule=None)
            continue
        directory = os.path.dirname(path)
        if directory not in known:
            known[directory] = _rules(repo.root, directory)
        yield _check(repo.root, target, path, known[directory])


def _rules(root: str, directory: str) -> IgnoreRules:
    places = [directory, *parents(directory), ""] if directory else [""]
    files = [os.path.join(place, _IGNORE_FILE) for place in places]
    return IgnoreRules.load(root, [file for file in files if os.path.isfile(f"{root}/{file}")])


def _check(root: str, target: str, path: str, rules: IgnoreRules) -> Checked:
    rule = rules.deciding(path, os.path.isdir(f"{root}/{path}"))
    if rule is not None and rule.ignores:
        return Checked(path=target, ignored=True, rule=str(rule))
    for place in (*reversed(parents(path)), path):
        if os.path.isdir(f"{root}/{place}/.dvc"):
            return Checked(path=target, ignored=True, rule=f"in sub_repo:{os.path.basename(place)}")
    return Checked(path=target, ignored=False, rule=None if rule is None else str(rule))

"""Look for what is broken or slow in an installation and a repository, and say what to do. Repairs nothing."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from data_versioning import repo as repos
from data_versioning.errors import DataVersioningError, DiskError, NotInRepository
from data_versioning.eventlog import secrets
from data_versioning.git import index, process
from data_versioning.localfs import engine, links, locks, rwlock, walk
from data_versioning.localfs.links import LinkType
from data_versioning.operations import config, log, version
from data_versioning.operations import loaded as loading
from data_versioning.operations.config import Setting
from data_versioning.operations.version import Version
from data_versioning.repo import Repo
from data_versioning.workspace import config_levels, scan

_NETWORK = re.compile(
    r"(?:nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|lustre|glusterfs|fuse\.(?:sshfs|s3fs|rclone|gcsfuse)\S*)"
)
_MANY_DIRECTORIES = 5_000  # each costs one stat in every command
_LITTLE_SPACE = 1 << 30
_LISTED = 3
_OLDEST_GIT = (2, 25)
_VARIABLES = ("DV_DURABILITY", "DV_LOCK_TIMEOUT", "DV_NATIVE", "DV_UPLOAD_LIMIT", "DV_DOWNLOAD_LIMIT")


class Severity(StrEnum):
    """A problem breaks commands; what is slow does not; a note is good to know."""

    PROBLEM = "problem"
    SLOW = "slow"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found, and the command or the step that helps."""

    severity: Severity
    what: str
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """`lock`: who holds the lock of the repository; `in_use`: paths that running stages read or write.

    `settings`: the options that count, each with the level and file that set it; secrets are masked.
    """

    version: Version
    lock: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is broken."""
        return all(found.severity is not Severity.PROBLEM for found in self.findings)


def doctor() -> Diagnosis:
    """Examine the installation, and the repository around the current directory if there is one."""
    findings = [*_installation()]
    try:
        here = repos.open()
    except NotInRepository:
        return Diagnosis(version=version.version(), findings=tuple(findings))
    except DataVersioningError as error:
        return Diagnosis(version=version.installed(), findings=(_broken(error), *findings))
    in_use: list[str] = []
    for check in _CHECKS:
        findings += _guarded(check, here)
    try:
        in_use = [
            f"'{os.path.relpath(path, here.root)}': {how} by `{owner['cmd']}` in {locks.describe(owner['pid'])}"
            for path, how, owner in rwlock.entries(f"{here.dvc_dir}/tmp")
        ]
    except DataVersioningError as error:
        findings.append(_broken(error))
    return Diagnosis(
        version=version.version(),
        lock=tuple(locks.current_holders(f"{here.dvc_dir}/tmp/lock")),
        in_use=tuple(in_use),
        settings=tuple(_effective(here)),
        findings=tuple(sorted(findings, key=lambda found: list(Severity).index(found.severity))),
    )


def _guarded(check: Callable[[Repo], Iterable[Finding]], here: Repo) -> list[Finding]:
    """What an examination finds; when it cannot be carried out, that is a problem."""
    try:
        return list(check(here))
    except DataVersioningError as error:
        return [_broken(error)]
    except OSError as error:
        return [_broken(DiskError(f"{error.filename}: {error.strerror}", hint=f"ls -ld '{error.filename}'"))]


def _broken(error: DataVersioningError) -> Finding:
    return Finding(severity=Severity.PROBLEM, what=secrets.mask_text(error.message), hint=error.hint)


def _problem(what: str, hint: str) -> Finding:
    return Finding(severity=Severity.PROBLEM, what=what, hint=hint)


def _slow(what: str, hint: str) -> Finding:
    return Finding(severity=Severity.SLOW, what=what, hint=hint)


def _note(what: str, hint: str) -> Finding:
    return Finding(severity=Severity.NOTE, what=what, hint=hint)


def _installation() -> Iterator[Finding]:
    if engine.native() is None:
        forced = os.environ.get("DV_NATIVE") == "0"
        yield _slow(
            "the C extension is "
            + ("switched off (DV_NATIVE=0)" if forced else "missing: hashing uses one core"),
            "unset DV_NATIVE"
            if forced
            else "install a C compiler, then: pip install --force-reinstall data-versioning",
        )
    if version.installed().dvc is None:
        yield _note(
            "the program dvc is missing, to which some commands are handed over",
            "pip install 'data-versioning[dvc]'",
        )


def _locking(here: Repo) -> Iterable[Finding]:
    locks.require_flock(hardlink_lock=here.settings.flag("core", "hardlink_lock"))
    with locks.exclusive(f"{here.temp_dir}/doctor.lock", timeout=here.lock_timeout):
        os.unlink(f"{here.temp_dir}/doctor.lock")
    return ()


def _settings(here: Repo) -> Iterator[Finding]:
    for name, option in config_levels.untrusted_programs(here.root):
        yield _note(
            f"remote {name!r} of the committed configuration sets {option!r}, which starts a program: not trusted",
            f"dv remote modify --local {name} {option} VALUE   if you trust it",
        )
    remotes = here.settings.remotes()
    default = here.settings.get("core", "remote")
    if default and default not in remotes:
        yield _problem(f"the default remote {default!r} is not defined", f"dv remote add {default} URL")
    elif remotes and not default:
        yield _note("there is no default remote", f"dv remote default {next(iter(remotes))}")


def _project(here: Repo) -> Iterable[Finding]:
    loading.load(here)
    return ()


def _cache(here: Repo) -> Iterator[Finding]:
    base = here.cache.base
    place = base
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    if not os.access(place, os.W_OK):
        yield _problem(f"the cache {base} cannot be written", f"ls -ld '{place}'")
    space = os.statvfs(place)
    free = space.f_bavail * space.f_frsize
    if free < _LITTLE_SPACE:
        report = _note if free else _problem
        yield report(
            f"only {free >> 20} MiB are free for the cache {base}", "dv gc -w --dry   shows what could go"
        )


def _broken_links(here: Repo) -> Iterator[Finding]:
    """Links to nothing in tracked data, which keep commands from looking at it."""
    loaded = loading.load(here)
    scanner = loaded.scanner()
    found = [link for item in loaded.project.outputs() for link in scan.broken_links(scanner, item.path)]
    lost = [link for link in found if scan.is_lost(f"{here.root}/{link}")]
    others = sorted(set(found).difference(lost))
    if lost:
        yield _problem(
            f"tracked data holds links to objects that the cache lacks: {_listed(here, lost)}",
            "dv pull   brings what a remote has",
        )
    if others:
        yield _problem(
            f"tracked data holds links to nothing, which cannot be tracked: {_listed(here, others)}",
            f"rm '{here.shown(others[0])}', or bring back '{os.readlink(f'{here.root}/{others[0]}')}'",
        )


def _listed(here: Repo, paths: list[str]) -> str:
    more = f" and {len(paths) - _LISTED:,} more" if len(paths) > _LISTED else ""
    return ", ".join([f"'{here.shown(path)}'" for path in paths[:_LISTED]]) + more


def _links(here: Repo) -> Iterator[Finding]:
    wanted, cache = loading.link_kinds(here), here.cache.base
    if not os.path.isdir(cache) or wanted[0] is LinkType.COPY:
        return
    possible = version.cache_types(cache, here.temp_dir)
    try:
        used = links.usable(wanted, cache=cache, workspace=here.temp_dir)
    except DiskError as error:
        yield _broken(error)
        return
    if used is LinkType.COPY:
        others = [kind for kind in possible if kind not in wanted]
        yield _slow(
            f"data is copied out of the cache: {', '.join(wanted[:-1])} does not work here, so it takes space twice",
            f"dv config cache.type {others[0]},copy, then dv checkout --relink"
            if others
            else "put both on one file system",
        )
    elif used is not wanted[0]:
        yield _note(f"{wanted[0]} does not work here: {used} is used", f"dv config cache.type {used}")


def _file_systems(here: Repo) -> Iterator[Finding]:
    cache = here.cache.base
    for name, place in (("workspace", here.root), ("cache", cache), ("Git directory", here.durable_dir)):
        kind = version.file_system(place).partition(" ")[0]
        if _NETWORK.fullmatch(kind):
            yield _slow(
                f"the {name} lies on a network file system ({kind})",
                "keep the workspace on a local disk; the cache may be shared: dv cache dir --local PATH",
            )
    if os.path.isdir(cache) and os.stat(cache).st_dev != os.stat(here.root).st_dev:
        yield _slow(
            "cache and workspace are on different file systems: no hard links or reflinks between them",
            "dv cache dir --local PATH   (a directory on the file system of the workspace)",
        )


def _directories(here: Repo) -> Iterator[Finding]:
    """Every command looks at each directory that could hold a pointer file."""
    skip = frozenset(index.ignored_directories(here.root)) if here.git else frozenset[bytes]()
    outputs = {item.path for item in loading.load(here).project.outputs()}
    found, _ = walk.walk_project(here.root, skip=skip)
    places = [path for path, *_ in found if path and path.partition("/")[0] not in outputs]
    if len(places) < _MANY_DIRECTORIES:
        return
    top, count = Counter(path.partition("/")[0] for path in places).most_common(1)[0]
    yield _slow(
        f"{len(places):,} directories are searched for pointer files, {count:,} of them in '{top}'",
        f"dv add {top}, or echo '/{top}/' >> .gitignore",
    )


def _git(here: Repo) -> Iterator[Finding]:
    if here.git is None:
        return
    said = process.run(here.root, "version").decode()
    number = re.search(r"(\d+)\.(\d+)", said)
    if number and (int(number[1]), int(number[2])) < _OLDEST_GIT:
        yield _problem(f"{said.strip()} is too old", "install Git 2.25 or newer")
    process.run(here.root, "rev-parse", "--git-dir")
    if here.git.is_ignored([f"{here.dvc_dir}/config"]):
        yield _problem("Git ignores '.dvc/config', so nobody else gets it", "echo '!.dvc' >> .gitignore")


def _history(here: Repo) -> Iterator[Finding]:
    if flaws := log.verify(here).flaws:
        yield _problem(f"the operation log was changed: {flaws[0].what}", "dv log --verify")


def _effective(here: Repo) -> list[Setting]:
    """Return the value of each option that wins, secrets hidden: DVC's settings, `dv.toml`, the environment."""
    winning = {setting.name: setting for setting in config.listing()}
    for file, values in config_levels.preference_levels(here.root).items():
        for name, value in values.items():
            winning[name] = Setting(level="dv.toml", file=file, name=name, value=str(value))
    for name in _VARIABLES:
        if os.environ.get(name):
            winning[name] = Setting(level="environment", file="", name=name, value=os.environ[name])
    return [
        replace(one, value=secrets.MASK if secrets.is_secret_name(one.name) else secrets.mask_text(one.value))
        for one in winning.values()
    ]


_CHECKS: tuple[Callable[[Repo], Iterable[Finding]], ...] = (
    _locking,
    _settings,
    _project,
    _cache,
    _broken_links,
    _links,
    _file_systems,
    _directories,
    _git,
    _history,
)

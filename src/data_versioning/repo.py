"""The repository: its frozen parts, and the way to change it.

Opening is cheap: the merged settings are kept compiled and read again only when a configuration file changed, and
what only some commands need (Git, transactions) is loaded when asked for.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from data_versioning.errors import ConfigError, NotInRepository
from data_versioning.formats.config import Settings
from data_versioning.localfs import disposable
from data_versioning.objects.cache import ObjectCache
from data_versioning.workspace.config_paths import level_paths, preference_paths
from data_versioning.workspace.stat_cache import StatCache

if TYPE_CHECKING:
    from data_versioning.git.repository import Git
    from data_versioning.transaction import Transaction

_SETTINGS_VERSION = 4
# A file changed this recently may change again without its time stamp telling.
_TICK_NS = 20_000_000
DEFAULT_LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process before giving up."""

TEMP_DIR = ".dvc/tmp/dv"
"""Where disposable state lies, from the root of a repository."""

# Loaded by name when first needed, so that commands that only look stay fast.
_LATER = {
    "git": "data_versioning.git.repository",
    "transaction": "data_versioning.transaction",
    "preferences": "data_versioning.formats.preferences",
    "levels": "data_versioning.workspace.config_levels",
}


def _later(name: str) -> Any:
    return importlib.import_module(_LATER[name])


def _silent(message: str) -> None:
    """Tell nobody."""


class Preferences(NamedTuple):
    """What the `dv.toml` files say about `dv` itself; None where they say nothing."""

    durability: str | None = None
    lock_timeout: float | None = None
    upload_limit: str | None = None
    download_limit: str | None = None

    def limit(self, direction: Literal["upload", "download"]) -> float | None:
        """Bytes a second that transfers may take; None when nobody limits them."""
        name = f"DV_{direction.upper()}_LIMIT"
        preferred = self.upload_limit if direction == "upload" else self.download_limit
        wanted = os.environ.get(name) or preferred
        if not wanted:
            return None
        preferences = _later("preferences")
        rate: float | None = preferences.rate(wanted)
        if rate is None:
            raise ConfigError(f"{name} must be {preferences.RATE}, not {wanted!r}", hint=f"unset {name}")
        return None if rate == float("inf") else rate


class Repo(NamedTuple):
    """One workspace and everything that belongs to it.

    `argv` is what the user typed or called, for the operation log; `notify` receives one-line messages such as
    "waiting for process 123".
    """

    root: str
    settings: Settings
    argv: tuple[str, ...] = ()
    notify: Callable[[str], None] = _silent
    patient: bool = False  # wait for locks as long as it takes
    preferences: Preferences = Preferences()

    @property
    def dvc_dir(self) -> str:
        """The `.dvc` directory."""
        return f"{self.root}/.dvc"

    @property
    def temp_dir(self) -> str:
        """Where disposable state lies; deleting it costs time only."""
        return f"{self.root}/{TEMP_DIR}"

    @property
    def cache(self) -> ObjectCache:
        """The object cache."""
        return ObjectCache(
            base=self.settings.get("cache", "dir") or f"{self.dvc_dir}/cache",
            shared=self.settings.get("cache", "shared") == "group",
            durable=self.durability == "power",
        )

    @property
    def durability(self) -> str:
        """`power` (default): what a finished command wrote survives power loss; `process`: survives `kill -9`."""
        value = os.environ.get("DV_DURABILITY") or self.preferences.durability or "power"
        if value not in {"power", "process"}:
            raise ConfigError(
                f"DV_DURABILITY must be power or process, not {value!r}", hint="unset DV_DURABILITY"
            )
        return value

    @property
    def stats(self) -> StatCache:
        """A stat cache, nothing read yet."""
        return StatCache(f"{self.temp_dir}/stat")

    @property
    def git(self) -> Git | None:
        """The Git repository around, unless `core.no_scm` is set."""
        if self.settings.flag("core", "no_scm"):
            return None
        found: Git | None = _later("git").Git.find(self.root)
        return found

    @property
    def durable_dir(self) -> str:
        """Where durable local state lies: in Git's common directory, so that cleaning the workspace keeps it."""
        git = self.git
        return f"{git.common_dir}/dv" if git else f"{self.dvc_dir}/dv"

    @property
    def lock_timeout(self) -> float:
        """Seconds to wait for other processes."""
        if self.patient:
            return float("inf")
        return lock_timeout(preferred=self.preferences.lock_timeout)

    def transaction(self, verb: str, *, lock: str = "shared") -> AbstractContextManager[Transaction]:
        """Lock, change, record: see `transaction.begin`."""
        begun: AbstractContextManager[Transaction] = _later("transaction").begin(self, verb, lock=lock)
        return begun

    def handed_over(self, argv: Sequence[str]) -> AbstractContextManager[None]:
        """Record a command that the program `dvc` carries out; see `transaction.handed_over`."""
        begun: AbstractContextManager[None] = _later("transaction").handed_over(self, argv)
        return begun

    def relative(self, path: str) -> str:
        """Return a path given by the user (relative to the current directory) relative to the root.

        The result may start with ".." when the path lies outside. The last part is not resolved if it is a link.
        """
        absolute = os.path.abspath(path)
        parent, name = os.path.split(absolute)
        if not (absolute == self.root or absolute.startswith(self.root + "/")):
            absolute = os.path.join(os.path.realpath(parent), name)
            if os.path.realpath(absolute) == self.root:
                absolute = self.root
        return os.path.relpath(absolute, self.root)

    def shown(self, path: str) -> str:
        """Return a repository path as the user should see it: relative to the current directory."""
        return os.path.relpath(f"{self.root}/{path}")


def lock_timeout(*, preferred: float | None = None) -> float:
    """Return the seconds to wait for other processes: DV_LOCK_TIMEOUT, what the user prefers, or the default."""
    wanted = os.environ.get("DV_LOCK_TIMEOUT")
    if not wanted:
        return DEFAULT_LOCK_TIMEOUT if preferred is None else preferred
    with contextlib.suppress(ValueError):
        if (seconds := float(wanted)) >= 0:
            return seconds
    raise ConfigError(
        f"DV_LOCK_TIMEOUT must be a number of seconds, not {wanted!r}", hint="unset DV_LOCK_TIMEOUT"
    )


def find_root(start: str = ".") -> str:
    """Return the nearest directory at or above `start` that holds a `.dvc` directory.

    Raises `NotInRepository`.
    """
    directory = os.path.realpath(start)
    while not os.path.isdir(f"{directory}/.dvc"):
        parent = os.path.dirname(directory)
        if parent == directory:
            raise NotInRepository(
                f"no DVC repository here: neither '{os.path.realpath(start)}' nor a directory above it holds '.dvc'",
                hint="dv init   (inside a Git repository), or cd to a repository",
            )
        directory = parent
    return directory


def open(
    path: str = ".",
    *,
    argv: Sequence[str] = (),
    notify: Callable[[str], None] = _silent,
    patient: bool = False,
) -> Repo:
    """Open the repository at or above `path`.

    Raises `NotInRepository` or `ConfigError`.
    """
    root = find_root(path)
    settings, preferences = _load_settings(root)
    return Repo(
        root=root,
        settings=settings,
        argv=tuple(argv),
        notify=notify,
        patient=patient,
        preferences=preferences,
    )


def open_anywhere(
    path: str = ".",
    *,
    argv: Sequence[str] = (),
    notify: Callable[[str], None] = _silent,
    patient: bool = False,
) -> Repo:
    """Open the repository at or above `path`; without one the Git repository, else `path`, as if it were one.

    Such a place can be read, its dvc.yaml files too, and nothing may be written there. Raises `ConfigError`.
    """
    try:
        return open(path, argv=argv, notify=notify, patient=patient)
    except NotInRepository:
        git = _later("git").Git.find(path)
        root = git.root if git else os.path.realpath(path)
        settings = _later("levels").load(None)
        return Repo(root=root, settings=settings, argv=tuple(argv), notify=notify, patient=patient)


def _load_settings(root: str) -> tuple[Settings, Preferences]:
    if os.path.isfile(f"{root}/.git"):
        _later("levels").share_cache_of_main_worktree(root)
    paths = [*level_paths(root).values(), *preference_paths(root).values()]
    # Settings hold absolute paths: they are of no use where the repository was moved to.
    signature = (root, *[_signature(path) for path in paths])
    compiled = f"{root}/{TEMP_DIR}/settings"
    kept = disposable.load(compiled)
    if kept and kept[:2] == (_SETTINGS_VERSION, signature):
        return Settings.unpack(kept[2]), Preferences(*kept[3])
    started = time.time_ns()
    settings: Settings = _later("levels").load(root)
    preferences = Preferences(**_later("levels").load_preferences(root))
    newest = max((max(found[2:]) for found in signature[1:] if isinstance(found, tuple)), default=0)
    # A change in the same tick of the clock would not show. A repository that cannot be written to works without.
    if newest < started - _TICK_NS:
        found = (_SETTINGS_VERSION, signature, settings.pack(), tuple(preferences))
        with contextlib.suppress(OSError):
            disposable.keep(compiled, found, mode=0o600)  # passwords of files that only their user reads
    return settings, preferences


def _signature(path: str) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

"""A remote by its name: which store it is, and whether we or `dvc` serve it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from data_versioning import storage
from data_versioning.errors import ConfigError
from data_versioning.storage.base import UNLIMITED, Limits, WritableStore

if TYPE_CHECKING:
    from data_versioning.formats.config import Settings

_ALIAS = "remote"  # scheme of `remote://NAME/path`: below another remote


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a remote is: `url` without aliases, `options` the other keys of its section.

    Both may hold secrets, so neither is shown.
    """

    name: str
    url: str = field(repr=False)
    options: Mapping[str, str] = field(repr=False)

    @property
    def is_ours(self) -> bool:
        """Whether this program serves it: not a version-aware one, nor a scheme without an adapter."""
        versioned = any(self.options.get(key, "").lower() == "true" for key in ("version_aware", "worktree"))
        return not versioned and storage.is_native(self.url)

    @property
    def jobs(self) -> int | None:
        """How many transfers at once its configuration asks for."""
        text = self.options.get("jobs")
        if text is None:
            return None
        if not text.isdecimal() or int(text) == 0:
            raise ConfigError(
                f"remote {self.name!r}: jobs must be a positive number, not {text!r}",
                hint=f"dv remote modify {self.name} jobs 4",
            )
        return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """An opened remote; `jobs` is how many transfers at once it should get (None: the store decides)."""

    name: str
    store: WritableStore
    jobs: int | None = None


def locate(settings: Settings, name: str | None = None) -> Location:
    """Return where the remote `name`, or the default remote, is.

    `remote://OTHER/path` urls are followed: the options are OTHER's, then its own. Raises `ConfigError`
    when there is no such remote, no default, or a url is missing or points to itself.
    """
    wanted = (name or settings.get("core", "remote") or "").lower()
    if not wanted:
        raise _no_default(list(settings.remotes()))
    return replace(resolve(settings, f"{_ALIAS}://{wanted}"), name=wanted)


def resolve(settings: Settings, url: str) -> Location:
    """Return where `url` leads: `remote://NAME/path` lies below a remote, any other url is a place of its own.

    Raises `ConfigError` as `locate`.
    """
    remotes = settings.remotes()
    name, options, seen = url, dict[str, str](), list[str]()
    while storage.scheme(url) == _ALIAS:
        following, _, below = url.removeprefix(f"{_ALIAS}://").partition("/")
        section = _section(remotes, following.lower(), seen)
        base = section["url"].rstrip("/") or "/"
        url = f"{base}/{below}" if below else base
        options = {**section, **options}
    return Location(
        name=name, url=url, options={key: value for key, value in options.items() if key != "url"}
    )


def open(settings: Settings, name: str | None = None, *, limits: Limits = UNLIMITED) -> Remote:
    """Open the remote `name`, or the default remote; `ConfigError` as `locate` and `open_store`."""
    found = locate(settings, name)
    store = storage.open_store(found.url, found.options, name=found.name, limits=limits)
    return Remote(name=found.name, store=store, jobs=found.jobs)


def is_ours(settings: Settings, name: str | None = None) -> bool:
    """Whether this program serves the remote; the others are for the program `dvc`."""
    return locate(settings, name).is_ours


def _section(remotes: Mapping[str, Mapping[str, str]], name: str, seen: list[str]) -> Mapping[str, str]:
    if name in seen:
        chain = " -> ".join([*seen, name])
        raise ConfigError(f"remote {seen[0]!r} points to itself: {chain}", hint="dv remote list")
    seen.append(name)
    if name not in remotes:
        raise _unknown(name, list(remotes))
    if not remotes[name].get("url"):
        raise ConfigError(f"remote {name!r} has no url", hint=f"dv remote modify {name} url URL")
    return remotes[name]


def _no_default(names: list[str]) -> ConfigError:
    if names:
        return ConfigError(
            f"no remote given and no default remote set; there are: {', '.join(sorted(names))}",
            hint=f"dv remote default {min(names)}, or -r {min(names)}",
        )
    return ConfigError("no remote is configured", hint="dv remote add -d NAME URL")


def _unknown(name: str, names: list[str]) -> ConfigError:
    close = difflib.get_close_matches(name, names, 1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return ConfigError(f"there is no remote {name!r}{guess}", hint="dv remote list")

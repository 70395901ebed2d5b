"""What the adapters of HTTP stores have in common: urls, time limits, certificates."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from data_versioning.errors import ConfigError

# Seconds. One request carries at most a part, but many share a slow line.
_REQUEST, _CONNECT, _SILENCE = 900, 20, 60


def split(url: str, *, example: str) -> tuple[str, str]:
    """Return bucket or container, and the prefix below it: empty, or ended by "/".

    >>> split("s3://bucket/a/b/", example=""), split("gs://bucket", example="")
    (('bucket', 'a/b/'), ('bucket', ''))
    """
    bucket, _, prefix = url.partition("://")[2].partition("/")
    if not bucket:
        raise ConfigError(f"a url without a bucket: it looks like {example}", hint="dv remote list")
    prefix = prefix.removesuffix("/")
    if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
        raise ConfigError(
            f"the url of a remote holds an empty part, or a dot for one: it looks like {example}",
            hint="dv remote modify NAME url URL",
        )
    return bucket, f"{prefix}/" if prefix else ""


def without_query(place: str) -> str:
    """Return a path or url as DVC reads it for most schemes: what follows "?" is no part of a name, and has no effect.

    >>> without_query("s3://bucket/a?b=1"), without_query("a?b#c"), without_query("a#c?")
    ('s3://bucket/a', 'a#c', 'a#c?')
    """
    path, mark, fragment = place.partition("#")
    return f"{path.partition('?')[0]}{mark}{fragment}"


def host(url: str) -> str:
    """Return host and port of an address, for messages: no user, no password, no path.

    >>> host("http://user:secret@127.0.0.1:8333/x")
    '127.0.0.1:8333'
    """
    return urlsplit(url).netloc.rpartition("@")[2] or url


def refuse_no_address(url: str, setting: str) -> None:
    """Raise `ConfigError` unless `url` is that of a web server; it may hold a secret, so it is not shown."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or any(letter.isspace() for letter in parts.netloc):
        raise ConfigError(
            f"{setting} is not the address of a server: it looks like https://HOST or http://HOST:PORT",
            hint=f"dv remote modify NAME {setting} VALUE",
        )


def is_on(settings: Mapping[str, str], name: str) -> bool:
    """Whether a setting says true.

    >>> is_on({"use_ssl": "True"}, "use_ssl"), is_on({}, "use_ssl")
    (True, False)
    """
    return settings.get(name, "").lower() == "true"


def client_options(settings: Mapping[str, str], *, insecure: bool = False) -> dict[str, Any]:
    """Return the options of obstore's HTTP client; `insecure` allows http:// addresses."""
    options: dict[str, Any] = {
        "timeout": _span(settings, "timeout", default=_REQUEST),
        "connect_timeout": _span(settings, "connect_timeout", "connection_timeout", default=_CONNECT),
        "read_timeout": _span(settings, "read_timeout", default=_SILENCE),
        "user_agent": "data-versioning",
    }
    if insecure:
        options["allow_http"] = True
    verify = settings.get("ssl_verify", "")
    if verify.lower() == "false":
        options["allow_invalid_certificates"] = True
    elif verify and verify.lower() != "true":
        options["root_certificate"] = certificates(verify)
    return options


def verification(settings: Mapping[str, str]) -> bool | str:
    """Return what clients other than obstore take: a file of certificates, or whether to look at them at all."""
    wanted = settings.get("ssl_verify", "")
    if wanted.lower() in {"", "true"}:
        return True
    return False if wanted.lower() == "false" else os.path.expanduser(wanted)


def _span(settings: Mapping[str, str], *names: str, default: float) -> timedelta:
    return timedelta(seconds=seconds(settings, *names, default=default))


def seconds(settings: Mapping[str, str], *names: str, default: float) -> float:
    """Return the number of seconds that the first of the settings `names` that is there says."""
    name = next((name for name in names if settings.get(name)), None)
    if name is None:
        return default
    try:
        return float(settings[name])
    except ValueError:
        raise ConfigError(
            f"{name} is a number of seconds, not {settings[name]!r}", hint=f"dv remote modify NAME {name} 60"
        ) from None


def password(settings: Mapping[str, str], host: str) -> str | None:
    """Return the password for `host`: of the settings, or, if they say so, asked for on the terminal."""
    if settings.get("password") or not is_on(settings, "ask_password"):
        return settings.get("password")
    if not sys.stdin.isatty():
        raise ConfigError(
            f"the remote wants a password for {host} to be asked for, and there is no terminal",
            hint="dv remote modify --local NAME password VALUE",
        )
    return getpass.getpass(f"Password for {settings.get('user', 'the remote')} at {host}: ")


def certificates(path: str) -> bytes:
    """Return the content of a file that holds certificates."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(
            f"cannot read the certificates that ssl_verify names, {path}: {error.strerror}",
            hint="dv remote modify NAME ssl_verify PATH",
        ) from error

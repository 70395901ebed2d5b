"""How to log in to a machine by SSH: the remote's settings, and what OpenSSH itself would use."""

from __future__ import annotations

import functools
import getpass
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote

import asyncssh

from data_versioning.errors import ConfigError
from data_versioning.storage import http_options

# Seconds until a machine that says nothing is given up, and how often a silent one is asked whether it still lives.
_TIMEOUT, _KEEPALIVE, _UNANSWERED = 20, 15, 4
_DEFAULT_PORT = 22
# GCM is the fastest there is on processors with AES instructions; the rest is for machines without it.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")
_CONFIG = "~/.ssh/config"
# Hints have it in commands to be pasted, and a repository may come from a stranger.
_HOST = re.compile(r"[\w.:%][\w.:%-]*")
_KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
# Settings that count on all machines on the way; the others say who the user is on the last one.
_EVERYWHERE = ("allow_agent", "passphrase", "timeout")
_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a url says: `host` may be an alias of ~/.ssh/config, `path` is absolute."""

    host: str
    path: str
    user: str | None = None
    port: int | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Server:
        """Take a url apart; `ConfigError` when there is no host, or the port is no number.

        >>> Server.parse("ssh://ada@box:2222/data/x/").path
        '/data/x'
        """
        place, _, path = url.partition("://")[2].partition("/")
        login, _, address = place.rpartition("@")
        user, _, password = login.partition(":")
        host, _, port = address.partition(":")
        if address.startswith("["):
            host, _, port = address[1:].partition("]")
            port = port.removeprefix(":")
        if not host:
            raise ConfigError(
                "a url without a host: it looks like ssh://USER@HOST/PATH", hint="dv remote list"
            )
        if not _HOST.fullmatch(host):
            raise ConfigError(
                f"{host!r} cannot be the name of a host",
                hint="dv remote modify NAME url ssh://USER@HOST/PATH",
            )
        return cls(
            host=host,
            path="/" + http_options.without_query(path).strip("/"),
            user=unquote(user) or None,
            port=_port(port) if port else None,
            password=unquote(password) or None,
        )


def way(server: Server, settings: Mapping[str, str]) -> list[asyncssh.SSHClientConnectionOptions]:
    """Return how to connect to each machine that has to be passed, and to `server`; raises as `options`.

    Those in between are what `ProxyJump` says. OpenSSH logs in there with what its configuration has for them.
    """
    last = options(server, settings)
    hops = str(last.tunnel or "")
    between = [Server.parse(f"ssh://{hop.strip().removeprefix('ssh://')}") for hop in hops.split(",") if hop]
    if hops.lower() == "none":
        between = []
    own = {name: value for name, value in settings.items() if name in _EVERYWHERE}
    return [*(options(hop, own) for hop in between), last]


def options(server: Server, settings: Mapping[str, str]) -> asyncssh.SSHClientConnectionOptions:
    """Return how to connect; settings as in the `[remote]` section of SSH.

    Raises `ConfigError` for a setting, key file or ~/.ssh/config that cannot be used.
    """
    _check(settings)
    wait = _number("timeout", settings["timeout"]) if settings.get("timeout") else _TIMEOUT
    chosen: dict[str, Any] = {
        "host": server.host,
        "config": [path for path in [os.path.expanduser(_CONFIG)] if os.access(path, os.R_OK)],
        "encryption_algs": _CIPHERS,
        "compression_algs": None,
        "agent_forwarding": False,
        "command": None,  # of ~/.ssh/config: for those who sit before a terminal
        "connect_timeout": wait,
        "login_timeout": wait,
        "keepalive_interval": _KEEPALIVE,
        "keepalive_count_max": _UNANSWERED,
    }
    if user := settings.get("user") or server.user:
        chosen["username"] = user
    if port := settings.get("port") or server.port:
        chosen["port"] = _number("port", str(port))
    if not _boolean(settings, "allow_agent", default=True):
        chosen["agent_path"] = None
    if settings.get("gss_auth"):
        chosen |= dict.fromkeys(("gss_auth", "gss_kex"), _boolean(settings, "gss_auth"))
    return _loaded(chosen | _secrets(server, settings), settings)


def known_hosts(found: asyncssh.SSHClientConnectionOptions) -> list[str]:
    """Return the files with host keys that there are; never none at all, which would trust every host."""
    named = found.known_hosts if isinstance(found.known_hosts, list) else []
    return [path for name in named or _KNOWN_HOSTS if os.path.isfile(path := os.path.expanduser(str(name)))]


def is_known(files: list[str], host: str, port: int) -> bool:
    """Whether some key of the host is known, be it another one than it has now."""
    return bool(files) and any(asyncssh.match_known_hosts(list(files), host, "", port)[:2])


def _check(settings: Mapping[str, str]) -> None:
    if settings.get("max_sessions") and _number("max_sessions", settings["max_sessions"]) < 1:
        raise ConfigError("max_sessions must be at least 1: one session carries all requests")
    if _boolean(settings, "gss_auth") and importlib.util.find_spec("gssapi") is None:
        raise ConfigError(
            "gss_auth needs the package gssapi, which is not installed", hint="pip install gssapi"
        )


def _secrets(server: Server, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return key file, passphrase and password, and which of them are tried: those given, if any are."""
    account = f"{settings.get('user') or server.user or ''}@{server.host}".lstrip("@")
    chosen: dict[str, Any] = {}
    tried: list[str] = []
    if settings.get("keyfile"):
        chosen["client_keys"] = [os.path.expanduser(settings["keyfile"])]
        tried.append("publickey")
    passphrase = settings.get("passphrase")
    if not passphrase and _boolean(settings, "ask_passphrase"):
        passphrase = _ask("passphrase", account)
    if passphrase:
        chosen["passphrase"] = passphrase
        tried = ["publickey"]
    password = settings.get("password") or server.password
    if not password and _boolean(settings, "ask_password"):
        password = _ask("password", account)
    if password:
        chosen["password"] = password
        tried += ["keyboard-interactive", "password"]
    if tried:
        chosen["preferred_auth"] = tried
    return chosen


def _loaded(chosen: dict[str, Any], settings: Mapping[str, str]) -> asyncssh.SSHClientConnectionOptions:
    """Return the options with the keys they name, read now, so that what is wrong is said before any work."""
    try:
        found = asyncssh.SSHClientConnectionOptions(**chosen, **_keys_there(chosen))
        if found.known_hosts is None or isinstance(found.known_hosts, list | tuple):
            chosen["known_hosts"] = known_hosts(found) or b""
            found = asyncssh.SSHClientConnectionOptions(**chosen, **_keys_there(chosen))
    except asyncssh.ConfigParseError as error:
        raise ConfigError(
            f"~/.ssh/config cannot be understood: {error}", hint="ssh -G HOST   shows the line"
        ) from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise _unusable_key(settings, error) from None
    except OSError as error:
        raise ConfigError(
            f"cannot read the key {error.filename}: {error.strerror}",
            hint="dv remote modify NAME keyfile PATH",
        ) from None
    return found


def _keys_there(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys to try, where ~/.ssh/config names some that are not there; OpenSSH passes over those, too."""
    if "client_keys" in chosen:
        return {}
    found = asyncssh.SSHClientConnectionOptions(**chosen, client_keys=None)
    named = cast("list[str]", found.config.get("IdentityFile") or [])
    there = [path for path in named if os.path.exists(os.path.expanduser(path))]
    return {"client_keys": there, "ignore_encrypted": True} if len(there) < len(named) else {}


def _unusable_key(settings: Mapping[str, str], error: Exception) -> ConfigError:
    key = settings.get("keyfile") or "that ~/.ssh/config names"
    if settings.get("passphrase") or "assphrase" not in str(error):
        return ConfigError(
            f"cannot use the key {key}: {str(error).lower()}",
            hint="dv remote modify --local NAME passphrase PASSPHRASE, or another keyfile",
        )
    return ConfigError(
        f"the key {key} is protected by a passphrase",
        hint=f"ssh-add {settings.get('keyfile', 'KEY')} and unset keyfile, so that the agent is asked; "
        "or dv remote modify NAME ask_passphrase true",
    )


@functools.cache
def _ask(what: str, account: str) -> str:
    """Ask on the terminal, once for each account."""
    if not sys.stdin.isatty():
        raise ConfigError(
            f"cannot ask for the {what} of {account}: there is no terminal",
            hint=f"dv remote modify --local NAME {what} VALUE, or use ssh-agent",
        )
    return getpass.getpass(f"{what.capitalize()} for {account}: ")


def _boolean(settings: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    text = settings.get(name, "").lower()
    if text and text not in _BOOLEANS:
        raise ConfigError(
            f"{name} must be true or false, not {text!r}", hint=f"dv remote modify NAME {name} true"
        )
    return _BOOLEANS.get(text, default)


def _port(text: str) -> int:
    found = _number("port", text)
    if found > 65535:
        raise ConfigError(
            "there is no such port: the last one is 65535", hint="dv remote modify NAME port NUMBER"
        )
    return found


def _number(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(
            f"{name} must be a number, not {text!r}", hint=f"dv remote modify NAME {name} NUMBER"
        )
    return int(text)

"""A connection by SSH, through the machines that the user's configuration puts in between."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import asyncssh

from data_versioning.errors import StorageError
from data_versioning.storage import ssh_login
from data_versioning.storage.client import Unavailable, Unreachable
from data_versioning.storage.ssh_cork import Corked

_LOGIN_HINT = (
    "ssh {account} should log in without a question; else dv remote modify NAME user USER, keyfile PATH, "
    "or --local NAME password PASSWORD"
)


class Session:
    """One connection and one SFTP session on it, opened when needed, and again after it was lost.

    `way`: the machines to pass, the one with the files last.
    """

    def __init__(self, way: Sequence[asyncssh.SSHClientConnectionOptions]) -> None:
        self._way = way
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._opening: asyncio.Task[asyncssh.SFTPClient] | None = None
        self._refusal: StorageError | None = None

    @property
    def place(self) -> str:
        """How messages name the machine."""
        return _place(self._way[-1])

    async def client(self) -> asyncssh.SFTPClient:
        """Return the session. Whoever asks while it is being opened shares the attempt, and a refusal is final.

        Many wrong logins at once would lock the account on many machines.
        """
        if self._refusal:
            raise self._refusal
        if self._client and self._connection and not self._connection.is_closed():
            return self._client
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def close(self) -> None:
        """End the connection."""
        if self._connection:
            self._connection.close()
            await self._connection.wait_closed()

    async def _open(self) -> asyncssh.SFTPClient:
        connection = None
        for options in self._way:
            connection = await self._connect(options, connection)
        assert connection
        self._connection = connection
        try:
            self._client = await connection.start_sftp_client(path_errors="surrogateescape")
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise self._noted(_problem(self._way[-1], error)) from None
        return self._client

    async def _connect(
        self, options: asyncssh.SSHClientConnectionOptions, before: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        """Return the connection to one machine, through the one to the machine `before`, which ends with it."""
        # What goes through another machine or program is not a connection of ours.
        tunnel: Any = before or (None if options.proxy_command else Corked(options))
        try:
            found = await asyncssh.connect(options.orig_host, config=None, options=options, tunnel=tunnel)
        except (asyncssh.Error, OSError, TimeoutError) as error:
            if before:
                before.close()
            raise self._noted(_problem(options, error)) from None
        if before:
            found.set_tunnel(before)
        return found

    def _noted(self, problem: StorageError) -> StorageError:
        if not isinstance(problem, Unavailable):
            self._refusal = problem
        return problem


def _place(options: asyncssh.SSHClientConnectionOptions) -> str:
    return f"ssh://{options.username}@{options.host}:{options.port}"


def _problem(options: asyncssh.SSHClientConnectionOptions, error: Exception) -> StorageError:
    """Return what a failed connection to the machine of `options` means."""
    place = _place(options)
    account = f"{options.username}@{options.host}"
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return _host_key_problem(options)
        case asyncssh.PermissionDenied():
            return StorageError(
                f"{place} does not accept the login", hint=_LOGIN_HINT.format(account=account)
            )
        case asyncssh.ConnectionLost() | OSError():
            return Unreachable(
                f"{place} does not answer: {why(error)}",
                hint=f"check with: ssh -p {options.port} {account}; or dv remote modify NAME port PORT",
            )
        case (
            asyncssh.ChannelOpenError(code=asyncssh.OPEN_CONNECT_FAILED)
            | asyncssh.SFTPConnectionLost()
            | asyncssh.SFTPNoConnection()
        ):  # lost between login and SFTP
            return Unavailable(f"{place} does not answer: {error.reason.lower()}")
        case asyncssh.ChannelOpenError() | asyncssh.SFTPError():
            return StorageError(
                f"{place} offers no SFTP: {error.reason}",
                hint="the server's sshd_config needs: Subsystem sftp internal-sftp",
            )
    return StorageError(f"{place} does not talk to us: {error}", hint=f"check with: ssh {account}")


def _host_key_problem(options: asyncssh.SSHClientConnectionOptions) -> StorageError:
    place = _place(options)
    host = options.host_key_alias or options.host
    port = "" if options.port == asyncssh.DEFAULT_PORT else f"-p {options.port} "
    if ssh_login.is_known(ssh_login.known_hosts(options), host, options.port):
        return StorageError(
            f"{place} has another host key than the one that is known: somebody may be in between",
            hint=f"ask who runs it; only if they changed the key: ssh-keygen -R '[{host}]:{options.port}', "
            f"then ssh {port}{host}",
        )
    return StorageError(
        f"the host key of {place} is not known",
        hint=f"ssh {port}{host}   shows the key, and notes it in ~/.ssh/known_hosts when you agree "
        f"(for scripts: ssh-keyscan {port}{host})",
    )


def why(error: Exception) -> str:
    """Return the reason of a broken connection, for people."""
    number = getattr(error, "errno", None) or 0
    return (os.strerror(number) if number > 0 else str(error) or "no answer in time").lower()

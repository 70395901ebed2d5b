"""What HDFS tells over HTTP only: the checksums of files, which its own protocol leaves to the client to compute.

The client for Hadoop's protocol computes none, so WebHDFS is asked, which every NameNode is unless it was switched off.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass, field

from data_versioning.errors import MissingObject, StorageError
from data_versioning.storage import hadoop_config, moving
from data_versioning.storage.base import Untold
from data_versioning.storage.client import Unreachable
from data_versioning.storage.webhdfs_requests import Gateway, connecting

# Seconds: a firewall that drops what it does not like is no reason to wait for long.
_PATIENCE = 10.0
_CREDENTIALS = "dv remote modify NAME user USER"
_ADDRESS = (
    "dfs.namenode.http-address in hdfs-site.xml, in HADOOP_CONF_DIR, says where the NameNode answers HTTP"
)


@dataclass(slots=True, kw_only=True)
class Checksums:
    """Hadoop's checksums of the files of one file system; `gateways` are the NameNodes that may tell them."""

    gateways: Sequence[Gateway]
    _found: Gateway | None = field(default=None, init=False)

    async def find(self) -> None:
        """Find a NameNode that answers HTTP and is no standby; raises `Untold`, with a reason for each."""
        if self._found is not None:
            return
        reasons = []
        for gateway in self.gateways:
            try:
                await gateway.call("GET", "GETFILESTATUS", "/")
            except StorageError as error:
                reasons.append(error.message)
                continue
            self._found = gateway
            return
        listed = "; ".join(reasons) or "no address is known"
        raise Untold(f"HDFS tells the checksums that imports record over HTTP only: {listed}", hint=_ADDRESS)

    async def of(self, path: str) -> str:
        """Return the checksum of a file as `hadoop fs -checksum` prints it, in hex digits; empty for one that is gone.

        Comes after `find`. Raises `Untold`, also when the DataNode that computes it cannot be reached.
        """
        gateway = self._found
        if gateway is None:
            raise ValueError("`find` comes first")
        if "%" in path:
            raise Untold(
                f"HDFS tells the checksum of {path} over HTTP only, which garbles percent signs",
                hint="give it another name there",
            )
        try:
            found = await moving.retried(lambda: gateway.checksum(path))
        except MissingObject:
            return ""
        except Unreachable as error:
            raise Untold(error.message, hint="make that DataNode reachable from here") from None
        return found.digits[: 2 * found.length]

    async def close(self) -> None:
        """Close all connections."""
        for gateway in self.gateways:
            await gateway.close()


def open_checksums(authority: str, user: str | None) -> Checksums:
    """Return what tells the checksums of `hdfs://AUTHORITY` to a user, by default the one who runs this.

    Raises `ConfigError`.
    """
    addresses = hadoop_config.web_addresses(hadoop_config.load(), authority)
    query, connect = {"user.name": user or getpass.getuser()}, connecting(patience=_PATIENCE)
    return Checksums(
        gateways=[
            Gateway(
                api=f"{address}/webhdfs/v1",
                query=query,
                connect=connect,
                credentials=_CREDENTIALS,
                address=_ADDRESS,
            )
            for address in addresses
        ]
    )

"""S3: SeaweedFS, which honours conditional writes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import boto3
import pytest

from tests.servers import process

KEY, SECRET, REGION = "testkey", "testsecret", "us-east-1"
READER = "reader"  # may list and read
_GRPC = 10_000  # each port has a second one, so much higher


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where it is; `bucket` is there, and takes KEY and SECRET."""

    url: str
    bucket: str = "test"
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def settings(self) -> dict[str, str]:
        """A remote's settings."""
        return {
            "endpointurl": self.url,
            "access_key_id": KEY,
            "secret_access_key": SECRET,
            "region": REGION,
        }

    @property
    def environment(self) -> dict[str, str]:
        """Variables that log in whatever follows Amazon's conventions."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self) -> Any:
        """Amazon's own client, logged in."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def fresh(self) -> str:
        """The url of an empty prefix that nobody used before."""
        return f"s3://{self.bucket}/t{next(self._numbers)}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A server with one bucket."""
    with serving() as server:
        yield server


@contextlib.contextmanager
def serving() -> Iterator[S3Server]:
    """A server that runs as long as it is needed."""
    with process.workplace("weed") as place:
        identity = {
            "name": "tester",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        reader = {
            "name": "reader",
            "credentials": [{"accessKey": READER, "secretKey": SECRET}],
            "actions": ["Read", "List"],
        }
        (place / "s3.json").write_text(json.dumps({"identities": [identity, reader]}))
        (place / "data").mkdir()
        s3, master, volume, filer, admin = process.free_ports(5, also=_GRPC)
        server = S3Server(f"http://127.0.0.1:{s3}")
        argv = [
            process.VENV / "bin/weed", f"-logdir={place}", "mini", "-dir=data",
            "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.config=s3.json", f"-bucket={server.bucket}",
            f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
            f"-admin.port={admin}", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        ]  # fmt: skip
        with process.running(argv, directory=place, ready=lambda: process.answers(f"{server.url}/healthz")):
            # The bucket that the server makes itself may come later than its first answer.
            make_bucket(server, server.bucket)
            yield server


def make_bucket(server: S3Server, name: str) -> None:
    """Make a bucket, unless it is there."""
    client = server.client()
    with contextlib.suppress(
        client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists
    ):
        client.create_bucket(Bucket=name)

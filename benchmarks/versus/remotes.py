"""Transfers to real servers on this machine: dv against dvc and against a plain client, in one run.

    python benchmarks/versus/remotes.py                      everything; writes docs/benchmarks.md
    python benchmarks/versus/remotes.py --shape s3-small     one of them anew
    python benchmarks/versus/remotes.py --quick              small and once; writes nothing

SeaweedFS (S3), OpenSSH and Hadoop are set up by `make test`. As in the other benchmarks all programs take turns.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import document
import place as places
from lives import Life, Step, fill
from place import DV, DVC, Place, compile_package, discard
from results import RESULTS, Result
from rounds import Group, run, turns
from shapes import files, large_files

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.servers import hadoop, process, seaweedfs, sshd

_QUICK = 0.01
_PLAIN_S3 = """
import shutil, sys, boto3
from boto3.s3.transfer import TransferConfig
verb, url, bucket, key, path = sys.argv[1:]
client = boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                      aws_access_key_id="testkey", aws_secret_access_key="testsecret")
getattr(client, verb)(**{"Filename": path, "Bucket": bucket, "Key": key, "Config": TransferConfig()})
if verb == "download_file":
    shutil.copyfile(path, path + ".copy")  # as a pull does, from the cache to the workspace
"""
_PLAIN_HDFS = """
import os, pathlib, sys
from hdfs_native import Client
client = Client(sys.argv[1], {"dfs.client.use.datanode.hostname": "true"})
for path in sorted(pathlib.Path(sys.argv[3]).iterdir()):
    with client.create(f"{sys.argv[2]}/{path.name}") as file:
        file.write(path.read_bytes())
os._exit(0)  # the library may never come back from freeing its client
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where remotes go: `settings` of each, and the url of a new one."""

    name: str
    settings: Mapping[str, str]
    fresh: object  # () -> str
    url: str = ""
    bucket: str = ""
    home: Path | None = None  # with `.ssh/known_hosts`

    def remote(self) -> str:
        """Return a url that nobody used before."""
        return str(self.fresh())  # type: ignore[operator]


@contextlib.contextmanager
def s3() -> Iterator[Server]:
    """SeaweedFS."""
    with seaweedfs.serving() as server:
        yield Server(
            name="S3 (SeaweedFS)",
            settings=server.settings,
            fresh=server.fresh,
            url=server.url,
            bucket=server.bucket,
        )


@contextlib.contextmanager
def ssh() -> Iterator[Server]:
    """OpenSSH."""
    with process.workplace("sshd") as place, sshd.serving(place) as server:
        yield Server(name="SSH (OpenSSH)", settings=server.settings, fresh=server.fresh, home=place)


@contextlib.contextmanager
def hdfs() -> Iterator[Server]:
    """A NameNode and a DataNode."""
    with hadoop.serving() as server:
        yield Server(name="HDFS (Hadoop)", settings={"user": "ada"}, fresh=server.fresh)


def transfers(place: Place, tool: str, program: str, source: Path, server: Server) -> Life:
    """Push, push again, and pull into a clone."""
    root = _repository(place, tool, server)
    fill(root, source)
    place.quiet(DV, "add", "-q", "data", cwd=root)
    place.commit(root)
    yield Step("push", [program, "push"], root)
    yield Step("push again", [program, "push"], root)
    clone = place.clone(root)
    _configure(place, clone, server, None)
    yield Step("pull", [program, "pull"], clone)


def nothing_to_push(place: Place, tool: str, program: str, source: Path, server: Server) -> Life:
    """Everything is there; `dvc` may remember it from before, `dv` looks."""
    root = _repository(place, tool, server)
    fill(root, source)
    for command in (["add", "-q", "data"], ["push", "-q"]):
        place.quiet(DV, *command, cwd=root)
    place.commit(root)
    place.quiet(program, "push", cwd=root)
    yield Step("push again", [program, "push"], root)
    # A new clone remembers nothing.
    clone = place.clone(root)
    _configure(place, clone, server, None)
    (clone / ".dvc/cache").symlink_to(root / ".dvc/cache")
    yield Step("push from a new clone", [program, "push"], clone)


def plain_s3(place: Place, source: Path, server: Server) -> Life:
    """One file with Amazon's own library for Python."""
    (path,) = [path for path in source.rglob("*") if path.is_file()] or [source]
    command = [sys.executable, "-c", _PLAIN_S3]
    yield Step("push", [*command, "upload_file", server.url, server.bucket, "plain", str(path)], place.path)
    yield None
    clone = place.fresh("plain")
    clone.mkdir()
    target = clone / "object"
    yield Step(
        "pull", [*command, "download_file", server.url, server.bucket, "plain", str(target)], place.path
    )


def plain_hdfs(place: Place, source: Path, server: Server) -> Life:
    """File by file with the library that `dv` uses."""
    scheme, _, rest = server.remote().partition("://")
    authority, _, path = rest.partition("/")
    yield Step(
        "push",
        [sys.executable, "-c", _PLAIN_HDFS, f"{scheme}://{authority}", f"/{path}", str(source)],
        place.path,
    )


def both(place: Place, source: Path, server: Server) -> Group:
    """Both programs."""
    return {tool: transfers(place, tool, program, source, server) for tool, program in _PROGRAMS.items()}


_PROGRAMS = {"dv": DV, "dvc": DVC}
_MIB = 1 << 20
SHAPES = {
    "s3-small": ("5,000 files of 4 KiB", s3, files(5_000, 4096), both, 3),
    "s3-many": (
        "100,000 files of 64 bytes, all there",
        s3,
        files(100_000, 64),
        lambda place, source, server: {
            tool: nothing_to_push(place, tool, program, source, server) for tool, program in _PROGRAMS.items()
        },
        1,
    ),
    "s3-large": (
        "1 file of 1 GiB",
        s3,
        large_files(1, 1024 * _MIB),
        lambda place, source, server: {
            **both(place, source, server),
            "machine": plain_s3(place, source, server),
        },
        3,
    ),
    "ssh-small": ("5,000 files of 4 KiB", ssh, files(5_000, 4096), both, 3),
    "hdfs": (
        "64 files of 4 MiB",
        hdfs,
        large_files(64, 4 * _MIB),
        lambda place, source, server: {
            "dv": transfers(place, "dv", DV, source, server),
            "machine": plain_hdfs(place, source, server),
        },
        3,
    ),
}


def _repository(place: Place, tool: str, server: Server) -> Path:
    root = place.data_repository(tool, link="copy")
    _configure(place, root, server, server.remote())
    place.commit(root)
    return root


def _configure(place: Place, root: Path, server: Server, url: str | None) -> None:
    if url:
        place.quiet(DV, "remote", "add", "-q", "-f", "-d", "store", url, cwd=root)
    for name, value in server.settings.items():
        place.quiet(DV, "remote", "modify", "-q", "--local", "store", name, value, cwd=root)
    if server.home:
        known = Path(place.environment["HOME"]) / ".ssh/known_hosts"
        known.parent.mkdir(mode=0o700, exist_ok=True)
        known.write_text((server.home / "known_hosts").read_text())


def measure(name: str, directory: str, rounds: int | None, scale: float) -> Result:
    """Measure one shape with a server of its own."""
    title, serve, make, groups, usual = SHAPES[name]
    with tempfile.TemporaryDirectory(dir=directory, prefix="dv-bench-") as own, serve() as server:
        place = Place(Path(own))
        source = place.path / "source"
        make(source, scale)
        paths = [path for path in (source, *source.rglob("*")) if path.is_file()]
        result = Result(
            shape=name,
            title=title,
            place=server.name,
            measured=datetime.date.today().isoformat(),
            machine=places.machine(place.path),
            data={"files": len(paths), "bytes": sum(path.stat().st_size for path in paths)},
        )
        for number in range(rounds or usual):
            print(f"{name}, round {number + 1}", flush=True)
            run(turns(groups(place, source, server), number), place, result)
            for path in place.path.iterdir():
                if path not in (source, place.path / "home"):
                    discard(path)
    return result


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--place", default="/dev/shm", help="where the repositories lie")
    parser.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true", help="small and once; writes nothing")
    args = parser.parse_args()
    compile_package()
    for name in args.shape:
        result = measure(name, args.place, 1 if args.quick else args.rounds, _QUICK if args.quick else 1)
        if args.quick:
            print("\n".join(document.table(result)), flush=True)
        else:
            result.save(RESULTS)
            document.write()


if __name__ == "__main__":
    main()

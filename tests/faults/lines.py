"""A remote behind a line that fails, and what push and pull must do there whatever its kind."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from tests.faults.invariants import assert_cache_trustworthy, assert_clean_failure
from tests.oracle import Result, Tool
from tests.servers.proxy import Fault, Proxy

MIB = 1 << 20
FAST = {"DV_DURABILITY": "process"}
# Bytes that a command with nothing to transfer may take, in all and for each object: it asks what is there.
_QUESTIONS, _QUESTION = 100_000, 2_000

# Seconds a command may take: where HDFS does not answer, each of six attempts waits for a minute.
_PATIENCE = 600.0
P = TypeVar("P", bound=Proxy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Generic[P]):
    """A remote at `url`, of `settings`, used through `proxy`; `contents` asks the server past it.

    `chance` disturbs a few times in a short campaign. `secrets` may stand nowhere but in the configuration;
    `environment` is what commands need to log in.
    """

    url: str
    settings: Mapping[str, str]
    proxy: P
    contents: Callable[[], Mapping[str, bytes]]
    chance: float = 0.06
    secrets: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def configure(self, repository: Path) -> None:
        """Make it the repository's only remote."""
        lines = "".join(
            f"    {name} = {value}\n" for name, value in {"url": self.url, **self.settings}.items()
        )
        (repository / ".dvc/config").write_text(f"[core]\n    remote = r\n['remote \"r\"']\n{lines}")

    def run(self, dv: Tool, repository: Path, verb: str) -> Result:
        """Run a command as a process of its own; whatever comes of it, nothing is wrong anywhere."""
        done = dv.real(repository, verb, env={**FAST, **self.environment}, timeout=_PATIENCE)
        if done.code:
            assert_clean_failure(done.code, done.err)
            assert done.code == 1 or done.code == 255, done
            assert re.search(rf"dv {verb}|this command again|dv remote modify", done.err), done.err
        self.assert_no_secret(done.out + done.err, repository)
        self.assert_nothing_wrong(repository)
        return done

    def start(self, dv: Tool, repository: Path, verb: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        return dv.start(repository, verb, env={**FAST, **self.environment})

    def assert_nothing_wrong(self, repository: Path) -> None:
        """Neither remote nor cache has an object that is not what its name says."""
        self.assert_sound()
        if (repository / ".dvc/cache").exists():
            assert_cache_trustworthy(repository / ".dvc/cache")

    def objects(self) -> dict[str, bytes]:
        """What the remote holds, by the objects' names; hidden files are writes under way, of ours or the server."""
        found = {key.rpartition("files/md5/")[2]: content for key, content in self.contents().items()}
        return {name.replace("/", ""): content for name, content in found.items() if "/." not in name}

    def assert_sound(self) -> dict[str, bytes]:
        """Every object is what its name says, and no listing is there without its files."""
        found = self.objects()
        for name, content in found.items():
            assert hashlib.md5(content).hexdigest() == name.removesuffix(".dir"), (
                f"{name} is wrong or partial"
            )
            if name.endswith(".dir"):
                lost = [entry["md5"] for entry in json.loads(content) if entry["md5"] not in found]
                assert not lost, f"{name} is there without {lost[:3]}"
        return found

    def assert_no_secret(self, said: str, repository: Path) -> None:
        """Neither what was said nor the operation log has a secret in it."""
        told = said.encode() + b"".join(
            path.read_bytes() for path in (repository / ".git/dv/log").rglob("*") if path.is_file()
        )
        for secret in self.secrets:
            assert secret.encode() not in told, f"{secret[:3]}… is told"


def fill(repository: Path, *, files: int, large: int, seed: int = 7) -> dict[str, bytes]:
    """Write `data` of so many small files, and one of `large` bytes if there are any; return the contents."""
    rng = random.Random(seed)
    wanted = {f"data/f{number:04}": rng.randbytes(rng.randrange(1, 20_000)) for number in range(files)}
    if large:
        wanted["large"] = rng.randbytes(large)
    (repository / "data").mkdir()
    for name, content in wanted.items():
        (repository / name).write_bytes(content)
    return wanted


def emptied(repository: Path) -> None:
    """Take away all that the remote has, too."""
    shutil.rmtree(repository / ".dvc/cache")
    shutil.rmtree(repository / "data", ignore_errors=True)
    (repository / "large").unlink(missing_ok=True)


def run_campaigns(
    dv: Tool, repository: Path, line: Line[P], *, files: int, large: int, times: Iterable[float] = (1,)
) -> Counter[Fault]:
    """Push and pull over a line that is so many times as bad, then over a good one; return what went wrong."""
    line.configure(repository)
    wanted = fill(repository, files=files, large=large)
    assert dv(repository, "add", *sorted({name.split("/")[0] for name in wanted}), env=FAST).code == 0
    disturbed = _campaign(dv, repository, line, "push", times)
    assert len(line.assert_sound()) == len(set(wanted.values())) + 1
    emptied(repository)
    disturbed += _campaign(dv, repository, line, "pull", times)
    assert {name: (repository / name).read_bytes() for name in wanted} == wanted
    return disturbed


def _campaign(dv: Tool, repository: Path, line: Line[P], verb: str, times: Iterable[float]) -> Counter[Fault]:
    """Run a command over and over while the line fails ever so often, then without faults."""
    disturbed = Counter[Fault]()
    for number, so_bad in enumerate(times, 1):
        line.proxy.disturb(line.chance * so_bad, seed=number)
        line.run(dv, repository, verb)
        disturbed += line.proxy.disturbed
        line.proxy.calm()
    assert disturbed.total() > 0
    assert (done := line.run(dv, repository, verb)).code == 0, done
    line.proxy.forget()
    assert (again := line.run(dv, repository, verb)).code == 0, again
    most = _QUESTIONS + _QUESTION * len(line.objects())
    assert line.proxy.up < most and line.proxy.down < most, "it transferred again what was there"
    return disturbed


def killed(process: subprocess.Popen[str]) -> None:
    """End a command, and what it started, at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait while a command runs."""
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)

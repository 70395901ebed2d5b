"""Starting a server, waiting until it answers, ending it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

VENV = Path(sys.prefix)
_PATIENCE = 60.0  # seconds, on a machine that is busy with other tests
_LOG_TAIL = 4000


@contextlib.contextmanager
def workplace(name: str) -> Iterator[Path]:
    """A directory for one server, gone at the end."""
    path = Path(tempfile.mkdtemp(prefix=f"dv-{name}-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def running(
    argv: Sequence[str | Path],
    *,
    directory: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in `directory` that is `ready`; what it says goes to a log there."""
    log = directory / f"{Path(argv[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in argv],
            cwd=directory,
            env=dict(os.environ) | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, ready, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not ready():
        problem = None
        if process.poll() is not None:
            problem = f"ended with {process.returncode}"
        elif time.monotonic() > end:
            problem = f"was not ready after {_PATIENCE:.0f} s"
        if problem:
            text = log.read_text(errors="replace")[-_LOG_TAIL:]
            raise AssertionError(f"{process.args!r} {problem}; `make setup-dev` installs the servers\n{text}")
        time.sleep(0.02)


# Higher ones are given to outgoing connections, at any time (Linux: 32768 and up).
_HIGHEST = 32_000


def free_ports(count: int, *, also: int = 0) -> list[int]:
    """Return ports nobody listens on; with `also`, the ports so much higher are free too."""
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            port = random.randrange(_HIGHEST - also - 12_000, _HIGHEST - also)
            if all(_hold(held, number) for number in {port, port + also}):
                ports.append(port)
    return ports


def _hold(held: contextlib.ExitStack, port: int) -> bool:
    listener = held.enter_context(socket.socket())
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def answers(url: str) -> bool:
    """Whether an HTTP server answers there, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False

"""Run the commands of one stage: the shell DVC uses, a log, live output, a time limit; no knowledge of repositories.

A `Task` is plain text and numbers, so that any `concurrent.futures.Executor` can carry it elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import select
import selectors
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

from data_versioning.pipeline.outcome import Echo
from data_versioning.pipeline.stagelog import StageLog

_SHELL_OPTIONS: Mapping[str, Sequence[str]] = {"bash": ("--noprofile", "--norc"), "zsh": ("--no-rcs",)}
_CHUNK = 1 << 16
_TICK = 0.05  # seconds between looks at a command that prints nothing
GRACE = 5.0
"""Seconds that a command gets to end itself before it is killed."""
KILL = signal.SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The commands of a stage, run one after the other until one fails."""

    name: str
    commands: tuple[str, ...]
    directory: str
    log: str
    environment: Mapping[str, str] = field(default_factory=dict)  # on top of the worker's own
    timeout: float | None = None  # seconds, for all commands together
    echo: Echo = Echo.NOTHING
    inherited: tuple[
        int, ...
    ] = ()  # descriptors that commands keep open, and so locked; only on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a task ended; `exit_code` is negative for a signal."""

    exit_code: int
    seconds: float
    command: str = ""  # the one that failed
    is_timeout: bool = False

    @property
    def reason(self) -> str:
        """Why it failed, for a human; "" when it did not."""
        if self.is_timeout:
            return f"it took longer than allowed, and was ended after {self.seconds:.1f} s"
        if self.exit_code < 0:
            return f"it was ended by the signal {_signal_name(-self.exit_code)}"
        return f"it ended with exit code {self.exit_code}" if self.exit_code else ""


def run(task: Task) -> Ended:
    """Run all commands of `task`; raises `OSError` when the shell or the log cannot be opened."""
    started = time.monotonic()
    deadline = None if task.timeout is None else started + task.timeout
    with StageLog(task.log) as log:
        for command in task.commands:
            log.write(f"> {command}\n".encode("utf-8", "surrogateescape"))
            code, is_timeout = _Command(task, command, log).run(deadline)
            if code or is_timeout:
                return Ended(
                    exit_code=code,
                    seconds=time.monotonic() - started,
                    command=command,
                    is_timeout=is_timeout,
                )
    return Ended(exit_code=0, seconds=time.monotonic() - started)


def stop(sent: signal.Signals = signal.SIGINT) -> None:
    """Send a signal to all commands that run in this process, and to what they started."""
    for command in tuple(_running):
        command.stop(sent)


def shell(command: str, executable: str | None = None) -> list[str]:
    """Return the program and arguments that run `command`, in a shell that reads no settings of the user.

    >>> shell("ls", "/bin/bash"), shell("ls", "/bin/sh")
    (['/bin/bash', '--noprofile', '--norc', '-c', 'ls'], ['/bin/sh', '-c', 'ls'])
    """
    program = executable or os.environ.get("SHELL") or "/bin/sh"
    return [program, *_SHELL_OPTIONS.get(os.path.basename(program).lower(), ()), "-c", command]


class _Command:
    """One command while it runs."""

    def __init__(self, task: Task, command: str, log: StageLog) -> None:
        self._task = task
        self._command = command
        self._log = log
        self._line = b""  # what came of a line that is shown when it is complete
        self._is_shown_as_is = task.echo is Echo.PLAIN
        # A group of its own can be ended as a whole; but only the terminal's own group may read from it.
        asks = self._is_shown_as_is and task.timeout is None and _is_terminal(sys.stdin)
        is_fed = self._is_shown_as_is and sys.stdin is not None and not sys.stdin.isatty()
        self._has_group = not asks
        self._stdin = None if asks or is_fed else subprocess.DEVNULL
        self._is_unwanted = False

    def run(self, deadline: float | None) -> tuple[int, bool]:
        """Return the exit code, and whether the time was over."""
        source, sink = _terminal() if self._is_shown_as_is and _is_terminal(sys.stdout) else os.pipe()
        try:
            self._process = self._start(sink)
        except BaseException:
            os.close(source)
            raise
        finally:
            os.close(sink)
        _running.append(self)
        try:
            is_timeout = self._follow(self._process, source, deadline)
            if is_timeout:
                self._end()
            return self._process.wait(), is_timeout
        except BaseException:
            self._end()
            raise
        finally:
            _running.remove(self)
            if self._is_unwanted:
                self._kill_group()
            self._show(b"", is_last=True)
            os.close(source)

    def stop(self, sent: signal.Signals) -> None:
        """Send a signal; nothing that the command started outlives it then."""
        self._is_unwanted = True
        if self._has_group:
            self._send(sent)
        elif sent is KILL:
            # A terminal sends its Ctrl-C by itself, and a second one would disturb cleaning up.
            for pid in (*_descendants(self._process.pid), self._process.pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, sent)

    def _start(self, sink: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            shell(self._command),
            cwd=self._task.directory,
            env={**os.environ, **self._task.environment},
            stdin=self._stdin,
            stdout=sink,
            stderr=sink,
            pass_fds=self._task.inherited,
            process_group=0 if self._has_group else None,
        )

    def _follow(self, process: subprocess.Popen[bytes], source: int, deadline: float | None) -> bool:
        """Pass on the output until the command has ended; a daemon that it left behind is not waited for."""
        os.set_blocking(source, False)
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            is_open = True
            while True:
                has_ended = process.poll() is not None
                ready = selector.select(0 if has_ended else _TICK) if is_open else []
                if ready:
                    is_open = self._take(source)
                elif has_ended:
                    return False
                elif not is_open:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
                if deadline is not None and not has_ended and time.monotonic() >= deadline:
                    return True

    def _take(self, source: int) -> bool:
        """Read what is there; False at the end of all output."""
        try:
            data = os.read(source, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:  # the other end of a terminal was closed
            return False
        self._log.write(data)
        self._show(data)
        return bool(data)

    def _show(self, data: bytes, *, is_last: bool = False) -> None:
        if self._is_shown_as_is and data:
            _print(data)
        elif self._task.echo is Echo.PREFIXED:
            prefix = f"[{self._task.name}] ".encode("utf-8", "surrogateescape")
            *lines, self._line = (self._line + data).split(b"\n")
            if len(self._line) > _CHUNK or (is_last and self._line):
                lines.append(self._line)
                self._line = b""
            if lines:
                _print(b"".join(prefix + line + b"\n" for line in lines))

    def _end(self) -> None:
        """End the command, and wait for that."""
        self._is_unwanted = True
        for sent in (signal.SIGTERM, KILL):
            self._send(sent)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
                return

    def _send(self, sent: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            (os.killpg if self._has_group else os.kill)(self._process.pid, sent)

    def _kill_group(self) -> None:
        """Kill what a command that was ended left behind: a shell makes what it starts with & deaf to Ctrl-C."""
        if self._has_group:
            self._send(KILL)


_running: list[_Command] = []
"""Those of this process, for `stop`."""


def _descendants(pid: int) -> list[int]:
    """Return the processes that `pid` started, and theirs; none where /proc does not tell."""
    parents: dict[int, int] = {}
    with suppress(OSError):
        for name in os.listdir("/proc"):
            with suppress(OSError, ValueError, IndexError), open(f"/proc/{int(name)}/stat", "rb") as file:
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits there; a stream that was closed before we began is None."""
    return stream is not None and stream.isatty()


def _terminal() -> tuple[int, int]:
    """Return both ends of a terminal, so that a command draws its progress as if we were not in between."""
    source, sink = os.openpty()
    modes = termios.tcgetattr(sink)
    modes[1] &= ~termios.OPOST  # line ends are left to the user's terminal, and as they are to the log
    termios.tcsetattr(sink, termios.TCSANOW, modes)
    with suppress(OSError):
        fcntl.ioctl(sink, termios.TIOCSWINSZ, fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8)))
    return source, sink


def _print(data: bytes) -> None:
    sys.stdout.flush()
    file = sys.stdout.fileno()
    left = memoryview(data)
    with suppress(OSError):  # nobody looks any more
        while left:
            try:
                left = left[os.write(file, left) :]
            except BlockingIOError:
                select.select([], [file], [])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)

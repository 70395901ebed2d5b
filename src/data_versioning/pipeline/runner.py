"""Run the commands of one stage: the shell DVC uses, a log, live output, a time limit; no knowledge of repositories.

A `Task` is plain text and numbers, so that any `concurrent.futures.Executor` can carry it elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from data_versioning.pipeline.outcome import Echo
from data_versioning.pipeline.stagelog import StageLog

_SHELL_OPTIONS: Mapping[str, Sequence[str]] = {"bash": ("--noprofile", "--norc"), "zsh": ("--no-rcs",)}
_CHUNK = 1 << 16
_TICK = 0.05  # seconds between looks at a command that prints nothing
GRACE = 5.0
"""Seconds that a command gets to end itself before it is killed."""
KILL = signal.SIGKILL
# Process groups of commands that run in this process, for `stop`.
_running: set[int] = set()


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
    for group in tuple(_running):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, sent)


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

    def run(self, deadline: float | None) -> tuple[int, bool]:
        """Return the exit code, and whether the time was over."""
        keeps_terminal = self._task.echo is Echo.PLAIN
        source, sink = _terminal() if keeps_terminal and sys.stdout.isatty() else os.pipe()
        try:
            # A group of its own can be ended as a whole; but only the terminal's own group may read from it.
            process = subprocess.Popen(
                shell(self._command),
                cwd=self._task.directory,
                env={**os.environ, **self._task.environment},
                stdin=None if keeps_terminal else subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                pass_fds=self._task.inherited,
                process_group=None if keeps_terminal and sys.stdin.isatty() else 0,
            )
        except BaseException:
            os.close(source)
            raise
        finally:
            os.close(sink)
        group = process.pid
        _running.add(group)
        try:
            is_timeout = self._follow(process, source, deadline)
            if is_timeout:
                self._end(process)
            return process.wait(), is_timeout
        finally:
            _running.discard(group)
            self._show(b"", is_last=True)
            os.close(source)

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
        if self._task.echo is Echo.PLAIN and data:
            _print(data)
        elif self._task.echo is Echo.PREFIXED:
            prefix = f"[{self._task.name}] ".encode("utf-8", "surrogateescape")
            *lines, self._line = (self._line + data).split(b"\n")
            if len(self._line) > _CHUNK or (is_last and self._line):
                lines.append(self._line)
                self._line = b""
            if lines:
                _print(b"".join(prefix + line + b"\n" for line in lines))

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sent)
            with suppress(ProcessLookupError):
                process.send_signal(sent)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
                return


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
    with suppress(BlockingIOError, BrokenPipeError):
        os.write(sys.stdout.fileno(), data)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)

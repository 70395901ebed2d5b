from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from data_versioning.pipeline import runner, stagelog
from data_versioning.pipeline.outcome import Echo
from data_versioning.pipeline.runner import Task


def task(place: Path, *commands: str, **options: object) -> Task:
    values: dict[str, object] = {
        "name": "s",
        "directory": str(place),
        "log": str(place / "logs/s.log"),
        **options,
    }
    return Task(commands=commands, **values)  # type: ignore[arg-type]


def log(place: Path) -> str:
    return (place / "logs/s.log").read_text()


def test_commands_run_in_order_until_one_fails(place: Path) -> None:
    ended = runner.run(task(place, "echo one; pwd", "echo two >&2; exit 3", "echo three"))
    assert (ended.exit_code, ended.command) == (3, "echo two >&2; exit 3")
    assert ended.reason == "it ended with exit code 3"
    assert log(place) == f"> echo one; pwd\none\n{place}\n> echo two >&2; exit 3\ntwo\n"


def test_success(place: Path) -> None:
    ended = runner.run(task(place, 'test "$WHO" = me', environment={"WHO": "me"}))
    assert (ended.exit_code, ended.reason, ended.command) == (0, "", "")


def test_a_signal(place: Path) -> None:
    ended = runner.run(task(place, "kill -9 $$"))
    assert ended.exit_code == -9
    assert ended.reason == "it was ended by the signal SIGKILL"


def test_a_time_limit_ends_everything_that_was_started(place: Path) -> None:
    ended = runner.run(task(place, "sleep 60 & echo $! > child; wait", timeout=0.5))
    assert ended.is_timeout
    assert "longer than allowed" in ended.reason
    child = int((place / "child").read_text())
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(child, 0)
            time.sleep(0.05)


def test_what_ignores_the_end_is_killed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.3)
    ended = runner.run(task(place, "trap '' TERM; while :; do sleep 0.1; done", timeout=0.3))
    assert ended.is_timeout
    assert ended.exit_code == -9


def test_a_daemon_is_not_waited_for(place: Path) -> None:
    ended = runner.run(task(place, "(sleep 30; echo late) & echo $! > daemon; echo done"))
    assert ended.exit_code == 0
    os.kill(int((place / "daemon").read_text()), signal.SIGKILL)
    assert log(place).endswith("done\n")


def test_closed_output_is_no_end(place: Path) -> None:
    ended = runner.run(task(place, "exec >&- 2>&-; sleep 0.3; test -d . && exit 5"))
    assert ended.exit_code == 5


def test_stop_reaches_commands_in_other_threads(place: Path) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(runner.run(task(place, "echo > up; sleep 60"))))
    thread.start()
    while not (place / "up").exists():
        time.sleep(0.01)
    runner.stop()
    thread.join(20)
    assert found[0].exit_code in (-2, 130)


def test_output_is_shown_line_by_line_after_the_name(place: Path) -> None:
    script = (
        "from data_versioning.pipeline import runner\n"
        "from data_versioning.pipeline.outcome import Echo\n"
        "from data_versioning.pipeline.runner import Task\n"
        f"runner.run(Task(name='train', commands=('printf one; echo; printf two',), directory={str(place)!r},"
        f" log={str(place / 'l')!r}, echo=Echo.PREFIXED))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[train] one\n[train] two\n"


def test_a_task_can_be_sent_elsewhere(place: Path) -> None:
    sent = pickle.loads(pickle.dumps(task(place, "echo there", echo=Echo.NOTHING)))
    ended = runner.run(sent)
    assert pickle.loads(pickle.dumps(ended)) == ended
    assert "there" in log(place)


def test_a_log_of_any_length_stays_small(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stagelog, "HEAD", 1000)
    monkeypatch.setattr(stagelog, "TAIL", 1000)
    runner.run(task(place, "seq 100000"))
    text = log(place)
    assert text.startswith("> seq 100000\n1\n2\n")
    assert text.endswith("99999\n100000\n")
    assert "bytes left out" in text
    assert len(text) < 200_000


def test_the_last_lines(place: Path) -> None:
    runner.run(task(place, "seq 10"))
    assert stagelog.last_lines(str(place / "logs/s.log"), 2) == ["9", "10"]
    assert stagelog.last_lines(str(place / "nothing"), 2) == []


@pytest.mark.parametrize(
    ("program", "options"), [("bash", ["--noprofile", "--norc"]), ("zsh", ["--no-rcs"]), ("sh", [])]
)
def test_shells(program: str, options: list[str]) -> None:
    assert runner.shell("ls", f"/bin/{program}") == [f"/bin/{program}", *options, "-c", "ls"]

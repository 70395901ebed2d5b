from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from itertools import groupby
from pathlib import Path

import pytest

from data_versioning.errors import DiskError, FormatError
from data_versioning.eventlog import local_log
from data_versioning.eventlog.chain import Event
from data_versioning.eventlog.local_log import Log

APPEND = """
import sys
from data_versioning.eventlog.local_log import Log
log = Log(directory=sys.argv[1])
for number in range(int(sys.argv[2])):
    event = log.append({"by": sys.argv[3], "number": number, "filler": "x" * 3000})
    print(event.seq, flush=True)
"""


@pytest.fixture
def log(place: Path) -> Log:
    return Log(directory=str(place / "dv/log"))


def file(log: Log) -> Path:
    return Path(log.directory, local_log.FILE)


def fill(log: Log, count: int = 3) -> None:
    for number in range(count):
        log.append({"number": number})


def writer(log: Log, count: int, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", APPEND, log.directory, str(count), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_an_empty_log(log: Log) -> None:
    assert (log.last(), list(log.read()), log.verify()) == (None, [], [])
    assert not os.path.exists(log.directory)


def test_append_and_read(log: Log) -> None:
    first = log.append({"verb": "add", "path": "\udcff"})
    second = log.append({"verb": "gc"})
    assert list(log.read()) == [first, second]
    assert (second.seq, second.prev) == (2, first.hash)
    assert log.last() == second
    assert log.verify() == []


def test_many_processes_and_threads_append(log: Log) -> None:
    writers = [writer(log, 40, name) for name in "ab"]
    threads = [threading.Thread(target=fill, args=(log, 20)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acknowledged = [int(line) for process in writers for line in process.communicate()[0].split()]
    events = list(log.read())
    assert log.verify() == []
    assert [event.seq for event in events] == list(range(1, 121))
    by_number = {event.seq: event.record for event in events}
    assert all("by" in by_number[seq] for seq in acknowledged)


def test_nothing_acknowledged_is_lost_when_killed(log: Log) -> None:
    acknowledged = 0
    for round_ in range(8):
        process = writer(log, 100_000, str(round_))
        assert process.stdout
        for _ in range(3 + round_):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, process.communicate()[0].split())])
        last = log.last()
        assert last
        assert last.seq >= acknowledged
        assert log.verify() == []


@pytest.mark.parametrize("kept", [0, 1, 40, -1])
def test_a_torn_line_is_set_aside_and_reported(log: Log, kept: int) -> None:
    fill(log)
    whole = file(log).read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    torn = whole[start:][:kept]
    file(log).write_bytes(whole[:start] + torn)
    reports: list[Event] = []
    again = Log(directory=log.directory, repaired=reports.append)

    event = again.append({"number": "next"})

    assert log.verify() == []
    if kept == 0:  # nothing is torn, the event is as good as never written
        assert reports == []
        assert event.seq == 3
        return
    assert [report.record["verb"] for report in reports] == ["repair"]
    assert (reports[0].seq, event.seq) == (3, 4)
    assert reports[0].record["bytes"] == len(torn)
    assert Path(log.directory, str(reports[0].record["file"])).read_bytes() == torn
    assert [event.seq for event in again.read()] == [1, 2, 3, 4]
    assert len(reports) == 1


@pytest.mark.parametrize("torn", [b"\0" * 20_000, b"\0" * 100 + b'"}\n', b'{"half":', b"one\ntwo\nthree"])
def test_reading_repairs_too(log: Log, torn: bytes) -> None:
    fill(log)
    with open(file(log), "ab") as target:
        target.write(torn)
    last = log.last()
    assert last
    assert last.record["verb"] == "repair"
    assert last.record["bytes"] == len(torn)
    assert Path(log.directory, "torn-00000004").read_bytes() == torn
    assert [event.seq for event in log.read()] == [1, 2, 3, 4]


def test_only_a_torn_first_line(log: Log) -> None:
    os.makedirs(log.directory)
    file(log).write_bytes(b'{"argv":')
    assert [event.record["verb"] for event in log.read()] == ["repair"]
    assert log.append({"verb": "add"}).seq == 2


@pytest.mark.parametrize("step", ["set aside", "cut off", "report torn"])
def test_a_repair_that_was_interrupted_is_finished(log: Log, step: str) -> None:
    fill(log)
    side = Path(log.directory, "torn-00000004")
    side.write_bytes(b"half")
    if step == "set aside":
        with open(file(log), "ab") as target:
            target.write(b"half")
    if step == "report torn":
        with open(file(log), "ab") as target:
            target.write(b'{"bytes":4')

    assert log.append({"number": 9}).seq == 5

    events = list(log.read())
    assert [event.record.get("verb", "") for event in events] == ["", "", "", "repair", ""]
    assert side.read_bytes() == (b'half{"bytes":4' if step == "report torn" else b"half")
    assert events[3].record["bytes"] == side.stat().st_size


def test_damage_in_the_middle_stays_and_is_reported(log: Log) -> None:
    fill(log, 5)
    lines = file(log).read_bytes().splitlines(keepends=True)
    lines[2] = b"garbage\n"
    file(log).write_bytes(b"".join(lines))

    assert log.append({"number": 5}).seq == 6
    assert [(flaw.seq, flaw.what) for flaw in log.verify()] == [(3, "the line is damaged")]
    assert file(log).read_bytes().splitlines(keepends=True)[:5] == lines
    with pytest.raises(FormatError, match=r"events\.jsonl:3: "):
        list(log.read())


def bytes_read() -> int:
    """What this process has read from files so far, as Linux counts it."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["rchar"])


def test_the_last_event_is_found_without_reading_the_rest(log: Log) -> None:
    fill(log)
    with open(file(log), "rb+") as target:
        whole = target.read()
        start = whole.rindex(b"\n", 0, -1) + 1
        hole = 3 * 2**30  # sparse: reading all of it would take seconds and gigabytes
        target.seek(0)
        target.truncate()
        target.seek(hole)
        target.write(b"\n" + whole[start:])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = bytes_read()
    last = log.last()
    assert last
    assert last.seq == 3
    assert log.append({"number": 4}).seq == 4
    assert bytes_read() - start < 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    os.truncate(file(log), 0)


def test_a_line_longer_than_the_window(log: Log) -> None:
    fill(log)
    long = log.append({"pointers": ["x" * 100] * 2000})
    assert log.last() == long
    assert log.append({}).seq == 5
    assert log.verify() == []


def test_a_full_disk_changes_nothing(log: Log) -> None:
    code = (
        "import resource, signal, sys; from data_versioning.eventlog.local_log import Log;"
        "from data_versioning.errors import DiskError;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); log = Log(directory=sys.argv[1]);"
        "log.append({}); resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500));\n"
        "try: log.append({'long': 'x' * 1000})\n"
        "except DiskError as error: print(error, '|', error.hint)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, log.directory], capture_output=True, text=True, check=True
    )
    assert "cannot write the log" in said.stdout
    assert [event.seq for event in log.read()] == [1]
    assert log.append({}).seq == 2
    assert log.verify() == []


def test_no_room_for_a_log(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(DiskError):
        Log(directory=str(place / "file/log")).append({})


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user")
def test_a_reader_who_may_not_write_sees_what_is_whole(log: Log) -> None:
    fill(log)
    with open(file(log), "ab") as target:
        target.write(b"torn")
    code = (
        "import os, sys; from data_versioning.eventlog.local_log import Log;"
        "os.setgid(65534); os.setuid(65534);"
        "log = Log(directory=sys.argv[1]); print(log.last().seq, [e.seq for e in log.read()], log.verify())"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, log.directory], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "3 [1, 2, 3] []"


def test_one_write_and_a_sync_before_append_returns(log: Log, place: Path) -> None:
    trace = place / "trace"
    command = [sys.executable, "-c", APPEND, log.directory, "2", "x"]
    traced = ["strace", "-f", "-y", "-e", "trace=write,fsync,pwrite64", "-o", str(trace), *command]
    subprocess.run(traced, capture_output=True, check=True)
    calls = [
        line.split(None, 1)[1]
        for line in trace.read_text().splitlines()
        if local_log.FILE in line or "1<pipe" in line
    ]
    kinds = ["answer" if "1<pipe" in line else line.split("(")[0] for line in calls]
    assert [kind for kind, _ in groupby(kinds)] == ["write", "fsync", "answer"] * 2
    assert kinds.count("write") == 2

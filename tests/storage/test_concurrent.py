"""Transfers over a client that fails as the test says."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path

import pytest

from data_versioning.errors import CorruptObject, MissingObject, StorageError
from data_versioning.storage import concurrent, moving
from data_versioning.storage.base import FailureKind, ObjectInfo, Page
from data_versioning.storage.client import Body, BriefClient, Unavailable, Unreachable
from data_versioning.storage.concurrent import PlainStore
from data_versioning.storage.moving import Row, Traffic
from tests.conformance.store import items

PART = 64
_REAL_PAUSE = moving._pause


@dataclass(slots=True)
class FakeClient:
    """A `PlainClient` in memory that writes down what it is asked for.

    `disturb` is called before each request with its name, key and first byte, and raises what shall go wrong; the
    `cuts` are after how many bytes the next answers break off.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    part_size: int = PART
    in_parts: bool = True
    disturb: Callable[[str, str, int], None] = lambda *_: None
    cuts: list[int] = field(default_factory=list)
    asked: list[tuple[str, int, int | None]] = field(default_factory=list)
    etag: str = "1"

    async def stat(self, key: str) -> ObjectInfo | None:
        self.disturb("stat", key, 0)
        return ObjectInfo(key, len(self.objects[key]), self.etag, None) if key in self.objects else None

    async def get(self, key: str, *, start: int = 0, end: int | None = None, etag: str | None = None) -> Body:
        await asyncio.sleep(0)
        self.asked.append((key, start, end))
        self.disturb("get", key, start)
        if key not in self.objects:
            raise MissingObject(key)
        if etag and etag != self.etag:
            raise Unavailable("changed")
        content = self.objects[key]
        return Body(len(content), self.etag, self._chunks(content[start:end]), self.in_parts)

    async def _chunks(self, content: bytes) -> AsyncIterator[bytes]:
        cut = self.cuts.pop(0) if self.cuts else None
        for start in range(0, len(content), 10):
            if cut is not None and start >= cut:
                if cut == 0:
                    return  # ended without an error
                raise Unavailable("connection lost")
            await asyncio.sleep(0)
            yield content[start : start + 10]

    async def put(self, key: str, content: bytes) -> str | None:
        self.disturb("put", key, 0)
        self.objects[key] = content
        return self.etag

    async def put_parts(self, key: str, parts: AsyncIterator[bytes], size: int) -> None:
        found = []
        async for part in parts:
            self.disturb("part", key, len(found))
            found.append(part)
        self.objects[key] = b"".join(found)


class FakeBriefClient(FakeClient, BriefClient):
    """The same, which gives content by one call, too."""

    __slots__ = ()

    async def piece(self, key: str, start: int, end: int) -> bytes:
        self.asked.append((key, start, end))
        self.disturb("piece", key, start)
        return self.objects[key][start:end]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Pauses pass at once, and are counted."""
    paused: list[int] = []

    async def pause(attempt: int, after: float = 0.0) -> None:
        paused.append(attempt)
        await asyncio.sleep(0)

    monkeypatch.setattr(moving, "_pause", pause)
    return paused


CONTENT = os.urandom(PART * 10 + 7)


def received(
    client: FakeClient, tmp_path: Path, content: bytes = CONTENT, digest: bytes | None = None
) -> Path:
    path = tmp_path / "got"
    traffic = Traffic()
    row = Row(0, "k", str(path), md5(content).digest() if digest is None else digest)
    try:
        size = asyncio.run(moving.receive(client, row, traffic))
        assert size == len(content) == traffic.moved
    finally:
        assert traffic.parts._value == 8 and traffic.large._value == 2, "a place in memory was not given back"
        assert [name for name in os.listdir(tmp_path) if name != "got"] == [], "a temporary file was left"
    return path


def test_parts_arrive_in_order_whatever_the_answers_do(tmp_path: Path) -> None:
    client = FakeClient({"k": CONTENT})
    assert received(client, tmp_path).read_bytes() == CONTENT
    starts = [start for _, start, _ in client.asked]
    assert starts[0] == 0 and starts[1:] == sorted(starts[1:]) and len(starts) > 5


@pytest.mark.parametrize("length", [0, 1, 10, 11, PART, PART + 1, 2 * PART, 3 * PART + 7])
def test_no_request_goes_over_a_seam(tmp_path: Path, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores keep each part of an upload in one piece; a request for bytes of two makes them read both."""
    monkeypatch.setattr(moving, "_SMALL", 10)
    client = FakeBriefClient(objects={"k": CONTENT[:length]})
    received(client, tmp_path, CONTENT[:length])
    assert all(
        end is not None and start // PART == (end - 1) // PART for _, start, end in client.asked if start
    )
    asked = sum(min(end, length) - start for _, start, end in client.asked if end is not None)
    assert asked <= length + 1, "something was asked for twice"


@pytest.mark.parametrize("cuts", [[30], [0], [0, 0, 30], [500, 20, 20], [10, 10, 10, 0, 10, 10, 10, 0, 30]])
def test_goes_on_where_the_connection_was_lost(tmp_path: Path, cuts: list[int]) -> None:
    client = FakeClient({"k": CONTENT}, cuts=cuts)
    assert received(client, tmp_path).read_bytes() == CONTENT


def test_goes_on_without_parts(tmp_path: Path) -> None:
    client = FakeClient({"k": CONTENT}, in_parts=False, cuts=[300])
    assert received(client, tmp_path).read_bytes() == CONTENT
    assert [start for _, start, _ in client.asked] == [0, 300]


def test_empty_content(tmp_path: Path) -> None:
    assert received(FakeClient({"k": b""}), tmp_path, b"").read_bytes() == b""


def test_gives_up_only_when_nothing_arrives_any_more(tmp_path: Path, no_pauses: list[int]) -> None:
    client = FakeClient({"k": CONTENT}, cuts=[10] * 100)
    client.part_size = 10_000
    assert received(client, tmp_path).read_bytes() == CONTENT, "each attempt brought ten bytes"
    no_pauses.clear()
    with pytest.raises(Unavailable):
        received(FakeClient({"k": CONTENT}, cuts=[0] * 100), tmp_path)
    assert len(no_pauses) == moving.ATTEMPTS - 1


def test_an_address_without_a_server_is_given_up_soon(tmp_path: Path, no_pauses: list[int]) -> None:
    def refuse(*_: object) -> None:
        raise Unreachable("nobody")

    with pytest.raises(Unreachable):
        received(FakeClient(disturb=refuse), tmp_path)
    assert len(no_pauses) == 2


def test_an_object_written_again_meanwhile(tmp_path: Path) -> None:
    client = FakeClient({"k": CONTENT}, cuts=[30])

    def touch(verb: str, key: str, start: int) -> None:
        client.etag = str(start)

    client.disturb = touch
    assert received(client, tmp_path).read_bytes() == CONTENT, "its digest says it is the same"
    client.cuts = [30]
    with pytest.raises(Unavailable):
        received(client, tmp_path, digest=b"")


def test_a_wrong_digest_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CorruptObject):
        received(FakeClient({"k": CONTENT}), tmp_path, digest=bytes(16))
    assert os.listdir(tmp_path) == []


def test_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("data_versioning.storage.partial.os.write", full)
    with pytest.raises(OSError, match="No space"):
        received(FakeClient({"k": CONTENT}), tmp_path)
    assert os.listdir(tmp_path) == []


def test_cancelled_in_the_middle(tmp_path: Path) -> None:
    client = FakeClient({"k": CONTENT})
    traffic = Traffic()

    async def run() -> None:
        task = asyncio.create_task(
            moving.receive(client, Row(0, "k", str(tmp_path / "got"), md5(CONTENT).digest()), traffic)
        )
        while len(client.asked) < 4:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
    assert traffic.parts._value == 8
    assert os.listdir(tmp_path) == []


def sent(client: FakeClient, path: Path, content: bytes, size: int | None = None) -> int:
    traffic = Traffic()
    try:
        return asyncio.run(moving.send(client, Row(0, "k", str(path), md5(content).digest()), traffic))
    finally:
        assert traffic.moved == len(client.objects.get("k", b""))
        assert traffic.parts._value == 8 and traffic.large._value == 2


@pytest.mark.parametrize("length", [0, 1, PART, PART + 1, 10 * PART, 10 * PART + 7])
def test_sends_after_trouble(tmp_path: Path, length: int) -> None:
    (tmp_path / "f").write_bytes(CONTENT[:length])
    troubles = [1, 1, 1]

    def disturb(*_: object) -> None:
        if troubles:
            troubles.pop()
            raise Unavailable("busy")

    client = FakeClient(disturb=disturb)
    assert sent(client, tmp_path / "f", CONTENT[:length]) == length
    assert client.objects == {"k": CONTENT[:length]}


@pytest.mark.parametrize("length", [1, PART, 10 * PART, 10 * PART + 7])
def test_sends_nothing_wrong(tmp_path: Path, length: int) -> None:
    (tmp_path / "f").write_bytes(CONTENT[:length])
    client = FakeClient()
    with pytest.raises(CorruptObject):
        sent(client, tmp_path / "f", b"something else")
    with pytest.raises(MissingObject):
        sent(client, tmp_path / "none", b"")
    assert client.objects == {}


@pytest.mark.parametrize("change", [-100_000, -1, +1, 100_000])
def test_a_file_that_changes_its_length_while_it_is_sent(tmp_path: Path, change: int) -> None:
    path, content = tmp_path / "f", os.urandom(300_000)
    path.write_bytes(content)

    def disturb(verb: str, key: str, number: int) -> None:
        if number == 1:
            with path.open("r+b") as file:
                file.truncate(len(content) + change)

    client = FakeClient(disturb=disturb, part_size=32_000)
    with pytest.raises(CorruptObject):
        sent(client, path, content)
    assert client.objects == {}


def uploaded(client: FakeClient, tmp_path: Path, count: int) -> dict[str, FailureKind]:
    contents = {f"k/{i}": b"%d" % i for i in range(count)}
    for key, content in contents.items():
        (tmp_path / key.removeprefix("k/")).write_bytes(content)
    outcome = PlainStore(client, in_flight=2).upload(items(tmp_path, contents))
    assert outcome.size == sum(map(len, client.objects.values()))
    return {list(contents)[i]: failure.kind for i, failure in outcome.failures.items()}


def test_one_file_that_is_refused_does_not_stop_the_others(tmp_path: Path) -> None:
    def disturb(verb: str, key: str, start: int) -> None:
        if key in ("k/0", "k/9"):
            raise StorageError("archived")

    client = FakeClient(disturb=disturb)
    assert uploaded(client, tmp_path, 10) == dict.fromkeys(("k/0", "k/9"), FailureKind.REFUSED)
    assert len(client.objects) == 8


def test_a_store_that_refuses_everything_is_given_up(tmp_path: Path) -> None:
    asked = []

    def disturb(verb: str, key: str, start: int) -> None:
        asked.append(key)
        if len(asked) > 5:
            raise StorageError("closed", hint="open it")

    with pytest.raises(StorageError, match="closed"):
        uploaded(FakeClient(disturb=disturb), tmp_path, 100)
    assert len(asked) < 15
    with pytest.raises(StorageError, match="closed"):
        uploaded(FakeClient(disturb=disturb), tmp_path, 1)


def test_a_file_that_cannot_be_written_does_not_stop_the_others(tmp_path: Path) -> None:
    client = FakeClient({"k/a": b"a", "k/b": b"b", "k/c": b"c"})
    (tmp_path / "b").mkdir()
    outcome = PlainStore(client).download(items(tmp_path, {"k/a": b"a", "k/b": b"b", "k/c": b"c"}))
    assert {i: failure.kind for i, failure in outcome.failures.items()} == {1: FailureKind.REFUSED}
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


INTERRUPTED = """
import asyncio, os, sys, signal
from tests.conformance.store import items
from tests.storage.test_concurrent import FakeClient, CONTENT
from data_versioning.storage.concurrent import PlainStore
from pathlib import Path

client = FakeClient({f"k/{i}": CONTENT for i in range(50)}, part_size=1 << 20)

def disturb(verb, key, start):
    if len(client.asked) == 40:
        os.kill(os.getpid(), signal.SIGINT)

async def slowly(self, content):
    for start in range(0, len(content), 10):
        await asyncio.sleep(0.05)
        yield content[start : start + 10]

client.disturb = disturb
FakeClient._chunks = slowly
try:
    PlainStore(client, in_flight=50).download(items(Path(sys.argv[1]), dict.fromkeys(client.objects, CONTENT)))
except KeyboardInterrupt:
    sys.exit(42)
"""


def test_ctrl_c_leaves_nothing_half_done(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path / "target")],
        cwd=Path(__file__).parents[2], timeout=60, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 42, done.stderr
    assert done.stderr == b""
    assert os.listdir(tmp_path / "target") == []


def test_threads_end_with_their_store() -> None:
    before = threading.active_count()
    for _ in range(5):
        assert len(PlainStore(FakeClient()).find(["a"])) == 0
    assert threading.active_count() <= before + 1


def test_connections_are_closed_when_the_program_ends() -> None:
    script = (
        "from tests.storage.test_concurrent import FakeClient\n"
        "from data_versioning.storage.concurrent import PlainStore\n"
        "async def close(): print('closed')\n"
        "store = PlainStore(FakeClient(), closing=close)\n"
        "store.find(['a'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("closed\n", "")


def test_what_was_damaged_on_its_way_is_asked_for_again(tmp_path: Path) -> None:
    client = FakeClient({"k": b"damaged"})

    def mend(verb: str, key: str, start: int) -> None:
        if len(client.asked) == 2:
            client.objects["k"] = b"content"

    client.disturb = mend
    assert received(client, tmp_path, b"content").read_bytes() == b"content"
    assert len(client.asked) == 2


def test_a_store_that_stops_in_the_middle_lists_the_rest(tmp_path: Path) -> None:
    client = FakeClient({f"k/{number}": b"x" for number in range(40)}, part_size=1 << 20)

    def disturb(verb: str, key: str, start: int) -> None:
        if int(key[2:]) >= 10:
            raise Unavailable("busy")

    client.disturb = disturb
    outcome = PlainStore(client, in_flight=4).download(items(tmp_path, dict.fromkeys(client.objects, b"x")))
    assert sorted(outcome.failures) == list(range(10, 40))
    assert {failure.kind for failure in outcome.failures.values()} == {FailureKind.REFUSED}
    assert all("busy" in failure.reason for failure in outcome.failures.values())


def test_a_pause_that_the_store_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(attempt: int, after: float = 0.0) -> None:
        pauses.append(after)

    monkeypatch.setattr(moving, "_pause", pause)
    answers = [Unavailable("throttled", after=7), Unavailable("throttled")]

    def disturb(*_: object) -> None:
        if answers:
            raise answers.pop(0)

    received(FakeClient({"k": CONTENT}, disturb=disturb), tmp_path)
    assert pauses == [7, 0]


def test_no_pause_is_shorter_than_asked_for_or_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(_REAL_PAUSE(1, 7))
    asyncio.run(_REAL_PAUSE(1, 1e9))
    assert 7 < slept[0] < 8 and 120 < slept[1] < 121


@pytest.mark.parametrize(
    ("last", "directories", "expected"),
    [
        ("files/md5/aa/x", [f"files/md5/{number:02x}/" for number in range(256)], True),
        ("files/md5/01/x", [f"files/md5/{number:02x}/" for number in range(256)], False),
        ("files/md5/01/x", ["files/"], False),
        ("files/md5/ff/x", ["files/", "runs/"], False),
        ("b", [], True),
    ],
)
def test_when_a_listing_goes_on_page_by_page(last: str, directories: list[str], expected: bool) -> None:
    page = Page(keys=["a", last], sizes=[0, 0])
    assert concurrent._is_nearly_through(page, directories) is expected

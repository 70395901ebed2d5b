"""What must hold of every `Uploads`, against a real server, through a line that can be disturbed.

class TestMyUploads(UploadsSuite):
    fixture `proxy`: the line to the server
    fixture `opened`: a store behind it
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from hashlib import md5
from typing import Any

import pytest

from data_versioning.errors import CorruptObject, StorageError
from data_versioning.storage import resuming
from data_versioning.storage.client import Unavailable
from data_versioning.storage.resuming import Ended, Part, ResumingClient, Upload, Uploads
from tests.servers.fault_proxy import FaultProxy
from tests.servers.proxy import Fault

PART = 5 << 20  # the least that Amazon and Google take
CONTENT = [bytes([number]) * PART for number in range(5)] + [b"end"]
SIZE = sum(map(len, CONTENT))


@dataclass(frozen=True, slots=True)
class Counted:
    """Uploads that count what is asked for."""

    real: Uploads
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def needs_digests(self) -> bool:
        return self.real.needs_digests

    def begin(self, key: str) -> Upload | None:
        self.calls["begin"] += 1
        return self.real.begin(key)

    def send(self, key: str, upload: str, part: Part, content: bytes) -> str:
        self.calls["send"] += 1
        return self.real.send(key, upload, part, content)

    def complete(self, key: str, upload: str, parts: list[str]) -> None:
        self.calls["complete"] += 1
        self.real.complete(key, upload, parts)

    def abandon(self, key: str, upload: str) -> None:
        self.calls["abandon"] += 1
        self.real.abandon(key, upload)

    def arrived(self) -> dict[Part, str]:
        """What the server has of the object "large"."""
        upload = self.real.begin("large")
        assert upload
        return dict(upload.arrived)


async def parts(until: int | None = None, error: Exception | None = None) -> AsyncIterator[bytes]:
    for part in CONTENT[:until]:
        yield part
    if error:
        raise error


def send(client: ResumingClient, content: AsyncIterator[bytes]) -> None:
    asyncio.run(client.put_parts("large", content, SIZE))


def numbered(number: int, content: bytes) -> Part:
    return Part(number, md5(content).digest())


class UploadsSuite:
    """Large uploads that go on where an earlier one stopped."""

    @pytest.fixture
    def opened(self) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def uploads(self, opened: Any) -> Counted:
        return Counted(opened.client.uploads())

    @pytest.fixture
    def client(self, opened: Any, uploads: Counted, monkeypatch: pytest.MonkeyPatch) -> ResumingClient:
        monkeypatch.setattr(resuming, "_WORTH_RESUMING", 1)
        found: ResumingClient = opened.client
        return replace(found, uploads=lambda: uploads, part_size=PART)

    def test_without_trouble(self, client: ResumingClient, uploads: Counted, opened: Any) -> None:
        send(client, parts())
        assert opened.read("large") == b"".join(CONTENT)
        assert uploads.calls["send"] == len(CONTENT)
        assert uploads.arrived() == {}

    def test_what_arrived_is_not_sent_again(
        self, client: ResumingClient, uploads: Counted, opened: Any, proxy: FaultProxy
    ) -> None:
        with pytest.raises(Unavailable):
            send(client, parts(3, Unavailable("the line is gone")))
        assert set(uploads.arrived()) == {numbered(at + 1, CONTENT[at]) for at in range(3)}
        assert not opened.find(["large"]).keys
        uploads.calls.clear()
        proxy.forget()
        send(client, parts())
        assert uploads.calls["send"] == len(CONTENT) - 3
        assert proxy.up < SIZE - 3 * PART + PART // 2
        assert opened.read("large") == b"".join(CONTENT)

    def test_parts_of_other_content_are_replaced(
        self, client: ResumingClient, uploads: Counted, opened: Any
    ) -> None:
        upload = uploads.real.begin("large")
        assert upload
        for number, content in ((1, b"x" * PART), (2, CONTENT[1])):
            uploads.real.send("large", upload.id, numbered(number, content), content)
        send(client, parts())
        assert uploads.calls["send"] == len(CONTENT) - 1
        assert opened.read("large") == b"".join(CONTENT)

    def test_an_object_is_replaced(self, client: ResumingClient, uploads: Counted, opened: Any) -> None:
        opened.put_if("large", b"before", None)
        with pytest.raises(Unavailable):
            send(client, parts(2, Unavailable("the line is gone")))
        assert opened.read("large") == b"before"
        send(client, parts())
        assert opened.read("large") == b"".join(CONTENT)

    def test_damaged_content_makes_no_object(
        self, client: ResumingClient, uploads: Counted, opened: Any
    ) -> None:
        with pytest.raises(CorruptObject):
            send(client, parts(3, CorruptObject("not what its name says")))
        assert uploads.calls["abandon"] == 1 and uploads.calls["complete"] == 0
        assert not opened.find(["large"]).keys

    def test_what_is_refused_once_is_not_sent_on(
        self, client: ResumingClient, uploads: Counted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(resuming, "_IN_MEMORY", 2 * PART)

        class Refusing(Counted):
            def send(self, key: str, upload: str, part: Part, content: bytes) -> str:
                self.calls["send"] += 1
                raise StorageError("over quota")

        refusing = Refusing(uploads.real)
        with pytest.raises(StorageError, match="over quota"):
            send(replace(client, uploads=lambda: refusing), parts())
        assert refusing.calls["send"] == 2

    def test_a_part_that_changes_on_its_way_is_not_kept(
        self, client: ResumingClient, uploads: Counted, proxy: FaultProxy
    ) -> None:
        upload = uploads.real.begin("large")
        assert upload
        part = numbered(1, CONTENT[0]) if uploads.needs_digests else Part(1, b"")
        proxy.chance, proxy.faults = 1.0, (Fault.CORRUPT_UP,)
        try:
            with pytest.raises(StorageError):
                uploads.real.send("large", upload.id, part, CONTENT[0])
        finally:
            proxy.chance, proxy.faults = 0.0, tuple(Fault)
        assert proxy.disturbed[Fault.CORRUPT_UP]
        assert uploads.arrived() == {}

    @pytest.mark.parametrize("old", [None, b"old", bytes(SIZE)])
    def test_the_answer_to_the_end_is_lost(
        self, client: ResumingClient, uploads: Counted, opened: Any, old: bytes | None
    ) -> None:
        class Lost(Counted):
            def complete(self, key: str, upload: str, parts: list[str]) -> None:
                super().complete(key, upload, parts)
                raise Ended("no such upload")

        if old is not None:
            asyncio.run(client.put("large", old))
        lost = Lost(uploads.real)
        send(replace(client, uploads=lambda: lost), parts())
        assert opened.read("large") == b"".join(CONTENT)

    @pytest.mark.parametrize("old", [None, bytes(SIZE)])
    def test_somebody_ends_it_without_an_object(
        self, client: ResumingClient, uploads: Counted, old: bytes | None
    ) -> None:
        class Aborted(Counted):
            def complete(self, key: str, upload: str, parts: list[str]) -> None:
                raise Ended("no such upload")

        if old is not None:
            asyncio.run(client.put("large", old))
        with pytest.raises(Ended):
            send(replace(client, uploads=lambda: Aborted(uploads.real)), parts())

    def test_small_files_take_the_fast_way(
        self, client: ResumingClient, uploads: Counted, opened: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(resuming, "_WORTH_RESUMING", SIZE + 1)
        send(client, parts())
        assert not uploads.calls
        assert opened.read("large") == b"".join(CONTENT)

    def test_without_the_right_to_list_it_is_sent_anew(
        self, client: ResumingClient, uploads: Counted, opened: Any
    ) -> None:
        class NotPermitted(Counted):
            def begin(self, key: str) -> None:
                return None

        send(replace(client, uploads=lambda: NotPermitted(uploads.real)), parts())
        assert opened.read("large") == b"".join(CONTENT)

    def test_nobody_answers(self, client: ResumingClient, proxy: FaultProxy) -> None:
        proxy.chance, proxy.faults = 1.0, (Fault.SLOW_DOWN,)
        try:
            with pytest.raises(Unavailable):
                send(client, parts())
        finally:
            proxy.chance, proxy.faults = 0.0, tuple(Fault)

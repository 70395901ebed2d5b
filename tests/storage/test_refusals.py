"""Wrong settings: one clear sentence, the setting to change, no secret, and soon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_versioning import storage
from data_versioning.errors import ConfigError, MissingObject, StorageError
from data_versioning.storage import object_store
from data_versioning.storage.base import Store, WritableStore
from data_versioning.storage.client import Unavailable
from data_versioning.storage.resuming import Part
from tests.conformance.store import items
from tests.servers import azurite, nginx, process, seaweedfs
from tests.servers.answering import answering

SECRET = "dG9wLXNlY3JldC1rZXktb2YtYWxs"
S3 = {"access_key_id": "AKIA", "secret_access_key": SECRET, "region": "us-east-1"}
AZURE = {"connection_string": f"AccountName=someone;AccountKey={SECRET};BlobEndpoint={{}}/someone"}


def refusal(store: WritableStore, use: Callable[[WritableStore], object]) -> StorageError:
    with pytest.raises(StorageError) as refused:
        use(store)
    text = f"{refused.value.message} {refused.value.hint}"
    assert refused.value.hint and "dv remote modify" in refused.value.hint
    assert SECRET not in text and "Debug" not in text and "\n" not in refused.value.message
    return refused.value


def ask(store: WritableStore) -> object:
    return store.find(["files/md5/ab/cd"])


def read(store: WritableStore) -> object:
    return store.read("files/md5/ab/cd")


def listing(store: WritableStore) -> object:
    assert isinstance(store, Store)
    return list(store.list("files/"))


@pytest.fixture
def upload(tmp_path: Path) -> Callable[[WritableStore], object]:
    (tmp_path / "one").write_bytes(b"1")
    return lambda store: store.upload(items(tmp_path, {"x/one": b"1"}))


def opened(kind: str, server: str) -> WritableStore:
    """A store of each kind at an address of our choice."""
    match kind:
        case "s3":
            return storage.open_store("s3://bucket/p", {**S3, "endpointurl": server})
        case "gs":
            return storage.open_store(
                "gs://bucket/p", {"endpointurl": server, "allow_anonymous_login": "true"}
            )
        case "azure":
            return storage.open_store(
                "azure://box/p", {"connection_string": AZURE["connection_string"].format(server)}
            )
    return storage.open_store(f"{server}/p", {})


KINDS = ("s3", "gs", "azure", "http")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Only the first test waits as long as a user does."""
    if "nobody_answers[s3]" not in request.node.name:
        monkeypatch.setattr("data_versioning.storage.moving._PAUSE", 0.05)
        monkeypatch.setattr(object_store, "RETRIES", {**object_store.RETRIES, "max_retries": 1})


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_answers(kind: str, upload: Callable[[WritableStore], object]) -> None:
    (port,) = process.free_ports(1)
    store = opened(kind, f"http://127.0.0.1:{port}")
    error = refusal(store, ask)
    assert error.message == f"nobody answers at 127.0.0.1:{port}: connection refused"
    assert refusal(store, upload).message == error.message


@pytest.mark.parametrize("kind", KINDS)
def test_no_such_host(kind: str) -> None:
    error = refusal(opened(kind, "http://storage.invalid"), ask)
    assert error.message == "there is no host storage.invalid"


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_is_not_trusted(kind: str, untrusted: tuple[str, Path]) -> None:
    server, _ = untrusted
    error = refusal(opened(kind, server), ask)
    assert error.message.startswith(f"the certificate of {server.removeprefix('https://')} is not valid: ")
    assert "ssl_verify" in (error.hint or "")


def test_certificates_that_the_remote_names(untrusted: tuple[str, Path]) -> None:
    server, certificate = untrusted
    for verify in (str(certificate), "false"):
        for url, settings in (("s3://bucket/p", {**S3, "endpointurl": server}), (f"{server}/p", {})):
            store = storage.open_store(url, {**settings, "ssl_verify": verify})
            assert len(store.find(["a"])) == 0
    with pytest.raises(ConfigError, match="ssl_verify"):
        storage.open_store(f"{server}/p", {"ssl_verify": "/nowhere"})


@pytest.mark.parametrize("by", ["environment", "profile"])
def test_certificates_that_amazons_tools_trust(
    by: str, untrusted: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = untrusted
    settings = {**S3, "endpointurl": server}
    if by == "environment":
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    else:
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        (tmp_path / "config").write_text(f"[default]\nca_bundle = {certificate}\n")
        settings["configpath"] = str(tmp_path / "config")
    assert len(storage.open_store("s3://bucket/p", settings).find(["a"])) == 0
    (tmp_path / "config").write_text("[default]\nca_bundle = /nowhere\n")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere")
    with pytest.raises(ConfigError, match="/nowhere"):
        storage.open_store("s3://bucket/p", settings)


def test_another_region() -> None:
    with answering(301) as server:
        assert refusal(opened("s3", server), ask).message == "s3://bucket is in another region"


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_in_trouble_is_tried_again_and_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_versioning.storage.moving.ATTEMPTS", 1)
    with answering(503) as server:
        assert "does not answer: 503" in refusal(opened(kind, server), read).message


@pytest.mark.parametrize(
    "code", ["BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout"]
)
def test_content_that_was_damaged_on_its_way_is_sent_again(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_versioning.storage.moving.ATTEMPTS", 2)
    (tmp_path / "one").write_bytes(b"1")
    with answering(400, body=f"<Error><Code>{code}</Code></Error>".encode()) as server:
        outcome = opened("s3", server).upload(items(tmp_path, {"x/one": b"1"}))
        error = refusal(opened("s3", server), read)
    assert "did not get what was sent" in outcome.failures[0].reason
    assert error.message == f"s3://bucket did not get what was sent: 400 {code}"
    assert isinstance(error, Unavailable)


def test_a_deletion_that_is_not_permitted_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 says so of single objects, within an answer of the status 200."""
    body = (
        b"<DeleteResult><Error><Key>p/a</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        b"</DeleteResult>"
    )

    async def never(attempt: int, after: float = 0.0) -> None:
        raise AssertionError(f"attempt {attempt} was not the last")

    monkeypatch.setattr("data_versioning.storage.moving._pause", never)
    with answering(200, body=body) as server:
        store = opened("s3", server)
        assert isinstance(store, Store)
        assert (
            "does not permit to delete (AccessDenied)"
            in refusal(store, lambda _: store.delete(["a"])).message
        )


def test_s3_credentials(s3_server: seaweedfs.S3Server, upload: Callable[[WritableStore], object]) -> None:
    store = storage.open_store(s3_server.fresh(), {**s3_server.settings, "secret_access_key": SECRET})
    for use in (read, listing, upload):
        error = refusal(store, use)
        assert error.message == "s3://test does not accept the credentials (SignatureDoesNotMatch)"
        assert "secret_access_key" in (error.hint or "")
    assert "no right to it, or wrong credentials" in refusal(store, ask).message
    store = storage.open_store(s3_server.fresh(), {**s3_server.settings, "access_key_id": "nobody"})
    assert "(InvalidAccessKeyId)" in refusal(store, listing).message


def test_s3_bucket(s3_server: seaweedfs.S3Server) -> None:
    store = storage.open_store("s3://nowhere/x", s3_server.settings)
    assert refusal(store, read).message == "s3://nowhere does not exist"


def test_azure_container_and_key(
    azure_server: azurite.AzureServer, upload: Callable[[WritableStore], object]
) -> None:
    store = storage.open_store("azure://nowhere/x", azure_server.settings)
    for use in (read, listing, upload):
        assert refusal(store, use).message == "azure://nowhere does not exist"
    text = azure_server.connection_string.replace(azurite.KEY, SECRET)
    store = storage.open_store(azure_server.fresh(), {"connection_string": text})
    for use in (read, listing, upload):
        assert "does not accept the credentials" in refusal(store, use).message
    with pytest.raises(ConfigError) as refused:
        storage.open_store(
            azure_server.fresh(), {"account_name": "someone", "account_key": f"{SECRET}!"}
        ).find(["a"])
    assert SECRET not in str(refused.value)


def test_gcs_bucket(gcs_server: object, upload: Callable[[WritableStore], object]) -> None:
    store = storage.open_store("gs://nowhere/x", gcs_server.settings)  # type: ignore[attr-defined]
    for use in (listing, upload):
        assert refusal(store, use).message == "gs://nowhere does not exist"


def test_web_server_login(nginx_server: nginx.NginxServer, upload: Callable[[WritableStore], object]) -> None:
    url = f"{nginx_server.url}/basic/t"
    right = {"auth": "basic", "user": nginx.USER, "password": nginx.PASSWORD, "method": "PUT"}
    store = storage.open_store(url, right)
    upload(store)
    assert store.read("x/one") == b"1"
    wrong = storage.open_store(url, {**right, "password": SECRET})
    for use in (ask, read, upload):
        error = refusal(wrong, use)
        assert "does not accept the credentials (401" in error.message
    with pytest.raises(MissingObject):
        read(store)


def test_web_server_method(
    nginx_server: nginx.NginxServer, upload: Callable[[WritableStore], object]
) -> None:
    error = refusal(storage.open_store(nginx_server.fresh(), {}), upload)
    assert "takes no uploads by POST" in error.message
    assert error.hint == "dv remote modify NAME method PUT"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>sign in to this network</html>",
        b"not even that",
        b"<Error><Code>InternalError</Code></Error>",
        b"{}",
        b'{"items": [{}]}',
        b"[]",
    ],
)
def test_google_says_yes_and_something_else(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is between us and Google answers in its place, or the refusal comes after the status."""
    monkeypatch.setattr("data_versioning.storage.moving.ATTEMPTS", 1)
    with answering(200, body=body) as server:
        store: Any = opened("gs", server)
        uploads = store.client.uploads()
        for ask in (
            lambda: uploads.begin("large"),
            lambda: uploads.complete("large", "1", ["etag"]),
        ):
            with pytest.raises(Unavailable, match="gs://bucket answers in an unknown way"):
                ask()
        for names in (["one"], ["one", "two"]):
            if names[1:] and body == b"{}":
                assert store.ids(names) == ["", ""]
                continue
            with pytest.raises(StorageError, match="gs://bucket answers in an unknown way"):
                store.ids(names)


def test_s3_says_yes_and_something_else() -> None:
    """Where somebody else answered, no upload was completed."""
    with answering(200, body=b"<html>sign in to this network</html>") as server:
        store: Any = opened("s3", server)
        uploads = store.client.uploads()
        for ask in (
            lambda: uploads.begin("large"),
            lambda: uploads.send("large", "1", Part(1, bytes(16)), b"x"),
            lambda: uploads.complete("large", "1", ["etag"]),
        ):
            with pytest.raises(Unavailable, match="s3://bucket "):
                ask()


@pytest.mark.parametrize("kind", ["s3", "gs"])
@pytest.mark.parametrize("marker", [b"", b"<NextPartNumberMarker>7</NextPartNumberMarker>"])
def test_a_list_of_parts_without_an_end(kind: str, marker: bytes) -> None:
    body = b"<ListPartsResult><IsTruncated>true</IsTruncated>%s</ListPartsResult>" % marker
    with answering(200, body=body) as server:
        store: Any = opened(kind, server)
        uploads = store.client.uploads()
        name = {"Bucket": "bucket", "Key": "large"} if kind == "s3" else "large"
        with pytest.raises(Unavailable, match="answers in an unknown way"):
            uploads._arrived(name, "1")


PAGE = b"""<ListBucketResult><Name>bucket</Name><KeyCount>1</KeyCount><IsTruncated>true</IsTruncated>
<NextContinuationToken>again</NextContinuationToken>%s</ListBucketResult>"""
ENTRY = b"""<Contents><Key>p/files/one</Key>
<LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>"""


@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_a_listing_that_begins_again(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_versioning.storage.moving.ATTEMPTS", 1)
    with answering(200, body=PAGE % ENTRY) as server:
        error = refusal(opened(kind, server), listing)
    assert error.message == f"{kind}://bucket lists in circles: files/one comes twice"


def test_a_listing_of_empty_pages_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "_LISTING", 0.6)
    with answering(200, body=PAGE % b"") as server:
        for use in (listing, lambda store: store.directories("files/")):  # type: ignore[attr-defined]
            assert "s3://bucket lists without an end" in refusal(opened("s3", server), use).message


def test_an_answer_that_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is short, and speaks of what was to be received, not sent."""
    monkeypatch.setattr("data_versioning.storage.moving.ATTEMPTS", 1)
    about = {"ETag": '"1"', "Last-Modified": "Thu, 26 Nov 2026 12:00:00 GMT", "Transfer-Encoding": "chunked"}
    with answering(200, body=b"not a chunk", headers=about) as server:
        assert refusal(opened("s3", server), read).message.startswith(
            "s3://bucket does not answer: HTTP error: "
        )


@pytest.mark.parametrize("kind", ["s3", "gs", "azure"])
def test_a_server_that_gives_no_parts(kind: str, tmp_path: Path) -> None:
    about = {"ETag": '"1"', "Last-Modified": "Thu, 26 Nov 2026 12:00:00 GMT"}
    with answering(200, body=b"1", headers=about) as server:
        done = opened(kind, server).download(items(tmp_path, {"one": b"1"}))
    assert not done.failures and (tmp_path / "one").read_bytes() == b"1"


@pytest.mark.parametrize(
    "address", [f"htp://{SECRET}", "http://", f"https://{SECRET} x", "http://[1", "http://h:port"]
)
def test_an_address_that_is_none(address: str) -> None:
    for kind in ("s3", "gs", "azure"):
        with pytest.raises(ConfigError, match=r"is not the address of a server|neither") as refused:
            opened(kind, address)
        assert SECRET not in f"{refused.value} {refused.value.hint}"


def test_a_listing_of_google_without_an_end() -> None:
    with answering(200, body=b'{"items": [], "nextPageToken": "again"}') as server:
        store: Any = opened("gs", server)
        with pytest.raises(StorageError, match="gs://bucket answers in an unknown way"):
            store.ids(["one", "two"])


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ExpiredToken"), (400, "InvalidToken"), (403, "AllAccessDisabled")]
)
def test_credentials_that_end_during_a_large_upload(status: int, code: str) -> None:
    with answering(status, body=f"<Error><Code>{code}</Code></Error>".encode()) as server:
        store: Any = opened("s3", server)
        with pytest.raises(StorageError, match=code) as refused:
            store.client.uploads().send("large", "1", Part(1, bytes(16)), b"x")
    assert not isinstance(refused.value, Unavailable)
    assert "modify" in (refused.value.hint or "")

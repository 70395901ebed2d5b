"""What is at a URL, and what of it DVC records, as far as no server is needed."""

from __future__ import annotations

import json
from hashlib import md5

import pytest

from data_versioning.errors import PathError
from data_versioning.formats.config import Settings
from data_versioning.remotes import origin
from data_versioning.remotes.origin import Found, Origin
from tests.conformance.store_memory import MemoryStore

SECTIONS = {
    "core": {},
    'remote "bucket"': {"url": "s3://bucket", "profile": "outer"},
    'remote "inner"': {"url": "remote://bucket/data/", "region": "here"},
    'remote "loop"': {"url": "remote://loop"},
    'remote "all"': {"url": "https://", "ssl_verify": "false"},
    'remote "every"': {"url": "s3://", "endpointurl": "http://elsewhere"},
    'remote "web"': {"url": "https://host/files"},
}


def place(objects: dict[str, bytes], key: str = "dir", scheme: str = "s3") -> Origin:
    return Origin(
        url=f"{scheme}://bucket/{key}",
        scheme=scheme,
        shown=f"bucket/{key}",
        store=MemoryStore(objects=objects),
        key=key,
    )


@pytest.mark.parametrize(
    ("url", "name", "options"),
    [
        ("s3://bucket/x", "bucket", {"profile": "outer"}),
        ("s3://bucket/data/x", "inner", {"profile": "outer", "region": "here"}),
        ("s3://bucket/data", "inner", {"profile": "outer", "region": "here"}),
        ("s3://bucket/database", "bucket", {"profile": "outer"}),
        ("s3://bucketing/x", "s3://bucketing/x", {}),
        ("https://host/files/a", "web", {}),
        ("https://host/other", "https://host/other", {}),
    ],
)
def test_the_innermost_remote_around_a_url(url: str, name: str, options: dict[str, str]) -> None:
    found = origin.covering(Settings(SECTIONS, {}), url)
    assert (found.name, found.url, dict(found.options)) == (name, url, options)


def test_a_file_and_a_directory() -> None:
    objects = {"dir/b": b"bb", "dir/a/x": b"x", "dirt": b"no", "other": b"no"}
    found = origin.look(place(objects))
    assert found is not None
    assert (found.is_dir, found.names, found.sizes) == (True, ["a/x", "b"], [1, 2])
    file = origin.look(place(objects, "dirt"))
    assert file is not None
    assert (file.is_dir, file.names, file.size) == (False, [""], 2)
    assert origin.look(place(objects, "nothing")) is None


def test_the_whole_bucket() -> None:
    found = origin.look(place({"a": b"a", "b/c": b"c"}, key=""))
    assert found is not None
    assert found.names == ["a", "b/c"]


def test_objects_that_mark_directories_are_no_files() -> None:
    found = origin.look(place({"dir/sub": b"", "dir/sub/x": b"x", "dir/empty": b""}))
    assert found is not None
    assert found.names == ["empty", "sub/x"]


@pytest.mark.parametrize("names", [("../x",), ("a//b",), ("a/./b",), ("a", "a/b"), ("a\0b",)])
def test_names_that_no_directory_can_hold(names: tuple[str, ...]) -> None:
    with pytest.raises(PathError, match="no directory can"):
        origin.look(place({f"dir/{name}": b"content" for name in names}))


def test_a_directory_is_recorded_by_the_etags_of_its_files() -> None:
    found = Found(is_dir=True, names=["a", "b"], sizes=[1, 2], etags=['"one"', '"two"'])
    recorded = origin.dependency(place({}), "s3://bucket/dir", found)
    listing = json.dumps([{"etag": "one", "relpath": "a"}, {"etag": "two", "relpath": "b"}])
    assert recorded.md5 == f"{md5(listing.encode()).hexdigest()}.dir"
    assert (recorded.size, recorded.nfiles, recorded.etag) == (3, 2, None)


def test_etags_in_the_form_of_each_store() -> None:
    def recorded(scheme: str, etag: str) -> tuple[str | None, str | None]:
        found = Found(is_dir=False, names=[""], sizes=[1], etags=[etag])
        one = origin.dependency(place({}, scheme=scheme), "url", found)
        return one.etag, one.checksum

    assert recorded("s3", '"x"') == ("x", None)
    assert recorded("azure", "x") == ('"x"', None)
    assert recorded("azure", '"x"') == ('"x"', None)
    assert recorded("https", 'W/"x"') == (None, 'W/"x"')


def test_what_a_server_does_not_tell_cannot_be_recorded() -> None:
    found = Found(is_dir=False, names=[""], sizes=[1], etags=None)
    with pytest.raises(PathError, match="no ETag"):
        origin.dependency(place({}, scheme="http"), "http://host/x", found)

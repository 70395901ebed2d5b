"""What a path of another repository holds."""

from __future__ import annotations

import pytest

from data_versioning.errors import DataVersioningError, MissingObject, PathError
from data_versioning.operations import contents, external
from data_versioning.operations.contents import Contents
from data_versioning.operations.origin import Origin
from data_versioning.operations.sharing import ServedByDvc
from tests.operations.registry import OLD_VALUE, Registry
from tests.operations.work import digest


@pytest.fixture(autouse=True)
def _home(private_home: None) -> None:
    """Copies lie in the sandbox."""


def find(url: str, path: str, *, rev: str | None = None) -> Contents:
    return contents.find(external.open(Origin(url=url, rev=rev)), path)


@pytest.mark.parametrize("form", ["path", "url"])
def test_data_and_files(registry: Registry, form: str) -> None:
    url = registry.url if form == "url" else str(registry.root)
    whole = find(url, "data")
    assert (whole.is_dir, [one.name for one in whole.held]) == (True, ["a", "new", "sub/b"])
    assert whole.whole is not None
    part = find(url, "data/sub")
    assert (part.is_dir, [one.name for one in part.held], part.whole) == (True, ["b"], None)
    file = find(url, "data/sub/b")
    assert (file.is_dir, [(one.name, one.oid.value) for one in file.held]) == (False, [("", digest("b"))])
    code = find(url, "code")
    assert (code.is_dir, sorted(code.files)) == (True, ["deep/er", "link", "run.sh"])
    assert (find(url, "notes.txt").files, find(url, "notes.txt").is_dir) == (("",), False)
    inner = find(url, "nested/keep")
    assert (inner.part.prefix, inner.place("")) == ("nested", "nested/keep")


def test_everything_at_once(registry: Registry) -> None:
    """Neither pointer files, nor what is ignored, nor other projects; data as recorded."""
    found = find(str(registry.root), "")
    assert sorted(found.files) == [".gitignore", "code/deep/er", "code/link", "code/run.sh", "notes.txt"]
    names = {one.name: one.oid for one in found.held}
    assert set(names) == {"data/a", "data/new", "data/sub/b", "model.bin", "old"}
    assert (names["old"].value, names["old"].legacy) == (OLD_VALUE, True)
    assert sorted(len(held) for _, held in contents.groups(found.held)) == [1, 4]


@pytest.mark.parametrize("path", ["nothing", "data/nothing", "model.bin/x", "hidden/x", "notes.txt/x"])
def test_what_is_not_there(registry: Registry, path: str) -> None:
    for url in (registry.url, str(registry.root)):
        with pytest.raises(PathError) as refused:
            find(url, path)
        assert "dv list" in (refused.value.hint or "")


def test_what_nobody_has(changing: Registry) -> None:
    changing.forget()
    for path in changing.store.rglob("*.dir"):
        path.unlink()
    with pytest.raises(MissingObject) as refused:
        find(changing.url, "data")
    assert "dv push" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "output",
    [
        "  etag: abc\n  path: x\n",
        "  hash: md5\n  path: x\n  cloud:\n    r:\n      version_id: abc\n",
        "  hash: md5\n  path: x\n  files:\n  - relpath: a\n    md5: d41d8cd98f00b204e9800998ecf8427e\n",
    ],
)
def test_data_with_versions_of_its_own(changing: Registry, output: str) -> None:
    changing.write("x.dvc", "outs:\n-" + output[1:])
    changing.commit()
    with pytest.raises(ServedByDvc):
        find(changing.url, "x")


def test_what_was_itself_imported_is_left_to_dvc(changing: Registry) -> None:
    changing.write(
        "x.dvc",
        f"frozen: true\ndeps:\n- path: y\n  repo:\n    url: /elsewhere\nouts:\n- md5: {digest('y')}.dir\n"
        "  hash: md5\n  path: x\n",
    )
    changing.commit()
    with pytest.raises(ServedByDvc, match="imported"):
        find(changing.url, "x")


def test_pointer_files_are_no_data() -> None:
    for path in ("a.dvc", "x/dvc.yaml"):
        with pytest.raises(DataVersioningError, match="pointer file"):
            contents.refuse_pointer(path)

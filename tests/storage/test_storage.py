from __future__ import annotations

import sys
from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.errors import ConfigError
from data_versioning.storage.local import LocalStore


def test_paths_open_the_local_store(tmp_path: Path) -> None:
    assert storage.open_store(str(tmp_path), {}) == LocalStore(root=str(tmp_path))
    assert storage.is_native(str(tmp_path))


def test_other_schemes_are_refused_with_the_way_out() -> None:
    assert not storage.is_native("gdrive://folder/path")
    with pytest.raises(ConfigError, match="not native") as refused:
        storage.open_store("gdrive://user:secret@folder/path", {"gdrive_client_id": "id"})
    assert "dvc push" in (refused.value.hint or "")
    assert "secret" not in str(refused.value) + (refused.value.hint or "")


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("s3://bucket", "obstore", "s3"),
        ("gs://bucket", "obstore", "gs"),
        ("azure://container", "obstore", "azure"),
        ("http://localhost", "aiohttp", "http"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, url: str, library: str, extra: str
) -> None:
    for name in list(sys.modules):
        if name.startswith("data_versioning.storage.") or name.partition(".")[0] == library:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=f"need {library}") as refused:
        storage.open_store(url, {})
    assert refused.value.hint == f"pip install 'data-versioning[{extra}]'"

from __future__ import annotations

from pathlib import Path

import pytest

from data_versioning import storage
from data_versioning.errors import ConfigError
from data_versioning.storage.local import LocalStore


def test_paths_open_the_local_store(tmp_path: Path) -> None:
    assert storage.open_store(str(tmp_path), {}) == LocalStore(root=str(tmp_path))
    assert storage.is_native(str(tmp_path))


def test_other_schemes_are_refused_with_the_way_out() -> None:
    assert not storage.is_native("s3://bucket/path")
    with pytest.raises(ConfigError, match="local directories") as refused:
        storage.open_store("s3://user:secret@bucket/path", {"access_key_id": "AKIA"})
    assert "dvc push" in (refused.value.hint or "")
    assert "secret" not in str(refused.value) + (refused.value.hint or "")

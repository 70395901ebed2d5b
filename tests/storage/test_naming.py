"""Hints name the remote that they are about."""

from __future__ import annotations

import pytest

from data_versioning import storage
from data_versioning.errors import ConfigError, DataVersioningError, StorageError
from data_versioning.storage import naming


def test_only_the_place_of_the_name_is_filled() -> None:
    error = StorageError(
        "no", hint="dv remote modify --local NAME user USER; dv remote modify NAME url URL; NAME"
    )
    naming.tell(error, "box")
    assert error.hint == "dv remote modify --local box user USER; dv remote modify box url URL; NAME"
    naming.tell(error, "")
    assert error.hint == "dv remote modify --local box user USER; dv remote modify box url URL; NAME"


def test_settings_without_sense() -> None:
    with pytest.raises(ConfigError) as caught:
        storage.open_store("http://host/x", {"user": "ada"}, name="web")
    assert caught.value.hint == "dv remote modify web auth basic   (or digest, or custom)"


@pytest.mark.parametrize(("name", "shown"), [("web", "web"), ("", "NAME")])
def test_requests_that_fail(name: str, shown: str) -> None:
    store = storage.open_store("http://127.0.0.1:9/x", {}, name=name)
    with pytest.raises(DataVersioningError) as caught:
        store.find(["a"])
    assert caught.value.hint == f"dv remote modify {shown} url URL"

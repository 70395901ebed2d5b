"""Both engines: every test that asks for `each_engine` runs with the C extension and with Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_versioning.localfs import batch, engine
from tests.localfs.sample import Sample


@pytest.fixture(params=["native", "python"])
def each_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("DV_NATIVE", "0" if request.param == "python" else "1")
    if request.param == "native" and engine.native() is None:
        pytest.skip("the C extension is not compiled")
    engine.choose.cache_clear()
    yield request.param
    engine.choose.cache_clear()


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def no_descriptor_stays_open(each_engine: str) -> Iterator[None]:
    before = len(os.listdir("/dev/fd"))
    yield
    assert len(os.listdir("/dev/fd")) == before


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path / "sample")


@pytest.fixture
def stored(sample: Sample, tmp_path: Path) -> str:
    objects = str(tmp_path / "objects")
    assert batch.store_files(str(sample.root), sample.names, objects, method="copy").errors == {}
    return objects

"""Both engines: every test that asks for `each_engine` runs with the C extension and with Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from data_versioning.localfs import engine


@pytest.fixture(params=["native", "python"])
def each_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("DV_NATIVE", "0" if request.param == "python" else "1")
    if request.param == "native" and engine.native() is None:
        pytest.skip("the C extension is not compiled")
    engine.choose.cache_clear()
    yield request.param
    engine.choose.cache_clear()

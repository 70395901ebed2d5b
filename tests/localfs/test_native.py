"""The C extension itself; what it has in common with Python is tested in test_walk and test_batch."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_versioning.localfs import batch_python, engine, walk_python

Answer = tuple[bytes, bytes, bytes, bytes]


@pytest.fixture(scope="module")
def native() -> ModuleType:
    module = engine.native()
    if module is None:
        pytest.skip("the C extension is not compiled")
    return module


@pytest.fixture(params=["avx512f", "avx2", "portable"])
def variant(request: pytest.FixtureRequest, native: ModuleType) -> Iterator[str]:
    if native.choose_lanes(request.param) is None:
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    native.choose_lanes(None)


def write(root: Path, contents: list[bytes]) -> bytes:
    for index, content in enumerate(contents):
        (root / str(index)).write_bytes(content)
    return b"".join(b"%d\0" % index for index in range(len(contents)))


def md5s(contents: list[bytes]) -> bytes:
    return b"".join(hashlib.md5(content, usedforsecurity=False).digest() for content in contents)


def test_every_variant_hashes_right(native: ModuleType, variant: str, tmp_path: Path) -> None:
    rng = random.Random(5)
    contents = [
        rng.randbytes(rng.choice([rng.randrange(200), rng.randrange(5000), rng.randrange(300_000)]))
        for _ in range(150)
    ]
    names = write(tmp_path, contents)
    assert native.hash_files(os.fsencode(tmp_path), names, 1, None)[0] == md5s(contents)


def test_an_unknown_variant_changes_nothing(native: ModuleType) -> None:
    assert native.choose_lanes("abacus") is None
    assert native.choose_lanes(None) in ("avx512f", "avx2", "portable")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400) | st.integers(65_000, 66_000), max_size=40), st.integers(1, 5))
def test_any_sizes(
    native: ModuleType, tmp_path_factory: pytest.TempPathFactory, sizes: list[int], threads: int
) -> None:
    contents = [bytes([size % 251]) * size for size in sizes]
    root = tmp_path_factory.mktemp("sizes")
    names = write(root, contents)
    found = native.hash_files(os.fsencode(root), names, threads, None)
    assert found[0] == md5s(contents)
    assert found == batch_python.hash_files(os.fsencode(root), names, threads, None)
    assert native.walk(os.fsencode(root), True, threads) == walk_python.walk(os.fsencode(root), True, threads)


def test_missing_extension_is_fine(tmp_path: Path) -> None:
    """The same package without the compiled module, where its folder of C files looks like a package."""
    source = Path(engine.__file__).parents[1]
    copy = tmp_path / "data_versioning"
    copy.mkdir()
    for entry in source.iterdir():
        if entry.suffix != ".so":
            (copy / entry.name).symlink_to(entry)
    program = (
        "from data_versioning.localfs import engine; print(engine.native(), engine.choose('batch').__name__)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "DV_NATIVE"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.stdout == "None data_versioning.localfs.batch_python\n"


def test_dv_native_0_forces_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DV_NATIVE", "0")
    assert engine.native() is None


def test_python_is_not_imported_beside_the_extension(native: ModuleType) -> None:
    program = (
        "import sys; from data_versioning.localfs import batch, walk; walk.walk('/proc/self/task');"
        "batch.stat_files('/', b'tmp\\0'); slow = {'hashlib', 'ctypes', 'subprocess', 'concurrent.futures'};"
        "print(sorted(slow & set(sys.modules)), [name for name in sys.modules if name.endswith('_python')])"
    )
    environment = os.environ | {"DV_NATIVE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "[] []\n"


def test_other_threads_go_on(native: ModuleType, tmp_path: Path) -> None:
    names = write(tmp_path, [bytes(1 << 20)] * 200)
    ticks: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    native.hash_files(os.fsencode(tmp_path), names, 1, None)
    end = time.perf_counter()
    stop.set()
    thread.join()
    assert sum(begin < moment < end for moment in ticks) >= 3


def memory() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_leaks(native: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    names = write(tmp_path / "s", [b"x" * index for index in range(100)]) + b"missing\0"
    source, objects, target = (os.fsencode(tmp_path / name) for name in ("s", "o", "t"))
    (tmp_path / "o").mkdir()
    (tmp_path / "t").mkdir()
    deep = names.replace(b"\0", b"/below\0")
    calls: list[Callable[[], object]] = [
        lambda: native.walk(os.fsencode(tmp_path), True, 2),
        lambda: native.hash_files(source, names, 2, None),
        lambda: native.store_files(source, names, objects, 0, 0o022, -1, 2, None),
        lambda: native.copy_files(source, names, target, deep, bytes(16 * 101), -1, True, b"", 2, None),
        lambda: native.link_files(source, names, target, names, 2, True, b"", 2, None),
        lambda: native.chmod_files(target, deep, 0o644, 2),
        lambda: native.stat_files(source, names, 2),
    ]

    def rounds(count: int) -> None:
        for _ in range(count):
            for call in calls:
                call()

    rounds(10)
    before = memory()
    rounds(60)
    assert memory() - before < 1 << 20


@pytest.mark.parametrize(
    "arguments", [(), (1,), ("text", b"", 1, None), (b"/", b"", "1", None), (b"/\0x", b"", 1, None)]
)
def test_wrong_arguments(native: ModuleType, arguments: tuple[object, ...]) -> None:
    with pytest.raises((TypeError, ValueError)):
        native.hash_files(*arguments)

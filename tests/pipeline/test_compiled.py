"""The compiled project is used as long as nothing changed, and never longer."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from data_versioning.errors import DiskError, FormatError
from data_versioning.formats import values
from data_versioning.pipeline import compiled, discover
from data_versioning.pipeline.project import Discovered, Options, Project
from data_versioning.pipeline.stage import Stage
from tests.oracle import Sandbox

pytestmark = pytest.mark.usefixtures("private_home")

LOCK = "schema: '2.0'\nstages:\n  train:\n    cmd: run 1\n    params:\n      params.yaml:\n        lr: 1\n"
POINTER = "outs:\n- md5: '{}'\n  size: 1\n  hash: md5\n  path: {}\n"
PIPELINE = "stages:\n  train:\n    cmd: run ${lr}\n    deps: [code.py]\n    params: [lr]\n    outs: [model]\n"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def pointer(root: Path, name: str, digit: str = "0") -> None:
    write(root, f"{name}.dvc", POINTER.format(digit * 32, os.path.basename(name)))


def settle() -> None:
    """Wait until time stamps are old enough to tell changes apart."""
    time.sleep(2 * compiled._TICK_NS / 1e9)


class Loader:
    """Loads a project again and again, and counts how often it had to be read from its files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reads = 0
        self.known: list[str] = []

    def discover(self, root: str, options: Options, known: Mapping[str, Stage]) -> Discovered:
        self.reads += 1
        self.known = sorted(known)
        return discover_for_real(root, options, known)

    def load(self, options: Options = Options()) -> Project:  # noqa: B008 - immutable
        return compiled.load(str(self.root), f"{self.root}/.dvc/tmp/dv", options)[0]

    def fresh(self) -> Project:
        """What reading all files would give."""
        return discover_for_real(str(self.root), Options()).project


discover_for_real = discover.discover


@pytest.fixture
def loader(repository: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """A project with data, a pipeline and ignore files, compiled."""
    pointer(repository, "data")
    pointer(repository, "sub/deep/more")
    write(repository, ".gitignore", "/data\n/ignored\n")
    write(repository, "ignored/hidden.dvc", "nonsense: 1\n")
    write(repository, "dvc.yaml", PIPELINE)
    write(repository, "params.yaml", "lr: 1\n")
    write(repository, "code.py", "")
    found = Loader(repository)
    monkeypatch.setattr(discover, "discover", found.discover)
    settle()
    found.load()
    assert found.reads == 1
    return found


def packed(project: Project) -> object:
    return project.pack()


def test_nothing_changed(loader: Loader) -> None:
    first = loader.load()
    loader.load()
    assert loader.reads == 1
    assert packed(first) == packed(loader.fresh())
    assert [stage.address for stage in first.stages] == ["data.dvc", "train", "sub/deep/more.dvc"]


def test_what_does_not_matter(loader: Loader) -> None:
    write(loader.root, "code.py", "changed")
    write(loader.root, "ignored/more.dvc", "nonsense")
    write(loader.root, ".dvc/tmp/anything", "")
    loader.load()
    assert loader.reads == 1


def in_place(path: Path, text: str) -> None:
    """Change the content, but not the size, nor the modification time."""
    before = path.stat()
    assert len(text) == before.st_size
    with path.open("r+") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap(path: Path, text: str) -> None:
    """Put another file there that looks as old."""
    before = path.stat()
    other = path.with_name("other")
    other.write_text(text)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a pointer": lambda root: pointer(root, "data", "1"),
    "a pointer, in place": lambda root: in_place(root / "data.dvc", POINTER.format("2" * 32, "data")),
    "a pointer, replaced": lambda root: swap(root / "data.dvc", POINTER.format("3" * 32, "data")),
    "a pointer that goes": lambda root: (root / "data.dvc").unlink(),
    "a pointer that moves": lambda root: (root / "data.dvc").rename(root / "sub/data.dvc"),
    "a new pointer": lambda root: pointer(root, "new"),
    "a new pointer in a directory": lambda root: pointer(root, "sub/deep/new"),
    "a new pointer in a new directory": lambda root: pointer(root, "sub/fresh/deeper/new"),
    "a directory that goes": lambda root: shutil.rmtree(root / "sub"),
    "a pipeline": lambda root: write(root, "dvc.yaml", PIPELINE.replace("run", "go")),
    "a new pipeline": lambda root: write(root, "sub/dvc.yaml", PIPELINE.replace("${lr}", "1")),
    "params": lambda root: in_place(root / "params.yaml", "lr: 2\n"),
    "params that go": lambda root: (root / "params.yaml").unlink(),
    "a new lock": lambda root: write(root, "dvc.lock", LOCK),
    "DVC's ignore rules": lambda root: write(root, ".dvcignore", "sub\n"),
    "more ignore rules": lambda root: write(root, "sub/.dvcignore", "more.dvc\n"),
    "Git's ignore rules": lambda root: write(root, ".gitignore", "/data\n/ignored\n/sub\n"),
    "more of Git's rules": lambda root: write(root, "sub/.gitignore", "deep\n"),
    "Git's private rules": lambda root: write(root, ".git/info/exclude", "/sub\n"),
    "a repository inside": lambda root: (root / "sub/.dvc").mkdir(),
}  # fmt: skip


@pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
def test_every_change_is_noticed(loader: Loader, change: Callable[[Path], object]) -> None:
    change(loader.root)
    try:
        expected: object = packed(loader.fresh())
    except FormatError as error:
        with pytest.raises(FormatError, match=str(error)[:20]):
            loader.load()
    else:
        assert packed(loader.load()) == expected
    assert loader.reads == 2


def test_a_directory_that_is_no_longer_ignored(loader: Loader) -> None:
    write(loader.root, ".gitignore", "/data\n")
    with pytest.raises(FormatError, match=r"hidden\.dvc"):
        loader.load()


def test_rules_of_the_repository_around(
    sandbox: Sandbox, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project may be a part of what Git tracks: ignore rules above it count."""
    sandbox.git(place, "init", "-q")
    root = place / "a/b"
    pointer(root, "data")
    pointer(root, "sub/more")
    (root / ".dvc/tmp").mkdir(parents=True)
    loader = Loader(root)
    monkeypatch.setattr(discover, "discover", loader.discover)
    settle()
    assert len(loader.load().stages) == 2
    loader.load()
    assert loader.reads == 1
    write(place, "a/.gitignore", "sub\n")
    assert len(loader.load().stages) == 1
    settle()
    loader.load()
    write(place, "a/.gitignore", "other\n")
    write(place, ".gitignore", "sub\n")
    assert len(loader.load().stages) == 1
    settle()
    loader.load()
    reads = loader.reads
    loader.load()
    assert loader.reads == reads


def test_without_git_nothing_is_ignored(loader: Loader) -> None:
    with pytest.raises(FormatError, match=r"hidden\.dvc"):
        loader.load(Options(no_scm=True))


@pytest.mark.parametrize("options", [Options(flag_bool="boolean_optional"), Options(flag_list="append")])
def test_settings_that_matter(loader: Loader, options: Options) -> None:
    write(loader.root, "params.yaml", "lr: {a: false, b: [1, 2]}\n")
    before = loader.load().stages[1].cmd
    assert loader.load(options).stages[1].cmd != before
    assert loader.load().stages[1].cmd == before


def test_what_changed_just_now_is_read_again(loader: Loader) -> None:
    """Its time stamp could stay the same after one more change."""
    for number in range(10):
        pointer(loader.root, "data", str(number))
        assert loader.load().stages[0].outs[0].md5 == str(number) * 32
        in_place(loader.root / "data.dvc", POINTER.format("a" * 32, "data"))
        assert loader.load().stages[0].outs[0].md5 == "a" * 32


def test_a_change_while_it_is_read(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before the change is not kept under the look of after it."""

    def meddle(root: str, options: Options, known: Mapping[str, Stage]) -> Discovered:
        found = discover_for_real(root, options, known)
        pointer(loader.root, "data", "9")
        return found

    pointer(loader.root, "data", "8")
    settle()
    monkeypatch.setattr(discover, "discover", meddle)
    assert loader.load().stages[0].outs[0].md5 == "8" * 32
    monkeypatch.setattr(discover, "discover", loader.discover)
    assert loader.load().stages[0].outs[0].md5 == "9" * 32


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_compiled_project_is_ignored(loader: Loader, content: bytes | None) -> None:
    file = loader.root / ".dvc/tmp/dv/project"
    file.write_bytes(file.read_bytes()[:-5] if content is None else content)
    assert packed(loader.load()) == packed(loader.fresh())
    loader.load()
    assert loader.reads == 2


def test_a_moved_repository(loader: Loader) -> None:
    moved = loader.root.rename(loader.root.with_name("moved"))
    loader.root = moved
    assert packed(loader.load()) == packed(loader.fresh())


def test_a_place_that_cannot_be_written_to(loader: Loader) -> None:
    shutil.rmtree(loader.root / ".dvc/tmp")
    (loader.root / ".dvc/tmp").write_text("")
    assert packed(loader.load()) == packed(loader.fresh())


def test_files_inside_outputs_are_data(loader: Loader) -> None:
    """They change all the time, and what looks like a pointer there is none."""
    write(loader.root, "sub/deep/more/inner.dvc", "nonsense")
    pointer(loader.root, "sub/deep/more", "f")
    assert len(loader.load().stages) == 3
    write(loader.root, "sub/deep/more.dvc", POINTER.format("f" * 32 + ".dir", "more"))
    settle()
    loader.load()
    reads = loader.reads
    write(loader.root, "sub/deep/more/new/other.dvc", "nonsense")
    loader.load()
    assert loader.reads == reads


PARAMS = {
    "p.yaml": ("lr: 1\nnet: {layers: [1, 2]}\n", {"lr": 1, "net": {"layers": [1, 2]}}),
    "p.json": ('{"a": {"b": null}}', {"a": {"b": None}}),
    "p.toml": ("[a]\nb = 1.5\n", {"a": {"b": 1.5}}),
    "p.py": ("a = (1, 2)\nb = {3}\n", {"a": (1, 2), "b": {3}}),
    "list.yaml": ("- 1\n", {}),
    "empty.yaml": ("", {}),
}


class Reader:
    """Reads params files as commands do, each with a `Params` of its own, and counts how often one was parsed."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.parsed: list[str] = []
        parse = values.parse

        def counted(text: str, *, suffix: str, file: str) -> object:
            self.parsed.append(file)
            return parse(text, suffix=suffix, file=file)

        monkeypatch.setattr(values, "parse", counted)

    def read(self, *places: str) -> list[Mapping[str, object] | None]:
        params = compiled.Params(str(self.root), f"{self.root}/.dvc/tmp/dv")
        found = [params.read(place) for place in places]
        params.save()
        return found


@pytest.fixture
def reader(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    for name, (text, _) in PARAMS.items():
        write(repository, name, text)
    settle()
    return Reader(repository, monkeypatch)


def test_params_are_parsed_once(reader: Reader) -> None:
    for _ in range(3):
        assert reader.read(*PARAMS, "gone.yaml") == [*(found for _, found in PARAMS.values()), None]
    assert reader.parsed == list(PARAMS)
    reader.read("p.py")
    reader.read("p.yaml", "p.json")
    assert len(reader.parsed) == len(PARAMS)


@pytest.mark.parametrize("change", [in_place, swap])
def test_changed_params(reader: Reader, change: Callable[[Path, str], None]) -> None:
    reader.read("p.yaml", "p.json")
    change(reader.root / "p.yaml", PARAMS["p.yaml"][0].replace("1", "7"))
    assert reader.read("p.yaml", "p.json") == [{"lr": 7, "net": {"layers": [7, 2]}}, {"a": {"b": None}}]
    assert reader.parsed == ["p.yaml", "p.json", "p.yaml"]
    (reader.root / "p.yaml").unlink()
    assert reader.read("p.yaml") == [None]


def test_params_that_may_change_within_the_tick(reader: Reader) -> None:
    for value in range(5):
        in_place(reader.root / "p.json", f'{{"a": {{"b": {value:4}}}}}')
        assert reader.read("p.json") == [{"a": {"b": value}}]


def test_params_that_cannot_be_kept(reader: Reader) -> None:
    """`marshal` has no dates; one such file does not cost the others their place."""
    write(reader.root, "dates.yaml", "day: 2020-01-01\n2020-01-01: 1\n")
    settle()
    for _ in range(2):
        assert reader.read("dates.yaml", "p.json")[1] == {"a": {"b": None}}
    assert reader.parsed == ["dates.yaml", "p.json", "dates.yaml"]


def test_params_outside_of_the_repository(reader: Reader) -> None:
    outside = reader.root.parent / "outside.yaml"
    outside.write_text("a: 1\n")
    settle()
    for _ in range(2):
        assert reader.read(str(outside), "../outside.yaml") == [{"a": 1}, {"a": 1}]
    assert len(reader.parsed) == 2


def test_params_that_are_wrong(reader: Reader) -> None:
    write(reader.root, "bad.json", "{")
    write(reader.root, "dir.yaml/file", "")
    for _ in range(2):
        with pytest.raises(FormatError, match=r"bad\.json"):
            reader.read("bad.json")
        with pytest.raises(DiskError, match=r"dir\.yaml"):
            reader.read("dir.yaml")


def test_where_nothing_can_be_kept(reader: Reader) -> None:
    shutil.rmtree(reader.root / ".dvc/tmp", ignore_errors=True)
    write(reader.root, ".dvc/tmp", "a file")
    assert reader.read("p.json") == [{"a": {"b": None}}]


def test_pointer_files_that_did_not_change_are_not_read_again(loader: Loader) -> None:
    pointer(loader.root, "data", "7")
    pointer(loader.root, "new")
    project = loader.load()
    assert (loader.reads, loader.known) == (2, ["sub/deep/more.dvc"])
    assert packed(project) == packed(loader.fresh())


def test_what_is_known_does_not_outlive_its_rules(loader: Loader) -> None:
    """An unchanged `.dvc` file may become ignored, or part of an output."""
    pointer(loader.root, "sub/deep")
    assert [stage.file for stage in loader.load().stages] == ["data.dvc", "dvc.yaml", "sub/deep.dvc"]


def test_columns(loader: Loader) -> None:
    """What is like many others is packed with its neighbours, and comes back the same in the same order."""
    for number in range(3):
        pointer(loader.root, f"many/a{number}")
    write(loader.root, "many/a1b.dvc", "desc: unlike the others\n" + POINTER.format("5" * 32, "a1b"))
    write(loader.root, "many/a1c.dvc", POINTER.format("5" * 32, "elsewhere"))
    settle()
    loader.load()
    found = loader.load()
    assert loader.reads == 2
    assert found.stages == loader.fresh().stages
    assert [stage.file for stage in found.stages if stage.wdir == "many"] == [
        f"many/{name}.dvc" for name in ("a0", "a1", "a1b", "a1c", "a2")
    ]

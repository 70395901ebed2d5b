"""Imports in a repository of ours: pull, fetch and checkout get their data from where it came."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data_versioning.operations import checkout, fetch, import_data, pull
from data_versioning.operations.import_data import ImportOptions
from data_versioning.operations.origin import Origin
from data_versioning.operations.sharing import ServedByDvc, TransferFailed, TransferOptions
from tests.operations.registry import Registry
from tests.operations.work import Work, digest
from tests.oracle import Tool


@pytest.fixture
def imports(changing: Registry, work: Work) -> Work:
    """A directory, a part of it, a file of Git, and a file that was never downloaded; then the cache is lost."""
    for path, out, download in (
        ("data", "data", True),
        ("data/sub", "part", True),
        ("code/deep", "deep", True),
        ("model.bin", "later", False),
    ):
        options = ImportOptions(out=out, download=download)
        import_data.import_data(work.repo(), Origin(url=changing.url), path, options=options)
    work.save()
    for name in ("data", "part", "deep", ".dvc/cache"):
        shutil.rmtree(work.root / name)
    return work


def test_pull_brings_all(imports: Work) -> None:
    result = pull.pull(imports.repo())
    assert (result.fetched.copied, result.fetched.problems) == (5, ())
    assert imports.files("data") == {"a": b"a, changed", "new": b"new", "sub/b": b"b"}
    assert imports.files("part") == {"b": b"b"}
    assert imports.files("deep") == {"er": b"deep\n"}
    assert imports.read("later") == b"m2"
    assert imports.git("status", "--porcelain") == ""
    assert pull.pull(imports.repo(), ["data", "part", "deep"]).fetched.copied == 0


def test_fetch_then_checkout(imports: Work) -> None:
    assert fetch.fetch(imports.repo(), ["data.dvc"]).copied == 3
    assert not (imports.root / "data").exists()
    assert checkout.checkout(imports.repo(), ["data"]).added == ("data/",)


def test_a_dry_run(imports: Work) -> None:
    before = imports.everything()
    planned = pull.pull(imports.repo(), options=TransferOptions(dry_run=True)).fetched
    assert set(planned.planned) == {"data", "part", "deep", "later"}
    assert imports.everything() == before


def test_the_recorded_commit_counts(imports: Work, changing: Registry) -> None:
    changing.write("data/a", "third")
    changing.track("data")
    changing.commit()
    changing.push()
    pull.pull(imports.repo(), ["data"])
    assert imports.read("data/a") == b"a, changed"


def test_the_rest_is_brought_when_an_origin_is_gone(imports: Work, changing: Registry, place: Path) -> None:
    text = imports.read("data.dvc").decode()
    imports.write("data.dvc", text.replace(changing.url, f"file://{place}/nowhere"))
    with pytest.raises(TransferFailed) as failed:
        pull.pull(imports.repo())
    (problem,) = failed.value.result.problems
    assert problem.name == "data"
    assert "nowhere" in problem.reason
    assert imports.files("deep") == {"er": b"deep\n"}
    assert not (imports.root / "data").exists()


def test_passwords_are_not_told(imports: Work, changing: Registry, dv: Tool) -> None:
    text = imports.read("data.dvc").decode()
    imports.write("data.dvc", text.replace(changing.url, "http://ada:s3cret@127.0.0.1:9/registry.git"))
    for options in ([], ["--json"]):
        done = dv(imports.root, "pull", "data.dvc", *options)
        assert done.code == 1
        assert "127.0.0.1" in done.err + done.out
        assert "s3cret" not in done.err + done.out


def test_what_is_recorded_must_be_what_comes(imports: Work) -> None:
    text = imports.read("data.dvc").decode()
    value = imports.pointer("data.dvc")["md5"]
    imports.write("data.dvc", text.replace(value, digest("other") + ".dir"))
    with pytest.raises(TransferFailed) as failed:
        fetch.fetch(imports.repo(), ["data.dvc"])
    assert "recorded" in failed.value.result.problems[0].reason


@pytest.mark.parametrize("url", ["ext::touch pwned", "--upload-pack=touch pwned", "-x", "foo::bar"])
def test_a_hostile_pointer_starts_nothing(imports: Work, changing: Registry, url: str) -> None:
    text = imports.read("data.dvc").decode()
    imports.write("data.dvc", text.replace(f"url: {changing.url}", f"url: '{url}'"))
    with pytest.raises(TransferFailed):
        pull.pull(imports.repo(), ["data.dvc"])
    assert not list(imports.root.rglob("pwned"))


@pytest.mark.parametrize("path", ["../../etc", "/etc/passwd", ".git/config"])
def test_a_hostile_path_leads_nowhere(imports: Work, path: str) -> None:
    text = imports.read("later.dvc").decode()
    imports.write("later.dvc", text.replace("path: model.bin", f"path: {path}"))
    with pytest.raises(TransferFailed):
        pull.pull(imports.repo(), ["later.dvc"])
    assert not (imports.root / "later").exists()


def test_a_pointer_that_would_start_a_program(imports: Work, changing: Registry) -> None:
    """Its own changes to the settings count as a stranger's, too."""
    changing.forget()
    for path in changing.store.rglob("*"):
        if path.is_file():
            path.unlink()
    text = imports.read("later.dvc").decode()
    evil = "    remote:\n      url: webdavs://host.invalid/x\n      bearer_token_command: touch pwned\n"
    imports.write("later.dvc", text.replace("    url: file", evil + "    url: file"))
    with pytest.raises(TransferFailed) as failed:
        pull.pull(imports.repo(), ["later.dvc"])
    assert "bearer_token_command" in failed.value.result.problems[0].reason
    other = "    remote:\n      url: gdrive://root/x\n"
    imports.write("later.dvc", text.replace("    url: file", other + "    url: file"))
    with pytest.raises(ServedByDvc):
        pull.pull(imports.repo(), ["later.dvc"])


def test_dvc_goes_on_with_it(imports: Work, dv: Tool, dvc: Tool) -> None:
    assert dv(imports.root, "pull").ok().out.endswith("5 files fetched and 6 files added\n")
    assert dvc(imports.root, "status", "--json").json == dv(imports.root, "status", "--json").json
    # There is no remote, and imports would not go there.
    assert dv(imports.root, "push").code == dvc(imports.root, "push").code == 1
    dvc(imports.root, "remote", "add", "-d", "box", "../box").ok()
    assert "up to date" in dv(imports.root, "push").ok().out

"""The specification's examples for the shell."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.spec.blocks import TRACKER, World, parts, table, text, write

INIT, *REMOTES = parts("initialize.sh", "# Configure", "# Or for")
URLS = {
    "s3": "    url = s3://my-bucket/dvc-storage\n    region = us-west-2\n",
    "gs": "    url = gs://my-bucket/dvc-storage\n",
    "azure": "    url = azure://mycontainer/path\n",
}


@pytest.mark.parametrize(
    ("remote", "section"), list(zip(REMOTES, URLS.values(), strict=True)), ids=list(URLS)
)
def test_initialize(world: World, remote: str, section: str) -> None:
    """Three alternatives for the same name: each in a repository of its own."""
    world.shell(world.base, INIT + remote)
    assert (world.base / ".dvc/config").read_text() == (
        f"[core]\n    remote = storage\n['remote \"storage\"']\n{section}"
    )
    staged = world.git(world.base, "diff", "--cached", "--name-only").split()
    assert staged == [".dvc/.gitignore", ".dvc/config", ".dvcignore"]
    assert world.verbs(world.base)[:2] == ["init", "remote add"]
    url = section.split()[2]
    assert world.dvc(world.base, "remote", "list").ok().out.split()[:2] == ["storage", url]


def test_version_control(world: World) -> None:
    root = world.repository()
    old, new = table(5), table(9)
    data = write(root, "data/training.csv", old)
    world.shell(root, "dvc add -q data/training.csv && dvc push -q")
    first = world.commit(root, "Older data")
    world.git(root, "tag", "v1.0")
    data.write_text(new)
    world.shell(root, text("version_control.sh"))
    assert data.read_text() == old
    assert world.git(root, "rev-parse", "HEAD") == first
    assert world.messages(root)[0] == "Older data"
    assert world.git(root, "log", "--format=%s", "main").splitlines()[0] == "Add training data v1.0"
    assert world.git(root, "show", "--name-only", "--format=", "main") == "data/training.csv.dvc"
    assert world.is_pushed(old)
    assert world.is_pushed(new)
    world.assert_clean(root)


def test_version_control_of_new_data(world: World) -> None:
    """The same without an older version: the tag is of a time before the data."""
    root = world.repository()
    world.git(root, "tag", "v1.0")
    data = write(root, "data/training.csv", table(9))
    world.shell(root, text("version_control.sh"))
    assert not data.exists()
    shown = world.git(root, "show", "--name-only", "--format=", "main").split()
    assert shown == ["data/.gitignore", "data/training.csv.dvc"]
    world.shell(root, "git checkout -q main && dvc checkout -q")
    assert data.read_text() == table(9)


def person(world: World, name: str) -> Path:
    world.git(world.base, "clone", "-q", "origin.git", name)
    return world.base / name


def test_share_dataset(world: World) -> None:
    """Two clones of one bare repository."""
    start = world.repository()
    world.git(world.base, "clone", "-q", "--bare", str(start), "origin.git")
    ada, bob = person(world, "ada"), person(world, "bob")
    share, get = parts("share_dataset.sh", "# Person B")
    write(ada, "data/dataset.csv", table(20))
    world.shell(ada, share)
    assert world.messages(world.base / "origin.git")[0] == "Add dataset"
    assert world.is_pushed(table(20))
    world.shell(bob, get)
    assert (bob / "data/dataset.csv").read_text() == table(20)
    assert (
        world.git(bob, "status", "--porcelain") == "?? data/dataset.csv"
    )  # the example leaves .gitignore out
    assert world.dvc(bob, "status", "--json").json == {}


def test_caching(world: World) -> None:
    root = world.repository()
    data = write(root, "data.csv", table(5))
    world.shell(root, "dvc add -q data.csv")
    data.write_text(table(6))
    world.shell(root, "dvc add -q data.csv")
    cache = root / ".dvc/cache/files/md5"
    assert len([path for path in cache.rglob("*") if path.is_file()]) == 2
    said = world.shell(root, text("caching.sh"), answer="y")
    assert ".dvc/cache\n" in said
    (kept,) = [path for path in cache.rglob("*") if path.is_file()]
    assert kept.read_text() == data.read_text() == table(6)
    assert "[cache]\n    dir = /shared/dvc-cache\n" in (root / ".dvc/config").read_text()
    assert world.verbs(root)[-2:] == ["gc", "config"]
    assert not Path("/shared").exists()


def test_caching_declined(world: World) -> None:
    """Any other answer removes nothing."""
    root = world.repository()
    write(root, "data.csv", table(5))
    world.shell(root, "dvc add -q data.csv")
    shutil.move(root / "data.csv.dvc", root / "gone")
    world.shell(root, "dvc gc --workspace || true", answer="n")
    assert [path.read_text() for path in (root / ".dvc/cache").rglob("*") if path.is_file()] == [table(5)]


SETTINGS = {
    "s3": {
        "url": "s3://my-bucket/dvc-storage",
        "region": "us-west-2",
        "profile": "myprofile",
        "access_key_id": "YOUR_ACCESS_KEY",
        "secret_access_key": "YOUR_SECRET_KEY",
    },
    "gcs": {"url": "gs://my-bucket/dvc-storage", "projectname": "myproject"},
    "azure": {
        "url": "azure://mycontainer/path",
        "account_name": "myaccount",
        "connection_string": "...",
    },
    "hdfs": {"url": "hdfs://namenode:8020/dvc-storage"},
}


@pytest.mark.parametrize("kind", list(SETTINGS))
def test_remote_storage_backends(world: World, kind: str) -> None:
    root = world.repository()
    world.shell(root, text(f"remote_{kind}.sh"))
    options = "".join(f"    {name} = {value}\n" for name, value in SETTINGS[kind].items())
    config = (root / ".dvc/config").read_text()
    assert config.endswith(f"['remote \"{kind}remote\"']\n{options}")
    assert world.dvc(root, "remote", "default").ok().out == f"{kind}remote\n"
    assert "YOUR_SECRET_KEY" not in (root / ".git/dv/log/events.jsonl").read_text()


def test_version_tagging(world: World) -> None:
    root = world.repository()
    world.git(world.base, "init", "-q", "--bare", "origin.git")
    world.git(root, "remote", "add", "origin", str(world.base / "origin.git"))
    write(root, "data.csv", table(5))
    world.shell(root, "dvc add -q data.csv")
    world.commit(root, "Data")
    world.shell(root, text("version_tagging.sh"))
    assert world.git(root, "tag").split() == ["data-v1.0", "v1.0"]
    write(root, "data.csv", table(6))
    world.shell(root, "dvc add -q data.csv")
    world.commit(root, "More data")
    world.python(root, TRACKER + "tracker.checkout_version('data-v1.0')")
    assert (root / "data.csv").read_text() == table(5)


def pipeline(world: World, rows: int) -> Path:
    """A repository with a stage that counts rows, recorded and committed on `main`."""
    root = world.repository()
    write(
        root,
        "dvc.yaml",
        "stages:\n  count:\n    cmd: wc -l < raw.csv > rows\n    deps: [raw.csv]\n    outs: [rows]\n",
    )
    write(root, "raw.csv", table(rows))
    world.shell(root, "dvc add -q raw.csv && dvc repro -q && dvc push -q")
    world.commit(root, "main")
    return root


def test_reproducible_research(world: World) -> None:
    root = pipeline(world, 5)
    world.git(root, "checkout", "-qb", "experiment-branch")
    write(root, "raw.csv", table(9))
    world.shell(root, "dvc add -q raw.csv && dvc repro -q")
    world.commit(root, "experiment")
    world.git(root, "checkout", "-q", "main")
    world.shell(root, "dvc checkout -q")
    assert (root / "rows").read_text() == "6\n"
    world.shell(root, text("reproducible_research.sh"))
    assert (root / "rows").read_text() == "10\n"
    world.assert_clean(root)


def workflow(name: str) -> list[str]:
    """The commands of a CI system's file, without those that install: these are tested as what is installed."""
    loaded = yaml.safe_load(text(name))
    (job,) = loaded.get("jobs", loaded).values()
    lines = [step.get("run", "") for step in job.get("steps", [])]
    lines += [line for part in ("before_script", "script", "after_script") for line in job.get(part, [])]
    return [line for line in lines if line and "pip install" not in line]


@pytest.mark.parametrize("name", ["github_actions.yml", "gitlab_ci.yml"])
def test_ci(world: World, name: str) -> None:
    """A fresh clone gets the data, runs what a commit changed, and uploads the result."""
    root = pipeline(world, 5)
    write(root, "dvc.yaml", (root / "dvc.yaml").read_text().replace("wc -l", "wc -c"))
    world.commit(root, "count characters")
    world.git(world.base, "clone", "-q", str(root), "runner")
    runner = world.base / "runner"
    assert workflow(name) == ["dvc pull", "dvc repro", "dvc push"]
    world.shell(runner, "\n".join(workflow(name)))
    assert (runner / "rows").read_text() == f"{len(table(5))}\n"
    assert world.is_pushed(f"{len(table(5))}\n")

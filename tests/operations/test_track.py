"""Tracking: facts and labels of a model, and that nothing is written before every check passed."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from data_versioning import DVCTracker
from data_versioning.errors import Conflict, DataVersioningError, PathError, UsageError
from data_versioning.localfs import batch
from tests.oracle import Sandbox, Tool
from tests.tracking import clean, everything, head, messages, output, tags, write

pytestmark = pytest.mark.usefixtures("private_home")

MODEL, POINTER = "models/m.pt", "models/m.pt.dvc"


def model(root: Path, content: str, **facts: Any) -> Any:
    write(root, MODEL, content)
    return DVCTracker(root).track_model(MODEL, **facts)


def test_facts_are_recorded(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    write(repository, "data/train.csv", "1,2")
    write(repository, "notes.txt", "hello")
    write(repository, "dvc.lock", "schema: '2.0'\nstages: {}\n")
    DVCTracker(repository).track_data("data/train.csv", message="Data")
    code = head(repository, sandbox)
    done = model(
        repository, "1", metrics={"accuracy": 0.9, "n": 3}, params={"lr": 0.1, "deep": {"a": [1, None]}},
        tags=["v1.0", "production"], data=["data/train.csv", "notes.txt"], message="Train",
    )  # fmt: skip
    found = output(repository, POINTER)
    assert found["labels"] == ["v1.0", "production"]
    assert found["meta"] == {
        "metrics": {"accuracy": 0.9, "n": 3},
        "params": {"lr": 0.1, "deep": {"a": [1, None]}},
        "training_data": [
            {"path": "data/train.csv", "md5": output(repository, "data/train.csv.dvc")["md5"]},
            {"path": "notes.txt", "md5": "5d41402abc4b2a76b9719d911017c592"},
        ],
        "code_commit": code,
        "dvc_lock": md5((repository / "dvc.lock").read_bytes()).hexdigest(),
    }
    assert done.commit == head(repository, sandbox)
    assert (done.oid, done.size, done.path) == (found["md5"], 1, MODEL)
    assert messages(repository, sandbox)[0] == "Train"
    assert done.tags == ("m@v1.0.0", "m#production#1")
    assert tags(repository, sandbox) == {"m@v1.0.0": "tag", "m#production#1": "tag"}
    (repository / "dvc.lock").unlink()
    (repository / "notes.txt").unlink()
    assert clean(repository, dvc, sandbox)


def test_a_directory_is_a_model_too(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    write(repository, "models/net/weights", "1")
    done = DVCTracker(repository).track_model("models/net", metrics={"f1": 0.5}, tags=["v1"])
    assert done.tags == ("net@v1.0.0",)
    assert output(repository, "models/net.dvc")["meta"]["metrics"] == {"f1": 0.5}
    assert clean(repository, dvc, sandbox)


def test_the_same_again_is_nothing(repository: Path, sandbox: Sandbox) -> None:
    facts: dict[str, Any] = {"metrics": {"f1": 0.5}, "params": {"a": 1}, "tags": ["v1.0", "production"]}
    model(repository, "1", **facts)
    before = everything(repository)
    again = model(repository, "1", **facts)
    assert (again.commit, again.tags) == (None, ())
    assert everything(repository) == before
    assert model(repository, "1").commit is None
    assert model(repository, "1", metrics={"f1": 0.5}).commit is None


def test_another_version_of_the_same_content(repository: Path, sandbox: Sandbox) -> None:
    model(repository, "1", tags=["v1.0"])
    done = model(repository, "1", tags=["v1.1"])
    assert done.tags == ("m@v1.1.0",)
    assert output(repository, POINTER)["labels"] == ["v1.0", "v1.1"]
    assert set(tags(repository, sandbox)) == {"m@v1.0.0", "m@v1.1.0"}


def test_a_version_of_other_content_is_a_conflict(repository: Path) -> None:
    model(repository, "1", tags=["v1.0"])
    write(repository, MODEL, "2")
    before = everything(repository)
    with pytest.raises(Conflict, match="nothing was written") as caught:
        DVCTracker(repository).track_model(MODEL, metrics={"f1": 1.0}, tags=["new", "1.0.0"])
    assert "git show m@v1.0.0" in str(caught.value.hint)
    assert everything(repository) == before


def test_new_facts_about_the_same_content_join_the_old(repository: Path) -> None:
    model(repository, "1", metrics={"f1": 0.5}, params={"a": 1})
    assert model(repository, "1", metrics={"f1": 0.6}).commit
    meta = output(repository, POINTER)["meta"]
    assert (meta["metrics"], meta["params"]) == ({"f1": 0.6}, {"a": 1})


def test_facts_about_other_content_do_not_linger(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    write(repository, "train.csv", "1")
    model(
        repository, "1", metrics={"f1": 0.5}, params={"a": 1}, data=["train.csv"], tags=["v1.0", "production"]
    )
    (repository / "train.csv").unlink()
    before = head(repository, sandbox)
    model(repository, "2", params={"a": 2})
    found = output(repository, POINTER)
    assert found["meta"] == {"params": {"a": 2}, "code_commit": before}
    assert not found.get("labels")
    assert clean(repository, dvc, sandbox)


def test_what_the_user_wrote_stays(repository: Path, dv: Tool) -> None:
    write(repository, MODEL, "1")
    dv(
        repository,
        "add",
        MODEL,
        "--desc",
        "mine",
        "--type",
        "model",
        "--label",
        "vision",
        "--meta",
        "owner=ada",
    ).ok()
    pointer = repository / POINTER
    pointer.write_text("# a comment\n" + pointer.read_text())
    model(repository, "2", metrics={"f1": 0.5}, tags=["v1.0"])
    found = output(repository, POINTER)
    assert (found["desc"], found["type"], found["labels"]) == ("mine", "model", ["vision", "v1.0"])
    assert found["meta"]["owner"] == "ada"
    assert pointer.read_text().startswith("# a comment\n")


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"data": ["nothing.csv"]}, PathError),
        ({"data": ["/etc/hostname"]}, PathError),
        ({"tags": ["two words"]}, UsageError),
        ({"metrics": {"f1": object()}}, UsageError),
        ({"params": {"f": len}}, UsageError),
    ],
)
def test_facts_that_cannot_be_recorded(
    repository: Path, facts: dict[str, Any], kind: type[DataVersioningError]
) -> None:
    write(repository, MODEL, "1")
    before = everything(repository)
    with pytest.raises(kind) as caught:
        DVCTracker(repository).track_model(MODEL, **facts)
    assert caught.value.hint
    assert everything(repository) == before


def test_numbers_of_numpy(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    numpy = pytest.importorskip("numpy")
    model(
        repository, "1",
        metrics={"f1": numpy.float64(0.25), "f2": numpy.float32(0.5), "n": numpy.int64(3)},
        params={"flag": numpy.bool_(True), "sizes": numpy.array([1, 2]), "pair": (1, 2)},
    )  # fmt: skip
    meta = output(repository, POINTER)["meta"]
    assert meta["metrics"] == {"f1": 0.25, "f2": 0.5, "n": 3}
    assert meta["params"] == {"flag": True, "sizes": [1, 2], "pair": [1, 2]}
    assert clean(repository, dvc, sandbox)


def test_one_tag_and_one_data_set_need_no_list(repository: Path) -> None:
    write(repository, "train.csv", "1")
    done = model(repository, "1", tags="production", data="train.csv")
    assert done.tags == ("m#production#1",)
    assert output(repository, POINTER)["meta"]["training_data"][0]["path"] == "train.csv"


def test_the_message_by_default(repository: Path, sandbox: Sandbox) -> None:
    model(repository, "1")
    assert messages(repository, sandbox)[0] == f"Track {MODEL}"


def test_a_new_version_of_data(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    tracker = DVCTracker(repository)
    write(repository, "data/a", "1")
    first = tracker.track_data("data")
    write(repository, "data/b", "2")
    second = tracker.track_data("data")
    assert first.oid != second.oid
    assert second.size == 2
    assert messages(repository, sandbox)[:2] == ["Track data", "Track data"]
    assert sandbox.git(repository, "show", "--name-only", "--format=").split() == ["data.dvc"]
    assert clean(repository, dvc, sandbox)


def test_a_part_of_a_data_set(repository: Path, sandbox: Sandbox, dvc: Tool) -> None:
    """It may change alone, but it has no versions of its own."""
    write(repository, "data/a", "1")
    write(repository, "data/b", "1")
    tracker = DVCTracker(repository)
    tracker.track_data("data")
    write(repository, "data/a", "2")
    assert tracker.track_data("data/a").commit == head(repository, sandbox)
    assert clean(repository, dvc, sandbox)
    write(repository, "data/b", "2")
    before = everything(repository)
    with pytest.raises(PathError, match="'data'") as refused:
        tracker.track_model("data/b", metrics={"f1": 1.0})
    assert refused.value.hint
    assert everything(repository) == before


@pytest.mark.parametrize("committed", [True, False], ids=["entry committed", "entry new"])
def test_other_changes_of_an_ignore_file(repository: Path, sandbox: Sandbox, *, committed: bool) -> None:
    """They are the user's business, unless our own entry is still to be committed with them."""
    write(repository, "data.csv", "1")
    tracker = DVCTracker(repository)
    if committed:
        tracker.track_data("data.csv")
    else:
        tracker.add("data.csv")
    with (repository / ".gitignore").open("a") as file:
        file.write("*.log\n")
    sandbox.git(repository, "add", ".gitignore")
    write(repository, "data.csv", "2")
    tracker.track_data("data.csv")
    assert sandbox.git(repository, "status", "--porcelain") == ("M  .gitignore\n" if committed else "")


def test_each_byte_is_read_once(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, "data/a", "1")

    def hashed(*_: object, **__: object) -> None:
        raise AssertionError("hashed before it is stored")

    monkeypatch.setattr(batch, "hash_files", hashed)
    DVCTracker(repository).track_data("data")

"""The specification's examples in Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from tests.spec.blocks import TRACKER, World, table, text, write


def described(root: Path, pointer: str) -> dict[str, object]:
    """The output that a pointer file records."""
    (output,) = yaml.safe_load((root / pointer).read_text())["outs"]
    assert isinstance(output, dict)
    return output


def test_track_data(world: World) -> None:
    root = world.repository()
    write(root, "data/training.csv", table(30))
    write(root, "models/yolov8n.pt", "weights")
    world.python(root, text("track_data.py"))
    assert world.messages(root) == ["Train YOLOv8n model", "Add training dataset v1.0", "start"]
    data = world.git(root, "show", "--name-only", "--format=", "HEAD~").split()
    assert data == ["data/.gitignore", "data/training.csv.dvc"]
    meta = described(root, "models/yolov8n.pt.dvc")["meta"]
    assert isinstance(meta, dict)
    assert meta["metrics"] == {"accuracy": 0.95, "f1": 0.93}
    assert meta["code_commit"] == world.git(root, "rev-parse", "HEAD~")
    assert world.is_pushed(table(30))
    assert world.is_pushed("weights")
    world.assert_clean(root)


def test_large_dataset_versioning(world: World) -> None:
    root = world.repository()
    write(root, "data/imagenet.tar.gz", "pictures" * 1000)
    world.python(root, "from data_versioning import DVCTracker\n" + text("large_dataset_versioning.py"))
    assert world.messages(root) == ["Add ImageNet dataset", "start"]
    assert described(root, "data/imagenet.tar.gz.dvc")["size"] == 8000
    assert world.is_pushed("pictures" * 1000)
    world.assert_clean(root)
    world.git(world.base, "clone", "-q", str(root), "other")
    command = text("large_dataset_versioning.py").splitlines()[-1].removeprefix("# ")
    assert command == "dvc pull data/imagenet.tar.gz.dvc"
    world.shell(world.base / "other", command)
    assert (world.base / "other/data/imagenet.tar.gz").read_text() == "pictures" * 1000


def samples(root: Path, *names: str) -> list[str]:
    """Three versions of a data set: few samples, more, and with labels fixed."""
    contents = [table(10, wrong=3), table(20, wrong=3), table(20)]
    for name, content in zip(names, contents, strict=True):
        write(root, name, content)
    return contents


@pytest.mark.parametrize("meaning", ["a tag of the repository", "a version of a model"])
def test_incremental_versioning(world: World, meaning: str) -> None:
    """`v1.0` is the repository's own tag, or the version of the one model that has it."""
    root = world.repository()
    write(root, "models/resnet50_v1.pt", "weights 1")
    if meaning == "a version of a model":
        world.python(root, TRACKER + text("model_versioning.py"))
    else:
        world.python(root, TRACKER + "tracker.track_model('models/resnet50_v1.pt', tags=['v3.0'])")
        world.git(root, "tag", "-a", "v1.0", "-m", "Production model v1.0")
    first = world.git(root, "rev-parse", "HEAD")
    write(root, "models/resnet50_v1.pt", "weights 2")
    world.python(root, TRACKER + "tracker.track_model('models/resnet50_v1.pt')")
    names = [f"data/v{number}/train.csv" for number in (1, 2, 3)]
    contents = samples(root, *names)
    world.python(root, TRACKER + text("incremental_versioning.py"))
    messages = world.git(root, "log", "--format=%s", "main").splitlines()
    assert messages[:3] == ["Fix label errors", "Add 10k samples", "Initial dataset"]
    assert world.git(root, "rev-parse", "HEAD") == first
    assert (root / "models/resnet50_v1.pt").read_text() == "weights 1"
    assert not any((root / name).exists() for name in names)
    assert all(world.is_pushed(content) for content in contents)
    world.assert_clean(root)
    world.python(root, TRACKER + "tracker.checkout_version('main')")
    assert [(root / name).read_text() for name in names] == contents
    assert world.git(root, "branch", "--show-current") == "main"
    world.assert_clean(root)


def test_model_versioning(world: World) -> None:
    root = world.repository()
    write(root, "models/resnet50_v1.pt", "weights")
    world.python(root, TRACKER + text("model_versioning.py"))
    tags = world.git(root, "for-each-ref", "--format=%(refname:short) %(objecttype)", "refs/tags")
    assert tags.splitlines() == ["resnet50_v1#production#1 tag", "resnet50_v1@v1.0.0 tag"]
    assert world.git(root, "rev-parse", "resnet50_v1@v1.0.0^{commit}") == world.git(root, "rev-parse", "HEAD")
    output = described(root, "models/resnet50_v1.pt.dvc")
    assert output["labels"] == ["production", "v1.0"]
    assert isinstance(output["meta"], dict)
    assert output["meta"]["metrics"] == {"accuracy": 0.95, "f1": 0.94, "inference_time_ms": 15}
    assert output["meta"]["params"] == {"architecture": "resnet50", "pretrained": True, "epochs": 100}
    assert world.is_pushed("weights")
    world.assert_clean(root)


def test_parameters(world: World) -> None:
    """`train_model` is the reader's own; here it writes what it was called with."""
    write(world.base, "params.yaml", text("params.yaml"))
    train_model = "def train_model(**given):\n    print(sorted(given.items()))\n"
    said = world.python(world.base, train_model + text("load_params.py"))
    assert said == "[('batch_size', 32), ('epochs', 100)]\n"


@pytest.mark.parametrize("cached", [False, True])
def test_metrics_comparison(world: World, cached: bool) -> None:
    """The stages as the specification has them; with `cached`, DVC keeps the metrics in its cache."""
    root = world.repository()
    option = "" if cached else ": {cache: false}"
    for name, metrics in (
        ("train", {"loss": [0.5, 0.25]}),
        ("eval", {"accuracy": [0.9, 0.92], "f1": [0.88, 0.875]}),
    ):
        write(
            root, "dvc.yaml",
            f"stages:\n  {name}:\n    cmd: cp {name}.txt {name}.json\n    deps: [{name}.txt]\n"
            f"    metrics: [{name}.json{option}]\n",
        )  # fmt: skip
        for at in (0, 1):
            write(root, f"{name}.txt", json.dumps({key: values[at] for key, values in metrics.items()}))
            world.dvc(root, "repro", "-q").ok()
            world.commit(root, f"{name} {at}")
    if cached:
        (root / "eval.json").unlink()
    assert world.python(root, text("metrics_comparison.py")) == "Accuracy: +2.00%\nF1 Score: -0.50%\n"


def test_dataset_versioning(world: World) -> None:
    root = world.repository()
    names = [f"data/train_v{number}.csv" for number in (1, 2, 3)]
    contents = samples(root, *names)
    world.python(root, TRACKER + text("dataset_versioning.py"))
    assert world.messages(root) == ["Fixed label errors", "Added 50k samples", "Initial 10k samples", "start"]
    assert all(world.is_pushed(content) for content in contents)
    assert (root / "data/.gitignore").read_text() == "".join(
        f"/train_v{number}.csv\n" for number in (1, 2, 3)
    )
    changed = [world.git(root, "show", "--name-only", "--format=", f"HEAD~{back}") for back in (2, 1, 0)]
    assert changed == [f"data/.gitignore\n{name}.dvc" for name in names]
    world.assert_clean(root)


def test_the_examples_fit_together(world: World) -> None:
    """All examples that track, one after the other in one repository, then a fresh clone goes back to v1.0."""
    root = world.repository()
    write(root, "data/imagenet.tar.gz", "pictures")
    write(root, "models/resnet50_v1.pt", "weights")
    samples(root, *(f"data/train_v{number}.csv" for number in (1, 2, 3)))
    blocks = ("large_dataset_versioning.py", "dataset_versioning.py", "model_versioning.py")
    world.python(root, TRACKER + "".join(text(name) for name in blocks))
    write(root, "data/train_v3.csv", table(40))
    world.python(root, TRACKER + "tracker.track_data('data/train_v3.csv')")
    world.git(world.base, "clone", "-q", str(root), "clone")
    clone = world.base / "clone"
    world.python(clone, TRACKER + text("incremental_versioning.py").splitlines()[-1])
    assert (clone / "data/train_v3.csv").read_text() == table(20)
    assert (clone / "models/resnet50_v1.pt").read_text() == "weights"
    world.assert_clean(clone)


PROGRAMS = {
    "src/preprocess.py": """
import pathlib
pathlib.Path("data/processed").mkdir(parents=True, exist_ok=True)
text = pathlib.Path("data/raw/dataset.csv").read_text()
pathlib.Path("data/processed/features.csv").write_text(text.upper())
""",
    "src/train.py": """
import json, pathlib, yaml
train = yaml.safe_load(open("params.yaml"))["train"]
for directory in ("models", "metrics"):
    pathlib.Path(directory).mkdir(exist_ok=True)
rows = pathlib.Path("data/processed/features.csv").read_text().splitlines()
pathlib.Path("models/model.pkl").write_text(f"{len(rows)} rows, {train['epochs']} epochs")
pathlib.Path("metrics/train.json").write_text(json.dumps({"loss": 1 / train["epochs"]}))
""",
    "src/evaluate.py": """
import json, pathlib
model = pathlib.Path("models/model.pkl").read_text()
pathlib.Path("metrics/eval.json").write_text(json.dumps({"accuracy": 0.5 + len(model) / 1000}))
""",
}


@pytest.fixture
def project(world: World) -> Path:
    """The pipeline of the specification with programs that do what their names say."""
    root = world.repository()
    for name, program in PROGRAMS.items():
        write(root, name, program)
    write(root, "data/raw/dataset.csv", table(30))
    write(root, "data/test/test.csv", table(10))
    write(root, "params.yaml", text("params.yaml"))
    write(root, "dvc.yaml", text("pipeline.yaml"))
    (world.base / "bin").mkdir(exist_ok=True)
    (world.base / "bin/python").symlink_to(sys.executable)
    return root


def epochs(root: Path) -> object:
    """What the last training was recorded with."""
    lock = yaml.safe_load((root / "dvc.lock").read_text())
    return lock["stages"]["train"]["params"]["params.yaml"]["train.epochs"]


def test_run_pipeline(world: World, project: Path) -> None:
    world.python(project, text("run_pipeline.py") + "\nprint([one.outcome.value for one in results.stages])")
    assert (project / "metrics/eval.json").exists()
    assert epochs(project) == 100
    world.commit(project, "run")
    world.assert_clean(project)


def test_pipeline_execution(world: World, project: Path) -> None:
    world.shell(project, text("pipeline_execution.sh"))
    assert epochs(project) == 200
    assert "  epochs: 200\n" in (project / "params.yaml").read_text()
    assert (project / "params.yaml").read_text() == text("params.yaml").replace("100", "200")
    world.commit(project, "run")
    world.assert_clean(project)

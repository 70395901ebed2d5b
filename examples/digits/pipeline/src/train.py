"""Train a linear classifier; the same rows and params give the same model."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy
import yaml
from sklearn.linear_model import SGDClassifier

MODEL, METRICS = Path("models/model.pkl"), Path("metrics/train.json")

params = yaml.safe_load(Path("params.yaml").read_text())["train"]
rows = numpy.loadtxt("data/prepared/train.csv", delimiter=",", dtype=numpy.int64)
labels, pixels = rows[:, 0], rows[:, 1:] / 255
model = SGDClassifier(
    loss="log_loss",
    learning_rate="constant",
    eta0=params["learning_rate"],
    max_iter=params["epochs"],
    tol=None,
    random_state=0,
)
model.fit(pixels, labels)
for path in (MODEL, METRICS):
    path.parent.mkdir(parents=True, exist_ok=True)
MODEL.write_bytes(pickle.dumps(model))
accuracy = round(float(model.score(pixels, labels)), 4)
METRICS.write_text(json.dumps({"accuracy": accuracy, "samples": len(labels)}) + "\n")
print(f"accuracy on the training data: {accuracy}")

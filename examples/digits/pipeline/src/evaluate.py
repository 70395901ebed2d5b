"""Measure the model on rows that it has not seen."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy

METRICS, PREDICTIONS = Path("metrics/eval.json"), Path("metrics/predictions.csv")

rows = numpy.loadtxt("data/prepared/test.csv", delimiter=",", dtype=numpy.int64)
model = pickle.loads(Path("models/model.pkl").read_bytes())
actual, predicted = rows[:, 0], model.predict(rows[:, 1:] / 255)
accuracy = round(float((actual == predicted).mean()), 4)
METRICS.parent.mkdir(parents=True, exist_ok=True)
METRICS.write_text(json.dumps({"accuracy": accuracy, "samples": len(rows)}) + "\n")
pairs = [f"{pair[0]},{pair[1]}\n" for pair in zip(actual, predicted, strict=True)]
PREDICTIONS.write_text("".join(["actual,predicted\n", *pairs]))
print(f"accuracy on the test data: {accuracy}")

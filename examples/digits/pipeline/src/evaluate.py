"""Measure the model on rows that it has not seen."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy

METRICS = Path("metrics/eval.json")

rows = numpy.loadtxt("data/prepared/test.csv", delimiter=",", dtype=numpy.int64)
model = pickle.loads(Path("models/model.pkl").read_bytes())
accuracy = round(float(model.score(rows[:, 1:] / 255, rows[:, 0])), 4)
METRICS.parent.mkdir(parents=True, exist_ok=True)
METRICS.write_text(json.dumps({"accuracy": accuracy, "samples": len(rows)}) + "\n")
print(f"accuracy on the test data: {accuracy}")

"""Turn the pictures into rows of grey levels, and set some of them aside for the test."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import yaml
from PIL import Image

DATA, PREPARED = Path("data/digits"), Path("data/prepared")

params = yaml.safe_load(Path("params.yaml").read_text())["prepare"]
with (DATA / "labels.csv").open(newline="") as file:
    samples = list(csv.DictReader(file))
random.Random(params["seed"]).shuffle(samples)
tested = int(len(samples) * params["test_share"])
PREPARED.mkdir(parents=True, exist_ok=True)
for name, part in (("test.csv", samples[:tested]), ("train.csv", samples[tested:])):
    with (PREPARED / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for sample in part:
            writer.writerow([sample["label"], *Image.open(DATA / sample["file"]).tobytes()])
print(f"{len(samples) - tested} samples to train with, {tested} to test with")

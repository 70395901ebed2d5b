"""Export scikit-learn's digits (1,797 scans of handwritten digits, 8 x 8 grey levels 0..16) as PNG files and a CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

# Rows whose label was typed wrong in the first two versions of the data set.
MISLABELLED = range(17, 1797, 89)


def export(directory: Path, *, count: int, labels_fixed: bool) -> None:
    """Write the first `count` samples below `directory`: images/NNNN.png and labels.csv (file, label)."""
    digits = load_digits()
    images = directory / "images"
    images.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        name = f"{number:04d}.png"
        path = images / name
        if not path.exists():
            Image.fromarray((digits.images[number] * 255 / 16).astype("uint8"), mode="L").save(path)
        label = int(digits.target[number])
        wrong = number in MISLABELLED and not labels_fixed
        rows.append((f"images/{name}", (label + 1) % 10 if wrong else label))
    with (directory / "labels.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("file", "label"), *rows])

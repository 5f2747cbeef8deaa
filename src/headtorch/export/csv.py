"""One CSV file with a row for each number: curve, step, value."""

from __future__ import annotations

import csv
from pathlib import Path

from headtorch.export import Contents

PLACE = "{name}.csv"
OPEN = "a spreadsheet, or `pandas.read_csv('{place}')`"


def export(contents: Contents, place: Path) -> None:
    """Write the curves one after the other. A name begins with its quantity, so no cell is a formula."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("curve", "step", "value"))
        for curve in contents.curves:
            rows.writerows(
                (curve.name, step, repr(value))
                for step, value in zip(curve.steps.tolist(), curve.values.tolist(), strict=True)
            )

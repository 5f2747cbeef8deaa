"""An offline run for Weights & Biases: the curves as its history, the diagnosis in its summary. Nothing is sent."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

os.environ["WANDB_ERROR_REPORTING"] = "false"  # read when wandb is imported

import wandb

from headtorch.export import Contents

PLACE = "."
OPEN = "`wandb sync {place}/wandb/offline-run-*`, which sends it"


def export(contents: Contents, place: Path) -> None:
    """Write one offline run. No step is logged twice, as W&B wants it: the curves are merged by step."""
    place.mkdir(parents=True, exist_ok=True)
    rows: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for curve in contents.curves:
        for step, value in zip(curve.steps.tolist(), curve.values.tolist(), strict=True):
            rows[step][curve.name] = value
    run = contents.report.run
    settings = wandb.Settings(
        console="off",
        disable_code=True,
        disable_git=True,
        silent=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
    with wandb.init(
        project="headtorch",
        name=contents.name,
        dir=str(place),
        mode="offline",
        config={"script": run.script, "headtorch": run.headtorch, "torch": run.torch},
        settings=settings,
    ) as made:
        for step in sorted(rows):
            made.log(rows[step], step=step)
        made.summary["verdict"] = contents.report.verdict
        made.summary["findings"] = [finding.rule for finding in contents.report.findings]

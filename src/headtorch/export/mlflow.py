"""A local MLflow store in SQLite: the curves as metrics, the diagnosis as tags and as an artifact."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import alembic  # noqa: F401  MLflow imports these two only once it opens the store
import sqlalchemy  # noqa: F401

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from headtorch.export import Contents

PLACE = "mlflow"
OPEN = "`mlflow ui --backend-store-uri sqlite:///{place}/mlflow.db`"
EXPERIMENT = "headtorch"
BATCH = 1000  # metrics in one call, MLflow's limit
LONGEST = 250  # characters of a name, MLflow's limit
_REFUSED = re.compile(r"[^\w. /-]", re.ASCII)


def export(contents: Contents, place: Path) -> None:
    """Add a run to the store in a folder, which is made where there is none."""
    place = place.absolute()
    place.mkdir(parents=True, exist_ok=True)
    with _quiet():
        client = MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")
        known = client.get_experiment_by_name(EXPERIMENT)
        experiment = (
            known.experiment_id
            if known
            else client.create_experiment(EXPERIMENT, artifact_location=(place / "artifacts").as_uri())
        )
        run = contents.report.run
        began = int(run.started * 1000)
        made = client.create_run(experiment, start_time=began, run_name=contents.name)
        number = made.info.run_id
        tags = {"verdict": contents.report.verdict, "script": run.script, "ending": run.ending}
        for name, value in tags.items():
            client.set_tag(number, f"headtorch.{name}", value)
        metrics = _metrics(contents, began)
        for first in range(0, len(metrics), BATCH):
            client.log_batch(number, metrics=metrics[first : first + BATCH])
        client.log_text(number, contents.page, "headtorch.md")
        client.set_terminated(number, end_time=began + int((run.seconds or 0) * 1000))


def _metrics(contents: Contents, began: int) -> list[Metric]:
    taken: set[str] = set()
    metrics = []
    for curve in contents.curves:
        name = _name(curve.name, taken)
        taken.add(name)
        metrics += [
            Metric(name, value, began, step)
            for step, value in zip(curve.steps.tolist(), curve.values.tolist(), strict=True)
        ]
    return metrics


def _name(curve: str, taken: set[str]) -> str:
    """A name that MLflow takes: a path of parts, none of them empty or of dots alone."""
    parts = [part if part.strip(".") else "_" for part in _REFUSED.sub("_", curve).split("/")]
    name, number = "/".join(parts)[:LONGEST].rstrip("/"), 1
    wanted = name
    while name in taken:
        number += 1
        name = f"{wanted[: LONGEST - 8]}_{number}"
    return name


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that the setting up of the store logs."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)

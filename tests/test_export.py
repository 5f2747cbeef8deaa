"""Exports: each target's file is read back with that program's own reader."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headtorch.export import targets
from headtorch.export.curves import curves
from headtorch.signals import Signals
from headtorch.store.run import Run

NAME = "<b>|`=1`/@x\x1b"
TRAINS = f"""
import torch
torch.manual_seed(0)
net = torch.nn.Sequential()
net.add_module({NAME!r}, torch.nn.Linear(2, 4))
net.add_module("act", torch.nn.Tanh())
net.add_module("out", torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=1e3)
x = torch.randn(16, 2)
for step in range(25):
    loss = ((net(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def headtorch(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headtorch", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trains")
    (folder / "train.py").write_text(TRAINS)
    headtorch(folder, "run", "--runs", str(folder), "train.py")
    (path,) = folder.glob("*.htdb")
    return path


@pytest.fixture(scope="module")
def losses(run_file: Path) -> list[float]:
    run = Run(run_file)
    values = [float(value) for value in run.series("loss").column()]
    run.close()
    assert len(values) == 25 and any(map(math.isnan, values))
    return values


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where all that wants into the network would call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, address)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield server
        with pytest.raises(BlockingIOError):  # no one has
            server.accept()


def same(read: list[float], written: list[float]) -> bool:
    return len(read) == len(written) and all(
        a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(read, written, strict=True)
    )


def test_the_curves_of_a_run(run_file: Path) -> None:
    run = Run(run_file)
    found = {curve.name: curve for curve in curves(Signals(run))}
    run.close()
    assert len(found["loss"].steps) == 25
    assert found["learning_rate/optimizer 0 group 0"].values.tolist() == [1000]
    shown = NAME.replace("\x1b", "\\x1b")
    assert {f"grad_norm/{shown}.weight", "update_ratio/out.bias", "activation_std/act", "output_grad_norm/out"} <= {
        *found
    }
    assert found["weight_norm/out.weight"].values[0] > 0


def test_csv(run_file: Path, losses: list[float], tmp_path: Path) -> None:
    done = headtorch(tmp_path, "export", str(run_file), "csv")
    assert done.returncode == 0 and done.stderr == ""
    assert re.fullmatch(rf"headtorch: \d+ curves in '{run_file.stem}\.csv'; open with .*\n", done.stdout)
    with (tmp_path / f"{run_file.stem}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    loss = [row for row in rows if row["curve"] == "loss"]
    assert [int(row["step"]) for row in loss] == list(range(25))
    assert same([float(row["value"]) for row in loss], losses)
    assert all(re.match(r"[a-z_]+(/|$)", row["curve"]) for row in rows)


def test_tensorboard(run_file: Path, losses: list[float], tmp_path: Path, proxy: socket.socket) -> None:
    done = headtorch(tmp_path, "export", str(run_file), "tensorboard", "--to", "logs")
    assert (done.returncode, done.stderr) == (0, "")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    assert same([event.value for event in events.Scalars("loss")], losses)
    assert [event.step for event in events.Scalars("loss")] == list(range(25))
    assert any(tag.startswith("grad_norm/") for tag in events.Tags()["scalars"])
    (text,) = events.Tags()["tensors"]
    page = events.Tensors(text)[0].tensor_proto.string_val[0].decode()
    assert page.startswith("### headtorch: ") and "<b>" not in page


def test_mlflow(run_file: Path, losses: list[float], tmp_path: Path, proxy: socket.socket) -> None:
    # In one process, for MLflow takes seconds to import: a run, another one into the same store, and its own client.
    code = f"""
import json, pathlib
from headtorch import diagnose, export
file, store = pathlib.Path({str(run_file)!r}), pathlib.Path("store")
contents = export.contents(file, *diagnose.diagnose(file))
for _ in range(2):
    export.target_named("mlflow").export(contents, store)
from mlflow import MlflowClient
client = MlflowClient("sqlite:///store/mlflow.db")
first, second = client.search_runs([client.get_experiment_by_name("headtorch").experiment_id])
history = sorted(client.get_metric_history(first.info.run_id, "loss"), key=lambda metric: metric.step)
page = pathlib.Path(client.download_artifacts(first.info.run_id, "headtorch.md")).read_text()
values = [metric.value for metric in history]
print(json.dumps([first.info.run_name, first.data.tags, values, sorted(first.data.metrics), page]))
"""
    read = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert read.returncode == 0, read.stderr
    name, tags, values, metrics, page = json.loads(read.stdout.splitlines()[-1])
    assert name == run_file.stem
    assert (tags["headtorch.verdict"], tags["headtorch.script"]) == ("faulty", "train.py")
    largest = sys.float_info.max  # what MLflow makes of infinity
    assert same(values, [max(-largest, min(loss, largest)) if math.isinf(loss) else loss for loss in losses])
    assert "activation_std/act" in metrics and any("_b__" in metric for metric in metrics)
    assert page.startswith("### headtorch: ")


def test_wandb(run_file: Path, losses: list[float], tmp_path: Path, proxy: socket.socket) -> None:
    done = headtorch(tmp_path, "export", str(run_file), "wandb", WANDB_MODE="online")
    assert (done.returncode, done.stderr) == (0, "")
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    rows, summary = [], {}
    for data in offline_records(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        if record.HasField("history"):
            rows.append({item.key or "/".join(item.nested_key): item.value_json for item in record.history.item})
        for item in record.summary.update:
            summary[item.key or "/".join(item.nested_key)] = item.value_json
    read = [float(row["loss"].strip('"').replace("Infinity", "inf")) for row in rows if "loss" in row]
    assert same(read, losses)
    assert [int(row["_step"]) for row in rows] == list(range(25))
    assert summary["verdict"] == '"faulty"'
    assert "requirements.txt" not in {path.name for path in tmp_path.rglob("*")}


def offline_records(data: bytes) -> Iterator[bytes]:
    """The records of W&B's file: a header, then records cut into the blocks of a LevelDB log."""
    assert data[:4] == b":W&B"
    at, parts = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole one, or the last part
            yield parts
            parts = b""


def test_a_target_is_one_file_and_refusals_are_one_sentence(run_file: Path, tmp_path: Path) -> None:
    assert targets() == ("csv", "mlflow", "tensorboard", "wandb")
    (tmp_path / "file").touch()
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "tensorboardX.py").write_text("raise ModuleNotFoundError(name='tensorboardX')")
    path = os.pathsep.join([str(hidden), os.environ.get("PYTHONPATH", "")])
    for arguments, said in {
        (str(run_file), "excel"): "cannot export to 'excel': the targets are csv, mlflow, tensorboard, wandb",
        (str(run_file), "tensorboard"): "cannot export to tensorboard: 'tensorboardX' is not installed; "
        "`pip install 'headtorch[tensorboard]'` brings it",
        (str(run_file), "csv", "--to", "file/x.csv"): "cannot export to 'file/x.csv': ",
        ("missing.htdb", "csv"): "cannot read 'missing.htdb': there is no such file",
    }.items():
        done = headtorch(tmp_path, "export", *arguments, PYTHONPATH=path)
        assert done.returncode == 2 and done.stderr.startswith(f"headtorch: {said}") and done.stderr.count("\n") == 1

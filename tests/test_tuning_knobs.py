"""The numbers of a script that are worth a search, found in the recording of a real run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headtorch import changes
from headtorch.model import COMMAND_LINE
from headtorch.signals import Signals
from headtorch.store.run import Run
from headtorch.tuning import knobs
from headtorch.tuning.knobs import changed
from headtorch.tuning.options import given

SCRIPT = """\
import argparse
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--num-layers", type=int, default=2)
args = parser.parse_args()
torch.manual_seed(0)
x = torch.randn(64, 4)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=16)
layers = [nn.Linear(4, 12), nn.ReLU()]
for _ in range(args.num_layers - 1):
    layers += [nn.Identity()]
model = nn.Sequential(*layers, nn.LayerNorm(12), nn.Linear(12, 6), nn.Tanh(), nn.Linear(6, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
for epoch in range(5):
    for a, b in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(a), b).backward()
        optimizer.step()
    scheduler.step()
"""


def recorded(folder: Path, *arguments: str) -> Run:
    (folder / "train.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "headtorch", "run", "train.py", *arguments]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    (file,) = (folder / "headtorch-runs").glob("*.htdb")
    return Run(file)


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signals]:
    run = recorded(tmp_path_factory.mktemp("knobs"))
    yield Signals(run)
    run.close()


def test_knobs_stand_where_their_numbers_are_written(signals: Signals) -> None:
    found = {knob.name: knob for knob in knobs.find(signals)}
    assert {name: (knob.where.line, knob.value) for name, knob in found.items()} == {
        "learning rate": (7, 0.1),
        "decay factor": (18, 0.5),
        "decay length": (18, 3),
        "batch size": (12, 16),
        "width": (13, 12),
        "depth": (8, 2),
        "weight decay": (17, 0),
    }
    assert list(found)[:2] == ["learning rate", "decay factor"] and list(found)[-1] == "weight decay"
    assert all(knob.low <= (knob.value or knob.low) <= knob.high for knob in found.values())


def test_all_of_them_are_written_at_once(signals: Signals) -> None:
    found = knobs.find(signals)
    values = {"learning rate": 0.03, "decay factor": 0.9, "batch size": 8, "width": 24, "weight decay": 1e-4}
    (text,) = changes.apply(signals.run.sources, changed(found, values)).values()
    before, after = SCRIPT.splitlines(), text.splitlines()
    assert [(i + 1, new) for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new] == [
        (7, before[6].replace("0.1", "0.03")),
        (12, before[11].replace("batch_size=16", "batch_size=8")),
        (13, before[12].replace("12", "24")),
        (16, before[15].replace("12", "24").replace("6", "12")),
        (17, before[16].replace("momentum=0.9", "momentum=0.9, weight_decay=0.0001")),
        (18, before[17].replace("gamma=0.5", "gamma=0.9")),
    ]


@pytest.mark.parametrize("arguments", [("--lr", "2", "--num-layers", "3"), ("--num-layers=3", "--lr=2")])
def test_an_argument_goes_before_a_default(arguments: tuple[str, ...], tmp_path: Path) -> None:
    run = recorded(tmp_path, *arguments)
    try:
        signals = Signals(run)
        found = {knob.name: given(knob, signals) for knob in knobs.find(signals)}
        rate = found["learning rate"]
        assert rate.value == 2.0 and rate.high >= 2.0 and found["depth"].value == 3.0
        line = {COMMAND_LINE: " ".join(arguments)}
        texts = changes.apply(line, changed([rate, found["depth"]], {"learning rate": 0.05, "depth": 4}))
        assert texts == {COMMAND_LINE: line[COMMAND_LINE].replace("2", "0.05").replace("3", "4")}
        assert found["batch size"].where.file.endswith("train.py")
    finally:
        run.close()

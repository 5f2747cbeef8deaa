"""Trials on a cluster: a real one of Ray, with two workers, on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from headtorch.trials.cluster import Cluster
from headtorch.trials.orders import Ran, Subject, Trial
from headtorch.trials.runner import Runner
from headtorch.trials.workplace import Workplace

pytestmark = pytest.mark.cluster
ray = pytest.importorskip("ray")

SCRIPT = """\
import helper
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(256, 2)
y = (x[:, 0] * x[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=100.0, momentum=0.9)
for step in range(helper.STEPS):
    batch = torch.randint(0, 256, (64,))
    loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    accuracy = (model(x).argmax(1) == y).float().mean()
"""
WAITS = """\
import os, socket
with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
    gate.recv(1)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster as Ray

    with pytest.MonkeyPatch.context() as patch:
        # What workers import is found by their own search path.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "src"))
        started = Ray(initialize_head=True, head_node_args={"num_cpus": 0})
        for _ in range(2):
            started.add_node(num_cpus=1)
        started.wait_for_nodes()
        try:
            yield started
        finally:
            ray.shutdown()
            started.shutdown()


def project(folder: Path, first: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "helper.py").write_text("STEPS = 120\n")
    script = folder / "train.py"
    script.write_text(first + SCRIPT)
    return script


def report(folder: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "headtorch", "fix", *options, "--report", "out.json", "train.py"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    written: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return written


def test_a_cluster_comes_to_the_same_verdicts(cluster: Any, tmp_path: Path) -> None:
    script = project(tmp_path)
    here = report(tmp_path)
    there = report(tmp_path, "--cluster", cluster.address)
    assert script.read_text() == SCRIPT
    assert here["findings"][0]["tried"]["verdict"] == "VERIFIED"
    assert [finding["tried"] for finding in there["findings"]] == [finding["tried"] for finding in here["findings"]]
    assert there["findings"][0]["where"] == here["findings"][0]["where"]
    assert Path(there["run"]["file"]).parent == tmp_path / "headtorch-runs"


def gathered(gate: socket.socket, count: int) -> list[socket.socket]:
    return [gate.accept()[0] for _ in range(count)]


def test_the_trials_of_a_lost_worker_are_run_again(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = socket.create_server(("127.0.0.1", 0))
    gate.settimeout(300)
    monkeypatch.setenv("GATE", str(gate.getsockname()[1]))
    script = project(tmp_path, WAITS)
    subject = Subject("train.py", (), as_module=False, folder=tmp_path)
    lost = cluster.add_node(num_cpus=2, resources={"lost": 1})
    cluster.wait_for_nodes()
    with Workplace(tmp_path, script) as place, ThreadPoolExecutor(4) as pool:
        backend = Cluster(cluster.address, subject, place, tmp_path / "runs")
        assert backend.jobs == 4
        trials = [pool.submit(backend.run, Trial({}, seed)) for seed in range(4)]
        waiting = gathered(gate, 4)  # each core runs one
        cluster.remove_node(lost, allow_graceful=False)
        for one in waiting:
            one.close()
        again = gathered(gate, 2)
        for one in again:
            one.close()
        ran: list[Ran] = [trial.result() for trial in trials]
        backend.close()
        gate_open = threaded_gate(gate)
        runner = Runner(subject, place, tmp_path / "runs", 1)
        alone = runner.run(Trial({}, 3))
        runner.close()
        gate_open.shutdown(wait=True)
        gate.close()
    assert [one.failed for one in ran] == [""] * 4
    assert [one.steps for one in ran] == [120] * 4
    assert ran[3].measures == alone.measures != ran[2].measures
    assert len({one.run_file for one in ran}) == 4


def threaded_gate(gate: socket.socket) -> ThreadPoolExecutor:
    """Lets one more through."""
    pool = ThreadPoolExecutor(1)
    pool.submit(lambda: gate.accept()[0].close())
    return pool


def test_no_cluster_is_one_sentence(tmp_path: Path) -> None:
    script = project(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "headtorch", "fix", "--cluster", "127.0.0.1:1", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("headtorch: no Ray cluster answers at '127.0.0.1:1'") and done.stderr.count("\n") == 1

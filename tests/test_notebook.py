"""notebook: real notebooks are run by a real kernel; and a `with` in a plain process leaves PyTorch as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from headtorch.store.run import Run

SETUP = """
import torch
from torch import nn
import headtorch
torch.manual_seed(0)
x = torch.randn(64, 2)
y = x.sum(1, keepdim=True)
"""
TRAINS = """
net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=300.0)
for step in range(40):
    loss = ((net(x) - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
CELLS = (
    SETUP,
    "with headtorch.watch() as seen:\n" + TRAINS.replace("\n", "\n    ").rstrip(),
    "seen.report.verdict",
    "with headtorch.watch():\n    with headtorch.watch():\n        pass",
    "%load_ext headtorch",
    "%%headtorch\n"
    + TRAINS.replace("300.0", "0.05").replace("- y)", "- y.T)").lstrip()
    + "def twice(n: int):\n    return 2 * n\ntwice(step)",
    "%%headtorch\nraise ValueError('of the user')",
    "twice.__annotations__['n'] is int",
    "with headtorch.watch():\n    raise KeyError('of the user')",
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], Path]:
    """The cells of a notebook that has run, and its folder."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook.cells, folder


def shown(cell: Any) -> str:
    return "".join(o["data"]["text/plain"] for o in cell.outputs if o.output_type == "display_data")


def result(cell: Any) -> str:
    return "".join(o["data"]["text/plain"] for o in cell.outputs if o.output_type == "execute_result")


def error(cell: Any) -> Any:
    (found,) = [o for o in cell.outputs if o.output_type == "error"]
    return found


def test_a_watched_block_shows_its_report_with_the_place_in_the_cell(ran: tuple[list[Any], Path]) -> None:
    cells, _ = ran
    report = shown(cells[1])
    assert report.startswith("error[lr-too-high]")
    line = next(n for n, text in enumerate(cells[1].source.splitlines(), 1) if "lr=300.0" in text)
    column = cells[1].source.splitlines()[line - 1].index("lr=") + 1
    assert f"--> cell 2:{line}:{column}\n" in report
    assert "lr=300.0)" in report and " ^^^^^^^^ this learning rate" in report
    assert result(cells[2]) == "'faulty'"


def test_the_magic_watches_a_cell_and_gives_its_last_value(ran: tuple[list[Any], Path]) -> None:
    cells, _ = ran
    assert shown(cells[5]).startswith("error[broadcast-loss]")
    line = next(n for n, text in enumerate(cells[5].source.splitlines(), 1) if "y.T" in text)
    assert f"--> cell 6:{line}:" in shown(cells[5]), shown(cells[5])
    assert "- y.T) ** 2" in shown(cells[5])
    assert result(cells[5]) == "78"
    assert result(cells[7]) == "True", "the cell is compiled as the notebook would compile it"


def test_exceptions_pass_through(ran: tuple[list[Any], Path]) -> None:
    cells, _ = ran
    assert (error(cells[6]).ename, error(cells[6]).evalue) == ("ValueError", "of the user")
    assert (error(cells[8]).ename, error(cells[8]).evalue) == ("KeyError", "'of the user'")
    for cell in (cells[6], cells[8]):
        assert "no training was seen" in shown(cell)
        assert "notebook.py" not in "\n".join(error(cell).traceback)


def test_one_watch_at_a_time(ran: tuple[list[Any], Path]) -> None:
    refused = error(ran[0][3])
    assert refused.ename == "UserError"
    (said,) = refused.traceback
    assert said == "headtorch: headtorch records this process already, and can record it only once at a time"


def test_each_watch_is_a_run_of_its_own(ran: tuple[list[Any], Path]) -> None:
    runs = []
    for path in sorted((ran[1] / "headtorch-runs").glob("notebook-*.htdb"), key=lambda path: path.stat().st_mtime):
        run = Run(path)
        runs.append((run.steps, run.facts["ending"], sorted(run.sources)))
        run.close()
    assert [run[:2] for run in runs] == [
        (40, "finished"), (0, "exception"), (40, "finished"), (0, "exception"), (0, "exception"),
    ]  # fmt: skip
    assert [run[2] for run in runs if run[0]] == [["cell 2"], ["cell 6"]]


PLAIN = f"""
import sys
{SETUP}
import torch._dynamo
def all_that_is_tapped():
    from torch.optim.lr_scheduler import LRScheduler
    from torch.optim import optimizer
    return (
        nn.Module.__call__, nn.Module.__init__, nn.Module.load_state_dict, torch.optim.Optimizer.__init__,
        torch.autograd._engine_run_backward, torch.autograd.graph._engine_run_backward, torch._C._nn.mse_loss,
        torch.kl_div, torch._VF.lstm, nn.utils.clip_grad_norm_, nn.utils.clip_grad.clip_grad_norm_,
        torch.amp.grad_scaler.GradScaler.update, torch._C._autograd._push_saved_tensors_default_hooks,
        torch.set_anomaly_enabled, torch.is_anomaly_enabled, len(optimizer._global_optimizer_post_hooks),
        tuple(map(id, sys.meta_path)),
    )
from torch.jit import _builtins
_builtins._get_builtin_table()
before, known = all_that_is_tapped(), dict(_builtins._get_builtin_table())
for number in range(2):
    with headtorch.watch() as seen:
        assert all_that_is_tapped() != before
{TRAINS.replace(chr(10), chr(10) + "        ")}
        torch.optim.lr_scheduler.StepLR(optimizer, 3)
    assert seen.report.run.steps == 40
    assert all_that_is_tapped() == before
    assert dict(_builtins._get_builtin_table()) == known
torch.optim.lr_scheduler.StepLR(optimizer, step_size=3)
((net(x) - y) ** 2).mean().backward()
theirs = nn.Module.__call__
with headtorch.watch():
    inner = nn.Module.__call__
    def wrapper(self, *args, **kwargs):
        return inner(self, *args, **kwargs)
    nn.Module.__call__ = wrapper
assert nn.Module.__call__ is wrapper
net(x)
print("as before")
"""


def test_after_it_pytorch_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    command = [sys.executable, "plain.py"]
    environment = {**os.environ, "HEADTORCH_RUNS": "runs"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "as before\n"), done.stderr
    assert done.stderr.count("error[lr-too-high]") == 2 and "--> plain.py:" in done.stderr
    assert len(list((tmp_path / "runs").glob("plain-*.htdb"))) == 3


def test_a_script_that_watches_itself_under_run_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "both.py").write_text("import headtorch\nwith headtorch.watch():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "headtorch", "run", "both.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1
    assert "UserError: headtorch records this process already" in done.stderr

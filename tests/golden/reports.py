"""The reports whose renderings stand in this folder, as `tests/test_render_text.py` draws them.

Their files lie in the folder that `here` names; the source of "elsewhere.py" is not recorded.
"""

from __future__ import annotations

import math
from pathlib import Path

from headtorch.model import Evidence, Finding, Report, RunSummary, Where

TRAIN = """\
import torch

model = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1), torch.nn.Sigmoid())
data, target = torch.randn(256, 2), torch.rand(256, 1)

opt = torch.optim.SGD(model.parameters(), lr=30.0, momentum=0.9)
for step in range(60):
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(data), target.view(-1, 1), weight=torch.ones(1))
    loss.backward()
\topt.step()  # 学習率 を 確認 する
名前 = "損失"; loss = criterion(\u202emodel(data), target)
result = evaluate(
    model,
)
"""


def run(here: Path, **changes: object) -> RunSummary:
    facts: dict[str, object] = {
        "file": str(here / "headtorch-runs" / "train-20260301-101502.htdb"),
        "script": str(here / "train.py"),
        "arguments": (),
        "started": 1772360102.0,
        "seconds": 4.1,
        "ending": "finished",
        "steps": 1200,
        "evaluations": 0,
        "parameters": 257,
        "layers": 2,
        "first_loss": 0.71,
        "last_loss": math.nan,
        "loss_curve": (0.71, 0.9, 2.0, 8.0, math.nan),
        "headtorch": "0.1.0",
        "torch": "2.13.0",
    }
    return RunSummary(**(facts | changes))  # type: ignore[arg-type]


def reports(here: Path) -> dict[str, Report]:
    def at(line: int, column: int | None = None, end: int | None = None, last: int | None = None) -> Where:
        return Where(str(here / "train.py"), line, column, end, last)

    exploding = Finding(
        rule="exploding-step",
        severity="error",
        message="each optimizer step moves `0.weight` by 5.7x its own size",
        where=at(6, 43, 50),
        saw=(
            Evidence("lr·|grad|/|weight|", 5.7, "1e-4 to 1e-2", "0-19, 2 of 2 layers"),
            Evidence("loss", 0.71, steps="0-14", curve=(0.71, 0.9, 2.0, 8.0, math.nan)),
        ),
        help="lower the learning rate",
        label="this learning rate",
        confidence=0.97,
    )
    nan_loss = Finding(
        "nan-loss", "error", "the loss is NaN from step 14", at(9), role="consequence", follows_from="exploding-step"
    )
    dead = Finding(
        "dead-relu", "warning", "63 % of `1` never fires", at(3), role="consequence", follows_from="nan-loss"
    )
    softmax = Finding(
        rule="double-softmax",
        severity="error",
        message="the sigmoid at the end of `model` is applied again by `binary_cross_entropy_with_logits`, so its "
        "output can only lie between 0.5 and 0.73",
        where=at(8, 65, 76),
        saw=(
            Evidence(
                "largest output of the loss's sigmoid", 0.731, "above 0.9", "0-1,199", layer="3", curve=(0.5, 0.73)
            ),
            Evidence("classes predicted", "1 of 2", steps="1,199"),
        ),
        help="leave the last `Sigmoid` out: this loss applies it itself, and does so without losing precision where "
        "the sigmoid is flat",
        label="this has been through a sigmoid already",
    )
    no_zero = Finding(
        rule="no-zero-grad",
        severity="warning",
        message="the gradients of 60 steps are added up",
        where=at(9),
        saw=(Evidence("grad_norm", 12345.678, "below 10", "1-59", curve=tuple(1.5**i for i in range(60))),),
        help="call `opt.zero_grad()` before `loss.backward()`",
        label="gradients are added to those of the step before",
    )
    tabbed = Finding("lr-too-high", "warning", "the loss jumps at 38 % of the steps", at(10, 2, 12), label="here")
    wide = Finding(
        "loss-target-mismatch",
        "error",
        "`\u202egnissol\u202c` gets a target of shape (256,)\x1b[2J and\nscores of shape (256, 1)",
        at(11, 19, 50),
        saw=(Evidence("損失", 1e-9, layer="net.\x9b31m3"),),
        help="\x1b]0;owned\x07 do this",
        label="損失",
    )
    several_lines = Finding("eval-mode-in-training", "error", "the model trains in eval mode", at(12, 10, 2, 14))
    elsewhere = Finding(
        "class-imbalance", "warning", "91 % of the targets are class 0", Where("/opt/project/elsewhere.py", 88, 5, 9)
    )
    slow = Finding("lr-too-low", "note", "the loss still falls at the last step", at(6, 43, 50), help="train longer")
    nowhere = Finding("no-validation", "note", "no evaluation was seen, so overfitting could not be looked for")

    crash = "train.py ended with an exception; what is said here is about the 14 steps before it"
    looked_at = "gradients, updates and activations of 2 layers, 1 loss, the data of 60 batches"
    healthy = run(
        here, seconds=75.0, first_loss=1.1, last_loss=0.0712, loss_curve=(1.1, 0.8, 0.45, 0.2, 0.07), steps=12000
    )
    return {
        "one-cause": Report("faulty", run(here), (exploding, nan_loss, dead), looked_at),
        "many-causes": Report(
            "faulty",
            run(here, seconds=4000),
            (softmax, exploding, no_zero, tabbed, several_lines, elsewhere, nan_loss, dead, slow, nowhere),
            looked_at,
            (crash,),
        ),
        "hostile": Report("faulty", run(here, seconds=None, steps=1), (wide,), looked_at),
        "places": Report("faulty", run(here), (several_lines, elsewhere, tabbed), looked_at),
        "healthy": Report("healthy", healthy, (slow,), looked_at),
        "no-training": Report("unknown", run(here, steps=0, loss_curve=(), first_loss=None, last_loss=None), (), ""),
        "too-short": Report(
            "unknown", run(here, steps=3), (), "", ("a run of 3 steps says too little: 20 are needed at least.",)
        ),
    }

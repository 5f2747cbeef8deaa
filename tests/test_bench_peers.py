"""The bench of other tools: a script is seen from outside as a tool's user would show it, and messages are judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.peers import TOOLS, causes
from bench.peers.environments import tool
from bench.peers.score import Score, Verdict
from corpus.accuracy import Case
from headtorch.rules import all_rules

ROOT = Path(__file__).parent.parent
JUDGED = [name for name in TOOLS if getattr(tool(name), "NAMES", True) and name != "headtorch"]

OBSERVED = """
import json, sys
import torch
from torch import nn
from torch.nn.functional import mse_loss
from bench.peers.attach import Training, Watcher

seen = []

class Tool:
    @staticmethod
    def watch(training):
        def before():
            own = mse_loss(training.model(torch.zeros(2, 3)), torch.zeros(2, 1))  # no part of the training
            own.backward()
        def after():
            same = training.loss_function(torch.zeros(4, 1), torch.ones(4, 1)).item()
            seen.append([training.step, training.loss, training.rate, training.held_out, same,
                         list(training.inputs.shape), list(training.targets.shape), type(training.model).__name__])
        training.before_update(before)
        training.after_update(after)
        return lambda: ["the end"]

class Broken:
    @staticmethod
    def watch(training):
        training.after_update(lambda: 1 / 0)
        return lambda: ["never"]

watchers = [Watcher(Tool), Watcher(Broken)]
Training(watchers).observe()

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 1)
    def forward(self, x):
        return self.body(x)

class Other(Net):
    pass

from torch.nn.functional import mse_loss as same_loss

net, other, losses = Net(), Other(), []
optimizer = torch.optim.SGD(net.parameters(), lr=0.25)
unused = torch.optim.SGD(other.parameters(), lr=9.0)
for step in range(3):
    x, y = torch.randn(4, 3), torch.randn(4, 1)
    other(x)
    loss = same_loss(net(x), y, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    losses.append(loss.item())
    optimizer.step()
    with torch.no_grad():
        same_loss(net(x[:2]), y[:2])
for watcher in watchers:
    watcher.end()
said, trouble = [w.said for w in watchers], [w.trouble for w in watchers]
print(json.dumps({"seen": seen, "losses": losses, "said": said, "trouble": trouble}))
"""


@pytest.fixture(scope="module")
def observed() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", OBSERVED], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_tool_is_given_the_training_of_the_script(observed: dict[str, Any]) -> None:
    steps, losses, rates, held_out, same, inputs, targets, models = zip(*observed["seen"], strict=True)
    assert steps == (0, 1, 2)
    assert list(losses) == pytest.approx(observed["losses"])
    assert set(rates) == {0.25}
    assert held_out[0] is None
    assert all(each is not None for each in held_out[1:])
    assert set(same) == {4.0}  # with the reduction that the script asks for
    assert inputs == ([4, 3],) * 3
    assert targets == ([4, 1],) * 3
    assert set(models) == {"Net"}  # the other network belongs to another optimizer


def test_a_tool_that_raises_ends_neither_the_script_nor_another_tool(observed: dict[str, Any]) -> None:
    assert observed["said"] == [["the end"], []]
    assert observed["trouble"] == ["", "ZeroDivisionError: division by zero"]
    assert len(observed["losses"]) == 3


def test_messages_are_judged_in_labels_that_exist() -> None:
    labels = {rule.name for rule in all_rules()} | {causes.OTHER}
    named = {label for table in causes.MEANS.values() for causes_of in table.values() for label in causes_of.split()}
    assert named <= labels


@pytest.mark.parametrize("name", JUDGED)
def test_each_tool_that_names_causes_has_its_messages_judged(name: str) -> None:
    assert causes.MEANS[name]
    assert hasattr(tool(name), "watch") != hasattr(tool(name), "read")
    assert tool(name).__doc__


def verdict(kind: str, said: list[str], trouble: str = "") -> Verdict:
    truth = {"cause": "dead-relu"} if kind == "faulty" else {}
    return Verdict("torch_audit", Case(Path("train.py"), kind, truth), said, trouble)


def test_a_verdict_says_what_was_caught() -> None:
    dead, other = "TA105 100.0% of neurons are dead", "TA102 Gradient Explosion"
    words = {
        "caught": verdict("faulty", [other, dead]),
        "noise": verdict("faulty", [other]),
        "missed": verdict("faulty", []),
        "crashed": verdict("healthy", [], "ValueError"),
        "false alarm": verdict("fixed", [dead]),
        "quiet": verdict("healthy", []),
    }
    assert {word: each.word for word, each in words.items()} == {word: word for word in words}
    score = Score.of("torch_audit", words.values())
    assert (score.caught, score.noise, score.missed, score.crashed) == (1, 1, 1, 1)
    assert (score.sick, score.alarms, score.sound) == (3, 1, 3)


def test_what_concerns_no_learning_counts_neither_way() -> None:
    assert not causes.about_learning("torch_preflight", "TG007 a synchronisation point")
    assert causes.about_learning("torch_preflight", "TG003 nothing calls zero_grad")
    assert causes.about_learning("torch_preflight", "a message of a later version")
    assert not causes.known("torch_preflight", "a message of a later version")

"""Slips: each is found where it stands, and what is like it and meant is left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import dedent

import pytest

from headtorch.model import Where
from headtorch.places import Places
from headtorch.places.aliases import kept_buffer
from headtorch.places.slips import bound_anew, dropped, misspelt, mode_not_passed_on, twice

FILE = "/home/user/train.py"
Slip = Callable[..., Where | None]

SLIPS: dict[str, tuple[Slip, tuple[str, ...], str]] = {
    "a name that is nearly the attribute's": (
        misspelt,
        ("requires_grad",),
        """
        model.grad = None
        for p in model.parameters():
            p.requires_grad = False
            p.require_grad = True  # <-
        """,
    ),
    "one of two optimizers reset twice": (
        twice,
        ("zero_grad",),
        """
        def step():
            critic.zero_grad()
            actor.zero_grad()
            actor.zero_grad()  # <-
        """,
    ),
    "a mode that is not passed on": (
        mode_not_passed_on,
        (),
        """
        class Net(nn.Module):
            def train(self, mode=True):
                super().train()  # <-
                self.frozen.eval()
        """,
    ),
    "an activation whose result is dropped": (
        dropped,
        ("relu",),
        """
        def forward(self, x):
            h = self.first(x).relu()
            h = self.second(h)
            h.relu()  # <-
            return h
        """,
    ),
    "a parameter's name bound anew": (
        bound_anew,
        ("parameters",),
        """
        for mine, theirs in zip(net.parameters(), server.parameters()):
            mine = theirs.clone()  # <-
        """,
    ),
    "an array filled anew and kept many times": (
        kept_buffer,
        (),
        """
        frame = numpy.zeros(8)
        for wave in waves:
            frame[:] = wave
            samples.append((torch.from_numpy(frame), 1))  # <-
        """,
    ),
}

MEANT: dict[str, tuple[Slip, tuple[str, ...], str]] = {
    "attributes of other names": (misspelt, ("requires_grad",), "p.grad = None\np.required = 1\n"),
    "two optimizers": (twice, ("zero_grad",), "actor.zero_grad()\ncritic.zero_grad()\n"),
    "a mode passed on": (
        mode_not_passed_on,
        (),
        "class Net(nn.Module):\n    def train(self, mode=True):\n        super().train(mode)\n",
    ),
    "in place": (dropped, ("relu",), "def forward(self, x):\n    x.relu_()\n    return x.relu()\n"),
    "numbers copied": (
        bound_anew,
        ("parameters",),
        "for mine, theirs in zip(net.parameters(), server.parameters()):\n    mine.data = theirs.clone()\n",
    ),
    "a copy": (
        kept_buffer,
        (),
        "for wave in waves:\n    frame[:] = wave\n    samples.append((torch.from_numpy(frame.copy()), 1))\n",
    ),
    "a new array at each turn": (
        kept_buffer,
        (),
        "for wave in waves:\n    frame = numpy.zeros(8)\n    frame[:] = wave\n    samples.append(frame)\n",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_found_where_it_stands(name: str) -> None:
    slip, names, source = SLIPS[name]
    text = dedent(source).lstrip("\n")
    (line,) = [number for number, each in enumerate(text.splitlines(), 1) if re.search(r"# <-$", each)]
    found = slip(Places({FILE: text}), FILE, *names)
    assert found is not None
    assert found.line == line


@pytest.mark.parametrize("name", MEANT)
def test_what_is_meant_is_no_slip(name: str) -> None:
    slip, names, source = MEANT[name]
    assert slip(Places({FILE: source}), FILE, *names) is None

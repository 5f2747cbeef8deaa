"""Slips: each is found where it stands, and what is like it and meant is left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import dedent

import pytest

from headtorch.model import Where
from headtorch.places import Places
from headtorch.places.aliases import cleared_list, handed_out, kept_buffer, live_state, repeated
from headtorch.places.averages import kept_in_half
from headtorch.places.belonging import by_batch_number, repeated_as_a_whole, turned_alone
from headtorch.places.reseeded import seeded_anew
from headtorch.places.slips import (
    argmax_of_one,
    batch_last,
    bound_anew,
    dropped,
    fitted_again,
    flag_on_a_network,
    misspelt,
    mixed_derivatives,
    mode_not_passed_on,
    prepared_in_vain,
    state_reset_at_each_piece,
    through_numpy,
    twice,
    used_up,
    zeros_elsewhere,
)
from headtorch.places.vocabularies import codes_of_its_own

FILE = "/home/user/train.py"
Slip = Callable[..., Where | None]

SLIPS: dict[str, tuple[Slip, tuple[str, ...], str]] = {
    "a generator that is counted before it is used": (
        used_up,
        (),
        """
        def optimizer(net):
            body = filter(lambda p: p.requires_grad, net.parameters())  # <-
            print(sum(p.numel() for p in body))
            return Adam([{"params": body}])
        """,
    ),
    "a round from the seed of the one before": (
        seeded_anew,
        (),
        """
        class Rounds(IterableDataset):
            def __init__(self, seed):
                self.seed = seed

            def __iter__(self):
                draw = random.Random(self.seed + 1)  # <-
                yield from (draw.random() for _ in range(5))
        """,
    ),
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
    "a list that is cleared, kept many times": (
        cleared_list,
        (),
        """
        def play(self):
            self.steps.clear()
            self.steps.append(self.act())
            self.replay.append((self.steps, 1.0))  # <-
        """,
    ),
    "the best weights, not a copy": (
        live_state,
        (),
        """
        for epoch in range(9):
            if train() < best:
                kept = net.state_dict()  # <-
        net.load_state_dict(kept)
        """,
    ),
    "an image flipped without its mask": (
        turned_alone,
        (),
        """
        def __call__(self, image, mask):
            if random.random() < 0.5:
                image = image.flip(-1)  # <-
            return image, mask
        """,
    ),
    "what a loader gave in another order": (
        by_batch_number,
        (),
        """
        loader = DataLoader(data, batch_size=8, shuffle=True)
        answers = ask(teacher, loader)
        for number, (x, y) in enumerate(loader):
            loss = differ(student(x), answers[number])  # <-
        """,
    ),
    "the largest of one output": (
        argmax_of_one,
        (),
        """
        def right(net, x, y):
            outputs = net(x)
            _, predicted = torch.max(outputs, 1)  # <-
            return (predicted == y).sum()
        """,
    ),
    "a reshape that is to be a transpose": (
        batch_last,
        (),
        """
        def flatten(images):
            return images.reshape(-1, images.shape[0])  # <-
        """,
    ),
    "a gradient derived as a whole": (
        mixed_derivatives,
        (),
        """
        def bends(u, x):
            g = torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]
            h = torch.autograd.grad(g, x, torch.ones_like(g), create_graph=True)[0]  # <-
            return h[:, 0:1] + h[:, 1:2]
        """,
    ),
    "a flag that a network does not pass on": (
        flag_on_a_network,
        ("False",),
        """
        net.requires_grad = False  # <-
        optimizer = SGD(net.parameters(), lr=0.1)
        """,
    ),
    "a flag that thaws nothing": (
        flag_on_a_network,
        ("True",),
        """
        for p in net.parameters():
            p.requires_grad = False
        net.requires_grad = True  # <-
        """,
    ),
    "weights that are bound in place of written": (
        bound_anew,
        ("parameters",),
        """
        for weight, value in zip(model.parameters(), values):
            weight = value.clone()  # <-
        """,
    ),
    "a board that is handed out and drawn anew": (
        handed_out,
        (),
        """
        class Game:
            def draw(self):
                self.board[:] = 0.0
            def observe(self):
                return self.board  # <-
        memory.append(game.observe())
        """,
    ),
    "sounds repeated as a whole beside texts in turns": (
        repeated_as_a_whole,
        (),
        """
        def inputs(sound, texts):
            count = texts.size(1)
            return sound.repeat(count, 1, 1), texts.flatten(0, 1)  # <-
        """,
    ),
    "categories numbered by each table": (
        codes_of_its_own,
        (),
        """
        def encode(frame):
            return pd.factorize(frame["carrier"])[0]  # <-
        train, test = encode(train_frame), encode(test_frame)
        """,
    ),
    "a state that is reset before each piece": (
        state_reset_at_each_piece,
        (),
        """
        class Reader(nn.Module):
            def reset(self):
                self.memory = None
            def forward(self, piece):
                out, memory = self.gru(piece, self.memory)
                self.memory = memory.detach()
        for start in range(0, x.size(1), 20):
            model.reset()  # <-
            scores = model(x[:, start : start + 20])
        """,
    ),
    "an average in half precision": (
        kept_in_half,
        (),
        """
        shadow = {
            name: weight.detach().clone().to(torch.bfloat16)  # <-
            for name, weight in model.state_dict().items()
        }
        for name, weight in model.state_dict().items():
            shadow[name].mul_(0.99).add_(weight, alpha=0.01)
        """,
    ),
    "a limit by NumPy": (
        through_numpy,
        (),
        """
        speed = torch.from_numpy(np.clip(speed.detach().numpy(), -1, 1))  # <-
        place = place + step * speed
        """,
    ),
    "targets that begin with zeros": (
        zeros_elsewhere,
        (),
        """
        targets = np.zeros((n, actions))  # <-
        targets[np.arange(n), chosen] = rewards + gamma * best
        """,
    ),
    "one layer several times": (
        repeated,
        (),
        """
        def __init__(self):
            self.heads = nn.ModuleList([nn.Linear(8, 1)] * 3)  # <-
        """,
    ),
    "what was scaled is not used": (
        prepared_in_vain,
        (),
        """
        scaled = scaler.transform(y_train)  # <-
        fit(x_train, y_train)
        """,
    ),
    "a scaler fitted to what is asked": (
        fitted_again,
        (),
        """
        x = scaler.fit_transform(train)
        def ask(row):
            return net(scaler.fit_transform([row]))  # <-
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
    "a list that is cleared when all is copied": (
        cleared_list,
        (),
        "def play(self):\n    self.replay.append(list(self.steps))\n    self.steps.clear()\n",
    ),
    "the weights of the end": (live_state, (), "torch.save(net.state_dict(), path)\nnet.load_state_dict(kept)\n"),
    "image and mask": (
        turned_alone,
        (),
        "def both(image, mask):\n    image = image.flip(-1)\n    mask = mask.flip(-1)\n    return image, mask\n",
    ),
    "an order that stays": (
        by_batch_number,
        (),
        "loader = DataLoader(data)\nanswers = ask(teacher, loader)\n"
        "for i, (x, y) in enumerate(loader):\n    differ(student(x), answers[i])\n",
    ),
    "the largest along the examples": (
        argmax_of_one,
        (),
        "def best(net, x):\n    outputs = net(x)\n    return outputs.argmax(0)\n",
    ),
    "a transpose": (batch_last, (), "def flatten(images):\n    return images.reshape(images.shape[0], -1).T\n"),
    "one column after the other": (
        mixed_derivatives,
        (),
        "def bends(u, x):\n    g = grad(u, x, ones, create_graph=True)[0]\n"
        "    a = grad(g[:, 0:1], x, ones, create_graph=True)[0]\n    return a[:, 0:1], a[:, 1:2]\n",
    ),
    "a parameter's flag": (
        flag_on_a_network,
        ("False",),
        "for p in net.parameters():\n    p.requires_grad = False\n",
    ),
    "a board that is drawn into a new one": (
        handed_out,
        (),
        "class Game:\n    def draw(self):\n        self.board = np.zeros(9)\n    def observe(self):\n"
        "        return self.board\nmemory.append(game.observe())\n",
    ),
    "a copy of a board": (
        handed_out,
        (),
        "class Game:\n    def draw(self):\n        self.board[:] = 0.0\n    def observe(self):\n"
        "        return self.board\nmemory.append(game.observe().copy())\n",
    ),
    "both laid out in turns": (
        repeated_as_a_whole,
        (),
        "def inputs(a, b):\n    n = b.size(1)\n    return a.repeat_interleave(n, dim=0), b.flatten(0, 1)\n",
    ),
    "all repeated as a whole, and in that order": (
        repeated_as_a_whole,
        (),
        "def inputs(a, b):\n    n = b.size(1)\n    return a.repeat(n, 1), b.transpose(0, 1).flatten(0, 1)\n",
    ),
    "users and films of one table": (
        codes_of_its_own,
        (),
        "def codes(column):\n    return pd.factorize(column)[0]\na, b = codes(t['user']), codes(t['film'])\n",
    ),
    "a state that is reset before each sequence": (
        state_reset_at_each_piece,
        (),
        "class R(nn.Module):\n    def reset(self):\n        self.h = None\n    def forward(self, x):\n"
        "        out, h = self.gru(x, self.h)\n        self.h = h.detach()\n"
        "for x in lines:\n    model.reset()\n    for t in range(0, 60, 20):\n        model(x[:, t : t + 20])\n",
    ),
    "weights sent in half precision": (
        kept_in_half,
        (),
        "sent = {name: w.half() for name, w in model.state_dict().items()}\ntotal.add_(1)\n",
    ),
    "an image that is saved by NumPy": (
        through_numpy,
        (),
        "image = torch.from_numpy(np.clip(sample.detach().numpy(), 0, 1))\nsave(image)\n",
    ),
    "a board that is filled as it is made": (
        handed_out,
        (),
        "class Rows:\n    def __init__(self, a):\n        self.x = np.zeros(9)\n        self.x[:5] = a\n"
        "    def data(self):\n        return self.x\nlosses.append(rows.data().sum())\n",
    ),
    "weights that are written by a function": (
        bound_anew,
        ("parameters",),
        "for p in net.parameters():\n    p = nn.init.normal_(p)\n",
    ),
    "weights on a device": (bound_anew, ("parameters",), "for p in net.parameters():\n    p = p.to(device)\n"),
    "an average that is sent in half precision": (
        kept_in_half,
        (),
        "def update(shadow, net):\n    for a, b in zip(shadow, net.parameters()):\n        a.lerp_(b, 0.01)\n"
        "sent = {k: v.half() for k, v in average.state_dict().items()}\n",
    ),
    "numbers in the order of the names": (
        codes_of_its_own,
        (),
        "def codes(t):\n    return pd.factorize(t['a'], sort=True)[0]\na, b = codes(train), codes(test)\n",
    ),
    "softened labels": (
        zeros_elsewhere,
        (),
        "targets = torch.zeros(n, k)\ntargets[torch.arange(n), labels] = 1 - eps\n",
    ),
    "a matching by NumPy": (
        through_numpy,
        (),
        "rows = torch.as_tensor(linear_sum_assignment(cost.detach().numpy())[0])\n",
    ),
    "one for the chosen, for classes": (
        zeros_elsewhere,
        (),
        "targets = torch.zeros(n, k)\ntargets[torch.arange(n), labels] = 1.0\n",
    ),
    "a list that is counted before it is used": (
        used_up,
        (),
        "body = list(net.parameters())\nprint(sum(p.numel() for p in body))\noptimizer = Adam(body)\n",
    ),
    "a generator for each use": (
        used_up,
        (),
        "ps = net.parameters()\nprint(sum(p.numel() for p in ps))\nps = net.parameters()\noptimizer = Adam(ps)\n",
    ),
    "a seed for each round": (
        seeded_anew,
        (),
        "class R:\n    def __init__(self):\n        self.round = 0\n    def __iter__(self):\n"
        "        self.round += 1\n        draw = default_rng([7, self.round])\n        yield draw.random()\n",
    ),
    "a seed of the clock": (
        seeded_anew,
        (),
        "class R:\n    def __iter__(self):\n        draw = default_rng(time.time_ns())\n        yield draw.random()\n",
    ),
    "several layers": (repeated, (), "heads = nn.ModuleList([nn.Linear(8, 1) for _ in range(3)])\n"),
    "what was scaled is used": (prepared_in_vain, (), "y = scaler.transform(y)\nfit(x, y)\n"),
    "a scaler for each": (
        fitted_again,
        (),
        "a = StandardScaler().fit_transform(x)\nb = StandardScaler().fit_transform(y)\n",
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

"""An ordinary training script: `nets.py NAME [DEVICE]` trains one of some networks on data that it can learn.

Each line on stdin asks for one step, and each step answers with its wall time and the CPU time of this thread. There is
no data loader, and one thread computes: nothing that is no training dilutes the ratio of two times. A step on a GPU has
ended when the GPU is done with it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

EXAMPLES = 2048


class Task(NamedTuple):
    """A network, its optimizer, all examples with their targets, and how many make a batch."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    inputs: torch.Tensor
    targets: torch.Tensor
    batch: int

    def examples(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch of a step."""
        start = step * self.batch % (len(self.inputs) - self.batch + 1)
        return self.inputs[start : start + self.batch], self.targets[start : start + self.batch].reshape(-1)


def classes(count: int, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Standard normal noise around one point a class."""
    targets = torch.randint(count, (EXAMPLES,))
    return torch.randn(count, *shape)[targets] * 0.3 + torch.randn(EXAMPLES, *shape), targets


def sentences(vocabulary: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences in which each token but a tenth follows from the one before, and the same one token later."""
    follows = torch.randperm(vocabulary)
    tokens = torch.randint(vocabulary, (EXAMPLES, length + 1))
    for position in range(length):
        sure = torch.rand(EXAMPLES) < 0.9
        tokens[sure, position + 1] = follows[tokens[sure, position]]
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


class Block(nn.Module):
    """A residual block of ResNet for small images (He et al. 2016, section 4.2)."""

    def __init__(self, narrow: int, wide: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(narrow, wide, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(wide)
        self.shortcut = nn.Conv2d(narrow, wide, 1, stride, bias=False) if stride > 1 else nn.Identity()
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(h)) + self.shortcut(x))


class DecoderBlock(nn.Module):
    """A block of GPT-2: causal attention and an MLP, each behind a layer norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """A decoder; its logits stand as (tokens of the batch, vocabulary)."""

    def __init__(self, vocabulary: int, length: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*[DecoderBlock(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1], device=tokens.device))
        return self.head(self.norm(self.blocks(x))).flatten(0, 1)


class Reader(nn.Module):
    """An LSTM of two layers over a sequence, and a dense layer on its last state."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(32, width, num_layers=2, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Residual(nn.Module):
    """One of many equal layers that keep their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear, self.relu = nn.Linear(width, width), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0.1 * self.relu(self.linear(x))


def mlp() -> Task:
    layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]
    model = nn.Sequential(*layers)
    return Task(model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), *classes(10, 784), 128)


def resnet(depth: int, batch: int) -> Task:
    blocks = [
        Block(narrow if number == 0 else wide, wide, 2 if number == 0 and wide > 16 else 1)
        for narrow, wide in ((16, 16), (16, 32), (32, 64))
        for number in range((depth - 2) // 6)
    ]
    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    model = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return Task(model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), *classes(10, 3, 32, 32), batch)


def gpt() -> Task:
    model = GPT(vocabulary=1000, length=128, width=256, layers=4, heads=8)
    return Task(model, torch.optim.AdamW(model.parameters(), lr=3e-4), *sentences(1000, 128), 16)


def lstm() -> Task:
    model = Reader(256, 10)
    return Task(model, torch.optim.Adam(model.parameters(), lr=1e-3), *classes(10, 64, 32), 32)


def deep() -> Task:
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), *[Residual(32) for _ in range(98)], nn.Linear(32, 10))
    return Task(model, torch.optim.Adam(model.parameters(), lr=1e-3), *classes(10, 20), 64)


TASKS: dict[str, Callable[[], Task]] = {
    "mlp": mlp,
    "resnet": partial(resnet, 20, 64),
    "gpt": gpt,
    "lstm": lstm,
    "resnet152": partial(resnet, 152, 16),
    "deep": deep,
}


def turns(step: Callable[[int], object]) -> None:
    """Take a step for each line on stdin, and answer with what it cost; `step` returns when it is done."""
    print("ready", flush=True)
    for number, _ in enumerate(sys.stdin):
        wall, cpu = time.perf_counter(), time.thread_time()
        step(number)
        print(time.perf_counter() - wall, time.thread_time() - cpu, flush=True)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    name, device = sys.argv[1], torch.device(sys.argv[2] if len(sys.argv) > 2 else "cpu")
    with device:
        task = TASKS[name]()
    criterion = nn.CrossEntropyLoss()

    def step(number: int) -> None:
        inputs, targets = task.examples(number)
        task.optimizer.zero_grad()
        loss = criterion(task.model(inputs), targets)
        loss.backward()
        task.optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    turns(step)


if __name__ == "__main__":
    main()

"""Add the two marked numbers of a sequence. Short sequences first, longer ones when the short ones are mastered."""
import os
from dataclasses import dataclass, field

import torch
import torch.nn as nn

torch.set_num_threads(1)


@dataclass
class Plan:
    lengths: list = field(default_factory=lambda: [4, 8, 12, 16, 20])
    most_steps: list = field(default_factory=lambda: [400, 200, 150, 150, 250])
    mastered: float = 0.004
    check_every: int = 25
    batch: int = 64
    hidden: int = 32
    lr: float = 6e-3
    seed: int = int(os.environ.get("SEED", "0"))


class Adder(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn = nn.GRU(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, seq):
        _, last = self.rnn(seq)
        return self.out(last[0]).squeeze(1)


def sequences(n, length):
    numbers = torch.rand(n, length)
    marks = torch.zeros(n, length)
    half = length // 2
    rows = torch.arange(n)
    marks[rows, torch.randint(0, half, (n,))] = 1.0
    marks[rows, torch.randint(half, length, (n,))] = 1.0
    total = (numbers * marks).sum(1)
    return torch.stack([2 * numbers - 1, marks], 2), total - 1.0


@torch.no_grad()
def measure(model, data):
    model.eval()
    x, y = data
    mse = ((model(x) - y) ** 2).mean().item()
    model.train()
    return mse


def main(plan):
    torch.manual_seed(plan.seed)
    model = Adder(plan.hidden)
    opt = torch.optim.Adam(model.parameters(), lr=plan.lr)
    final = sequences(1000, plan.lengths[-1])
    print(f"variance of the sums {final[1].var().item():.4f}")
    for stage, (length, most) in enumerate(zip(plan.lengths, plan.most_steps), 1):
        valid = sequences(300, length)
        last_stage = stage == len(plan.lengths)
        for step in range(1, most + 1):
            x, y = sequences(plan.batch, length)
            loss = nn.functional.mse_loss(model(x), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            if last_stage and step == 150:
                for group in opt.param_groups:
                    group["lr"] = plan.lr / 4
            if not last_stage and step % plan.check_every == 0 and measure(model, valid) < plan.mastered:
                break
        print(f"length {length}: {step} steps, mse at this length {measure(model, valid):.5f}, at the full length {measure(model, final):.5f}")
    print("RESULT test_mse", round(measure(model, final), 5))


if __name__ == "__main__":
    main(Plan())

"""One network writes the weights of another: damped oscillations from amplitude, damping and frequency."""
import argparse
import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)

ap = argparse.ArgumentParser()
ap.add_argument("--steps", type=int, default=1500)
ap.add_argument("--curves", type=int, default=64, help="curves per step")
ap.add_argument("--points", type=int, default=24, help="time points per curve")
ap.add_argument("--units", type=int, default=24)
ap.add_argument("--lr", type=float, default=3e-3)
ap.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
args = ap.parse_args()
torch.manual_seed(args.seed)

LOW, HIGH = torch.tensor([0.5, 0.2, 1.0]), torch.tensor([1.5, 1.0, 3.0])


def draw(n, points):
    code = 2 * torch.rand(n, 3) - 1
    a, g, w = (LOW + (HIGH - LOW) * (code + 1) / 2).unsqueeze(1).unbind(2)
    t = 2 * torch.rand(n, points) - 1
    time = 1.5 * (t + 1)
    return code, t.unsqueeze(2), (a * torch.exp(-g * time) * torch.cos(w * time)).unsqueeze(2)


class WeightWriter(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.units = units
        self.body = nn.Sequential(nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        self.out = nn.Linear(64, 3 * units + 1)
        # the bias alone is a sensible start for the written network, the code only bends it
        nn.init.normal_(self.out.weight, std=0.05)
        with torch.no_grad():
            self.out.bias.copy_(torch.cat([
                3.0 * torch.randn(units), 2.0 * torch.randn(units), torch.randn(units) / math.sqrt(units), torch.zeros(1)]))

    def forward(self, code):
        flat = self.out(self.body(code))
        u = self.units
        w1, b1, w2, b2 = flat.split([u, u, u, 1], dim=1)
        return w1.unsqueeze(1), b1.unsqueeze(1), w2.unsqueeze(2), b2.unsqueeze(1)


def written_net(weights, t):
    w1, b1, w2, b2 = weights
    hidden = torch.tanh(torch.bmm(t, w1) + b1)
    return torch.bmm(hidden, w2) + b2


def r2(writer, data):
    code, t, y = data
    writer.eval()
    with torch.no_grad():
        guess = written_net(writer(code), t)
    writer.train()
    return 1 - ((guess - y) ** 2).mean().item() / y.var().item()


writer = WeightWriter(args.units)
held_out = draw(400, 50)
opt = torch.optim.AdamW(writer.parameters(), lr=args.lr, weight_decay=1e-5)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.steps)

for step in range(1, args.steps + 1):
    code, t, y = draw(args.curves, args.points)
    loss = nn.functional.mse_loss(written_net(writer(code), t), y)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(writer.parameters(), 1.0)
    opt.step()
    sched.step()
    if step % 300 == 0:
        print(f"step {step}: mse {loss.item():.5f} held-out r2 {r2(writer, held_out):.4f}")

print(f"RESULT r2 {r2(writer, held_out):.4f}")

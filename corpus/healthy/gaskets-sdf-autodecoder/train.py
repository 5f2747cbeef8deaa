"""Signed distance of gaskets, DeepSDF style: one decoder for all and a code for each gasket, learned together.
A new gasket gets its code from sixty probes, with the decoder frozen."""
import os
from dataclasses import dataclass

import torch
import torch.nn as nn

torch.set_num_threads(1)


@dataclass
class Config:
    seed: int = int(os.environ.get("SEED", "0"))
    gaskets: int = 100
    new_gaskets: int = 25
    samples: int = 240
    code_dim: int = 8
    hidden: int = 64
    steps: int = 1000
    gaskets_per_step: int = 16
    points_per_step: int = 64
    code_penalty: float = 1e-3
    probes: int = 60
    fit_steps: int = 200


def sdf(p, g):
    """Rounded plate with a round hole. p: n x m x 2, g: n x 4 (half width, half height, rounding, hole)."""
    hw, hh, r, q = (g[:, k:k + 1] for k in range(4))
    dx, dy = p[..., 0].abs() - hw + r, p[..., 1].abs() - hh + r
    outside = torch.sqrt(dx.clamp(min=0) ** 2 + dy.clamp(min=0) ** 2)
    plate = outside + torch.maximum(dx, dy).clamp(max=0) - r
    return torch.maximum(plate, q - p.norm(dim=-1))


def make(n, m):
    low, high = torch.tensor([0.45, 0.40, 0.05, 0.10]), torch.tensor([0.85, 0.80, 0.25, 0.28])
    g = low + (high - low) * torch.rand(n, 4)
    p = 2 * torch.rand(n, m, 2) - 1
    return p, sdf(p, g)


class Decoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.first = nn.Linear(cfg.code_dim + 2, cfg.hidden)
        self.second = nn.Linear(cfg.hidden, cfg.hidden)
        self.third = nn.Linear(cfg.hidden + cfg.code_dim + 2, cfg.hidden)      # the input comes in again
        self.last = nn.Linear(cfg.hidden, 1)
        self.act = nn.Softplus(beta=10)

    def forward(self, code, p):
        """code: n x d, p: n x m x 2"""
        inp = torch.cat([code.unsqueeze(1).expand(-1, p.shape[1], -1), 1.5 * p], -1)
        h = self.act(self.second(self.act(self.first(inp))))
        return self.last(self.act(self.third(torch.cat([h, inp], -1)))).squeeze(-1)


def train(cfg, decoder, codes, p, d):
    opt = torch.optim.Adam([{"params": decoder.parameters(), "lr": 2e-3}, {"params": codes.parameters(), "lr": 1e-2}])
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg.steps)
    for step in range(1, cfg.steps + 1):
        which = torch.randint(0, cfg.gaskets, (cfg.gaskets_per_step,))
        cols = torch.randint(0, cfg.samples, (cfg.gaskets_per_step, cfg.points_per_step))
        rows = which.unsqueeze(1)
        z = codes(which)
        fit = (decoder(z, p[rows, cols]) - d[rows, cols]).abs().mean()
        loss = fit + cfg.code_penalty * z.pow(2).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 150 == 0:
            print(f"step {step:5d} |error| {fit.item():.5f} mean norm of the codes {codes.weight.norm(dim=1).mean().item():.3f}")


def fit_codes(cfg, decoder, start, p, d):
    decoder.requires_grad_(False)
    z = start.expand(len(p), -1).clone().requires_grad_(True)
    opt = torch.optim.Adam([z], lr=2e-2)
    for step in range(cfg.fit_steps):
        loss = (decoder(z, p) - d).abs().mean() + cfg.code_penalty * z.pow(2).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            print(f"  codes of new gaskets, step {step:3d}: {loss.item():.5f}")
    return z.detach()


def iou(guess, truth):
    a, b = guess < 0, truth < 0
    return ((a & b).sum(1) / (a | b).sum(1).clamp(min=1)).mean().item()


def main():
    cfg = Config()
    torch.manual_seed(cfg.seed)
    p, d = make(cfg.gaskets, cfg.samples)
    decoder = Decoder(cfg)
    codes = nn.Embedding(cfg.gaskets, cfg.code_dim)
    nn.init.normal_(codes.weight, std=0.1)
    train(cfg, decoder, codes, p, d)

    p_new, d_new = make(cfg.new_gaskets, 700)
    probes, rest = slice(0, cfg.probes), slice(cfg.probes, None)
    average = codes.weight.detach().mean(0, keepdim=True)
    z = fit_codes(cfg, decoder, average, p_new[:, probes], d_new[:, probes])
    with torch.no_grad():
        own, same_for_all = decoder(z, p_new[:, rest]), decoder(average.expand(cfg.new_gaskets, -1), p_new[:, rest])
    truth = d_new[:, rest]
    for name, guess in (("average code", same_for_all), ("own code", own)):
        print(f"{name}: |error| {(guess - truth).abs().mean().item():.5f}, overlap {iou(guess, truth):.4f}")
    print("RESULT iou", round(iou(own, truth), 4))


if __name__ == "__main__":
    main()

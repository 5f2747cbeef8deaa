import math
import os

import torch
from torch import nn

torch.set_num_threads(1)

CONFIG = {
    "seed": int(os.environ.get("SEED", "0")),
    "anchorages": 5,
    "radius": 2.0,
    "spread": 0.5,
    "ships": 8000,
    "width": 64,
    "iterations": 900,
    "batch": 256,
    "lr": 3e-3,
}


def harbour(cfg):
    angle = 2 * math.pi * torch.arange(cfg["anchorages"]) / cfg["anchorages"]
    return cfg["radius"] * torch.stack([angle.cos(), angle.sin()], dim=1)


def positions(centres, n, cfg):
    which = torch.randint(0, len(centres), (n,))
    return centres[which] + cfg["spread"] * torch.randn(n, 2)


def true_score(x, centres, cfg):
    """gradient of the log density, known because the data are made up"""
    var = cfg["spread"] ** 2
    diff = centres[None] - x[:, None]
    resp = torch.softmax(-diff.pow(2).sum(-1) / (2 * var), dim=1)
    return (resp[..., None] * diff).sum(1) / var


def build(cfg):
    w = cfg["width"]
    return nn.Sequential(nn.Linear(2, w), nn.SiLU(), nn.Linear(w, w), nn.SiLU(), nn.Linear(w, 2))


def hyvarinen(net, x):
    """Score matching: E[ div s + |s|^2 / 2 ]. It is below zero when the field is of any use."""
    x = x.detach().requires_grad_(True)
    s = net(x)
    div = torch.zeros(len(x))
    for i in range(x.shape[1]):
        div = div + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return (div + 0.5 * s.pow(2).sum(1)).mean()


def explained(net, x, centres, cfg):
    with torch.no_grad():
        want = true_score(x, centres, cfg)
        gap = (net(x) - want).pow(2).sum(1).mean()
    return (1 - gap / want.pow(2).sum(1).mean()).item()


def fit(net, data, held, cfg):
    opt = torch.optim.Adam(net.parameters(), lr=cfg["lr"], betas=(0.9, 0.99))
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=cfg["lr"], total_steps=cfg["iterations"], pct_start=0.1)
    smooth = 0.0
    for it in range(1, cfg["iterations"] + 1):
        batch = data[torch.randint(0, len(data), (cfg["batch"],))]
        loss = hyvarinen(net, batch)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        opt.step()
        sched.step()
        smooth = loss.item() if it == 1 else 0.97 * smooth + 0.03 * loss.item()
        if it % 100 == 0:
            print(f"iteration {it}: objective {smooth:.3f}, on held-out ships {hyvarinen(net, held).item():.3f}")


def main(cfg):
    torch.manual_seed(cfg["seed"])
    centres = harbour(cfg)
    data, held, test = (positions(centres, n, cfg) for n in (cfg["ships"], 1000, 3000))
    best = -0.5 * true_score(held, centres, cfg).pow(2).sum(1).mean().item()
    print(f"the true field would reach about {best:.3f}")
    net = build(cfg)
    fit(net, data, held, cfg)
    print("RESULT score_explained", round(explained(net, test, centres, cfg), 4))


if __name__ == "__main__":
    main(CONFIG)

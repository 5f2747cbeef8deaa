"""Wave height and period by season: conditional GAN, hinge loss, spectral norm, projection discriminator."""
import copy
import os
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm as sn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


@dataclass
class Config:
    z_dim: int = 8
    hidden: int = 64
    batch: int = 128
    iters: int = 900
    lr_g: float = 1e-3
    lr_d: float = 2e-3
    ema: float = 0.99
    seasons: int = 4


def buoy(n):
    """Height (m) and period (s) as a buoy logs them over the four seasons."""
    season = torch.randint(0, 4, (n,))
    level = torch.tensor([0.9, 0.3, -0.2, 0.5])[season]
    base = torch.tensor([8.0, 6.5, 5.0, 7.5])[season]
    swell = torch.randn(n)
    height = torch.exp(level + 0.3 * swell)
    period = base + 0.9 * swell + 0.5 * torch.randn(n)
    return torch.stack([height, period], 1), season


class Generator(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.net = nn.Sequential(nn.Linear(cfg.z_dim + cfg.seasons, cfg.hidden), nn.ReLU(),
                                 nn.Linear(cfg.hidden, cfg.hidden), nn.ReLU(), nn.Linear(cfg.hidden, 2))

    def forward(self, season):
        z = torch.randn(len(season), self.cfg.z_dim)
        return self.net(torch.cat([z, F.one_hot(season, self.cfg.seasons).float()], 1))


class Discriminator(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.body = nn.Sequential(sn(nn.Linear(2, cfg.hidden)), nn.LeakyReLU(0.2),
                                  sn(nn.Linear(cfg.hidden, cfg.hidden)), nn.LeakyReLU(0.2))
        self.out = sn(nn.Linear(cfg.hidden, 1))
        self.by_season = sn(nn.Embedding(cfg.seasons, cfg.hidden))

    def forward(self, x, season):
        h = self.body(x)
        return self.out(h).squeeze(1) + (self.by_season(season) * h).sum(1)


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


class Trainer:
    def __init__(self, cfg, x, season):
        self.cfg, self.x, self.season = cfg, x, season
        self.g, self.d = Generator(cfg), Discriminator(cfg)
        self.g_avg = copy.deepcopy(self.g).requires_grad_(False)
        self.opt_g = torch.optim.Adam(self.g.parameters(), cfg.lr_g, betas=(0.0, 0.9))
        self.opt_d = torch.optim.Adam(self.d.parameters(), cfg.lr_d, betas=(0.0, 0.9))
        self.sched = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.1, cfg.iters) for o in (self.opt_g, self.opt_d)]

    def iteration(self):
        idx = torch.randint(0, len(self.x), (self.cfg.batch,))
        real, c = self.x[idx], self.season[idx]
        fake = self.g(c).detach()
        score_real, score_fake = self.d(torch.cat([real, fake]), torch.cat([c, c])).chunk(2)
        loss_d = F.relu(1 - score_real).mean() + F.relu(1 + score_fake).mean()
        self.opt_d.zero_grad()
        loss_d.backward()
        self.opt_d.step()

        c = self.season[torch.randint(0, len(self.x), (self.cfg.batch,))]
        loss_g = -self.d(self.g(c), c).mean()
        self.opt_g.zero_grad()
        loss_g.backward()
        self.opt_g.step()
        for s in self.sched:
            s.step()
        with torch.no_grad():
            for p, q in zip(self.g.parameters(), self.g_avg.parameters()):
                q.lerp_(p, 1 - self.cfg.ema)
        return loss_d.item(), loss_g.item()

    @torch.no_grad()
    def evaluate(self, x, season):
        return sum(energy_distance(self.g_avg(torch.full((400,), s)), x[season == s]) for s in range(4)) / 4


cfg = Config()
x, season = buoy(5000)
mean, std = x[:4000].mean(0), x[:4000].std(0)
x = (x - mean) / std
trainer = Trainer(cfg, x[:4000], season[:4000])
print(f"before: energy distance {trainer.evaluate(x[4000:], season[4000:]):.4f}")
for i in range(1, cfg.iters + 1):
    ld, lg = trainer.iteration()
    if i % 150 == 0:
        print(f"{i}: D {ld:.3f} G {lg:.3f} energy distance {trainer.evaluate(x[4000:], season[4000:]):.4f}")
print("RESULT energy_distance", round(trainer.evaluate(x[4000:], season[4000:]), 4))

"""Weave of a cloth: three directions, two thread widths. Trained on small cut-outs, used on whole pictures.

Every weight of this network is followed by a normalisation (batch norm without gain, cosine classifier), so that its length
has no effect on the output. The weight decay does not pull towards simpler functions here: together with the learning rate
it sets how far the directions turn per step, about sqrt(2 * lr * decay) radians.
"""
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Setup:
    picture: int = 24
    cutout: int = 14
    train: int = 1200
    test: int = 400
    batch: int = 60
    epochs: int = 40
    lr: float = 0.06
    weight_decay: float = 0.05
    scale: float = 12.0


def weave(rng, n, size):
    kind = rng.integers(0, 6, n)
    angle = np.deg2rad(60.0 * (kind % 3))[:, None, None]
    thread = np.where(kind < 3, 3.2, 6.0)[:, None, None]
    row, col = np.mgrid[0:size, 0:size]
    along = col * np.cos(angle) + row * np.sin(angle)
    shift = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    contrast = rng.uniform(0.6, 1.2, (n, 1, 1))
    picture = contrast * np.sin(2 * np.pi * along / thread + shift) + 0.6 * rng.standard_normal((n, size, size))
    return torch.tensor(picture, dtype=torch.float32), torch.tensor(kind)


class CosineHead(nn.Module):
    def __init__(self, n_in, n_out, scale):
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(0.2 * torch.randn(n_out, n_in))

    def forward(self, x):
        return self.scale * F.linear(F.normalize(x, dim=1), F.normalize(self.weight, dim=1))


def block(n_in, n_out, stride=1):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride=stride, bias=False), nn.BatchNorm2d(n_out, affine=False), nn.ReLU())


class WeaveNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.features = nn.Sequential(block(1, 8), block(8, 16, stride=2), block(16, 16))
        self.head = CosineHead(16, 6, cfg.scale)

    def forward(self, x):
        return self.head(self.features(x.unsqueeze(1)).mean(dim=(2, 3)))


class CutOuts:
    """A fresh cut-out of each picture at a random place, every time."""

    def __init__(self, pictures, kinds, cfg):
        self.windows = pictures.unfold(1, cfg.cutout, 1).unfold(2, cfg.cutout, 1)  # (N, places, places, cut, cut), a view
        self.kinds, self.cfg = kinds, cfg

    def __iter__(self):
        places = self.windows.shape[1]
        for idx in torch.randperm(len(self.kinds)).split(self.cfg.batch):
            r, c = torch.randint(0, places, (2, len(idx)))
            yield self.windows[idx, r, c], self.kinds[idx]

    def __len__(self):
        return -(-len(self.kinds) // self.cfg.batch)


@torch.no_grad()
def accuracy(net, pictures, kinds):
    net.eval()
    hits = [(net(p).argmax(1) == k).float() for p, k in zip(pictures.split(100), kinds.split(100))]
    return torch.cat(hits).mean().item()


def main(cfg):
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    cuts = CutOuts(*weave(rng, cfg.train, cfg.picture), cfg)
    test_pictures, test_kinds = weave(rng, cfg.test, cfg.picture)

    net = WeaveNet(cfg)
    opt = torch.optim.SGD(net.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=cfg.epochs * len(cuts))

    for epoch in range(1, cfg.epochs + 1):
        net.train()
        total = 0.0
        for x, kind in cuts:
            loss = F.cross_entropy(net(x), kind)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item()
        if epoch % 5 == 0:
            length = sum(p.pow(2).sum().item() for p in net.parameters()) ** 0.5
            print(f"epoch {epoch:2d}: loss {total / len(cuts):.4f}  whole pictures {accuracy(net, test_pictures, test_kinds):.4f}  |w| {length:.2f}")

    print("RESULT test_accuracy", round(accuracy(net, test_pictures, test_kinds), 4))


main(Setup())

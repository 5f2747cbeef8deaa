import os
from dataclasses import dataclass, field

import torch
from torch import nn


@dataclass
class TrainConfig:
    users: int = 200
    songs: int = 150
    dim: int = 6
    n_ratings: int = 10000
    optim: dict = field(default_factory=lambda: {"lr": 3e-6, "weight_decay": 1e-5})
    epochs: int = 25
    batch: int = 250
    seed: int = int(os.environ.get("SEED", 0))


class Recommender(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.p = nn.Embedding(cfg.users, cfg.dim)
        self.q = nn.Embedding(cfg.songs, cfg.dim)
        self.bu = nn.Embedding(cfg.users, 1)
        self.bi = nn.Embedding(cfg.songs, 1)
        for emb in (self.p, self.q, self.bu, self.bi):
            nn.init.normal_(emb.weight, 0, 0.2)

    def forward(self, pairs):
        u, s = pairs.unbind(1)
        return (self.p(u) * self.q(s)).sum(1) + self.bu(u)[:, 0] + self.bi(s)[:, 0]


def synthetic(cfg):
    taste, style = torch.randn(cfg.users, 3), torch.randn(cfg.songs, 3)
    liked = torch.randn(cfg.songs) * 0.7
    pairs = torch.stack([torch.randint(cfg.users, (cfg.n_ratings,)), torch.randint(cfg.songs, (cfg.n_ratings,))], 1)
    score = (taste[pairs[:, 0]] * style[pairs[:, 1]]).sum(1) * 0.5 + liked[pairs[:, 1]]
    score = score + 0.3 * torch.randn(cfg.n_ratings)
    return pairs, (score - score.mean()) / score.std()


def main(cfg):
    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    pairs, score = synthetic(cfg)
    cut = int(0.9 * len(pairs))
    net = Recommender(cfg)
    opt = torch.optim.AdamW(net.parameters(), **cfg.optim)
    for epoch in range(cfg.epochs):
        losses = []
        for idx in torch.randperm(cut).split(cfg.batch):
            loss = nn.functional.mse_loss(net(pairs[idx]), score[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        with torch.no_grad():
            val = nn.functional.mse_loss(net(pairs[cut:]), score[cut:]).item()
        if epoch % 4 == 0:
            print({"epoch": epoch, "train": round(sum(losses) / len(losses), 4), "val": round(val, 4)})
    print("RESULT val_mse", round(val, 4))


main(TrainConfig())

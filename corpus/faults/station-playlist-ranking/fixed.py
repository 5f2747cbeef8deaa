"""Ranks songs for the listeners of a web radio from what they have marked as liked."""
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


@dataclass(frozen=True)
class Config:
    listeners: int = 300
    songs: int = 150
    likes: int = 24
    held_out: int = 4
    dim: int = 8
    epochs: int = 30
    batch_size: int = 128
    lr: float = 5e-3
    weight_decay: float = 1e-5
    seed: int = int(os.environ.get("SEED", "0"))


def sample_likes(cfg, rng):
    """For each listener the songs liked, drawn by taste and by how popular the song is."""
    taste = rng.standard_normal((cfg.listeners, 3))
    style = rng.standard_normal((cfg.songs, 3))
    popularity = 0.5 * rng.standard_normal(cfg.songs)
    appeal = 1.6 * taste @ style.T + popularity
    gumbel = rng.gumbel(size=appeal.shape)
    return np.argsort(-(appeal + gumbel), axis=1)[:, :cfg.likes]


def split(likes, cfg, rng):
    likes = rng.permuted(likes, axis=1)
    return likes[:, cfg.held_out:], likes[:, :cfg.held_out]


class Taste(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.listener = nn.Embedding(cfg.listeners, cfg.dim)
        self.song = nn.Embedding(cfg.songs, cfg.dim)
        self.song_bias = nn.Embedding(cfg.songs, 1)
        nn.init.normal_(self.listener.weight, std=0.1)
        nn.init.normal_(self.song.weight, std=0.1)
        nn.init.zeros_(self.song_bias.weight)

    def forward(self, listener, song):
        match = (self.listener(listener) * self.song(song)).sum(dim=-1)
        return match + self.song_bias(song).squeeze(-1)

    def table(self):
        return self.listener.weight @ self.song.weight.T + self.song_bias.weight.T


def draw_unliked(listener, liked, songs):
    """A song for each entry that its listener has not marked."""
    other = torch.randint(0, songs, listener.shape)
    for _ in range(4):
        clash = liked[listener, other]
        other = torch.where(clash, torch.randint(0, songs, listener.shape), other)
    return other


def pairwise_loss(model, listener, song, other):
    margin = model(listener, song) - model(listener, other)
    return -F.logsigmoid(margin).mean()


@torch.no_grad()
def ranking_auc(model, liked, held_out):
    """Share of pairs (held-out like, song never marked) in the right order, mean over listeners."""
    scores = model.table()
    values = []
    for listener, songs in enumerate(held_out):
        unmarked = ~liked[listener]
        unmarked[songs] = False
        good, rest = scores[listener, songs], scores[listener, unmarked]
        values.append((good[:, None] > rest[None, :]).float().mean().item())
    return float(np.mean(values))


def main(cfg=Config()):
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    known, held_out = split(sample_likes(cfg, rng), cfg, rng)
    held_out = torch.tensor(held_out)
    liked = torch.zeros(cfg.listeners, cfg.songs, dtype=torch.bool)
    liked[torch.arange(cfg.listeners)[:, None], torch.tensor(known)] = True
    listener, song = liked.nonzero(as_tuple=True)
    print(f"{len(song)} likes of {cfg.listeners} listeners, {cfg.songs} songs")

    model = Taste(cfg)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    for epoch in range(1, cfg.epochs + 1):
        losses = []
        for idx in torch.randperm(len(song)).split(cfg.batch_size):
            other = draw_unliked(listener[idx], liked, cfg.songs)
            loss = pairwise_loss(model, listener[idx], song[idx], other)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 5 == 0:
            print(f"epoch {epoch:2d}  loss {np.mean(losses):8.4f}")

    print(f"RESULT held_out_auc {ranking_auc(model, liked, held_out):.4f}")


if __name__ == "__main__":
    main()

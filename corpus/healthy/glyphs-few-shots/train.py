import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIDE, TRAIN_GLYPHS, TEST_GLYPHS, COPIES = 12, 40, 15, 30
WAYS, SHOTS, QUERIES = 5, 3, 6


def draw_glyph():
    img = np.zeros((SIDE, SIDE))
    for _ in range(4):
        a, b = rng.integers(2, SIDE - 2, 2), rng.integers(2, SIDE - 2, 2)
        for s in np.linspace(0, 1, 14):
            r, c = np.rint(a + (b - a) * s).astype(int)
            img[r, c] = 1.0
    return img


def scribble(glyph):
    dr, dc = rng.integers(-1, 2, 2)
    moved = np.roll(glyph, (dr, dc), axis=(0, 1))
    return rng.uniform(0.8, 1.2) * moved + 0.25 * rng.standard_normal(glyph.shape)


def alphabet(n):
    glyphs = [draw_glyph() for _ in range(n)]
    return torch.tensor(np.array([[scribble(g) for _ in range(COPIES)] for g in glyphs]), dtype=torch.float32).unsqueeze(2)


def episode(pool):
    """Five glyphs at random; within an episode they are numbered from 0 to 4."""
    glyphs = torch.randperm(len(pool))[:WAYS]
    support, query = [], []
    for g in glyphs:
        pick = torch.randperm(COPIES)[:SHOTS + QUERIES]
        support.append(pool[g, pick[:SHOTS]])
        query.append(pool[g, pick[SHOTS:]])
    target = torch.arange(WAYS).repeat_interleave(QUERIES)
    return torch.cat(support), torch.cat(query), target


class Embedder(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        )
        self.project = nn.Linear(32 * 9, dim)

    def forward(self, x):
        return self.project(self.conv(x).flatten(1))


def episode_logits(net, support, query):
    z = net(torch.cat([support, query]))
    prototypes = z[:len(support)].view(WAYS, SHOTS, -1).mean(1)
    return -torch.cdist(z[len(support):], prototypes).pow(2)


@torch.no_grad()
def score(net, pool, episodes):
    net.eval()
    hits = 0.0
    for _ in range(episodes):
        support, query, target = episode(pool)
        hits += (episode_logits(net, support, query).argmax(1) == target).float().mean().item()
    net.train()
    return hits / episodes


known, novel = alphabet(TRAIN_GLYPHS), alphabet(TEST_GLYPHS)
net = Embedder()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=200, gamma=0.5)
running = []
for it in range(1, 501):
    support, query, target = episode(known)
    loss = F.cross_entropy(episode_logits(net, support, query), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    running.append(loss.item())
    if it % 50 == 0:
        print(f"episode {it}: loss {np.mean(running):.4f}  accuracy on novel glyphs {score(net, novel, 15):.4f}")
        running = []

print(f"RESULT novel_glyph_accuracy {score(net, novel, 80):.4f}")

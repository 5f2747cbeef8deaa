"""Implicit geological model: the kind of rock at any point, learned from drill cores."""
import argparse
import logging
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("rockmap")

ROCKS = ["limestone", "shale", "sandstone", "marl"]
SEQUENCE = np.array([0, 2, 1, 3, 0, 2, 3, 1])


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--test-points", type=int, default=2000)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--weight-decay", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    return parser.parse_args()


def cores(n, rng):
    """Points in the unit cube of the concession with the rock that was found there (folded layers)."""
    xyz = rng.uniform(-1, 1, (n, 3))
    depth = xyz[:, 2] + 0.35 * np.sin(2.5 * xyz[:, 0]) + 0.25 * np.cos(3.0 * xyz[:, 1])
    layer = np.floor((depth + 1.6) * 2.5).astype(int).clip(0, len(SEQUENCE) - 1)
    return torch.tensor(xyz, dtype=torch.float32), torch.tensor(SEQUENCE[layer])


class RockNet(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.lift = nn.Linear(3, width)
        self.mid = nn.Linear(width, width)
        self.top = nn.Linear(width, width)
        self.head = nn.Linear(width, classes)

    def forward(self, xyz):
        h = F.relu(self.lift(xyz))
        h = F.relu(self.mid(h))
        h = F.relu(self.top(h))
        return self.head(h)


def make_optimizer(model, args):
    """Weight decay for the body, none for the head."""
    body = [p for name, p in model.named_parameters() if not name.startswith("head")]
    head = [p for name, p in model.named_parameters() if name.startswith("head")]
    log.info("weights: body %d, head %d", sum(p.numel() for p in body), sum(p.numel() for p in head))
    groups = [
        {"params": body, "weight_decay": args.weight_decay},
        {"params": head, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=args.lr)


def accuracy(model, xyz, rock):
    model.eval()
    with torch.no_grad():
        return (model(xyz).argmax(dim=1) == rock).float().mean().item()


def train(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    xyz, rock = cores(args.points, rng)
    xyz_test, rock_test = cores(args.test_points, rng)
    log.info("shares: %s", ", ".join(f"{n} {(rock == k).float().mean():.2f}" for k, n in enumerate(ROCKS)))

    model = RockNet(args.width, len(ROCKS))
    optimizer = make_optimizer(model, args)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)

    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(xyz)).split(args.batch_size):
            loss = F.cross_entropy(model(xyz[idx]), rock[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        if epoch % 8 == 0:
            log.info("epoch %3d  loss %.4f  accuracy %.3f", epoch, total / len(xyz), accuracy(model, xyz_test, rock_test))
    return accuracy(model, xyz_test, rock_test)


if __name__ == "__main__":
    result = train(parse())
    print(f"RESULT test_accuracy {result:.4f}")
